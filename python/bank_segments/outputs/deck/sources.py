"""Figures with their sources: elements of the rendered template that name the relation, the columns and the row.

The pages write the sources of a slide's figures into its notes, and the tests look each of them up again.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup

from bank_segments.marts import KEYS
from bank_segments.words import is_known, printable

Row = Mapping[str, Any]

# A figure may also come from the record of the run.
_KEYS = KEYS | {"run.json": ()}


def fact(text: str, row: Row, *columns: str, of: str = "") -> str:
    """`text` as an element with the source of its numbers; as it is where there are none in it.

    They stand in `columns` of the row, or of the row of the relation `of` that has the same key.
    """
    # What a sentence was made of is escaped already, and an escape may have digits.
    text = text.unescape() if isinstance(text, Markup) else text
    if not any(character.isdigit() for character in text):
        return text
    return Markup('<fact of="{}">{}</fact>').format(_source(row, columns, of), text)


def point(text: str, row: Row, *columns: str, scale: float | None = 1, colour: str = "") -> str:
    """A value of a chart with its `text`; the columns after the first are the ends of its interval.

    Without a `scale` there is nothing to draw.
    """
    values = {
        name: float(row[column]) * scale
        for name, column in zip(("value", "lower", "upper"), columns, strict=False)
        if scale is not None and is_known(row[column])
    }
    drawn = Markup("").join(Markup(' {}="{}"').format(name, repr(value)) for name, value in values.items())
    return Markup('<point of="{}" colour="{}"{}>{}</point>').format(_source(row, columns), colour, drawn, text)


def _source(row: Row, columns: Sequence[str], of: str = "") -> str:
    """`marts.fct_segment_metrics: churn_rate [segment_id=none]`."""
    relation = of or row["relation"]
    key = [f"{name}={plain(str(row[name]), 60)}" for name in _KEYS[relation] if name in row]
    return f"{relation}: {', '.join(columns)}" + (f" [{'; '.join(key)}]" if key else "")


def text_of(said: Element) -> str:
    """What an element says, with single spaces."""
    return " ".join(filter(None, "".join(said.itertext()).split(" ")))


def plain(text: str, characters: int = 400) -> str:
    """`text` from outside on one line, without what no slide can hold, and cut to that many characters."""
    one_line = printable(text)
    return one_line if len(one_line) <= characters else one_line[: characters - 1].rstrip() + "…"
