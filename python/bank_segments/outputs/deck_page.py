"""One style for every slide: fonts, colours, texts fitted to their boxes, tables, and the notes on sources.

Texts are measured in DejaVu Sans, which ships with matplotlib and is wider than Arial, the font the deck asks
for: what fits here also fits in Arial, in Liberation Sans, and in DejaVu Sans where a machine has neither.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.ft2font import FT2Font
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.lang import MSO_LANGUAGE_ID
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches, Pt

from bank_segments.wording import SPACE, Language

FONT = "Arial"
INK, TEXT_COLOUR, MUTED, WASH = "12355B", "1B1B1B", "595959", "EEF2F7"
ACCENT, LIGHT, GREY, WARNING = "C8501E", "9ECAE1", "8C8C8C", "FFF1C9"

WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.5
SMALLEST = 12.0
_LINE = 1.2  # heights of the font from one line to the next
_INSET = 0.05  # inches between a text and the edge of its box
_CELL = (0.07, 0.03)  # the same in a table, across and down
_SPARE = 0.16  # inches that a row of a table may be higher than its text
_TITLE_SIZES = (26, 24, 22, 20, 18, 16, 14)
# Below 12 points only what the shipped decks do not have: names and texts of unusual length.
_BODY_SIZES = (20, 18, 16, 15, 14, 13, 12, 11, 10, 9)
_TABLE_SIZES = (14, 13, 12, 11, 10, 9, 8)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP file can hold
_LOCALES = {"ru": MSO_LANGUAGE_ID.RUSSIAN, "en": MSO_LANGUAGE_ID.ENGLISH_US}


@dataclass(frozen=True)
class Box:
    """A rectangle on the slide, in inches."""

    left: float
    top: float
    width: float
    height: float

    @property
    def emu(self) -> tuple[Any, Any, Any, Any]:
        """The same in the units of the file format."""
        return Inches(self.left), Inches(self.top), Inches(self.width), Inches(self.height)


SECTION = Box(MARGIN, 0.2, WIDTH - 2 * MARGIN, 0.3)
TITLE = Box(MARGIN, 0.48, WIDTH - 2 * MARGIN, 0.92)
BODY = Box(MARGIN, 1.5, WIDTH - 2 * MARGIN, 5.4)
FOOTER = Box(MARGIN, 6.98, WIDTH - 2 * MARGIN, 0.32)


@dataclass(frozen=True)
class Run:
    """A piece of text in one weight."""

    text: str
    bold: bool = False


Paragraph = Sequence[Run]


def bold(text: str) -> Run:
    """A piece of bold text."""
    return Run(text, bold=True)


def plain(text: str, characters: int = 400) -> str:
    """`text` from outside on one line, without what no slide can hold, and cut to that many characters."""
    one_line = " ".join("".join(c if c.isprintable() or c == SPACE else " " for c in text).split(" "))
    return one_line if len(one_line) <= characters else one_line[: characters - 1].rstrip() + "…"


def _tied(text: str) -> str:
    """`text` with its dashes tied to the word before, as Russian typesetting wants it."""
    return text.replace(" —", f"{SPACE}—")


@cache
def _font(is_bold: bool) -> FT2Font:
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    font = FT2Font(Path(matplotlib.get_data_path()) / "fonts/ttf" / name)
    font.set_size(100, 72)
    return font


@cache
def _advance(character: str, is_bold: bool) -> float:
    """How wide a character is, in heights of the font."""
    return _font(is_bold).load_char(ord(character)).linearHoriAdvance / 65536 / 100


@cache
def text_width(text: str, size: float, is_bold: bool = False) -> float:
    """How many inches `text` takes on one line."""
    return sum(_advance(character, is_bold) for character in text) * size / 72


def line_count(paragraph: Paragraph, width: float, size: float) -> int:
    """How many lines a paragraph takes in `width` inches; a word too long for a line is broken in it."""
    words = [(word, run.bold) for run in paragraph for word in run.text.replace("\n", " ").split(" ")]
    lines, used = 1, 0.0
    for word, is_bold in words:
        wide = text_width(word, size, is_bold)
        gap = text_width(" ", size, is_bold) if used else 0.0
        if used + gap + wide <= width:
            used += gap + wide
            continue
        lines += int(used > 0)
        broken = int(wide // width)
        lines += broken
        used = wide - broken * width
    return lines


def text_height(paragraphs: Iterable[Paragraph], width: float, size: float, gap: float = 0.0) -> float:
    """How many inches high the paragraphs are, with `gap` points between them."""
    counts = [line_count(paragraph, width, size) for paragraph in paragraphs]
    return (sum(counts) * size * _LINE + max(len(counts) - 1, 0) * gap) / 72


def shortened(paragraph: Paragraph, words: int) -> list[Run]:
    """The first words of a paragraph; a number stays whole, because no-break spaces hold it together."""
    kept: list[Run] = []
    left = words
    for run in paragraph:
        parts = run.text.split(" ")
        if len(parts) > left:
            return [*kept, Run(" ".join(parts[:left]).rstrip(" ,;:—") + "…", run.bold)]
        kept.append(run)
        left -= len(parts)
    return kept


def _has_whole_words(paragraphs: Iterable[Paragraph], width: float, size: float) -> bool:
    runs = [run for paragraph in paragraphs for run in paragraph]
    return all(text_width(word, size, run.bold) <= width for run in runs for word in run.text.split(" "))


def fitted(
    paragraphs: Sequence[Paragraph], box: Box, sizes: Sequence[float], gap: float = 0.0
) -> tuple[Sequence[Paragraph], float]:
    """The paragraphs and the largest size in which they fit; at the smallest size long ones are cut."""
    width, height = box.width - 2 * _INSET, box.height - 2 * _INSET
    for size in sizes:
        if text_height(paragraphs, width, size, gap) <= height and _has_whole_words(paragraphs, width, size):
            return paragraphs, size
    size = sizes[-1]
    longest = max(sum(len(run.text.split(" ")) for run in paragraph) for paragraph in paragraphs)
    for words in range(longest, 0, -1):
        cut = [shortened(paragraph, words) for paragraph in paragraphs]
        if text_height(cut, width, size, gap) <= height:
            return cut, size
    # A single word can be longer than its box: then characters are cut.
    for characters in range(400, 0, -4):
        cut = [[Run(plain(run.text, characters), run.bold) for run in each[:1]] for each in paragraphs]
        if text_height(cut, width, size, gap) <= height:
            return cut, size
    return [[Run("…")]], size


@dataclass(frozen=True)
class Fact:
    """A text with numbers, where it stands in a chart, and where in the warehouse its numbers come from."""

    text: str
    relation: str
    columns: tuple[str, ...]
    key: tuple[tuple[str, str], ...] = ()
    place: str = ""

    @property
    def line(self) -> str:
        """The fact as the notes tell it: `27.7% ← marts.fct_segment_metrics: churn_rate [segment_id=none]`."""
        place = f"[{self.place}] " if self.place else ""
        key = f" [{'; '.join(f'{name}={value}' for name, value in self.key)}]" if self.key else ""
        return f"{place}{self.text} ← {self.relation}: {', '.join(self.columns)}{key}"


class Deck:
    """A presentation in one style; `write` saves it."""

    def __init__(self, language: Language, footer: Fact, sources: str, author: str) -> None:
        """`footer` stands on every slide, `sources` above the sources in the notes."""
        self.language, self.footer, self.sources = language, footer, sources
        self.file = Presentation()
        self.file.slide_width, self.file.slide_height = Inches(WIDTH), Inches(HEIGHT)
        self.file.core_properties.author = author
        self.file.core_properties.language = language
        _restyle(self.file, language)
        self.slides: list[Slide] = []

    def slide(self, section: str) -> Slide:
        """A new slide, empty but for the name of its section and the footer."""
        slide = Slide(self, self.file.slides.add_slide(self.file.slide_layouts[0]))
        self.slides.append(slide)
        slide.text(SECTION, [[bold(section)]], sizes=(SMALLEST,), colour=ACCENT, middle=True)
        _footer(slide)
        return slide

    def write(self, path: Path) -> Path:
        """Write everything to `path`, with the notes; the same slides always give the same bytes."""
        for slide in self.slides:
            slide.write_notes()
        self.file.core_properties.title = self.slides[0].shown_title
        written = BytesIO()
        self.file.save(written)
        with zipfile.ZipFile(written) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for part in parts.infolist():
                file.writestr(zipfile.ZipInfo(part.filename, _EPOCH), parts.read(part), zipfile.ZIP_DEFLATED)
        return path


@dataclass
class Slide:
    """One slide with the facts it shows."""

    deck: Deck
    page: Any
    facts: dict[Fact, None] = field(default_factory=dict)
    spoken: list[str] = field(default_factory=list)
    shown_title: str = ""

    def fact(
        self,
        text: str,
        relation: str,
        *columns: str,
        key: Mapping[str, object] | None = None,
        place: str = "",
    ) -> str:
        """`text`, with the source of its numbers remembered for the notes if there are any in it."""
        if any(character.isdigit() for character in text):
            named = tuple((name, plain(_key_text(value), 60)) for name, value in (key or {}).items())
            self.facts[Fact(plain(text), relation, columns, named, plain(place))] = None
        return text

    def title(self, text: str) -> None:
        """State the finding of the slide."""
        (paragraph,), size = fitted([[bold(_tied(plain(text)))]], TITLE, _TITLE_SIZES)
        self.shown_title = paragraph[0].text
        shape = self.page.shapes.title
        shape.text_frame.text = self.shown_title
        font = shape.text_frame.paragraphs[0].runs[0].font
        font.size, font.language_id = Pt(size), _LOCALES[self.deck.language]

    def text(
        self,
        box: Box,
        paragraphs: Sequence[Paragraph],
        *,
        sizes: Sequence[float] = _BODY_SIZES,
        colour: str = TEXT_COLOUR,
        fill: str | None = None,
        gap: float = 6.0,
        centred: bool = False,
        middle: bool = False,
    ) -> None:
        """Paragraphs in a box, as large as the box allows."""
        if not paragraphs:
            return
        shape = self.page.shapes.add_textbox(*box.emu)
        if fill:
            shape.fill.solid()
            shape.fill.fore_color.rgb = RGBColor.from_string(fill)
        frame = shape.text_frame
        frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Inches(_INSET)
        frame.vertical_anchor = MSO_ANCHOR.MIDDLE if middle else MSO_ANCHOR.TOP
        tied = [[Run(_tied(run.text), run.bold) for run in paragraph] for paragraph in paragraphs]
        cut, size = fitted(tied, box, sizes, gap)
        for position, paragraph in enumerate(cut):
            line = frame.paragraphs[0] if position == 0 else frame.add_paragraph()
            line.alignment = PP_ALIGN.CENTER if centred else PP_ALIGN.LEFT
            line.space_before = Pt(gap if position else 0)
            self._write(line, paragraph, size, colour)

    def table(
        self,
        box: Box,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        *,
        align: str,
        sizes: Sequence[float] = _TABLE_SIZES,
    ) -> float:
        """A table with columns of about these relative widths, a letter of `align` (l, r, c) for each.

        A line break in a cell begins a second paragraph. Returns the table's lower edge.
        """
        # An empty cell would take the height of the library's own font size.
        cells = [[_tied(text) or SPACE for text in row] for row in (header, *rows)]
        size, columns, heights = _fit_table(cells, widths, box, sizes)
        frame = self.page.shapes.add_table(
            len(cells), len(columns), *Box(box.left, box.top, box.width, sum(heights)).emu
        )
        table = frame.table
        _plain_table(table)
        for column, width in enumerate(columns):
            table.columns[column].width = Inches(width)
        aligned = {"l": PP_ALIGN.LEFT, "r": PP_ALIGN.RIGHT, "c": PP_ALIGN.CENTER}
        for row, texts in enumerate(cells):
            table.rows[row].height = Inches(heights[row])
            for column, text in enumerate(texts):
                cell = table.cell(row, column)
                cell.margin_left = cell.margin_right = Inches(_CELL[0])
                cell.margin_top = cell.margin_bottom = Inches(_CELL[1])
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                cell.fill.solid()
                fill = INK if row == 0 else "FFFFFF" if row % 2 else WASH
                cell.fill.fore_color.rgb = RGBColor.from_string(fill)
                frame = cell.text_frame
                is_strong = row == 0 or column == 0
                colour = "FFFFFF" if row == 0 else TEXT_COLOUR
                for position, part in enumerate(text.split("\n")):
                    line = frame.add_paragraph() if position else frame.paragraphs[0]
                    line.alignment = aligned[align[column]]
                    self._write(line, [Run(part, is_strong)], size, colour)
        return box.top + sum(heights)

    def say(self, *sentences: str) -> None:
        """What the presenter may say, written above the sources in the notes."""
        self.spoken += sentences

    def write_notes(self) -> None:
        """Write what to say, and the source of every number."""
        lines = [*self.spoken, "", self.deck.sources, *(fact.line for fact in self.facts)]
        self.page.notes_slide.notes_text_frame.text = "\n".join(lines if self.facts else self.spoken)

    def _write(self, line: Any, runs: Paragraph, size: float, colour: str) -> None:
        for run in runs:
            piece = line.add_run()
            piece.text = run.text
            piece.font.size = Pt(size)
            piece.font.bold = run.bold
            piece.font.color.rgb = RGBColor.from_string(colour)
            piece.font.language_id = _LOCALES[self.deck.language]


def _key_text(value: object) -> str:
    """A value of a key as the warehouse writes it: pandas makes fractions of whole numbers beside fractions."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def describe(shape: Any, text: str) -> None:
    """Give a picture or chart the text that is read out in its place."""
    shape._element.xpath(".//p:cNvPr")[0].set("descr", plain(text))


def _fit_table(
    cells: list[list[str]], widths: Sequence[float], box: Box, sizes: Sequence[float]
) -> tuple[float, list[float], list[float]]:
    """The size of a table's text, the widths of its columns and the heights of its rows.

    At the smallest size the longest cells are cut, down to one line each.
    """
    for size in sizes:
        columns = _column_widths(cells, widths, box.width, size)
        heights = _row_heights(cells, columns, size)
        if columns and sum(heights) <= box.height:
            spare = min((box.height - sum(heights)) / len(heights), _SPARE)
            return size, columns, [each + spare for each in heights]
    size = sizes[-1]
    columns = [width * box.width / sum(widths) for width in widths]
    while sum(heights := _row_heights(cells, columns, size)) > box.height:
        row = heights.index(max(heights))
        column = max(range(len(columns)), key=lambda c: _cell_lines(cells, row, c, columns, size))
        if _cell_lines(cells, row, column, columns, size) < 2:
            break
        text = cells[row][column].replace("\n", " ")
        words = text.split(" ")
        cells[row][column] = (
            shortened([Run(text)], len(words) - 1)[0].text
            if len(words) > 1
            else plain(text, max(len(text) - 4, 2))
        )
    return size, columns, heights


def _column_widths(cells: list[list[str]], widths: Sequence[float], total: float, size: float) -> list[float]:
    """Widths in these proportions, but each column wide enough for its longest word; none if that cannot be."""
    needed = [
        2 * _CELL[0]
        + max(
            text_width(word, size, row == 0 or column == 0)
            for row, texts in enumerate(cells)
            for word in re.split(r"[ \n]", texts[column])
        )
        + 0.02
        for column in range(len(widths))
    ]
    if sum(needed) > total:
        return []
    columns, free = [0.0] * len(widths), set(range(len(widths)))
    while free:
        left = total - sum(columns)
        scale = left / sum(widths[column] for column in free)
        narrow = {column for column in free if widths[column] * scale < needed[column]}
        for column in narrow or free:
            columns[column] = needed[column] if narrow else widths[column] * scale
        free -= narrow or free
    return columns


def _cell_lines(cells: list[list[str]], row: int, column: int, columns: Sequence[float], size: float) -> int:
    is_bold = row == 0 or column == 0
    width = columns[column] - 2 * _CELL[0]
    return sum(line_count([Run(part, is_bold)], width, size) for part in cells[row][column].split("\n"))


def _row_heights(cells: list[list[str]], columns: Sequence[float], size: float) -> list[float]:
    return [
        max((_cell_lines(cells, row, column, columns, size) for column in range(len(columns))), default=1)
        * size
        * _LINE
        / 72
        + 2 * _CELL[1]
        for row in range(len(cells))
    ]


def _plain_table(table: Any) -> None:
    """Leave banding to the fills set here: a viewer's own table style would fight with them."""
    properties = table._tbl.tblPr
    for name in ("bandRow", "firstRow"):
        properties.set(name, "1" if name == "firstRow" else "0")
    identifiers = properties.findall("{*}tableStyleId")
    for identifier in identifiers:
        identifier.text = "{5940675A-B579-460E-94D1-54222C63F5DA}"  # no style, table grid


def _footer(slide: Slide) -> None:
    """The input on the left, the number of the slide on the right."""
    left = Box(FOOTER.left, FOOTER.top, FOOTER.width - 1, FOOTER.height)
    footer = slide.deck.footer
    text = slide.fact(footer.text, footer.relation, *footer.columns)
    slide.text(left, [[Run(text)]], sizes=(SMALLEST,), colour=MUTED, middle=True)
    frame = slide.page.shapes.add_textbox(
        *Box(FOOTER.left + FOOTER.width - 0.8, FOOTER.top, 0.8, FOOTER.height).emu
    ).text_frame
    frame.word_wrap, frame.auto_size, frame.vertical_anchor = True, MSO_AUTO_SIZE.NONE, MSO_ANCHOR.MIDDLE
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Inches(_INSET)
    paragraph = frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT
    # A field, so that the number follows when slides are moved.
    paragraph._p.append(
        parse_xml(
            f'<a:fld {nsdecls("a")} id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">'
            f'<a:rPr lang="en-US" sz="{int(100 * SMALLEST)}"><a:solidFill><a:srgbClr val="{MUTED}"/></a:solidFill>'
            f"</a:rPr><a:t>{len(slide.deck.slides)}</a:t></a:fld>"
        )
    )


def _restyle(file: Any, language: Language) -> None:
    """Turn the library's template into ours: 16:9, one layout with a title, our font and colours in the theme."""
    layouts = file.slide_layouts
    kept = next(layout for layout in layouts if layout.name == "Title Only")
    for layout in [layout for layout in layouts if layout is not kept]:
        layouts.remove(layout)
    for page in (file.slide_master, kept):
        for shape in list(page.placeholders):
            if shape.placeholder_format.type in (1, 3):  # a title
                shape.left, shape.top, shape.width, shape.height = TITLE.emu
                frame = shape.text_frame
                frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Inches(
                    _INSET
                )
                frame.vertical_anchor = MSO_ANCHOR.MIDDLE
                frame.auto_size = None
            elif page is kept:
                shape._element.getparent().remove(shape._element)
            elif shape.placeholder_format.type == 2:  # the master's body
                shape.left, shape.top, shape.width, shape.height = BODY.emu
            else:  # date, footer and number of the template
                shape.left, shape.top = Inches(shape.left / 914400 * WIDTH / 10), Inches(FOOTER.top)
    style = file.slide_master._element.find(".//{*}titleStyle/{*}lvl1pPr")
    style.set("algn", "l")
    properties = style.find("{*}defRPr")
    properties.set("b", "1")
    properties.set("lang", {"ru": "ru-RU", "en": "en-US"}[language])
    for fill in properties.findall("{*}solidFill"):
        properties.replace(
            fill, parse_xml(f'<a:solidFill {nsdecls("a")}><a:srgbClr val="{INK}"/></a:solidFill>')
        )
    theme = file.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    xml = theme.blob.decode()
    xml = re.sub(r'<a:latin typeface="Calibri[^"]*"', f'<a:latin typeface="{FONT}"', xml)
    for name, colour in zip(
        ("accent1", "accent2", "accent3", "accent4", "dk2"), (INK, ACCENT, LIGHT, GREY, INK), strict=True
    ):
        xml = re.sub(rf"(<a:{name}><a:srgbClr val=\")[0-9A-F]{{6}}", rf"\g<1>{colour}", xml)
    theme._blob = xml.encode()
