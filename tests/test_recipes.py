"""The recipes of CONTRIBUTING.md, followed in a scratch copy, need no SQL and no Python, nor do lines taken away."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from babel.messages.pofile import read_po
from pptx import Presentation
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from bank_segments import register_file
from bank_segments.database import open_confined, rows_of
from bank_segments.errors import RefusedError
from bank_segments.marts import read_marts
from bank_segments.outputs.conclusions import conclusions
from bank_segments.release.adopt import adopt
from conftest import DATA_TESTS, ROOT, copy_project, rows_in


@dataclass(frozen=True)
class Step:
    """A step of a recipe: its sentence, what it quotes in it, and its block of code."""

    sentence: str
    code: str

    @property
    def quoted(self) -> list[str]:
        """What stands in back quotes."""
        return re.findall(r"`([^`]+)`", self.sentence)

    @property
    def paths(self) -> list[str]:
        """The files that the step names."""
        return [text for text in self.quoted if re.fullmatch(r"\w+/[\w/.]+", text)]

    def follow(self, project: Path) -> None:
        """Do what the sentence says, with nothing but the project's files and an editor."""
        if self.sentence.startswith("Append"):
            (name,) = self.paths
            with (project / name).open("a", encoding="utf-8") as file:
                file.write(self.code)
        elif self.sentence.startswith("Insert"):
            (name,) = self.paths
            self.insert_above(self.quoted[0], project / name)
        elif self.sentence.startswith("Replace"):
            path = project / self.paths[0]
            text = path.read_text(encoding="utf-8")
            (line,) = re.findall(rf"^{re.escape(self.quoted[0])},.*\n", text, re.MULTILINE)
            path.write_text(text.replace(line, self.code), encoding="utf-8")
        elif self.code.startswith("make"):
            pass  # on a release: tests/test_privacy.py
        elif self.sentence.startswith("Run"):
            command = self.code.replace("python -m", f"{shlex.quote(sys.executable)} -m")
            subprocess.run(command, shell=True, cwd=project, check=True)
        else:
            pytest.fail(f"no one knows how to follow: {self.sentence}")

    def insert_above(self, anchor: str, path: Path) -> None:
        """Put the code above the one line that reads `anchor`, as deep as that line."""
        (line,) = re.findall(rf"^ *{re.escape(anchor)}\n", path.read_text(encoding="utf-8"), re.MULTILINE)
        code = indent(self.code, line[: len(line) - len(line.lstrip())])
        path.write_text(path.read_text(encoding="utf-8").replace(line, code + line), encoding="utf-8")


def recipes() -> dict[str, list[Step]]:
    """The recipes by their title."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (chapter,) = re.findall(r"^## Add your own\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    found = {}
    for recipe in chapter.split("\n### ")[1:]:
        title, _, text = recipe.partition("\n")
        steps = re.findall(r"^\d+\. (.*?)\n\n   ```\w+\n(.*?)   ```$", text, re.MULTILINE | re.DOTALL)
        assert len(steps) == len(re.findall(r"^\d+\. ", text, re.MULTILINE)), f"{title}: a step has no code"
        found[title] = [Step(" ".join(sentence.split()), dedent(code)) for sentence, code in steps]
    return found


def test_each_recipe_takes_less_than_five_steps() -> None:
    steps = {title: len(steps) for title, steps in recipes().items()}
    assert list(steps) == [
        "A segment",
        "A hypothesis",
        "A trait",
        "A driver of churn",
        "Another search for segments",
        "What to do about a finding",
        "An assumption",
        "A pilot",
        "A slide",
    ]
    assert all(0 < count < 5 for count in steps.values())


# Ranks of a metric with gaps between genders, and a share between two cities in strata of three columns.
MORE = {
    "hypotheses": (
        "h7_balance_rank,Остаток мужчины с равной вероятностью больше и меньше остатка женщины,"
        "A man's balance is as likely to be larger than a woman's as smaller,Вероятность большего остатка,"
        "Probability of the larger balance,п. п.,pp,rank,balance,,gender,М,Ж,all_clients active_clients,,0.05,8\n"
        "h8_card_share,Доля владельцев карты в Ярославле и в Рыбинске одинакова,"
        "Clients in Yaroslavl and in Rybinsk have a credit card equally often,Доля владельцев карты,"
        "Share of card holders,п. п.,pp,proportion,has_credit_card,true,city,Ярославль,Рыбинск,"
        "all_clients active_clients,gender age_band is_loyal,0.05,9\n"
    ),
    "hypothesis_tests": (
        "h7_balance_rank,brunner_munzel,true,0.05\nh7_balance_rank,mann_whitney_u,false,0.05\n"
        "h8_card_share,cochran_mantel_haenszel,true,0.05\nh8_card_share,two_proportion_z,false,0.05\n"
    ),
}
# Lines that are taken away, by their register, or replaced.
LESS = {
    "segment_rules": {"segment_3,city,=,Ростов Великий\n": ""},
    "population_rules": {"without_loyal_churned,is_loyal,=,true\n": ""},
    "bands": {"age,65,\n": "", "age,55,65\n": "age,55,\n"},
    "hypothesis_tests": {"h1_age,mann_whitney_u,false,0.05\n": ""},
}


def add_and_take_away(project: Path) -> None:
    """Two hypotheses more; a rule of a segment and of a population, a band, and a test less."""
    for seed, added in MORE.items():
        with register_file(seed, project).open("a", encoding="utf-8") as register:
            register.write(added)
    for seed, lines in LESS.items():
        path = register_file(seed, project)
        text = path.read_text(encoding="utf-8")
        for line, other in lines.items():
            assert text.count(f"\n{line}") == 1
            text = text.replace(f"\n{line}", f"\n{other}")
        path.write_text(text, encoding="utf-8")


ADOPTED = """
    select candidate_id, clients, churned_clients, name_ru from {}.fct_segment_candidates
    where depth = 3 and rule_lines like '%age,%'
    order by candidate_rank limit 1
"""


def build_from_elsewhere(project: Path, elsewhere: Path) -> None:
    """Build with every data test from another folder, without a home, under a strict umask, on other settings."""
    ours = ("PYTHONPATH", "HOME", "BANK_CLIENTS", "BANK_WAREHOUSE")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {"LC_ALL": "C"}
    options = (*DATA_TESTS, "--project-dir", project, "--profiles-dir", project)
    run = subprocess.run(
        [Path(sys.executable).parent / "dbt", "--no-use-colors", "build", *options],
        cwd=elsewhere,
        env=environment,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        pytest.fail(f"dbt build with the recipes failed:\n{run.stdout[-8000:]}", pytrace=False)
    assert (project / ".client_key").is_file()
    assert list(elsewhere.iterdir()) == []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, sample_release: Path) -> Path:
    """A scratch copy in which all recipes were followed and other lines are gone, built from another folder."""
    project = tmp_path_factory.mktemp("scratch") / 'банк d\'Anna и "Ко"'
    project.mkdir()
    copy_project(project)
    code = {path: path.read_bytes() for pattern in ("*.sql", "*.py") for path in project.rglob(pattern)}
    for steps in recipes().values():
        for step in steps:
            step.follow(project)
    add_and_take_away(project)
    published = tmp_path_factory.mktemp("published")
    (published / "latest").symlink_to(sample_release)
    ((candidate, *_),) = rows_in(sample_release / "bank_marts.duckdb", ADOPTED.format("marts"))
    adopt(published, project, candidate)
    with pytest.raises(RefusedError, match=r"has c_.* already; nothing was changed"):
        adopt(published, project, candidate)
    assert {path: path.read_bytes() for path in code} == code
    build_from_elsewhere(project, tmp_path_factory.mktemp("elsewhere"))
    return project


@pytest.fixture(scope="module")
def warehouse(project: Path, sample_release: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the copy, and beside it what the registers as they ship have published."""
    ours, shipped = project / "target/bank.duckdb", sample_release / "bank_marts.duckdb"
    with open_confined(bank=ours, shipped=shipped) as connection:
        yield connection


def test_the_new_slide_is_in_the_deck(project: Path, tmp_path: Path) -> None:
    """Its sentences are translated, and its figures stand in the notes with their source."""
    code = (
        "from pathlib import Path; from bank_segments.marts import read_marts;"
        " from bank_segments.outputs.deck import write_deck;"
        f" write_deck(read_marts(Path('target/bank.duckdb')), Path({str(tmp_path)!r}), 'ru',"
        " input_name='clients.csv', is_synthetic=False)"
    )
    environment = os.environ | {"PYTHONPATH": str(project / "python")}
    subprocess.run([sys.executable, "-c", code], cwd=project, env=environment, check=True)
    slide = list(Presentation(str(tmp_path / "presentation.ru.pptx")).slides)[-1]
    with (project / "python/bank_segments/locale/ru.po").open("rb") as catalogue:
        title = read_po(catalogue)["All profits rest on these assumptions"].string
    assert slide.shapes.title.text_frame.text == title
    source = "1\u00a0год ← marts.dim_assumptions: central [assumption=years_kept]"
    assert source in slide.notes_slide.notes_text_frame.text.split("\n")


BESIDE = "segment_id in ('segment_1', 'segment_2', 'segment_4')"
COMPARED = (
    "select first_group_clients, second_group_clients from marts.fct_hypothesis_sensitivity"
    " where hypothesis_id = 'h1_age' and trimming = 'none' and territory = 'all' and population = '{}'"
)
SEGMENT_5 = "not is_churned and balance >= 150000"
# What is there after the recipes and with lines less, and what has to be: another query of it, or of what is shipped.
FOLLOWED = {
    "the clients of the new segment": (
        "select clients, coverage from marts.fct_segment_metrics where segment_id = 'segment_5'",
        f"select count(*) filter (where {SEGMENT_5}), avg(coalesce({SEGMENT_5}, false)::int) from marts.dim_clients",
    ),
    "the name and rule of the new segment": (
        "select name_ru, rule from marts.dim_segments where segment_id = 'segment_5'",
        "values ('Состоятельный', 'balance >= 150000 and is_churned = false')",
    ),
    "the members of the new segment": (
        "select client_key from marts.fct_segment_membership where segment_id = 'segment_5' order by all",
        f"select client_key from marts.dim_clients where {SEGMENT_5} order by all",
    ),
    "the new trait in the portrait": (  # clients without a balance are in no band
        "select label_en, clients, churned_clients from marts.fct_churn_portrait"
        " inner join marts.dim_trait_levels using (trait, level) where trait = 'balance_band' order by sort_order",
        "select ['under 100,000', '100,000–150,000', '150,000 and over'][1 + band], count(*), sum(is_churned::int)"
        " from (select (balance >= 100000)::int + (balance >= 150000)::int as band, is_churned from marts.dim_clients"
        " where has_balance) group by band order by band",
    ),
    "the new trait in the cube of the dashboard": (
        "select balance_band, sum(clients) from marts.rpt_dashboard_cube where balance_band <> ''"
        " group by all order by all",
        "select level, clients from marts.fct_churn_portrait where trait = 'balance_band' order by all",
    ),
    "the new driver in the regression": (
        "select distinct is_reference or odds_ratio_adjusted_low is not null from marts.fct_churn_driver_levels"
        " where trait = 'credit_score_band'",
        "values (true)",
    ),
    "the new driver in the search": (
        "select distinct trait from marts.fct_segment_candidate_conditions where trait = 'credit_score_band'",
        "values ('credit_score_band')",
    ),
    "the depth and coverage of the other search": (
        "select max(depth), min(coverage) >= 0.05 from marts.fct_segment_candidates where not is_declared",
        "values (2, true)",
    ),
    "the samples of the other search": (
        "select sample_kind, count(distinct draw) from intermediate.int_segment_search_tests group by all order by all",
        "values ('all', 1), ('bootstrap', 300), ('half', 30), ('other_half', 30)",
    ),
    "what the other search found again": (
        "select count(*) filter (where found_share > 0) from marts.fct_segment_stability"
        " inner join marts.fct_segment_candidates using (candidate_id)",
        "select count(finding_rank) from marts.fct_segment_stability"
        " inner join marts.fct_segment_candidates using (candidate_id)",
    ),
    "the action of the first finding": (
        "select finding_kind, action_ru, action_en from marts.fct_findings where finding_place = 1",
        "values ('driver', 'Позвонить каждому из этих клиентов.', 'Call each of these clients.')",
    ),
    "the tests of the new hypothesis": (
        "select population, test, verdict is not null from marts.fct_hypothesis_results"
        " where hypothesis_id = 'h9_objects' order by all",
        "select population, test, true from (values ('active_clients'), ('all_clients')) as p (population)"
        " cross join (values ('mann_whitney_u'), ('welch_t')) as t (test) order by all",
    ),
    "the mean of the new hypothesis": (
        "select first_group_estimate from marts.fct_hypothesis_results"
        " where hypothesis_id = 'h9_objects' and population = 'all_clients' and test = 'welch_t'",
        "select avg(owned_objects) from marts.dim_clients where product_count = 2",
    ),
    # A year of 2 % of the balance and 1,000 a product, paid at its end: the call to mature clients no longer pays.
    "the new assumption in the profit": (
        "select value_of_kept_client, not is_profitable from marts.fct_retention_economics"
        " where proposal_id = 'retention_call' and scenario = 'central'",
        "select (0.02 * avg(coalesce(balance, 0)) + 1000 * avg(product_count)) / 1.15, true from marts.dim_clients"
        " where not is_churned and product_count = 1 and age >= 39",
    ),
    "the terms of the pilot, and the size that they ask for": (
        "select power, duration_months, arm_strata, clients_per_arm from marts.fct_pilot_designs"
        " where segment_id = 'segment_2'",
        "select power, 9, 'city gender', clients_per_arm from marts.fct_pilot_power"
        " where segment_id = 'segment_2' and power = 0.9",
    ),
    "the candidate that was adopted": (
        "select segment_id, clients, churned_clients, name_ru"
        " from marts.fct_segment_metrics inner join marts.dim_segments using (segment_id) where segment_id like 'c_%'",
        ADOPTED.format("shipped.marts"),
    ),
    "segment 3 without its city": (
        "select rule, clients from marts.dim_segments inner join marts.fct_segment_metrics using (segment_id)"
        " where segment_id = 'segment_3'",
        "select 'age >= 39 and product_count = 1', clients from shipped.marts.fct_segment_metrics"
        " where segment_id = 'segment_2'",
    ),
    "the segments beside it": (
        f"select segment_id, clients from marts.fct_segment_metrics where {BESIDE} order by all",
        f"select segment_id, clients from shipped.marts.fct_segment_metrics where {BESIDE} order by all",
    ),
    "the bands without the last": (
        "select level, clients from marts.fct_churn_portrait where trait = 'age_band' order by all",
        "select if(level in ('55-64', '65+'), '55+', level), sum(clients) from shipped.marts.fct_churn_portrait"
        " where trait = 'age_band' group by all order by all",
    ),
    "all results but of the test that is gone": (
        "select hypothesis_id, population, test from marts.fct_hypothesis_results"
        " semi join shipped.marts.dim_hypotheses using (hypothesis_id) order by all",
        "select hypothesis_id, population, test from shipped.marts.fct_hypothesis_results"
        " where (hypothesis_id, test) <> ('h1_age', 'mann_whitney_u') order by all",
    ),
    "the results that changed": (  # the strata of one test are age bands
        "select distinct test from marts.fct_hypothesis_results as ours"
        " inner join shipped.marts.fct_hypothesis_results as theirs using (hypothesis_id, population, test)"
        " where ours.p_value is distinct from theirs.p_value",
        "values ('cochran_mantel_haenszel')",
    ),
    "the population without one of its rules": (
        "select rule from marts.dim_populations where population = 'without_loyal_churned'",
        "values ('not (is_churned = true)')",
    ),
    "the clients whom that leaves out": (
        COMPARED.format("without_loyal_churned"),
        COMPARED.format("active_clients"),
    ),
}


@pytest.mark.parametrize(("found", "expected"), FOLLOWED.values(), ids=FOLLOWED)
def test_what_the_registers_ask_for_is_in_the_marts(
    found: str, expected: str, warehouse: duckdb.DuckDBPyConnection
) -> None:
    wanted = warehouse.execute(expected).fetchall()
    assert wanted
    assert all(all(row) for row in wanted)
    assert warehouse.execute(found).fetchall() == [
        tuple(pytest.approx(cell, rel=1e-12) if isinstance(cell, float) else cell for cell in row) for row in wanted
    ]


def test_what_cannot_be_adopted_is_refused_and_changes_nothing(sample_release: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    published = tmp_path / "published"
    with pytest.raises(RefusedError, match="Nothing is published"):
        adopt(published, tmp_path, "c_0000000000")
    published.mkdir()
    (published / "latest").symlink_to(sample_release)
    for unknown in ("c_0000000000", "'; drop table x"):
        with pytest.raises(RefusedError, match=r"There is no candidate .*; candidate_id in"):
            adopt(published, tmp_path, unknown)
    with pytest.raises(RefusedError, match="segment_2 is a segment of the bank already"):
        adopt(published, tmp_path, "segment_2")
    for name in ("segments", "segment_rules"):
        assert register_file(name, tmp_path).read_bytes() == register_file(name).read_bytes()


def slices(warehouse: duckdb.DuckDBPyConnection, hypothesis_id: str) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each row of the sensitivity matrix with its clients; trimmed at the percentiles of the whole population."""
    clients = warehouse.execute("select * from marts.dim_clients").df().astype({"balance": float})
    query = "select * from marts.fct_hypothesis_sensitivity where hypothesis_id = ?"
    for row in rows_of(warehouse, query, hypothesis_id):
        # Without its rule on loyalty, the third population is that of the active clients.
        chosen = clients if row["population"] == "all_clients" else clients[~clients["is_churned"]]
        if row["trimming"] != "none":
            low, high = np.quantile(chosen["balance"].dropna(), [0.01, 0.99], method="inverted_cdf")
            chosen = chosen[chosen["balance"].between(low, high)]
        yield row, chosen if row["territory"] == "all" else chosen[chosen["city"] == row["territory"]]


def test_ranks_between_other_groups_are_compared_in_every_slice(warehouse: duckdb.DuckDBPyConnection) -> None:
    compared = 0
    for row, chosen in slices(warehouse, "h7_balance_rank"):
        one, two = (chosen.loc[chosen["gender"] == gender, "balance"].dropna() for gender in ("М", "Ж"))
        u = stats.mannwhitneyu(one, two, method="asymptotic").statistic
        sizes = row["first_group_clients"], row["second_group_clients"]
        assert (row["test"], *sizes) == ("brunner_munzel", len(one), len(two))
        assert row["first_group_estimate"] == pytest.approx(u / len(one) / len(two), rel=1e-9)
        assert row["p_value"] == pytest.approx(stats.brunnermunzel(one, two).pvalue, rel=1e-8)
        compared += 1
    assert compared == 3 * 2 * 4


def test_shares_between_other_groups_are_compared_in_three_word_strata(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    compared = 0
    for row, chosen in slices(warehouse, "h8_card_share"):
        if row["territory"] != "all":
            assert row["reason_en"] == "No stratum has both groups and both outcomes."
            continue
        of_both = chosen[chosen["city"].isin(["Ярославль", "Рыбинск"])]
        tables = [
            pd.crosstab(part["city"] != "Ярославль", ~part["has_credit_card"]).to_numpy()
            for _, part in of_both.groupby(["gender", "age_band", "is_loyal"])
        ]
        usable = [table for table in tables if table.shape == (2, 2)]
        expected = StratifiedTable(usable).test_null_odds(correction=False).statistic
        assert row["p_value"] == pytest.approx(stats.chi2.sf(expected, 1), rel=1e-9)
        compared += 1
    assert compared == 3


def test_the_findings_tell_the_new_hypotheses_in_the_order_of_the_register(project: Path) -> None:
    """Where `h9_objects` comes before `h7_balance_rank`."""
    marts = read_marts(project / "target/bank.duckdb")
    hypotheses = marts.dim_hypotheses.sort_values("sort_order")
    for facts in (
        marts.fct_hypothesis_results,
        marts.fct_hypothesis_effects,
        marts.fct_hypothesis_sensitivity,
    ):
        assert list(facts["hypothesis_id"].unique()) == list(hypotheses["hypothesis_id"])
    text = conclusions(marts, "en", input_name="clients.parquet", is_synthetic=True)
    told = dict(re.findall("^### “(.*?)”$(.*?)(?=^#)", text, re.MULTILINE | re.DOTALL))
    assert list(told) == list(hypotheses["null_en"])
    assert "nan" not in text
    assert re.search(r"\d%", told["A man's balance is as likely to be larger than a woman's as smaller"])
