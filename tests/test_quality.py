"""The data quality page says whether the data are accepted, what was checked, and why where they are not."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from bank_segments.ingest import client_file
from bank_segments.marts import Marts
from bank_segments.outputs.pages import INDEX, reason_text, write_quality_page
from bank_segments.release.expectations import ExpectationOutcome
from bank_segments.release.gate import GateResult, check_gate
from bank_segments.warehouse import Build
from bank_segments.words import Words
from conftest import rows_in
from fault_table import suites


class Reader(HTMLParser):
    """The text of a page, its links, and the elements that it has."""

    def __init__(self, page: str) -> None:
        """Read the page at once."""
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element and where it points."""
        self.tags.add(tag)
        self.links += [
            value or "" for name, value in attributes if name in ("href", "src", "action", "srcset")
        ]

    def handle_data(self, text: str) -> None:
        """Note what a reader sees."""
        self.text += text


@dataclass
class Page:
    """What the page is made from; `written` gives it in both languages."""

    build: Build
    gate: GateResult
    marts: Marts
    outcomes: Sequence[ExpectationOutcome]
    input_name: str = "clients.csv"

    def written(self, directory: Path) -> dict[str, Reader]:
        """Write the page and read it as a browser would; nothing in it may point outside."""
        write_quality_page(
            directory,
            self.marts,
            build=self.build,
            gate=self.gate,
            outcomes=self.outcomes,
            run_id="R2",
            input_name=self.input_name,
            is_synthetic=False,
        )
        pages = {language: (directory / name).read_text(encoding="utf-8") for language, name in INDEX.items()}
        for page in pages.values():
            assert not re.search(r"https?:|//[a-z]|url\(|@import|<script", page)
        return {language: Reader(page) for language, page in pages.items()}


@pytest.fixture
def page(sample_warehouse: Path, marts: Marts, tmp_path: Path) -> Page:
    """A page on the sample with every expectation met and every test of dbt passed."""
    build = Build(tmp_path / "build")
    build.directory.mkdir()
    build.warehouse.symlink_to(sample_warehouse)
    build.manifest.symlink_to(sample_warehouse.with_name("manifest.json"))
    nodes = json.loads(build.manifest.read_text(encoding="utf-8"))["nodes"]
    write_results(build, {name: "pass" for name, node in nodes.items() if node["resource_type"] == "test"})
    outcomes = [
        ExpectationOutcome(
            suite["name"], each["type"], "name", each["meta"]["meaning"], is_met=True, observed=""
        )
        for suite in suites()
        for each in suite["expectations"]
    ]
    return Page(build, check_gate(sample_warehouse, None), marts, outcomes)


def write_results(build: Build, statuses: Mapping[str, str]) -> None:
    results = [{"unique_id": name, "status": status} for name, status in statuses.items()]
    build.run_results.write_text(json.dumps({"results": results}), encoding="utf-8")


def test_the_page_of_an_accepted_run(page: Page, tmp_path: Path, sample_warehouse: Path) -> None:
    noted = "count(*) filter (where is_loyal and is_churned), count(*) filter (where balance is null)"
    ((loyal, without_balance),) = rows_in(sample_warehouse, f"select {noted} from marts.dim_clients")
    pages = page.written(tmp_path / "data_quality")
    russian, english = pages["ru"].text, pages["en"].text
    assert "Данные приняты" in russian
    assert "с предупреждениями" not in russian
    assert "The data are accepted" in english
    assert "with warnings" not in english
    assert "10\u00a0000" in russian
    assert "10,000" in english
    for text, thousands in ((russian, "\u00a0"), (english, ",")):
        assert f": {loyal}." in text
        assert f": {without_balance:,}.".replace(",", thousands) in text
        assert "seeds/shared/gate_limits.csv" in text
    assert "сравнивать не с чем" in russian
    assert "nothing to compare it with" in english
    meanings = {outcome.meaning for outcome in page.outcomes}
    assert {meaning for meaning in meanings if meaning not in english} == set()
    assert {meaning for meaning in meanings if Words("ru").gettext(meaning) not in russian} == set()
    assert f"Выполнено {len(meanings)} из {len(meanings)}" in russian
    assert "marts.fct_segment_metrics" in english
    assert pages["ru"].links == ["data:,", "../index.html", "index.en.html"]
    assert pages["en"].links == ["data:,", "../index.en.html", "index.html"]
    assert not re.search("[а-яё]", english.replace("По-русски", "").lower())
    assert not {"script", "img", "iframe"} & pages["ru"].tags


def test_every_test_of_dbt_is_on_the_page(page: Page, tmp_path: Path) -> None:
    names = list(json.loads(page.build.run_results.read_text(encoding="utf-8"))["results"])
    text = page.written(tmp_path / "passed")["en"].text
    assert text.count("✓ fine") == len(names) + 1  # and the rejected rows
    first, second = names[0]["unique_id"], names[1]["unique_id"]
    statuses = {name["unique_id"]: "pass" for name in names} | {first: "warn"}
    write_results(page.build, statuses)
    warned = page.written(tmp_path / "warned")
    assert "accepted with warnings" in warned["en"].text
    assert "Проверок dbt с предупреждением: 1." in warned["ru"].text
    write_results(page.build, statuses | {second: "fail"})
    failed = page.written(tmp_path / "failed")
    assert "The data are not accepted" in failed["en"].text
    assert "Проверок dbt не пройдено: 1." in failed["ru"].text
    page.build.run_results.unlink()
    assert "no results of dbt" in page.written(tmp_path / "absent")["en"].text


def test_drift_is_on_the_page_with_the_trait_in_words(
    page: Page, tmp_path: Path, sample_warehouse: Path
) -> None:
    release = tmp_path / "R1"
    release.mkdir()
    shutil.copy(sample_warehouse, release / "bank_marts.duckdb")
    with duckdb.connect(str(release / "bank_marts.duckdb")) as connection:
        connection.execute("create table quality.moved as from quality.trait_distribution")
        connection.execute(
            "update quality.moved set share_of_clients = 1 - share_of_clients where trait = 'is_churned'"
        )
        connection.execute(
            "update quality.moved set share_of_clients = share_of_clients * 0.5 where level = 'Рыбинск'"
        )
        connection.execute("create or replace view quality.trait_distribution as from quality.moved")
    stopped = replace(page, gate=check_gate(sample_warehouse, release)).written(tmp_path / "stopped")
    assert "Данные не приняты" in stopped["ru"].text
    assert "«Уход»: распределение сдвинулось" in stopped["ru"].text
    assert "Предел 0,250." in stopped["ru"].text
    assert "«Город»" not in stopped["ru"].text  # a warning is no reason to stop
    allowed = replace(page, gate=check_gate(sample_warehouse, release, allow_drift=True))
    pages = allowed.written(tmp_path / "allowed")
    assert "accepted with warnings" in pages["en"].text
    assert "“Churn”: the distribution moved" in pages["en"].text
    assert "ALLOW_DRIFT=1" in pages["en"].text
    assert "Compared with release R1" in pages["en"].text


def test_an_unmet_expectation_is_on_the_page_with_what_was_seen(page: Page, tmp_path: Path) -> None:
    outcomes = [replace(page.outcomes[3], is_met=False, observed="1 of 42: 1.2"), *page.outcomes]
    pages = replace(page, outcomes=outcomes).written(tmp_path / "unmet")
    assert "The data are not accepted" in pages["en"].text
    assert "seen: 1 of 42: 1.2" in pages["en"].text
    assert "✕ не выполнено" in pages["ru"].text


HOSTILE_TEXT = "<img src=x onerror=alert(1)>&\"'{input_name}"


def test_text_from_outside_stays_text(page: Page, tmp_path: Path) -> None:
    reasons = pd.DataFrame({"reason": [HOSTILE_TEXT, "Age is not a number"], "rejected_rows": [3, 12345]})
    unmet = replace(page.outcomes[0], is_met=False, meaning=HOSTILE_TEXT, observed=HOSTILE_TEXT)
    marts = replace(page.marts, rejection_reasons=reasons)
    pages = replace(page, marts=marts, outcomes=[unmet], input_name=HOSTILE_TEXT).written(tmp_path / "page")
    for reader in pages.values():
        assert reader.text.count(HOSTILE_TEXT) >= 5
        assert "img" not in reader.tags
    assert "Age: не число" in pages["ru"].text
    assert "12\u00a0345" in pages["ru"].text


@pytest.fixture
def reasons(sample_warehouse: Path) -> set[str]:
    """The reasons for rejection in the SQL that loads and cleans the clients."""
    manifest: dict[str, Any] = json.loads(
        sample_warehouse.with_name("manifest.json").read_text(encoding="utf-8")
    )
    loading = Path(client_file.__file__).read_text(encoding="utf-8")
    cleaning = manifest["nodes"]["model.bank_segments.stg_bank__client_rows"]["compiled_code"]
    return set(re.findall(r"then '([^']+ [^']+)'", loading + cleaning))


def test_every_reason_that_the_models_can_give_has_russian_words(reasons: set[str]) -> None:
    assert len(reasons) > 20
    assert "row has more fields than the header" in reasons
    assert [reason for reason in reasons if not re.search("[а-яё]", reason_text(reason, Words("ru")))] == []
