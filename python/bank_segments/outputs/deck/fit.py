"""How large a text may be to fit its box: measured in DejaVu Sans, which comes with matplotlib and is wider than Arial.

What fits there also fits in Arial, in Liberation Sans, and in DejaVu Sans where a machine has neither. Boxes are in
inches, sizes in points.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from PIL import ImageFont

from bank_segments.words import SPACE

# A bold beginning, which may be empty, and what follows it.
Paragraph = tuple[str, str]

SMALLEST = 11
INSET = 0.05  # between a text and the edge of its placeholder
CELL = (0.07, 0.03)  # the same in a table, across and down
_LINE = 1.2  # heights of the font from one line to the next
_WIDEST = 3.5  # what a column of a table asks for at most
_EDGE = 0.04  # what LibreOffice takes of a cell for its lines
_ROUNDED = 1.003  # by how much an office program's rounded letters may be wider
_SPARE = 0.16  # by what a row may be higher than its text
_ASIDE = re.compile(r"\([^()]{1,30}\)")


def tied(text: str) -> str:
    """`text` with its dashes tied to the word before, as Russian typesetting wants it."""
    return text.replace(" —", f"{SPACE}—")


def _held(text: str) -> str:
    """The same with what stands in brackets on one line."""
    return _ASIDE.sub(lambda aside: aside[0].replace(" ", SPACE), tied(text))


def fitted(
    paragraphs: Sequence[Paragraph], width: float, height: float, sizes: Sequence[int], gap: float
) -> tuple[Sequence[Paragraph], int]:
    """The paragraphs, and by how many points smaller than `sizes` they fit; at the smallest they are cut.

    `sizes` are those of the first paragraph and of the others, `gap` the points before each.
    """

    def fits(kept: Sequence[Paragraph], less: int) -> bool:
        lines = 0.0
        for place, paragraph in enumerate(kept):
            size = max(sizes[min(place, 1)] - less, SMALLEST)
            if any(_width(*word) > 72 * width / size for word in _words(paragraph)) and size > SMALLEST:
                return False
            lines += _lines(paragraph, 72 * width / size) * size * _LINE + gap
        return lines <= 72 * height

    most = max(sizes) - SMALLEST
    for less in range(most + 1):
        if fits(paragraphs, less):
            return paragraphs, less
    kept = list(paragraphs)
    while not fits(kept, most):
        longest = max(range(len(kept)), key=lambda place: len("".join(kept[place])))
        kept[longest] = _shortened(kept[longest])
    return kept, most


@dataclass
class Table:
    """The texts of a table that fits, the size of its text in points, its columns and rows in inches."""

    cells: list[list[str]]
    size: int
    widths: list[float]
    heights: list[float]


def fitted_table(rows: Sequence[Sequence[str]], width: float, height: float, largest: int) -> Table:
    """The table at the largest size at which it fits, with brackets on one line if they can be.

    At the smallest size the longest cells are cut.
    """
    for tie in (_held, tied):
        for size in range(largest, SMALLEST - 1, -1):
            # An empty cell would take a font of its own.
            cells = [[tie(text) or SPACE for text in row] for row in rows]
            widths = _column_widths(cells, width, size)
            heights = [_row_height(row, place, widths, size) for place, row in enumerate(cells)]
            if sum(heights) <= height and sum(widths) <= width + 0.01:
                spare = min((height - sum(heights)) / len(heights), _SPARE)
                return Table(cells, size, widths, [each + spare for each in heights])
    widths = [each * width / sum(widths) for each in widths]
    while sum(heights := [_row_height(row, place, widths, size) for place, row in enumerate(cells)]) > height:
        row = cells[heights.index(max(heights))]
        longest = max(range(len(row)), key=lambda column: _width(row[column], True) / widths[column])
        if len(row[longest]) < 4:
            break
        row[longest] = _shortened(("", row[longest]))[1]
    return Table(cells, size, widths, heights)


def _column_widths(cells: Sequence[Sequence[str]], total: float, size: int) -> list[float]:
    """What the longest word of each column takes, and a part of the rest by what its longest text would take."""
    needed, wanted = [], []
    for place, column in enumerate(zip(*cells, strict=True)):
        texts = [(text, row == 0 or place == 0) for row, text in enumerate(column)]
        word = max(_width(word, is_bold) for text, is_bold in texts for word in text.split(" "))
        whole = max(_width(text, is_bold) for text, is_bold in texts)
        edges = 2 * CELL[0] + _EDGE
        needed.append(word * size / 72 + edges)
        wanted.append(min(whole * size / 72 + edges, max(_WIDEST, needed[-1])))
    rest = total - sum(needed)
    asked = sum(wanted) - sum(needed)
    if rest <= 0:
        return needed
    if asked <= 0:
        return [each + rest / len(needed) for each in needed]
    return [word + rest * (wide - word) / asked for word, wide in zip(needed, wanted, strict=True)]


def _row_height(row: list[str], place: int, widths: Sequence[float], size: int) -> float:
    lines = (
        _lines((text, "") if place == 0 or column == 0 else ("", text), 72 * (width - 2 * CELL[0] - _EDGE) / size)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return max(lines) * size * _LINE / 72 + 2 * CELL[1]


def _shortened(paragraph: Paragraph) -> Paragraph:
    """A paragraph without its last word, or without the end of its only one."""
    lead, text = paragraph
    cut = (text or lead).rstrip("…")
    cut = (cut.rpartition(" ")[0] or cut[: 3 * len(cut) // 4]).rstrip(" ,;:—") + "…"
    return (lead, cut) if text else (cut, "")


@cache
def _font(is_bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf" / name, 100)


@cache
def _width(text: str, is_bold: bool) -> float:
    """How wide `text` is on one line, in heights of the font."""
    return _ROUNDED * _font(is_bold).getlength(text) / 100


def _words(paragraph: Paragraph) -> list[tuple[str, bool]]:
    return [(word, not part) for part, text in enumerate(paragraph) if text for word in text.split(" ")]


def _lines(paragraph: Paragraph, width: float) -> int:
    """How many lines a paragraph takes in a `width` in heights of the font; a word too long for one is broken."""
    lines, used = 1, 0.0
    for word, is_bold in _words(paragraph):
        wide, gap = _width(word, is_bold), _width(" ", is_bold) if used else 0.0
        if used + gap + wide <= width:
            used += gap + wide
        else:
            broken = int(wide // width)
            lines += broken + (used > 0)
            used = wide - broken * width
    return lines
