"""The pages of a deck: the layouts of a template filled with text and tables, and the notes on sources.

A template says where things stand and how they look; `deck.pptx` beside this file is the one that ships, and a bank's
own has to have its layouts and placeholders by name. What does not fit at the size that a placeholder sets is written
smaller.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.enum.lang import MSO_LANGUAGE_ID
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from bank_segments.errors import RefusedError
from bank_segments.outputs.deck.fit import (
    CELL,
    INSET,
    SMALLEST,
    Paragraph,
    fitted,
    fitted_table,
    tied,
)
from bank_segments.words import SPACE, Words, decimals_of, is_known

TEMPLATE = Path(__file__).with_name("deck.pptx")
# What names a row of each relation that a figure comes from; some have one row only.
KEYS: Mapping[str, tuple[str, ...]] = {
    "marts.dim_hypotheses": ("hypothesis_id",),
    "marts.dim_populations": ("population",),
    "marts.dim_segments": ("segment_id",),
    "marts.dim_trait_levels": ("trait", "level"),
    "marts.fct_churn_portrait": ("trait", "level"),
    "marts.fct_churn_portrait_numbers": ("population", "trait"),
    "marts.fct_hypothesis_effects": ("hypothesis_id", "population", "effect_size_name"),
    "marts.fct_hypothesis_results": ("hypothesis_id", "population", "test"),
    "marts.fct_product_count_metrics": ("product_count",),
    "marts.fct_product_count_portrait": ("product_count", "trait", "level"),
    "marts.fct_product_count_portrait_numbers": ("product_count", "trait"),
    "marts.fct_retention_economics": ("segment_id", "proposal_id", "scenario"),
    "marts.fct_retention_proposals": ("segment_id", "proposal_id"),
    "marts.fct_retention_sensitivity": ("segment_id", "proposal_id", "assumption"),
    "marts.fct_segment_metrics": ("segment_id",),
    "quality.row_counts": (),
    "run.json": (),
}

RATES = ("churn_rate", "churn_rate_low", "churn_rate_high")
LABEL = 32  # characters of a name
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP file can hold
_LOCALES = {"ru": MSO_LANGUAGE_ID.RUSSIAN, "en": MSO_LANGUAGE_ID.ENGLISH_US}
# Every page has these by their type, whatever a template calls them.
_FRAME = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)


def check_template(path: Path) -> None:
    """Raise `RefusedError` where a deck cannot be laid out on the presentation `path`."""
    try:
        found = _placeholders(Presentation(str(path)))
    except Exception as error:  # python-pptx raises what it stumbles over
        raise RefusedError(f"DECK_TEMPLATE: {path} cannot be read as a PowerPoint file (.pptx).") from error
    for layout, wanted in _placeholders(Presentation(str(TEMPLATE))).items():
        if layout not in found:
            raise RefusedError(
                f"DECK_TEMPLATE: {path} has no layout “{layout}”; copy the names from {TEMPLATE.name}."
            )
        for name, kind in wanted.items():
            if found[layout].get(name) != kind:
                raise RefusedError(
                    f"DECK_TEMPLATE: the layout “{layout}” of {path} has no placeholder “{name}” for "
                    f"{kind.name.lower().replace('_', ' ')}; copy it from {TEMPLATE.name}."
                )


def _placeholders(presentation: Any) -> dict[str, dict[str, Any]]:
    """The type of every placeholder by its name, by the name of its layout."""
    return {
        layout.name: {_name(shape): shape.placeholder_format.type for shape in layout.placeholders}
        for layout in presentation.slide_layouts
    }


def _name(placeholder: Any) -> str:
    kind = placeholder.placeholder_format.type
    return str(kind.name if kind in _FRAME else placeholder.name)


class Cells(dict[str, Any]):
    """A row of a mart by the names of its columns, which knows its `relation`."""

    def __init__(self, values: Mapping[str, Any], relation: str) -> None:
        """`relation` is the mart's name with its schema."""
        super().__init__(values)
        self.relation = relation


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
    """A presentation in one language on a template; `write` saves it."""

    def __init__(self, words: Words, footer: str, template: Path | None) -> None:
        """`footer` stands on every slide."""
        self.words, self.footer = words, footer
        self.file = Presentation(str(template or TEMPLATE))
        listed = self.file.slides._sldIdLst
        for slide in list(listed):  # what a bank's template shows of itself
            self.file.part.drop_rel(slide.rId)
            listed.remove(slide)
        self.layouts = {layout.name: layout for layout in self.file.slide_layouts}
        self.slides: list[Slide] = []

    def slide(self, layout: str, section: str) -> Slide:
        """A new slide, empty but for the name of its section, the footer and its number."""
        slide = Slide(self.file.slides.add_slide(self.layouts[layout]), self.words)
        for shape in slide.page.slide_layout.placeholders:
            if shape.placeholder_format.type in _FRAME[1:]:  # python-pptx leaves these two on the layout
                slide.page.shapes._spTree.append(deepcopy(shape._element))
        slide.place(PP_PLACEHOLDER.FOOTER.name).text_frame.clear()
        slide.text(PP_PLACEHOLDER.FOOTER.name, [("", self.footer)])
        slide.place(PP_PLACEHOLDER.SLIDE_NUMBER.name)
        slide.text("Section", [(section, "")])
        self.slides.append(slide)
        return slide

    def write(self, path: Path) -> Path:
        """Write everything to `path`, with the notes; the same slides always give the same bytes."""
        for slide in self.slides:
            slide.finish()
        self.file.core_properties.title = self.slides[0].shown_title
        self.file.core_properties.language = self.words.language
        written = BytesIO()
        self.file.save(written)
        with zipfile.ZipFile(written) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for part in parts.infolist():
                file.writestr(zipfile.ZipInfo(part.filename, _EPOCH), parts.read(part), zipfile.ZIP_DEFLATED)
        return path


@dataclass
class Slide:
    """One slide: its placeholders are filled by name, and every text with a number is told with its source."""

    page: Any
    words: Words
    facts: dict[Fact, None] = field(default_factory=dict)
    spoken: list[str] = field(default_factory=list)
    shown_title: str = ""
    filled: set[int] = field(default_factory=set)

    # What is filled

    def place(self, name: str) -> Any:
        """The placeholder `name` of the layout, which is filled from now on."""
        (index,) = (
            each.placeholder_format.idx for each in self.page.slide_layout.placeholders if _name(each) == name
        )
        self.filled.add(index)
        (found,) = (each for each in self.page.placeholders if each.placeholder_format.idx == index)
        return found

    def title(self, text: str) -> None:
        """State the finding of the slide."""
        self.shown_title = plain(text)
        self.text(PP_PLACEHOLDER.TITLE.name, [(self.shown_title, "")])

    def text(self, name: str, paragraphs: Sequence[Paragraph], level: int = 0) -> None:
        """Fill a placeholder with paragraphs, smaller where they are too many; those after the first at `level`."""
        if not paragraphs:
            return
        place = self.place(name)
        width, height = (Emu(length).inches - 2 * INSET for length in (place.width, place.height))
        sizes, gap = _style(place, level)
        kept, less = fitted(
            [(tied(lead), tied(text)) for lead, text in paragraphs], width, height, sizes, gap
        )
        frame = place.text_frame
        for position, (lead, text) in enumerate(kept):
            paragraph = frame.add_paragraph() if position else frame.paragraphs[0]
            paragraph.level = level if position else 0
            for part, is_bold in ((lead, True), (text, None)):
                if part:
                    run = self._run(paragraph, part)
                    run.font.bold = is_bold
                    if less:
                        run.font.size = Pt(max(sizes[min(position, 1)] - less, SMALLEST))

    def table(self, name: str, header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> None:
        """A table with a letter of `align` (l or r) for each column, as large as its placeholder allows."""
        place = self.place(name)
        box = Emu(place.width).inches, Emu(place.height).inches
        table = fitted_table([header, *rows], *box, _style(place)[0][0])
        frame = place.insert_table(len(table.heights), len(table.widths))
        frame.height = Inches(sum(table.heights))
        for column, width in zip(frame.table.columns, table.widths, strict=True):
            column.width = Inches(width)
        for row, height, texts in zip(frame.table.rows, table.heights, table.cells, strict=True):
            row.height = Inches(height)
            for position, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
                cell.margin_left = cell.margin_right = Inches(CELL[0])
                cell.margin_top = cell.margin_bottom = Inches(CELL[1])
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                (paragraph,) = cell.text_frame.paragraphs
                paragraph.alignment = {"l": PP_ALIGN.LEFT, "r": PP_ALIGN.RIGHT}[align[position]]
                font = self._run(paragraph, text).font
                font.size, font.bold = Pt(table.size), True if position == 0 else None

    def _run(self, paragraph: Any, text: str) -> Any:
        run = paragraph.add_run()
        run.text, run.font.language_id = text, _LOCALES[self.words.language]
        return run

    def say(self, *sentences: str) -> None:
        """What the presenter may say, written above the sources in the notes."""
        self.spoken += sentences

    def finish(self) -> None:
        """Take out what was not filled, and write what to say and the source of every number into the notes."""
        for place in list(self.page.placeholders):
            if place.placeholder_format.idx not in self.filled:
                place._element.getparent().remove(place._element)
        heading = self.words.gettext(
            "Where the numbers come from ([series | category of a chart] text ← relation: columns [row]):"
        )
        lines = [*self.spoken, "", heading, *(fact.line for fact in self.facts)]
        self.page.notes_slide.notes_text_frame.text = "\n".join(lines if self.facts else self.spoken)

    # Figures with their sources

    def fact(self, text: str, row: Cells, *columns: str, of: str = "", place: str = "") -> str:
        """`text`, with the source of its numbers remembered for the notes if there are any in it.

        They stand in `columns` of the row, or of the row of the relation `of` that has the same key.
        """
        if any(character.isdigit() for character in text):
            relation = of or row.relation
            names = [name for name in KEYS[relation] if name in row]
            key = tuple((name, plain(_key_text(row[name]), 60)) for name in names)
            self.facts[Fact(plain(text), relation, columns, key, plain(place))] = None
        return text

    def count(self, row: Cells, column: str) -> str:
        """A number of clients or rows."""
        return self.fact(self.words.number(row[column]), row, column)

    def percent(self, row: Cells, column: str) -> str:
        """A share."""
        return self.fact(self.words.percent(row[column]), row, column)

    def rubles(self, row: Cells, column: str) -> str:
        """A sum of money without kopecks."""
        return self.fact(self.words.rubles(row[column]), row, column)

    def rate(self, row: Cells) -> str:
        """The churn rate with its interval: `27,7 % (от 26,5 до 29,0 %)`."""
        if not is_known(row["churn_rate"]):
            return self.words.gettext("no clients")
        return self.fact("{} ({})".format(*self.words.rate_and_ends(row)), row, *RATES)

    def level(self, row: Cells) -> str:
        """A trait and level; a label may hold digits, so it has a source as well."""
        text = self.words.trait_level(row["trait"], row["level"])
        return self.fact(text, row, f"label_{self.words.language}", of="marts.dim_trait_levels")

    def products(self, row: Cells) -> str:
        """A number of products."""
        text = self.words.counted(row["product_count"], "product")
        return self.fact(text, row, "product_count", of="marts.fct_product_count_metrics")

    def segment(self, row: Cells) -> str:
        """The name of a segment, as long as a label may be."""
        if row["segment_id"] == "none":
            return self.words.gettext("In no segment")
        name = f"name_{self.words.language}"
        return self.fact(plain(row[name], LABEL), row, name, of="marts.dim_segments")

    def median(self, row: Cells) -> str:
        """A median in its unit."""
        decimals = decimals_of(row["median"], row["p25"], row["p75"])
        text = self.words.quantity(row["median"], self.words.unit(row["trait"]), decimals)
        return self.fact(text, row, "median")

    def median_and_half(self, row: Cells | None) -> str:
        """A median with the bounds of the middle half."""
        if row is None or row["is_too_small"]:
            return self.words.gettext("no clients") if row is None else self.words.gettext("too few clients")
        half = self.words.between(row["p25"], row["p75"], decimals_of(row["median"], row["p25"], row["p75"]))
        return f"{self.median(row)} ({self.fact(half, row, 'p25', 'p75')})"

    def p_value(self, row: Cells, column: str = "p_value_adjusted") -> str:
        """A p-value under a heading that says what it is."""
        return self.fact(self.words.p_number(row[column]), row, column)

    def estimate(self, row: Cells, column: str) -> str:
        """The mean, share or probability of a group that a hypothesis compares."""
        return self.fact(self.words.estimate(row, column), row, column)

    def group_names(self, row: Cells) -> tuple[str, str]:
        """What the two groups that a hypothesis compares are called: `2 продукта` and `1 продукт`."""

        def named(column: str) -> str:
            trait, value = row["group_column"], row[column]
            is_count = trait == "product_count"
            text = self.words.counted(int(value), "product") if is_count else self.words.level(trait, value)
            return self.fact(text, row, column, of="marts.dim_hypotheses")

        return named("first_group"), named("second_group")


def describe(shape: Any, text: str) -> None:
    """Give a picture or chart the text that is read out in its place."""
    shape._element.xpath(".//p:cNvPr")[0].set("descr", plain(text))


def plain(text: str, characters: int = 400) -> str:
    """`text` from outside on one line, without what no slide can hold, and cut to that many characters."""
    one_line = " ".join("".join(c if c.isprintable() or c == SPACE else " " for c in text).split(" "))
    return one_line if len(one_line) <= characters else one_line[: characters - 1].rstrip() + "…"


def _key_text(value: object) -> str:
    """A value of a key as the warehouse writes it: pandas makes fractions of whole numbers beside fractions."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _style(place: Any, level: int = 0) -> tuple[list[int], float]:
    """The sizes that a layout sets for the first paragraph and those at `level`, and the points before one."""
    layout, sizes, gap = place._base_placeholder._element, [18, 18], 0.0
    for position, each in enumerate((0, level)):
        for style in layout.iterfind(f".//{{*}}lvl{each + 1}pPr"):
            found = [int(font.get("sz")) for font in style.iterfind("{*}defRPr") if font.get("sz")]
            sizes[position] = found[0] // 100 if found else sizes[position]
            gaps = [int(before.get("val")) / 100 for before in style.iterfind("{*}spcBef/{*}spcPts")]
            gap = max([gap, *gaps])
    return sizes, gap
