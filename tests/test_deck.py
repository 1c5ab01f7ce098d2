"""The deck: every number on a slide, in a chart and in its workbook is looked up where the notes say it comes from.

LibreOffice renders the decks, and what it draws is measured against the slides' own shapes.
"""

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Pt
from python_calamine import CalamineWorkbook

from bank_segments.errors import RefusedError
from bank_segments.marts import RELATIONS, Marts, hypothesis_rows, read_marts
from bank_segments.outputs.deck import write_deck
from bank_segments.outputs.deck.page import TEMPLATE, check_template
from bank_segments.words import LANGUAGES, SPACE, Language, words_of
from needed import missing
from output_cases import (
    BROKEN,
    HOSTILE,
    ODD,
    covering,
    deck_texts,
    grouped,
    odd_marts,
    printed,
    with_random_numbers,
)

SLIDES = range(12, 23)
# What a number stands in besides its source: the level of the intervals is their definition, not a result.
LEVEL = re.compile(r"95\s?%")
FACT = re.compile(
    r"(?:\[(?P<series>.+?) \| (?P<category>.+)\] )?(?P<text>.+) ← (?P<relation>[\w.]+): (?P<columns>[^\[]+?)"
    r"(?: \[(?P<key>.+)\])?"
)
# Points: words of neighbouring lines and cells may touch, not cover each other.
TOLERANCE = 1.5

Place = tuple[str, str]  # a series and a category


# A deck as its file tells it


@dataclass(frozen=True)
class Fact:
    """A line of the notes: a text, where it stands in a chart, and where its numbers come from."""

    text: str
    relation: str
    columns: tuple[str, ...]
    key: dict[str, str]
    place: Place | None


def fact_of(line: str) -> Fact:
    match = FACT.fullmatch(line)
    assert match, line
    key = dict(re.findall(r"(\w+)=(.*?)(?:; |$)", match["key"] or ""))
    place = (match["series"], match["category"]) if match["series"] else None
    columns = tuple(re.split(r", (?![^(]*\))", match["columns"]))
    return Fact(match["text"], match["relation"], columns, key, place)


@dataclass(frozen=True)
class Slide:
    """One slide: what is written on it, what its notes cite, and its charts."""

    shape: Any

    @property
    def title(self) -> str:
        """Its title."""
        return spaced(self.shape.shapes.title.text_frame.text)

    @property
    def notes(self) -> str:
        """Its speaker notes."""
        return str(self.shape.notes_slide.notes_text_frame.text)

    @cached_property
    def facts(self) -> list[Fact]:
        """The sources that the notes list."""
        lines = self.notes.split("\n")
        return [fact_of(line) for line in lines if " ← " in line and not line.endswith(":")]

    @property
    def paragraphs(self) -> list[str]:
        """Every paragraph but for the number of the slide, which is a field."""
        texts = (
            "".join(run.text or "" for run in paragraph.findall(f"{qn('a:r')}/{qn('a:t')}"))
            for paragraph in self.shape._element.iter(qn("a:p"))
        )
        return [text for text in texts if text.strip()]

    @property
    def drawings(self) -> list[Any]:
        """Its charts and pictures."""
        return [shape for shape in self.shape.shapes if shape.has_chart or shape._element.tag == qn("p:pic")]

    @cached_property
    def points(self) -> dict[Place, list[float]]:
        """The points of its native charts."""
        charts = (drawn(shape.chart) for shape in self.drawings if shape.has_chart)
        return {place: ends for chart in charts for place, ends in chart.items()}


def slides_of(path: Path) -> list[Slide]:
    return [Slide(slide) for slide in Presentation(str(path)).slides]


def workbook(chart: Any) -> list[list[Any]]:
    """The cells of the workbook that a chart is edited in."""
    content = io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)
    return CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()


def points(node: Any) -> dict[int, str]:
    """What the slide holds of a column of its chart, by the place in it."""
    return {int(point.get("idx")): point.findtext(qn("c:v")) for point in node.iter(qn("c:pt"))}


def drawn(chart: Any) -> dict[Place, list[float]]:
    """The value of each point, and the ends of its interval; every column is what the chart's workbook holds there."""
    cells = workbook(chart)
    for reference in chart._chartSpace.iter(qn("c:strRef"), qn("c:numRef")):
        place = re.fullmatch(r"Sheet1!\$([A-Z])\$(\d+)(?::\$\1\$(\d+))?", reference.findtext(qn("c:f")))
        assert place
        column = [row[ord(place[1]) - ord("A")] for row in cells[int(place[2]) - 1 : int(place[3] or place[2])]]
        held = {at: cell for at, cell in enumerate(column) if cell != ""}
        shown = points(reference)
        if reference.tag == qn("c:numRef"):
            # A workbook holds numbers with sixteen digits.
            assert {at: float(text) for at, text in shown.items()} == pytest.approx(held, rel=1e-14)
        else:
            assert shown == held
    found: dict[Place, list[float]] = {}
    for series in chart.plots[0].series:
        bars = series._element.find(qn("c:errBars"))
        below, above = ({} if bars is None else points(bars.find(qn(f"c:{end}"))) for end in ("minus", "plus"))
        for at, (category, value) in enumerate(zip(chart.plots[0].categories, series.values, strict=True)):
            if value is not None:
                ends = [value - float(below[at]), value + float(above[at])] if at in below else []
                found[series.name, category] = [value, *ends]
    return found


def spaced(text: str) -> str:
    return text.replace(SPACE, " ")


# Looking numbers up


@dataclass(frozen=True)
class Case:
    """The decks of one input, the marts that they are made from, also for any query, and the file's name."""

    decks: dict[Language, list[Slide]]
    paths: dict[Language, Path]
    marts: Marts
    connection: duckdb.DuckDBPyConnection
    file: str

    def values(self, fact: Fact) -> list[Any]:
        """What stands in the columns and row that a fact names."""
        where = " and ".join(f"{name}::varchar = ?" for name in fact.key) or "true"
        query = f"select {', '.join(fact.columns)} from {fact.relation} where {where}"
        rows = self.connection.execute(query, [*fact.key.values()]).fetchall()
        assert len(rows) == 1, f"{len(rows)} rows for {fact}"
        return list(rows[0])


def unfounded(fact: Fact, case: Case, language: Language) -> list[str]:
    """The numbers of a fact that are in none of its columns, each value counted once."""
    if fact.relation == "run.json":
        return [] if case.file in fact.text else [f"{fact} does not name {case.file}"]
    values = case.values(fact)
    known: list[float] = []
    for value in values:
        if isinstance(value, str):
            # A sign before a number is its own where the number is measured, a dash of the label where it is a name.
            known += [abs(number) for number, _ in printed(grouped(value), language)]
            # Rules and raw values are written without regard to the language.
            known += [float(digits) for digits in re.findall(r"\d+", value)]
        elif value is not None:
            known.append(float(value))
    text = fact.text if "confidence_adjusted" in fact.columns else LEVEL.sub("", fact.text)
    wrong = []
    for number, decimals in printed(text, language):
        tolerance = 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-12
        for value in known:
            if "<" in text or ">" in text:
                is_it = value < number if "<" in text else value > number
            else:
                is_it = min(abs(value - number), abs(100 * value - number)) <= tolerance
            if is_it:
                known.remove(value)
                break
        else:
            wrong.append(f"{number} of {fact} is not in {values}")
    return wrong


def unexplained(slide: Slide) -> list[str]:
    """The paragraphs of a slide with a number that no fact of the slide's notes explains."""
    texts = sorted({LEVEL.sub("", spaced(fact.text)) for fact in slide.facts}, key=len, reverse=True)
    left = []
    for paragraph in slide.paragraphs:
        rest = LEVEL.sub("", spaced(paragraph))
        for text in texts:
            rest = re.sub(rf"(?<!\d){re.escape(text)}(?!\d)", "", rest)
        if re.search(r"\d", rest):
            left.append(paragraph)
    return left


NAMES = {
    "level": "select label_{} from marts.dim_trait_levels where trait = $trait and level = $level",
    "segment_id": "select name_{} from marts.dim_segments where segment_id = $segment_id",
    "population": "select name_{} from marts.dim_populations where population = $population",
}


def names_of(fact: Fact, case: Case, language: Language) -> list[str]:
    """What the bar of a fact has to be called, by the row that the fact names."""
    names = [fact.key["product_count"]] if "product_count" in fact.key else []
    for query in (query for column, query in NAMES.items() if column in fact.key):
        used = {name: value for name, value in fact.key.items() if f"${name}" in query}
        names += [name for (name,) in case.connection.execute(query.format(language), used).fetchall()]
    return names


def chart_faults(slide: Slide, case: Case, language: Language) -> Iterator[str]:
    """Values and intervals of the charts that are not what their fact looks up, or that are called otherwise."""
    facts = {fact.place: fact for fact in slide.facts if fact.place}
    for place, shown in slide.points.items():
        fact = facts.pop(place, None)
        if fact is None:
            yield f"no source for {place}"
            continue
        called = spaced(" ".join(place)).casefold()
        for name in names_of(fact, case, language):
            if spaced(name).casefold() not in called:
                yield f"{place} is not called {name}"
        # Behind the ends of an interval stands its level.
        wanted = [float(each) for each in case.values(fact)[:3]]
        if fact.relation == "marts.fct_hypothesis_results":
            kinds = case.marts.dim_hypotheses.set_index("hypothesis_id")["kind"]
            scale = 1 if kinds[fact.key["hypothesis_id"]] == "mean" else 100
            is_lower = fact.columns == ("equivalence_margin",) and shown[0] < 0
            wanted = [(-scale if is_lower else scale) * each for each in wanted]
        else:
            # As its label shows it, or viewers would round it each in its own way.
            wanted[0] = float(Decimal(f"{wanted[0]:.15g}").quantize(Decimal("0.001"), ROUND_HALF_UP))
        if shown != pytest.approx(wanted, rel=1e-9, abs=1e-9):
            yield f"{place} is {shown}, not {wanted}"
    yield from (f"{place} is not drawn" for place in facts)


def number_faults(case: Case, language: Language) -> list[str]:
    """Everything that is wrong with the numbers of a deck."""
    faults: list[str] = []
    for number, slide in enumerate(case.decks[language], 1):
        found = unexplained(slide)
        found += [wrong for fact in slide.facts for wrong in unfounded(fact, case, language)]
        faults += [f"slide {number}: {fault}" for fault in (*found, *chart_faults(slide, case, language))]
    return faults


# The decks under test


def made(marts: Marts, file: str, directory: Path) -> Case:
    is_synthetic = file == "clients.parquet"
    paths = {
        language: write_deck(marts, directory, language, input_name=file, is_synthetic=is_synthetic)
        for language in LANGUAGES
    }
    connection = duckdb.connect()
    connection.execute("create schema marts; create schema quality")
    for name, relation in RELATIONS.items():
        connection.register("frame", getattr(marts, name))
        connection.execute(f"create table {relation} as from frame")
    decks = {language: slides_of(path) for language, path in paths.items()}
    return Case(decks, paths, marts, connection, file)


def with_other_groups(marts: Marts) -> Marts:
    """The first hypothesis compares women and men by a test without margin and without adjusted interval."""
    hypotheses, results = marts.dim_hypotheses.copy(), marts.fct_hypothesis_results.copy()
    groups = ["kind", "unit_ru", "unit_en", "group_column", "first_group", "second_group"]
    hypotheses.loc[0, groups] = ["rank", "п. п.", "pp", "gender", "Ж", "М"]
    is_first = results["hypothesis_id"] == hypotheses["hypothesis_id"][0]
    absent = ["confidence_adjusted", "difference_low_adjusted", "difference_high_adjusted"]
    results.loc[is_first, [*absent, "equivalence_margin", "equivalence_p_value"]] = np.nan
    shares = {"first_group_estimate": 0.52, "second_group_estimate": 0.48, "difference": 0.04}
    for column, value in (shares | {"difference_low": 0.01, "difference_high": 0.07}).items():
        results.loc[is_first, column] = value
    return replace(marts, dim_hypotheses=hypotheses, fct_hypothesis_results=results)


MADE_UP = [*ODD, "other groups", "random numbers"]
CASES = ["sample", "bank", *MADE_UP]


@pytest.fixture(scope="module")
def cases(sample_warehouse: Path, bank_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """The decks of the sample, of the bank, and of marts that another file may give."""
    marts = read_marts(sample_warehouse)
    inputs = {name: (case, "<b>=1+1.csv") for name, case in odd_marts(marts).items()} | {
        "sample": (marts, "clients.parquet"),
        "bank": (read_marts(bank_warehouse), "bank 2026.csv"),
        "other groups": (with_other_groups(marts), "<b>=1+1.csv"),
        "random numbers": (with_random_numbers(marts, 1), "<b>=1+1.csv"),
    }
    return {name: made(*each, tmp_path_factory.mktemp("decks")) for name, each in inputs.items()}


@pytest.fixture(params=["sample", "bank"])
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


# Numbers


@pytest.mark.parametrize("name", CASES)
def test_slides_are_whole_and_every_number_is_what_its_source_says(cases: dict[str, Case], name: str) -> None:
    for language, slides in cases[name].decks.items():
        # A label of the hostile case is shown cut, so its digits cannot be looked up.
        assert name == "hostile" or number_faults(cases[name], language) == []
        for slide in slides:
            assert slide.title
            for text in (*slide.paragraphs, slide.notes):
                assert BROKEN.search(text) is None, text
                assert ".." not in text
            for shape in slide.drawings:
                assert len(shape._element.xpath(".//p:cNvPr")[0].get("descr")) > 20, "not told in words"
        if name in ("sample", "bank"):
            assert sum(len(slide.facts) for slide in slides) > 300
            drawings = [point for slide in slides for point in slide.points.values()]
            assert len(drawings) > 50
            assert sum(len(point) == 3 for point in drawings) > 20
            assert sum(len(slide.drawings) for slide in slides) > 10


# Content


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_deck_tells_the_whole_story(case: Case, language: Language) -> None:
    slides = case.decks[language]
    assert len(slides) in SLIDES
    told = [spaced(" ".join(slide.paragraphs)) for slide in slides]
    for null in hypothesis_rows(case.marts)[f"null_{language}"].unique()[:4]:
        assert sum(null in text for text in told) == 1
    for name in case.marts.dim_segments[f"name_{language}"]:
        assert any(name in text for text in told)
    for column in ("title", "offer", "why", "condition"):
        for text in case.marts.fct_retention_proposals[f"{column}_{language}"]:
            assert sum(spaced(text) in each for each in told) == 1
    # A section that goes on on the next slide may keep its title.
    titles = [title for title, _ in groupby(slide.title for slide in slides)]
    assert len(set(titles)) == len(titles)


def test_what_a_slide_has_no_room_for_is_said(cases: dict[str, Case], tmp_path: Path) -> None:
    rest, hypotheses = "Not all fit here", "The other hypotheses are in the conclusions."

    def said(case: Marts) -> str:
        return deck_texts(write_deck(case, tmp_path, "en", input_name="clients.csv", is_synthetic=False))

    # Candidates alone say it of themselves.
    marts = cases["sample"].marts
    few = replace(
        marts,
        **{name: getattr(marts, name).head(3) for name in ("dim_hypotheses", "client_notes")},
        fct_hypothesis_results=marts.fct_hypothesis_results.query("hypothesis_id <= 'h3_z'"),
        fct_churn_portrait=marts.fct_churn_portrait.assign(standout_rank=None),
        fct_churn_driver_levels=marts.fct_churn_driver_levels.assign(driver_rank=None),
        fct_segment_candidates=marts.fct_segment_candidates.query("not finding_rank > 7"),
    )
    many = replace(few, client_notes=pd.concat([few.client_notes] * 5).assign(note_rank=range(1, 11)))
    assert (said(few).count(rest), said(many).count(rest)) == (0, 1)
    found = replace(few, fct_segment_candidates=marts.fct_segment_candidates)
    assert said(found).count(rest) == 1
    assert (hypotheses in said(few), hypotheses in said(marts)) == (False, True)


VERDICTS: dict[Language, dict[str, str]] = {
    "ru": {"different": "различаются", "equivalent": "равнозначны", "inconclusive": "вывода сделать нельзя"},
    "en": {"different": "differ", "equivalent": "equivalent", "inconclusive": "do not decide"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_hypotheses_end_in_the_verdicts_of_the_marts(case: Case, language: Language) -> None:
    """Only a test of equivalence may say equivalent, and only a rejected hypothesis that groups differ."""
    slides, rows, words = case.decks[language], hypothesis_rows(case.marts), words_of(case.marts, language)
    verdict_row, null_row, rejected = map(words.gettext, ("Verdict", "Null hypothesis", "rejected"))
    shapes = (shape for slide in slides for shape in slide.shape.shapes if shape.has_table)
    tables = [
        {name: texts for name, *texts in ([cell.text_frame.text for cell in row.cells] for row in shape.table.rows)}
        for shape in shapes
    ]
    shown = iter(table for table in tables if verdict_row in table)
    for _, group in list(rows.groupby("hypothesis_id"))[:4]:
        metric = group[f"metric_{language}"].iloc[0]
        (title,) = (slide.title for slide in slides if slide.title.startswith(f"{metric}: "))
        for verdict, word in VERDICTS[language].items():
            assert (word in title) == (verdict in set(group["conclusion"])), title
        tested, table = group[group["conclusion"] != "not_tested"], next(shown)
        assert table[verdict_row] == [words.term(each) for each in tested["conclusion"]]
        assert [text == rejected for text in table[null_row]] == list(tested["is_null_rejected"])
    assert next(shown, None) is None
    changed = rows[rows["is_flipped"].fillna(value=False)][f"metric_{language}"].unique()
    assert any(all(metric in slide.title for metric in changed) for slide in slides)


def test_hostile_values_do_no_harm(cases: dict[str, Case]) -> None:
    """They are shown as text, in the slides and in the workbooks that a spreadsheet opens."""
    hostile = cases["hostile"]
    for language, slides in hostile.decks.items():
        told = [text for slide in slides for text in slide.paragraphs]
        assert any("[x](javascript:alert" in text for text in told)
        assert any("=cmd|" in text for text in told)
        # A formula would have no text.
        texts = {
            cell
            for slide in slides
            for shape in slide.shape.shapes
            if shape.has_chart
            for row in workbook(shape.chart)
            for cell in row
            if isinstance(cell, str)
        }
        assert any(text.startswith(HOSTILE["Рыбинск"][:9]) for text in texts)
        assert max(map(len, texts)) < 100
        with zipfile.ZipFile(hostile.paths[language]) as file:
            parts = {name: file.read(name) for name in file.namelist() if name.endswith((".xml", ".rels"))}
        for name, content in parts.items():
            ElementTree.fromstring(content)
            assert b"<img" not in content
            assert b'TargetMode="External"' not in content, name


# A bank's own template


def layout(presentation: Any, name: str) -> Any:
    return presentation.slide_layouts.get_by_name(name)


def template(directory: Path, change: Callable[[Any], object]) -> Path:
    """The template that ships, changed by its owner."""
    presentation = Presentation(str(TEMPLATE))
    change(presentation)
    path = directory / "bank.pptx"
    presentation.save(str(path))
    return path


@pytest.mark.parametrize(
    ("on", "xpath", "attribute", "said"),
    [
        ("Two proposals", "p:cSld", "name", "has no layout “Two proposals”"),
        (
            "Table",
            ".//p:cNvPr[@name='Table']",
            "name",
            "layout “Table” of .* has no placeholder “Table” for table",
        ),
        (
            "Chart and text",
            ".//p:sp[.//p:cNvPr[@name='Chart']]//p:ph",
            "type",
            "layout “Chart and text” of .* has no placeholder “Chart” for chart",
        ),
    ],
)
def test_a_template_that_lacks_something_is_refused(
    tmp_path: Path, on: str, xpath: str, attribute: str, said: str
) -> None:
    def change(presentation: Any) -> None:
        layout(presentation, on)._element.xpath(xpath)[0].set(attribute, "body")

    with pytest.raises(RefusedError, match=rf"^DECK_TEMPLATE: .*{said}[^.]*deck\.pptx\.$"):
        check_template(template(tmp_path, change))


def test_what_is_no_presentation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pptx").write_text("a text", encoding="utf-8")
    for path in (tmp_path / "text.pptx", tmp_path):
        with pytest.raises(RefusedError, match=f"^DECK_TEMPLATE: {path} cannot be read as a PowerPoint file"):
            check_template(path)
    with pytest.raises(RefusedError, match=r"^DECK_TEMPLATE: there is no file .*none\.pptx; check the path"):
        check_template(tmp_path / "none.pptx")


def test_the_decks_are_laid_out_on_the_banks_template(cases: dict[str, Case], tmp_path: Path) -> None:
    """Its sizes are taken, its own slides are not."""

    def change(presentation: Any) -> None:
        presentation.slides.add_slide(layout(presentation, "Table")).shapes.title.text = "How to use this"
        layout(presentation, "Table").placeholders.get(0).top = Pt(7)

    path, marts = template(tmp_path, change), cases["sample"].marts
    check_template(path)
    deck = write_deck(marts, tmp_path, "ru", input_name="a.csv", is_synthetic=True, template=path)
    slides = slides_of(deck)
    assert len(slides) == len(cases["sample"].decks["ru"])
    assert slides[1].shape.shapes.title.top == Pt(7)
    with zipfile.ZipFile(deck) as file:
        assert not any(b"How to use this" in file.read(name) for name in file.namelist())
        assert sum(name.startswith("ppt/slides/slide") for name in file.namelist()) == len(slides)


# What LibreOffice draws


@pytest.fixture(scope="module")
def rendered(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Every deck as PDF, of odd marts the Russian one."""
    if not all(map(shutil.which, ("soffice", "pdftotext"))):
        missing("LibreOffice Impress and poppler-utils are not installed")
    directory = tmp_path_factory.mktemp("rendered")
    copies = {
        path: Path(shutil.copy(path, directory / f"{name.replace(' ', '_')}.{language}.pptx"))
        for name, case in cases.items()
        for language, path in case.paths.items()
        if name in ("sample", "bank") or language == "ru"
    }
    profile = f"-env:UserInstallation={(directory / 'profile').as_uri()}"
    run = subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", directory, *copies.values()],
        capture_output=True,
        text=True,
        check=False,
    )
    pages = {path: copy.with_suffix(".pdf") for path, copy in copies.items()}
    assert all(pdf.is_file() for pdf in pages.values()), run.stdout + run.stderr
    return pages


Box = Sequence[float]  # left, top, right and bottom, in points


def rendered_words(pdf: Path) -> Iterator[list[tuple[str, Box]]]:
    """The words of every page."""
    run = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True, check=True)
    tree = ElementTree.fromstring(re.sub(r"<!DOCTYPE.*?>|xmlns=\"[^\"]*\"", "", run.stdout, flags=re.DOTALL))
    for page in tree.iter("page"):
        words = [word for word in page.iter("word") if word.text and word.text != "•"]
        yield [(word.text or "", tuple(map(float, word.attrib.values()))) for word in words]


def frames(slide: Slide) -> list[tuple[str, Box]]:
    """The shapes of a slide with everything that is written in them; an asterisk stands for any text."""
    found: list[tuple[str, Box]] = []
    for shape in slide.shape.shapes:
        text = "*" if shape.has_chart or shape._element.xpath(".//a:fld") else ""
        if shape.has_table:
            text = " ".join(cell.text_frame.text for row in shape.table.rows for cell in row.cells)
        ends = (shape.left, shape.top, shape.left + shape.width, shape.top + shape.height)
        found.append((text or shape._element.xpath("string(.)"), tuple(end / Pt(1) for end in ends)))
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def layout_faults(slides: list[Slide], pdf: Path) -> list[str]:
    """Words outside the shape that holds them, over each other, or missing."""
    pages = list(rendered_words(pdf))
    raw = subprocess.run(["pdftotext", "-raw", pdf, "-"], capture_output=True, text=True, check=True).stdout
    faults = [] if len(pages) == len(slides) else ["pages are missing"]
    for number, (slide, words, text) in enumerate(zip(slides, pages, raw.split("\f"), strict=False), start=1):
        shapes = frames(slide)
        found = covering(shapes, TOLERANCE)
        # The box of a word is as high as its font's line, its letters fill the middle of it.
        letters = []
        for word, (left, top, right, bottom) in words:
            edge = 0.11 * (bottom - top)
            letters.append((word, (left, top + edge, right, bottom - edge)))
            if not any(
                written == "*" or squeezed(word) in squeezed(written)
                for written, box in shapes
                if left >= box[0] - TOLERANCE and top >= box[1] - TOLERANCE
                if right <= box[2] + TOLERANCE and bottom <= box[3] + TOLERANCE
            ):
                found.append(f"{word} is not in its shape")
        found += covering(letters, TOLERANCE)
        shown = squeezed(text)
        found += [f"{each!r} is not shown" for each in slide.paragraphs if squeezed(each) not in shown]
        faults += [f"slide {number}: {fault}" for fault in found]
    return faults


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_or_covered(case: Case, language: Language, rendered: dict[Path, Path]) -> None:
    slides = case.decks[language]
    assert layout_faults(slides, rendered[case.paths[language]]) == []
    assert not [text for slide in slides for text in slide.paragraphs if "…" in text]
    # What does not fit is written smaller, but not so small that nobody reads it.
    styles = [
        style
        for slide in slides
        for style in (
            *slide.shape.slide_layout._element.xpath(".//a:defRPr"),
            *slide.shape._element.xpath(".//a:r/a:rPr"),
        )
    ]
    assert min(int(style.get("sz")) for style in styles if style.get("sz")) >= 1100
    (picture,) = (shape.image.blob for slide in slides for shape in slide.drawings if not shape.has_chart)
    pixels = imread(io.BytesIO(picture), format="png")[..., :3]
    edges = [pixels[:2], pixels[-2:], pixels[:, -2:]]
    assert all(edge.min() == 1 for edge in edges), "a text of the picture is cut"


@pytest.mark.parametrize("name", MADE_UP)
def test_odd_inputs_fit_too(cases: dict[str, Case], name: str, rendered: dict[Path, Path]) -> None:
    assert layout_faults(cases[name].decks["ru"], rendered[cases[name].paths["ru"]]) == []
