"""Removing a rule, a band or a test from the data files changes the result, and no SQL is touched."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bank_segments import register_file
from conftest import SAMPLE, copy_project, dbt


def replace_lines(project: Path, seed: str, **replacements: str) -> None:
    """Replace lines of a seed, or remove them where the new line is empty."""
    path = register_file(seed, project)
    lines = path.read_text(encoding="utf-8").splitlines()
    for old, new in (pair.split(" -> ") for pair in replacements.values()):
        position = lines.index(old)
        lines[position : position + 1] = [new] if new else []
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def less(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse built without one segment rule, one population rule, one band and one test; all data tests pass."""
    project = copy_project(tmp_path_factory.mktemp("less"))
    replace_lines(project, "segment_rules", rule="segment_3,city,=,Ростов Великий -> ")
    replace_lines(project, "population_rules", rule="without_loyal_churned,is_loyal,=,true -> ")
    replace_lines(project, "bands", last="age,65, -> ", before="age,55,65 -> age,55,")
    replace_lines(project, "hypothesis_tests", test="h1_age,mann_whitney_u,false,0.05 -> ")
    code = [path for pattern in ("*.sql", "*.py") for path in project.rglob(pattern)]
    before = {path: path.read_bytes() for path in code}
    run = dbt(
        "build",
        *("--exclude-resource-type", "unit_test"),
        clients=SAMPLE,
        target=project / "target",
        project=project,
    )
    if run.returncode:
        pytest.fail(f"dbt build with less in the seeds failed:\n{run.stdout[-8000:]}", pytrace=False)
    assert {path: path.read_bytes() for path in code} == before
    with duckdb.connect(str(project / "target/bank.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def full(sample_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse built with everything."""
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        yield connection


Answers = Callable[[str], tuple[dict[Any, Any], dict[Any, Any]]]


@pytest.fixture
def answers(full: duckdb.DuckDBPyConnection, less: duckdb.DuckDBPyConnection) -> Answers:
    """Ask both warehouses for two columns, a key and its value: with everything, and with less."""

    def asked(query: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
        before, after = (dict(each.execute(f"select {query}").fetchall()) for each in (full, less))
        return before, after

    return asked


def test_without_its_city_segment_3_is_segment_2(answers: Answers) -> None:
    before, after = answers("segment_id, clients from marts.fct_segment_metrics")
    assert after == before | {"segment_3": before["segment_2"]}
    assert before["segment_3"] < before["segment_2"]
    _, rules = answers("segment_id, rule from marts.dim_segments")
    assert rules["segment_3"] == "age >= 39 and product_count = 1"


def test_without_the_last_band_its_clients_are_in_the_one_before(answers: Answers) -> None:
    before, after = answers("level, clients from marts.fct_churn_portrait where trait = 'age_band'")
    older = {"55+": before.pop("55-64") + before.pop("65+")}
    assert after == before | older


def test_without_a_test_its_result_is_gone_and_the_others_stay(answers: Answers) -> None:
    before, after = answers("(hypothesis_id, population, test), p_value from marts.fct_hypothesis_results")
    gone = {key for key in before if (key[0], key[2]) == ("h1_age", "mann_whitney_u")}
    assert len(gone) == 2
    assert after.keys() == before.keys() - gone
    # The strata of one test are age bands: it changes with the bands, and only it.
    changed = {key for key in after if after[key] != before[key]}
    assert {test for _, _, test in changed} == {"cochran_mantel_haenszel"}


def test_without_a_rule_a_population_loses_more_clients(answers: Answers) -> None:
    before, after = answers("population, rule from marts.dim_populations")
    assert before["without_loyal_churned"] == "not (is_churned = true and is_loyal = true)"
    assert after["without_loyal_churned"] == "not (is_churned = true)"
    before, after = answers(
        "population, first_group_clients + second_group_clients from marts.fct_hypothesis_sensitivity"
        " where hypothesis_id = 'h1_age' and trimming = 'none' and territory = 'all'"
    )
    assert after["without_loyal_churned"] == after["active_clients"] < before["without_loyal_churned"]
