"""The marts hold what pandas, scipy and statsmodels compute from the client file itself, without SQL.

The bank's figures are pinned, too, so that no change of both sides goes unnoticed.
"""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from duckdb import DuckDBPyConnection as Connection
from statsmodels.stats.proportion import proportion_confint, samplesize_proportions_2indep_onetail

from bank_segments.database import rows_of
from conftest import rows_in

FLAGS = {"CreditCard": "has_credit_card", "Loyalty": "is_loyal", "Churn": "is_churned"}
NUMBERS = ("age", "credit_score", "owned_objects", "balance", "estimated_salary")
CATEGORIES = (
    *("city", "gender", "age_band", "product_count", "is_loyal", "has_balance", "has_credit_card"),
    *("owned_objects", "credit_score_band", "estimated_salary_band"),
)
BANDS: dict[str, tuple[list[float], str]] = {
    "age": ([25, 35, 39, 45, 55, 65], "<25 25-34 35-38 39-44 45-54 55-64 65+"),
    "credit_score": ([500, 600, 700, 800], "<500 500-599 600-699 700-799 800+"),
    "estimated_salary": ([50_000, 100_000, 150_000], "<50000 50000-100000 100000-150000 150000+"),
}
SEGMENTS = ("segment_1", "segment_2", "segment_3", "segment_4")
COVERAGE = (
    "round(coverage, 4) from marts.fct_segment_metrics"
    " where segment_id between 'segment_1' and 'segment_4' order by segment_id"
)
VERDICTS = (
    "hypothesis_id, population, verdict, difference < 0 from marts.fct_hypothesis_results"
    " where is_primary and hypothesis_id <= 'h5' order by all"
)
# The bank's figures, and what is told first: by hand, ties in the order of the registers.
PINNED: dict[str, list[tuple[Any, ...]]] = {
    "* from quality.row_counts": [(10_000, 10_000, 0, 1, 0, 2_037, 7_963, 0.2037)],
    "note, subject, clients from quality.client_notes order by note_rank": [
        ("left_out", "without_loyal_churned", 735),
        ("no_value", "balance", 3_617),
    ],
    "count(*) from quality.rejected_clients": [(0,)],
    "distinct sum(clients)::bigint, round(sum(share_of_clients), 9) from quality.trait_distribution group by trait": [
        (10_000, 1.0)
    ],
    "clients from quality.trait_distribution where trait = 'is_churned' and level = 'true'": [(2_037,)],
    "product_count, clients, active_clients, round(100 * churn_rate, 1)"
    " from marts.fct_product_count_metrics order by 1": [
        (1, 5_084, 3_675, 27.7),
        (2, 4_590, 4_242, 7.6),
        (3, 266, 46, 82.7),
        (4, 60, 0, 100.0),
    ],
    COVERAGE: [(0.1540,), (0.2430,), (0.0710,), (0.4242,)],
    VERDICTS: [
        ("h1_age", "active_clients", "equivalent", True),
        ("h1_age", "all_clients", "different", True),
        ("h2_salary", "active_clients", "equivalent", False),
        ("h2_salary", "all_clients", "equivalent", False),
        ("h3_rostov_share", "active_clients", "inconclusive", False),
        ("h3_rostov_share", "all_clients", "different", True),
        ("h4_churn_share", "active_clients", None, None),
        ("h4_churn_share", "all_clients", "different", True),
    ],
    # What no one who analysed this file before reported: the answers depend on the population.
    "distinct hypothesis_id from marts.fct_hypothesis_sensitivity where is_flipped order by 1": [
        ("h1_age",),
        ("h2_salary",),
        ("h3_rostov_share",),
        ("h5_loyal_share",),
    ],
    "round(p_value, 3) from marts.fct_hypothesis_results"
    " where is_primary and population = 'active_clients' and hypothesis_id in ('h1_age', 'h3_rostov_share')"
    " order by hypothesis_id": [(0.037,), (0.539,)],
    "level from marts.fct_churn_portrait where standout_rank = 1": [("4",)],
    "level from marts.fct_churn_portrait where share_difference_rank = 1": [("45-54",)],
    "distinct trait from marts.fct_churn_portrait_numbers where separation_rank = 1": [("age",)],
    "distinct trait, level from marts.fct_product_count_portrait where share_difference_rank = 1": [
        ("has_balance", "true")
    ],
    "product_count from marts.fct_product_count_metrics where churn_rate_rank = 4": [(2,)],
    "product_count from marts.fct_product_count_metrics where active_clients_rank = 2": [(1,)],
    "segment_id from marts.fct_segment_metrics where churn_rate_rank = 1": [("segment_3",)],
    "proposal_id from marts.fct_retention_proposals where proposal_rank = 1": [("rostov_service",)],
}


@pytest.fixture(scope="module")
def bank(bank_warehouse: Path) -> Iterator[Connection]:
    """The warehouse of the bank's file, opened read-only."""
    with duckdb.connect(str(bank_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def clients(bank_clients: Path) -> pd.DataFrame:
    """The bank's clients as pandas reads them, with traits and segments by other means than SQL."""
    rows = pd.read_csv(bank_clients).rename(
        columns={
            "score": "credit_score",
            "City": "city",
            "Gender": "gender",
            "Age": "age",
            "Objects": "owned_objects",
            "Balance": "balance",
            "Products": "product_count",
        }
        | FLAGS
    )
    rows[list(FLAGS.values())] = rows[list(FLAGS.values())].astype(bool)
    rows["has_balance"] = rows["balance"].notna()
    for column, (edges, names) in BANDS.items():
        bins = [-np.inf, *edges, np.inf]
        rows[f"{column}_band"] = pd.cut(rows[column], bins, right=False, labels=names.split()).astype(str)
    one, mature = rows["product_count"] == 1, rows["age"] >= 39
    members = {
        "segment_1": ~rows["is_churned"] & one & (rows["age"] < 35),
        "segment_2": one & mature,
        "segment_3": one & mature & (rows["city"] == "Ростов Великий"),
        "segment_4": ~rows["is_churned"] & (rows["product_count"] == 2),
    }
    rows["segment_ids"] = [
        ",".join(name for name, met in zip(members, row, strict=True) if met)
        for row in zip(*members.values(), strict=True)
    ]
    return rows


def records(connection: Connection, relation: str, key: list[str]) -> dict[Any, dict[str, Any]]:
    """Return the rows of a relation by their key; a key of one column is bare."""
    rows = rows_of(connection, f"select * from {relation}")
    by_key = {tuple(row[name] for name in key) if len(key) > 1 else row[key[0]]: row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


def assert_same(found: dict[Any, dict[str, Any]], expected: dict[Any, dict[str, Any]], rel: float) -> None:
    """Compare row by row in the expected columns; numbers within a relative tolerance."""
    assert set(found) == set(expected)
    for key, row in expected.items():
        for column, value in row.items():
            assert found[key][column] == pytest.approx(value, rel=rel, abs=1e-12), (key, column)


def text(level: object) -> str:
    """Write a level as the marts do."""
    return str(level).lower() if isinstance(level, bool | np.bool_) else str(level)


def churn(members: pd.DataFrame) -> dict[str, Any]:
    """How many of them left, with the interval of their rate."""
    count, churned = len(members), int(members["is_churned"].sum())
    low, high = proportion_confint(churned, count, method="wilson")
    return {
        "clients": count,
        "churned_clients": churned,
        "churn_rate": churned / count,
        "churn_rate_low": low,
        "churn_rate_high": high,
    }


def summary(values: pd.Series) -> dict[str, Any]:
    """Describe the values that are there."""
    numbers = values.dropna().to_numpy(dtype=float)
    p25, median, p75 = np.percentile(numbers, [25, 50, 75])
    return {
        "clients": len(numbers),
        "mean": numbers.mean(),
        "standard_deviation": numbers.std(ddof=1),
        "p25": p25,
        "median": median,
        "p75": p75,
    }


@pytest.mark.parametrize("query", PINNED)
def test_the_banks_figures(query: str, bank: Connection) -> None:
    assert bank.execute(f"select {query}").fetchall() == PINNED[query]


def test_the_sample_shows_what_the_banks_file_shows(sample_warehouse: Path) -> None:
    """Segments as large, and the same verdicts, but for the interval that ends just inside the margin."""
    found = rows_in(sample_warehouse, f"select {COVERAGE}")
    verdicts = rows_in(sample_warehouse, f"select {VERDICTS}")
    assert [coverage for (coverage,) in found] == pytest.approx(
        [coverage for (coverage,) in PINNED[COVERAGE]], abs=0.015
    )
    of_bank = {row[:2]: row[2] for row in PINNED[VERDICTS]}
    assert {row[:2]: row[2] for row in verdicts} == of_bank | {("h3_rostov_share", "active_clients"): "equivalent"}


def test_churn_portrait(bank: Connection, clients: pd.DataFrame) -> None:
    churned_in_all = int(clients["is_churned"].sum())
    active_in_all = len(clients) - churned_in_all
    expected = {}
    for trait in CATEGORIES:
        for level, members in clients.groupby(trait):
            count, churned = len(members), int(members["is_churned"].sum())
            expected[trait, text(level)] = churn(members) | {
                "share_of_churned": churned / churned_in_all,
                "share_of_active": (count - churned) / active_in_all,
                "lift": (churned / count) / (churned_in_all / len(clients)),
            }
    found = records(bank, "marts.fct_churn_portrait", ["trait", "level"])
    assert_same(found, expected, rel=1e-12)
    # Those above the bank stand out, by their lower bounds.
    low_ends = {key: row["churn_rate_low"] for key, row in expected.items()}
    above = [key for key in low_ends if low_ends[key] > clients["is_churned"].mean()]
    ranked = {row["standout_rank"]: key for key, row in found.items() if row["standout_rank"] is not None}
    assert [ranked[rank] for rank in sorted(ranked)] == sorted(above, key=lambda key: -low_ends[key])


def test_churn_portrait_numbers(bank: Connection, clients: pd.DataFrame) -> None:
    expected = {}
    for trait in NUMBERS:
        for population, is_churned in (("churned", True), ("active", False)):
            values = clients.loc[clients["is_churned"] == is_churned, trait]
            expected[trait, population] = summary(values) | {"minimum": values.min(), "maximum": values.max()}
    found = records(bank, "marts.fct_churn_portrait_numbers", ["trait", "population"])
    assert_same(found, expected, rel=1e-12)


def test_product_count_portraits(bank: Connection, clients: pd.DataFrame) -> None:
    expected: dict[Any, dict[str, Any]] = {}
    expected_numbers = {}
    for product_count, members in clients[~clients["is_churned"]].groupby("product_count"):
        for trait in CATEGORIES:
            if trait != "product_count":
                for level, count in Counter(members[trait]).items():
                    expected[product_count, trait, text(level)] = {
                        "clients": count,
                        "share": count / len(members),
                    }
        for trait in NUMBERS:
            expected_numbers[product_count, trait] = summary(members[trait])
    found = records(bank, "marts.fct_product_count_portrait", ["product_count", "trait", "level"])
    assert_same(found, expected, rel=1e-12)
    found = records(bank, "marts.fct_product_count_portrait_numbers", ["product_count", "trait"])
    assert_same(found, expected_numbers, rel=1e-12)


def test_segments(bank: Connection, clients: pd.DataFrame) -> None:
    expected = {}
    for segment in (*SEGMENTS, "none"):
        sought = "" if segment == "none" else segment
        members = clients[[sought in ids.split(",") for ids in clients["segment_ids"]]]
        expected[segment] = churn(members) | {"coverage": len(members) / len(clients)}
    assert_same(records(bank, "marts.fct_segment_metrics", ["segment_id"]), expected, rel=1e-12)
    # Which clients they are: no two of the bank's share salary, balance, score and age.
    members_found = bank.execute(
        "select age, credit_score, cast(balance as double), cast(estimated_salary as double), segment_ids,"
        " string_agg(segment_id, ',' order by segment_id) from marts.dim_clients"
        " left join marts.fct_segment_membership using (client_key) group by all"
    ).fetchall()
    columns = ["age", "credit_score", "balance", "estimated_salary", "segment_ids", "segment_ids"]
    members_expected = (
        tuple(None if value != value or (value == "" and at == 5) else value for at, value in enumerate(row))
        for row in clients[columns].itertuples(index=False, name=None)
    )
    assert Counter(members_found) == Counter(members_expected)


def test_economics(bank: Connection, clients: pd.DataFrame) -> None:
    """Client by client and year by year: what one who is kept brings, who accepts, and what it costs."""
    assumed = records(bank, "marts.dim_assumptions", ["assumption"])
    found = records(bank, "marts.fct_retention_economics", ["proposal_id", "scenario"])
    ends = records(bank, "marts.fct_retention_sensitivity", ["proposal_id", "assumption"])
    assert len(found) == 12
    assert len(ends) == 36
    # Of segments of active clients the lookalikes are those who would be in it, had they stayed.
    alike = {"segment_1": (clients["product_count"] == 1) & (clients["age"] < 35)}
    alike["segment_4"] = clients["product_count"] == 2

    def profit(segment: str, chosen: dict[str, str], saved: float | None = None) -> tuple[float, float, float]:
        """The profit with assumptions at the ends chosen for them; churn, and what a client is worth."""
        value = {name: row[chosen.get(name, "central")] for name, row in assumed.items()}
        members = clients[[segment in ids.split(",") for ids in clients["segment_ids"]]]
        lookalikes = clients[alike[segment]] if segment in alike else members
        targets = members[~members["is_churned"]]
        end = {"low": "_low", "high": "_high", "central": ""}[chosen.get("expected_churn_rate", "central")]
        leave = churn(lookalikes)[f"churn_rate{end}"]
        worth = [
            (balance * value["margin_on_balance"] + products * value["fee_per_product"])
            / (1 + value["discount_rate"]) ** year
            for balance, products in zip(targets["balance"].fillna(0), targets["product_count"], strict=True)
            for year in range(1, int(value["years_kept"]) + 1)
        ]
        kept = len(targets) * leave * (value["save_rate"] if saved is None else saved)
        accepted = kept + len(targets) * (1 - leave) * value["take_up_of_stayers"]
        worth_of_one = sum(worth) / len(targets)
        costs = accepted * value["offer_cost"] + len(targets) * value["contact_cost"]
        return kept * worth_of_one - costs, leave, worth_of_one

    for (_proposal, scenario), row in found.items():
        chosen = dict.fromkeys(assumed, scenario)
        expected, leave, worth = profit(row["segment_id"], chosen)
        assert row["profit"] == pytest.approx(expected, rel=1e-9)
        assert row["is_profitable"] == (expected > 0)
        assert row["expected_churn_rate"] == pytest.approx(leave, rel=1e-9)
        assert row["value_of_kept_client"] == pytest.approx(worth, rel=1e-9)
        at_break_even, *_ = profit(row["segment_id"], chosen, row["break_even_save_rate"])
        assert at_break_even == pytest.approx(0, abs=1e-6 * abs(expected))
        assert (row["reason_en"] is not None) == (row["break_even_save_rate"] > 1)
    for (_proposal, assumption), row in ends.items():
        for end in ("low", "high"):
            expected, *_ = profit(row["segment_id"], {assumption: end})
            assert row[f"profit_{end}"] == pytest.approx(expected, rel=1e-9)


def test_pilots(bank: Connection) -> None:
    """Against statsmodels, whose size of two arms is that of R's power.prop.test, and a search over all save rates."""
    designs = records(bank, "marts.fct_pilot_designs", ["segment_id", "proposal_id"])
    economics = records(bank, "marts.fct_retention_economics", ["segment_id", "proposal_id", "scenario"])
    assert len(designs) == 4

    def clients_per_arm(rate: float, saved: float) -> float:
        return float(samplesize_proportions_2indep_onetail(-rate * saved, rate, 0.8, alternative="two-sided"))

    for (segment, proposal), row in designs.items():
        central = economics[segment, proposal, "central"]
        names = ("expected_churn_rate", "break_even_save_rate", "target_clients")
        churned, saved, available = (central[name] for name in names)
        rates = (each / 1000 for each in range(1, 1001))
        detectable = (rate for rate in rates if 2 * math.ceil(clients_per_arm(churned, rate)) <= available)
        assert row["smallest_detectable_save_rate"] == next(detectable, None)
        assert (row["available_clients"], row["reason_en"]) == (available, central["reason_en"])
        if saved > 1:
            assert row["reason_en"].startswith("Under these assumptions it does not pay")
            assert (row["save_rate_to_prove"], row["clients_per_arm"], row["is_large_enough"]) == (None,) * 3
            continue
        needed = math.ceil(clients_per_arm(churned, saved))
        assert (row["save_rate_to_prove"], row["clients_per_arm"]) == (pytest.approx(saved), needed)
        assert row["is_large_enough"] == (2 * needed <= available)


def test_power(bank: Connection) -> None:
    """Every size has its power by statsmodels, and one client less has not; a segment is large enough for two arms."""
    designs = records(bank, "marts.fct_pilot_designs", ["segment_id"])
    rows = records(bank, "marts.fct_pilot_power", ["segment_id", "power"])
    assert {segment for segment, _ in rows} == {
        segment for segment, row in designs.items() if row["save_rate_to_prove"]
    }
    assert len(rows) > 60
    for (segment, power), row in rows.items():
        control, offer = (designs[segment][f"{arm}_churn_rate"] for arm in ("control", "offer"))
        size = samplesize_proportions_2indep_onetail(offer - control, control, power, alternative="two-sided")
        assert row["clients_per_arm"] == math.ceil(size)
        assert row["is_large_enough"] == (2 * row["clients_per_arm"] <= designs[segment]["available_clients"])


def test_dashboard_cube(bank: Connection, clients: pd.DataFrame) -> None:
    dimensions = [
        *("city", "gender", "age_band", "product_count", "is_loyal", "has_credit_card", "has_balance"),
        *("segment_ids", "is_churned"),
    ]
    kopecks = {name: (clients[name] * 100).round().fillna(0).astype(int) for name in ("balance", "estimated_salary")}
    added = clients.assign(
        clients=1,
        churned_clients=clients["is_churned"].astype(int),
        age_total=clients["age"],
        credit_score_total=clients["credit_score"],
        owned_objects_total=clients["owned_objects"],
        balance_kopecks_total=kopecks["balance"],
        estimated_salary_kopecks_total=kopecks["estimated_salary"],
    )
    sums = ["clients", "churned_clients", *(name for name in added if str(name).endswith("_total"))]
    expected = added.groupby(dimensions)[sums].sum().to_dict("index")
    found = records(bank, "marts.rpt_dashboard_cube", dimensions)
    assert {key: {name: row[str(name)] for name in sums} for key, row in found.items()} == expected
