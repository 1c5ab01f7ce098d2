"""Measure the error rates, the power and the speed of the tests, instead of trusting them.

    python -m bank_segments.calibrate rates --warehouse target/bank.duckdb
    python -m bank_segments.calibrate power
    python -m bank_segments.calibrate ranks --rows 10000000 --compiled target/compiled/bank_segments
    python -m bank_segments.calibrate docs

`rates` shuffles the group labels of a built warehouse: then every null hypothesis is true and every rejection an error.
`power` plants known differences with the sample generator and compares how often they are found with the theory.
`ranks` runs the compiled rank models over many rows and scipy on the same arrays. Each writes a section to
target/calibration; `docs` puts the sections together into models/calibration.md.

Every p-value comes from bank_segments.statistics through the sums that SQL would deliver. The one exception, the
Cochran-Mantel-Haenszel statistic, takes two milliseconds in exact fractions; here it is computed in doubles, and each
run checks it against the exact one.
"""

import argparse
import datetime
import math
import os
import platform
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from bank_segments.hypotheses import PlannedTest, planned_tests
from bank_segments.sample import write_sample
from bank_segments.statistics import Counts, Moments, RankSums, UndefinedError

SEED = 20261124
BAND = 0.999
OUTPUT = Path("target/calibration")
DOCS = Path("models/calibration.md")
# So many permutations are shuffled at once: some 40 MB for ten thousand clients.
BATCH = 500
_DIGITS = 24
_CHECKED = 50

Labels = npt.NDArray[np.float64]
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
    hypotheses = _rows(connection, "select * from reference.hypotheses order by hypothesis_id")
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


def _exact_sums(labels: Labels, values: Sequence[int]) -> list[int]:
    """Sum of `values` over group one, per labeling: exact, because each partial sum is below 2**53."""
    totals = [0] * len(labels)
    bits = max((value.bit_length() for value in values), default=0)
    for shift in range(0, bits, _DIGITS):
        digits = np.array([(value >> shift) & ((1 << _DIGITS) - 1) for value in values], dtype=np.float64)
        for at, part in enumerate((labels @ digits).tolist()):
            totals[at] += int(part) << shift
    return totals


def moments(labels: Labels, clients: Clients) -> list[tuple[Moments, Moments]]:
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


def rank_sums(labels: Labels, clients: Clients) -> list[RankSums]:
    """Rank sums of both groups, per labeling. Every sum is a whole number below 2**53, hence exact."""
    order = np.argsort(clients.units, kind="stable")
    starts = np.flatnonzero(np.diff(clients.units[order], prepend=clients.units[order][0] - 1))
    in_level = np.diff(np.append(starts, len(order))).astype(np.float64)
    first = labels[:, order]
    if len(starts) < len(order):
        first = np.add.reduceat(first, starts, axis=1)
    second = in_level - first
    up_to_first, up_to_second = np.cumsum(first, axis=1), np.cumsum(second, axis=1)
    placement_1 = 2 * up_to_second - second
    placement_2 = 2 * up_to_first - first
    two_u = np.einsum("ij,ij->i", first, placement_1)
    squares_1 = np.einsum("ij,ij,ij->i", first, placement_1, placement_1)
    squares_2 = np.einsum("ij,ij,ij->i", second, placement_2, placement_2)
    tie_sum = sum(int(t) ** 3 - int(t) for t in in_level.tolist())
    return [
        RankSums(int(n_1), int(n_2), int(u), tie_sum, int(a), int(b))
        for n_1, n_2, u, a, b in zip(
            up_to_first[:, -1], up_to_second[:, -1], two_u, squares_1, squares_2, strict=True
        )
    ]


def counts(labels: Labels, clients: Clients) -> list[tuple[Counts, Counts]]:
    """Successes among the clients of both groups, per labeling."""
    return [(Counts(one.total, one.n), Counts(two.total, two.n)) for one, two in moments(labels, clients)]


def strata(labels: Labels, clients: Clients) -> npt.NDArray[np.float64]:
    """2x2 tables (a, b, c, d) of every stratum, per labeling: labelings x strata x 4."""
    cells = clients.strata * 2 + (1 - clients.units)
    columns = 2 * (int(clients.strata.max()) + 1)
    everyone = np.bincount(cells, minlength=columns).astype(np.float64)
    one = labels @ np.eye(columns)[cells]
    both = np.stack((one, everyone - one), axis=-1).reshape(len(labels), -1, 2, 2)
    return np.moveaxis(both, 3, 2).reshape(len(labels), -1, 4)


def _stratified_p_values(tables: npt.NDArray[np.float64]) -> list[float | None]:
    """`statistics.cochran_mantel_haenszel` in doubles, for many labelings; the first ones are checked against it."""
    a, b, c, d = np.moveaxis(tables, 2, 0)
    margins = np.stack((a + b, c + d, a + c, b + d))
    n = margins[0] + margins[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(margins.all(axis=0), a - margins[0] * margins[2] / n, 0.0).sum(axis=1)
        variance = np.where(margins.all(axis=0), margins.prod(axis=0) / (n * n * (n - 1)), 0.0).sum(axis=1)
        p_values: list[float] = (2 * special.ndtr(-np.abs(excess) / np.sqrt(variance))).tolist()
    found = [p if math.isfinite(p) else None for p in p_values]
    for table, p in zip(tables[:_CHECKED].astype(int).tolist(), found, strict=False):
        exact = _defined(lambda table=table: statistics.cochran_mantel_haenszel(table).p_value)  # type: ignore[misc]
        if (p is None) != (exact is None) or (p and exact and not math.isclose(p, exact, rel_tol=1e-9)):
            raise AssertionError(f"Cochran-Mantel-Haenszel in doubles gives {p}, in fractions {exact}")
    return found


def _defined(p_value: Callable[[], float]) -> float | None:
    try:
        return p_value()
    except UndefinedError:
        return None


@cache
def _two_proportion_p(one: Counts, two: Counts) -> float | None:
    return _defined(lambda: statistics.two_proportion_z(one, two).p_value)


@cache
def _fisher_p(one: Counts, two: Counts) -> float | None:
    """As in the mart, with one outcome only there is nothing to test; the exact p-value would be 1."""
    if not 0 < one.successes + two.successes < one.n + two.n:
        return None
    return _defined(lambda: statistics.fisher_exact(one, two))


PValues = Callable[[Labels, Clients], list[float | None]]


def _each(sums: Callable[[Labels, Clients], Iterable[Any]], p_value: Callable[..., float | None]) -> PValues:
    def p_values(labels: Labels, clients: Clients) -> list[float | None]:
        return [
            p_value(*each) if isinstance(each, tuple) else p_value(each) for each in sums(labels, clients)
        ]

    return p_values


def _of(test: Callable[..., Any]) -> Callable[..., float | None]:
    return lambda *sums: _defined(lambda: float(test(*sums).p_value))


P_VALUES: dict[str, PValues] = {
    "welch_t": _each(moments, _of(statistics.welch_t)),
    "mann_whitney_u": _each(rank_sums, _of(statistics.mann_whitney_u)),
    "brunner_munzel": _each(rank_sums, _of(statistics.brunner_munzel)),
    "two_proportion_z": _each(counts, _two_proportion_p),
    "fisher_exact": _each(counts, _fisher_p),
    "cochran_mantel_haenszel": lambda labels, clients: _stratified_p_values(strata(labels, clients)),
}


def equivalence_at_the_margin(labels: Labels, clients: Clients, margin: float) -> list[float | None]:
    """P-values of TOST where group one's mean is exactly the margin above group two's: the border of the null.

    Group one is moved by the margin times the mean of everyone, which is what shuffled groups share. As in the mart,
    the test takes its margin from the mean of group two, which varies; `equivalence_error` says what that costs.
    """
    everyone = Moments.of(clients.units.tolist(), clients.units_per_one)
    shift = Fraction(margin) * Fraction(everyone.total, everyone.n)
    unit, step = shift.denominator, shift.numerator
    found = []
    for one, two in moments(labels, clients):
        moved = Moments(
            one.n,
            unit * one.total + step * one.n,
            unit**2 * one.total_squares + 2 * unit * step * one.total + step**2 * one.n,
            one.scale * unit,
        )
        within = abs(Fraction(margin) * two.mean)
        found.append(_defined(lambda a=moved, b=two, m=within: statistics.tost_welch(a, b, m).p_value))  # type: ignore[misc]
    return found


def equivalence_error(n_1: int, n_2: int, margin: float, alpha: float) -> float:
    """Rejection rate to expect at the border: a margin of so many percent of group two's mean moves with that mean.

    The test compares m_1 - (1 + margin) m_2 with zero, but its standard error is that of m_1 - m_2. Five percent become
    5.3 to 5.5; a fixed margin would keep them.
    """
    seen, true = 1 / n_1 + 1 / n_2, 1 / n_1 + (1 + margin) ** 2 / n_2
    return float(special.ndtr(special.ndtri(alpha) * math.sqrt(seen / true)))


# -----------------------------------------------------------------------------------------------------------
# Error rates
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """How often something was rejected."""

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
        low, high = band(self.trials, self.expected)
        return (low if self.is_exact else 0.0), high

    @property
    def is_within(self) -> bool:
        """Whether the share is in its band."""
        low, high = self.band
        return low <= self.share <= high


def band(trials: int, expected: float) -> tuple[float, float]:
    """The central 99.9 % of the share of successes among `trials` with this probability."""
    low, high = (float(stats.binom.ppf(tail, trials, expected)) for tail in ((1 - BAND) / 2, (1 + BAND) / 2))
    return low / trials, high / trials


EQUIVALENCE = "equivalence at the margin"
# Fisher's test cannot reject more often than promised, and rejects less because its p-values are few.
_CAUTIOUS = {"fisher_exact"}


def shuffled(clients: Clients, rng: np.random.Generator, permutations: int) -> Iterator[Labels]:
    """Labelings with the sizes of the real groups, in batches."""
    n, n_1 = len(clients.is_first), int(clients.is_first.sum())
    for start in range(0, permutations, BATCH):
        labels = np.zeros((min(BATCH, permutations - start), n))
        for row in labels:
            row[rng.permutation(n)[:n_1]] = 1
        yield labels


def _p_values_of(
    planned: Sequence[PlannedTest], group: Sequence[Clients], permutations: int, seed: int
) -> dict[tuple[str, str], list[float | None]]:
    """P-values by hypothesis and test; hypotheses that compare the same clients share their labelings."""
    found: dict[tuple[str, str], list[float | None]] = {}
    sharing: dict[tuple[tuple[str, str, str], bytes], list[Clients]] = {}
    for clients in group:
        sharing.setdefault((clients.grouping, clients.is_first.tobytes()), []).append(clients)
    for at, together in enumerate(sharing.values()):
        for labels in shuffled(together[0], np.random.default_rng([seed, at]), permutations):
            for clients in together:
                for test in (test for test in planned if test.hypothesis_id == clients.hypothesis_id):
                    key = (test.hypothesis_id, test.test)
                    found.setdefault(key, []).extend(_p_values(test.test)(labels, clients))
                    if test.test == "welch_t":
                        at_margin = equivalence_at_the_margin(labels, clients, test.equivalence_margin)
                        found.setdefault((test.hypothesis_id, EQUIVALENCE), []).extend(at_margin)
    return found


def _p_values(test: str) -> PValues:
    if test not in P_VALUES:
        raise ValueError(
            f"bank_segments.calibrate cannot measure the test {test}; known are {', '.join(P_VALUES)}."
        )
    return P_VALUES[test]


def _check_reading(
    connection: duckdb.DuckDBPyConnection, plan: Sequence[PlannedTest], found: Sequence[Clients]
) -> None:
    """The real labels must give the p-values of the mart, to the last digit that doubles have."""
    published = {
        tuple(row[:3]): row[3]
        for row in connection.execute(
            "select hypothesis_id, population, test, p_value from marts.fct_hypothesis_results"
        ).fetchall()
    }
    for clients in found:
        labels = clients.is_first[np.newaxis].astype(np.float64)
        for test in (test for test in plan if test.hypothesis_id == clients.hypothesis_id):
            (p_value,) = _p_values(test.test)(labels, clients)
            expected = published[clients.hypothesis_id, clients.population, test.test]
            if (p_value is None) != (expected is None) or (
                p_value is not None and not math.isclose(p_value, expected, rel_tol=1e-9, abs_tol=1e-300)
            ):
                raise AssertionError(
                    f"{test.test} of {clients.hypothesis_id}: {p_value}, but the mart has {expected}"
                )


def error_rates(warehouse: Path, permutations: int = 10_000, seed: int = SEED) -> list[Rate]:
    """Shuffle the groups and count rejections: per test, and per family with and without Holm's adjustment."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        register = read_register(connection)
        found = read_clients(connection, register)
        _check_reading(connection, register.plan, found)
    rates = []
    for population in (row["population"] for row in register.populations):
        group = [clients for clients in found if clients.population == population]
        if not group:
            continue
        p_values = _p_values_of(register.plan, group, permutations, seed)
        sizes = {
            clients.hypothesis_id: (int(clients.is_first.sum()), int((~clients.is_first).sum()))
            for clients in group
        }
        alphas = {test.hypothesis_id: test.alpha for test in register.plan}
        margins = {
            test.hypothesis_id: test.equivalence_margin for test in register.plan if test.test == "welch_t"
        }
        for (hypothesis_id, test), found_p in p_values.items():
            alpha = alphas[hypothesis_id]
            expected = alpha
            if test == EQUIVALENCE:
                expected = equivalence_error(*sizes[hypothesis_id], margins[hypothesis_id], alpha)
            if any(p is not None for p in found_p):
                rates.append(
                    Rate(
                        (hypothesis_id, population, test),
                        *sizes[hypothesis_id],
                        rejected=sum(p is not None and p < alpha for p in found_p),
                        trials=permutations,
                        expected=expected,
                        is_exact=test not in _CAUTIOUS,
                    )
                )
        primary = [test for test in register.plan if test.is_primary and test.hypothesis_id in sizes]
        families = list(zip(*(p_values[test.hypothesis_id, test.test] for test in primary), strict=True))
        alpha = max(test.alpha for test in primary)
        clients_here = (max(n for n, _ in sizes.values()), max(n for _, n in sizes.values()))
        for name, adjust in (("family without Holm", list), ("family with Holm", statistics.holm)):
            rejected = sum(any(p is not None and p < alpha for p in adjust(family)) for family in families)
            rates.append(
                Rate(("all", population, name), *clients_here, rejected, permutations, alpha, is_exact=False)
            )
    return rates


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
    samples: int = 1_000,
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
            expected = float(np.mean([power(one.n, two.n) for one, two in pairs]))
            p_values = [
                statistics.welch_t(one, two).p_value
                if name in ("h1_age", "h2_salary")
                else statistics.two_proportion_z(Counts(one.total, one.n), Counts(two.total, two.n)).p_value
                for one, two in pairs
            ]
            n_1, n_2 = (round(sum(pair[side].n for pair in pairs) / len(pairs)) for side in (0, 1))
            rejected = sum(p < alpha for p in p_values)
            rate = Rate((name, "all_clients", f"shift {shift:g}"), n_1, n_2, rejected, len(pairs), expected)
            found.append(Power(name, shift, difference, rate))
    path.unlink()
    return sorted(found, key=lambda each: (each.hypothesis_id, each.shift))


# -----------------------------------------------------------------------------------------------------------
# Rank tests over many rows
# -----------------------------------------------------------------------------------------------------------


@dataclass
class Memory:
    """The most memory seen, in megabytes: of the process, and of Python's own objects."""

    process: float = 0.0
    python: float = 0.0


@contextmanager
def _watched(memory: Memory) -> Iterator[None]:
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            memory.process = max(memory.process, (process.memory_info().rss - before) / 2**20)

    thread = threading.Thread(target=watch)
    tracemalloc.start()
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        memory.python = max(memory.python, tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()


@dataclass(frozen=True)
class RankRun:
    """One hypothesis in one population, by SQL and by scipy on the same values."""

    hypothesis_id: str
    population: str
    rows: int
    sql_seconds: float
    scipy_seconds: float
    sql: RankSums
    scipy_u: float
    scipy_p: float
    memory: Memory = field(default_factory=Memory)
    scipy_memory: Memory = field(default_factory=Memory)


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
    warehouse: Path, compiled: Path, directory: Path, rows: int, memory_limit: str = "4GB", repeats: int = 2
) -> list[RankRun]:
    """Run the compiled rank models and scipy's Mann-Whitney U on `rows` clients, alternating; the best time counts.

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
        with duckdb.connect(str(database), config={"memory_limit": memory_limit}) as connection:
            client_table(connection, sample)
            connection.execute(
                f"create view intermediate.int_hypothesis_levels as {compiled_model(compiled, 'int_hypothesis_levels')}"
            )
            sums = compiled_model(compiled, "int_hypothesis_rank_sums")
            return [
                _rank_run(connection, register, hypothesis, population, scales, sums, repeats)
                for hypothesis in register.hypotheses
                if hypothesis["kind"] == "mean"
                for population in register.populations
                if population["population"] in hypothesis["populations"].split()
            ]
    finally:
        sample.unlink(missing_ok=True)
        database.unlink(missing_ok=True)


def _rank_run(
    connection: duckdb.DuckDBPyConnection,
    register: Register,
    hypothesis: Mapping[str, Any],
    population: Mapping[str, Any],
    scales: Mapping[str, int],
    sums: str,
    repeats: int,
) -> RankRun:
    key = (hypothesis["hypothesis_id"], population["population"])
    units = _units(hypothesis, scales[hypothesis["hypothesis_id"]])
    query = (
        f"select * from ({sums}) where hypothesis_id = {_literal(key[0])} and population = {_literal(key[1])}"
    )
    members = _condition(register, population)
    sql_memory, scipy_memory = Memory(), Memory()
    sql_seconds = scipy_seconds = math.inf
    one, two = (
        connection.execute(
            f"select {units} as units from intermediate.int_clients_segmented where {members}"
            f" and {hypothesis['group_column']} = {_literal(hypothesis[group])}"
        ).fetchnumpy()["units"]
        for group in ("first_group", "second_group")
    )
    # Memory first, in rounds of their own: watching it costs time.
    with _watched(sql_memory):
        (row,) = _rows(connection, query)
    with _watched(scipy_memory):
        stats.mannwhitneyu(one, two, method="asymptotic")
    for _ in range(repeats):
        start = time.perf_counter()
        (row,) = _rows(connection, query)
        sql_seconds = min(sql_seconds, time.perf_counter() - start)
        start = time.perf_counter()
        reference = stats.mannwhitneyu(one, two, method="asymptotic")
        scipy_seconds = min(scipy_seconds, time.perf_counter() - start)
    ranks = RankSums(
        n_1=int(row["first_clients"]),
        n_2=int(row["second_clients"]),
        two_u=int(row["first_placements"]),
        tie_sum=int(row["tie_sum"]),
        sum_a_squares=int(row["first_squared_placements"]),
        sum_b_squares=int(row["second_squared_placements"]),
    )
    return RankRun(
        *key,
        rows=len(one) + len(two),
        sql_seconds=sql_seconds,
        scipy_seconds=scipy_seconds,
        sql=ranks,
        scipy_u=float(reference.statistic),
        scipy_p=float(reference.pvalue),
        memory=sql_memory,
        scipy_memory=scipy_memory,
    )


# -----------------------------------------------------------------------------------------------------------
# Reports
# -----------------------------------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _stamp(seconds: float, **settings: object) -> str:
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, scipy {scipy.__version__}"
    machine = f"{platform.machine()}, {os.cpu_count()} × CPU, {versions}"
    chosen = ", ".join(f"{name} {value}" for name, value in settings.items())
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return f"{today}; {chosen}; {machine}; {seconds:.0f} s."


def rates_report(rates: Sequence[Rate], stamp: str) -> str:
    """Write the section on error rates."""
    rows = [
        (
            *rate.name,
            f"{rate.n_1} / {rate.n_2}",
            _percent(rate.share),
            ("" if rate.is_exact else "≤ ") + _percent(rate.expected),
            ("" if rate.is_exact else "≤ ")
            + (f"{_percent(rate.band[0])}–" if rate.is_exact else "")
            + _percent(rate.band[1]),
            "—"
            if rate.name[2] == "family without Holm"
            else "да / yes"
            if rate.is_within
            else "**нет / no**",
        )
        for rate in rates
    ]
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
        "Метки групп перемешаны, поэтому любая отвергнутая гипотеза отвергнута по ошибке. / "
        "The group labels are shuffled, so every rejection is an error.\n\n"
        "`equivalence at the margin`: группа сдвинута ровно на границу равнозначности. "
        "Граница — доля от среднего второй группы, то есть сама колеблется, поэтому ожидается чуть больше 5 %. / "
        "One group is moved exactly to the margin of equivalence. "
        "The margin is a share of the other group's mean, so it varies, too, and slightly more than 5 % are expected."
        "\n\n"
        f"{_table(header, rows)}\n\n{stamp}\n"
    )


def power_report(curves: Sequence[Power], stamp: str) -> str:
    """Write the section on power."""
    rows = [
        (
            curve.hypothesis_id,
            f"{curve.shift:g}",
            f"{curve.true_difference:.4g}",
            f"{curve.rate.n_1} / {curve.rate.n_2}",
            _percent(curve.rate.share),
            _percent(curve.rate.expected),
            "да / yes" if curve.rate.is_within else "**нет / no**",
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
    return (
        "### Мощность / Power\n\n"
        "Разность внесена генератором выборки; как часто основной тест её находит при α = 5 % без поправки Холма. / "
        "A difference is planted by the sample generator; how often the primary test finds it at α = 5 %, without Holm."
        f"\n\n{_table(header, rows)}\n\n{stamp}\n"
    )


def ranks_report(runs: Sequence[RankRun], stamp: str) -> str:
    """Write the section on speed."""
    rows = [
        (
            run.hypothesis_id,
            run.population,
            f"{run.rows:,}".replace(",", " "),
            f"{run.sql_seconds:.2f}",
            f"{run.scipy_seconds:.2f}",
            f"{run.sql_seconds / run.scipy_seconds:.2f}",
            f"{run.memory.python:.2f}",
            f"{run.memory.process:.0f}",
            f"{run.scipy_memory.process:.0f}",
        )
        for run in runs
    ]
    header = (
        "гипотеза / hypothesis",
        "совокупность / population",
        "строк / rows",
        "SQL, с / s",
        "scipy, с / s",
        "SQL / scipy",
        "Python в SQL / Python in SQL, MB",
        "процесс в SQL / process in SQL, MB",
        "процесс в scipy / process in scipy, MB",
    )
    return (
        "### Ранговые тесты / Rank tests\n\n"
        "SQL считает суммы и для Манна — Уитни, и для Бруннера — Мюнцеля, scipy (`mannwhitneyu`) — только первый; "
        "лучшее время из повторов. / SQL takes the sums for both Mann-Whitney and Brunner-Munzel, scipy "
        "(`mannwhitneyu`) does the former only; the best time of the repeats.\n\n"
        f"{_table(header, rows)}\n\n{stamp}\n"
    )


def rates_chart(rates: Sequence[Rate], path: Path) -> None:
    """Draw each rejection rate with its band."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.24 * len(rates) + 1.2), layout="constrained")
    axes = figure.subplots()
    for y, rate in enumerate(reversed(rates)):
        low, high = rate.band
        axes.plot(
            [100 * low, 100 * high], [y, y], color="#cccccc", linewidth=6, solid_capstyle="butt", zorder=1
        )
        axes.scatter(100 * rate.share, y, color="#1b6ca8" if rate.is_within else "#c0392b", s=18, zorder=2)
    axes.set_yticks(range(len(rates)), [" · ".join(rate.name) for rate in reversed(rates)], fontsize=7)
    axes.set_xlabel("rejected, % (grey: 99.9 % binomial band)")
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="#eeeeee")
    figure.savefig(path, dpi=150)


def power_chart(curves: Sequence[Power], path: Path) -> None:
    """Draw how often each planted difference was found, and what theory says."""
    from matplotlib.figure import Figure

    names = sorted({curve.hypothesis_id for curve in curves})
    figure = Figure(figsize=(9, 2.6 * math.ceil(len(names) / 2)), layout="constrained")
    for axes, name in zip(
        figure.subplots(math.ceil(len(names) / 2), 2, squeeze=False).flat, names, strict=False
    ):
        mine = [curve for curve in curves if curve.hypothesis_id == name]
        x = [curve.true_difference for curve in mine]
        ends = np.array([curve.rate.band for curve in mine]).T * 100
        axes.fill_between(x, *ends, color="#dddddd", label="theory, 99.9 % band")
        axes.scatter(
            x, [100 * curve.rate.share for curve in mine], color="#1b6ca8", s=18, zorder=2, label="found"
        )
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("true difference", fontsize=8)
        axes.set_ylabel("found, %", fontsize=8)
        axes.set_ylim(0, 102)
    figure.axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=150)


SECTIONS = ("rates", "power", "ranks")


def write_docs(output: Path, docs: Path) -> None:
    """Put the sections together into the dbt docs block `calibration`."""
    sections = [(output / f"{name}.md").read_text(encoding="utf-8") for name in SECTIONS]
    docs.write_text(
        "{% docs calibration %}\n"
        "Измеренная надёжность тестов; пересчёт — `make calibrate`. / "
        "How reliable the tests were measured to be; measure again with `make calibrate`.\n\n"
        + "\n".join(sections)
        + "{% enddocs %}\n",
        encoding="utf-8",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bank_segments.calibrate", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    commands = parser.add_subparsers(dest="command", required=True)
    rates = commands.add_parser("rates", help="error rates under shuffled group labels")
    rates.add_argument("--warehouse", type=Path, default=Path("target/bank.duckdb"))
    rates.add_argument("--permutations", type=int, default=10_000)
    power = commands.add_parser("power", help="power against planted differences")
    power.add_argument("--samples", type=int, default=1_000)
    power.add_argument("--clients", type=int, default=2_000)
    for command in (rates, power):
        command.add_argument("--seed", type=int, default=SEED)
    ranks = commands.add_parser("ranks", help="speed of the rank tests against scipy")
    ranks.add_argument("--warehouse", type=Path, default=Path("target/bank.duckdb"))
    ranks.add_argument("--compiled", type=Path, default=Path("target/compiled/bank_segments"))
    ranks.add_argument("--rows", type=int, default=10_000_000)
    docs = commands.add_parser("docs", help="put the sections together")
    docs.add_argument("--docs", type=Path, default=DOCS)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    if options.command == "docs":
        write_docs(options.output, options.docs)
        return
    start = time.perf_counter()
    if options.command == "rates":
        found = error_rates(options.warehouse, options.permutations, options.seed)
        stamp = _stamp(time.perf_counter() - start, permutations=options.permutations, seed=options.seed)
        text = rates_report(found, stamp)
        rates_chart(found, options.output / "rates.png")
    elif options.command == "power":
        curves = power_curves(options.output, options.samples, options.clients, seed=options.seed)
        stamp = _stamp(
            time.perf_counter() - start, samples=options.samples, clients=options.clients, seed=options.seed
        )
        text = power_report(curves, stamp)
        power_chart(curves, options.output / "power.png")
    else:
        runs = compare_ranks(options.warehouse, options.compiled, options.output, options.rows)
        text = ranks_report(runs, _stamp(time.perf_counter() - start, rows=options.rows))
    (options.output / f"{options.command}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
