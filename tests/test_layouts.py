"""Each layout needs registers alone: a whole release, whose marts equal pandas and scipy on its file.

One of the layouts is a file that no bank describes, with the registers that `make bank` proposes for it.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from bank_segments.ingest import sample
from bank_segments.warehouse import Build
from conftest import (
    DATA_TESTS,
    OTHER_BANK,
    ROOT,
    copy_all,
    copy_project,
    csv_rows,
    dbt,
    other_bank,
    ran,
    rows_in,
)
from output_cases import deck_texts
from whole_release import assert_whole

BANKS = [OTHER_BANK, "three_traits"]
UNSEEN = "a file of layout 2 that no bank describes"
MEDIAN = {"ru": "едиан", "en": "edian"}
WORDS = {"1": "true", "0": "false", "да": "true", "нет": "false", "yes": "true", "no": "false"}


ANSWERS = {
    "segments.csv": "segment_1,Активные,Active,Недавно активные.,Active lately.\n",
    "segment_rules.csv": "segment_1,used_lately,=,true\nsegment_1,product_count,>=,2\nsegment_1,age,<,40\n",
}


@dataclass(frozen=True)
class Layout:
    """A bank's registers, its clients under our names as pandas reads them, and the release about them."""

    registers: Path
    clients: pd.DataFrame
    release: Path

    def register(self, name: str) -> list[dict[str, str]]:
        """The rows of a register, every cell as text."""
        return csv_rows(self.registers / f"{name}.csv")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the published marts answer."""
        return rows_in(self.release / "bank_marts.duckdb", query)


def sample_of(bank: str, project: Path = ROOT) -> Path:
    return project / "seeds/banks" / bank / "sample/clients.parquet"


def read(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = duckdb.read_parquet(str(path)).df()
    return frame


def level_of(band: dict[str, str], kind: str) -> str:
    low, up = band["lower_bound"], band["upper_bound"]
    if not low or not up:
        return f"{low}+" if low else f"<{up}"
    return f"{low}-{int(up) - 1 if kind == 'integer' else up}"


def layout_of(registers: Path, file: pd.DataFrame, release: Path) -> Layout:
    """Rename, recode and band the clients of a file as the registers say, without dbt."""
    layout = Layout(registers, pd.DataFrame(), release)
    clients = layout.clients
    for row in layout.register("columns"):
        if row["role"] == "ignored":
            continue
        name = row["column_name"]
        names = (row["raw_column"], row["raw_column"].replace("_", " "), *row["other_names"].split("; "))
        cells = file[next(each for each in names if each in file)]
        if row["kind"] in ("category", "flag"):
            codes = {
                each["raw_value"].lower(): each["value"]
                for each in layout.register("value_synonyms")
                if each["column_name"] == name
            }
            own = {each["value"] for each in layout.register("allowed_values") if each["column_name"] == name}
            codes = (WORDS if row["kind"] == "flag" else {}) | {each.lower(): each for each in own} | codes
            clients[name] = cells.astype(str).map(lambda cell, codes=codes: codes.get(cell.lower(), cell))
        else:
            clients[name] = cells.astype(float)
        if row["missing_values"]:
            clients[name] = clients[name].where(~cells.astype(str).isin(row["missing_values"].split("; ")))
        if bands := [each for each in layout.register("bands") if each["column_name"] == name]:
            upper = [float(each["upper_bound"] or "inf") for each in bands]
            edges = [float(bands[0]["lower_bound"] or "-inf"), *upper]
            labels = [level_of(each, row["kind"]) for each in bands]
            clients[f"{name}_band"] = pd.cut(clients[name], edges, right=False, labels=labels).astype(object)
        if row["is_required"] == "false":
            clients[f"has_{name}"] = clients[name].notna().astype(str).str.lower()
    clients["is_churned"] = clients["is_churned"] == "true"
    return layout


def take_numbers_away(project: Path) -> None:
    """Leave three_traits without its age and all that is said of it."""
    about_age = re.compile(r"\bage,|^age_band,|segment_2|^h2_app_age")
    bank = project / "seeds/banks/three_traits"
    for register in bank.glob("*.csv"):
        lines = register.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = (line for line in lines if not about_age.search(line))
        text = "".join(line.replace(" age_band", "").replace("age_band", "plan") for line in kept)
        register.write_text(text, encoding="utf-8")
    clients = duckdb.read_parquet(str(sample_of("three_traits")))
    clients.project("* exclude age_years").write_parquet(str(sample_of("three_traits", project)))
    run = follow(guide()[1].replace("ours", "three_traits"), project)
    assert run.returncode == 0, run.stderr


# A report that makes every data test; the user's leaves out those tagged `project`.
TESTED_REPORT = (
    *(sys.executable, "-c"),
    "import sys; from bank_segments import report, warehouse;"
    f" warehouse.ONLY_DATA = {DATA_TESTS}; sys.exit(report.main())",
)


def write_unseen(path: Path) -> pd.DataFrame:
    """Ten thousand clients of layout 2: doubled ids, gaps, `850.0`, other headers, decimal commas, a placeholder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "LAYOUT", sample_of("metanprom_2").with_name("layout.sql"))
        sample.write_sample(path.with_suffix(".parquet"), 10_000, seed=77)
    clients = read(path.with_suffix(".parquet"))
    names = ["Client ID", "Rating, points", "Town", "sex", "Age, years", "Property points", "Account balance"]
    names += ["No. of products", "credit_сard", "used_lately", "est_salary", "status"]
    clients.columns = pd.Index(names)
    clients["status"] = clients.status.map({1: "gone", 0: "here"})
    clients["used_lately"] = clients.used_lately.map({1: "yes", 0: "no"})
    written = clients.assign(**{"Age, years": clients["Age, years"].fillna(-999999)})
    written.to_csv(path, index=False, sep=";", decimal=",")
    return clients


def guide() -> list[str]:
    """The commands of the guide to one's own bank, in order."""
    text = (ROOT / "models/docs/your_bank.md").read_text(encoding="utf-8")
    return "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).splitlines()


def follow(command: str, project: Path) -> subprocess.CompletedProcess[str]:
    """Type a command of the guide in a copy of the project that has no environment of its own but a shim."""
    shims = project / ".venv/bin"
    shims.mkdir(parents=True, exist_ok=True)
    (shims / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (shims / "python").chmod(0o700)
    typed = re.sub("^make", "make --old-file=.venv/installed", command).replace("path/to/clients.csv", "../clients.csv")
    return ran("sh", "-c", typed, cwd=project, project=project)


def release_unseen(target: Path) -> None:
    """By the guide, from a file that nobody has described to a release, with answers to at most five doubts."""
    (target / "project").mkdir()
    project = copy_project(target / "project")
    shutil.copy(ROOT / "Makefile", project)
    make_bank, write_contracts, build, make_report = guide()
    assert build == "BANK=ours BANK_CLIENTS=path/to/clients.csv .venv/bin/dbt build"
    write_unseen(target / "clients.csv").to_pickle(target / "clients.pickle")
    run = follow(make_bank, project)
    assert run.returncode == 0, run.stderr
    bank = project / "seeds/banks/ours"
    page = bank / "proposal.md"
    text = page.read_text(encoding="utf-8")
    doubts = [line for line in text.splitlines() if line.startswith("TODO: ")]
    assert 0 < len(doubts) <= 5, doubts
    assert doubts[0] in follow(make_report, project).stderr
    # The guesses are right: ids are of a city, who is gone has left, -999999 is no age. The rest the user knows.
    for register, answer in ANSWERS.items():
        with (bank / register).open("a", encoding="utf-8") as lines:
            lines.write(answer)
    own = (bank / "bank.csv").read_text(encoding="utf-8").replace("ours,ours,ours", "ours,Наш,Ours")
    (bank / "bank.csv").write_text(own, encoding="utf-8")
    page.write_text(text.replace("TODO: ", "Yes: "), encoding="utf-8")
    for command in (write_contracts, make_report):
        run = follow(command, project)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    # What the guide builds in between is what the report has built, and tested but for what is tagged so.
    rest = ("test", "--select", "tag:project", "--exclude", "path:tests/macros")
    built = Build(project / "target/report").published.parent
    run = dbt(*rest, clients=target / "clients.csv", target=built, project=project, BANK="ours")
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.fixture(scope="module", params=[*BANKS, UNSEEN])
def layout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    bank = str(request.param)
    project = other_bank(tmp_path_factory) if bank == OTHER_BANK else tmp_path_factory.mktemp("layouts") / "project"
    if bank == "three_traits":
        take_numbers_away(copy_all(project))
        run = ran(*TESTED_REPORT, cwd=project, project=project, BANK=bank)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    if bank == UNSEEN:
        release_unseen(project.parent)
        bank, clients = "ours", pd.read_pickle(project.with_name("clients.pickle"))
    else:
        clients = read(sample_of(bank, project))
    release = (project / "published/latest").resolve()
    return layout_of(project / "seeds/banks" / bank, clients, release)


def test_the_release_is_whole(layout: Layout) -> None:
    assert_whole(layout.release)


def test_of_numbers_is_spoken_where_a_bank_has_any(layout: Layout) -> None:
    has_numbers = "number" in {row["kind"] for row in layout.register("traits")}
    ((portraits,),) = layout.rows("select count(*) from marts.fct_churn_portrait_numbers")
    assert (portraits > 0) == has_numbers
    for language, median in MEDIAN.items():
        conclusions = (layout.release / f"conclusions.{language}.md").read_text(encoding="utf-8")
        assert (median in conclusions) == has_numbers
        assert (median in deck_texts(layout.release / f"presentation.{language}.pptx")) == has_numbers


def test_the_churn_of_each_level_is_that_of_pandas(layout: Layout) -> None:
    found = layout.rows("select trait, level, clients, churn_rate from marts.fct_churn_portrait")
    traits = {row["trait"] for row in layout.register("traits") if row["kind"] == "category"}
    expected = {
        (trait, str(int(level)) if isinstance(level, float) else str(level)): (
            len(group),
            group.is_churned.mean(),
        )
        for trait in traits
        for level, group in layout.clients.groupby(trait)
    }
    assert expected
    assert {(trait, level): figures for trait, level, *figures in found} == {
        level: pytest.approx(figures, rel=1e-9) for level, figures in expected.items()
    }


COMPARISONS = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def test_the_churn_of_each_segment_is_that_of_pandas(layout: Layout) -> None:
    found = layout.rows("select segment_id, clients, coverage, churn_rate from marts.fct_segment_metrics")
    for segment_id, *figures in found:
        members = pd.Series(True, index=layout.clients.index)
        rules = [row for row in layout.register("segment_rules") if row["segment_id"] == segment_id]
        for rule in rules:
            cells = layout.clients[rule["column_name"]]
            value = float(rule["value"]) if cells.dtype == float else rule["value"]
            value = value == "true" if cells.dtype == bool else value
            members &= getattr(cells, COMPARISONS[rule["operator"]])(value)
        if rules:
            expected = members.sum(), members.mean(), layout.clients.is_churned[members].mean()
            assert figures == pytest.approx(expected, rel=1e-9), segment_id
    assert len(found) > 1


def fisher(one: pd.Series, two: pd.Series) -> Any:
    return stats.fisher_exact(np.array([[group.sum(), len(group) - group.sum()] for group in (one, two)]))


# What each test makes of the values of two groups: a statistic and a p-value.
SCIPY: dict[str, Callable[..., Any]] = {
    "welch_t": lambda one, two: stats.ttest_ind(one, two, equal_var=False),
    "mann_whitney_u": lambda one, two: stats.mannwhitneyu(one, two, method="asymptotic"),
    "brunner_munzel": stats.brunnermunzel,
    "two_proportion_z": lambda one, two: proportions_ztest([one.sum(), two.sum()], [len(one), len(two)]),
    "fisher_exact": fisher,
}


def as_text(column: pd.Series) -> pd.Series:
    """Values as registers write them."""
    return column.map(lambda value: f"{value:.0f}" if isinstance(value, float) else str(value).lower())


def test_the_tests_are_those_of_scipy(layout: Layout) -> None:
    hypotheses = {row["hypothesis_id"]: row for row in layout.register("hypotheses")}
    asked = {(row["hypothesis_id"], row["test"]) for row in layout.register("hypothesis_tests")}
    found = layout.rows(
        "select hypothesis_id, test, statistic, p_value from marts.fct_hypothesis_results"
        " where population = 'all_clients'"
    )
    assert {(hypothesis_id, test) for hypothesis_id, test, *_ in found} == asked
    assert "two_proportion_z" in {test for _, test in asked}
    for hypothesis_id, test, *figures in found:
        row = hypotheses[hypothesis_id]
        metric = layout.clients[row["metric_column"]]
        if row["kind"] == "proportion":
            metric = (as_text(metric) == row["success_value"].lower()).astype(int)
        groups = as_text(layout.clients[row["group_column"]])
        one, two = (metric[groups == row[group].lower()].dropna() for group in ("first_group", "second_group"))
        if test in SCIPY:
            # Of the other two the p-value alone: Fisher's has no statistic here, Brunner and Munzel's has another sign.
            first = 0 if test in ("welch_t", "mann_whitney_u", "two_proportion_z") else 1
            expected = tuple(SCIPY[test](one, two))
            assert figures[first:] == pytest.approx(expected[first:], rel=1e-9), (hypothesis_id, test)


@pytest.mark.parametrize("bank", [*BANKS, "metanprom_2"])
def test_the_sample_is_what_the_generator_writes(bank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "LAYOUT", sample_of(bank).with_name("layout.sql"))
    committed = read(sample_of(bank))
    assert len(committed) >= 500
    sample.write_sample(tmp_path / "again.parquet", len(committed))
    pd.testing.assert_frame_equal(read(tmp_path / "again.parquet"), committed, check_exact=True)


# The c of card is Cyrillic in a header in circulation.
HEADER = "user_id,score,city,gender,age,equity,balance,products,credit_сard,last_activity,est_salary,churn"
ROWS = {
    "7,850.0,Ярославль,М,34.0,2,1 234,1,1,0,100.5,0": None,
    "7,850.0,Рыбинск,М,34.0,2,1 234,1,1,0,100.5,0": None,
    "8.0,700.0,УГЛИЧ,жен,-999999,0,,2.0,нет,да,100.5,1": None,
    "9,700.0,15565701,Ж,40,0,,2,0,1,100.5,1": "city is unknown",
    "10,700.5,Рыбинск,Ж,40,0,,2,0,1,100.5,1": "score is outside its domain",
    "11,700,Ростов,Ж,40,0,,2,0,1,100.5,1": "user_id and city has differing rows",
    "11,700,ростов великий,Ж,41,0,,2,0,1,100.5,1": "user_id and city has differing rows",
}


def test_what_only_the_second_table_of_the_bank_has(tmp_path: Path) -> None:
    """An id in two cities is two clients; a city nobody listed stays, and is named; whole numbers may have a point."""
    clients = tmp_path / "clients.csv"
    clients.write_text("\n".join((HEADER, *ROWS)) + "\n", encoding="utf-8")
    selected = ("build", *DATA_TESTS, "--select", "+dim_clients", "+stg_bank__client_keys", "+reading_notes")
    run = dbt(*selected, clients=clients, target=tmp_path / "t", BANK="metanprom_2")
    assert run.returncode == 0, run.stdout[-3000:]
    rows = partial(rows_in, tmp_path / "t/bank.duckdb")
    reasons = rows("select reasons from staging.stg_bank__client_rows order by source_row_number")
    assert [reason for (reason,) in reasons] == list(ROWS.values())
    keys = dict(rows("select client_id, client_key from staging.stg_bank__client_keys"))
    assert set(keys) == {"7 / Ярославль", "7 / Рыбинск", "8 / УГЛИЧ"}
    assert len(set(keys.values())) == 3
    accepted = "select city, age, has_age, product_count, has_credit_card from marts.dim_clients where is_churned"
    assert rows(accepted) == [("УГЛИЧ", None, False, 2, False)]
    noted = dict(rows("select reading, subject from quality.reading_notes where file_rows = 1"))
    assert noted["unlisted_value"] == "city = УГЛИЧ"
    assert noted["column_name"] == "credit_сard = credit_card"
