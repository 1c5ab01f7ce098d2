"""Refuses, in one sentence and before the run, registers that break a test of their YAML or contradict each other."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from babel.numbers import list_currencies

from bank_segments import BANK, ROOT, known_banks
from bank_segments.database import literal
from bank_segments.errors import shown
from bank_segments.ingest.contracts import contracts

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

_TWO_MEANINGS = """
create table two_meanings as
with codes as (
    select 'allowed_values' as register, line, column_name, value as code, value from allowed_values
    union all
    select 'value_synonyms', line, column_name, raw_value, value from value_synonyms
)
select
    register,
    codes.line,
    code || ' of ' || column_name || ' means '
    || if(kind = 'flag', 'both yes and no', first(value) over same_code || ' and ' || value) || '; leave one' as told
from codes
left join columns using (column_name)
window same_code as (partition by column_name, lower(code) order by register, codes.line)
qualify value <> first(value) over same_code
"""

# What no test of one register sees: a register, a column of it, and a query of the line and what is wrong there.
_CONTRADICTIONS = (
    (
        "columns",
        "role",
        """
        select line, 'a second column has the role ' || role || '; give it another, such as trait'
        from columns
        where role in ('id', 'outcome', 'product_count', 'split')
        qualify row_number() over (partition by role order by line) > 1
        """,
    ),
    (
        "columns",
        "role",
        """
        select 1 as line, 'no column has the role ' || role || '; every bank has one'
        from (values ('id'), ('outcome')) as needed (role)
        where role not in (select role from columns)
        """,
    ),
    (
        "traits",
        "kind",
        """
        select 1 as line, 'no trait has the kind category; the reports need one'
        where 'category' not in (select kind from traits)
        """,
    ),
    (
        "columns",
        "column_name",
        """
        select line, 'the ' || role || ' is called ' || name || ' at every bank, not ' || column_name
        from columns
        inner join (values ('id', 'client_id'), ('outcome', 'is_churned'), ('product_count', 'product_count'))
            as fixed (role, name) using (role)
        where column_name <> name
        """,
    ),
    (
        "columns",
        "kind",
        "select line, 'a column that is loaded must have a kind' from columns where role <> 'ignored' and kind is null",
    ),
    ("allowed_values", "value", "select line, told from two_meanings where register = 'allowed_values'"),
    ("value_synonyms", "raw_value", "select line, told from two_meanings where register = 'value_synonyms'"),
    (
        "bands",
        "lower_bound",
        """
        select
            line,
            'the band from ' || coalesce(cast(lower_bound as varchar), 'below') || ' of ' || column_name
            || ' does not begin where the last ends'
        from bands
        window up as (partition by column_name order by line)
        qualify
            (lower_bound is distinct from lag(upper_bound) over up and row_number() over up > 1)
            or lower_bound >= upper_bound
        """,
    ),
    (
        "bank",
        "currency",
        "select line, currency || ' is no currency of ISO 4217' from bank where currency not in (from currencies)",
    ),
    *(
        (
            register,
            column,
            "select line, 'no bank has a column ' || {column} || '; columns.csv names those there are'"
            " from {register} where {column} not in (from known_columns)",
        )
        for register, column in (
            ("segment_rules", "column_name"),
            ("hypotheses", "metric_column"),
            ("hypotheses", "group_column"),
        )
    ),
    *(
        (
            register,
            column,
            "select line, 'columns.csv has no ' || {column} || '; correct the name'"
            " from {register} where {column} not in (from own_columns)",
        )
        for register, column in (
            ("traits", "trait"),
            ("bands", "column_name"),
            ("allowed_values", "column_name"),
            ("value_synonyms", "column_name"),
            ("population_rules", "column_name"),
        )
    ),
)

# What the bank's registers can name, and those lines that are not applicable where another bank has the column.
_NAMES = """
create table own_columns as
select column_name from columns where role <> 'ignored'
union
select 'has_' || column_name from columns where kind in ('integer', 'money', 'number') and not is_required
union
select column_name || '_band' from bands;

create table known_columns as
select unnest([column_name, 'has_' || column_name]) from {} where column_name is not null
union
from own_columns
"""


def refusal(bank: str = BANK) -> str | None:
    """Why there can be no report of a bank, with register, line and column; None where nothing is wrong."""
    folder = ROOT / "seeds/banks" / bank
    if bank not in known_banks():
        return f"There is no bank {shown(bank)} in seeds/banks; known are {', '.join(known_banks())}."
    if not (folder / "contracts.yml").exists():
        return _missing(folder / "contracts.yml")
    if doubt := next(_doubts(folder / "proposal.md"), None):
        return (
            f"{_name(folder / 'proposal.md')}, line {doubt} Answer it in the register and delete that line."
        )
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
        connection.execute(_TWO_MEANINGS)
        connection.execute("create table currencies as select unnest(?)", [sorted(list_currencies())])
        every_bank = literal(f"{glob.escape(str(ROOT))}/seeds/banks/*/columns.csv")
        connection.execute(_NAMES.format(_CSV.format(every_bank)))
        for name, column, query in _CONTRADICTIONS:
            query = query.format(register=name, column=column)
            if found := connection.execute(f"{query} order by line limit 1").fetchone():
                return _told(files[name], found[0], column, found[1])
        for name, register in registers.items():
            for test in declared(register, bank):
                broken = connection.execute(
                    "select min(line) filter (where is_broken)"
                    f" from (select line, {test.is_broken} as is_broken from {name} where {test.where})"
                ).fetchall()[0][0]
                if broken:
                    return _told(files[name], broken, test.subject, test.demand)
    if (folder / "contracts.yml").read_text(encoding="utf-8") != contracts(bank):
        return (
            f"{_name(folder / 'contracts.yml')} is not what the registers say; run: BANK={bank} PYTHONPATH=python"
            " .venv/bin/python -m bank_segments.ingest.contracts."
        )
    return None


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a register: what it is about, what that must be, and the condition of a row that is not."""

    subject: str
    demand: str
    is_broken: str
    where: str


def declared(register: Mapping[str, Any], bank: str) -> Iterator[Test]:
    """The tests that the YAML of one register declares."""
    for test in register.get("data_tests", []):
        yield _test(test, "", bank)
    for column in register["columns"]:
        for test in column.get("data_tests", []):
            yield _test(test, column["name"], bank)


def _test(test: str | Mapping[str, Any], column: str, bank: str) -> Test:
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
    demand, is_broken = _TESTS[name]
    subject = column or about["columns"] or "{low}, {estimate}, {high}".format(**arguments)
    where = settings.get("config", {}).get("where", "true")
    return Test(subject, demand.format(**about), is_broken.format(**about), where)


def _unreadable(connection: duckdb.DuckDBPyConnection, path: Path, register: Mapping[str, Any]) -> str | None:
    """Load a register with the types of its columns; returns why that cannot be done."""
    if not path.exists():
        return _missing(path)
    types = register["config"]["column_types"]
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


def _doubts(page: Path) -> Iterator[str]:
    """The questions of a proposal that nobody has answered, behind their lines."""
    if page.exists():
        for line, text in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            if text.startswith("TODO: "):
                yield f"{line}: {text}"


def _missing(path: Path) -> str:
    return f"{_name(path)} is missing: every bank has that register; take the one of another bank as a start."


def _told(path: Path, line: int, column: str, what: str) -> str:
    return f"{_name(path)}, line {line}, column {column}: {what}."


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
