"""The search for segments: every rule against a loop over the clients, its p-values against what shuffling gives."""

import csv
import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from bank_segments.marts import rows as records
from bank_segments.segment_search import search_frame

DRIVERS = ["age_band", "city", "gender", "has_balance", "has_credit_card", "is_loyal", "product_count"]


def rules_of(clients: pd.DataFrame, depth: int) -> dict[frozenset[tuple[str, str]], np.ndarray[Any, Any]]:
    """Every rule of up to `depth` conditions on different traits that some client meets, and who meets it."""
    levels = {
        str(trait): [(str(trait), level, (clients[trait] == level).to_numpy()) for level in sorted(set(clients[trait]))]
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


def samples(
    clients: pd.DataFrame,
    depth: int,
    permutations: int,
    seed: int,
    again: int = 1,
    splits: int = 1,
    target: str = "churned",
) -> pd.DataFrame:
    """The product's rows on the clients, whose `is_churned` is the outcome, with the `rule` of each; NaN for None."""
    traits = [str(column) for column in clients if column != "is_churned"]
    cells = clients.groupby(traits)["is_churned"].agg(clients="size", churned_clients="sum").reset_index()
    rules = rules_of(cells[traits], depth)
    names = {str(place): rule for place, rule in enumerate(rules)}
    cells = cells.assign(cell_id=range(len(cells)), segment_ids="")
    memberships = [
        {"candidate_id": name, "cell_id": cell, "is_tested": True}
        for name, rule in names.items()
        for cell in cells["cell_id"][rules[rule]]
    ]
    draws = {"bootstrap_samples": again, "hold_out_splits": splits, "random_seed": seed}
    settings = {"target": target, "permutations": permutations, **draws}
    rows = search_frame(records(cells), memberships, [settings]).astype({"enrichment": float, "p_value": float})
    return rows.assign(rule=rows["candidate_id"].map(names))


def search(clients: pd.DataFrame, depth: int, permutations: int, seed: int) -> Any:
    """Each rule with its row for the clients as they are, the best first."""
    rows = samples(clients, depth, permutations, seed).query("sample_kind == 'all'")
    return [(row.rule, row) for row in rows.sort_values("enrichment", ascending=False).itertuples()]


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
        min(row.p_value for _, row in search(bank(400, seed), depth=2, permutations=99, seed=seed)) <= 0.05
        for seed in range(200)
    )
    assert found <= stats.binom.ppf(0.999, 200, 0.05)
    assert found > 0  # nor is the test so cautious that it never finds anything


def test_a_planted_rule_comes_first_in_38_of_40_banks() -> None:
    """Three conditions that 8 % of 10,000 clients meet, who leave twice as often."""
    planted = {"age": "40", "city": "b", "loyal": "yes"}
    first = [search(bank(10_000, seed, planted), depth=3, permutations=99, seed=seed)[0] for seed in range(40)]
    assert sum(rule == frozenset(planted.items()) for rule, _ in first) >= 38
    assert all(row.p_value == 0.01 for _, row in first)


def test_p_values_against_clients_shuffled_one_by_one() -> None:
    clients = bank(300, seed=3, planted={"age": "50"})
    rules = rules_of(clients.drop(columns="is_churned"), depth=2)
    outcome, random = clients["is_churned"].to_numpy(), np.random.default_rng(1)
    # What chance gives a rule depends on no shuffle: scipy's hypergeometric distribution.
    chances = {rule: stats.hypergeom(len(outcome), outcome.sum(), members.sum()) for rule, members in rules.items()}
    scales = {rule: (chance.mean(), chance.std()) for rule, chance in chances.items()}

    def deviations(left: np.ndarray[Any, Any]) -> dict[Any, float]:
        """Of each rule, in standard deviations."""
        return {rule: (left[members].sum() - scales[rule][0]) / scales[rule][1] for rule, members in rules.items()}

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
    assert all(math.isnan(row.enrichment) and math.isnan(row.p_value) for _, row in rows)


def test_active_clients_are_looked_for_by_the_other_tail() -> None:
    tails = [samples(bank(200, seed=2), 1, 99, 1, target=tail)["enrichment"] for tail in ("churned", "active")]
    tails = [tail.dropna() for tail in tails]
    assert list(tails[0]) == list(-tails[1])


def test_the_bootstrap_interval_is_the_analytic_one_of_many_clients() -> None:
    """Of the coverage and of the churn rate binomial, of the lift by the delta method, but for Monte Carlo."""
    clients, draws = bank(100_000, seed=4, planted={"age": "50"}), 4000
    rows = samples(clients, depth=1, permutations=99, seed=1, again=draws)
    planted = rows[rows["rule"] == frozenset({("age", "50")})]
    (whole,) = planted.query("sample_kind == 'all'").to_dict("records")
    size, rule, left, both = (
        whole[name] for name in ("all_clients", "clients", "all_churned_clients", "churned_clients")
    )
    again = planted.query("sample_kind == 'bootstrap'")
    assert (again["all_clients"] == size).all()
    drawn = {
        "coverage": (again["clients"] / size, rule / size, math.sqrt(rule / size * (1 - rule / size) / size)),
        "rate": (
            again["churned_clients"] / again["clients"],
            both / rule,
            math.sqrt(both / rule * (1 - both / rule) / rule),
        ),
        "log lift": (
            np.log(again["churned_clients"] * size / again["clients"] / again["all_churned_clients"].astype(float)),
            math.log(both * size / rule / left),
            math.sqrt(1 / both - 1 / rule - 1 / left - 1 / size + 2 * both / rule / left),
        ),
    }
    # The error of a quantile from so many draws (Stuart and Ord 1994, 10.11), in standard deviations.
    error = math.sqrt(0.025 * 0.975 / draws) / stats.norm.pdf(stats.norm.ppf(0.975))
    for name, (values, expected, deviation) in drawn.items():
        ends = (np.quantile(values, [0.025, 0.975]) - expected) / deviation
        assert ends == pytest.approx(stats.norm.ppf([0.025, 0.975]), abs=4 * error), name


def test_halves_share_no_client_and_the_lift_on_the_other_half_does_not_flatter() -> None:
    """The rule that is best in one half is best by chance where there is nothing to find; a planted one is not."""
    lifts: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for is_planted, seed in itertools.product(lifts, range(60)):
        clients = bank(1000, seed, {"age": "40", "city": "b"} if is_planted else None)
        rows = samples(clients, depth=2, permutations=99, seed=seed)
        rows["lift"] = (rows["churned_clients"] / rows["clients"]) / (rows["all_churned_clients"] / rows["all_clients"])
        whole, half, other = (
            rows[rows["sample_kind"] == kind].set_index("rule") for kind in ("all", "half", "other_half")
        )
        for counted in ("clients", "churned_clients", "all_clients", "all_churned_clients"):
            assert (half[counted] + other[counted] == whole[counted]).all()
        best: Any = half["enrichment"].idxmax()
        lifts[is_planted].append((half["lift"][best], other["lift"][best]))
    (_, planted), (fitted, noise) = (np.mean(lifts[kind], axis=0) for kind in (True, False))
    error = float(np.std([other for _, other in lifts[False]])) / math.sqrt(60)
    assert noise == pytest.approx(1, abs=3 * error)
    assert fitted > 1 + 10 * error
    assert planted > 1.3


@pytest.fixture(scope="module")
def sample(sample_warehouse: Path) -> Any:
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
        "select candidate_id, segment_id, overlap, other_clients, coalesce(other_churn_rate, 0)"
        " from marts.fct_segment_candidate_overlaps"
    )
    segments = clients["segment_ids"].str.get_dummies(",").astype(bool)
    for candidate, segment, overlap, others, rate in overlaps.fetchall():
        members, in_segment = rules[named[candidate]], segments[segment].to_numpy()
        assert overlap == pytest.approx((members & in_segment).sum() / (members | in_segment).sum())
        outside = members & ~in_segment
        assert (others, rate * others) == (outside.sum(), pytest.approx(left[outside].sum()))


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
                of_kind: Any = {"true": True, "false": False}.get(value) if value in ("true", "false") else value
                if sign != "=" or column == "product_count":
                    of_kind = int(value)
                conditions[column, sign, value] = kept[sign](everybody[column], of_kind).to_numpy()
            members &= conditions[column, sign, value]
        assert members.sum() == count, lines


def counted(sample: Any) -> tuple[pd.DataFrame, dict[str, np.ndarray[Any, Any]]]:
    """The cells in the order in which they are drawn, and which of them each candidate and tested segment holds."""
    cells = sample.sql("select * from intermediate.int_driver_cells").df()
    cells = cells.sort_values(["segment_ids", *DRIVERS], na_position="first").reset_index(drop=True)
    members = {
        candidate: np.logical_and.reduce([cells[trait] == level for trait, level in rule])
        for candidate, rule in conditions(sample).items()
    }
    for segment in ("segment_2", "segment_3"):
        members[segment] = np.array([segment in ids.split(",") for ids in cells["segment_ids"]])
    return cells, members


def drawn_samples(
    cells: pd.DataFrame, search: dict[str, Any]
) -> Iterator[tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The leavers and the clients of each cell in the samples of the register, drawn here."""
    left = cells["churned_clients"].to_numpy()
    counts = np.concatenate([left, cells["clients"] - left])
    seed = search["random_seed"]
    again = np.random.default_rng([seed, 1]).multinomial(
        counts.sum(), counts / counts.sum(), size=search["bootstrap_samples"]
    )
    halves = np.random.default_rng([seed, 2]).multivariate_hypergeometric(
        counts, counts.sum() // 2, size=search["hold_out_splits"], method="marginals"
    )
    for kind, drawn in (("bootstrap", again), ("half", halves), ("other", counts - halves)):
        for one in drawn:
            yield kind, one[: len(left)], one[: len(left)] + one[len(left) :]


def test_stability_against_a_loop_over_the_same_draws(sample: Any) -> None:
    """Counts, significance, redundancy and the first ten of each sample, by loops and sets instead of joins."""
    (search,) = records(sample.sql("select * from reference.segment_search").df())
    cells, members = counted(sample)
    rules = conditions(sample)
    by_rule = {rule: candidate for candidate, rule in rules.items()}
    known = sample.sql(
        "select distinct candidate_id from marts.fct_segment_candidate_overlaps where overlap > ?",
        params=[search["largest_overlap"]],
    ).fetchall()
    # What may be found, with all that are wider.
    wider = {
        candidate: [by_rule[frozenset(part)] for n in range(1, len(rule)) for part in itertools.combinations(rule, n)]
        for candidate, rule in rules.items()
        if len(rule) > 1 and (candidate,) not in known
    }
    # What chance must at least find: the value that the observed ones exceed where p is below the error.
    (threshold,) = sample.sql(
        "select max(enrichment) from marts.fct_segment_candidates where p_value >= 0.05"
    ).fetchall()[0]
    drawn: dict[str, list[pd.DataFrame]] = defaultdict(list)
    found: dict[str, list[set[str]]] = defaultdict(list)
    for kind, left, clients in drawn_samples(cells, search):
        size, rate = clients.sum(), left.sum() / clients.sum()
        n, churned = (np.array([of_cells[inside].sum() for inside in members.values()]) for of_cells in (clients, left))
        low = proportion_confint(churned, n, method="wilson")[0]
        spread = np.sqrt(n * rate * (1 - rate) * (size - n) / (size - 1))
        rows = pd.DataFrame(
            {"coverage": n / size, "churn_rate_bootstrap": churned / n, "lift": churned / n / rate},
            index=list(members),
        )
        drawn[kind].append(rows)
        churn = rows["churn_rate_bootstrap"].to_dict()
        good = {
            candidate: abs(rows["coverage"][candidate] * (churn[candidate] - rate))
            for candidate, enriched, lowest in zip(members, (churned - n * rate) / spread, low, strict=True)
            if candidate in wider and enriched > threshold and all(churn[each] < lowest for each in wider[candidate])
        }
        best = sorted(good, key=lambda candidate: (-good[candidate], candidate))
        found[kind].append(set(best[: search["kept_candidates"]]))
    ends = pd.concat(drawn["bootstrap"]).groupby(level=0).quantile(np.array([0.025, 0.975])).unstack()
    stability = records(sample.sql("select * from marts.fct_segment_stability").df())
    assert len(stability) > 10
    for row in stability:
        candidate = row["candidate_id"]
        if candidate not in members:
            assert row["lift"] is None
            continue
        for name in ("coverage", "churn_rate_bootstrap", "lift"):
            interval = [row[f"{name}_low"], row[f"{name}_high"]]
            assert interval == pytest.approx(list(ends[name].loc[candidate]), rel=1e-12)
        is_declared = candidate not in rules
        held_out = [
            rows["lift"][candidate]
            for rows, those in zip(drawn["other"], found["half"], strict=True)
            if is_declared or candidate in those
        ]
        assert row["lift_hold_out"] == pytest.approx(np.mean(held_out), rel=1e-12)
        if not is_declared:
            assert row["found_share"] == np.mean([candidate in those for those in found["bootstrap"]])
