"""Writes the contracts of the models whose columns are the bank's own, from its registers.

`BANK=<bank> python -m bank_segments.ingest.contracts` writes `contracts.yml` into the bank's folder.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bank_segments import BANK, ROOT, register_file, register_rows

TYPES = {
    "integer": "bigint",
    "money": "decimal(18,2)",
    "number": "decimal(18,4)",
    "category": "string",
    "flag": "boolean",
}
# The suffix of an exact sum, and how many of its units make one unit of the column.
SUMS = {"integer": ("total", 1), "money": ("kopecks_total", 100), "number": ("ten_thousandths_total", 10000)}
RAW = (
    "; текст из файла, в rejected_clients длинные числа скрыты",
    "; text from the file, rejected_clients hides long numbers",
)
BAND = (": группа по границам из bands.csv", ": band by bands.csv")
SUM = (": сумма в целых единицах", ": the sum in whole units")
SHARED = (ROOT / "models/shared_columns.md").read_text(encoding="utf-8")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a contract; of a sum, `of` is the column added up and `units` how many make one of its units."""

    name: str
    type: str
    description: str
    may_be_missing: bool = False
    of: str = ""
    units: int = 1


def described(name: str, row: Row, more: tuple[str, str] = ("", "")) -> str:
    """A description as YAML: the block that models of all banks share where there is one, else the register's words."""
    own = f"{row['description_ru']}{more[0]}. / {row['description_en']}{more[1]}."
    text = f"{{{{ doc('column_{name}') }}}}" if f"docs column_{name} %}}" in SHARED else own
    return json.dumps(text, ensure_ascii=False)


def column_of(row: Row) -> Column:
    """The column of a row of columns.csv, typed."""
    name = row["column_name"]
    return Column(name, TYPES[row["kind"]], described(name, row), row["is_required"] == "false")


def raw_column_of(row: Row) -> Column:
    """The column of the file, as text."""
    raw, name = row["raw_column"], row["column_name"]
    return Column(raw, "string", described(raw, row, RAW) if raw != name else described(name, row))


def sum_of(row: Row) -> Column:
    """The column that holds the exact sum of a number."""
    suffix, units = SUMS[row["kind"]]
    name = f"{row['column_name']}_{suffix}"
    return Column(name, "bigint", described(name, row, SUM), of=row["column_name"], units=units)


def attributes_of(columns: Iterable[Row], banded: set[str]) -> Iterator[Column]:
    """What is known of a client, as the macro `client_attributes` has it."""
    for row in columns:
        column = column_of(row)
        if column.name == "client_id":
            continue
        yield column
        if column.name in banded:
            band = f"{column.name}_band"
            yield Column(band, "string", described(band, row, BAND), column.may_be_missing)
        if row["kind"] in SUMS and column.may_be_missing:
            whether = {
                "description_ru": f"Есть ли значение {column.name}",
                "description_en": f"Whether there is a value of {column.name}",
            }
            yield Column(f"has_{column.name}", "boolean", described(f"has_{column.name}", whether))


def key_of(columns: Iterable[Column], segment_ids: str = "segment_ids") -> str:
    """What identifies a group of clients, as YAML; a level that may be missing is text in it."""
    names = [f"coalesce({each.name}, '')" if each.may_be_missing else each.name for each in columns]
    return json.dumps([*names, segment_ids, "is_churned"])


def contracts(bank: str = BANK) -> str:
    """The text of a bank's `contracts.yml`."""
    columns = [row for row in register_rows("columns", bank) if row["role"] != "ignored"]
    attributes = list(attributes_of(columns, {row["column_name"] for row in register_rows("bands", bank)}))
    known = {column.name: column for column in attributes}
    traits = sorted(register_rows("traits", bank), key=lambda row: int(row["sort_order"]))
    numbers = {row["trait"] for row in traits if row["kind"] == "number"}
    # Jinja's own marks are dbt's, and stay in the text.
    environment = Environment("<%", "%>", "<<", ">>", "<#", "#>", undefined=StrictUndefined, keep_trailing_newline=True)
    environment.loader = FileSystemLoader(Path(__file__).parent)
    return environment.get_template("contracts.yml.j2").render(
        id_columns=[row["column_name"] for row in columns if row["is_in_id"] == "true"],
        raw=[raw_column_of(row) for row in columns],
        columns=[column_of(row) for row in columns],
        attributes=attributes,
        categories=[known[row["trait"]] for row in traits if row["kind"] == "category"],
        dimensions=[known[row["trait"]] for row in traits if row["is_on_dashboard"] == "true"],
        drivers=[known[row["trait"]] for row in traits if row["is_driver"] == "true"],
        totals=[sum_of(row) for row in columns if row["column_name"] in numbers],
        key_of=key_of,
    )


if __name__ == "__main__":
    register_file("columns").with_name("contracts.yml").write_text(contracts(), encoding="utf-8")
