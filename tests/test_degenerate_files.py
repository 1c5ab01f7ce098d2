"""Files that leave statistics without a value: every output is written in whole sentences, and claims no finding."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pptx import Presentation

from bank_segments import SAMPLE, register_rows
from bank_segments.marts import Marts, read_marts
from bank_segments.outputs.charts import chart_style, figures
from bank_segments.outputs.conclusions import write_conclusions
from bank_segments.outputs.dashboard import write_dashboards
from bank_segments.outputs.deck import write_deck
from bank_segments.release.disclosure import published_cube
from bank_segments.release.expectations import validate
from bank_segments.release.publish import write_marts
from bank_segments.warehouse import Build
from bank_segments.words import LANGUAGES
from fault_table import saw
from output_cases import BROKEN, embedded
from test_charts import NAMES, drawn
from without_dbt import build

GROUPS = "(from clients where Products = 1 limit 60) union all (from clients where Products = 2 limit {})"
FILES = {
    "1 client": "from clients limit 1",
    "12 clients": "from clients limit 12",
    "1 client in a group": GROUPS.format(1),
    "5 clients in a group": GROUPS.format(5),
    "one product": "from clients where Products = 1 limit 60",
    "nobody left": "from clients where Churn = 0 limit 60",
    "a row that is no client": "(from clients limit 30) union all by name (select null as userid)",
    "everybody left": "from clients where Churn = 1 limit 60",
    "clients alike": "select * replace (500 as score, 'Рыбинск' as City, 'М' as Gender, 40 as Age, 3 as Objects,"
    " null as Balance, 1 as CreditCard, 1 as Loyalty, 50000 as estimated_salary) from clients limit 60",
}
# What a chart is called where nothing stands out.
NEUTRAL = {
    "churn_by_trait": "No group stands out: churn is nowhere clearly above the bank’s",
    "leavers_portrait": "How leavers differ from the active",
    "churn_drivers": "With all else equal no trait is shown to matter for churn",
    "product_count_portraits": "Portraits of the active clients by number of products",
    "segments": "Coverage of the segments: churn marks none of them",
    "segment_candidates": "No segment was found beside the bank’s own",
    "hypotheses_forest": "What the hypotheses showed",
    "retention_tornado": "Profit of the proposals",
    "pilot_power": "There is no pilot to plan",
}
# The charts of a file that still have a finding.
FINDINGS: dict[str, set[str]] = {
    "1 client": set(),
    "nobody left": {"hypotheses_forest", "retention_tornado"},
    "everybody left": set(),
}
CLAIMS = re.compile(
    r"highest|lowest|strongest|sets .* apart|выше всего|ниже всего|сильнее всего|отличает", re.IGNORECASE
)


# Where no offer can be reckoned there is nothing to draw of it.
MAY_BE_LEFT_OUT = {"retention_tornado", "pilot_power"}
UNCOMPARED = "The traits cannot be compared with all else equal"


@dataclass(frozen=True, slots=True)
class Written:
    """The outputs of one file and the marts behind them; each other file has its charts and its deck in Russian."""

    file: str
    marts: Marts
    folder: Path
    titles: list[str]
    deck: Path

    def texts(self) -> Iterator[str]:
        """All that a reader reads: findings, titles of charts, slides with their notes."""
        yield from self.titles
        for language in LANGUAGES:
            yield (self.folder / f"conclusions.{language}.md").read_text(encoding="utf-8")
        for slide in Presentation(str(self.deck)).slides:
            for shape in (*slide.shapes, *slide.notes_slide.shapes):
                yield shape.text_frame.text if shape.has_text_frame else ""


@pytest.fixture(scope="module", params=FILES)
def written(
    request: pytest.FixtureRequest, sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Written:
    """Build the models on a file, every data test holding, and write what a release holds."""
    folder = tmp_path_factory.mktemp("degenerate")
    clients, warehouse = folder / "clients.parquet", folder / "bank.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"create view clients as from '{SAMPLE}'")
        connection.execute(f"copy ({FILES[request.param]}) to '{clients}' (format parquet)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert build(clients, sample_warehouse, warehouse) == []
    marts = read_marts(warehouse)
    names: dict[str, Any] = {"input_name": clients.name, "is_synthetic": False}
    for language in LANGUAGES:
        write_conclusions(marts, folder, language, **names)
    language = LANGUAGES[list(FILES).index(request.param) % 2]
    deck = write_deck(marts, folder, language, **names)
    write_dashboards(marts, published_cube(warehouse), folder, **names)
    write_marts(Build(folder), folder / "bank_marts.duckdb")
    with chart_style():
        titles = [figure.get_suptitle() for figure in figures(marts, language).values()]
    return Written(request.param, marts, folder, titles, deck)


def test_every_sentence_is_whole(written: Written) -> None:
    assert len(NAMES) - len(MAY_BE_LEFT_OUT) <= len(written.titles) <= len(NAMES)
    assert all(written.titles)
    for text in written.texts():
        assert BROKEN.search(text) is None, text
    for language in LANGUAGES:
        embedded(written.folder / f"dashboard.{language}.html")
    results = written.marts.fct_hypothesis_results
    untested = results.loc[results["is_primary"], "conclusion"] == "not_tested"
    marked = written.marts.fct_churn_portrait["standout_rank"].count()
    told = "без ответа / not tested {} из / of {} проверок / tests; выделяется уровней / levels that stand out {}"
    saw("degenerate", written.file, told.format(untested.sum(), len(untested), marked))


@pytest.mark.parametrize("written", FINDINGS, indirect=True)
def test_charts_are_whole_and_claim_nothing_where_nothing_stands_out(written: Written) -> None:
    with chart_style():
        english, russian = figures(written.marts, "en"), drawn(written.marts, "ru")
    told = {name: figure.get_suptitle() for name, figure in english.items()}
    assert set(NAMES) - set(told) <= MAY_BE_LEFT_OUT
    claims = {name for name, title in told.items() if title not in (NEUTRAL[name], UNCOMPARED)}
    assert claims == FINDINGS[written.file]
    shown = [*told.values(), *(figure.get_suptitle() for figure in russian.values())]
    assert not [title for title in shown if re.search(r"\b0[.,]0.?%", title)]


@pytest.mark.parametrize("written", ["1 client", "nobody left"], indirect=True)
def test_one_client_and_nobody_are_said_as_such(written: Written) -> None:
    wrong = re.compile(r"\b1 clients|\b1.клиентов|will leave: 0|уйдут 0|\b0 of [\d,]+ active")
    assert [text for text in written.texts() if wrong.search(text)] == []


@pytest.mark.parametrize("written", ["one product"], indirect=True)
def test_without_a_group_nothing_is_tested_and_every_row_says_why(written: Written) -> None:
    sentences = {row["reason_code"]: (row["reason_ru"], row["reason_en"]) for row in register_rows("undefined_reasons")}
    results = written.marts.fct_hypothesis_results
    assert len(results) == 6 * 2 * 3
    assert (results["first_group_clients"] == 0).all()
    assert (results["second_group_clients"] == 60).any()
    assert results[["verdict", "p_value", "difference"]].isna().all(axis=None)
    for row in results.itertuples():
        reason = "no_usable_stratum" if row.test == "cochran_mantel_haenszel" else "empty_group"
        assert (row.reason_ru, row.reason_en) == sentences[reason]
    matrix, effects = written.marts.fct_hypothesis_sensitivity, written.marts.fct_hypothesis_effects
    assert matrix[["verdict", "is_flipped"]].isna().all(axis=None)
    assert set(effects["reason_en"]) == {sentences["empty_group"][1]}


def test_the_release_is_what_is_expected_of_one(written: Written) -> None:
    assert [each.meaning for each in validate(written.folder / "bank_marts.duckdb") if not each.is_met] == []


def test_there_is_no_finding(written: Written) -> None:
    """Not even of a proposal that would pay if as many left as of the few clients alike."""
    assert written.marts.fct_findings.empty


@pytest.mark.parametrize("written", ["1 client", "12 clients"], indirect=True)
def test_so_few_clients_show_nothing(written: Written) -> None:
    assert written.marts.fct_churn_portrait["standout_rank"].isna().all()
    lines = (line for text in written.texts() for line in text.splitlines())
    assert [line for line in lines if CLAIMS.search(line) and not re.match(r"(!\[)?(No|Ни) ", line)] == []
