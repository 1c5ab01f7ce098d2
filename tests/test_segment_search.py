"""The search for segments: every rule against a loop over the clients, its p-values against what shuffling gives."""

import csv
import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bank_segments.marts import rows as records
from bank_segments.segment_search import Search, SearchRow, search_rows

DRIVERS = ["age_band", "city", "gender", "has_balance", "has_credit_card", "is_loyal", "product_count"]


def rules_of(clients: pd.DataFrame, depth: int) -> dict[frozenset[tuple[str, str]], np.ndarray[Any, Any]]:
    """Every rule of up to `depth` conditions on different traits that some client meets, and who meets it."""
    levels = {
        str(trait): [
            (str(trait), level, (clients[trait] == level).to_numpy()) for level in sorted(set(clients[trait]))
        ]
        for trait in clients
    }
    rules: dict[frozenset[tuple[str, str]], np.ndarray[Any, Any]] = {}
    for count in range(1, depth + 1):
        for traits in itertools.combinations(sorted(levels), count):
            for chosen in itertools.product(*(levels[trait] for trait in traits)):
                members = np.logical_and.reduce([members for *_, members in chosen])
                if members.any():
                    rules[frozenset((trait, level) for trait, level, _ in chosen)] = members
    return rules


def search(clients: pd.DataFrame, depth: int, permutations: int, seed: int) -> list[tuple[Any, SearchRow]]:
    """The product's test of all rules on the clients, whose `is_churned` is the outcome, the best rule first."""
    traits = clients.drop(columns="is_churned")
    rules = rules_of(traits, depth)
    names = {str(place): rule for place, rule in enumerate(rules)}
    cells = (
        clients.groupby(list(traits))["is_churned"].agg(clients="size", churned_clients="sum").reset_index()
    )
    cells = cells.assign(cell_id=range(len(cells)), segment_ids="")
    memberships = [
        (name, cell)
        for name, rule in names.items()
        for cell in cells["cell_id"][np.logical_and.reduce([cells[trait] == level for trait, level in rule])]
    ]
    rows = search_rows(records(cells), memberships, Search("churned", permutations, seed))
    return sorted(
        ((names[row.candidate_id], row) for row in rows),
        key=lambda found: -(found[1].enrichment if found[1].enrichment is not None else -math.inf),
    )


def bank(size: int, seed: int, planted: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Clients of four traits; those who meet the planted rule leave twice as often."""
    random = np.random.default_rng(seed)
    clients = pd.DataFrame(
        {
            "age": random.choice(["20", "30", "40", "50"], size, p=[0.2, 0.25, 0.4, 0.15]),
            "city": random.choice(["a", "b", "c"], size, p=[0.5, 0.4, 0.1]),
            "loyal": random.choice(["no", "yes"], size),
            "card": random.choice(["no", "yes"], size),
        }
    )
    is_planted = np.logical_and.reduce([clients[trait] == level for trait, level in (planted or {}).items()])
    rate = np.where(is_planted, 0.4, 0.2) if planted else 0.2
    return clients.assign(is_churned=(random.random(size) < rate) * 1)


def test_without_structure_chance_finds_something_in_one_table_of_twenty() -> None:
    found = sum(
        min(row.p_value or 1 for _, row in search(bank(400, seed), depth=3, permutations=99, seed=seed))
        <= 0.05
        for seed in range(200)
    )
    assert found <= stats.binom.ppf(0.999, 200, 0.05)
    assert found > 0  # nor is the test so cautious that it never finds anything


def test_a_planted_rule_comes_first_in_95_of_100_banks() -> None:
    """Three conditions that 8 % of 10,000 clients meet, who leave twice as often."""
    planted = {"age": "40", "city": "b", "loyal": "yes"}
    first = [
        search(bank(10_000, seed, planted), depth=3, permutations=99, seed=seed)[0] for seed in range(100)
    ]
    assert sum(rule == frozenset(planted.items()) for rule, _ in first) >= 95
    assert all(row.p_value == 0.01 for _, row in first)


def test_p_values_against_clients_shuffled_one_by_one() -> None:
    clients = bank(300, seed=3, planted={"age": "50"})
    rules = rules_of(clients.drop(columns="is_churned"), depth=2)
    outcome, random = clients["is_churned"].to_numpy(), np.random.default_rng(1)

    def deviations(left: np.ndarray[Any, Any]) -> dict[Any, float]:
        """Of each rule, in standard deviations of scipy's hypergeometric distribution."""
        found = {}
        for rule, members in rules.items():
            chance = stats.hypergeom(len(left), left.sum(), members.sum())
            found[rule] = (left[members].sum() - chance.mean()) / chance.std()
        return found

    largest = [max(deviations(random.permutation(outcome)).values()) for _ in range(400)]
    observed = deviations(outcome)
    for rule, row in search(clients, depth=2, permutations=4000, seed=9):
        assert row.enrichment == pytest.approx(observed[rule])
        expected = np.mean([value >= observed[rule] for value in largest])
        assert row.p_value == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 400))


@pytest.mark.parametrize("outcome", [0, 1])
def test_where_nobody_or_everybody_left_nothing_is_found(outcome: int) -> None:
    rows = search(bank(50, seed=1).assign(is_churned=outcome), depth=2, permutations=99, seed=1)
    assert rows
    assert all(row.enrichment is None and row.p_value is None for _, row in rows)


def test_active_clients_are_looked_for_by_the_other_tail() -> None:
    clients = bank(200, seed=2)
    cells = clients.groupby("city")["is_churned"].agg(clients="size", churned_clients="sum").reset_index()
    rows = records(cells.assign(cell_id=range(len(cells)), segment_ids=""))
    members = list(zip(cells["city"], range(len(cells)), strict=True))
    tails = [
        {row.candidate_id: row.enrichment for row in search_rows(rows, members, Search(target, 99, 1))}
        for target in ("churned", "active")
    ]
    assert tails[0] == {city: -float(value or 0) for city, value in tails[1].items()}


@pytest.fixture(scope="module")
def sample(sample_warehouse: Path) -> Any:
    """The warehouse of the sample."""
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def clients(sample: Any) -> pd.DataFrame:
    """Its clients, with the levels of the drivers as text, the outcome and their segments."""
    columns = ", ".join(f"cast({driver} as varchar) as {driver}" for driver in DRIVERS)
    query = f"select {columns}, is_churned, segment_ids from intermediate.int_clients_segmented"
    frame: pd.DataFrame = sample.sql(query).df()
    return frame


def conditions(connection: Any) -> dict[str, frozenset[tuple[str, str]]]:
    """The conditions of each candidate in the mart."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for candidate, trait, level in connection.sql(
        "select candidate_id, trait, level from marts.fct_segment_candidate_conditions"
    ).fetchall():
        found[candidate].add((trait, level))
    return {candidate: frozenset(those) for candidate, those in found.items()}


def test_the_marts_against_a_loop_over_the_clients(sample: Any, clients: pd.DataFrame) -> None:
    """Every rule of up to three conditions is there, with its counts, its overlaps and what makes it redundant."""
    rules = {
        rule: members
        for rule, members in rules_of(clients[DRIVERS], depth=3).items()
        if members.sum() >= 0.02 * len(clients)
    }
    left = clients["is_churned"].to_numpy()
    rates = {rule: left[members].mean() for rule, members in rules.items()}
    named = conditions(sample)
    assert set(named.values()) == set(rules)
    rows = sample.sql("select * from marts.fct_segment_candidates where not is_declared").df()
    for row in rows.to_dict("records"):
        rule = named[row["candidate_id"]]
        members = rules[rule]
        assert (row["depth"], row["clients"]) == (len(rule), members.sum())
        assert row["churned_clients"] == left[members].sum()
        assert row["weighted_relative_accuracy"] == pytest.approx(
            members.mean() * (rates[rule] - left.mean()), abs=1e-15
        )
        wider = [frozenset(some) for n in range(1, len(rule)) for some in itertools.combinations(rule, n)]
        assert row["is_redundant"] == any(rates[each] >= row["churn_rate_low"] for each in wider)
    overlaps = sample.sql(
        "select candidate_id, segment_id, overlap from marts.fct_segment_candidate_overlaps"
    )
    for candidate, segment, overlap in overlaps.fetchall():
        in_segment = np.array([segment in ids.split(",") for ids in clients["segment_ids"]])
        members = rules[named[candidate]]
        assert overlap == pytest.approx((members & in_segment).sum() / (members | in_segment).sum())


def test_the_lines_of_a_candidate_are_its_rule(sample: Any, clients: pd.DataFrame) -> None:
    """Read as CSV and applied to the clients they give the clients of the candidate."""
    rows = sample.sql(
        "select candidate_id, rule_lines, clients from marts.fct_segment_candidates where not is_declared"
    ).fetchall()
    everybody = sample.sql("select * from intermediate.int_clients_segmented").df()
    kept = {"=": operator.eq, ">=": operator.ge, "<": operator.lt}
    conditions: dict[tuple[str, ...], Any] = {}
    for candidate, lines, count in rows:
        members = np.ones(len(everybody), dtype=bool)
        for segment, column, sign, value in csv.reader(lines.splitlines()):
            assert segment == candidate
            if (column, sign, value) not in conditions:
                of_kind: Any = (
                    {"true": True, "false": False}.get(value) if value in ("true", "false") else value
                )
                if sign != "=" or column == "product_count":
                    of_kind = int(value)
                conditions[column, sign, value] = kept[sign](everybody[column], of_kind).to_numpy()
            members &= conditions[column, sign, value]
        assert members.sum() == count, lines
