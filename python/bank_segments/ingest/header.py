"""Finds the line that names the columns of a table, and where the wanted columns stand in it."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bank_segments.errors import shown

DELIMITERS = (",", ";", "\t", "|")
# A title, a date, a name of the report: no export was seen with more above its header.
MOST_LINES = 30
# What stands in them may be a cell of megabytes; Python's csv gives up after 131,072 characters.
csv.field_size_limit(2**31 - 1)
# Letters of both alphabets that no eye tells apart.
_LOOKALIKES = str.maketrans("авекмнорстухіјё_", "abekmhopctyxije ", "\ufeff\u200b")

# The names of the columns that the models read, each with its other names.
Wanted = Mapping[str, Sequence[str]]


class UnfitError(Exception):
    """The file cannot be read for certain; the message goes on after its name.

    `lacking` is the share of the wanted columns that the header lacks.
    """

    def __init__(self, message: str, lacking: float = 0.0) -> None:
        """Keep the share beside the message."""
        super().__init__(message)
        self.lacking = lacking


@dataclass(frozen=True, slots=True)
class Header:
    """The line that names the columns: its number, what separates the names, and where the wanted ones stand."""

    line: int
    delimiter: str
    columns: list[str]
    positions: list[int]


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def look_of(name: str) -> str:
    """What an eye tells apart in a name, in any letter case."""
    return _key(name.casefold().translate(_LOOKALIKES))


def _candidates(columns: Sequence[str], name: str, others: Sequence[str]) -> list[int]:
    """Return the places of a column's own name, else of those that look like one of its names."""
    if own := [at for at, column in enumerate(columns) if _key(column) == _key(name)]:
        return own
    looks = {look_of(other) for other in (name, *others)}
    return [at for at, column in enumerate(columns) if look_of(column) in looks]


def find_columns(columns: Sequence[str], wanted: Wanted) -> list[int]:
    """Return where each of `wanted`, a name with its other names, stands; raises `UnfitError` unless each does once."""
    places = {name: _candidates(columns, name, others) for name, others in wanted.items()}
    names = ", ".join(wanted)
    if not any(places.values()):
        # Not shown: without a header, the first row is a client.
        message = f"has no header: none of its first lines names the columns {names}; add that row"
        raise UnfitError(message, lacking=1.0)
    if missing := [name for name, found in places.items() if not found]:
        free = [column for at, column in enumerate(columns) if column and [at] not in places.values()]
        similar = ", ".join(_with_similar(name, free, wanted[name]) for name in missing)
        raise UnfitError(f"has no column {similar}; its header must name {names}", lacking=len(missing) / len(wanted))
    if repeated := [name for name, found in places.items() if len(found) > 1]:
        raise UnfitError(f"has the column {', '.join(repeated)} more than once; leave one of each name")
    return [found[0] for found in places.values()]


def _with_similar(name: str, columns: Sequence[str], others: Sequence[str]) -> str:
    looks = {look_of(column): column for column in columns}
    for known in (name, *others):
        if found := get_close_matches(look_of(known), looks, n=1):
            return f"{name} (the most similar is {shown(looks[found[0]])})"
    return name


def find_header(head: bytes, wanted: Wanted) -> Header:
    """Return the header: of the first lines, the one that names the most of `wanted`; raises `UnfitError`."""
    looks = [{look_of(name) for name in (own, *others)} for own, others in wanted.items()]

    def named(columns: list[str]) -> int:
        found = set(map(look_of, columns))
        return sum(not found.isdisjoint(look) for look in looks)

    # Certain, because no name holds a separator: at most one of them finds all the names.
    number, delimiter, line, columns = max(_readings(head), key=lambda reading: named(reading[3]))
    if line.count('"') % 2:
        raise UnfitError("has a line break inside a column name; the column names must stand on one line")
    return Header(number, delimiter, columns, find_columns(columns, wanted))


def _readings(head: bytes) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield each of the first lines, with its number, by each delimiter."""
    lines = re.split(rb"\r\n|\r|\n", head)[:MOST_LINES]
    for number, line in enumerate(lines, start=1):
        text = line.decode("utf-8", "replace").strip("\ufeff")
        for delimiter in DELIMITERS:
            yield number, delimiter, text, next(csv.reader([text], delimiter=delimiter), [])


def likely_header(head: bytes) -> tuple[int, list[str]]:
    """The number of the first line that has nearly as many names as any, and its cells, where nobody knows the names.

    Programs write an index without a name, and title lines have empty cells beside them.
    """
    readings = [(sum(map(bool, columns)), number, columns) for number, _, _, columns in _readings(head)]
    most = max(names for names, _, _ in readings)
    return next((number, columns) for names, number, columns in readings if names >= 0.8 * most)
