"""The text of a CSV file: its encoding, its rows counted, and a copy in UTF-8 where DuckDB could not read it."""

import codecs
import contextlib
import gzip
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import chain
from pathlib import Path

from bank_segments import register_rows
from bank_segments.ingest.header import UnfitError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES = 1 << 18
LONGEST_ROW_BYTES = 16_000_000
# Before utf-16-le, whose mark starts like that of utf-32-le.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress a text that DuckDB reads, too."""

    name: str
    magic: bytes
    open: Callable[[Path], BufferedIOBase]


COMPRESSIONS = {
    ".gz": Compression("gzip", b"\x1f\x8b", gzip.GzipFile),
    ".zst": Compression("zstd", b"\x28\xb5\x2f\xfd", zstd.ZstdFile),
}


@dataclass(slots=True)
class Rows:
    """Counts the rows of a CSV text that is fed in pieces: lines outside quotes that are not empty.

    No piece ends in a carriage return whose line feed is still to come.
    """

    total: int = 0
    is_inside: bool = False
    is_in_row: bool = False
    has_quoted_breaks: bool = False
    has_lf: bool = False
    has_crlf: bool = False
    has_letters: bool = False
    row_with_lone_cr: int = 0
    bytes_since_break: int = 0
    longest: int = 0
    head: bytes = b""
    has_proof: bool = False

    @property
    def current(self) -> int:
        """The row that is being read, the header being row 1."""
        return self.total + (not self.is_in_row)

    def feed(self, piece: bytes) -> None:
        """Count the rows that begin in `piece`."""
        if not piece:
            return
        if len(self.head) < CHUNK_BYTES:
            self.head += piece
        parts = piece.split(b'"')
        # Every quoted part is a letter for what follows.
        started_inside = self.is_inside
        outside = b"q" * started_inside + b"q".join(parts[started_inside::2])
        self.has_quoted_breaks |= any(b"\n" in part or b"\r" in part for part in parts[not started_inside :: 2])
        self.is_inside ^= len(parts) % 2 == 0
        outside += b"q" * self.is_inside

        lone_cr = re.search(rb"\r(?!\n)", outside) if b"\r" in outside else None
        if lone_cr and not self.row_with_lone_cr:
            self.row_with_lone_cr = self.total + self._begun(outside[: lone_cr.start()])
        self.has_crlf |= b"\r\n" in outside
        self.has_lf |= b"\n" in (piece.replace(b"\r\n", b"") if b"\r" in piece else piece)
        self.has_letters |= not piece.isascii()
        self.total += self._begun(outside)
        self.is_in_row = outside[-1:] not in (b"\n", b"\r")
        # An upper bound: where in the piece the break stands does not matter for a limit this far off.
        self.bytes_since_break += len(piece)
        self.longest = max(self.longest, self.bytes_since_break)
        if b"\n" in outside or b"\r" in outside:
            self.bytes_since_break = len(piece)

    def _begun(self, outside: bytes) -> int:
        lines = sum(map(bool, outside.splitlines()))
        return lines - (self.is_in_row and outside[:1] not in (b"", b"\n", b"\r"))


class _UndecodableError(Exception):
    """Raised at the first bytes that are not in the encoding; `rows` has counted what comes before them."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows.current)
        self.rows = rows


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        packed = COMPRESSIONS.get(path.suffix.casefold())
        with packed.open(path) if packed else path.open("rb") as handle:
            while piece := handle.read(CHUNK_BYTES):
                yield piece
    except EOFError as error:
        raise UnfitError("is cut off: its compressed stream ends early; copy or export it again") from error
    except (gzip.BadGzipFile, zlib.error, zstd.ZstdError) as error:
        raise UnfitError("is damaged: its compressed stream is not valid; copy or export it again") from error


def _texts(pieces: Iterable[bytes], encoding: str, rows: Rows) -> Iterator[str]:
    """Yield the pieces decoded, none of them ending between CR and LF; raises `_UndecodableError`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    held_back = ""
    for piece in chain(pieces, [b""]):
        try:
            text = held_back + decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            rows.feed(error.object[: error.start].decode(error.encoding).encode())
            raise _UndecodableError(rows) from error
        held_back = "\r" if text.endswith("\r") and piece else ""
        yield text.removesuffix("\r") if held_back else text


def _scan(path: Path, encoding: str, copy: Path | None = None, proofs: tuple[str, ...] = ()) -> Rows:
    """Count the rows and write `copy` in UTF-8 with one kind of line break; raises `_UndecodableError`.

    They have a proof where the text has one of `proofs`.
    """
    rows = Rows()
    descriptor = os.open(copy or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        for text in _texts(_pieces(path), encoding, rows):
            rows.has_proof = rows.has_proof or any(proof in text for proof in proofs)
            if copy:
                text = text.replace("\r\n", "\n")
            piece = text.encode()
            handle.write(piece)
            rows.feed(piece)
            if rows.bytes_since_break > LONGEST_ROW_BYTES:
                row, size = rows.current, LONGEST_ROW_BYTES // 1_000_000
                raise UnfitError(
                    f"has a quotation mark in row {row} that is not closed within {size} MB; close or remove it"
                    if rows.is_inside
                    else f"is longer than {size} MB in row {row}; look for missing line breaks there"
                )
    return rows


def declared_names() -> tuple[str, ...]:
    """Return the declared values long enough that no other encoding spells one by chance, in three letter cases."""
    names = {row["value"] for row in register_rows("allowed_values")} | {
        row["raw_value"] for row in register_rows("value_synonyms")
    }
    long_names = [name for name in names if len(name) >= 4 and not name.isascii()]
    return tuple(sorted({spelling for name in long_names for spelling in (name, name.lower(), name.upper())}))


def _encoding_of(start: bytes) -> str:
    """The encoding that a byte order mark names, UTF-8 without one."""
    return next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8-sig")


def read_text(path: Path, copy: Path) -> tuple[Path, Rows]:
    """Return the path of a UTF-8 text, `path` itself or `copy`, and its rows; raises `UnfitError`."""
    start = next(_pieces(path), b"")
    encoding = _encoding_of(start)
    if encoding == "utf-8-sig" and b"\0" in start.partition(b"\n")[0]:
        raise UnfitError(
            "has NUL bytes in its first row; if it is UTF-16 without a byte order mark, convert it:"
            " `iconv -f utf-16le -t utf-8`"
        )
    try:
        rows = _scan(path, encoding, None if encoding == "utf-8-sig" else copy)
    except _UndecodableError as error:
        if encoding != "utf-8-sig":
            raise UnfitError(
                f"starts as {encoding.upper()} but is broken in row {error.rows.current}; export it again as UTF-8"
            ) from error
        rows = error.rows
        if not rows.has_letters:
            with contextlib.suppress(_UndecodableError):  # cp1251 has no 0x98
                rows = _scan(path, "cp1251", copy, declared_names())
        if not rows.has_proof:
            raise UnfitError(
                f"is not UTF-8 in row {error.rows.current}, and no other encoding is certain; if it is cp1251, convert"
                " it: `iconv -f cp1251 -t utf-8`"
            ) from error
        return copy, rows
    if rows.has_crlf and rows.has_lf and not rows.row_with_lone_cr:
        # DuckDB reads only one kind of line break per file.
        return copy, _scan(path, encoding, copy)
    return (path if encoding == "utf-8-sig" else copy), rows


def beginning(path: Path) -> bytes:
    """The first lines of a text, in UTF-8."""
    start = next(_pieces(path), b"")
    encoding = _encoding_of(start)
    try:
        return codecs.getincrementaldecoder(encoding)().decode(start).encode()
    except UnicodeDecodeError:
        return start.decode("cp1251", "replace").encode()
