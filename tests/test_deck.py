"""The deck: every number on a slide, in a chart and in its workbook is looked up where the notes say it comes from.

LibreOffice renders the decks, and what it draws is measured against the slides' own shapes.
"""

import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain, combinations, groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import numpy as np
import pytest
from matplotlib.image import imread
from pptx import Presentation
from pptx.util import Pt

from bank_segments.errors import RefusedError
from bank_segments.marts import Marts, hypothesis_rows, read_marts
from bank_segments.outputs.deck import check_template, write_decks
from bank_segments.outputs.deck.page import TEMPLATE
from bank_segments.words import LANGUAGES, SPACE, Language, words_of
from needed import missing
from test_conclusions import BROKEN, CASES, degenerate, printed, with_random_numbers

SLIDES = range(12, 23)
# What a number stands in besides its source: the level of the intervals is their definition, not a result.
LEVEL = re.compile(r"95\s?%")
FACT = re.compile(
    r"(?:\[(?P<series>.+?) \| (?P<category>.+)\] )?(?P<text>.+) ← (?P<relation>[\w.]+): (?P<columns>[^\[]+?)"
    r"(?: \[(?P<key>.+)\])?"
)
DECIMAL: dict[Language, str] = {"ru": ",", "en": "."}
HOSTILE = {
    "Ярославль": "<img src=x onerror=alert(1)>",
    "Рыбинск": "=cmd|' /C calc'!A0",
    "Ростов Великий": "Д" * 300,
}
# A workbook holds numbers with sixteen digits.
EXACT = 1e-14
# Points: words of neighbouring lines and cells may touch, not cover each other.
TOLERANCE = 1.5
NAMESPACES = {
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
}


# -----------------------------------------------------------------------------------------------------------
# A deck as its file tells it
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """A line of the notes: a text, where it stands in a chart, and where its numbers come from."""

    text: str
    relation: str
    columns: tuple[str, ...]
    key: tuple[tuple[str, str], ...]
    place: tuple[str, str] | None


@dataclass(frozen=True)
class Drawn:
    """A chart: its numbers in the slide's XML and in the embedded workbook, by series and category."""

    cached: dict[tuple[str, str], float]
    workbook: dict[tuple[str, str], float]
    intervals: dict[tuple[str, str], tuple[float, float]]
    sheet: "Sheet"


@dataclass(frozen=True)
class Sheet:
    """The cells of an embedded workbook, and how many formulas it has."""

    cells: dict[str, str | float]
    formulas: int


@dataclass(frozen=True)
class Read:
    """One deck, opened again."""

    path: Path
    language: Language

    @cached_property
    def slides(self) -> list[Any]:
        """Its slides as python-pptx reads them."""
        return list(Presentation(str(self.path)).slides)

    @cached_property
    def notes(self) -> list[str]:
        """The speaker notes of each slide."""
        return [slide.notes_slide.notes_text_frame.text for slide in self.slides]

    def facts(self, number: int) -> list[Fact]:
        """The sources that the notes of a slide list."""
        found = []
        for line in self.notes[number].split("\n"):
            if " ← " not in line or line.endswith(":"):
                continue
            match = FACT.fullmatch(line)
            assert match, line
            pairs = (pair.partition("=") for pair in match["key"].split("; ")) if match["key"] else ()
            place = (match["series"], match["category"]) if match["series"] else None
            columns = tuple(re.split(r", (?![^(]*\))", match["columns"]))
            key = tuple((name, value) for name, _, value in pairs)
            found.append(Fact(match["text"], match["relation"], columns, key, place))
        return found

    def paragraphs(self, number: int) -> list[str]:
        """Every paragraph of a slide, but for the number of the slide, which is a field."""
        tree = ElementTree.fromstring(self._part(f"ppt/slides/slide{number + 1}.xml"))
        texts = (
            "".join(node.text or "" for node in paragraph.findall("a:r/a:t", NAMESPACES))
            for paragraph in tree.iter(f"{{{NAMESPACES['a']}}}p")
        )
        return [text for text in texts if text.strip()]

    def charts(self, number: int) -> list[Drawn]:
        """The native charts of a slide."""
        parts = [shape.chart.part for shape in self.slides[number].shapes if shape.has_chart]
        return [
            drawn(ElementTree.fromstring(part.blob), sheet(part.chart_workbook.xlsx_part.blob))
            for part in parts
        ]

    def _part(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as file:
            return file.read(name)


def sheet(content: bytes) -> Sheet:
    """Read the first sheet of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        tree = ElementTree.fromstring(file.read("xl/worksheets/sheet1.xml"))
        shared = ElementTree.fromstring(file.read("xl/sharedStrings.xml"))
    strings = ["".join(node.itertext()) for node in shared.findall("s:si", NAMESPACES)]
    cells: dict[str, str | float] = {}
    for cell in tree.iter(f"{{{NAMESPACES['s']}}}c"):
        value = cell.find("s:v", NAMESPACES)
        if value is not None and value.text is not None:
            cells[cell.attrib["r"]] = strings[int(value.text)] if cell.get("t") == "s" else float(value.text)
    return Sheet(cells, len(tree.findall(".//s:f", NAMESPACES)))


def _cache(node: ElementTree.Element | None) -> dict[int, str]:
    """The cached points of a reference."""
    points = node.iter(f"{{{NAMESPACES['c']}}}pt") if node is not None else ()
    return {int(point.attrib["idx"]): point.findtext("c:v", "", NAMESPACES) for point in points}


def _referenced(node: ElementTree.Element, cells: Sheet) -> dict[int, str | float]:
    """What stands in the workbook where a reference points, with the place in the column."""
    formula = node.findtext(".//c:f", "", NAMESPACES)
    match = re.fullmatch(r"Sheet1!\$([A-Z])\$(\d+)(?::\$\1\$(\d+))?", formula)
    assert match, formula
    first, last = int(match[2]), int(match[3] or match[2])
    rows = enumerate(range(first, last + 1))
    return {
        place: cells.cells[f"{match[1]}{row}"] for place, row in rows if f"{match[1]}{row}" in cells.cells
    }


def drawn(tree: ElementTree.Element, cells: Sheet) -> Drawn:
    """Read a chart, and beside every cached value what its workbook holds."""
    found = Drawn({}, {}, {}, cells)
    for series in tree.iter(f"{{{NAMESPACES['c']}}}ser"):
        parts = {name: series.find(f"c:{name}", NAMESPACES) for name in ("tx", "cat", "val")}
        tx, cat, val = (part for part in parts.values() if part is not None)
        name = _cache(tx)[0]
        categories = _cache(cat)
        assert _referenced(tx, cells) == {0: name}
        assert _referenced(cat, cells) == categories
        for place, value in _cache(val).items():
            found.cached[name, categories[place]] = float(value)
        for place, held in _referenced(val, cells).items():
            assert isinstance(held, float)
            found.workbook[name, categories[place]] = held
        bars = series.find("c:errBars", NAMESPACES)
        if bars is None:
            continue
        minus, plus = bars.find("c:minus", NAMESPACES), bars.find("c:plus", NAMESPACES)
        assert minus is not None
        assert plus is not None
        for side in (minus, plus):
            lengths = {place: float(value) for place, value in _cache(side).items()}
            assert lengths == pytest.approx(_referenced(side, cells), rel=EXACT)
        for place, below in _cache(minus).items():
            found.intervals[name, categories[place]] = (float(below), float(_cache(plus)[place]))
    return found


# -----------------------------------------------------------------------------------------------------------
# Looking numbers up
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Warehouse:
    """The marts behind a deck, for any query, and the name of the client file."""

    connection: duckdb.DuckDBPyConnection
    file: str

    def values(self, fact: Fact) -> list[Any]:
        """What stands in the columns and row that a fact names."""
        if fact.relation == "run.json":
            assert fact.columns == ("input.file",)
            return [self.file]
        where = " and ".join(f"{name}::varchar = ?" for name, _ in fact.key) or "true"
        query = f"select {', '.join(fact.columns)} from {fact.relation} where {where}"
        rows = self.connection.execute(query, [value for _, value in fact.key]).fetchall()
        assert len(rows) == 1, f"{len(rows)} rows for {fact}"
        return list(rows[0])


def opened(path: Path, file: str) -> Warehouse:
    """The marts of a warehouse file."""
    return Warehouse(duckdb.connect(str(path), read_only=True), file)


def loaded(marts: Marts, file: str) -> Warehouse:
    """The same relations from frames, for marts that no file holds."""
    connection = duckdb.connect()
    connection.execute("create schema marts; create schema quality")
    for field in fields(Marts):
        frame = getattr(marts, field.name)
        schema = "quality" if field.name == "row_counts" else "marts"
        connection.register("frame", frame)
        connection.execute(f"create table {schema}.{field.name} as select * from frame")
        connection.unregister("frame")
    return Warehouse(connection, file)


def mismatches(fact: Fact, warehouse: Warehouse, language: Language) -> list[str]:
    """The numbers of a fact that are in none of its columns, each column counted once."""
    values = warehouse.values(fact)
    if fact.relation == "run.json":
        return [] if values[0] in fact.text else [f"{fact} does not name {values[0]}"]
    # A sign before a number is its own where the number is measured, a dash of the label where it is a name.
    known: list[float] = []
    for value in values:
        if isinstance(value, str):
            grouped = re.sub(r"(?<=\d) (?=\d{3})", SPACE, value)
            known += [abs(number) for number, _ in printed(grouped, language)]
            # Rules and raw values are written without regard to the language.
            known += [float(digits) for digits in re.findall(r"\d+", value)]
        elif value is not None:
            known.append(float(value))
    wrong = []
    text = fact.text
    if "confidence_adjusted" not in fact.columns:
        text = LEVEL.sub("", text)
    for number, decimals in printed(text, language):
        tolerance = 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-12
        if re.search("[<>]", text):
            ok = any(
                value < number if "<" in text else value > number for value in known if value is not None
            )
            match = known[0] if ok and known else None
        else:
            match = next(
                (
                    value
                    for value in known
                    if any(abs(scale * value - number) <= tolerance for scale in (1, 100))
                ),
                None,
            )
        if match is None:
            wrong.append(f"{number} of {fact} is not in {values}")
        else:
            known.remove(match)
    return wrong


def spaced(text: str) -> str:
    return text.replace(SPACE, " ")


def unexplained(deck: Read, number: int) -> list[str]:
    """The paragraphs of a slide with a number that no fact of the slide's notes explains."""
    texts = sorted({spaced(fact.text) for fact in deck.facts(number)}, key=len, reverse=True)
    left = []
    for paragraph in deck.paragraphs(number):
        rest = LEVEL.sub("", spaced(paragraph))
        for text in texts:
            rest = re.sub(rf"(?<!\d){re.escape(LEVEL.sub('', text))}(?!\d)", "", rest)
        if re.search(r"\d", rest):
            left.append(f"slide {number + 1}: {paragraph}")
    return left


def names_of(fact: Fact, warehouse: Warehouse, language: Language) -> list[str]:
    """What the bar of a fact has to be called, by the row that the fact names."""
    key = dict(fact.key)
    names = [key["product_count"]] if "product_count" in key else []
    for column, query in (
        (
            "level",
            f"select label_{language} from marts.dim_trait_levels where trait = $trait and level = $level",
        ),
        ("segment_id", f"select name_{language} from marts.dim_segments where segment_id = $segment_id"),
        ("population", f"select name_{language} from marts.dim_populations where population = $population"),
    ):
        if column in key:
            used = {name: value for name, value in key.items() if f"${name}" in query}
            names += [name for (name,) in warehouse.connection.execute(query, used).fetchall()]
    return names


def chart_faults(deck: Read, number: int, warehouse: Warehouse) -> list[str]:
    """Numbers of the charts, in the cache or the workbook, that are not what their fact looks up."""
    facts = {fact.place: fact for fact in deck.facts(number) if fact.place}
    faults, seen = [], set()
    for chart in deck.charts(number):
        if chart.sheet.formulas:
            faults.append(f"slide {number + 1}: the workbook holds a formula")
        if chart.cached != pytest.approx(chart.workbook, rel=EXACT):
            faults.append(f"slide {number + 1}: the workbook differs from the slide")
        for place, value in chart.cached.items():
            clean = (" ".join(place[0].split(" ")), " ".join(place[1].split(" ")))
            seen.add(clean)
            if clean not in facts:
                faults.append(f"slide {number + 1}: no source for {place}")
                continue
            fact = facts[clean]
            shown = spaced(" ".join(place)).casefold()
            faults += [
                f"slide {number + 1}: {place} is not called {name}"
                for name in names_of(fact, warehouse, deck.language)
                if spaced(name).casefold() not in shown
            ]
            values = [float(each) for each in warehouse.values(fact)]
            scale = 1.0
            if fact.relation == "marts.fct_hypothesis_results":
                kind = warehouse.connection.execute(
                    "select kind from marts.dim_hypotheses where hypothesis_id = ?",
                    [dict(fact.key)["hypothesis_id"]],
                ).fetchall()[0][0]
                scale = 1.0 if kind == "mean" else 100.0
            expected = scale * values[0]
            if fact.columns == ("equivalence_margin",):
                expected = abs(expected) if value > 0 else -abs(expected)
            if not np.isclose(value, expected, rtol=1e-12, atol=1e-12):
                faults.append(f"slide {number + 1}: {place} is {value}, not {expected}")
            if place in chart.intervals:
                below, above = chart.intervals[place]
                low, high = scale * values[1], scale * values[2]
                if not np.allclose([value - below, value + above], [low, high], rtol=1e-9, atol=1e-9):
                    faults.append(f"slide {number + 1}: the interval of {place} is not {low} to {high}")
            elif len(values) > 1:
                faults.append(f"slide {number + 1}: {place} has no interval bar")
    faults += [f"slide {number + 1}: {place} is not drawn" for place in facts.keys() - seen]
    return faults


def all_faults(deck: Read, warehouse: Warehouse) -> list[str]:
    """Everything that is wrong with the numbers of a deck."""
    faults: list[str] = []
    for number in range(len(deck.slides)):
        faults += unexplained(deck, number)
        for fact in deck.facts(number):
            faults += mismatches(fact, warehouse, deck.language)
        faults += chart_faults(deck, number, warehouse)
    return faults


# -----------------------------------------------------------------------------------------------------------
# The decks under test
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """The decks of one input, in both languages, with the marts that they are made from."""

    name: str
    decks: dict[Language, Read]
    marts: Marts
    warehouse: Warehouse


def made(
    name: str, marts: Marts, warehouse: Warehouse, directory: Path, *, is_synthetic: bool = False
) -> Case:
    paths = write_decks(marts, directory, input_name=warehouse.file, is_synthetic=is_synthetic)
    decks = {language: Read(path, language) for language, path in zip(LANGUAGES, paths, strict=True)}
    return Case(name, decks, marts, warehouse)


def with_hostile_cities(marts: Marts) -> Marts:
    """A label in both languages and the level itself, as a client file and a seed could hold them."""
    english = dict(zip(["Yaroslavl", "Rybinsk", "Rostov Veliky"], HOSTILE.values(), strict=True))
    changed = {
        name: getattr(marts, name).replace(HOSTILE | english)
        for name in (
            "dim_trait_levels",
            "fct_churn_portrait",
            "fct_product_count_portrait",
            "fct_hypothesis_sensitivity",
        )
    }
    segments = marts.dim_segments.assign(
        name_ru=[*HOSTILE.values(), "=1+1"], name_en=[*HOSTILE.values(), "@SUM(1+1)"]
    )
    return replace(marts, dim_segments=segments, **changed)


def with_other_groups(marts: Marts) -> Marts:
    """The first hypothesis compares women and men by a test without margin and without adjusted interval."""
    hypotheses, results = marts.dim_hypotheses.copy(), marts.fct_hypothesis_results.copy()
    first = hypotheses["hypothesis_id"][0]
    groups = ["kind", "unit_ru", "unit_en", "group_column", "first_group", "second_group"]
    hypotheses.loc[0, groups] = ["rank", "п. п.", "pp", "gender", "Ж", "М"]
    absent = ["confidence_adjusted", "difference_low_adjusted", "difference_high_adjusted"]
    absent += ["equivalence_margin", "equivalence_p_value"]
    is_first = results["hypothesis_id"] == first
    results.loc[is_first, absent] = np.nan
    shares = {"first_group_estimate": 0.52, "second_group_estimate": 0.48, "difference": 0.04}
    for column, value in (shares | {"difference_low": 0.01, "difference_high": 0.07}).items():
        results.loc[is_first, column] = value
    return replace(marts, dim_hypotheses=hypotheses, fct_hypothesis_results=results)


@pytest.fixture(scope="module")
def sample(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    warehouse = opened(sample_warehouse, "clients.parquet")
    directory = tmp_path_factory.mktemp("sample")
    return made("sample", read_marts(sample_warehouse), warehouse, directory, is_synthetic=True)


@pytest.fixture(scope="module")
def bank(bank_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    warehouse = opened(bank_warehouse, "bank_dataset 2026.csv")
    return made("bank", read_marts(bank_warehouse), warehouse, tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def odd(sample: Case, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Decks of marts that another file may give."""
    cases = dict(degenerate(sample.marts))
    cases["no churn in segments"] = replace(
        sample.marts,
        fct_segment_metrics=sample.marts.fct_segment_metrics.assign(
            churned_clients=0, churn_rate=0.0, churn_rate_low=0.0
        ),
    )
    cases["hostile"] = with_hostile_cities(sample.marts)
    cases["other groups"] = with_other_groups(sample.marts)
    cases["random numbers"] = with_random_numbers(sample.marts, 1)
    return {
        name: made(name, marts, loaded(marts, "<b>=1+1.csv"), tmp_path_factory.mktemp("odd"))
        for name, marts in cases.items()
    }


ODD = [*CASES, "no churn in segments", "hostile", "other groups", "random numbers"]


@pytest.fixture(params=["sample", "bank"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


# -----------------------------------------------------------------------------------------------------------
# Numbers
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_is_what_its_source_says(case: Case, language: Language) -> None:
    deck = case.decks[language]
    assert all_faults(deck, case.warehouse) == []
    assert sum(len(deck.facts(number)) for number in range(len(deck.slides))) > 300
    assert sum(len(chart.cached) for number in range(len(deck.slides)) for chart in deck.charts(number)) > 50
    assert (
        sum(len(chart.intervals) for number in range(len(deck.slides)) for chart in deck.charts(number)) > 20
    )


@pytest.mark.parametrize("name", ODD)
def test_odd_inputs_give_whole_slides_with_the_right_numbers(odd: dict[str, Case], name: str) -> None:
    assert list(odd) == ODD
    for deck in odd[name].decks.values():
        # A label of the hostile case is shown cut, so its digits cannot be looked up.
        if name not in ("hostile", "a hostile city"):
            assert all_faults(deck, odd[name].warehouse) == []
        for number in range(len(deck.slides)):
            for text in (*deck.paragraphs(number), deck.notes[number]):
                assert BROKEN.search(text) is None, text
                assert ".." not in text
        titles = [slide.shapes.title.text_frame.text for slide in deck.slides]
        assert all(titles)


def test_both_languages_say_the_same_numbers(case: Case, odd: dict[str, Case]) -> None:
    for each in (case, *odd.values()):
        ru, en = (each.decks[language] for language in LANGUAGES)
        assert len(ru.slides) == len(en.slides)
        for number in range(len(ru.slides)):
            sources = [
                Counter(
                    (
                        fact.relation,
                        tuple(re.sub("_(ru|en)$", "", column) for column in fact.columns),
                        fact.key,
                    )
                    for fact in deck.facts(number)
                    # A label has digits in one language, and none in the other.
                    if fact.relation != "marts.dim_trait_levels"
                )
                for deck in (ru, en)
            ]
            assert sources[0] == sources[1]
            values = [[sorted(chart.cached.values()) for chart in deck.charts(number)] for deck in (ru, en)]
            assert values[0] == values[1]


# -----------------------------------------------------------------------------------------------------------
# Content
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_deck_tells_the_whole_story(case: Case, language: Language) -> None:
    deck = case.decks[language]
    assert len(deck.slides) in SLIDES
    told = [spaced(" ".join(deck.paragraphs(number))) for number in range(len(deck.slides))]
    for null in hypothesis_rows(case.marts)[f"null_{language}"].unique()[:4]:
        assert sum(null in text for text in told) == 1
    for _, row in case.marts.dim_segments.iterrows():
        assert any(row[f"name_{language}"] in text for text in told)
    for _, row in case.marts.fct_retention_proposals.iterrows():
        for column in ("title", "offer", "why", "condition"):
            assert sum(spaced(row[f"{column}_{language}"]) in text for text in told) == 1
    # A section that goes on on the next slide may keep its title.
    titles = [title for title, _ in groupby(slide.shapes.title.text_frame.text for slide in deck.slides)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_state_the_verdicts(case: Case, language: Language) -> None:
    """Only a test of equivalence may say equivalent, and only a rejected hypothesis that groups differ."""
    words: dict[Language, dict[str, str]] = {
        "ru": {
            "different": "различаются",
            "equivalent": "равнозначны",
            "inconclusive": "вывода сделать нельзя",
        },
        "en": {"different": "differ", "equivalent": "equivalent", "inconclusive": "do not decide"},
    }
    titles = [spaced(slide.shapes.title.text_frame.text) for slide in case.decks[language].slides]
    rows = hypothesis_rows(case.marts)
    for _, group in list(rows.groupby("hypothesis_id"))[:4]:
        metric = group[f"metric_{language}"].iloc[0]
        (title,) = [title for title in titles if title.startswith(f"{metric}: ")]
        for verdict, word in words[language].items():
            assert (word in title) == (verdict in set(group["conclusion"])), title
    changed = rows[rows["is_flipped"].fillna(value=False)][f"metric_{language}"].unique()
    assert any(all(metric in title for metric in changed) for title in titles)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hypothesis_slide_has_verdict_and_effect(case: Case, language: Language) -> None:
    deck = case.decks[language]
    tables = [
        {
            row.cells[0].text_frame.text: [cell.text_frame.text for cell in row.cells][1:]
            for row in shape.table.rows
        }
        for slide in deck.slides
        for shape in slide.shapes
        if shape.has_table
    ]
    verdict = "Вывод" if language == "ru" else "Verdict"
    shown = [table for table in tables if verdict in table]
    rows = hypothesis_rows(case.marts)
    tested = rows[rows["conclusion"] != "not_tested"]
    groups = [group for _, group in tested.groupby("hypothesis_id")][:4]
    assert len(shown) == len(groups) == 4
    for table, group in zip(shown, groups, strict=True):
        expected = [words_of(case.marts, language).verdict(conclusion) for conclusion in group["conclusion"]]
        assert [spaced(text) for text in table[verdict]] == expected
        decided = table["Нулевая гипотеза" if language == "ru" else "Null hypothesis"]
        assert [not text.startswith(("не ", "not ")) for text in decided] == list(group["is_null_rejected"])


def test_the_deck_says_that_data_are_synthetic(sample: Case, bank: Case) -> None:
    words: dict[Language, str] = {"ru": "синтетические", "en": "ynthetic"}
    for language, word in words.items():
        for number in range(len(sample.decks[language].slides)):
            assert any(word in text for text in sample.decks[language].paragraphs(number))
        assert not any(word in text for text in bank.decks[language].paragraphs(0))


def test_charts_can_be_edited_and_pictures_are_described(case: Case) -> None:
    for deck in case.decks.values():
        shapes = [shape for slide in deck.slides for shape in slide.shapes]
        charts = [shape for shape in shapes if shape.has_chart]
        pictures = [shape for shape in shapes if shape._element.tag.endswith("}pic")]
        assert len(charts) == 11
        assert len(pictures) == 1
        for shape in (*charts, *pictures):
            assert len(shape._element.xpath(".//p:cNvPr")[0].get("descr")) > 20
        assert sum(len(shape.chart._chartSpace.xpath(".//c:errBars")) for shape in charts) == 8


def test_the_same_marts_give_the_same_bytes(sample: Case, tmp_path: Path) -> None:
    again = write_decks(sample.marts, tmp_path, input_name="clients.parquet", is_synthetic=True)
    for deck, path in zip(sample.decks.values(), again, strict=True):
        assert deck.path.read_bytes() == path.read_bytes()


def test_hostile_values_do_no_harm(odd: dict[str, Case]) -> None:
    """They are shown as text, in the slides and in the workbooks that a spreadsheet opens."""
    for deck in odd["hostile"].decks.values():
        told = [text for number in range(len(deck.slides)) for text in deck.paragraphs(number)]
        assert any("<img src=x onerror=alert" in text for text in told)
        assert any("=cmd|" in text for text in told)
        sheets = [chart.sheet for number in range(len(deck.slides)) for chart in deck.charts(number)]
        assert not any(each.formulas for each in sheets)
        texts = [text for each in sheets for text in each.cells.values() if isinstance(text, str)]
        assert any(text.startswith("=") for text in texts)
        assert max(map(len, texts)) < 100
        with zipfile.ZipFile(deck.path) as file:
            for name in file.namelist():
                if name.endswith((".xml", ".rels")):
                    content = file.read(name)
                    ElementTree.fromstring(content)
                    assert b"<img" not in content
                if name.endswith(".rels"):
                    assert b'TargetMode="External"' not in content


# -----------------------------------------------------------------------------------------------------------
# A bank's own template
# -----------------------------------------------------------------------------------------------------------


def template(directory: Path, change: Callable[[Any], None]) -> Path:
    """The template that ships, changed by its owner."""
    presentation = Presentation(str(TEMPLATE))
    change(presentation)
    path = directory / "bank.pptx"
    presentation.save(str(path))
    return path


def layout(presentation: Any, name: str) -> Any:
    return presentation.slide_layouts.get_by_name(name)


def without_layout(presentation: Any) -> None:
    layout(presentation, "Two proposals")._element.cSld.set("name", "Two ideas")


def without_placeholder(presentation: Any) -> None:
    (found,) = (each for each in layout(presentation, "Table").placeholders if each.name == "Table")
    found._element.getparent().remove(found._element)


def with_another_kind(presentation: Any) -> None:
    (found,) = (each for each in layout(presentation, "Chart and text").placeholders if each.name == "Chart")
    found._element.xpath(".//p:ph")[0].set("type", "body")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_layout, "has no layout “Two proposals”"),
        (without_placeholder, "the layout “Table” of .* has no placeholder “Table” for table"),
        (with_another_kind, "the layout “Chart and text” of .* has no placeholder “Chart” for chart"),
    ],
)
def test_a_template_that_lacks_something_is_refused(
    tmp_path: Path, change: Callable[[Any], None], said: str
) -> None:
    with pytest.raises(RefusedError, match=rf"^DECK_TEMPLATE: .*{said}[^.]*deck\.pptx\.$"):
        check_template(template(tmp_path, change))


def test_what_is_no_presentation_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pptx", tmp_path / "text.pptx", tmp_path):
        if path.stem == "text":
            path.write_text("a text", encoding="utf-8")
        with pytest.raises(RefusedError, match=f"^DECK_TEMPLATE: {path} cannot be read as a PowerPoint file"):
            check_template(path)


def test_the_decks_are_laid_out_on_the_banks_template(sample: Case, tmp_path: Path) -> None:
    """Its sizes and colours are taken, its own slides are not."""

    def change(presentation: Any) -> None:
        presentation.slides.add_slide(layout(presentation, "Table")).shapes.title.text = "How to use this"
        (title,) = (each for each in layout(presentation, "Table").placeholders if each.name == "Title")
        title.top = Pt(7)

    path = template(tmp_path, change)
    check_template(path)
    decks = write_decks(
        sample.marts, tmp_path, input_name="clients.parquet", is_synthetic=True, template=path
    )
    for language, deck in zip(LANGUAGES, decks, strict=True):
        slides = Read(deck, language).slides
        assert len(slides) == len(sample.decks[language].slides)
        assert slides[1].shapes.title.top == Pt(7)
        with zipfile.ZipFile(deck) as file:
            assert not any(b"How to use this" in file.read(name) for name in file.namelist())
            assert sum(name.startswith("ppt/slides/slide") for name in file.namelist()) == len(slides)


# -----------------------------------------------------------------------------------------------------------
# What LibreOffice draws
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Word:
    """A word on a rendered page, in points from the upper left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Word") -> bool:
        """Whether both cover the same spot."""
        across = min(self.right, other.right) - max(self.left, other.left)
        # The box of a word is as high as its font's line, its letters fill the middle of it.
        slack = 0.22 * min(self.bottom - self.top, other.bottom - other.top)
        down = min(self.bottom, other.bottom) - max(self.top, other.top) - slack
        return across > TOLERANCE and down > TOLERANCE


@pytest.fixture(scope="module")
def rendered(
    sample: Case, bank: Case, odd: dict[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> dict[Path, Path]:
    """Every deck as PDF."""
    if not all(map(shutil.which, ("soffice", "pdftotext", "pdftoppm"))):
        missing("LibreOffice Impress and poppler-utils are not installed")
    directory = tmp_path_factory.mktemp("rendered")
    copies = {}
    for each in (sample, bank, *odd.values()):
        for language, deck in each.decks.items():
            if each.name in ("sample", "bank") or language == "ru":
                copies[deck.path] = directory / f"{each.name.replace(' ', '_')}.{language}.pptx"
                shutil.copy(deck.path, copies[deck.path])
    run = subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={(directory / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "pdf",
            "--outdir",
            directory,
            *copies.values(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    pages = {path: copy.with_suffix(".pdf") for path, copy in copies.items()}
    assert all(pdf.is_file() for pdf in pages.values()), run.stdout + run.stderr
    return pages


def rendered_words(pdf: Path) -> list[list[Word]]:
    """The words of every page."""
    run = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True, check=True)
    tree = ElementTree.fromstring(re.sub(r"<!DOCTYPE.*?>|xmlns=\"[^\"]*\"", "", run.stdout, flags=re.DOTALL))
    return [
        [
            Word(word.text or "", *(float(word.attrib[side]) for side in ("xMin", "yMin", "xMax", "yMax")))
            for word in page.iter("word")
            if word.text != "•"
        ]
        for page in tree.iter("page")
    ]


def shape_texts(slide: Any) -> Iterator[tuple[Word, str]]:
    """The frames of a slide in points, with everything that is written in them."""
    for shape in slide.shapes:
        frame = [value / Pt(1) for value in (shape.left, shape.top, shape.width, shape.height)]
        text = ""
        if shape.has_text_frame:
            is_number = bool(shape._element.xpath(".//a:fld"))
            text = "*" if is_number else shape._element.xpath("string(.)")
        elif shape.has_table:
            text = " ".join(cell.text_frame.text for row in shape.table.rows for cell in row.cells)
        elif shape.has_chart:
            text = "*"
        yield Word(shape.name, frame[0], frame[1], frame[0] + frame[2], frame[1] + frame[3]), text


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def layout_faults(deck: Read, pdf: Path) -> list[str]:
    """Words outside the slide or outside the shape that holds them, over each other, or missing."""
    pages = rendered_words(pdf)
    faults = [] if len(pages) == len(deck.slides) else ["pages are missing"]
    raw = subprocess.run(["pdftotext", "-raw", pdf, "-"], capture_output=True, text=True, check=True).stdout
    for number, (slide, words, text) in enumerate(
        zip(deck.slides, pages, raw.split("\f"), strict=False), start=1
    ):
        frames = list(shape_texts(slide))
        for word in words:
            holds = [
                frame
                for frame, held in frames
                if (held == "*" or squeezed(word.text) in squeezed(held))
                and frame.left - TOLERANCE <= word.left
                and word.right <= frame.right + TOLERANCE
                and frame.top - TOLERANCE <= word.top
                and word.bottom <= frame.bottom + TOLERANCE
            ]
            if not holds:
                faults.append(f"slide {number}: {word} is not in its shape")
        faults += [
            f"slide {number}: {one} and {two} are over each other"
            for one, two in combinations(words, 2)
            if one.overlap(two)
        ]
        for (one, _), (two, _) in combinations(frames, 2):
            across = min(one.right, two.right) - max(one.left, two.left)
            down = min(one.bottom, two.bottom) - max(one.top, two.top)
            if across > TOLERANCE and down > TOLERANCE:
                faults.append(f"slide {number}: {one} and {two} cover each other")
        shown = squeezed(text)
        faults += [
            f"slide {number}: {paragraph!r} is not shown"
            for paragraph in deck.paragraphs(number - 1)
            if squeezed(paragraph) not in shown
        ]
    return faults


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_or_covered(case: Case, language: Language, rendered: dict[Path, Path]) -> None:
    deck = case.decks[language]
    assert layout_faults(deck, rendered[deck.path]) == []
    for number, slide in enumerate(deck.slides):
        for paragraph in deck.paragraphs(number):
            assert "…" not in paragraph
        texts = [slide.slide_layout._element.xpath(".//a:defRPr"), slide._element.xpath(".//a:r/a:rPr")]
        sizes = [text.get("sz") for text in chain(*texts) if text.get("sz")]
        assert min(int(size) for size in sizes) >= 1100, f"slide {number + 1}"


@pytest.mark.parametrize("name", ODD)
def test_odd_inputs_fit_too(odd: dict[str, Case], name: str, rendered: dict[Path, Path]) -> None:
    deck = odd[name].decks["ru"]
    assert layout_faults(deck, rendered[deck.path]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slide_renders_to_a_picture(
    case: Case, language: Language, rendered: dict[Path, Path], tmp_path: Path
) -> None:
    deck = case.decks[language]
    subprocess.run(
        ["pdftoppm", "-r", "30", "-png", rendered[deck.path], tmp_path / "slide"],
        check=True,
        capture_output=True,
    )
    pictures = sorted(tmp_path.glob("slide-*.png"))
    assert len(pictures) == len(deck.slides)
    for path in pictures:
        picture = imread(path)
        assert picture.shape[:2] == (225, 400)
        assert picture[..., :3].std() > 0.05
    shapes = [shape for slide in deck.slides for shape in slide.shapes if shape._element.tag.endswith("}pic")]
    (drawn_by_us,) = (imread(io.BytesIO(shape.image.blob), format="png") for shape in shapes)
    edge = [drawn_by_us[:2], drawn_by_us[-2:], drawn_by_us[:, -2:]]
    assert all(part[..., :3].min() == 1 for part in edge), "a text of the picture is cut"
