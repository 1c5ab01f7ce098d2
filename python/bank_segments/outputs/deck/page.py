"""The pages of a deck: the layouts of a presentation filled with what the rendered template says, and the notes.

A presentation says where things stand and how they look; `deck.pptx` beside this file is the one that ships, and a
bank's own has to have its layouts and placeholders by name. What does not fit at the size that a placeholder sets is
written smaller. What the elements of a rendered template mean stands in `deck.xml.j2`.
"""

import zipfile
from collections.abc import Sequence
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from pptx import Presentation
from pptx.enum.lang import MSO_LANGUAGE_ID
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from bank_segments.errors import RefusedError
from bank_segments.outputs.deck.charts import chart_of, forest_picture, native_chart
from bank_segments.outputs.deck.fit import CELL, INSET, SMALLEST, Paragraph, fitted, fitted_table, tied
from bank_segments.outputs.deck.sources import plain, text_of
from bank_segments.words import Words

TEMPLATE = Path(__file__).with_name("deck.pptx")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP file can hold
_LANGUAGES = {"ru": MSO_LANGUAGE_ID.RUSSIAN, "en": MSO_LANGUAGE_ID.ENGLISH_US}
_ALIGNMENTS = {"l": PP_ALIGN.LEFT, "r": PP_ALIGN.RIGHT}
# Every page has these by their type, whatever a template calls them.
_TITLE, _FOOTER, _NUMBER = PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER


def check_template(path: Path) -> None:
    """Raise `RefusedError` where a deck cannot be laid out on the presentation `path`."""
    if not path.exists():
        raise RefusedError(f"DECK_TEMPLATE: there is no file {path}; check the path.")
    try:
        found = _placeholders(Presentation(str(path)))
    except Exception as error:  # python-pptx raises what it stumbles over
        raise RefusedError(f"DECK_TEMPLATE: {path} cannot be read as a PowerPoint file (.pptx).") from error
    for layout, wanted in _placeholders(Presentation(str(TEMPLATE))).items():
        if layout not in found:
            raise RefusedError(f"DECK_TEMPLATE: {path} has no layout “{layout}”; copy the names from {TEMPLATE.name}.")
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
    return str(kind.name if kind in (_TITLE, _FOOTER, _NUMBER) else placeholder.name)


def write_pages(deck: Element, words: Words, path: Path, template: Path | None) -> Path:
    """Lay the slides of `deck` out, and write them to `path`; the same slides always give the same bytes."""
    file = Presentation(str(template or TEMPLATE))
    listed = file.slides._sldIdLst
    for slide in list(listed):  # what a bank's template shows of itself
        file.part.drop_rel(slide.rId)
        listed.remove(slide)
    layouts = {layout.name: layout for layout in file.slide_layouts}
    (footer,), sources = deck.iterfind("footer"), deck.findtext("sources", "")
    for said in deck.iterfind("slide"):
        page = _Page(file.slides.add_slide(layouts[said.attrib["layout"]]), words)
        page.fill(said, footer)
        page.finish(sources)
    file.core_properties.title = file.slides[0].shapes.title.text_frame.text
    file.core_properties.language = words.language
    written = BytesIO()
    file.save(written)
    with zipfile.ZipFile(written) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in parts.infolist():
            packed.writestr(zipfile.ZipInfo(part.filename, _EPOCH), parts.read(part), zipfile.ZIP_DEFLATED)
    return path


class _Page:
    """One slide: its placeholders are filled by name, and the sources of what stands there are noted."""

    def __init__(self, slide: Any, words: Words) -> None:
        self.slide, self.words = slide, words
        self.title = ""
        self.notes: list[str] = []
        self.sources: dict[str, None] = {}  # every line once, in the order of the slide
        on_layout = list(slide.slide_layout.placeholders)
        for shape in on_layout:
            # python-pptx leaves these two on the layout.
            if shape.placeholder_format.type in (_FOOTER, _NUMBER):
                slide.shapes._spTree.append(deepcopy(shape._element))
        own = {shape.placeholder_format.idx: shape for shape in slide.placeholders}
        # What is still empty, by name: the slide's own placeholder, and the layout's, which has its size and style.
        self.places = {_name(shape): (own[shape.placeholder_format.idx], shape) for shape in on_layout}

    def fill(self, said: Element, footer: Element) -> None:
        """Lay out every part of a `<slide>`, between the name of its section and the footer with the slide's number."""
        self.places[_FOOTER.name][0].text_frame.clear()
        self.text(_FOOTER.name, [("", text_of(footer))])
        del self.places[_NUMBER.name]
        self.text("Section", [(said.attrib["section"], "")])
        for part in said:
            self.cite(part)
            match part.tag:
                case "title":
                    self.title = plain(text_of(part))
                    self.text(_TITLE.name, [(self.title, "")])
                case "text":
                    paragraphs = [_paragraph(each) for each in part.iterfind("p")]
                    self.text(part.attrib["place"], paragraphs, int(part.get("level", 0)))
                case "table":
                    rows = [[text_of(cell) for cell in row.iterfind("td")] for row in part.iterfind("tr")]
                    self.table(part.attrib["place"], rows, part.attrib["align"])
                case "chart":
                    self.chart(part)
                case "notes":
                    self.notes.append(text_of(part))
                case unknown:
                    raise ValueError(f"deck.xml.j2: a slide has no <{unknown}>")
        self.cite(footer)

    def finish(self, heading: str) -> None:
        """Take out what was not filled, and write what to say and the source of every number into the notes."""
        for place, _on_layout in self.places.values():
            place._element.getparent().remove(place._element)
        lines = [*self.notes, "", heading, *self.sources] if self.sources else self.notes
        self.slide.notes_slide.notes_text_frame.text = "\n".join(lines)

    def cite(self, part: Element) -> None:
        """Note the sources of a text: `27.7% ← marts.fct_segment_metrics: churn_rate [segment_id=none]`."""
        for fact in part.iter("fact"):
            self.sources[f"{plain(text_of(fact))} ← {fact.attrib['of']}"] = None

    def text(self, name: str, paragraphs: Sequence[Paragraph], level: int = 0) -> None:
        """Fill a placeholder with paragraphs, smaller where they are too many; those after the first at `level`."""
        if not paragraphs:
            return
        place, on_layout = self.places.pop(name)
        width, height = (Emu(length).inches - 2 * INSET for length in (on_layout.width, on_layout.height))
        sizes, gap = _style(on_layout, level)
        kept, less = fitted([(tied(lead), tied(text)) for lead, text in paragraphs], width, height, sizes, gap)
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

    def table(self, name: str, rows: Sequence[Sequence[str]], align: str) -> None:
        """A table with a letter of `align` (l or r) for each column, as large as its placeholder allows."""
        place, on_layout = self.places.pop(name)
        box = Emu(on_layout.width).inches, Emu(on_layout.height).inches
        table = fitted_table(rows, *box, _style(on_layout)[0][0])
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
                paragraph.alignment = _ALIGNMENTS[align[position]]
                font = self._run(paragraph, text).font
                font.size, font.bold = Pt(table.size), True if position == 0 else None

    def chart(self, said: Element) -> None:
        """A chart that can be edited, or a picture of one, with the source of every point."""
        chart = chart_of(said)
        if not chart:
            return
        (place, _on_layout), described = self.places.pop(said.attrib["place"]), self.title
        if chart.kind == "forest":
            shape = forest_picture(place, chart, self.words)
        else:
            shape = native_chart(place, chart, self.words)
            described = ". ".join(filter(None, (self.title, chart.title)))
            for series in chart.series:
                for category, point in zip(chart.categories, series.points, strict=True):
                    if point.value is not None:
                        where = plain(f"{series.name} | {category}")
                        self.sources[f"[{where}] {plain(point.text)} ← {point.source}"] = None
        # What is read out in its place.
        shape._element.xpath(".//p:cNvPr")[0].set("descr", plain(described))

    def _run(self, paragraph: Any, text: str) -> Any:
        run = paragraph.add_run()
        run.text, run.font.language_id = text, _LANGUAGES[self.words.language]
        return run


def _paragraph(said: Element) -> Paragraph:
    """The bold beginning of a `<p>`, with the space behind it, and what follows."""
    text, lead = text_of(said), "".join(map(text_of, said.iterfind("b")))
    rest = text.removeprefix(lead)
    return (f"{lead} ", rest[1:]) if rest.startswith(" ") else (lead, rest)


def _style(on_layout: Any, level: int = 0) -> tuple[list[int], float]:
    """The sizes that a layout sets for the first paragraph and those at `level`, and the points before one."""
    sizes, gap = [18, 18], 0.0
    for position, each in enumerate((0, level)):
        for style in on_layout._element.iterfind(f".//{{*}}lvl{each + 1}pPr"):
            found = [int(font.get("sz")) for font in style.iterfind("{*}defRPr") if font.get("sz")]
            sizes[position] = found[0] // 100 if found else sizes[position]
            gaps = [int(before.get("val")) / 100 for before in style.iterfind("{*}spcBef/{*}spcPts")]
            gap = max([gap, *gaps])
    return sizes, gap
