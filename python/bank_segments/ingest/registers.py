"""Checks the registers before a run by the tests that their YAML declares: faster than dbt, and with the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from bank_segments import BANK, ROOT, register_file
from bank_segments.database import literal
from bank_segments.errors import shown

# What a test asks for, and the condition of a row that breaks it; {column} is the test's own, the rest its arguments.
_CHECKS = {
    "not_null": ("must not be empty", "{column} is null"),
    "unique": (
        "stands twice",
        "{column} is not null and count(*) over (partition by {column}) > 1",
    ),
    "accepted_values": ("must be one of {values}", "{column} not in ({literals})"),
    "relationships": (
        "must be a {field} of {to}",
        "{column} not in (select {field} from {to} where {field} is not null)",
    ),
    "unique_key": (
        "must be given, and no two rows may share them",
        "count(*) over (partition by {columns}) > 1 or {are_null}",
    ),
    "is_interval": (
        "must be in order, from 0 to {maximum}",
        "not ({low} between 0 and {estimate} and {high} between {estimate} and {maximum})",
    ),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One test of a register: what it is about, what that must be, and the condition of a row that is not."""

    subject: str
    demand: str
    is_broken: str
    where: str


def declared(register: Mapping[str, Any]) -> Iterator[Check]:
    """The tests of one register's YAML that are checked here; those of tests/singular are dbt's alone."""
    for test in register.get("data_tests", []):
        yield _check(test, "")
    for column in register["columns"]:
        for test in column.get("data_tests", []):
            yield _check(test, column["name"])


def _check(test: str | Mapping[str, Any], column: str) -> Check:
    ((name, settings),) = test.items() if isinstance(test, Mapping) else [(test, {})]
    arguments = dict(settings.get("arguments", {}))
    values = [
        str(value).lower() if isinstance(value, bool) else value for value in arguments.get("values", [])
    ]
    values = [BANK if "env_var('BANK'" in value else value for value in values]
    columns = arguments.get("columns", [])
    about = {
        **arguments,
        "column": column,
        "values": ", ".join(values),
        "literals": ", ".join(map(literal, values)),
        "to": re.sub(r"ref\('(\w+)'\)", r"\1", arguments.get("to", "")),
        "columns": ", ".join(columns),
        "are_null": " or ".join(f"{each} is null" for each in columns),
    }
    demand, is_broken = _CHECKS[name]
    subject = column or about["columns"] or "{low}, {estimate}, {high}".format(**arguments)
    where = settings.get("config", {}).get("where", "true")
    return Check(subject, demand.format(**about), is_broken.format(**about), where)


def register_fault(project: Path = ROOT) -> str | None:
    """What is wrong with the first register that breaks a test of its YAML, with its line; None where none does."""
    declarations = [*project.glob("seeds/registers/*.yml"), *project.glob("seeds/shared/*.yml")]
    registers = {
        register["name"]: register
        for path in sorted(declarations)
        for register in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["seeds"]
    }
    with duckdb.connect() as connection:
        for name, register in registers.items():
            path = register_file(name, project)
            if fault := _unreadable(connection, path, register):
                return fault
        for name, register in registers.items():
            for check in declared(register):
                broken = connection.execute(
                    f"select min(line) filter (where is_broken)"
                    f" from (select line, {check.is_broken} as is_broken from {name} where {check.where})"
                ).fetchall()[0][0]
                if broken:
                    return f"{shown(register_file(name, project))}, line {broken}: {check.subject} {check.demand}."
    return None


def _unreadable(connection: duckdb.DuckDBPyConnection, path: Path, register: Mapping[str, Any]) -> str | None:
    """Load a register with the types of its columns; returns why that cannot be done."""
    if not path.exists():
        return f"The register {shown(path)} is missing; every bank has one, if only its header."
    types = register["config"]["column_types"]
    connection.execute(
        "create or replace table texts as select row_number() over () + 1 as line, *"
        f" from read_csv({literal(str(path))}, header = true, all_varchar = true)"
    )
    if sorted(connection.table("texts").columns) != sorted(["line", *types]):
        return f"{shown(path)}, line 1: the columns must be {', '.join(types)}."
    impossible = " union all ".join(
        f"select line, '{column}', '{type_name}', {column} from texts where try_cast({column} as {type_name}) is null"
        f" and {column} is not null"
        for column, type_name in types.items()
    )
    if broken := connection.execute(f"{impossible} order by line limit 1").fetchone():
        line, column, type_name, cell = broken
        return f"{shown(path)}, line {line}: {column} must be a {type_name}, not {shown(cell)}."
    cast = ", ".join(f"cast({column} as {type_name}) as {column}" for column, type_name in types.items())
    connection.execute(f"create table {register['name']} as select line, {cast} from texts")
    return None
