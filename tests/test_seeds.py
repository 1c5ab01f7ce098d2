"""Removing a rule, a band or a test from the data files changes the result, and no SQL is touched."""

from collections.abc import Iterator
from pathlib import Path

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


def test_without_its_city_segment_3_is_segment_2(
    less: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    def counts(warehouse: duckdb.DuckDBPyConnection) -> dict[str, int]:
        return dict(warehouse.execute("select segment_id, clients from marts.fct_segment_metrics").fetchall())

    before, after = counts(full), counts(less)
    assert after == before | {"segment_3": before["segment_2"]}
    assert before["segment_3"] < before["segment_2"]
    (rule,) = less.execute("select rule from marts.dim_segments where segment_id = 'segment_3'").fetchall()
    assert rule == ("age >= 39 and product_count = 1",)


def test_without_the_last_band_its_clients_are_in_the_one_before(
    less: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    def counts(warehouse: duckdb.DuckDBPyConnection) -> dict[str, int]:
        query = "select level, clients from marts.fct_churn_portrait where trait = 'age_band'"
        return dict(warehouse.execute(query).fetchall())

    before, after = counts(full), counts(less)
    expected = {level: clients for level, clients in before.items() if level not in ("55-64", "65+")}
    assert after == expected | {"55+": before["55-64"] + before["65+"]}


def test_without_a_test_its_result_is_gone_and_the_others_stay(
    less: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    query = "select hypothesis_id, population, test, p_value from marts.fct_hypothesis_results"
    before, after = set(full.execute(query).fetchall()), set(less.execute(query).fetchall())
    gone = {row for row in before if row[0] == "h1_age" and row[2] == "mann_whitney_u"}
    assert len(gone) == 2
    # The strata of one test are age bands: it changes with the bands, and only it.
    assert {row for row in before - after if row[2] != "cochran_mantel_haenszel"} == gone
    assert {row[:3] for row in after} == {row[:3] for row in before - gone}


def test_without_a_rule_a_population_loses_more_clients(
    less: duckdb.DuckDBPyConnection, full: duckdb.DuckDBPyConnection
) -> None:
    query = "select population, rule from marts.dim_populations where population = 'without_loyal_churned'"
    assert full.execute(query).fetchall() == [
        ("without_loyal_churned", "not (is_churned = true and is_loyal = true)")
    ]
    assert less.execute(query).fetchall() == [("without_loyal_churned", "not (is_churned = true)")]
    compared = (
        "select first_group_clients + second_group_clients from marts.fct_hypothesis_sensitivity"
        " where hypothesis_id = 'h1_age'"
        " and population = 'without_loyal_churned' and trimming = 'none' and city = 'all'"
    )
    active = (
        "select sum(active_clients) from marts.fct_product_count_metrics where product_count between 1 and 2"
    )
    assert less.execute(compared).fetchall() == less.execute(active).fetchall()
    assert less.execute(compared).fetchall() < full.execute(compared).fetchall()
