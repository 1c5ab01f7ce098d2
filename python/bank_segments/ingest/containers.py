"""Opens what a table comes packed in: a workbook, an archive, a folder of Parquet parts."""

import csv
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bank_segments.errors import shown
from bank_segments.ingest.header import UnfitError

TABLE_ENDINGS = (".csv", ".csv.gz", ".csv.zst", ".txt", ".tsv", ".parquet", ".xlsx")
OTHER_WORKBOOKS = (".xls", ".xlsm", ".xlsb", ".ods")
# The last row that Excel has: a longer table was cut off there.
MOST_SHEET_ROWS = 1_048_576


Row = list[Any]


@dataclass(frozen=True, slots=True)
class Note:
    """Something about how the file was read that the quality report says: what, about what, in how many rows."""

    reading: str
    subject: str
    file_rows: int


@dataclass(frozen=True, slots=True)
class Table:
    """A file that holds one table, or the Parquet parts of one, and what a workbook knows beside its cells.

    `dates` has the last row, from 1, of each column with dates, and `sheets` the names of the other sheets.
    """

    parts: list[Path]
    notes: list[Note] = field(default_factory=list)
    dates: dict[int, int] = field(default_factory=dict)
    sheets: list[str] = field(default_factory=list)

    @property
    def advice(self) -> str:
        """What else could be read, for the end of a refusal."""
        others = ", ".join(map(shown, self.sheets))
        return f", or name another of its sheets as SHEET: {others}" if others else ""

    @property
    def path(self) -> Path:
        """The only part of a table that is no folder."""
        return self.parts[0]

    def refuse_dates(self, columns: Iterable[tuple[str, int]], header_line: int) -> None:
        """Raise `UnfitError` where one of `columns`, by name and place, has a date under the header."""
        for name, place in columns:
            if (row := self.dates.get(place, 0)) > header_line:
                raise UnfitError(
                    f"has a date in its column {name}, row {row}, where no date belongs; format those cells as"
                    " numbers, or take their values from the source again"
                )


def open_table(path: Path, sheet: str, folder: Path) -> Table:
    """Return the table in `path`, unpacked into `folder` where DuckDB cannot read it; raises `UnfitError`."""
    kind = path.name.casefold()
    if sheet and not kind.endswith((".xlsx", ".zip")):
        raise UnfitError(f"is no workbook and has no sheet {shown(sheet)}; leave SHEET out")
    if path.is_dir():
        return Table(_parquet_parts(path))
    if kind.endswith(".zip"):
        return open_table(_only_member(path, folder), sheet, folder)
    if kind.endswith(".xlsx"):
        return _sheet_as_csv(path, sheet, folder / "sheet.csv")
    if kind.endswith(OTHER_WORKBOOKS):
        raise UnfitError("is a workbook of a kind that is not read; save it as .xlsx, without macros")
    if not kind.endswith(TABLE_ENDINGS):
        raise UnfitError(
            f"has none of the endings {', '.join(TABLE_ENDINGS)} and .zip that it may have; export it as one of them"
        )
    return Table([path])


def _is_hidden(path: Path) -> bool:
    """Whether a name is one that programs leave beside the data: .crc, _SUCCESS, __MACOSX."""
    return any(part.startswith((".", "_")) for part in path.parts)


def _parquet_parts(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    others = [path for path in files if path.suffix.casefold() != ".parquet"]
    if others == files:
        raise UnfitError("is a folder without a Parquet part; name the file in it")
    if others:
        raise UnfitError(
            f"is a folder that holds {shown(others[0].relative_to(folder))} beside Parquet parts; name the file in it,"
            " or leave only the parts of one table there"
        )
    return files


def _only_member(path: Path, folder: Path) -> Path:
    """Unpack the only table of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member for member in archive.infolist() if not member.is_dir() and not _is_hidden(Path(member.filename))
            ]
            if len(members) != 1:
                names = ", ".join(shown(member.filename) for member in members[:5])
                raise UnfitError(f"holds {len(members)} files, not one table{names and ': '}{names}; pack one alone")
            (member,) = members
            if member.flag_bits & 1:
                raise UnfitError("has a password; pack it without one")
            if not member.filename.casefold().endswith(TABLE_ENDINGS):
                raise UnfitError(
                    f"holds {shown(member.filename)}, which is no table; it may end in {', '.join(TABLE_ENDINGS)}"
                )
            # By its own name, wherever the archive would put it, and apart from the copies that are made of it.
            member.filename = Path(member.filename).name
            return Path(archive.extract(member, folder / "unpacked"))
    except (zipfile.BadZipFile, EOFError) as error:
        raise UnfitError("is damaged or no ZIP archive; copy or export it again") from error
    except NotImplementedError as error:  # what zipfile raises of a compression that it does not know
        raise UnfitError("is packed in a way that is not read; pack it as an ordinary ZIP archive") from error


def _cell(value: object) -> str:
    """A cell as a CSV file has it: numbers with the 15 digits that Excel keeps, dates as ISO."""
    if isinstance(value, float):
        return f"{Decimal(f'{value:.15g}'):f}"
    return str(value)


def _joined(rows: Iterator[Row], others: Iterator[Row], sheet: str) -> Iterator[Row]:
    """The rows of a sheet, each with what another says under the first header of both; raises `UnfitError`."""
    header, names = next(rows, []), next(others, [])
    shared = [name for name in header if name in names]
    if not shared:
        raise UnfitError(f"has no column that stands in its sheet {shown(sheet)}, too; name one sheet alone")
    of_client, new = shared[0], [place for place, name in enumerate(names) if name not in shared]
    told, found = dict[object, Row](), set[object]()
    for cells in others:
        further = [cells[place] for place in new]
        if told.setdefault(cells[names.index(of_client)], further) != further:
            raise UnfitError(f"has rows of one {shown(of_client)} that differ in its sheet {shown(sheet)}; leave one")
    yield [*header, *(names[place] for place in new)]
    for cells in rows:
        found.add(cells[header.index(of_client)])
        yield [*cells, *told.get(cells[header.index(of_client)], [""] * len(new))]
    if told.keys() - found:
        raise UnfitError(f"has {len(told.keys() - found)} clients in its sheet {shown(sheet)} alone; add their rows")


def _sheet_as_csv(path: Path, sheet: str, copy: Path) -> Table:
    # Imported here: only workbooks need it.
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    with path.open("rb") as handle:
        if handle.read(4) == b"\xd0\xcf\x11\xe0":
            raise UnfitError("has a password, or is a workbook of Excel 97; save it as .xlsx without a password")
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            names = [
                each.name
                for each in workbook.sheets_metadata
                if each.typ == SheetTypeEnum.WorkSheet and each.visible == SheetVisibleEnum.Visible
            ]
            chosen = [sheet or names[0]] if sheet in ("", *names) else sheet.split("+")
            if unknown := [name for name in chosen if name not in names]:
                raise UnfitError(f"has no sheet {shown(unknown[0])}; its sheets are {', '.join(map(shown, names))}")
            read, *further = map(workbook.get_sheet_by_name, chosen)
            if read.total_height >= MOST_SHEET_ROWS:
                raise UnfitError(
                    f"is filled to the last of Excel's {MOST_SHEET_ROWS:,} rows, so that clients may be missing; export"
                    " the table as CSV or Parquet"
                )
            dates, rows = {}, read.iter_rows()
            for name, other in zip(chosen[1:], further, strict=True):
                rows = _joined(rows, other.iter_rows(), name)
            with copy.open("w", encoding="utf-8", newline="") as handle:
                writer = csv.writer(handle, lineterminator="\n")
                for number, cells in enumerate(rows, start=(read.start or (0, 0))[0] + 1):
                    writer.writerow(map(_cell, cells))
                    for place, value in enumerate(cells):
                        if isinstance(value, date | time | timedelta):
                            dates[place] = number
    except CalamineError as error:
        raise UnfitError("is no readable .xlsx workbook; open it in Excel and save it again") from error
    others = [name for name in names if name not in chosen]
    notes = [Note("sheet", "+".join(chosen), read.total_height)] if len(names) > 1 else []
    return Table([copy], notes, dates, others)
