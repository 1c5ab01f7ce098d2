"""What is written with the bank's ids is for its owner alone, and nothing in it runs in a spreadsheet."""

import os
import stat
from pathlib import Path

import duckdb
import pytest

from bank_segments.release.private_csv import safe_cell, write_private, write_rejected

CELLS = {
    "=1+1": "'=1+1",
    "=cmd()": "'=cmd()",
    "-5": "-5",
    "+7.5e3": "+7.5e3",
    "@SUM(A1)": "'@SUM(A1)",
    "a;=b": "a;'=b",
    "  =c": "  '=c",
    "\t=d": "\t'=d",
    "line\n=e": "line\n'=e",
    'say "hi"': 'say "hi"',
    "-5+cmd|x": "'-5+cmd|x",
    "Ж": "Ж",
    None: "",
}


@pytest.mark.parametrize("cell", CELLS)
def test_no_cell_is_a_formula(cell: str | None) -> None:
    assert safe_cell(cell) == CELLS[cell]


def test_rejected_rows_are_written_whole_for_the_owner_only(tmp_path: Path) -> None:
    warehouse, path = tmp_path / "bank.duckdb", tmp_path / "log/rejected.csv"
    write_rejected(warehouse, path)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema raw; create schema staging; create table raw.clients"
            ' (source_row_number bigint, userid varchar, "City" varchar, row_fault varchar, row_text varchar);'
            " create table staging.stg_bank__client_rows (source_row_number bigint, reasons varchar)"
        )
    write_rejected(warehouse, path)
    assert not path.parent.exists()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into raw.clients values (1, '=7', 'Ж', null, '7;=1'), (2, '8', 'Ж', null, '8');"
            " insert into staging.stg_bank__client_rows values (1, 'City is unknown'), (2, null)"
        )
    old_mask = os.umask(0)
    try:
        write_rejected(warehouse, path)
        write_rejected(warehouse, path)
    finally:
        os.umask(old_mask)
    # Without a byte order mark spreadsheets misread Cyrillic.
    assert path.read_bytes().decode("utf-8") == (
        "\ufeffsource_row_number,reasons,userid,City,row_text\n1,City is unknown,'=7,Ж,7;'=1\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_could_not_be_written_leaves_the_earlier_one_and_no_ids_beside_it(tmp_path: Path) -> None:
    class FullDisk:
        def __str__(self) -> str:
            raise OSError("No space left on device")

    path = tmp_path / "lists/segment_1.csv"
    write_private(path, ["client_id"], [[1], [2]])
    with pytest.raises(OSError, match="No space left"):
        write_private(path, ["client_id"], [[3], [FullDisk()]])
    assert [file.read_text(encoding="utf-8") for file in path.parent.iterdir()] == ["client_id\n1\n2\n"]
