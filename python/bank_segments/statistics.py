"""Tests, intervals and effect sizes finished from the sufficient statistics that SQL delivers.

SQL reduces the clients of two groups to a few exact integers; this module turns them into statistics,
p-values and intervals, so its memory does not grow with the number of clients. Sums, means and variances stay
exact rational numbers (`fractions.Fraction`) until the last step, where they become doubles.

Conventions, everywhere:

* group one is clients with two products, group two is clients with one product; a difference is one minus
  two, a ratio is one over two, a positive statistic means that group one is larger;
* p-values are two-sided; an interval is (low, high) at the given `confidence`; p-values below 5e-324 become
  0.0;
* counts and sums are Python integers of any size: floats are refused, because they may have lost digits
  already;
* a statistic that does not exist for its input raises `UndefinedError`, which says why in English and
  Russian; an argument that makes no sense (a margin below zero, more successes than clients) raises
  `ValueError`;
* nothing returns NaN and nothing warns.

`scipy.special` suffices for every distribution here; `scipy.stats` would add a second to each start.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Literal, NamedTuple, SupportsIndex

import numpy as np
import numpy.typing as npt
from scipy import special

Verdict = Literal["different", "equivalent", "inconclusive"]
Number = int | float | Fraction
Floats = npt.NDArray[np.float64]

_BOOST_LARGEST_T = 1000.0  # scipy.special.nctdtr loses digits above: 7 are left at 10,000, none at 1e6
_LOG_UNDERFLOW = -760.0  # exp() of anything below is 0.0
_LOG_LARGEST = 600.0  # exp() of it, times any ratio of counts, is still a double
_FISHER_CHUNK = 65_536
_FISHER_TIE = 1e-10  # in logarithms: tables this close are equally likely; rounding stays below 1e-11


# -----------------------------------------------------------------------------------------------------------
# What cannot be computed, and why
# -----------------------------------------------------------------------------------------------------------


class Reason(StrEnum):
    """Why a statistic does not exist for its input; the value is a stable machine code."""

    EMPTY_GROUP = "empty_group"
    ONE_CLIENT = "one_client"
    NO_VARIATION = "no_variation"
    COMPLETE_SEPARATION = "complete_separation"
    ZERO_CELL = "zero_cell"
    NO_USABLE_STRATUM = "no_usable_stratum"
    ONE_USABLE_STRATUM = "one_usable_stratum"

    @property
    def en(self) -> str:
        """The reason as an English sentence."""
        return _WORDING[self][0]

    @property
    def ru(self) -> str:
        """The reason as a Russian sentence."""
        return _WORDING[self][1]


_WORDING: dict[Reason, tuple[str, str]] = {
    Reason.EMPTY_GROUP: (
        "One of the groups has no clients.",
        "Одна из групп пуста.",
    ),
    Reason.ONE_CLIENT: (
        "One of the groups has a single client, so its spread is unknown.",
        "Одна из групп состоит из единственного клиента: её разброс неизвестен.",
    ),
    Reason.NO_VARIATION: (
        "All clients compared have the same value.",
        "Значение одинаково для всех сравниваемых клиентов.",
    ),
    Reason.COMPLETE_SEPARATION: (
        "Every client of one group lies above every client of the other.",
        "Любой клиент одной группы превосходит любого клиента другой.",
    ),
    Reason.ZERO_CELL: (
        "The ratio needs a count that is zero.",
        "Отношение не определено: одна из нужных численностей равна нулю.",
    ),
    Reason.NO_USABLE_STRATUM: (
        "No stratum has both groups and both outcomes.",
        "Ни в одной страте нет одновременно двух групп и двух исходов.",
    ),
    Reason.ONE_USABLE_STRATUM: (
        "Only one stratum has both groups and both outcomes, so there is nothing to compare it with.",
        "Две группы и два исхода есть только в одной страте: сравнение между стратами невозможно.",
    ),
}


class UndefinedError(ValueError):
    """A statistic that does not exist for its input; callers write a row with the reason instead."""

    def __init__(self, reason: Reason) -> None:
        """Carry `reason`, whose value is the machine code."""
        super().__init__(reason.en)
        self.reason = reason

    @property
    def code(self) -> str:
        """Stable machine code, for example `no_variation`."""
        return self.reason.value

    @property
    def reason_en(self) -> str:
        """The reason as an English sentence."""
        return self.reason.en

    @property
    def reason_ru(self) -> str:
        """The reason as a Russian sentence."""
        return self.reason.ru


# -----------------------------------------------------------------------------------------------------------
# What SQL delivers
# -----------------------------------------------------------------------------------------------------------


def _set_integers(record: object, **values: SupportsIndex) -> None:
    """Store `values` in a frozen dataclass as exact Python integers; floats raise `TypeError`."""
    for name, value in values.items():
        object.__setattr__(record, name, operator.index(value))


@dataclass(frozen=True, slots=True)
class Moments:
    """Size, sum and sum of squares of one group's values, in a fixed integer unit (years, kopecks, 0/1).

    `scale` is the number of integer units in one display unit: 100 for kopecks shown as rubles. Moments of
    two disjoint groups add up with `+`. `TypeError` for a float, `ValueError` for moments that no set of
    values has.
    """

    n: int
    total: int
    total_squares: int
    scale: int = 1

    def __post_init__(self) -> None:
        """Make the fields exact integers and check them."""
        _set_integers(self, n=self.n, total=self.total, total_squares=self.total_squares, scale=self.scale)
        if self.n < 0 or self.scale < 1 or (self.n == 0 and (self.total or self.total_squares)):
            raise ValueError(f"not the moments of a group: {self}")
        if self.n * self.total_squares < self.total**2:
            raise ValueError(f"sum of squares too small for the sum (overflow or rounding upstream?): {self}")

    @classmethod
    def of(cls, values: Iterable[int], scale: int = 1) -> Moments:
        """Moments of integer values held in memory, for small data and tests."""
        exact = [operator.index(value) for value in values]
        return cls(len(exact), sum(exact), sum(value * value for value in exact), scale)

    def __add__(self, other: Moments) -> Moments:
        """Moments of the union of two disjoint groups with the same unit."""
        if self.scale != other.scale:
            raise ValueError(f"different units: scales {self.scale} and {other.scale}")
        return Moments(
            self.n + other.n, self.total + other.total, self.total_squares + other.total_squares, self.scale
        )

    @property
    def mean(self) -> Fraction:
        """Exact mean in display units. `UndefinedError` for an empty group."""
        if self.n == 0:
            raise UndefinedError(Reason.EMPTY_GROUP)
        return Fraction(self.total, self.n * self.scale)

    @property
    def centred_squares(self) -> Fraction:
        """Exact sum of squares about the mean, in squared display units. `UndefinedError` if empty."""
        if self.n == 0:
            raise UndefinedError(Reason.EMPTY_GROUP)
        return Fraction(self.n * self.total_squares - self.total**2, self.n * self.scale**2)

    @property
    def variance(self) -> Fraction:
        """Exact variance with divisor n - 1, in squared display units. `UndefinedError` below two clients."""
        squares = self.centred_squares
        if self.n == 1:
            raise UndefinedError(Reason.ONE_CLIENT)
        return squares / (self.n - 1)


@dataclass(frozen=True, slots=True)
class RankSums:
    """Everything the rank tests need, as exact integers from a table with one row per distinct value.

    At a value, let a and b be the clients of groups one and two that have it, L_a and L_b those below it, and
    A = 2*L_b + b, B = 2*L_a + a: twice the number of clients of the *other* group that a client beats, a tie
    counting one half. Then, summed over the distinct values:

    * `two_u` = sum(a*A), twice the Mann-Whitney U of group one (sum(b*B) is 2*n_1*n_2 - two_u, so it is not
      kept);
    * `tie_sum` = sum(t**3 - t) with t = a + b;
    * `sum_a_squares` = sum(a*A*A) and `sum_b_squares` = sum(b*B*B), for the Brunner-Munzel variance.
    """

    n_1: int
    n_2: int
    two_u: int
    tie_sum: int
    sum_a_squares: int
    sum_b_squares: int

    def __post_init__(self) -> None:
        """Make the fields exact integers and check them."""
        _set_integers(
            self,
            n_1=self.n_1,
            n_2=self.n_2,
            two_u=self.two_u,
            tie_sum=self.tie_sum,
            sum_a_squares=self.sum_a_squares,
            sum_b_squares=self.sum_b_squares,
        )
        two_pairs = 2 * self.n_1 * self.n_2
        total = self.n_1 + self.n_2
        if (
            min(self.n_1, self.n_2) < 0
            or not 0 <= self.two_u <= two_pairs
            or not 0 <= self.tie_sum <= total**3 - total
            or self.n_1 * self.sum_a_squares < self.two_u**2
            or self.n_2 * self.sum_b_squares < (two_pairs - self.two_u) ** 2
        ):
            raise ValueError(f"not the rank sums of two groups: {self}")


def rank_sums_from_levels(levels: Iterable[tuple[int, int]]) -> RankSums:
    """Rank sums from (clients of group one, clients of group two) per distinct value, values ascending.

    The same sums as the SQL level table, for tests and small data. Levels with no clients change nothing.
    """
    below_1 = below_2 = two_u = tie_sum = squares_1 = squares_2 = 0
    for count_1, count_2 in levels:
        a, b = operator.index(count_1), operator.index(count_2)
        if min(a, b) < 0:
            raise ValueError(f"a level cannot have ({a}, {b}) clients")
        placement_1, placement_2 = 2 * below_2 + b, 2 * below_1 + a
        two_u += a * placement_1
        squares_1 += a * placement_1**2
        squares_2 += b * placement_2**2
        tie_sum += (a + b) ** 3 - (a + b)
        below_1 += a
        below_2 += b
    return RankSums(below_1, below_2, two_u, tie_sum, squares_1, squares_2)


@dataclass(frozen=True, slots=True)
class Counts:
    """Clients of one group with the property (`successes`) among all its `n` clients."""

    successes: int
    n: int

    def __post_init__(self) -> None:
        """Make the fields exact integers and check them."""
        _set_integers(self, successes=self.successes, n=self.n)
        if not 0 <= self.successes <= self.n:
            raise ValueError(f"not the counts of a group: {self}")

    @property
    def failures(self) -> int:
        """Clients without the property."""
        return self.n - self.successes

    @property
    def rate(self) -> Fraction:
        """Exact share of successes. `UndefinedError` for an empty group."""
        if self.n == 0:
            raise UndefinedError(Reason.EMPTY_GROUP)
        return Fraction(self.successes, self.n)


class Stratum(NamedTuple):
    """One 2x2 table: successes and failures of group one (a, b) and of group two (c, d), or a plain tuple."""

    a: int
    b: int
    c: int
    d: int


# -----------------------------------------------------------------------------------------------------------
# What comes out
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WelchResult:
    """Welch's t-test; means, difference, standard error and interval in display units."""

    mean_1: float
    mean_2: float
    difference: float
    low: float
    high: float
    standard_error: float
    statistic: float
    df: float
    p_value: float


@dataclass(frozen=True, slots=True)
class EquivalenceResult:
    """Two one-sided tests. `p_value` is the larger of the two; below alpha the groups are equivalent.

    `statistic_low` and `p_low` test that the difference is at or below the lower margin, `statistic_high` and
    `p_high` that it is at or above the upper one. `df` is None where the reference distribution is normal.
    """

    margin: float
    statistic_low: float
    statistic_high: float
    df: float | None
    p_low: float
    p_high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class MannWhitneyResult:
    """Mann-Whitney U of group one, its z with continuity correction, and P = U / (n_1 n_2)."""

    u: float
    statistic: float
    p_value: float
    superiority: float


@dataclass(frozen=True, slots=True)
class BrunnerMunzelResult:
    """Brunner-Munzel test. `superiority` is P(one > two) + P(tie)/2, with its standard error and interval."""

    superiority: float
    low: float
    high: float
    standard_error: float
    statistic: float
    df: float
    p_value: float


@dataclass(frozen=True, slots=True)
class ProportionsResult:
    """Pooled z-test of two proportions."""

    rate_1: float
    rate_2: float
    difference: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class CramersVResult:
    """Cramer's V of a 2x2 table with its interval, and the chi-square (one degree of freedom) behind it."""

    v: float
    low: float
    high: float
    chi_square: float
    p_value: float


@dataclass(frozen=True, slots=True)
class BreslowDayResult:
    """Breslow-Day test that the odds ratio is the same in every stratum."""

    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, slots=True)
class StratifiedResult:
    """Cochran-Mantel-Haenszel test, the common odds ratio and the test that it is common.

    `odds_ratio` or `homogeneity` is None exactly when `odds_ratio_reason` or `homogeneity_reason` says why.
    """

    statistic: float
    p_value: float
    odds_ratio: Estimate | None
    odds_ratio_reason: Reason | None
    homogeneity: BreslowDayResult | None
    homogeneity_reason: Reason | None
    strata_used: int
    strata_dropped: int


# -----------------------------------------------------------------------------------------------------------
# Small helpers
# -----------------------------------------------------------------------------------------------------------


def _tail(confidence: float) -> float:
    """Probability in each tail outside a two-sided interval."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    return (1 - confidence) / 2


def _normal_quantile(confidence: float) -> float:
    """Half-width of a two-sided normal interval in standard errors."""
    return -float(special.ndtri(_tail(confidence)))


def _t_quantile(df: float, confidence: float) -> float:
    """Half-width of a two-sided t interval in standard errors."""
    return -float(special.stdtrit(df, _tail(confidence)))


def _normal_two_sided(z: float) -> float:
    """Two-sided p-value of a standard normal statistic."""
    return 2 * float(special.ndtr(-abs(z)))


def _root(value: Fraction) -> float:
    """Square root of an exact non-negative number, also where its double would overflow or underflow."""
    if value == 0:
        return 0.0
    shift = (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(value / Fraction(4) ** shift), shift)


def _check_margin(margin: Number, largest: float = math.inf) -> Fraction:
    """Return the margin as an exact number; `ValueError` unless it is positive and below `largest`."""
    if not 0 < float(margin) < largest:
        raise ValueError(f"the margin must be positive, finite and below {largest}, got {margin}")
    return Fraction(margin)


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")


def _bisect(decreasing: Callable[[float], float], low: float, high: float) -> float:
    """Root of a decreasing function between `low` and `high`, to the last double."""
    for _ in range(200):
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        if decreasing(middle) > 0:
            low = middle
        else:
            high = middle
    return low + (high - low) / 2


def _find_root(
    decreasing: Callable[[float], float], low: float, at_low: float, high: float, at_high: float
) -> float:
    """Root of a decreasing function that is `at_low` > 0 at `low` and `at_high` <= 0 at `high`.

    The Illinois variant of false position (Dowell & Jarratt 1971): for functions as dear as `_bisect` itself.
    """
    side = 0
    for _ in range(200):
        width = high - low
        # No step where an end is infinite, and none that leaves the interval: then halve it.
        step = width * at_low / (at_low - at_high) if math.isfinite(at_low - at_high) else width / 2
        middle = low + (step if 0 < step < width else width / 2)
        if middle in (low, high) or width <= 1e-15:
            break
        value = decreasing(middle)
        if value > 0:
            low, at_low = middle, value
            at_high, side = (at_high / 2 if side > 0 else at_high), 1
        else:
            high, at_high = middle, value
            at_low, side = (at_low / 2 if side < 0 else at_low), -1
    return low + (high - low) / 2


# -----------------------------------------------------------------------------------------------------------
# Means
# -----------------------------------------------------------------------------------------------------------


class _MeanDifference(NamedTuple):
    """Exact difference of two means, its standard error and Welch's degrees of freedom."""

    difference: Fraction
    standard_error: float
    df: float


def _mean_difference(one: Moments, two: Moments) -> _MeanDifference:
    """Welch (1947), Biometrika 34, 28-35; degrees of freedom after Satterthwaite (1946)."""
    if one.n == 0 or two.n == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    part_1, part_2 = one.variance / one.n, two.variance / two.n
    squared_error = part_1 + part_2
    if squared_error == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    df = squared_error**2 / (part_1**2 / (one.n - 1) + part_2**2 / (two.n - 1))
    return _MeanDifference(one.mean - two.mean, _root(squared_error), float(df))


def welch_t(one: Moments, two: Moments, confidence: float = 0.95) -> WelchResult:
    """Compare two means without assuming equal variances.

    Welch (1947); the same as `scipy.stats.ttest_ind(equal_var=False)` and R's `t.test`.
    `UndefinedError`: a group with fewer than two clients, or no variation in either group.
    """
    difference, error, df = _mean_difference(one, two)
    statistic = float(difference) / error
    reach = _t_quantile(df, confidence) * error
    return WelchResult(
        mean_1=float(one.mean),
        mean_2=float(two.mean),
        difference=float(difference),
        low=float(difference) - reach,
        high=float(difference) + reach,
        standard_error=error,
        statistic=statistic,
        df=df,
        p_value=2 * float(special.stdtr(df, -abs(statistic))),
    )


def tost_welch(one: Moments, two: Moments, margin: Number) -> EquivalenceResult:
    """Test that two means differ by less than `margin` (display units) either way.

    Two one-sided Welch tests: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680; the same as
    statsmodels' `ttost_ind(usevar="unequal")`. `UndefinedError` as in `welch_t`.
    """
    exact_margin = _check_margin(margin)
    difference, error, df = _mean_difference(one, two)
    statistic_low = float(difference + exact_margin) / error
    statistic_high = float(difference - exact_margin) / error
    p_low = float(special.stdtr(df, -statistic_low))
    p_high = float(special.stdtr(df, statistic_high))
    return EquivalenceResult(
        float(exact_margin), statistic_low, statistic_high, df, p_low, p_high, max(p_low, p_high)
    )


def _small_sample_correction(df: int) -> float:
    """Hedges' exact J = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)), for df of at least 2.

    Hedges (1981), J. Educ. Stat. 6, 107-128. Above 1,000 the gamma functions cancel, and the series of c4(df)
    (J = c4 sqrt((df-1)/df)) takes over; its next term is below 1e-12 there.
    """
    if df <= 1000:
        return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)
    c4 = 1 - 1 / (4 * df) - 7 / (32 * df**2) - 19 / (128 * df**3)
    return c4 * math.sqrt((df - 1) / df)


def _noncentral_t_cdf(t: float, df: float, noncentrality: float) -> float:
    """P(T <= t) for T = (Z + noncentrality) / S, with Z standard normal and df S**2 chi-square.

    For t from 0 to 1,000 Boost's series in scipy; a negative t is mirrored, because Boost returns NaN for
    some. Where it still does (far in a tail), and above 1,000, where it loses digits: the chi-square tail at
    ((Z + noncentrality) / t)**2, averaged over Z on an even grid. There the average is of a smooth function,
    so the trapezoidal rule is exact to about 1e-9, up to a billion degrees of freedom.
    """
    if t < 0:
        return 1 - _noncentral_t_cdf(-t, df, -noncentrality)
    if t <= _BOOST_LARGEST_T:
        probability = float(special.nctdtr(df, noncentrality, t))
        if not math.isnan(probability):
            return probability
    z = np.linspace(-9.0, 9.0, 2001)
    weight = np.exp(-z * z / 2)
    needed = np.maximum(z + noncentrality, 0.0) / t
    return float(np.sum(weight * special.chdtrc(df, df * needed * needed)) / np.sum(weight))


def _noncentrality(t: float, df: float, probability: float) -> float:
    """Find the noncentrality under which P(T <= t) equals `probability`."""
    step = 4 * math.sqrt(1 + t * t / (2 * df))

    def excess(noncentrality: float) -> float:
        return _noncentral_t_cdf(t, df, noncentrality) - probability

    low = high = t
    while excess(low) < 0:
        low -= step
    while excess(high) > 0:
        high += step
    return _bisect(excess, low, high)


def hedges_g(one: Moments, two: Moments, confidence: float = 0.95) -> Estimate:
    """Difference of means in pooled standard deviations, without the small-sample bias.

    Hedges (1981) with the exact gamma correction; the interval inverts the noncentral t distribution (Steiger
    & Fouladi 1997), as R's `effectsize::hedges_g`. `UndefinedError` as in `welch_t`.
    """
    if one.n == 0 or two.n == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    if one.n == 1 or two.n == 1:
        raise UndefinedError(Reason.ONE_CLIENT)
    df = one.n + two.n - 2
    pooled = (one.centred_squares + two.centred_squares) / df
    if pooled == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    to_effect = math.sqrt(1 / one.n + 1 / two.n)
    d = float(one.mean - two.mean) / _root(pooled)
    t = d / to_effect
    tail = _tail(confidence)
    correction = _small_sample_correction(df)
    return Estimate(
        estimate=correction * d,
        low=correction * to_effect * _noncentrality(t, df, 1 - tail),
        high=correction * to_effect * _noncentrality(t, df, tail),
    )


# -----------------------------------------------------------------------------------------------------------
# Ranks
# -----------------------------------------------------------------------------------------------------------


def mann_whitney_u(ranks: RankSums) -> MannWhitneyResult:
    """Mann-Whitney U test by its normal approximation, with tie and continuity corrections.

    Mann & Whitney (1947), Ann. Math. Stat. 18, 50-60; the tie correction as in Lehmann, Nonparametrics
    (1975), 1.4. The same as `scipy.stats.mannwhitneyu(method="asymptotic", use_continuity=True)` and R's
    `wilcox.test(exact=FALSE)`. The statistic is 0 within the correction, so its sign is always that of the
    difference. `UndefinedError`: an empty group, or all values tied.
    """
    n_1, n_2 = ranks.n_1, ranks.n_2
    if n_1 == 0 or n_2 == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    n = n_1 + n_2
    variance = Fraction(n_1 * n_2, 12) * (n + 1 - Fraction(ranks.tie_sum, n * (n - 1)))
    if variance == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    centred = Fraction(ranks.two_u - n_1 * n_2, 2)
    corrected = max(abs(centred) - Fraction(1, 2), Fraction(0))
    statistic = math.copysign(float(corrected) / _root(variance), centred)
    return MannWhitneyResult(
        u=ranks.two_u / 2,
        statistic=statistic,
        p_value=_normal_two_sided(statistic),
        superiority=ranks.two_u / (2 * n_1 * n_2),
    )


def mann_whitney_superiority(ranks: RankSums, confidence: float = 0.95) -> Estimate:
    """P(one > two) + P(tie)/2 with the interval that excludes 1/2 exactly where `mann_whitney_u` rejects.

    It has the test's own variance, that of two equal distributions, and its continuity correction, so it shows
    the decision; away from 1/2 `brunner_munzel` covers better. `UndefinedError` as in `mann_whitney_u`.
    """
    test = mann_whitney_u(ranks)
    pairs = ranks.n_1 * ranks.n_2
    n = ranks.n_1 + ranks.n_2
    variance = Fraction(pairs, 12) * (n + 1 - Fraction(ranks.tie_sum, n * (n - 1)))
    reach = (_normal_quantile(confidence) * _root(variance) + 0.5) / pairs
    return Estimate(test.superiority, max(test.superiority - reach, 0.0), min(test.superiority + reach, 1.0))


class _Superiority(NamedTuple):
    """Exact P(one > two) + P(tie)/2, its standard error and degrees of freedom."""

    probability: Fraction
    standard_error: float
    df: float


def _superiority(ranks: RankSums) -> _Superiority:
    """Brunner & Munzel (2000), Biometrical Journal 42, 17-25, from the spread of each group's placements."""
    n_1, n_2 = ranks.n_1, ranks.n_2
    if n_1 == 0 or n_2 == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    if n_1 == 1 or n_2 == 1:
        raise UndefinedError(Reason.ONE_CLIENT)
    two_pairs = 2 * n_1 * n_2
    # Variances of the placements, that is of A / (2 n_2) in group one and of B / (2 n_1) in group two.
    spread_1 = Fraction(n_1 * ranks.sum_a_squares - ranks.two_u**2, n_1 * (n_1 - 1) * 4 * n_2**2)
    spread_2 = Fraction(
        n_2 * ranks.sum_b_squares - (two_pairs - ranks.two_u) ** 2, n_2 * (n_2 - 1) * 4 * n_1**2
    )
    part_1, part_2 = spread_1 / n_1, spread_2 / n_2
    squared_error = part_1 + part_2
    if squared_error == 0:
        separated = ranks.two_u in (0, two_pairs)
        raise UndefinedError(Reason.COMPLETE_SEPARATION if separated else Reason.NO_VARIATION)
    df = squared_error**2 / (part_1**2 / (n_1 - 1) + part_2**2 / (n_2 - 1))
    return _Superiority(Fraction(ranks.two_u, two_pairs), _root(squared_error), float(df))


def brunner_munzel(ranks: RankSums, confidence: float = 0.95) -> BrunnerMunzelResult:
    """Test that neither group tends to larger values, without assuming equal spread.

    Brunner & Munzel (2000), t approximation; `scipy.stats.brunnermunzel` has the same p and the opposite
    sign, statsmodels' `rank_compare_2indep` the same p, df and interval, which is cut here to 0..1.
    `UndefinedError`: a group with fewer than two clients, all values tied, or groups that do not overlap.
    """
    probability, error, df = _superiority(ranks)
    statistic = float(probability - Fraction(1, 2)) / error
    reach = _t_quantile(df, confidence) * error
    return BrunnerMunzelResult(
        superiority=float(probability),
        low=max(float(probability) - reach, 0.0),
        high=min(float(probability) + reach, 1.0),
        standard_error=error,
        statistic=statistic,
        df=df,
        p_value=2 * float(special.stdtr(df, -abs(statistic))),
    )


def tost_superiority(ranks: RankSums, margin: Number) -> EquivalenceResult:
    """Test that P(one > two) + P(tie)/2 is within `margin` (0 to 0.5) of one half.

    Two one-sided Brunner-Munzel tests; the same as statsmodels'
    `rank_compare_2indep(...).tost_prob_superior`. `UndefinedError` as in `brunner_munzel`.
    """
    exact_margin = _check_margin(margin, 0.5)
    probability, error, df = _superiority(ranks)
    centred = probability - Fraction(1, 2)
    statistic_low = float(centred + exact_margin) / error
    statistic_high = float(centred - exact_margin) / error
    p_low = float(special.stdtr(df, -statistic_low))
    p_high = float(special.stdtr(df, statistic_high))
    return EquivalenceResult(
        float(exact_margin), statistic_low, statistic_high, df, p_low, p_high, max(p_low, p_high)
    )


# -----------------------------------------------------------------------------------------------------------
# Proportions
# -----------------------------------------------------------------------------------------------------------


def _require_clients(*groups: Counts) -> None:
    if any(group.n == 0 for group in groups):
        raise UndefinedError(Reason.EMPTY_GROUP)


def two_proportion_z(one: Counts, two: Counts) -> ProportionsResult:
    """Compare two proportions with the variance pooled under the null hypothesis.

    Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions (2003), 3.1; statsmodels'
    `proportions_ztest`. The square of the statistic is Pearson's chi-square. `UndefinedError`: an empty
    group, or one outcome only.
    """
    _require_clients(one, two)
    pooled = Fraction(one.successes + two.successes, one.n + two.n)
    squared_error = pooled * (1 - pooled) * (Fraction(1, one.n) + Fraction(1, two.n))
    if squared_error == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    difference = float(one.rate - two.rate)
    statistic = difference / _root(squared_error)
    return ProportionsResult(
        float(one.rate), float(two.rate), difference, statistic, _normal_two_sided(statistic)
    )


def _log_odds_from_mode(start: int, remainder: int, one: Counts, two: Counts, step: int) -> Floats:
    """Log likelihoods, relative to the mode `start`, of the tables 1, 2, 3, ... steps up (or down) from it.

    The table is known by the successes of group one. Neighbours have a ratio whose logarithm is exact to the
    last digit, because (n_1+1)(k+1) = (n+2)*start + remainder makes the difference of its two terms a small
    integer. The list ends with the support, or where a table is e**760 times rarer than the mode.
    """
    n_1, n = one.n, one.n + two.n
    successes = one.successes + two.successes
    end = min(successes, n_1) if step > 0 else max(0, successes - two.n)
    count = (end - start) * step
    chunks: list[Floats] = []
    reached = 0.0
    for first in range(0, count, _FISHER_CHUNK):
        j = np.arange(first, min(first + _FISHER_CHUNK, count), dtype=np.float64)
        if step > 0:
            gap = remainder - (n + 2.0) * (j + 1)
            likelier = (start + j + 1) * (two.n - successes + start + j + 1)
        else:
            gap = -(n + 2.0) * j - remainder
            likelier = (n_1 - start + j + 1) * (successes - start + j + 1)
        chunk = reached + np.cumsum(np.log1p(gap / likelier))
        chunks.append(chunk)
        reached = float(chunk[-1])
        if reached < _LOG_UNDERFLOW:
            break
    return np.concatenate(chunks) if chunks else np.empty(0)


def fisher_exact(one: Counts, two: Counts) -> float:
    """Two-sided p-value of Fisher's exact test: the chance of a table at most as likely as the one seen.

    Fisher (1935); R's `fisher.test` and `scipy.stats.fisher_exact`. Own summation outwards from the most
    likely table, because scipy's hypergeometric distribution keeps only 7-8 digits with 50 million clients in
    a group, and its import costs half a second; this takes 20 ms there and 0.1 ms for thousands. 1.0 where
    the margins allow no other table. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    successes, n = one.successes + two.successes, one.n + two.n
    mode, remainder = divmod((one.n + 1) * (successes + 1), n + 2)
    up = _log_odds_from_mode(mode, remainder, one, two, 1)
    down = _log_odds_from_mode(mode, remainder, one, two, -1)
    distance = one.successes - mode
    if distance == 0:
        return 1.0
    side = up if distance > 0 else down
    if abs(distance) > len(side):
        return 0.0
    threshold = float(side[abs(distance) - 1]) + _FISHER_TIE
    everything = np.concatenate((up, down, np.zeros(1)))
    with np.errstate(under="ignore"):
        likelihood = np.sort(np.exp(everything))
        extreme = np.sort(np.exp(everything[everything <= threshold]))
    return min(float(extreme.sum() / likelihood.sum()), 1.0)


def wilson_interval(counts: Counts, confidence: float = 0.95) -> Estimate:
    """Score interval of one proportion. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.

    statsmodels' `proportion_confint(method="wilson")`, and R's `prop.test(correct=FALSE)`. `UndefinedError`:
    no client.
    """
    rate = float(counts.rate)
    z = _normal_quantile(confidence)
    shrink = 1 + z * z / counts.n
    centre = (rate + z * z / (2 * counts.n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / counts.n + z * z / (4 * counts.n**2))
    low = 0.0 if counts.successes == 0 else max(centre - half, 0.0)
    high = 1.0 if counts.failures == 0 else min(centre + half, 1.0)
    return Estimate(rate, low, high)


def newcombe_difference(one: Counts, two: Counts, confidence: float = 0.95) -> Estimate:
    """Difference of two proportions with the hybrid score interval.

    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; statsmodels'
    `confint_proportions_2indep(method= "newcomb")`. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    first, second = wilson_interval(one, confidence), wilson_interval(two, confidence)
    difference = float(one.rate - two.rate)
    return Estimate(
        estimate=difference,
        low=difference - math.hypot(first.estimate - first.low, second.high - second.estimate),
        high=difference + math.hypot(first.high - first.estimate, second.estimate - second.low),
    )


def _score_statistic(
    one: Counts, two: Counts, null_difference: Fraction, *, is_corrected: bool = True
) -> float:
    """Score statistic for a given difference of proportions, between -1 and 1.

    Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, with their N/(N-1) correction; Mee (1984),
    Biometrics 40, 1175-1176, without it. Either takes the variance at the most likely pair of proportions
    with exactly that difference. The score of that likelihood decreases in the second proportion, so
    bisection finds it without the cubic's cancellations.
    """
    delta = float(null_difference)
    if is_corrected and one.n + two.n < 2:
        raise UndefinedError(Reason.ONE_CLIENT)

    def term(count: int, probability: float) -> float:
        return 0.0 if count == 0 else math.inf if probability <= 0 else count / probability

    def score(second: float) -> float:
        first = second + delta
        return (term(one.successes, first) + term(two.successes, second)) - (
            term(one.failures, 1 - first) + term(two.failures, 1 - second)
        )

    second = _bisect(score, max(0.0, -delta), min(1.0, 1.0 - delta))
    first = min(max(second + delta, 0.0), 1.0)
    n = one.n + two.n
    variance = first * (1 - first) / one.n + second * (1 - second) / two.n
    if is_corrected:
        variance = variance * n / (n - 1)
    distance = float(one.rate - two.rate - null_difference)
    if variance <= 0:  # both proportions at an end: the difference is certain under the null hypothesis
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def score_difference(one: Counts, two: Counts, confidence: float = 0.95) -> Estimate:
    """Difference of two proportions with the interval of all differences that the score test keeps.

    Mee (1984), Biometrics 40, 1175-1176; Newcombe (1998), method 5; R's `DescTools::BinomDiffCI(method="mee")`.
    At a difference of zero the score test is `two_proportion_z`, so the interval excludes zero exactly where
    that test rejects; Newcombe's interval may disagree at the border. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    critical = _normal_quantile(confidence)
    difference = float(one.rate - two.rate)
    try:
        at_zero = two_proportion_z(one, two).statistic
    except UndefinedError:  # the groups do not vary, and do not differ
        at_zero = 0.0

    def limit(first: Counts, second: Counts, statistic_at_zero: float) -> float:
        """Return the lower limit of first minus second; the search never crosses zero."""
        rate_difference = float(first.rate - second.rate)

        def excess(delta: float) -> float:
            return _score_statistic(first, second, Fraction(delta), is_corrected=False) - critical

        if statistic_at_zero > critical:
            return _find_root(excess, 0.0, statistic_at_zero - critical, rate_difference, -critical)
        high, at_high = (
            (0.0, statistic_at_zero - critical) if rate_difference > 0 else (rate_difference, -critical)
        )
        return _find_root(excess, -1.0, math.inf, high, at_high)

    return Estimate(difference, limit(one, two, at_zero), -limit(two, one, -at_zero))


def tost_proportions(one: Counts, two: Counts, margin: Number) -> EquivalenceResult:
    """Test that two proportions differ by less than `margin` (0.02 is two percentage points) either way.

    Two one-sided score tests of Miettinen & Nurminen (1985), the method regulators ask for; R's
    `PropCIs::diffscoreci` is the matching interval. They stay valid with no success in either group, where
    Wald tests break down. Not statsmodels' `tost_proportions_2indep(method="score")`: in 0.15.0 its cubic has
    the successes of group two where the paper has its clients, so its proportions are not the most likely
    ones. `UndefinedError`: an empty group.
    """
    exact_margin = _check_margin(margin, 1.0)
    _require_clients(one, two)
    statistic_low = _score_statistic(one, two, -exact_margin)
    statistic_high = _score_statistic(one, two, exact_margin)
    p_low, p_high = float(special.ndtr(-statistic_low)), float(special.ndtr(statistic_high))
    return EquivalenceResult(
        float(exact_margin), statistic_low, statistic_high, None, p_low, p_high, max(p_low, p_high)
    )


def risk_ratio(one: Counts, two: Counts, confidence: float = 0.95) -> Estimate:
    """Rate of group one over the rate of group two, with the log interval.

    Katz et al. (1978), Biometrics 34, 469-474; statsmodels' `confint_proportions_2indep(compare="ratio",
    method="log")`. `UndefinedError`: an empty group, no success in a group, or nothing but successes.
    """
    _require_clients(one, two)
    if one.successes == 0 or two.successes == 0:
        raise UndefinedError(Reason.ZERO_CELL)
    squared_error = Fraction(one.failures, one.successes * one.n) + Fraction(
        two.failures, two.successes * two.n
    )
    if squared_error == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    return _log_estimate(one.rate / two.rate, _root(squared_error), confidence)


def odds_ratio(one: Counts, two: Counts, confidence: float = 0.95) -> Estimate:
    """Odds of group one over the odds of group two, with the log interval.

    Woolf (1955), Ann. Hum. Genet. 19, 251-253; statsmodels' `confint_proportions_2indep(compare="or",
    method="logit")`. `UndefinedError`: an empty group, or a cell of the 2x2 table that is zero.
    """
    _require_clients(one, two)
    cells = (one.successes, one.failures, two.successes, two.failures)
    if 0 in cells:
        raise UndefinedError(Reason.ZERO_CELL)
    ratio = Fraction(one.successes * two.failures, one.failures * two.successes)
    return _log_estimate(ratio, _root(sum((Fraction(1, cell) for cell in cells), Fraction(0))), confidence)


def _log_estimate(ratio: Fraction, log_error: float, confidence: float) -> Estimate:
    """Give a ratio the interval symmetric for its logarithm; one too wide for a double is (0, inf)."""
    reach = _normal_quantile(confidence) * log_error
    if reach > _LOG_LARGEST:
        return Estimate(float(ratio), 0.0, math.inf)
    return Estimate(float(ratio), float(ratio) * math.exp(-reach), float(ratio) * math.exp(reach))


def cohen_h(one: Counts, two: Counts, confidence: float = 0.95) -> Estimate:
    """Difference of the two rates on the arcsine scale, 2 asin(sqrt(rate)), from -pi to pi.

    Cohen, Statistical Power Analysis (1988), chapter 6; statsmodels' `proportion_effectsize`. The interval
    has the stabilised variance 1/n_1 + 1/n_2, as R's `effectsize::cohens_h`. `UndefinedError`: an empty
    group.
    """
    _require_clients(one, two)
    h = 2 * (math.asin(_root(one.rate)) - math.asin(_root(two.rate)))
    reach = _normal_quantile(confidence) * math.sqrt(1 / one.n + 1 / two.n)
    return Estimate(h, max(h - reach, -math.pi), min(h + reach, math.pi))


def cramers_v(one: Counts, two: Counts, confidence: float = 0.95) -> CramersVResult:
    """Cramer's V, the absolute phi, of the 2x2 table, with Pearson's chi-square without correction.

    Cramer (1946); the interval inverts the noncentral chi-square distribution (Smithson 2003), which with one
    degree of freedom is that of (Z + m)**2. Where the chi-square is so small that even m = 0 is too much, the
    upper limit is V itself. `UndefinedError`: an empty group, or one outcome only.
    """
    _require_clients(one, two)
    n = one.n + two.n
    successes, failures = one.successes + two.successes, one.failures + two.failures
    if successes == 0 or failures == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    cross = one.successes * two.failures - one.failures * two.successes
    squared_v = Fraction(cross**2, one.n * two.n * successes * failures)
    root = _root(squared_v * n)
    tail = _tail(confidence)

    def limit(probability: float) -> float:
        def excess(shift: float) -> float:
            return float(special.ndtr(root - shift) - special.ndtr(-root - shift)) - probability

        return 0.0 if excess(0.0) <= 0 else _bisect(excess, 0.0, root + 40.0)

    v = _root(squared_v)
    low, high = limit(1 - tail) / math.sqrt(n), limit(tail) / math.sqrt(n)
    return CramersVResult(v, low, min(max(high, v), 1.0), float(squared_v * n), _normal_two_sided(root))


# -----------------------------------------------------------------------------------------------------------
# Strata
# -----------------------------------------------------------------------------------------------------------


def _usable_strata(strata: Iterable[tuple[int, int, int, int]]) -> tuple[list[Stratum], int]:
    """Split off the strata without both groups and both outcomes: they carry no information."""
    usable: list[Stratum] = []
    dropped = 0
    for cells in strata:
        stratum = Stratum(*map(operator.index, cells))
        if min(stratum) < 0:
            raise ValueError(f"not a 2x2 table: {stratum}")
        a, b, c, d = stratum
        if 0 in (a + b, c + d, a + c, b + d):
            dropped += 1
        else:
            usable.append(stratum)
    if not usable:
        raise UndefinedError(Reason.NO_USABLE_STRATUM)
    return usable, dropped


def mantel_haenszel_odds_ratio(
    strata: Iterable[tuple[int, int, int, int]], confidence: float = 0.95
) -> Estimate:
    """Pool the odds ratio of several 2x2 tables (a, b, c, d).

    Mantel & Haenszel (1959), J. Natl. Cancer Inst. 22, 719-748; the log interval of Robins, Breslow &
    Greenland (1986), Biometrics 42, 311-323. statsmodels' `StratifiedTable.oddsratio_pooled` and
    `oddsratio_pooled_confint`, R's `mantelhaen.test`. `UndefinedError`: no usable stratum, or an odds ratio
    of zero or infinity.
    """
    usable, _ = _usable_strata(strata)
    sum_r = sum_s = sum_pr = sum_ps_qr = sum_qs = Fraction(0)
    for a, b, c, d in usable:
        n = a + b + c + d
        r, s = Fraction(a * d, n), Fraction(b * c, n)
        p, q = Fraction(a + d, n), Fraction(b + c, n)
        sum_r += r
        sum_s += s
        sum_pr += p * r
        sum_ps_qr += p * s + q * r
        sum_qs += q * s
    if sum_r == 0 or sum_s == 0:
        raise UndefinedError(Reason.ZERO_CELL)
    log_variance = sum_pr / (2 * sum_r**2) + sum_ps_qr / (2 * sum_r * sum_s) + sum_qs / (2 * sum_s**2)
    return _log_estimate(sum_r / sum_s, _root(log_variance), confidence)


def _fitted_cell(row: int, column: int, n: int, ratio: float) -> float:
    """Return the cell at the crossing of two margins that gives a 2x2 table of n clients this odds ratio.

    It solves (1 - ratio) x**2 + linear x - ratio row column = 0. The two forms of the discriminant are the
    same number, and each adds only positive terms in its range, as do the two forms of the root.
    """
    linear = n + (ratio - 1) * (row + column)
    if ratio > 1:
        cross = 2 * n * (row + column) - 4 * row * column
        root = math.sqrt(n**2 + (ratio - 1) * cross + ((ratio - 1) * (row - column)) ** 2)
    else:
        root = math.sqrt(linear**2 + 4 * (1 - ratio) * ratio * row * column)
    if linear >= 0:
        return 2 * ratio * row * column / (linear + root)
    return (root - linear) / (2 * (1 - ratio))


def breslow_day(strata: Iterable[tuple[int, int, int, int]]) -> BreslowDayResult:
    """Test that several 2x2 tables (a, b, c, d) share one odds ratio, without Tarone's adjustment.

    Breslow & Day, Statistical Methods in Cancer Research I (1980), 4.4; statsmodels'
    `StratifiedTable.test_equal_odds(adjust=False)`. `UndefinedError`: fewer than two usable strata, or a
    common odds ratio of zero or infinity.
    """
    usable, _ = _usable_strata(strata)
    ratio = mantel_haenszel_odds_ratio(usable).estimate
    if len(usable) < 2:
        raise UndefinedError(Reason.ONE_USABLE_STRATUM)
    statistic = 0.0
    for a, b, c, d in usable:
        top, bottom, left, right = a + b, c + d, a + c, b + d
        cells = (
            (_fitted_cell(top, left, a + b + c + d, ratio), a),
            (_fitted_cell(top, right, a + b + c + d, 1 / ratio), b),
            (_fitted_cell(bottom, left, a + b + c + d, 1 / ratio), c),
            (_fitted_cell(bottom, right, a + b + c + d, ratio), d),
        )
        fitted, observed = min(cells)  # all four deviate equally; the smallest has the most digits to show it
        statistic += (observed - fitted) ** 2 * sum(1 / expected for expected, _ in cells)
    df = len(usable) - 1
    return BreslowDayResult(statistic, df, float(special.chdtrc(df, statistic)))


def cochran_mantel_haenszel(
    strata: Sequence[tuple[int, int, int, int]], confidence: float = 0.95
) -> StratifiedResult:
    """Compare two groups' rates within strata, given as 2x2 tables (a, b, c, d); see `Stratum`.

    Cochran (1954) and Mantel & Haenszel (1959), without continuity correction: R's
    `mantelhaen.test(correct=FALSE)`, statsmodels' `StratifiedTable.test_null_odds(correction=False)`. Strata
    with a zero margin carry no information; they are dropped and counted. `UndefinedError`: no usable
    stratum.
    """
    usable, dropped = _usable_strata(strata)
    excess = variance = Fraction(0)
    for a, b, c, d in usable:
        n = a + b + c + d
        excess += a - Fraction((a + b) * (a + c), n)
        variance += Fraction((a + b) * (c + d) * (a + c) * (b + d), n * n * (n - 1))
    statistic = excess**2 / variance
    ratio: Estimate | None = None
    homogeneity: BreslowDayResult | None = None
    ratio_reason: Reason | None = None
    homogeneity_reason: Reason | None = None
    try:
        ratio = mantel_haenszel_odds_ratio(usable, confidence)
    except UndefinedError as undefined:
        ratio_reason = undefined.reason
    try:
        homogeneity = breslow_day(usable)
    except UndefinedError as undefined:
        homogeneity_reason = undefined.reason
    return StratifiedResult(
        statistic=float(statistic),
        p_value=_normal_two_sided(_root(statistic)),
        odds_ratio=ratio,
        odds_ratio_reason=ratio_reason,
        homogeneity=homogeneity,
        homogeneity_reason=homogeneity_reason,
        strata_used=len(usable),
        strata_dropped=dropped,
    )


# -----------------------------------------------------------------------------------------------------------
# Several hypotheses, verdicts
# -----------------------------------------------------------------------------------------------------------


def _ascending(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    """Sort the given p-values with their positions, smallest first, equal ones in the order given."""
    known = [(p, position) for position, p in enumerate(p_values) if p is not None]
    if any(not 0 <= p <= 1 for p, _ in known):
        raise ValueError(f"p-values must lie between 0 and 1: {list(p_values)}")
    return sorted(known)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for several hypotheses; None (nothing tested) stays None and does not count.

    Holm (1979), Scand. J. Stat. 6, 65-70: the family-wise error rate holds under any dependence. R's
    `p.adjust(method="holm")`, statsmodels' `multipletests(method="holm")`.
    """
    ordered = _ascending(p_values)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for step, (p, position) in enumerate(ordered):
        largest = max(largest, min(1.0, p * (len(ordered) - step)))
        adjusted[position] = largest
    return adjusted


def holm_confidence_levels(p_values: Sequence[float | None], alpha: float = 0.05) -> list[float | None]:
    """Confidence levels at which each interval excludes its null value exactly if Holm rejects it.

    With m hypotheses and k rejected: the one rejected at step i (from 1) gets 1 - alpha/(m-i+1), the level at
    which the procedure tested it; all the others get 1 - alpha/(m-k), the level at which it stopped (Serlin
    1993, J. Exp. Educ. 61, 350-360). Holds for any interval that inverts the test behind its p-value, such as
    `welch_t` and `brunner_munzel`. Each interval covers at 1 - alpha at least, but the set has no joint
    guarantee beyond the decisions: where joint coverage is promised, use 1 - alpha/m for all. None (nothing
    tested) stays None.
    """
    _check_alpha(alpha)
    ordered = _ascending(p_values)
    adjusted = holm(p_values)
    rejected = sum(p is not None and p < alpha for p in adjusted)
    levels: list[float | None] = [None] * len(p_values)
    for step, (_, position) in enumerate(ordered):
        levels[position] = 1 - alpha / (len(ordered) - min(step, rejected))
    return levels


def verdict(p_adjusted: float | None, equivalence_p: float | None, alpha: float = 0.05) -> Verdict:
    """Say what a hypothesis ends in: a difference shown, equivalence shown, or neither.

    None stands for a test that was undefined or not planned; it shows nothing.
    """
    _check_alpha(alpha)
    if p_adjusted is not None and p_adjusted < alpha:
        return "different"
    if equivalence_p is not None and equivalence_p < alpha:
        return "equivalent"
    return "inconclusive"


def is_negligible(low: float, high: float, margin: Number) -> bool:
    """Whether a whole interval lies strictly within the margin: a difference, but one too small to matter."""
    _check_margin(margin)
    return -margin < low <= high < margin


# -----------------------------------------------------------------------------------------------------------
# Power, for the design of a pilot: never of a result already seen
# -----------------------------------------------------------------------------------------------------------


def power_two_proportions(rate_1: float, rate_2: float, n_1: int, n_2: int, alpha: float = 0.05) -> float:
    """Probability that `two_proportion_z` rejects at `alpha` when the true rates are `rate_1` and `rate_2`.

    Normal approximation with the null variance pooled: Fleiss, Levin & Paik (2003), 4.2; statsmodels'
    `power_proportions_2indep`, R's `power.prop.test(strict=TRUE)`.
    """
    _check_alpha(alpha)
    if not (0 <= rate_1 <= 1 and 0 <= rate_2 <= 1 and n_1 >= 1 and n_2 >= 1):
        raise ValueError(f"rates must lie in 0..1 and groups have clients: {rate_1}, {rate_2}, {n_1}, {n_2}")
    pooled = (n_1 * rate_1 + n_2 * rate_2) / (n_1 + n_2)
    null_error = math.sqrt(pooled * (1 - pooled) * (1 / n_1 + 1 / n_2))
    true_error = math.sqrt(rate_1 * (1 - rate_1) / n_1 + rate_2 * (1 - rate_2) / n_2)
    critical = _normal_quantile(1 - alpha) * null_error
    difference = abs(rate_1 - rate_2)
    if true_error == 0:  # both rates are 0 or 1: what is seen is certain
        return 1.0 if difference > critical else 0.0
    return float(
        special.ndtr((difference - critical) / true_error)
        + special.ndtr((-difference - critical) / true_error)
    )


def power_welch(
    difference: float,
    standard_deviation_1: float,
    standard_deviation_2: float,
    n_1: int,
    n_2: int,
    alpha: float = 0.05,
) -> float:
    """Probability that `welch_t` rejects at `alpha` for these true difference and standard deviations.

    Noncentral t with Welch's degrees of freedom at the true variances (Moser, Stevens & Watts 1989); exact
    for equal groups with equal variances, where it is statsmodels' `TTestIndPower` and R's
    `power.t.test(strict=TRUE)`.
    """
    _check_alpha(alpha)
    if not (standard_deviation_1 > 0 and standard_deviation_2 > 0 and n_1 >= 2 and n_2 >= 2):
        raise ValueError("standard deviations must be positive and groups have two clients at least")
    part_1, part_2 = standard_deviation_1**2 / n_1, standard_deviation_2**2 / n_2
    df = (part_1 + part_2) ** 2 / (part_1**2 / (n_1 - 1) + part_2**2 / (n_2 - 1))
    noncentrality = abs(difference) / math.sqrt(part_1 + part_2)
    critical = _t_quantile(df, 1 - alpha)
    nearer = _noncentral_t_cdf(-critical, df, -noncentrality)
    return min(nearer + _noncentral_t_cdf(-critical, df, noncentrality), 1.0)


def smallest_group(power_at: Callable[[int], float], target: float = 0.8) -> int:
    """Find the smallest group size, from 2, whose power reaches `target`.

    `power_at` takes the size and must not decrease with it. `ValueError` if even a trillion clients do not
    reach the target, for example because there is no true difference.
    """
    if not 0 < target < 1:
        raise ValueError(f"target must lie between 0 and 1, got {target}")
    high = 2
    while power_at(high) < target:
        high *= 2
        if high > 10**12:
            raise ValueError("no group size reaches the target power")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= target else (middle, high)
    return high
