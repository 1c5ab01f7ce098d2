"""The data quality page says whether the data are accepted, what was checked, and why where they are not."""

import html
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from bank_segments.ingest import client_file
from bank_segments.marts import Marts
from bank_segments.outputs.pages import INDEX, reason_text, write_quality_page
from bank_segments.release.expectations import ExpectationOutcome
from bank_segments.release.gate import check_gate
from bank_segments.warehouse import Build
from bank_segments.words import LANGUAGES, Language, Words
from conftest import rows_in
from fault_table import suites

# Writes the page from other values than those of an accepted run, and gives what is read in each language.
Write = Callable[..., dict[Language, str]]


@pytest.fixture
def build(sample_warehouse: Path, tmp_path: Path) -> Build:
    """What dbt left of a run on the sample that passed every test."""
    build = Build(tmp_path / "build")
    build.directory.mkdir()
    build.manifest.symlink_to(sample_warehouse.with_name("manifest.json"))
    write_results(build, dict.fromkeys(data_tests(build), "pass"))
    return build


def data_tests(build: Build) -> list[str]:
    nodes = json.loads(build.manifest.read_text(encoding="utf-8"))["nodes"]
    return [name for name, node in nodes.items() if node["resource_type"] == "test"]


def write_results(build: Build, statuses: Mapping[str, str]) -> None:
    results = [{"unique_id": name, "status": status} for name, status in statuses.items()]
    build.run_results.write_text(json.dumps({"results": results}), encoding="utf-8")


OUTCOMES = [
    ExpectationOutcome(suite["name"], "name", each["meta"]["meaning"], is_met=True, observed="")
    for suite in suites()
    for each in suite["expectations"]
]


@pytest.fixture
def write(build: Build, marts: Marts, sample_warehouse: Path, tmp_path: Path) -> Write:
    accepted: dict[str, Any] = {
        **{"build": build, "marts": marts, "gate": check_gate(sample_warehouse, None), "outcomes": OUTCOMES},
        **{"input_name": "clients.csv", "run_id": "R2", "is_synthetic": False},
    }

    def written(**values: Any) -> dict[Language, str]:
        write_quality_page(tmp_path / "page", **accepted | values)
        pages = {each: (tmp_path / "page" / INDEX[each]).read_text(encoding="utf-8") for each in LANGUAGES}
        for language, page in pages.items():
            (other,) = {*LANGUAGES} - {language}
            assert f'<a href="{INDEX[other]}" hreflang="{other}"' in page
            assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<img|<iframe", page)
        silent = re.compile(r"<style>.*?</style>|<.*?>", re.DOTALL)
        return {language: html.unescape(silent.sub("", page)) for language, page in pages.items()}

    return written


def test_the_page_of_an_accepted_run(write: Write, sample_warehouse: Path) -> None:
    noted = "count(*) filter (where is_loyal and is_churned), count(*) filter (where balance is null)"
    (notes,) = rows_in(sample_warehouse, f"select {noted} from marts.dim_clients")
    pages = write()
    assert "Данные приняты" in pages["ru"]
    assert "The data are accepted" in pages["en"]
    assert "nothing to compare it with" in pages["en"]
    meanings = {outcome.meaning for outcome in OUTCOMES}
    assert f"Выполнено {len(meanings)} из {len(meanings)}" in pages["ru"]
    for language, text in pages.items():
        words = Words(language)
        assert "предупреждениями" not in text
        assert "with warnings" not in text
        for told in (words.number(10_000), *(f": {words.number(clients)}." for clients in notes)):
            assert told in text
        assert {meaning for meaning in meanings if words.gettext(meaning) not in text} == set()
    assert not re.search("[а-яё]", pages["en"].replace("По-русски", "").lower())


def test_every_test_of_dbt_is_on_the_page(write: Write, build: Build) -> None:
    first, *others = data_tests(build)
    assert write()["en"].count("✓ fine") == len(others) + 2  # and the rejected rows
    write_results(build, dict.fromkeys(others, "pass") | {first: "warn"})
    warned = write()
    assert "accepted with warnings" in warned["en"]
    assert "Проверок dbt с предупреждением: 1." in warned["ru"]


def test_what_moved_is_on_the_page_in_words(write: Write, tmp_path: Path, sample_warehouse: Path) -> None:
    release = tmp_path / "R1"
    release.mkdir()
    shutil.copy(sample_warehouse, release / "bank_marts.duckdb")
    with duckdb.connect(str(release / "bank_marts.duckdb")) as connection:
        connection.execute("create table quality.moved as from quality.trait_distribution")
        connection.execute(
            "update quality.moved set share_of_clients = 1 - share_of_clients where trait = 'is_churned'"
        )
        connection.execute("update quality.moved set share_of_clients = share_of_clients * 0.5 where level = 'Рыбинск'")
        connection.execute("create or replace view quality.trait_distribution as from quality.moved")
        connection.execute("create table marts.moved as from marts.fct_hypothesis_results")
        connection.execute("update marts.moved set conclusion = 'inconclusive' where hypothesis_id = 'h1_age'")
        connection.execute("create or replace view marts.fct_hypothesis_results as from marts.moved")
    pages = write(gate=check_gate(sample_warehouse, release, allow_drift=True))
    assert "«Уход»: распределение сдвинулось" in pages["ru"]
    assert "Предел 0,250." in pages["ru"]
    assert "accepted with warnings" in pages["en"]
    assert "“Churn”: the distribution moved" in pages["en"]
    assert "“Mean age”: the verdict is not that of the previous release, populations: 2." in pages["en"]
    assert "ALLOW_DRIFT=1" in pages["en"]
    assert "Compared with release R1" in pages["en"]


HOSTILE_TEXT = "<img src=x onerror=alert(1)>&\"'{input_name}"


def test_text_from_outside_stays_text(write: Write, marts: Marts) -> None:
    reasons = pd.DataFrame({"reason": [HOSTILE_TEXT, "Age is not a number"], "rejected_rows": [3, 12345]})
    outcome = replace(OUTCOMES[0], meaning=HOSTILE_TEXT)
    changed = replace(marts, rejection_reasons=reasons)
    pages = write(marts=changed, outcomes=[outcome], input_name=HOSTILE_TEXT)
    for text in pages.values():
        assert text.count(HOSTILE_TEXT) == 3
    assert "Age: не число" in pages["ru"]
    assert "12\u00a0345" in pages["ru"]


def test_every_reason_that_the_models_can_give_has_russian_words(build: Build) -> None:
    loading = Path(client_file.__file__).read_text(encoding="utf-8")
    nodes = json.loads(build.manifest.read_text(encoding="utf-8"))["nodes"]
    cleaning = nodes["model.bank_segments.stg_bank__client_rows"]["compiled_code"]
    reasons = set(re.findall(r"then '([^']+ [^']+)'", loading + cleaning))
    assert len(reasons) > 20
    assert "row has more fields than the header" in reasons
    assert [reason for reason in reasons if not re.search("[а-яё]", reason_text(reason, Words("ru")))] == []
