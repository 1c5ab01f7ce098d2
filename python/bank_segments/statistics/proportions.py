"""Proportions of two groups: tests, intervals and effect sizes."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_effectsize, proportions_ztest

from bank_segments.statistics.sums import Counts, Estimate, Reason, UndefinedError, exact_margin, tail


def _require_clients(*groups: Counts) -> None:
    if any(group.n == 0 for group in groups):
        raise UndefinedError(Reason.EMPTY_GROUP)


def _require_both_outcomes(*groups: Counts) -> None:
    _require_clients(*groups)
    if len(groups) < 2 or 0 in (sum(g.successes for g in groups), sum(g.failures for g in groups)):
        raise UndefinedError(Reason.NO_VARIATION)


def _interval(one: Counts, two: Counts, compare: str, method: str) -> tuple[float, float]:
    low, high = confint_proportions_2indep(
        one.successes, one.n, two.successes, two.n, method=method, compare=compare, alpha=2 * tail()
    )
    return float(low), float(high)


def two_proportion_z(one: Counts, two: Counts) -> tuple[float, float]:
    """Statistic and p-value of two proportions with the variance pooled under the null hypothesis.

    Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions (2003), 3.1. The square of the statistic is
    Pearson's chi-square. `UndefinedError`: an empty group, or one outcome only.
    """
    _require_both_outcomes(one, two)
    statistic, p_value = proportions_ztest([one.successes, two.successes], [one.n, two.n])
    return float(statistic), float(p_value)


def fisher_exact(one: Counts, two: Counts) -> float:
    """Two-sided p-value of Fisher's exact test: the chance of a table at most as likely as the one seen.

    Fisher (1935); R's `fisher.test`. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    table = np.array([[one.successes, one.failures], [two.successes, two.failures]])
    return min(float(stats.fisher_exact(table).pvalue), 1.0)


def newcombe_difference(one: Counts, two: Counts) -> Estimate:
    """Difference of two proportions with the hybrid score interval.

    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    return Estimate(float(one.rate - two.rate), *_interval(one, two, "diff", "newcomb"))


def _term(count: int, probability: float) -> float:
    return 0.0 if count == 0 else math.inf if probability <= 0 else count / probability


def _score_statistic(one: Counts, two: Counts, start: tuple[float, float], way: tuple[float, float]) -> float:
    """How far the two rates lie beside a line of pairs of rates, in standard errors at its likeliest pair.

    The line leads from `start` on in the direction `way`, both not negative. The score of the likelihood decreases
    along it, so a root search finds that pair without the cancellations of a cubic's solution.
    """

    def pair(step: float) -> tuple[float, float]:
        return min(start[0] + step * way[0], 1.0), min(start[1] + step * way[1], 1.0)

    def score(step: float) -> float:
        first, second = pair(step)
        return way[0] * (_term(one.successes, first) - _term(one.failures, 1 - first)) + way[1] * (
            _term(two.successes, second) - _term(two.failures, 1 - second)
        )

    first, second = pair(_root(score, 0.0, min((1 - at) / by for at, by in zip(start, way, strict=True) if by)))
    variance = way[1] ** 2 * first * (1 - first) / one.n + way[0] ** 2 * second * (1 - second) / two.n
    beside = Fraction(way[1]) * (one.rate - Fraction(start[0])) - Fraction(way[0]) * (two.rate - Fraction(start[1]))
    if variance <= 0:  # both rates at an end: where they lie is certain under the null hypothesis
        return math.copysign(1e300, beside) if beside else 0.0
    return float(beside) / math.sqrt(variance)


def _difference_statistic(one: Counts, two: Counts, delta: float) -> float:
    """Score statistic for a given difference `delta` of proportions: Mee (1984), Biometrics 40, 1175-1176."""
    if one.successes + two.successes > one.failures + two.failures:
        # The same of the failures: doubles are finer near 0 than near 1.
        one, two = Counts(two.failures, two.n), Counts(one.failures, one.n)
    return _score_statistic(one, two, (max(delta, 0.0), max(-delta, 0.0)), (1.0, 1.0))


def _root(decreasing: Callable[[float], float], low: float, high: float) -> float:
    """Root of a decreasing function, or the end nearest to it; the function may be infinite at the ends."""

    def finite(at: float) -> float:
        return min(max(decreasing(at), -1e300), 1e300)

    if low >= high or finite(low) <= 0:
        return low
    if finite(high) >= 0:
        return high
    return float(optimize.brentq(finite, low, high, xtol=1e-300, rtol=1e-15))


def score_difference(one: Counts, two: Counts, confidence: float) -> Estimate:
    """Difference of two proportions with the interval of all differences that the score test keeps.

    Mee (1984), Biometrics 40, 1175-1176; Newcombe (1998), method 5; R's `DescTools::BinomDiffCI(method="mee")`; not
    statsmodels', whose score is another (its issue 10269). At a difference of zero the score test is
    `two_proportion_z`, so the interval excludes zero exactly where that test rejects; Newcombe's may disagree at the
    border. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    critical = -float(special.ndtri(tail(confidence)))
    try:
        at_zero, _ = two_proportion_z(one, two)
    except UndefinedError:  # the groups do not vary, and do not differ
        at_zero = 0.0

    def lower(first: Counts, second: Counts, statistic_at_zero: float) -> float:
        """Return the lower limit of first minus second; the search never crosses zero."""
        difference = float(first.rate - second.rate)

        def excess(delta: float) -> float:
            if delta == 0:
                return statistic_at_zero - critical
            if delta == difference:
                return -critical
            return _difference_statistic(first, second, delta) - critical

        low, high = (0.0, difference) if statistic_at_zero > critical else (-1.0, min(difference, 0.0))
        if excess(low) <= 0:
            return low
        return float(optimize.brentq(excess, low, high, xtol=1e-16, rtol=1e-15))

    return Estimate(float(one.rate - two.rate), lower(one, two, at_zero), -lower(two, one, -at_zero))


def tost_proportions(one: Counts, two: Counts, margin: float) -> float:
    """P-value of the test that two proportions differ by less than `margin` (0.02 is two percentage points) either way.

    Two one-sided score tests of Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, the method regulators
    ask for, with their correction N/(N-1) of the variance; R's `PropCIs::diffscoreci` is the matching interval. They
    stay valid with no success in either group, where Wald tests break down. Not statsmodels'
    `tost_proportions_2indep(method="score")`: in 0.15.0 its cubic has the successes of group two where the paper has
    its clients, so its proportions are not the most likely ones. `UndefinedError`: an empty group.
    """
    limit = float(exact_margin(margin, 1.0))
    _require_clients(one, two)
    corrected = math.sqrt(1 - 1 / (one.n + two.n))
    p_low = float(special.ndtr(-_difference_statistic(one, two, -limit) * corrected))
    return max(p_low, float(special.ndtr(_difference_statistic(one, two, limit) * corrected)))


def risk_ratio(one: Counts, two: Counts) -> Estimate:
    """Rate of group one over the rate of group two, with the log interval.

    Katz et al. (1978), Biometrics 34, 469-474. `UndefinedError`: an empty group, no success in a group, or nothing but
    successes.
    """
    _require_clients(one, two)
    if 0 in (one.successes, two.successes):
        raise UndefinedError(Reason.ZERO_CELL)
    if one.failures == two.failures == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    return Estimate(float(one.rate / two.rate), *_interval(one, two, "ratio", "log"))


def relative_risk_reduction(one: Counts, two: Counts, confidence: float) -> Estimate:
    """By what share the rate of group one is lower than that of group two, with all that the score test keeps.

    Koopman (1984), Biometrics 40, 513-517; R's `PropCIs::riskscoreci`; not statsmodels', which fails where all of a
    group are successes. It excludes zero where `two_proportion_z` rejects, and exists with no success in group one.
    `UndefinedError`: an empty group, no success in group two.
    """
    _require_clients(one, two)
    if two.successes == 0:
        raise UndefinedError(Reason.ZERO_CELL)
    critical = -float(special.ndtri(tail(confidence)))

    def lower(first: Counts, second: Counts) -> float:
        """Return the smallest share of `first` in the sum of both rates."""
        if first.successes == 0:
            return 0.0

        def excess(share: float) -> float:
            return _score_statistic(first, second, (0.0, 0.0), (share, 1 - share)) - critical

        seen = float(first.rate / (first.rate + second.rate))
        return float(optimize.brentq(excess, 1e-300, seen, xtol=1e-16))

    low, high = lower(one, two), lower(two, one)
    return Estimate(float(1 - one.rate / two.rate), 1 - (1 - high) / high, 1 - low / (1 - low))


def odds_ratio(one: Counts, two: Counts) -> Estimate:
    """Odds of group one over the odds of group two, with the log interval.

    Woolf (1955), Ann. Hum. Genet. 19, 251-253. `UndefinedError`: an empty group, or a cell of the table that is zero.
    """
    _require_clients(one, two)
    if 0 in (one.successes, one.failures, two.successes, two.failures):
        raise UndefinedError(Reason.ZERO_CELL)
    ratio = Fraction(one.successes * two.failures, one.failures * two.successes)
    return Estimate(float(ratio), *_interval(one, two, "odds-ratio", "logit"))


def cohen_h(one: Counts, two: Counts) -> Estimate:
    """Difference of the two rates on the arcsine scale, 2 asin(sqrt(rate)), from -pi to pi.

    Cohen, Statistical Power Analysis (1988), chapter 6. The interval has the stabilised variance 1/n_1 + 1/n_2, as R's
    `effectsize::cohens_h`. `UndefinedError`: an empty group.
    """
    _require_clients(one, two)
    h = float(proportion_effectsize(float(one.rate), float(two.rate)))
    reach = -float(special.ndtri(tail())) * math.sqrt(1 / one.n + 1 / two.n)
    return Estimate(h, max(h - reach, -math.pi), min(h + reach, math.pi))


def cramers_v(*groups: Counts) -> Estimate:
    """Cramer's V of two or more groups by the outcome, with Pearson's chi-square without correction.

    Cramer (1946); of two groups it is the absolute phi. The interval inverts the noncentral chi-square distribution
    (Smithson 2003). Where the chi-square is so small that even no noncentrality is too much, the upper limit is V
    itself. `UndefinedError`: an empty group, fewer than two groups, or one outcome only.
    """
    _require_both_outcomes(*groups)
    n, successes = sum(group.n for group in groups), sum(group.successes for group in groups)
    freedom = len(groups) - 1
    deviations = (Fraction((group.successes * n - group.n * successes) ** 2, group.n) for group in groups)
    squared_v = sum(deviations, Fraction()) / (n * successes * (n - successes))
    chi_square = float(squared_v * n)

    def noncentrality(probability: float) -> float:
        is_below = float(special.chdtr(freedom, chi_square)) <= probability
        return 0.0 if is_below else float(special.chndtrinc(chi_square, freedom, probability))

    v = math.sqrt(squared_v)
    low, high = (math.sqrt(noncentrality(probability) / n) for probability in (1 - tail(), tail()))
    return Estimate(v, low, min(max(high, v), 1.0))
