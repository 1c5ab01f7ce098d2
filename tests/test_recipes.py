"""The README's recipes, followed in a scratch copy: a segment, a hypothesis and a trait need no SQL and no Python."""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import SAMPLE, copy_project, dbt

BANDS = [(None, 100_000), (100_000, 150_000), (150_000, None)]


def append(project: Path, seed: str, **values: object) -> None:
    """Add a row to a seed, columns by name; those not given stay empty."""
    path = project / "seeds" / f"{seed}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        columns = next(csv.reader(lines))
    assert set(values) <= set(columns)
    with path.open("a", encoding="utf-8", newline="") as lines:
        csv.DictWriter(lines, columns, lineterminator="\n").writerow(values)


def add_segment(project: Path) -> None:
    append(
        project,
        "segments",
        segment_id="segment_5",
        name_ru="Состоятельный",
        name_en="Wealthy",
        description_ru="Активные клиенты с большим остатком: кого звать в премиальное обслуживание.",
        description_en="Active clients with a large balance: those to invite to premium service.",
    )
    append(
        project,
        "segment_rules",
        segment_id="segment_5",
        column_name="is_churned",
        operator="=",
        value="false",
    )
    append(
        project, "segment_rules", segment_id="segment_5", column_name="balance", operator=">=", value="150000"
    )


def add_hypothesis(project: Path) -> None:
    append(
        project,
        "hypotheses",
        hypothesis_id="h9_objects",
        null_ru="Среднее число объектов в собственности у клиентов с двумя и с одним продуктом одинаково",
        null_en="Clients with two products and with one own equally many objects",
        metric_ru="Среднее число объектов",
        metric_en="Mean number of owned objects",
        unit_ru="шт.",
        unit_en="items",
        kind="mean",
        metric_column="owned_objects",
        group_column="product_count",
        first_group=2,
        second_group=1,
        populations="all_clients active_clients",
        alpha=0.05,
    )
    margin = {"hypothesis_id": "h9_objects", "equivalence_margin": 0.05}
    append(project, "hypothesis_tests", test="welch_t", is_primary="true", **margin)
    append(project, "hypothesis_tests", test="mann_whitney_u", is_primary="false", **margin)


def add_trait(project: Path) -> None:
    for lower, upper in BANDS:
        append(project, "bands", column_name="balance", lower_bound=lower, upper_bound=upper)
    append(
        project,
        "traits",
        trait="balance_band",
        kind="category",
        name_ru="Остаток (группа)",
        name_en="Balance band",
        sort_order=11,
    )
    with (project / "models/shared_columns.md").open("a", encoding="utf-8") as blocks:
        blocks.write(
            "\n{% docs column_balance_band %}\nГруппа по остатку, границы в bands.csv. / Balance band by bands.csv.\n"
            "{% enddocs %}\n"
        )
    column = "      - name: balance_band\n        description: \"{{ doc('column_balance_band') }}\"\n"
    for model in ("int_clients_banded", "int_clients_segmented", "int_client_cells"):
        path = project / f"models/intermediate/{model}.yml"
        next_column = "      - name: age_band\n"
        text = path.read_text(encoding="utf-8").replace(next_column, column + next_column)
        # In no band without a balance: NULL has a place in the key, too.
        key = text.replace("columns: [age_band,", "columns: [age_band, \"coalesce(balance_band, '')\",")
        path.write_text(key, encoding="utf-8")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse built from a scratch copy in which all three recipes were followed, with every test."""
    project = copy_project(tmp_path_factory.mktemp("scratch"))
    code = {path: path.read_bytes() for pattern in ("*.sql", "*.py") for path in project.rglob(pattern)}
    add_segment(project)
    add_hypothesis(project)
    add_trait(project)
    assert {path: path.read_bytes() for path in code} == code
    run = dbt("build", clients=SAMPLE, target=project / "target", project=project)
    if run.returncode:
        pytest.fail(f"dbt build with the recipes failed:\n{run.stdout[-8000:]}", pytrace=False)
    with duckdb.connect(project / "target/bank.duckdb", read_only=True) as connection:
        yield connection


def test_the_new_segment_is_in_the_marts(warehouse: duckdb.DuckDBPyConnection) -> None:
    members = "not is_churned and balance >= 150000"
    (expected,) = warehouse.execute(
        f"select count(*), count(*) / (select count(*) from marts.dim_clients) from marts.dim_clients where {members}"
    ).fetchall()
    assert expected[0] > 0
    assert warehouse.execute(
        "select clients, coverage from marts.fct_segment_metrics where segment_id = 'segment_5'"
    ).fetchall() == [expected]
    assert warehouse.execute(
        "select name_ru, rule from marts.dim_segments where segment_id = 'segment_5'"
    ).fetchall() == [("Состоятельный", "balance >= 150000 and is_churned = false")]
    assert warehouse.execute(
        "select count(*) from marts.fct_segment_membership inner join marts.dim_clients using (client_key)"
        f" where segment_id = 'segment_5' and {members}"
    ).fetchall() == [expected[:1]]


def test_the_new_hypothesis_is_tested(warehouse: duckdb.DuckDBPyConnection) -> None:
    results = warehouse.execute(
        "select population, test, estimate_two_products, verdict is not null from marts.fct_hypothesis_results"
        " where hypothesis_id = 'h9_objects' order by all"
    ).fetchall()
    assert [(population, test, decided) for population, test, _, decided in results] == [
        (population, test, True)
        for population in ("active_clients", "all_clients")
        for test in ("mann_whitney_u", "welch_t")
    ]
    (mean,) = warehouse.execute(
        "select avg(owned_objects) from marts.dim_clients where product_count = 2"
    ).fetchall()
    assert results[-1][2] == pytest.approx(mean[0], rel=1e-12)


def test_the_new_trait_is_in_the_portrait(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Clients without a balance are in no band."""
    portrait = warehouse.execute(
        "select label_en, clients, churned_clients from marts.fct_churn_portrait"
        " inner join marts.dim_trait_levels using (trait, level) where trait = 'balance_band' order by sort_order"
    ).fetchall()
    labels = ["under 100,000", "100,000–150,000", "150,000 and over"]
    expected = warehouse.execute(
        "select count(*), count(*) filter (where is_churned) from marts.dim_clients where has_balance"
        " group by (balance >= 100000)::int + (balance >= 150000)::int"
        " order by (balance >= 100000)::int + (balance >= 150000)::int"
    ).fetchall()
    assert portrait == [(label, *counts) for label, counts in zip(labels, expected, strict=True)]
