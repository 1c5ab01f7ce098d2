"""Refuses, in one sentence and before the run, registers that break a test of their YAML or contradict each other."""

import csv
import glob
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml
from babel.numbers import list_currencies

from bank_segments import BANK, ROOT, known_banks
from bank_segments.database import literal, run_file
from bank_segments.errors import shown
from bank_segments.ingest.contracts import contracts

# A test as YAML has it: its name, or with arguments.
Declared = str | Mapping[str, Any]

# As dbt reads a seed: what DuckDB would find out about a file depends on its cells, and on its folder's name.
_CSV = """
    read_csv(
        {}, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', hive_partitioning = false
    )
"""

# What a test of the YAML asks for, and the condition of a row that breaks it; {column} is the test's own, the rest its
# arguments.
_TESTS = {
    "not_null": ("must not be empty", "{column} is null"),
    "unique": ("stands twice", "{column} is not null and count(*) over (partition by {column}) > 1"),
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


@cache
def own_refusal() -> str | None:
    """Why there can be no report of the bank of this process, looked into once, by the report and by dbt's hook."""
    return refusal(BANK)


def refusal(bank: str) -> str | None:
    """Why there can be no report of a bank, with register, line and column; None where nothing is wrong."""
    folder = ROOT / "seeds/banks" / bank
    if bank not in known_banks():
        return f"There is no bank {shown(bank)} in seeds/banks; known are {', '.join(known_banks())}."
    if not (folder / "contracts.yml").exists():
        return _missing(folder / "contracts.yml")
    if doubt := _doubt(folder / "proposal.md"):
        return f"{doubt} Answer it in the register and delete that line."
    registers, files = dict[str, Any](), dict[str, Path]()
    for kind, place in (("registers", folder), ("shared", ROOT / "seeds/shared")):
        for path in sorted(ROOT.glob(f"seeds/{kind}/*.yml")):
            for register in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["seeds"]:
                registers[register["name"]] = register
                files[register["name"]] = place / f"{register['name']}.csv"
    with duckdb.connect() as connection:
        for name, register in registers.items():
            if reason := _unreadable(connection, files[name], register):
                return reason
        connection.execute("create table currencies as select unnest(?)", [sorted(list_currencies())])
        every_bank = _CSV.format(literal(f"{glob.escape(str(ROOT))}/seeds/banks/*/columns.csv"))
        connection.execute(f"create table columns_of_all_banks as select column_name from {every_bank}")
        run_file(connection, Path(__file__).with_name("contradictions.sql"))
        if found := connection.execute(
            "from contradictions order by register <> 'columns', register, line limit 1"
        ).fetchone():
            name, column, line, what = found
            return _told(files[name], line, column, what)
        for name, register in registers.items():
            for test, column in _declared(register):
                if found := _broken(connection, name, test, column, bank):
                    line, subject, demand = found
                    return _told(files[name], line, subject, demand)
    if (folder / "contracts.yml").read_text(encoding="utf-8") != contracts(bank):
        return (
            f"{_name(folder / 'contracts.yml')} is not what the registers say; run: BANK={bank} PYTHONPATH=python"
            " .venv/bin/python -m bank_segments.ingest.contracts."
        )
    return None


def _declared(register: Mapping[str, Any]) -> Iterator[tuple[Declared, str]]:
    """The tests that the YAML of a register declares, each with its column, if it is of one."""
    yield from ((test, "") for test in register.get("data_tests", []))
    for column in register["columns"]:
        yield from ((test, column["name"]) for test in column.get("data_tests", []))


def _broken(
    connection: duckdb.DuckDBPyConnection, register: str, test: Declared, column: str, bank: str
) -> tuple[int, str, str] | None:
    """The first line that breaks a test, what the test is about and what it asks for."""
    ((name, settings),) = test.items() if isinstance(test, Mapping) else [(test, {})]
    arguments = settings.get("arguments", {})
    values = [
        bank if "env_var('BANK'" in str(value) else str(value).lower() if isinstance(value, bool) else value
        for value in arguments.get("values", [])
    ]
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
    demand, is_broken = (text.format(**about) for text in _TESTS[name])
    where = settings.get("config", {}).get("where", "true")
    ((line,),) = connection.execute(
        f"select min(line) filter (where is_broken) from (select line, {is_broken} as is_broken from {register}"
        f" where {where})"
    ).fetchall()
    subject = column or about["columns"] or "{low}, {estimate}, {high}".format(**arguments)
    return (line, subject, demand) if line else None


def _unreadable(connection: duckdb.DuckDBPyConnection, path: Path, register: Mapping[str, Any]) -> str | None:
    """Load a register with the types of its columns; returns why that cannot be done."""
    if not path.exists():
        return _missing(path)
    types = register["config"]["column_types"]
    if reason := _misshapen(path):
        return reason
    connection.execute(
        "create or replace table texts as select row_number() over () + 1 as line, *"
        f" from {_CSV.format(literal(glob.escape(str(path))))}"
    )
    if sorted(connection.table("texts").columns) != sorted(["line", *types]):
        return f"{_name(path)}, line 1: the columns must be {', '.join(types)}."
    impossible = " union all ".join(
        f"select line, '{column}', '{type_name}', {column} from texts where try_cast({column} as {type_name}) is null"
        f" and {column} is not null"
        for column, type_name in types.items()
    )
    if broken := connection.execute(f"{impossible} order by line limit 1").fetchone():
        line, column, type_name, cell = broken
        return _told(path, line, column, f"must be a {type_name}, not {shown(cell)}")
    cast = ", ".join(f"cast({column} as {type_name}) as {column}" for column, type_name in types.items())
    connection.execute(f"create table {register['name']} as select line, {cast} from texts")
    return None


def _misshapen(path: Path) -> str | None:
    """Why a file is no table: text in another encoding, an open quote, a line with a cell too many or too few."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            width = len(next(lines, []))
            for line in lines:
                if line and len(line) != width:
                    return f"{_name(path)}, line {lines.line_num}: has {len(line)} cells, the header has {width}."
        except csv.Error as error:
            return f"{_name(path)}, line {lines.line_num}: {error}; see its quotation marks."
        except UnicodeDecodeError:
            return f"{_name(path)} is not in UTF-8; save it as CSV in UTF-8."
    return None


def _doubt(page: Path) -> str | None:
    """The first question of a proposal that nobody has answered, behind its place."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.exists() else []
    asked = (f"{_name(page)}, line {at}: {text}" for at, text in enumerate(lines, 1) if text.startswith("TODO: "))
    return next(asked, None)


def _missing(path: Path) -> str:
    return f"{_name(path)} is missing: every bank has that register; take the one of another bank as a start."


def _told(path: Path, line: int, column: str, what: str) -> str:
    return f"{_name(path)}, line {line}, column {column}: {what}."


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
