"""CSV files with the bank's own ids, for their owner only: rejected rows and campaign lists."""

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path

from bank_segments.database import open_confined

_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?")
# Also behind a separator: a spreadsheet that splits at semicolons or tabs starts a cell there.
_FORMULA = re.compile(r"((?:^|[;,\t\r\n])\s*)(?=[=+\-@|%＝＋－＠])")

# The whole row, as only its owner may read it. Spark hands over what it publishes, where ids are hidden.
_REJECTED_ROWS = {
    "stg_bank__client_rows": "select source_row_number, reasons, source.* exclude (source_row_number, row_fault)"
    " from raw.clients as source inner join staging.stg_bank__client_rows using (source_row_number)"
    " where reasons is not null order by source_row_number",
    "rejected_clients": "from quality.rejected_clients order by source_row_number",
}


def safe_cell(value: object) -> str:
    """The value as text that no spreadsheet takes for a formula: an apostrophe goes before what would start one.

    A plain number stays as it is. See OWASP, CSV Injection.
    """
    text = "" if value is None else str(value)
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


def write_private(
    path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]], encoding: str = "utf-8"
) -> None:
    """Write the rows, readable by their owner only, in one rename and in constant memory."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding=encoding, newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(map(safe_cell, row) for row in rows)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_rejected(warehouse: Path, path: Path) -> None:
    """Write the rejected rows, whole and with their reasons.

    Writes no file where the warehouse was not built as far as that, or no row was rejected. UTF-8 with a byte order
    mark, without which spreadsheets misread Cyrillic.
    """
    if not warehouse.exists():
        return
    with open_confined(bank=warehouse) as connection:
        built = {name for (name,) in connection.execute("select table_name from duckdb_columns()").fetchall()}
        query = next((query for name, query in _REJECTED_ROWS.items() if name in built), None)
        if query and connection.execute(f"from ({query}) limit 1").fetchall():
            result = connection.execute(query)
            columns = [column[0] for column in result.description or ()]
            write_private(path, columns, iter(result.fetchone, None), encoding="utf-8-sig")
