"""Whatever the input: read with the same figures, or its rows rejected with every reason, or refused in a sentence.

Every case is a row of bad_input/cases.csv with a builder of the same name below that writes its file. The loader reads
it and the staging models that dbt compiled judge its rows; dbt itself is asked where its hook or its data tests have
something to say. What became of a file is held to the page of the docs.
"""

# ruff: noqa: D102, D107
# The name of a case says what its builder writes.

import contextlib
import csv
import gzip
import io
import itertools
import os
import random
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spark.build
from bank_segments import warehouse
from bank_segments.database import literal
from bank_segments.errors import RefusedError
from bank_segments.ingest import client_file, csv_text
from bank_segments.report import main
from conftest import ROOT, SAMPLE, DbtInProcess, csv_rows, rows_in
from fault_table import INPUTS, saw, without_folders
from without_dbt import load, stage

Row = list[str]
Figures = dict[int, tuple[Any, ...]]

HEADER = [
    *("userid", "score", "City", "Gender", "Age", "Objects", "Balance"),
    *("Products", "CreditCard", "Loyalty", "estimated_salary", "Churn"),
]
RUSSIAN_HEADER = [
    *("ИД клиента", "Балл", "Город", "Пол", "Возраст", "Объекты", "Остаток"),
    *("Продукты", "Карта", "Лояльность", "Зарплата", "Отток"),
]
BALANCE = HEADER.index("Balance")
MONEY = (BALANCE, HEADER.index("estimated_salary"))
OTHER_ROWS = {"blank", "header", "total", "note"}
# The row that a case spoils: the fifth client, row 6 of the file.
SPOILT = 4
BOOK = {"strings_to_numbers": True, "default_date_format": "dd.mm.yyyy"}
LONG_TEXT = "x" * 10_000_000  # 10 MB
# What is given as SHEET; without it, nothing is.
SHEETS = {"workbook_sheet": "Клиенты", "workbook_no_sheet": "Лист9", "sheet_of_csv": "Клиенты"}


def clean_rows() -> list[Row]:
    """Forty clients of the sample, as text; some have no balance, and all cities occur."""
    columns = ", ".join(f"coalesce(cast({column} as varchar), '')" for column in HEADER)
    with duckdb.connect() as connection:
        rows = connection.execute(f"select {columns} from read_parquet(?) limit 40", [str(SAMPLE)]).fetchall()
    return [list(row) for row in rows]


CLEAN = clean_rows()


def as_csv(rows: list[Row], delimiter: str = ",", newline: str = "\n", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)
    return buffer.getvalue()


class Writer:
    """Writes files of the clients, whole or changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clean = [list(row) for row in CLEAN]

    def write(
        self,
        text: str | list[Row],
        *,
        name: str = "clients.csv",
        encoding: str = "utf-8",
        delimiter: str = ",",
    ) -> Path:
        text = text if isinstance(text, str) else as_csv(text, delimiter)
        return self.raw(text.encode(encoding), name)

    def raw(self, data: bytes, name: str = "clients.csv") -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def parquet(self, columns: str = "*", name: str = "clients.parquet", where: str = "true") -> Path:
        path = self.folder / name
        query = f"select {columns} from (from {literal(str(SAMPLE))} limit 40) where {where}"
        with duckdb.connect() as connection:
            connection.execute(f"copy ({query}) to {literal(str(path))} (format parquet)")
        return path

    @property
    def rows(self) -> list[Row]:
        return [HEADER, *self.clean]

    def with_cells(self, **cells: str) -> list[Row]:
        for column, value in cells.items():
            self.clean[SPOILT][HEADER.index(column)] = value
        return self.rows

    def with_column(self, name: str, values: Callable[[int], str]) -> list[Row]:
        return [[*HEADER, name], *([*row, values(at)] for at, row in enumerate(self.clean))]

    def with_row(self, change: Callable[[Row], Row]) -> list[Row]:
        self.clean[SPOILT] = change(self.clean[SPOILT])
        return self.rows

    def spoilt_line(self, change: Callable[[str], str], rows: tuple[int, ...] = (SPOILT,)) -> str:
        lines = as_csv(self.rows).splitlines()
        for row in rows:
            lines[row + 1] = change(lines[row + 1])
        return "\n".join(lines) + "\n"

    def spoilt_city(self, *rows: int, becomes: str) -> str:
        """The text with a city, of which the pattern has three letters and the rest, changed as it is written."""
        return self.spoilt_line(lambda line: re.sub("([А-я]{3})([А-я ]+)", becomes, line, count=1), rows)

    def beside_another(self, name: str) -> Path:
        """A file whose name, taken for a pattern, is also that of another one."""
        self.raw(b"userid\n1\n", "clients1.csv")
        return self.write(self.rows, name=name)

    @property
    def packed(self) -> bytes:
        return gzip.compress(as_csv(self.rows).encode(), mtime=0)

    def with_money(self, *forms: Any) -> list[Row]:
        """The amounts in some forms in turn, each a format and what is replaced in its result."""
        for at, row in enumerate(self.clean):
            form, replaced = forms[at * 2 % len(forms)], forms[at * 2 % len(forms) + 1]
            for column in MONEY:
                if row[column]:
                    row[column] = form.format(float(row[column])).translate(str.maketrans(replaced))
        return self.rows

    def in_turn(self, column: int, old: str | None, words: list[str]) -> list[Row]:
        """Words in turn in the cells of a column that are `old`, or in all of them."""
        turn = itertools.cycle(words)
        for row in self.clean:
            if old is None or row[column] == old:
                row[column] = next(turn)
        return self.rows

    def workbook(self, rows: list[list[Any]], *, before: str = "") -> Path:
        """Write rows to a sheet, the numbers as numbers, behind another sheet if that has a name."""
        path = self.folder / "clients.xlsx"
        with xlsxwriter.Workbook(path, BOOK) as book:
            if before:
                book.add_worksheet(before).write(0, 0, "Выгрузка")
            page = book.add_worksheet("Клиенты")
            for at, row in enumerate(rows):
                page.write_row(at, 0, row)
        return path

    def zipped(self, *names: str, encoding: str = "utf-8") -> Path:
        """Pack the clients under each of the names."""
        path = self.folder / "clients.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, as_csv(self.rows).encode(encoding))
            archive.writestr("__MACOSX/._clients.csv", "left by the Finder")
        return path

    def parts(self, **queries: str) -> Path:
        """Write a folder of Parquet parts, one file for each query by its name."""
        path = self.folder / "clients [export]"
        path.mkdir()
        (path / "_SUCCESS").touch()
        with duckdb.connect() as connection:
            connection.execute(f"create view clients as from '{SAMPLE}' limit 40")
            for name, query in queries.items():
                connection.execute(f"copy ({query}) to '{path}/{name}.parquet' (format parquet)")
        return path


def flag_words(c: Writer) -> Path:
    for name in ("CreditCard", "Loyalty", "Churn"):
        c.in_turn(HEADER.index(name), "1", ["да", "Yes", "TRUE", "Y"])
        c.in_turn(HEADER.index(name), "0", ["нет", "no", "False", "n"])
    return c.write(c.rows)


def cp1251_excel(c: Writer) -> Path:
    c.with_money("{:.2f}", {".": ","})
    text = as_csv(c.with_column("Примечание", lambda at: f"«клиент» — №{at}"), ";", "\r\n")
    return c.write(text, encoding="cp1251", delimiter=";")


def mixed_breaks(c: Writer) -> Path:
    lines = as_csv(c.rows).splitlines()
    return c.write("".join(line + ("\r\n" if at % 3 else "\n") for at, line in enumerate(lines)))


def path_tilde(c: Writer) -> Path:
    # Relative to the project, as on a command line.
    return Path(os.path.relpath(c.write(c.rows, name="~clients.csv"), ROOT))


def path_parquet_glob(c: Writer) -> Path:
    c.parquet("userid", name="clients1.parquet")
    return c.parquet(name="clients*.parquet")


def row_without_balance(c: Writer) -> Path:
    rows = [[*row[:BALANCE], *row[BALANCE + 1 :], row[BALANCE]] for row in c.rows]
    del rows[SPOILT + 1][-1]
    return c.write(rows)


def short_and_long(c: Writer) -> Path:
    rows = c.with_column("note", lambda at: f"{at}\n\n{at}")
    rows[5], rows[9], rows[7] = ["1"], ["1"], [*rows[7], "x"]
    return c.write(rows)


def nul_bytes(c: Writer) -> Path:
    c.clean[0][2], c.clean[1][4] = "Рыб\0инск", "4\0"
    return c.write(c.rows)


def workbook_merged_titles(c: Writer) -> Path:
    path = c.folder / "clients.xlsx"
    with xlsxwriter.Workbook(path, BOOK) as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 0, 5, "Клиенты банка")
        page.merge_range(1, 0, 1, 3, "Кто")
        page.merge_range(1, 4, 1, 11, "Что у него есть")
        # A format alone makes no row.
        page.write_blank(500, 3, None, book.add_format({"bold": True}))
        for at, row in enumerate(c.rows):
            page.write_row(at + 2, 0, row)
    return path


def workbook_dates(c: Writer) -> Path:
    rows: list[list[Any]] = [list(row) for row in c.rows]
    rows[SPOILT + 1][BALANCE] = date(2026, 11, 1)
    return c.workbook(rows)


def zip_password(c: Writer) -> Path:
    content = bytearray(c.zipped("clients.csv").read_bytes())
    # The flag in the list of members, which is all that is read before a password is asked for.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return c.raw(bytes(content), "clients.zip")


def parts_by_city(c: Writer) -> Path:
    path = c.parts()
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from '{SAMPLE}' limit 40) to '{path}' (format parquet, partition_by (City), overwrite_or_ignore)"
        )
    return path


def parts_with_csv(c: Writer, of: int = 1) -> Path:
    path = c.parts(**{f"part_{number}": "from clients" for number in range(of)})
    c.write(c.rows).rename(path / "clients.csv")
    return path


def pipe_file(c: Writer) -> Path:
    path = c.folder / "clients.csv"
    os.mkfifo(path)
    return path


CASES: dict[str, Callable[[Writer], Path]] = {
    **{
        build.__name__: build
        for build in (
            *(flag_words, cp1251_excel, mixed_breaks, path_tilde, path_parquet_glob, row_without_balance),
            *(short_and_long, nul_bytes, workbook_merged_titles, workbook_dates, zip_password),
            *(parts_by_city, parts_with_csv, pipe_file),
        )
    },
    "clean_csv": lambda c: c.write(c.rows),
    "clean_gz": lambda c: c.raw(c.packed, "clients.csv.gz"),
    "clean_parquet": lambda c: c.parquet(),
    "upper_suffix": lambda c: c.write(c.rows, name="CLIENTS.CSV"),
    "byte_order_mark": lambda c: c.write(c.rows, encoding="utf-8-sig"),
    "utf16_le": lambda c: c.write("\ufeff" + as_csv(c.rows), encoding="utf-16-le"),
    "utf16_be": lambda c: c.write("\ufeff" + as_csv(c.rows), encoding="utf-16-be"),
    "utf16_gz": lambda c: c.raw(gzip.compress(as_csv(c.rows, "\t").encode("utf-16")), "clients.csv.gz"),
    "utf32": lambda c: c.write(c.rows, encoding="utf-32"),
    "cp1251": lambda c: c.write(c.rows, encoding="cp1251"),
    "semicolon": lambda c: c.write(c.rows, delimiter=";"),
    "tab": lambda c: c.write(c.rows, delimiter="\t"),
    "pipe": lambda c: c.write(c.rows, delimiter="|"),
    "decimal_comma": lambda c: c.write(c.with_money("{:.2f}", {".": ","}), delimiter=";"),
    "decimal_comma_quoted": lambda c: c.write(c.with_money("{:.2f}", {".": ","})),
    "crlf": lambda c: c.write(as_csv(c.rows, newline="\r\n")),
    "cr": lambda c: c.write(as_csv(c.rows, newline="\r")),
    "excel_breaks": lambda c: c.write(
        as_csv(c.with_column("note", lambda at: f"line {at}\nand another"), newline="\r\n")
    ),
    "no_last_break": lambda c: c.write(as_csv(c.rows).rstrip("\n")),
    "blank_lines": lambda c: c.write("\n\n" + as_csv(c.rows).replace("\n", "\n\n", 7)),
    "all_quoted": lambda c: c.write(as_csv(c.rows, quoting=csv.QUOTE_ALL)),
    "quoted_newlines": lambda c: c.write(c.with_column("note", lambda at: f'a "b", c\n\nd {at}\n' if at % 3 else "")),
    "extra_columns": lambda c: c.write(
        [["", *HEADER, "Филиал"], *([str(at), *row, "x"] for at, row in enumerate(c.clean))]
    ),
    "trailing_separator": lambda c: c.write([HEADER, *([*row, ""] for row in c.clean)]),
    "other_order": lambda c: c.write([list(reversed(row)) for row in c.rows]),
    "balance_last": lambda c: c.write([[*row[:BALANCE], *row[BALANCE + 1 :], row[BALANCE]] for row in c.rows]),
    "upper_case_header": lambda c: c.write([[name.upper() for name in HEADER], *c.clean]),
    "spaced_header": lambda c: c.write([[f" {name}\u00a0" for name in HEADER], *c.clean]),
    "id_outer_spaces": lambda c: c.write(c.with_cells(userid=f"  {c.clean[SPOILT][0]}\u00a0")),
    "parquet_text": lambda c: c.parquet("cast(columns(*) as varchar)"),
    "parquet_decimal": lambda c: c.parquet(
        "* replace (cast(Balance as decimal(18, 4)) as Balance, cast(userid as decimal(20, 2)) as userid)"
    ),
    "parquet_float": lambda c: c.parquet("* replace (cast(Age as double) as Age, cast(userid as double) as userid)"),
    "parquet_boolean": lambda c: c.parquet(
        "* replace (cast(Churn as boolean) as Churn, cast(Loyalty as boolean) as Loyalty)"
    ),
    "parquet_bytes": lambda c: c.parquet("* replace (encode(City) as City, encode(Gender) as Gender)"),
    "path_quote_space": lambda c: c.write(c.rows, name='клиенты o\'neill "x"; drop table y --.csv'),
    "path_newline": lambda c: c.write(c.rows, name="two\nlines.csv"),
    "path_gz_glob": lambda c: c.raw(c.packed, "what's?.csv.gz"),
    "city_with_newline": lambda c: c.write(
        [HEADER, *([*row[:2], row[2].replace(" ", "\n"), *row[3:]] for row in c.clean)]
    ),
    "path_glob": lambda c: c.beside_another("clients*.csv"),
    "path_bracket": lambda c: c.beside_another("clients[1].csv"),
    "duplicate_row": lambda c: c.write([*c.rows, c.clean[SPOILT]]),
    "row_too_short": lambda c: c.write(c.with_row(lambda row: row[:3])),
    "row_too_long": lambda c: c.write(c.with_row(lambda row: [*row, "9", "9"])),
    "row_far_too_long": lambda c: c.write(c.with_row(lambda row: row + ["9"] * 28)),
    "quote_in_cell": lambda c: c.write(c.spoilt_city(SPOILT, becomes=r'"\1"\2')),
    "unpaired_quotes": lambda c: c.write(c.spoilt_city(SPOILT, SPOILT + 9, becomes=r'\1\2"')),
    "mixed_encodings": lambda c: c.raw(as_csv(c.rows[:30]).encode() + as_csv(c.rows[30:]).encode("cp1251")),
    "cp1251_unproven": lambda c: c.write(c.in_turn(2, None, ["Москва"]), encoding="cp1251"),
    "all_rejected": lambda c: c.write(c.in_turn(2, None, ["Москва"])),
    "cut_gz": lambda c: c.raw(c.packed[:99], "clients.csv.gz"),
    "damaged_gz": lambda c: c.raw(c.packed[:-6] + bytes([c.packed[-6] ^ 0xFF]) + c.packed[-5:], "clients.csv.gz"),
    "cut_parquet": lambda c: c.raw(c.parquet().read_bytes()[:999], "clients.parquet"),
    "unreadable": lambda c: c.write(c.rows),
    "text_in_number": lambda c: c.write(c.with_cells(score="шестьсот")),
    "nan": lambda c: c.write(c.with_cells(estimated_salary="NaN")),
    "infinity": lambda c: c.write(c.with_cells(estimated_salary="inf")),
    "overflow": lambda c: c.write(c.with_cells(estimated_salary="1e400")),
    "negative_age": lambda c: c.write(c.with_cells(Age="-42")),
    "half_age": lambda c: c.write(c.with_cells(Age="17.5")),
    "txt_suffix": lambda c: c.write(c.rows, name="clients.txt"),
    "tsv_suffix": lambda c: c.write(c.rows, name="clients.tsv", delimiter="\t"),
    "no_break_groups": lambda c: c.write(c.with_money("{:,.2f}", {",": "\u00a0", ".": ","}), delimiter=";"),
    "comma_groups": lambda c: c.write(c.with_money("{:,.2f}", {})),
    "point_groups": lambda c: c.write(c.with_money("{:,.2f}", {",": ".", ".": ","})),
    "apostrophe_groups": lambda c: c.write(c.with_money("{:,.2f}", {",": "'"}, "{:,.2f}", {",": "’"})),
    "currencies": lambda c: c.write(
        c.with_money(
            *("€{:.2f}", {}, "{:,.2f} руб", {",": " ", ".": ","}),
            *("$ {:.2f}", {}, "{:.2f} ₽", {".": ","}),
        )
    ),
    "no_value_words": lambda c: c.write(
        c.in_turn(BALANCE, "", ["NULL", "NaN", "None", "-", "—", "н/д", "нет данных", "#N/A"])
    ),
    "title_above": lambda c: c.write(f"Отчёт: клиенты, активные\nДата: 01.11.2026\n\n{as_csv(c.rows)}"),
    "sep_line": lambda c: c.write("sep=;\r\n" + as_csv(c.rows, ";", "\r\n"), delimiter=";"),
    "two_byte_order_marks": lambda c: c.write("\ufeff" + as_csv(c.rows), encoding="utf-8-sig"),
    "lookalike_header": lambda c: c.write(as_csv(c.rows).replace("CreditCard", "CreditСard").replace("Age", "Аge")),
    "russian_header": lambda c: c.write([RUSSIAN_HEADER, *c.clean]),
    "repeated_header": lambda c: c.write(as_csv([*c.rows[:20]]) + "\ufeff" + as_csv([HEADER, *c.rows[20:], HEADER])),
    "totals_row": lambda c: c.write([*c.rows, ["", "", "Итого:", *[""] * 7, "12345678.90", "9"]]),
    "no_client_rows": lambda c: c.write([HEADER, ["Итого", *["0"] * 11]]),
    "blank_rows": lambda c: c.write([*c.rows[:9], [""] * 12, *c.rows[9:], ["-"] * 12]),
    "sql_footer": lambda c: c.write(
        as_csv(c.rows) + "\n(40 rows affected)\n40 rows selected.\nCompletion time: 12:00, 2 s\n"
    ),
    "ctrl_z": lambda c: c.write(as_csv(c.rows) + "\x1a"),
    "cut_off_row": lambda c: c.write([*c.rows[:-1], c.rows[-1][:1]]),
    "two_ways": lambda c: c.write([HEADER, *c.in_turn(BALANCE, None, ["1,234", "0,5", "0.5"])[1:]]),
    "unknown_city": lambda c: c.write(c.with_cells(City="Москва")),
    "unknown_gender": lambda c: c.write(c.with_cells(Gender="Д")),
    "missing_value": lambda c: c.write(c.with_cells(Products="")),
    "every_reason": lambda c: c.write(c.with_cells(Age="1000", Balance="много", City="Москва", Churn=" ")),
    "id_inner_space": lambda c: c.write(c.with_cells(userid="90 000 005")),
    "duplicate_id": lambda c: c.write(c.with_cells(userid=c.clean[0][0])),
    "cell_10_mb": lambda c: c.write(c.with_cells(City=LONG_TEXT)),
    "cell_10_mb_quoted": lambda c: c.write(c.with_cells(City=("я" * 99 + "\n") * 50_000)),
    "parquet_nan": lambda c: c.parquet(
        "* replace (coalesce(Balance, 'nan'::double) as Balance,"
        " case userid when 90000002 then 'inf'::double else estimated_salary end as estimated_salary)"
    ),
    "empty": lambda c: c.raw(b""),
    "blank": lambda c: c.raw(b"\r\n\n\n"),
    "header_only": lambda c: c.write([HEADER]),
    "header_only_parquet": lambda c: c.parquet(where="false"),
    "no_header": lambda c: c.write(c.clean),
    "missing_column": lambda c: c.write([[*row[:4], *row[5:]] for row in c.rows]),
    "renamed_column": lambda c: c.write([[name.replace("estimated", "estimatd") for name in HEADER], *c.clean]),
    "repeated_column": lambda c: c.write([[*row, row[4]] for row in c.rows]),
    "repeated_column_case": lambda c: c.write(c.with_column("AGE", str)),
    "header_break": lambda c: c.write(c.with_column("a\nnote", str)),
    "missing_column_parquet": lambda c: c.parquet("* exclude (Churn)"),
    "koi8_r": lambda c: c.write(c.rows, encoding="koi8-r"),
    "cp866": lambda c: c.write(c.in_turn(2, None, ["Шуя"]), encoding="cp866"),
    "utf16_no_mark": lambda c: c.write(c.rows, encoding="utf-16-le"),
    "utf16_cut": lambda c: c.raw(as_csv(c.rows).encode("utf-16")[:-1]),
    "cut_gz_end": lambda c: c.raw(c.packed[:-4], "clients.csv.gz"),
    "csv_named_gz": lambda c: c.write(c.rows, name="clients.csv.gz"),
    "gz_named_csv": lambda c: c.raw(c.packed),
    "workbook_named_csv": lambda c: c.raw(b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256))),
    "parquet_named_csv": lambda c: c.parquet(name="clients.csv"),
    "csv_named_parquet": lambda c: c.write(c.rows, name="clients.parquet"),
    "open_quote": lambda c: c.write(c.spoilt_line(lambda line: line.replace(",", ',"', 2).replace('"', "", 1))),
    "row_20_mb": lambda c: c.write(c.with_cells(City=LONG_TEXT * 2)),
    "quotes_around_break": lambda c: c.write(c.spoilt_line(lambda line: f'{line[:1]}"\r"{line[1:]}')),
    "lone_cr": lambda c: c.write(c.spoilt_line(lambda line: line.replace(",", ",\r", 1))),
    "missing": lambda c: c.folder / "clients.csv",
    "workbook": lambda c: c.workbook(c.rows),
    "workbook_title": lambda c: c.workbook([["Выгрузка", date(2026, 11, 1)], [], *c.rows]),
    "workbook_sheet": lambda c: c.workbook(c.rows, before="Титул"),
    "workbook_cover": lambda c: c.workbook(c.rows, before="Титул"),
    "workbook_no_sheet": lambda c: c.workbook(c.rows),
    "workbook_cut": lambda c: c.raw(c.workbook(c.rows).read_bytes()[:-99], "clients.xlsx"),
    "workbook_macros": lambda c: c.raw(b"PK\x03\x04", "clients.xlsm"),
    "workbook_password": lambda c: c.raw(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "clients.xlsx"),
    "zip": lambda c: c.zipped("выгрузка/clients.csv"),
    "zip_utf16": lambda c: c.zipped("utf-8.csv", encoding="utf-16"),
    "zip_two": lambda c: c.zipped("january.csv", "february.csv"),
    "zip_no_table": lambda c: c.zipped("clients.doc"),
    "zip_cut": lambda c: c.raw(c.zipped("clients.csv").read_bytes()[:-9], "clients.zip"),
    "zstd": lambda c: c.raw(zstd.compress(as_csv(c.rows).encode()), "clients.csv.zst"),
    "zstd_cut": lambda c: c.raw(zstd.compress(as_csv(c.rows).encode())[:-9], "clients.csv.zst"),
    "zstd_named_csv": lambda c: c.raw(zstd.compress(as_csv(c.rows).encode())),
    "sheet_of_csv": lambda c: c.write(c.rows),
    "parts": lambda c: c.parts(one="from clients limit 9", two="from clients offset 9"),
    "parts_other_order": lambda c: c.parts(
        one="from clients limit 9", two="select Churn, * exclude (Churn) from clients offset 9"
    ),
    "parts_unlike": lambda c: c.parts(one="from clients limit 9", two="select * exclude (Churn) from clients"),
    "parts_none": lambda c: parts_with_csv(c, of=0),
    "wrong_suffix": lambda c: c.write(c.rows, name="clients.doc"),
    "remote": lambda c: Path("s3://bucket/clients.csv"),
}


@dataclass
class Seen:
    """What became of a file: the refusal, or the clients accepted and the reasons per rejected row."""

    refusal: str = ""
    read: int = 0
    accepted: Figures | None = None
    rejected: list[str] = field(default_factory=list)
    undecided: bool = False
    notes: list[tuple[str, int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The rows under the first of the file: clients, and what is none."""
        return self.read + sum(rows for kind, rows in self.notes if kind in OTHER_ROWS | {"above_header"})


# Cases of dbt's hook: a sheet, notes of both kinds, and a refusal before anything is read.
BY_DBT = {"clean_csv", "workbook_sheet", "title_above", "totals_row", "missing"}
STAGING = ("--select", "+stg_bank__client_rows", "+reading_notes")


class Project(DbtInProcess):
    """Reads one file after another into a warehouse that has the registers."""

    def __init__(self, folder: Path, manifest: Any) -> None:
        super().__init__(folder, manifest)
        self.options += ["--log-level-file", "debug"]
        assert self.run("seed", clients=SAMPLE) == self.run("run", *STAGING, clients=SAMPLE) == ""

    def read(self, clients: Path, sheet: str = "") -> Seen:
        """By the loader and the compiled models; by dbt where these have no answer."""
        try:
            seen = self.read_by_loader(clients, sheet)
        except RefusedError as refusal:
            return Seen(refusal=str(refusal))
        except duckdb.InvalidInputException:
            seen = Seen()
        return seen if seen.accepted and not seen.undecided else self.read_by_dbt(clients, sheet)

    def read_by_loader(self, clients: Path, sheet: str = "") -> Seen:
        """Nothing seen where rows that were counted did not come; raises what the loader raises."""
        file = client_file.look(str(clients), sheet, HEADER, self.build.directory)
        with duckdb.connect(str(self.build.warehouse)) as connection:
            if not load(connection, file):
                return Seen()
            stage(connection, self.build.warehouse)
        return self._rows()

    def read_by_dbt(self, clients: Path, sheet: str = "") -> Seen:
        with duckdb.connect(str(self.build.warehouse)) as connection:
            # Into a warehouse of its own, as far as the load can tell.
            connection.execute("drop table if exists raw.loaded_file")
        # With the model's data tests only where no row is left: they take longer than the model.
        result = self.invoke("run", *STAGING, clients=clients, sheet=sheet)
        if result.success:
            seen = self._rows()
            if seen.accepted and not seen.undecided:
                return seen
            refuses = ("test_name:numbers_read_in_one_way", "test_name:some_rows_accepted")
            result = self.invoke("test", "--select", *refuses, clients=clients)
            assert not result.success
        return Seen(refusal=str(warehouse.refusal(result, clients, self.build)))

    def _rows(self) -> Seen:
        with duckdb.connect(str(self.build.warehouse), read_only=True) as connection:

            def asked(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query).fetchall()

            rows = asked(
                "select client_id, credit_score, city, gender, age, owned_objects, balance, product_count,"
                " has_credit_card, is_loyal, estimated_salary, is_churned, reasons"
                " from staging.stg_bank__client_rows order by source_row_number"
            )
            seen = Seen(
                undecided=bool(asked("from staging.stg_bank__number_notations where decimal_mark is null")),
                notes=asked("select reading, sum(file_rows)::int from quality.reading_notes group by all order by all"),
                read=len(rows),
                accepted={row[0]: row[:-1] for row in rows if row[-1] is None},
                rejected=[row[-1] for row in rows if row[-1] is not None],
            )
            counted = asked("select count(*), min(source_row_number), max(source_row_number) from raw.clients")
        loaded = len(rows) + sum(rows for kind, rows in seen.notes if kind in OTHER_ROWS)
        assert counted == [(loaded, 1, loaded)]
        return seen


@pytest.fixture(scope="module")
def project(manifest: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with contextlib.chdir(ROOT):
        yield Project(tmp_path_factory.mktemp("bad_input"), manifest)


@pytest.fixture(scope="module")
def figures(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """The accepted clients of the clean file, by id."""
    path = CASES["clean_csv"](Writer(tmp_path_factory.mktemp("clean")))
    accepted = project.read_by_dbt(path).accepted
    assert accepted is not None
    assert len(accepted) == len(CLEAN)
    assert {row[2] for row in accepted.values()} == {"Ярославль", "Рыбинск", "Ростов Великий"}
    return accepted


def read_as_nobody(path: Path) -> Seen:
    """Look at the file as a user without rights, which root is only when it plays one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(shutil.copy(path, folder))
        copy.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            client_file.look(str(copy), "", HEADER, Path(folder))
        except RefusedError as refusal:
            return Seen(refusal=without_folders(str(refusal), folder))
        finally:
            os.seteuid(user)
    return Seen()


EXPECTED = csv_rows(INPUTS)


@pytest.mark.parametrize("case", EXPECTED, ids=[case["case"] for case in EXPECTED])
def test_input_ends_as_declared(case: dict[str, str], project: Project, figures: Figures, tmp_path: Path) -> None:
    name = case["case"]
    path = CASES[name](Writer(tmp_path))
    if name == "unreadable":
        seen = read_as_nobody(path)
    else:
        read = project.read_by_dbt if name in BY_DBT else project.read
        seen = read(path, SHEETS.get(name, ""))
    if case["outcome"] == "refused":
        assert seen.refusal.startswith("The client file ")
        assert case["says"] in seen.refusal
        assert path.name in seen.refusal
        assert_is_one_sentence(seen.refusal)
        # Clients' ids and money belong in no message.
        assert not [row for row in CLEAN if row[0] in seen.refusal or row[-2] in seen.refusal]
        refusal = without_folders(seen.refusal, tmp_path, project.build.directory)
        saw("inputs", name, f"отказ / refused: “{refusal}”")
        return
    assert seen.refusal == ""
    assert seen.accepted is not None
    assert " ".join(kind for kind, _ in seen.notes) == case["noted"]
    assert (len(seen.accepted), len(seen.rejected)) == (int(case["accepted"]), int(case["rejected"]))
    assert len(seen.accepted) + len(seen.rejected) == seen.read
    assert seen.accepted.items() <= figures.items()
    is_same = seen.accepted == figures
    assert is_same or case["outcome"] != "same"
    assert set(seen.rejected) == set(filter(None, case["says"].split("|")))
    counts = f"принято / accepted {len(seen.accepted)}, отклонено / rejected {len(seen.rejected)}"
    ends = ": " + "; ".join(dict.fromkeys(seen.rejected))
    if not seen.rejected:
        ends = ", те же цифры / the same figures" if is_same else ""
    saw("inputs", name, counts + ends + "".join(f"; {kind} {rows}" for kind, rows in seen.notes))


def assert_is_one_sentence(text: str) -> None:
    assert text.isprintable()
    assert text.endswith(".")
    assert ". " not in text.replace("...", "")
    assert len(text) < 700
    assert not re.search(r"Traceback|Error|Set By User|store_rejects|null_padding|strict_mode", text)


def test_every_builder_has_its_case() -> None:
    assert set(CASES) == {case["case"] for case in EXPECTED}


def test_no_log_shows_a_cell_of_a_refused_file(project: Project, tmp_path: Path) -> None:
    for case in ("quote_in_cell", "row_far_too_long", "unpaired_quotes"):
        assert project.read(CASES[case](Writer(tmp_path))).refusal
    log = (project.build.directory / "dbt.log").read_text(encoding="utf-8")
    assert CLEAN[SPOILT][0] not in log
    assert CLEAN[SPOILT][10] not in log


def test_a_report_on_rows_that_are_all_rejected_tells_why_and_publishes_nothing(
    project: Project, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole run but for dbt, which refuses the file in the warehouse of the other cases, and for its workers."""
    monkeypatch.setattr("bank_segments.report.workers", lambda *_: contextlib.nullcontext())

    def build_models(clients: Path, build: warehouse.Build, _: object) -> None:
        refusal = project.read(clients).refusal
        shutil.copy(project.build.warehouse, build.warehouse)
        raise RefusedError(refusal)

    path = CASES["all_rejected"](Writer(elsewhere))
    assert main(["--clients", str(path)], build_models) == 1
    said = capsys.readouterr().err
    assert said.startswith("make report: The client file ")
    assert said.count("\n") == 1
    assert "40 rows read" in said
    kept = csv_rows(elsewhere / "target/report/rejected_rows.csv")
    rows = [(row["userid"], row["City"], row["reasons"]) for row in kept]
    assert rows == [(row[0], "Москва", "City is unknown") for row in CLEAN]
    assert list((elsewhere / "published").iterdir()) == []


def test_all_rows_rejected_on_spark_names_no_file_that_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What dbt prints comes from a stand-in: Spark's tables, and with them the rows, end with a build."""
    monkeypatch.setattr(spark.build, "SPARK_DBT", tmp_path / "dbt")
    said = "The client file gave no client: all 40 rows read were rejected; look up the reasons in a table."
    spark.build.SPARK_DBT.write_text(f"#!/bin/sh\necho '  [USER_RAISED] {said}'\nexit 1\n", encoding="utf-8")
    spark.build.SPARK_DBT.chmod(0o755)
    with pytest.raises(RefusedError) as refused:
        spark.build.build_on_spark(Path("my file.csv"), tmp_path / "target")
    assert str(refused.value) == (
        "The client file my file.csv gave no client: all 40 rows read were rejected;"
        " make report on DuckDB writes out the reasons of every row."
    )


# --- properties -----------------------------------------------------------------------------------------------------

GARBLED = ("Москва", "ж", "а\nб", 'a"b', "a,b;c", "\0", "😀")
GARBAGE = st.one_of(
    st.sampled_from([*("", " ", "NaN", "-1", "1e400", "17.5", "1,5", "1,234", "0x1F", "٣"), *GARBLED]),
    # A carriage return would end the row: csv.writer leaves it unquoted.
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8),
)
PROPERTY = settings(
    derandomize=True, deadline=None, max_examples=40, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[list[Row], set[int]]:
    """The clients after cells were spoilt, rows doubled, cut or lengthened and all shuffled; ids of whole ones."""
    rows = [list(row) for row in CLEAN]
    touched: set[str] = set()
    kinds = st.sampled_from(["spoil", "empty", "double", "id of another", "shorten", "lengthen"])
    for _ in range(draw(st.integers(0, 12))):
        row = rows[draw(st.integers(0, len(rows) - 1))]
        touched.add(row[0])
        kind, at = draw(kinds), draw(st.integers(1, len(HEADER) - 1))
        if kind == "double":
            rows.append(row := list(row))
            kind = draw(st.sampled_from(["spoil", ""]))
        if kind == "id of another":
            row[0] = draw(st.sampled_from(rows))[0]
            touched.add(row[0])
        elif kind == "shorten":
            del row[at:]
        elif kind == "lengthen":
            row.extend(draw(st.lists(GARBAGE, min_size=1, max_size=3)))
        elif kind and at < len(row):
            row[at] = "" if kind == "empty" else draw(GARBAGE)
    for row in rows:
        if row[0] not in touched:
            row[2:4] = [draw(st.sampled_from([cell, cell.upper(), cell.lower(), f" {cell} "])) for cell in row[2:4]]
    random.Random(draw(st.integers(0, 99))).shuffle(rows)
    return rows, {int(row[0]) for row in rows if row[0] not in touched}


@PROPERTY
@given(
    mutation=mutations(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    chunk_bytes=st.integers(600, 700) | st.just(csv_text.CHUNK_BYTES),
)
def test_each_row_of_a_well_formed_file_is_read_and_whole_ones_are_accepted(
    project: Project,
    figures: Figures,
    mutation: tuple[list[Row], set[int]],
    delimiter: str,
    newline: str,
    encoding: str,
    quoting: int,
    chunk_bytes: int,
) -> None:
    rows, whole = mutation
    text = as_csv([HEADER, *rows], delimiter, newline, quoting)
    counted = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_text, "CHUNK_BYTES", chunk_bytes)
        path = Path(folder) / "clients.csv"
        path.write_bytes(text.encode(encoding))
        seen = project.read_by_loader(path)
    raw = rows_in(project.build.warehouse, "from raw.clients order by source_row_number")
    for read, expected in zip(raw, counted, strict=True):
        cells, fault = read[1:13], read[13]
        has_right_length = len(expected) >= 12 and not any(expected[12:])
        assert (fault is None) == has_right_length
        if has_right_length and encoding in ("utf-8", "utf-8-sig"):
            assert [cell or "" for cell in cells] == expected[:12]
    assert seen.accepted is not None
    assert len(seen.accepted) + len(seen.rejected) == seen.read
    assert all(seen.rejected)
    if not seen.undecided:
        assert {number: seen.accepted.get(number) for number in whole} == {number: figures[number] for number in whole}


@PROPERTY
@given(
    cuts=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40)), max_size=3),
    inserts=st.lists(
        st.tuples(
            st.integers(0, 3000),
            st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"\n", b",", b"\r\n", b'""'])),
        ),
        max_size=4,
    ),
)
def test_a_damaged_file_is_refused_or_read_with_every_row_counted(
    project: Project, cuts: list[tuple[int, int]], inserts: list[tuple[int, bytes]]
) -> None:
    data = as_csv([HEADER, *CLEAN]).encode()
    for at, length in cuts:
        data = data[:at] + data[at + length :]
    for at, piece in inserts:
        data = data[:at] + piece + data[at:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clients.csv"
        path.write_bytes(data)
        try:
            seen = project.read_by_loader(path)
        except RefusedError:
            return
        except duckdb.InvalidInputException as error:
            if warehouse.own_words(str(error), "The client file", "") is None:
                raise
            return
    if seen.accepted is not None:
        text = data.decode("utf-8-sig")
        assert seen.rows == sum(1 for row in csv.reader(io.StringIO(text, newline="")) if row) - 1
