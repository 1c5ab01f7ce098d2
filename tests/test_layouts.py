"""Each layout builds from its registers alone, and its marts equal a calculation of pandas and scipy on its file."""

import csv
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bank_segments.ingest import sample
from conftest import ROOT, dbt, shared

BANKS = ["bank_churners", "metanprom_2", "three_traits"]
FLAGS = {
    **{"1": True, "0": False, "да": True, "нет": False, "closed": True, "open": False},
    **{"Attrited Customer": True, "Existing Customer": False},
}


def register(bank: str, name: str) -> list[dict[str, str]]:
    with (ROOT / "seeds/banks" / bank / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def sample_of(bank: str) -> Path:
    return ROOT / "seeds/banks" / bank / "sample/clients.parquet"


def read(path: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        frame: pd.DataFrame = connection.read_parquet(str(path)).df()
    return frame


def clients_of(bank: str) -> pd.DataFrame:
    """The bank's sample under our names, its flags as booleans."""
    columns = [row for row in register(bank, "columns") if row["role"] != "ignored"]
    frame = read(sample_of(bank)).rename(columns={row["raw_column"]: row["column_name"] for row in columns})
    for row in columns:
        name = row["column_name"]
        if row["kind"] == "flag":
            frame[name] = frame[name].astype(str).map(FLAGS)
        if row["missing_values"]:
            frame[name] = frame[name].where(~frame[name].astype(str).isin(row["missing_values"].split("; ")))
    return frame


def built(factory: pytest.TempPathFactory, bank: str, clients: Path, name: str) -> Path:
    def build(target: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BANK", bank)
            run = dbt("build", "--exclude-resource-type", "unit_test", clients=clients, target=target)
        assert run.returncode == 0, run.stdout[-3000:]

    return shared(factory, name, build) / "bank.duckdb"


@pytest.fixture(scope="module", params=BANKS)
def layout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A bank with the warehouse of its sample."""
    bank = str(request.param)
    return bank, built(tmp_path_factory, bank, sample_of(bank), f"layout of {bank}")


def rows(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_churn_of_each_level_is_that_of_pandas(layout: tuple[str, Path]) -> None:
    bank, warehouse = layout
    clients = clients_of(bank)
    found = rows(warehouse, "select trait, level, clients, churn_rate from marts.fct_churn_portrait")
    own = {row for row in found if row[0] in clients}
    expected = {
        trait: {
            str(level).lower() if isinstance(level, bool) else str(level): (
                len(group),
                group.is_churned.mean(),
            )
            for level, group in clients.groupby(trait)
        }
        for trait in {str(row[0]) for row in own}
    }
    assert len(own) == sum(map(len, expected.values())) > 0
    for trait, level, count, rate in own:
        assert (count, rate) == pytest.approx(expected[str(trait)][str(level)], rel=1e-9), (trait, level)


def scipy_test(test: str, first: pd.Series, second: pd.Series) -> tuple[float | None, float]:
    """The statistic, where ours is signed and scaled alike, and the p-value."""
    if test == "welch_t":
        result = stats.ttest_ind(first, second, equal_var=False)
        return float(result.statistic), float(result.pvalue)
    if test == "mann_whitney_u":
        return None, float(stats.mannwhitneyu(first, second, method="asymptotic").pvalue)
    if test == "brunner_munzel":
        return None, float(stats.brunnermunzel(first, second).pvalue)
    table = np.array([[group.sum(), (~group.astype(bool)).sum()] for group in (first, second)], dtype=int)
    if test == "fisher_exact":
        return None, float(stats.fisher_exact(table).pvalue)
    (a, b), (c, d) = table
    statistic, p_value, *_ = stats.chi2_contingency(table, correction=False)
    return float(statistic) ** 0.5 * (1 if a * d > b * c else -1), float(p_value)


def test_the_tests_are_those_of_scipy(layout: tuple[str, Path]) -> None:
    bank, warehouse = layout
    clients = clients_of(bank)
    hypotheses = {row["hypothesis_id"]: row for row in register(bank, "hypotheses")}
    found = rows(
        warehouse,
        "select hypothesis_id, test, statistic, p_value from marts.fct_hypothesis_results"
        " where population = 'all_clients' and test <> 'cochran_mantel_haenszel'",
    )
    assert {row[0] for row in found} == set(hypotheses)
    for hypothesis_id, test, statistic, p_value in found:
        row = hypotheses[str(hypothesis_id)]
        metric = clients[row["metric_column"]]
        if row["kind"] == "proportion":
            metric = metric.astype(str).str.lower() == row["success_value"].lower()
        groups = clients[row["group_column"]].astype(str).str.lower()
        first, second = (
            metric[groups == row[group].lower()].dropna() for group in ("first_group", "second_group")
        )
        expected = scipy_test(str(test), first, second)
        place = f"{hypothesis_id}, {test}"
        assert p_value == pytest.approx(expected[1], rel=1e-9), place
        if expected[0] is not None:
            assert statistic == pytest.approx(expected[0], rel=1e-9), place


@pytest.mark.parametrize("bank", BANKS)
def test_the_sample_is_what_the_generator_writes(
    bank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_what_only_the_second_table_of_the_bank_has(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An id in two cities is two clients; a city nobody listed stays, and is named; whole numbers may have a point."""
    clients = tmp_path_factory.mktemp("second table") / "clients.csv"
    clients.write_text("\n".join((HEADER, *ROWS)) + "\n", encoding="utf-8")
    warehouse = built(tmp_path_factory, "metanprom_2", clients, "second table of the bank")
    reasons = rows(warehouse, "select reasons from staging.stg_bank__client_rows order by source_row_number")
    assert [reason for (reason,) in reasons] == list(ROWS.values())
    keys = dict(rows(warehouse, "select client_id, client_key from staging.stg_bank__client_keys"))
    assert set(keys) == {"7 / Ярославль", "7 / Рыбинск", "8 / УГЛИЧ"}
    assert len(set(keys.values())) == 3
    accepted = (
        "select city, age, has_age, product_count, has_credit_card from marts.dim_clients where is_churned"
    )
    assert rows(warehouse, accepted) == [("УГЛИЧ", None, False, 2, False)]
    noted = dict(rows(warehouse, "select reading, subject from quality.reading_notes where file_rows = 1"))
    assert noted["unlisted_value"] == "city = УГЛИЧ"
    assert noted["column_name"] == "credit_сard = credit_card"
