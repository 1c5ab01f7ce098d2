"""Looks at the client file before DuckDB reads it: what it is, how it is written, how many rows it holds.

DuckDB reads the rows (macros/project/load_clients.sql). It is not asked to judge the file, because it was seen to lose
rows without a word: UTF-16 big-endian gives none, `store_rejects` forgets a cell of 50 MB, an opened quotation mark
ends a serial read with no row at all; cp1251 needs an extension from the network; a macro cannot catch an error.
The rows counted here are compared with the rows loaded. Memory stays constant in the size of the file.
"""

import codecs
import csv
import dataclasses
import glob
import gzip
import json
import re
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from bank_segments.errors import RefusedError

DELIMITERS = (",", ";", "\t", "|")
CHUNK_BYTES = 1 << 18
LONGEST_ROW_BYTES = 16_000_000
SEEDS = Path(__file__).resolve().parents[2] / "seeds"

# Before utf-16-le, whose mark starts like that of utf-32-le.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FOREIGN_STARTS = (
    (b"\x1f\x8b", "is compressed with gzip; rename it to end in .csv.gz"),
    (b"PK\x03\x04", "is an Excel workbook or a ZIP archive; save the table as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an Excel workbook; save the table as CSV UTF-8"),
    (b"PAR1", "is Parquet; rename it to end in .parquet"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class ClientFile:
    """What DuckDB needs to know to read the rows; `path` is a UTF-8 copy where the file is written otherwise."""

    path: str
    shown: str
    columns: list[str]
    rows: int
    delimiter: str = ""
    is_gzip: bool = False
    header_lines: int = 0
    is_serial: bool = False
    longest_row_bytes: int = 0


class _NotUtf8Error(Exception):
    """Raised at the first bytes that are not UTF-8; `is_mixed` where Russian text in UTF-8 came before them."""

    def __init__(self, row: int, is_mixed: bool) -> None:
        super().__init__(row)
        self.row = row
        self.is_mixed = is_mixed


@dataclasses.dataclass(slots=True)
class _Rows:
    """Counts the rows of a CSV text that is fed in pieces: lines outside quotes that are not empty."""

    ended: int = 0
    is_inside: bool = False
    is_in_row: bool = False
    has_quoted_breaks: bool = False
    has_lf: bool = False
    has_crlf: bool = False
    row_with_lone_cr: int = 0
    bytes_since_break: int = 0
    longest: int = 0
    head: bytes = b""
    _held_back: bytes = b""

    @property
    def current(self) -> int:
        """The row that is being read, the header being row 1."""
        return self.ended + 1

    @property
    def total(self) -> int:
        """The rows seen, the header included."""
        return self.ended + self.is_in_row

    def feed(self, piece: bytes, is_last: bool = False) -> None:
        """Count the rows that end in `piece`."""
        piece = self._held_back + piece
        # A carriage return at the edge belongs to the line feed that may follow.
        self._held_back = b"\r" if piece.endswith(b"\r") and not is_last else b""
        piece = piece[: len(piece) - len(self._held_back)]
        if len(self.head) < CHUNK_BYTES:
            self.head += piece
        outside = self._outside(piece)
        if b"\r" in outside:
            self.has_crlf = self.has_crlf or b"\r\n" in outside
            lone = re.search(rb"\r(?!\n)", outside)
            if lone and not self.row_with_lone_cr:
                self.row_with_lone_cr = self.current + len(
                    re.findall(rb"[^\r\n][\r\n]", outside[: lone.start()])
                )
            outside = outside.replace(b"\r\n", b"\n")
            self.has_lf = self.has_lf or b"\n" in piece.replace(b"\r\n", b"")
        elif b"\n" in outside:
            self.has_lf = True
        self._count(outside)
        # An upper bound: where in the piece the break stands does not matter for a limit this far off.
        self.bytes_since_break += len(piece)
        self.longest = max(self.longest, self.bytes_since_break)
        if b"\n" in outside or b"\r" in outside:
            self.bytes_since_break = len(piece)

    def _outside(self, piece: bytes) -> bytes:
        """Return `piece` with every quoted part replaced by a letter."""
        if b'"' not in piece:
            self.has_quoted_breaks |= self.is_inside and (b"\n" in piece or b"\r" in piece)
            return b"q" if self.is_inside else piece
        parts = piece.split(b'"')
        outside, inside = (parts[1::2], parts[::2]) if self.is_inside else (parts[::2], parts[1::2])
        self.has_quoted_breaks = self.has_quoted_breaks or any(
            b"\n" in part or b"\r" in part for part in inside
        )
        text = b"q".join(outside)
        if self.is_inside:
            text = b"q" + text
        self.is_inside ^= len(parts) % 2 == 0
        return text + b"q" if self.is_inside else text

    def _count(self, outside: bytes) -> None:
        if not outside:
            return
        starts_with_break = outside[:1] in (b"\n", b"\r")
        if b"\r" in outside or b"\n\n" in outside:
            self.ended += len(re.findall(rb"[^\r\n][\r\n]", outside))
            self.ended += starts_with_break and self.is_in_row
        else:
            self.ended += outside.count(b"\n") - (starts_with_break and not self.is_in_row)
        self.is_in_row = outside[-1:] not in (b"\n", b"\r")


def shown(path: str) -> str:
    """Return `path` as a message may show it: on one line, without control characters."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in path)


def _refusal(path: str, reason: str) -> RefusedError:
    return RefusedError(f"The client file {shown(path.removeprefix('./'))} {reason}.")


def _open(path: str, is_gzip: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if is_gzip else Path(path).open("rb")


def _pieces(path: str, is_gzip: bool) -> Iterator[bytes]:
    try:
        with _open(path, is_gzip) as handle:
            while piece := handle.read(CHUNK_BYTES):
                yield piece
    except EOFError as error:
        raise _refusal(path, "is cut off: its gzip stream ends early; copy or export it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(path, "is damaged: its gzip stream is not valid; copy or export it again") from error


def _check_length(path: str, rows: _Rows) -> None:
    if rows.bytes_since_break <= LONGEST_ROW_BYTES:
        return
    size = LONGEST_ROW_BYTES // 1_000_000
    if rows.is_inside:
        raise _refusal(
            path,
            f"has a quotation mark in row {rows.current} that is not closed within {size} MB; close or remove it",
        )
    raise _refusal(
        path, f"is longer than {size} MB in row {rows.current}; look for missing line breaks there"
    )


def _scan_utf8(path: str, is_gzip: bool) -> _Rows:
    rows = _Rows()
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_letters = False
    undecoded = b""
    for piece in _pieces(path, is_gzip):
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            good = (undecoded + piece)[: error.start]
            rows.feed(good.removeprefix(codecs.BOM_UTF8), is_last=True)
            has_letters |= not good.removeprefix(codecs.BOM_UTF8).isascii()
            raise _NotUtf8Error(rows.current, has_letters) from error
        undecoded = decoder.getstate()[0]
        has_letters = has_letters or not text.isascii()
        rows.feed(piece.removeprefix(codecs.BOM_UTF8) if not rows.head else piece)
        _check_length(path, rows)
    if undecoded:
        raise _NotUtf8Error(rows.current, has_letters)
    rows.feed(b"", is_last=True)
    return rows


def _copy_as_utf8(
    path: str, is_gzip: bool, encoding: str, copy: Path, proofs: tuple[str, ...] = ()
) -> _Rows | None:
    """Write `copy` in UTF-8 with one kind of line break; None where `proofs` are asked for and none is met."""
    rows = _Rows()
    decoder = codecs.getincrementaldecoder(encoding)()
    is_proven = not proofs
    held_back = ""
    with copy.open("xb") as handle:
        copy.chmod(0o600)
        for piece in (*_pieces(path, is_gzip), b""):
            try:
                text = held_back + decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                if proofs:
                    return None
                raise _refusal(
                    path,
                    f"starts as {encoding.upper()} but is broken in row {rows.current}; export it again as UTF-8",
                ) from error
            is_proven = is_proven or any(proof in text for proof in proofs)
            held_back = "\r" if text.endswith("\r") and piece else ""
            text = text.removesuffix(held_back) if held_back else text
            encoded = text.replace("\r\n", "\n").removeprefix("\ufeff" if not rows.head else "").encode()
            handle.write(encoded)
            rows.feed(encoded, is_last=not piece)
            _check_length(path, rows)
    return rows if is_proven else None


def declared_names() -> tuple[str, ...]:
    """Return the declared values long enough that no other encoding spells one by chance, in three letter cases."""
    names = set()
    for seed, column in (("allowed_values.csv", "value"), ("value_synonyms.csv", "raw_value")):
        with (SEEDS / seed).open(encoding="utf-8", newline="") as handle:
            names |= {row[column] for row in csv.DictReader(handle)}
    long_names = [name for name in names if len(name) >= 4 and not name.isascii()]
    return tuple(sorted({spelling for name in long_names for spelling in (name, name.lower(), name.upper())}))


def _read_csv_text(path: str, is_gzip: bool, copy: Path) -> tuple[str, _Rows]:
    """Return the path of a UTF-8 text, `path` itself or `copy`, and its rows."""
    start = next(_pieces(path, is_gzip), b"")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
    if encoding != "utf-8":
        rows = _copy_as_utf8(path, is_gzip, encoding, copy)
        assert rows is not None
        return str(copy), rows
    if b"\0" in start.partition(b"\n")[0]:
        raise _refusal(
            path,
            "has NUL bytes in its first row; if it is UTF-16 without a byte order mark, convert it:"
            " `iconv -f utf-16le -t utf-8`",
        )
    try:
        rows = _scan_utf8(path, is_gzip)
    except _NotUtf8Error as error:
        converted = None if error.is_mixed else _copy_as_utf8(path, is_gzip, "cp1251", copy, declared_names())
        if converted is None:
            raise _refusal(
                path,
                f"is not UTF-8 in row {error.row}, and no other encoding is certain; if it is cp1251, convert it:"
                " `iconv -f cp1251 -t utf-8`",
            ) from error
        return str(copy), converted
    if rows.has_crlf and rows.has_lf and not rows.row_with_lone_cr:
        # DuckDB reads only one kind of line break per file.
        copied = _copy_as_utf8(path, is_gzip, "utf-8", copy)
        assert copied is not None
        return str(copy), copied
    return path, rows


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def check_columns(path: str, columns: list[str], wanted: list[str]) -> None:
    """Raise `RefusedError` unless `columns` name each of `wanted` exactly once, in any letter case."""
    keys = [_key(column) for column in columns]
    missing = [column for column in wanted if _key(column) not in keys]
    if len(missing) == len(wanted):
        # Not shown: without a header, the first row is a client.
        raise _refusal(
            path, f"has no header: its first row names none of the columns {', '.join(wanted)}; add that row"
        )
    if missing:
        found = shown(", ".join(column for column in columns if column))
        found = found if len(found) <= 200 else found[:200] + "..."
        raise _refusal(
            path,
            f"has no column {', '.join(missing)}; its first row must name {', '.join(wanted)}, and it is: {found}",
        )
    repeated = [column for column in wanted if keys.count(_key(column)) > 1]
    if repeated:
        raise _refusal(path, f"has the column {', '.join(repeated)} more than once; leave one of each name")


def _header(path: str, rows: _Rows, wanted: list[str]) -> tuple[str, list[str], int]:
    """Return the delimiter, the column names and the lines up to and including the header."""
    breaks = re.match(rb"[\r\n]*", rows.head)
    assert breaks is not None
    lines_before = len(re.findall(rb"\r\n|\r|\n", breaks.group()))
    line = re.split(rb"[\r\n]", rows.head[breaks.end() :], maxsplit=1)[0].decode("utf-8", "replace")
    if line.count('"') % 2:
        raise _refusal(path, "has a line break inside a column name; the column names must stand on one line")
    keys = {_key(column) for column in wanted}

    def split(delimiter: str) -> list[str]:
        return next(csv.reader([line], delimiter=delimiter), [])

    # Certain, because no name holds a separator: at most one of them finds all the names.
    best = max(DELIMITERS, key=lambda delimiter: len(keys & {_key(name) for name in split(delimiter)}))
    return best, split(best), lines_before + 1


def _look_at_csv(path: str, is_gzip: bool, wanted: list[str], copy: Path) -> ClientFile:
    with Path(path).open("rb") as handle:
        start = handle.read(8)
    if is_gzip and start[:2] != b"\x1f\x8b":
        raise _refusal(path, "is not compressed with gzip; rename it to end in .csv")
    for magic, reason in FOREIGN_STARTS:
        if not is_gzip and start.startswith(magic):
            raise _refusal(path, reason)
    readable, rows = _read_csv_text(path, is_gzip, copy)
    if rows.total == 0:
        raise _refusal(path, f"is empty; its first row must name {', '.join(wanted)}")
    delimiter, columns, header_lines = _header(path, rows, wanted)
    check_columns(path, columns, wanted)
    if rows.is_inside:
        raise _refusal(
            path, f"has a quotation mark in row {rows.current} that is never closed; close or remove it"
        )
    if rows.row_with_lone_cr and (rows.has_lf or rows.has_crlf):
        raise _refusal(
            path,
            f"has a carriage return in the middle of row {rows.row_with_lone_cr}; remove it or put the cell in quotes",
        )
    if rows.total == 1:
        raise _refusal(path, "has a header but no row under it; export it again with the clients")
    return ClientFile(
        path=readable,
        shown=shown(path.removeprefix("./")),
        columns=columns,
        rows=rows.total - 1,
        delimiter=delimiter,
        is_gzip=is_gzip and readable == path,
        header_lines=header_lines,
        is_serial=rows.has_quoted_breaks or rows.longest > 1_000_000,
        longest_row_bytes=max(2_000_000, rows.longest + CHUNK_BYTES),
    )


def _look_at_parquet(path: str, wanted: list[str]) -> ClientFile:
    with duckdb.connect() as connection:
        try:
            columns = [
                str(row[0])
                for row in connection.execute(
                    "describe select * from read_single_parquet_file(?)", [path]
                ).fetchall()
            ]
            counted = connection.execute(
                "select count(*) from read_single_parquet_file(?)", [path]
            ).fetchone()
        except duckdb.Error as error:
            raise _refusal(path, "is not a readable Parquet file; copy or export it again") from error
    check_columns(path, columns, wanted)
    rows = int(counted[0]) if counted else 0
    if rows == 0:
        raise _refusal(path, "has columns but no row; export it again with the clients")
    return ClientFile(path=path, shown=shown(path.removeprefix("./")), columns=columns, rows=rows)


def look(path: str, wanted: list[str], copy: Path) -> ClientFile:
    """Return how to read the file `path`; raises `RefusedError` where that is not certain.

    `copy` is a path that may be created, for a UTF-8 copy.
    """
    kind = path.casefold()
    if not kind.endswith((".csv", ".csv.gz", ".parquet")):
        raise _refusal(
            path,
            "has none of the endings .csv, .csv.gz and .parquet that it may have; export it as one of them",
        )
    # DuckDB would take a leading ~ for the home directory and `s3:` for a store in the network.
    path = path if path.startswith("/") else f"./{path}"
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refusal(path, "is a directory; name the file in it")
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(path, "is not a regular file; copy its content into one")
        if status.st_size == 0:
            raise _refusal(path, f"is empty; its first row must name {', '.join(wanted)}")
        if kind.endswith(".parquet"):
            return _look_at_parquet(path, wanted)
        return _look_at_csv(path, kind.endswith(".gz"), wanted, copy)
    except FileNotFoundError as error:
        raise _refusal(path, "does not exist; check the path given as CLIENTS") from error
    except OSError as error:
        raise _refusal(
            path, f"cannot be read: {error.strerror}; check the path and its permissions"
        ) from error


class Plugin(BasePlugin):
    """Gives SQL the function look_at_client_file(path, wanted columns as JSON) -> JSON."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the function; its UTF-8 copies go when the process ends, those of a killed one with the next."""
        ((database,),) = conn.execute(
            "select path from duckdb_databases() where database_name = current_database()"
        ).fetchall()
        if database:
            # It holds the bank's ids.
            Path(database).chmod(0o600)
        # Beside the warehouse, which holds the same clients and is open in one process at a time.
        warehouse = Path(database or Path(tempfile.gettempdir()) / "memory")
        prefix = f".{warehouse.name}.copies_"
        for leftover in warehouse.parent.glob(f"{glob.escape(prefix)}*") if database else ():
            shutil.rmtree(leftover)
        self.copies = tempfile.TemporaryDirectory(
            prefix=prefix, dir=warehouse.parent, ignore_cleanup_errors=True
        )
        self.looks = 0
        conn.create_function(
            "look_at_client_file", self.look, ["varchar", "varchar"], "varchar", side_effects=True
        )

    def look(self, path: str, wanted: str) -> str:
        """Return the fields of `ClientFile` as JSON, or `refusal` with the sentence to show."""
        self.looks += 1
        try:
            file = look(path, json.loads(wanted), Path(self.copies.name) / f"{self.looks}.csv")
        except RefusedError as refusal:
            return json.dumps({"refusal": str(refusal)})
        return json.dumps(dataclasses.asdict(file))
