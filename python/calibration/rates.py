"""Error rates: the group labels are shuffled, so every null hypothesis is true and every rejection an error."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy import special, stats

from bank_segments import statistics
from bank_segments.hypotheses import PlannedTest
from bank_segments.statistics import Counts, Moments, UndefinedError
from calibration import permuted
from calibration.permuted import Clients, Floats, read_clients, read_register, shuffled

BAND = 0.999
EQUIVALENCE = ", equivalence at the margin"
WITHOUT_HOLM, WITH_HOLM = "family without Holm", "family with Holm"


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
        low, high = stats.binom.interval(BAND, self.trials, self.expected)
        return (float(low) / self.trials if self.is_exact else 0.0), float(high) / self.trials

    @property
    def is_within(self) -> bool:
        """Whether the share is in its band."""
        low, high = self.band
        return low <= self.share <= high

    @property
    def is_promised(self) -> bool:
        """Whether anybody promises the expected share: not without Holm's adjustment, which shows what it is for."""
        return self.name[2] != WITHOUT_HOLM


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


# Equivalence where the groups differ by exactly the margin: the border of its null hypothesis.


def _means_at_the_margin(labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator) -> list[float]:
    """Group one is moved by the margin times the mean of everyone, which is what shuffled groups share.

    As in the mart, the test takes its margin from the mean of group two, which varies; see `means_error`.
    """
    together = clients.together
    step, unit = (margin * Fraction(together.total, together.n)).as_integer_ratio()
    found = []
    for one, two in permuted.moments(labels, clients):
        squares = unit**2 * one.total_squares + 2 * unit * step * one.total + step**2 * one.n
        moved = Moments(one.n, unit * one.total + step * one.n, squares, one.scale * unit)
        found.append(statistics.welch_t(moved, two).equivalence_p_value(abs(margin * two.mean)))
    return found


def means_error(n_1: int, n_2: int, margin: float, alpha: float) -> float:
    """Rejection rate to expect at the border: a margin of so many percent of group two's mean moves with that mean.

    The test compares m_1 - (1 + margin) m_2 with zero, but its standard error is that of m_1 - m_2. Five percent become
    5.3 to 5.5; a fixed margin would keep them.
    """
    seen, true = 1 / n_1 + 1 / n_2, 1 / n_1 + (1 + margin) ** 2 / n_2
    return float(special.ndtr(special.ndtri(alpha) * math.sqrt(seen / true)))


def _shares_at_the_margin(labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator) -> list[float]:
    """Shares drawn around everyone's, group one's further from its end by the margin."""
    share = float(clients.units.mean())
    shifted = share + float(margin) * (1 if share <= 0.5 else -1)
    n_1, n_2 = clients.sizes
    draws = (rng.binomial(n_1, shifted, len(labels)).tolist(), rng.binomial(n_2, share, len(labels)).tolist())
    return [
        statistics.tost_proportions(Counts(x, n_1), Counts(y, n_2), float(margin)) for x, y in zip(*draws, strict=True)
    ]


def _ranks_at_the_margin(labels: Floats, clients: Clients, margin: Fraction, rng: np.random.Generator) -> list[float]:
    """Values drawn from everyone's; a part of group one gets the highest, so many that P is 1/2 plus the margin."""
    level_shares = np.unique(clients.units, return_counts=True)[1] / len(clients.units)
    lifted = 2 * float(margin) / (1 - level_shares[-1])
    first_shares = (1 - lifted) * level_shares
    first_shares[-1] += lifted
    drawn = (
        rng.multinomial(n, shares, len(labels)).astype(np.float64)
        for n, shares in zip(clients.sizes, (first_shares, level_shares), strict=True)
    )
    return [
        statistics.brunner_munzel(ranks).equivalence_p_value(margin)
        for (ranks,) in permuted.rank_sums_of_levels(*drawn)
    ]


# Few shares are possible, so most are seen again and again.
@cache
def _p_of_z(one: Counts, two: Counts) -> float:
    _, p_value = statistics.two_proportion_z(one, two)
    return p_value


TESTS = {
    "welch_t": Measured(permuted.moments, statistics.welch_t, _means_at_the_margin),
    "mann_whitney_u": Measured(permuted.rank_sums, statistics.mann_whitney_u),
    "brunner_munzel": Measured(permuted.rank_sums, statistics.brunner_munzel, _ranks_at_the_margin),
    "two_proportion_z": Measured(permuted.counts, _p_of_z, _shares_at_the_margin),
    "fisher_exact": Measured(permuted.counts, cache(statistics.fisher_exact)),
    "cochran_mantel_haenszel": Measured(permuted.strata, statistics.cochran_mantel_haenszel),
}
# Fisher's test cannot reject more often than promised, and rejects less because its p-values are few.
_CAUTIOUS = {"fisher_exact"}


def _joined(plan: Sequence[PlannedTest], found: Sequence[Clients]) -> Iterator[tuple[PlannedTest, Clients]]:
    for clients in found:
        yield from ((test, clients) for test in plan if test.hypothesis_id == clients.hypothesis_id)


def _p_values_of(
    plan: Sequence[PlannedTest], group: Sequence[Clients], permutations: int, seed: int
) -> dict[tuple[PlannedTest, bool], list[float | None]]:
    """P-values by test, and whether of its equivalence; those who compare the same clients share their labelings."""
    found: dict[tuple[PlannedTest, bool], list[float | None]] = {}
    sharing: dict[bytes, list[Clients]] = {}
    for clients in group:
        sharing.setdefault(clients.is_first.tobytes(), []).append(clients)
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


def _check_reading(
    published: Mapping[tuple[str, str, str], float], plan: Sequence[PlannedTest], found: Sequence[Clients]
) -> None:
    """The real labels must give the p-values of the mart, to the last digit that doubles have."""
    for test, clients in _joined(plan, found):
        (p_value,) = TESTS[test.test].p_values(clients.is_first[np.newaxis].astype(np.float64), clients)
        expected = published[test.hypothesis_id, clients.population, test.test]
        if p_value is None or not math.isclose(p_value, expected, rel_tol=1e-9, abs_tol=1e-300):
            raise AssertionError(f"{test.test} of {test.hypothesis_id} has p = {p_value} here, {expected} in the mart")


def error_rates(warehouse: Path, permutations: int, seed: int) -> list[Rate]:
    """Shuffle the groups and count rejections: per test, and per family with and without Holm's adjustment.

    Tests that are undefined for the real groups are left out. Raises ValueError for a test that TESTS lacks.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        register = read_register(connection)
        if unknown := {test.test for test in register.plan} - TESTS.keys():
            raise ValueError(f"calibration.rates cannot measure {', '.join(sorted(unknown))}.")
        everyone = [clients for each in register.hypotheses for clients in read_clients(connection, register, each)]
        query = (
            "select hypothesis_id, population, test, p_value from marts.fct_hypothesis_results"
            " where p_value is not null"
        )
        published = {tuple(key): p_value for *key, p_value in connection.execute(query).fetchall()}
    rates: list[Rate] = []
    for population in (row["population"] for row in register.populations):
        group = [clients for clients in everyone if clients.population == population]
        plan = [test for test in register.plan if (test.hypothesis_id, population, test.test) in published]
        _check_reading(published, plan, group)
        if plan:
            rates += measured_rates(population, plan, group, permutations, seed)
    return rates


def measured_rates(
    population: str, plan: Sequence[PlannedTest], clients: Sequence[Clients], permutations: int, seed: int
) -> Iterator[Rate]:
    """How often each planned test of a population rejects, its equivalence, and the family with and without Holm."""
    p_values = _p_values_of(plan, clients, permutations, seed)
    sizes = {each.hypothesis_id: each.sizes for each in clients}
    for (test, is_equivalence), found in p_values.items():
        expected = test.alpha
        if is_equivalence and test.test == "welch_t":
            expected = means_error(*sizes[test.hypothesis_id], test.equivalence_margin, test.alpha)
        yield Rate(
            (test.hypothesis_id, population, test.test + (EQUIVALENCE if is_equivalence else "")),
            *sizes[test.hypothesis_id],
            rejected=sum(p is not None and p < test.alpha for p in found),
            trials=len(found),
            expected=expected,
            is_exact=is_equivalence or test.test not in _CAUTIOUS,
        )
    primary = [test for test, is_equivalence in p_values if test.is_primary and not is_equivalence]
    families = list(zip(*(p_values[test, False] for test in primary), strict=True))
    alpha = max(test.alpha for test in primary)
    n_1, n_2 = map(max, zip(*sizes.values(), strict=True))
    by_holm = [[each.p_value for each in statistics.holm(family)] for family in families]
    for name, adjusted in ((WITHOUT_HOLM, families), (WITH_HOLM, by_holm)):
        rejected = sum(any(p is not None and p < alpha for p in family) for family in adjusted)
        yield Rate(("all", population, name), n_1, n_2, rejected, len(families), alpha, is_exact=False)
