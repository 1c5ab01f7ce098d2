"""`make calibrate`: measures the error rates, the power and the speed of the tests, instead of trusting them.

* `rates` shuffles the group labels of a built warehouse: then every null hypothesis is true, every rejection an error.
* `power` plants known differences with the sample generator and compares how often they are found with the theory.
* `ranks` runs the compiled rank models over many rows, and scipy on the same arrays.

Each measurement leaves a section in target/calibration; together they are the page models/docs/calibration.md of the
dbt docs. Every p-value comes from `bank_segments.statistics` through the sums that SQL would deliver.
"""

import argparse
import datetime
import math
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import scipy
from scipy import special, stats

from bank_segments import statistics
from bank_segments.hypotheses import PlannedTest, planned_tests, rank_sums_of
from bank_segments.sample import write_sample
from bank_segments.statistics import Counts, Moments, RankSums, UndefinedError

SEED = 20261124
BAND = 0.999
OUTPUT = Path("target/calibration")
DOCS = Path("models/docs/calibration.md")
# So many permutations are shuffled at once: some 40 MB for ten thousand clients.
BATCH = 500
MEMORY_LIMIT = "4GB"
SECTIONS = ("rates", "power", "ranks")
OUTSIDE = "**нет / no**"
_DIGITS = 24

EQUIVALENCE = ", equivalence at the margin"
WITHOUT_HOLM, WITH_HOLM = "family without Holm", "family with Holm"

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


# -----------------------------------------------------------------------------------------------------------
# What is permuted
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clients:
    """The clients of both groups of one hypothesis in one population, whose metric is known."""

    hypothesis_id: str
    population: str
    kind: str
    grouping: tuple[str, str, str]
    is_first: npt.NDArray[np.bool_]
    units: Integers
    units_per_one: int
    strata: Integers

    @property
    def sizes(self) -> tuple[int, int]:
        """How many clients the groups have."""
        n_1 = int(self.is_first.sum())
        return n_1, len(self.is_first) - n_1


@dataclass(frozen=True)
class Register:
    """The seeds that plan the tests."""

    hypotheses: list[dict[str, Any]]
    plan: list[PlannedTest]
    populations: list[dict[str, Any]]
    rules: list[dict[str, Any]]


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[dict[str, Any]]:
    result = connection.execute(query, list(parameters))
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def read_register(connection: duckdb.DuckDBPyConnection) -> Register:
    """Read the register from a built warehouse."""
    hypotheses = _rows(connection, "select * from reference.hypotheses order by sort_order, hypothesis_id")
    return Register(
        hypotheses=hypotheses,
        plan=planned_tests(hypotheses, _rows(connection, "select * from reference.hypothesis_tests")),
        populations=_rows(connection, "select * from reference.populations order by sort_order"),
        rules=_rows(connection, "select * from reference.population_rules order by all"),
    )


def _literal(value: object) -> str:
    """Return a value of the register as a literal, which DuckDB casts to the type of its column."""
    return "'" + str(value).replace("'", "''") + "'"


def _condition(register: Register, population: Mapping[str, Any]) -> str:
    rules = [
        f"{rule['column_name']} {rule['operator']} {_literal(rule['value'])}"
        for rule in register.rules
        if rule["population"] == population["population"]
    ]
    met = " and ".join(rules) or "true"
    return f"({met}) is not true" if population["rules_mean"] == "drop" else met


def _units(hypothesis: Mapping[str, Any], units_per_one: int) -> str:
    column = hypothesis["metric_column"]
    if hypothesis["kind"] == "proportion":
        return f"cast({column} = {_literal(hypothesis['success_value'])} as bigint)"
    return f"cast({column} * {units_per_one} as bigint)"


def _units_per_one(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    query = "select distinct hypothesis_id, units_per_one from intermediate.int_hypothesis_moments"
    return dict(connection.execute(query).fetchall())


def read_clients(connection: duckdb.DuckDBPyConnection, register: Register) -> list[Clients]:
    """Read what each hypothesis compares, one entry per population in which it is reported."""
    scales = _units_per_one(connection)
    found = []
    for hypothesis in register.hypotheses:
        group = hypothesis["group_column"]
        first, second = (_literal(hypothesis[name]) for name in ("first_group", "second_group"))
        units = _units(hypothesis, scales[hypothesis["hypothesis_id"]])
        strata = ", ".join((hypothesis["strata"] or "").split()) or "''"
        for population in register.populations:
            if population["population"] not in hypothesis["populations"].split():
                continue
            arrays = connection.execute(
                f"""
                select {group} = {first} as is_first, {units} as units, concat_ws(' | ', {strata}) as stratum
                from intermediate.int_clients_segmented
                where {group} in ({first}, {second}) and {units} is not null and {_condition(register, population)}
                order by client_key
                """
            ).fetchnumpy()
            found.append(
                Clients(
                    hypothesis_id=hypothesis["hypothesis_id"],
                    population=population["population"],
                    kind=hypothesis["kind"],
                    grouping=(group, first, second),
                    is_first=np.asarray(arrays["is_first"], dtype=np.bool_),
                    units=np.asarray(arrays["units"], dtype=np.int64),
                    units_per_one=scales[hypothesis["hypothesis_id"]],
                    strata=np.unique(np.asarray(arrays["stratum"], dtype=str), return_inverse=True)[1],
                )
            )
    return found


# -----------------------------------------------------------------------------------------------------------
# Sums for many labelings at once: one row of `labels` is one labeling, 1 for group one and 0 for group two
# -----------------------------------------------------------------------------------------------------------


def _exact_sums(labels: Floats, values: Sequence[int]) -> list[int]:
    """Sum of `values` over group one, per labeling: exact, because each partial sum is below 2**53."""
    totals = [0] * len(labels)
    bits = max((value.bit_length() for value in values), default=0)
    for shift in range(0, bits, _DIGITS):
        digits = np.array([(value >> shift) & ((1 << _DIGITS) - 1) for value in values], dtype=np.float64)
        for at, part in enumerate((labels @ digits).tolist()):
            totals[at] += int(part) << shift
    return totals


def moments(labels: Floats, clients: Clients) -> list[tuple[Moments, Moments]]:
    """Moments of both groups, per labeling."""
    values = clients.units.tolist()
    everyone = Moments.of(values, clients.units_per_one)
    sizes = [int(size) for size in labels.sum(axis=1).tolist()]
    totals = _exact_sums(labels, values)
    squares = _exact_sums(labels, [value * value for value in values])
    return [
        (
            Moments(n, total, square, everyone.scale),
            Moments(everyone.n - n, everyone.total - total, everyone.total_squares - square, everyone.scale),
        )
        for n, total, square in zip(sizes, totals, squares, strict=True)
    ]


def counts(labels: Floats, clients: Clients) -> list[tuple[Counts, Counts]]:
    """Successes among the clients of both groups, per labeling."""
    return [(Counts(one.total, one.n), Counts(two.total, two.n)) for one, two in moments(labels, clients)]


def rank_sums(labels: Floats, clients: Clients) -> list[tuple[RankSums]]:
    """Rank sums of both groups, per labeling."""
    _, level, in_level = np.unique(clients.units, return_inverse=True, return_counts=True)
    order = np.argsort(level, kind="stable")
    first = np.add.reduceat(labels[:, order], np.cumsum(in_level) - in_level, axis=1)
    return _rank_sums_of_levels(first, in_level.astype(np.float64) - first)


def _rank_sums_of_levels(first: Floats, second: Floats) -> list[tuple[RankSums]]:
    """Rank sums from the clients of both groups per level, labelings x levels; exact: whole numbers below 2**53."""
    up_to_first, up_to_second = np.cumsum(first, axis=1), np.cumsum(second, axis=1)
    placement_1 = 2 * up_to_second - second
    placement_2 = 2 * up_to_first - first
    tied = first + second
    sums = (
        up_to_first[:, -1],
        up_to_second[:, -1],
        np.einsum("ij,ij->i", first, placement_1),
        np.einsum("ij,ij,ij->i", tied, tied, tied) - tied.sum(axis=1),
        np.einsum("ij,ij,ij->i", first, placement_1, placement_1),
        np.einsum("ij,ij,ij->i", second, placement_2, placement_2),
    )
    return [(RankSums(*map(int, each)),) for each in zip(*sums, strict=True)]


def strata(labels: Floats, clients: Clients) -> list[tuple[list[list[int]]]]:
    """2x2 tables (a, b, c, d) of every stratum, per labeling."""
    cells = clients.strata * 2 + (1 - clients.units)
    columns = 2 * (int(clients.strata.max()) + 1)
    one = (labels @ np.eye(columns)[cells]).astype(np.int64)
    two = np.bincount(cells, minlength=columns) - one
    both = np.stack((one.reshape(len(labels), -1, 2), two.reshape(len(labels), -1, 2)), axis=2)
    return [(tables,) for tables in both.reshape(len(labels), -1, 4).tolist()]


@dataclass(frozen=True)
class Measured:
    """How a test gets its p-value from a labeling, and the equivalence that belongs to it one at the margin."""

    sums: Callable[[Floats, Clients], Sequence[tuple[Any, ...]]]
    test: Callable[..., Any]
    at_the_margin: Callable[[Floats, Clients, Fraction, np.random.Generator], list[float]] | None = None

    def p_values(self, labels: Floats, clients: Clients) -> list[float | None]:
        """One p-value per labeling, None where the test is undefined."""
        return [self._p_value(each) for each in self.sums(labels, clients)]

    def _p_value(self, sums: tuple[Any, ...]) -> float | None:
        try:
            found = self.test(*sums)
        except UndefinedError:
            return None
        return float(getattr(found, "p_value", found))


# -----------------------------------------------------------------------------------------------------------
# Equivalence where the groups differ by exactly the margin: the border of its null hypothesis
# -----------------------------------------------------------------------------------------------------------


def _means_at_the_margin(
    labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator
) -> list[float]:
    """Group one is moved by the margin times the mean of everyone, which is what shuffled groups share.

    As in the mart, the test takes its margin from the mean of group two, which varies; see `means_error`.
    """
    everyone = Moments.of(clients.units.tolist(), clients.units_per_one)
    shift = margin * Fraction(everyone.total, everyone.n)
    unit, step = shift.denominator, shift.numerator
    found = []
    for one, two in moments(labels, clients):
        moved = Moments(
            one.n,
            unit * one.total + step * one.n,
            unit**2 * one.total_squares + 2 * unit * step * one.total + step**2 * one.n,
            one.scale * unit,
        )
        found.append(statistics.tost_welch(moved, two, abs(margin * two.mean)).p_value)
    return found


def means_error(n_1: int, n_2: int, margin: float, alpha: float) -> float:
    """Rejection rate to expect at the border: a margin of so many percent of group two's mean moves with that mean.

    The test compares m_1 - (1 + margin) m_2 with zero, but its standard error is that of m_1 - m_2. Five percent become
    5.3 to 5.5; a fixed margin would keep them.
    """
    seen, true = 1 / n_1 + 1 / n_2, 1 / n_1 + (1 + margin) ** 2 / n_2
    return float(special.ndtr(special.ndtri(alpha) * math.sqrt(seen / true)))


def _shares_at_the_margin(
    labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator
) -> list[float]:
    """Shares drawn around everyone's, group one's further from its end by the margin."""
    share = float(clients.units.mean())
    shifted = share + float(margin) * (1 if share <= 0.5 else -1)
    n_1 = int(labels[0].sum())
    n_2 = len(clients.units) - n_1
    draws = zip(
        rng.binomial(n_1, shifted, len(labels)).tolist(),
        rng.binomial(n_2, share, len(labels)).tolist(),
        strict=True,
    )
    return [statistics.tost_proportions(Counts(x, n_1), Counts(y, n_2), margin).p_value for x, y in draws]


def _ranks_at_the_margin(
    labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator
) -> list[float]:
    """Values drawn from everyone's; a part of group one gets the highest, so many that P is 1/2 plus the margin."""
    level_shares = np.unique(clients.units, return_counts=True)[1] / len(clients.units)
    lifted = 2 * float(margin) / (1 - level_shares[-1])
    first_shares = (1 - lifted) * level_shares
    first_shares[-1] += lifted
    n_1 = int(labels[0].sum())
    drawn = (
        rng.multinomial(n, shares, len(labels)).astype(np.float64)
        for n, shares in ((n_1, first_shares), (len(clients.units) - n_1, level_shares))
    )
    return [statistics.tost_superiority(ranks, margin).p_value for (ranks,) in _rank_sums_of_levels(*drawn)]


TESTS = {
    "welch_t": Measured(moments, statistics.welch_t, _means_at_the_margin),
    "mann_whitney_u": Measured(rank_sums, statistics.mann_whitney_u),
    "brunner_munzel": Measured(rank_sums, statistics.brunner_munzel, _ranks_at_the_margin),
    # Few shares are possible, so most are seen again and again.
    "two_proportion_z": Measured(counts, cache(statistics.two_proportion_z), _shares_at_the_margin),
    "fisher_exact": Measured(counts, cache(statistics.fisher_exact)),
    "cochran_mantel_haenszel": Measured(strata, statistics.cochran_mantel_haenszel),
}
# Fisher's test cannot reject more often than promised, and rejects less because its p-values are few.
_CAUTIOUS = {"fisher_exact"}


# -----------------------------------------------------------------------------------------------------------
# Error rates
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """How often something was rejected, and how often it should be: as expected, or at most so often."""

    name: tuple[str, str, str]
    n_1: int
    n_2: int
    rejected: int
    trials: int
    expected: float
    is_exact: bool = True

    @property
    def share(self) -> float:
        """Rejections per trial."""
        return self.rejected / self.trials

    @property
    def band(self) -> tuple[float, float]:
        """Where the share lies with 99.9 % if the expected one is true; only from above for a cautious procedure."""
        low, high = (
            float(stats.binom.ppf(tail, self.trials, self.expected)) / self.trials
            for tail in ((1 - BAND) / 2, (1 + BAND) / 2)
        )
        return (low if self.is_exact else 0.0), high

    @property
    def is_within(self) -> bool:
        """Whether the share is in its band."""
        low, high = self.band
        return low <= self.share <= high


def shuffled(clients: Clients, rng: np.random.Generator, permutations: int) -> Iterator[Floats]:
    """Labelings with the sizes of the real groups, in batches."""
    n, n_1 = len(clients.is_first), int(clients.is_first.sum())
    for start in range(0, permutations, BATCH):
        labels = np.zeros((min(BATCH, permutations - start), n))
        for row in labels:
            row[rng.permutation(n)[:n_1]] = 1
        yield labels


def _p_values_of(
    plan: Sequence[PlannedTest], group: Sequence[Clients], permutations: int, seed: int
) -> dict[tuple[PlannedTest, bool], list[float | None]]:
    """P-values by test, and whether of its equivalence; those who compare the same clients share their labelings."""
    found: dict[tuple[PlannedTest, bool], list[float | None]] = {}
    sharing: dict[tuple[tuple[str, str, str], bytes], list[Clients]] = {}
    for clients in group:
        sharing.setdefault((clients.grouping, clients.is_first.tobytes()), []).append(clients)
    for at, together in enumerate(sharing.values()):
        rng = np.random.default_rng([seed, at])
        for labels in shuffled(together[0], rng, permutations):
            for planned, clients in _joined(plan, together):
                measured = TESTS[planned.test]
                found.setdefault((planned, False), []).extend(measured.p_values(labels, clients))
                if measured.at_the_margin:
                    margin = Fraction(planned.equivalence_margin)
                    p_values = measured.at_the_margin(labels, clients, margin, rng)
                    found.setdefault((planned, True), []).extend(p_values)
    return found


def _joined(plan: Sequence[PlannedTest], found: Sequence[Clients]) -> Iterator[tuple[PlannedTest, Clients]]:
    for clients in found:
        yield from ((test, clients) for test in plan if test.hypothesis_id == clients.hypothesis_id)


def _check_reading(
    published: Mapping[tuple[str, str, str], float], plan: Sequence[PlannedTest], found: Sequence[Clients]
) -> None:
    """The real labels must give the p-values of the mart, to the last digit that doubles have."""
    for test, clients in _joined(plan, found):
        (p_value,) = TESTS[test.test].p_values(clients.is_first[np.newaxis].astype(np.float64), clients)
        expected = published[test.hypothesis_id, clients.population, test.test]
        if p_value is None or not math.isclose(p_value, expected, rel_tol=1e-9, abs_tol=1e-300):
            raise AssertionError(
                f"{test.test} of {test.hypothesis_id} has p = {p_value} here, {expected} in the mart"
            )


def error_rates(warehouse: Path, permutations: int = 10_000, seed: int = SEED) -> list[Rate]:
    """Shuffle the groups and count rejections: per test, and per family with and without Holm's adjustment.

    Tests that are undefined for the real groups are left out. Raises ValueError for a test that TESTS lacks.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        register = read_register(connection)
        if unknown := {test.test for test in register.plan} - TESTS.keys():
            raise ValueError(f"bank_segments.calibrate cannot measure {', '.join(sorted(unknown))}.")
        everyone = read_clients(connection, register)
        published = {
            (hypothesis_id, population, test): p_value
            for hypothesis_id, population, test, p_value in connection.execute(
                "select hypothesis_id, population, test, p_value from marts.fct_hypothesis_results"
                " where p_value is not null"
            ).fetchall()
        }
    rates: list[Rate] = []
    for population in (row["population"] for row in register.populations):
        group = [clients for clients in everyone if clients.population == population]
        plan = [test for test in register.plan if (test.hypothesis_id, population, test.test) in published]
        _check_reading(published, plan, group)
        if plan:
            rates += list(measured_rates(population, plan, group, permutations, seed))
    return rates


def measured_rates(
    population: str, plan: Sequence[PlannedTest], clients: Sequence[Clients], permutations: int, seed: int
) -> Iterator[Rate]:
    """How often each planned test of a population rejects, its equivalence, and the family with and without Holm."""
    p_values = _p_values_of(plan, clients, permutations, seed)
    group = {each.hypothesis_id: each for each in clients}
    for (test, is_equivalence), found in p_values.items():
        n_1, n_2 = group[test.hypothesis_id].sizes
        expected = test.alpha
        if is_equivalence and test.test == "welch_t":
            expected = means_error(n_1, n_2, test.equivalence_margin, test.alpha)
        yield Rate(
            (test.hypothesis_id, population, test.test + (EQUIVALENCE if is_equivalence else "")),
            n_1,
            n_2,
            rejected=sum(p is not None and p < test.alpha for p in found),
            trials=len(found),
            expected=expected,
            is_exact=is_equivalence or test.test not in _CAUTIOUS,
        )
    primary = [test for test, is_equivalence in p_values if test.is_primary and not is_equivalence]
    families = list(zip(*(p_values[test, False] for test in primary), strict=True))
    alpha = max(test.alpha for test in primary)
    n_1, n_2 = map(max, zip(*(each.sizes for each in clients), strict=True))
    for name, adjust in ((WITHOUT_HOLM, list), (WITH_HOLM, statistics.holm)):
        rejected = sum(any(p is not None and p < alpha for p in adjust(family)) for family in families)
        yield Rate(("all", population, name), n_1, n_2, rejected, len(families), alpha, is_exact=False)


# -----------------------------------------------------------------------------------------------------------
# Power
# -----------------------------------------------------------------------------------------------------------

# Shifts planted in two-product clients, from a difference that is nearly always found to none and back.
SHIFTS: dict[str, tuple[float, ...]] = {
    "h1_age": (0.0, 0.48, 0.96, 1.44, 1.92, 2.88, 3.84),
    "h2_salary": (0.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0, 12_000.0),
    "h3_rostov_share": (-0.02, 0.0, 0.02, 0.038, 0.06, 0.08, 0.10),
    "h4_churn_share": (0.13, 0.15, 0.17, 0.19, 0.201, 0.22, 0.24),
}
_SAMPLE_UNITS = {
    "h1_age": ('"Age"', 1),
    "h2_salary": ("cast(round(estimated_salary * 100) as bigint)", 100),
    "h3_rostov_share": ("cast(\"City\" = 'Ростов Великий' as bigint)", 1),
    "h4_churn_share": ('"Churn"', 1),
}


@dataclass(frozen=True)
class Power:
    """How often a planted difference was found, and how often theory says it is."""

    hypothesis_id: str
    shift: float
    true_difference: float
    rate: Rate


def _sample_moments(path: Path, name: str, clients: int) -> list[tuple[Moments, Moments]]:
    """Moments of both groups in each block of `clients` rows."""
    units, scale = _SAMPLE_UNITS[name]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            select
                (userid - 90000001) // {clients} as block,
                "Products" as products,
                count(*) as n,
                sum({units}) as total,
                sum(cast({units} as hugeint) * {units}) as squares
            from read_parquet(?)
            where "Products" in (1, 2)
            group by block, products
            order by block, products desc
            """,
            [str(path)],
        ).fetchall()
    sides = [Moments(n, int(total), int(squares), scale) for _, _, n, total, squares in rows]
    return list(zip(sides[::2], sides[1::2], strict=True))


def _theory(
    name: str, shift: float, truth: tuple[Moments, Moments], alpha: float
) -> tuple[float, Callable[..., float]]:
    """The true difference after planting, and the power as a function of the groups' sizes.

    A part of a year makes that part of the clients a year older; salaries are stretched; a share moves as it is.
    """
    one, two = truth
    difference = float(one.mean - two.mean) + shift
    if name in ("h3_rostov_share", "h4_churn_share"):
        power = partial(
            statistics.power_two_proportions, float(one.mean) + shift, float(two.mean), alpha=alpha
        )
        return difference, power
    variance = float(one.variance)
    if name == "h1_age":
        variance += (shift % 1) * (1 - shift % 1)
    else:
        variance *= (1 + shift / 100_000) ** 2
    return difference, partial(
        statistics.power_welch, difference, math.sqrt(variance), math.sqrt(float(two.variance)), alpha=alpha
    )


def power_curves(
    directory: Path,
    samples: int = 2_000,
    clients: int = 2_000,
    shifts: Mapping[str, Sequence[float]] = SHIFTS,
    truth_rows: int = 10_000_000,
    seed: int = SEED,
    alpha: float = 0.05,
) -> list[Power]:
    """Plant each shift in `samples` independent samples and count how often the primary test finds it.

    The truth without a shift is counted in a large sample with another seed; the shift itself is known.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "planted.parquet"
    write_sample(path, truth_rows, seed)
    truth = {name: _sample_moments(path, name, truth_rows)[0] for name in shifts}
    found = []
    for at in range(max(map(len, shifts.values()))):
        planted = {name: values[at] for name, values in shifts.items() if at < len(values)}
        write_sample(path, samples * clients, seed + 1 + at, planted)
        for name, shift in planted.items():
            pairs = _sample_moments(path, name, clients)
            difference, power = _theory(name, shift, truth[name], alpha)
            p_values = [
                statistics.welch_t(one, two).p_value
                if name in ("h1_age", "h2_salary")
                else statistics.two_proportion_z(Counts(one.total, one.n), Counts(two.total, two.n)).p_value
                for one, two in pairs
            ]
            n_1, n_2 = (round(sum(pair[side].n for pair in pairs) / len(pairs)) for side in (0, 1))
            rejected = sum(p < alpha for p in p_values)
            expected = power(n_1, n_2)
            rate = Rate((name, "all_clients", f"shift {shift:g}"), n_1, n_2, rejected, len(pairs), expected)
            found.append(Power(name, shift, difference, rate))
    path.unlink()
    names = list(shifts)
    return sorted(found, key=lambda each: (names.index(each.hypothesis_id), each.shift))


# -----------------------------------------------------------------------------------------------------------
# Rank tests over many rows
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Seconds of one round, and the most that Python's own objects, arrays included, took in megabytes."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class PopulationRanks:
    """Both rank tests of one population, from SQL's sums and by scipy on the same values."""

    clients: int
    ranks: RankSums
    scipy_u: float
    scipy_u_p: float
    scipy_brunner_p: float


@dataclass(frozen=True)
class RankRun:
    """One hypothesis: Mann-Whitney's and Brunner-Munzel's tests of every population that it is reported in.

    One query does all of it. scipy takes the tests apart, so that its first one alone can be told, too.
    """

    hypothesis_id: str
    populations: dict[str, PopulationRanks]
    sql: Cost
    scipy_u: Cost
    scipy_brunner: Cost

    @property
    def ratio(self) -> float:
        """SQL's seconds to those of scipy's two tests."""
        return self.sql.seconds / (self.scipy_u.seconds + self.scipy_brunner.seconds)

    @property
    def ratio_to_u(self) -> float:
        """SQL's seconds for both tests to those of scipy's Mann-Whitney alone."""
        return self.sql.seconds / self.scipy_u.seconds


def client_table(connection: duckdb.DuckDBPyConnection, sample: Path) -> None:
    """Make the relation that the hypothesis models read from a file of the sample generator, which has no bad rows."""
    connection.execute("create schema if not exists intermediate")
    connection.execute(
        f"""
        create or replace table intermediate.int_clients_segmented as
        select
            cast(userid as varchar) as client_key,
            "City" as city,
            "Gender" as gender,
            cast("Age" as bigint) as age,
            cast("Age" // 10 as varchar) as age_band,
            cast(score as bigint) as credit_score,
            cast("Objects" as bigint) as owned_objects,
            cast("Balance" as decimal(18, 2)) as balance,
            "Balance" is not null as has_balance,
            cast("Products" as bigint) as product_count,
            cast("CreditCard" as boolean) as has_credit_card,
            cast("Loyalty" as boolean) as is_loyal,
            cast(estimated_salary as decimal(18, 2)) as estimated_salary,
            cast("Churn" as boolean) as is_churned
        from read_parquet({_literal(sample)})
        """
    )


def compiled_model(compiled: Path, name: str) -> str:
    """Return the SQL of an intermediate model as dbt compiled it."""
    return (compiled / "models/intermediate" / f"{name}.sql").read_text(encoding="utf-8")


def compare_ranks(
    warehouse: Path, compiled: Path, directory: Path, rows: int, repeats: int = 2
) -> list[RankRun]:
    """Run the compiled rank models and scipy's rank tests on `rows` clients, alternating; the best time counts.

    The register comes from `warehouse`, and the clients are in a file of their own, as they would be in a warehouse.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        register = read_register(connection)
        scales = _units_per_one(connection)
    directory.mkdir(parents=True, exist_ok=True)
    sample, database = directory / "ranks.parquet", directory / "ranks.duckdb"
    database.unlink(missing_ok=True)
    write_sample(sample, rows)
    try:
        with duckdb.connect(str(database), config={"memory_limit": MEMORY_LIMIT}) as connection:
            client_table(connection, sample)
            for kind, name in (
                ("view", "cells"),
                ("view", "trim_bounds"),
                ("view", "rank_sums"),
            ):
                model = compiled_model(compiled, f"int_hypothesis_{name}")
                connection.execute(f"create {kind} intermediate.int_hypothesis_{name} as {model}").fetchall()
            return [
                _rank_run(connection, register, hypothesis, scales, repeats)
                for hypothesis in register.hypotheses
                if hypothesis["kind"] != "proportion"
            ]
    finally:
        sample.unlink(missing_ok=True)
        database.unlink(missing_ok=True)


def _rank_run(
    connection: duckdb.DuckDBPyConnection,
    register: Register,
    hypothesis: Mapping[str, Any],
    scales: Mapping[str, int],
    repeats: int,
) -> RankRun:
    hypothesis_id = hypothesis["hypothesis_id"]
    units = _units(hypothesis, scales[hypothesis_id])
    group_column = hypothesis["group_column"]
    values: dict[str, list[Integers]] = {
        population["population"]: [
            np.asarray(
                connection.execute(
                    f"""
                    select {units} as units
                    from intermediate.int_clients_segmented
                    where {_condition(register, population)} and {group_column} = {_literal(hypothesis[group])}
                    """
                ).fetchnumpy()["units"],
                dtype=np.int64,
            )
            for group in ("first_group", "second_group")
        ]
        for population in register.populations
        if population["population"] in hypothesis["populations"].split()
    }

    def in_sql() -> dict[str, RankSums]:
        rows = _rows(
            connection,
            "select * from intermediate.int_hypothesis_rank_sums where hypothesis_id = ?"
            " and trimming = 'none' and city = 'all'",
            hypothesis_id,
        )
        found = {row["population"]: rank_sums_of(row) for row in rows}
        for ranks in found.values():
            statistics.mann_whitney_u(ranks)
            statistics.brunner_munzel(ranks)
        return found

    def u_in_scipy() -> dict[str, Any]:
        return {
            name: stats.mannwhitneyu(one, two, method="asymptotic") for name, (one, two) in values.items()
        }

    def brunner_in_scipy() -> dict[str, Any]:
        return {name: stats.brunnermunzel(one, two) for name, (one, two) in values.items()}

    contenders: tuple[Callable[[], dict[str, Any]], ...] = (in_sql, u_in_scipy, brunner_in_scipy)
    rounds = [[_seconds(contender) for contender in contenders] for _ in range(repeats)]
    best = [min(times) for times in zip(*rounds, strict=True)]
    sql, scipy_u, scipy_brunner = (
        Cost(seconds, _megabytes(contender)) for seconds, contender in zip(best, contenders, strict=True)
    )
    found, u, brunner = (contender() for contender in contenders)
    return RankRun(
        hypothesis_id=hypothesis_id,
        populations={
            name: PopulationRanks(
                clients=sum(map(len, both)),
                ranks=found[name],
                scipy_u=float(u[name].statistic),
                scipy_u_p=float(u[name].pvalue),
                scipy_brunner_p=float(brunner[name].pvalue),
            )
            for name, both in values.items()
        },
        sql=sql,
        scipy_u=scipy_u,
        scipy_brunner=scipy_brunner,
    )


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _megabytes(run: Callable[[], object]) -> float:
    """In a round of its own: watching memory costs time."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


# -----------------------------------------------------------------------------------------------------------
# Reports
# -----------------------------------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _stamp(seconds: float, **settings: object) -> str:
    """When, how and on which machine something was measured."""
    chosen = ", ".join(f"{name} = {value}" for name, value in settings.items())
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, scipy {scipy.__version__}"
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return f"{today}; {chosen}; {_processor()} × {os.cpu_count()}; {versions}; {seconds:.0f} s."


def _processor() -> str:
    """The processor's own name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _verdict(rate: Rate) -> str:
    return "да / yes" if rate.is_within else OUTSIDE


def rates_report(rates: Sequence[Rate], stamp: str) -> str:
    """Write the section on error rates."""
    rows = []
    for rate in rates:
        low, high = rate.band
        band = f"{_percent(low)} – {_percent(high)}" if rate.is_exact else f"≤ {_percent(high)}"
        verdict = "—" if rate.name[2] == WITHOUT_HOLM else _verdict(rate)
        expected = ("" if rate.is_exact else "≤ ") + _percent(rate.expected)
        rows.append((*rate.name, f"{rate.n_1} / {rate.n_2}", _percent(rate.share), expected, band, verdict))
    header = (
        "гипотеза / hypothesis",
        "совокупность / population",
        "тест / test",
        "клиентов / clients",
        "отвергнуто / rejected",
        "ожидается / expected",
        "полоса 99,9 % / 99.9 % band",
        "в полосе / within",
    )
    return (
        "### Доля ложных отклонений / False rejections\n\n"
        "Метки групп перемешаны, поэтому любая отвергнутая гипотеза отвергнута по ошибке. Семейство — основные тесты "
        "всех гипотез; без поправки Холма хотя бы один из них ошибается чаще, чем обещано. / The group labels are "
        "shuffled, so every rejection is an error. The family is the primary tests of all hypotheses; without Holm's "
        "adjustment at least one of them errs more often than promised.\n\n"
        "`equivalence at the margin`: группы отличаются ровно на границу равнозначности, и она показана по ошибке. "
        "Граница для средних — доля от среднего второй группы, то есть сама колеблется, поэтому для них ожидается чуть "
        "больше 5 %. / The groups differ by exactly the margin of equivalence, so showing it is an error. The margin "
        "of a mean is a share of the other group's mean, so it varies, too, and slightly more than 5 % are expected."
        f"\n\n{_table(header, rows)}\n\n{stamp}\n"
    )


def measured_again(directory: Path, curves: Sequence[Power], samples: int, seed: int) -> list[Power]:
    """Measure each point outside its band once more, with another seed: chance does not repeat itself."""
    outside = [curve for curve in curves if not curve.rate.is_within]
    return [
        again
        for curve in outside
        for again in power_curves(directory, samples, shifts={curve.hypothesis_id: (curve.shift,)}, seed=seed)
    ]


def power_report(curves: Sequence[Power], again: Sequence[Power], stamp: str) -> str:
    """Write the section on power: every point, and those outside their band with what a second sample gave."""
    outside = sum(not curve.rate.is_within for curve in curves)
    by_chance = len(curves) * (1 - BAND)
    words = (
        f"Вне своей полосы {outside} из {len(curves)} точек; случай выводит туда в среднем "
        + f"{by_chance:.2f}".replace(".", ",")
        + f". / Outside their band: {outside} of {len(curves)} points; chance alone puts {by_chance:.2f} there on "
        "average.\n"
    )
    if again:
        words += (
            "\nТочки вне полосы измерены ещё раз с другим зерном: ошибка повторилась бы, случайность — нет. / "
            "The points outside, measured again with another seed: an error would repeat itself, chance does not.\n\n"
            f"{_power_table(again)}\n"
        )
    return (
        "### Мощность / Power\n\n"
        "Разность внесена генератором выборки; как часто основной тест её находит при α = 5 % без поправки Холма. / "
        "A difference is planted by the sample generator; how often the primary test finds it at α = 5 %, without Holm."
        f"\n\n{_power_table(curves)}\n\n{words}\n{stamp}\n"
    )


def _power_table(curves: Sequence[Power]) -> str:
    rows = [
        (
            curve.hypothesis_id,
            f"{curve.shift:g}",
            f"{curve.true_difference:.4g}",
            f"{curve.rate.n_1} / {curve.rate.n_2}",
            _percent(curve.rate.share),
            _percent(curve.rate.expected),
            _verdict(curve.rate),
        )
        for curve in curves
    ]
    header = (
        "гипотеза / hypothesis",
        "сдвиг / shift",
        "истинная разность / true difference",
        "клиентов / clients",
        "найдено / found",
        "по теории / theory",
        "в полосе 99,9 % / within 99.9 %",
    )
    return _table(header, rows)


def ranks_report(runs: Sequence[RankRun], stamp: str) -> str:
    """Write the section on speed."""
    rows = [
        (
            run.hypothesis_id,
            " + ".join(
                f"{each.clients:,}".replace(",", "\N{NO-BREAK SPACE}") for each in run.populations.values()
            ),
            f"{run.sql.seconds:.2f}",
            f"{run.scipy_u.seconds:.2f}",
            f"{run.scipy_brunner.seconds:.2f}",
            f"{run.ratio:.2f}",
            f"{run.ratio_to_u:.2f}",
            f"{run.sql.megabytes:.2f}",
            f"{max(run.scipy_u.megabytes, run.scipy_brunner.megabytes):.2f}",
        )
        for run in runs
    ]
    header = (
        "гипотеза / hypothesis",
        "клиентов в совокупностях / clients of the populations",
        "SQL, оба теста / both tests, s",
        "scipy, U, s",
        "scipy, Brunner-Munzel, s",
        "SQL / scipy",
        "SQL / scipy, U",
        "память Python, SQL / Python memory, SQL, MB",
        "scipy, MB",
    )
    return (
        "### Ранговые тесты / Rank tests\n\n"
        "Тесты Манна — Уитни и Бруннера — Мюнцеля во всех совокупностях гипотезы: SQL — одним запросом по таблице "
        "клиентов, scipy (`mannwhitneyu`, `brunnermunzel`) — по тем же значениям, уже прочитанным в массивы, и чтение "
        "в его время не входит. Лучшее время из чередующихся повторов. `SQL / scipy, U` — оба теста в SQL против "
        "одного в scipy. / Mann-Whitney's and Brunner-Munzel's tests in all populations of the hypothesis: SQL by one "
        "query on the table of clients, scipy (`mannwhitneyu`, `brunnermunzel`) on the same values, already read into "
        "arrays, which is not counted. The best time of rounds that alternate. `SQL / scipy, U`: both tests in SQL "
        "against one in scipy.\n\n"
        f"{_table(header, rows)}\n\n{stamp}\n"
    )


def write_docs(output: Path, docs: Path) -> None:
    """Put the sections together into the dbt docs block `calibration`; raises ValueError where one is missing."""
    missing = [name for name in SECTIONS if not (output / f"{name}.md").exists()]
    if missing:
        raise ValueError(
            f"{docs} was not written: its sections {', '.join(missing)} have not been measured yet."
        )
    sections = [(output / f"{name}.md").read_text(encoding="utf-8") for name in SECTIONS]
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text(
        "{% docs calibration %}\n"
        "Измеренная надёжность тестов на синтетической выборке проекта; измерить заново — `make calibrate`. / "
        "How reliable the tests were measured to be, on the project's synthetic sample; to measure again, run "
        "`make calibrate`.\n\n" + "\n".join(sections) + "{% enddocs %}\n",
        encoding="utf-8",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bank_segments.calibrate",
        description="Measure error rates, power and speed of the tests.",
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; default: all of them"
    )
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=2_000, help="samples per point of a power curve")
    parser.add_argument(
        "--rows", type=int, default=[100_000, 10_000_000], nargs="+", help="for the rank tests"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    # Here, because dbt takes seconds to import, and tests import this module.
    from bank_segments.report import SAMPLE
    from bank_segments.warehouse import Build, build_warehouse

    wanted = options.sections or SECTIONS
    if unknown := set(wanted) - set(SECTIONS):
        parser.error(f"unknown section {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    build = Build(OUTPUT)
    build_warehouse(SAMPLE, build)
    for name in wanted:
        start = time.perf_counter()
        load = f"{os.getloadavg()[0]:.1f}"
        if name == "rates":
            text = partial(rates_report, error_rates(build.warehouse, options.permutations, options.seed))
            settings = {"permutations": options.permutations, "seed": options.seed}
        elif name == "power":
            curves = power_curves(OUTPUT, options.samples, seed=options.seed)
            again = measured_again(OUTPUT, curves, options.samples, seed=options.seed + 10_000)
            text = partial(power_report, curves, again)
            settings = {"samples": options.samples, "seed": options.seed}
        else:
            compiled = build.directory / "compiled/bank_segments"
            runs = [
                run for rows in options.rows for run in compare_ranks(build.warehouse, compiled, OUTPUT, rows)
            ]
            text = partial(ranks_report, runs)
            settings = {"DuckDB memory_limit": MEMORY_LIMIT, "load average": load}
        section = text(_stamp(time.perf_counter() - start, **settings))
        (OUTPUT / f"{name}.md").write_text(section, encoding="utf-8")
        print(section)
    try:
        write_docs(OUTPUT, DOCS)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
