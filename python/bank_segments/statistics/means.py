"""Means of two groups: Welch's test, its equivalence, and Hedges' g."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from bank_segments.statistics.sums import Estimate, Moments, Reason, UndefinedError, exact_margin, root, tail

_BOOST_LARGEST_T = 1000.0  # scipy.special.nctdtr loses digits above: 7 are left at 10,000, none at 1e6


@dataclass(frozen=True, slots=True)
class WelchResult:
    """Welch's t-test; means, difference and interval in display units."""

    mean_1: float
    mean_2: float
    difference: float
    low: float
    high: float
    statistic: float
    df: float
    p_value: float


# A test, its equivalence and its interval at another level ask for it.
@lru_cache
def _difference(one: Moments, two: Moments) -> tuple[Fraction, float, float]:
    """Exact difference of two means, its standard error and the degrees of freedom of Satterthwaite (1946)."""
    if one.n == 0 or two.n == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    part_1, part_2 = one.variance / one.n, two.variance / two.n
    squared_error = part_1 + part_2
    if squared_error == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    df = squared_error**2 / (part_1**2 / (one.n - 1) + part_2**2 / (two.n - 1))
    return one.mean - two.mean, root(squared_error), float(df)


def welch_t(one: Moments, two: Moments, confidence: float = 0.95) -> WelchResult:
    """Compare two means without assuming equal variances.

    Welch (1947), Biometrika 34, 28-35; `scipy.stats.ttest_ind_from_stats(equal_var=False)` of the exact moments, with
    the interval that it does not give. `UndefinedError`: fewer than two clients in a group, or no variation.
    """
    difference, error, df = _difference(one, two)
    statistic = float(difference) / error
    reach = -float(special.stdtrit(df, tail(confidence))) * error
    return WelchResult(
        mean_1=float(one.mean),
        mean_2=float(two.mean),
        difference=float(difference),
        low=float(difference) - reach,
        high=float(difference) + reach,
        statistic=statistic,
        df=df,
        p_value=2 * float(special.stdtr(df, -abs(statistic))),
    )


def tost_welch(one: Moments, two: Moments, margin: float | Fraction) -> float:
    """P-value of the test that two means differ by less than `margin` (display units) either way.

    Two one-sided Welch tests: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680; statsmodels'
    `ttost_ind(usevar="unequal")`. `UndefinedError` as in `welch_t`.
    """
    exact = exact_margin(margin)
    difference, error, df = _difference(one, two)
    p_low = float(special.stdtr(df, -float(difference + exact) / error))
    return max(p_low, float(special.stdtr(df, float(difference - exact) / error)))


def _small_sample_correction(df: int) -> float:
    """Hedges' exact J = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)), for df of at least 2.

    Above 1,000 the gamma functions cancel, and the series of c4(df) (J = c4 sqrt((df-1)/df)) takes over; its next
    term is below 1e-12 there.
    """
    if df <= 1000:
        return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)
    return (1 - 1 / (4 * df) - 7 / (32 * df**2) - 19 / (128 * df**3)) * math.sqrt((df - 1) / df)


def _noncentral_t_cdf(t: float, df: float, noncentrality: float) -> float:
    """P(T <= t) for T = (Z + noncentrality) / S, with Z standard normal and df S**2 chi-square.

    For t from 0 to 1,000 Boost's series in scipy; a negative t is mirrored, because Boost returns NaN for some. Where
    it still does (far in a tail), and above 1,000: the chi-square tail at ((Z + noncentrality) / t)**2, averaged over Z
    on an even grid. There the average is of a smooth function, so the trapezoidal rule is exact to about 1e-9.
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
    """The noncentrality under which P(T <= t) is `probability`; `scipy.special.nctdtrinc` keeps but 6 digits of it."""

    def excess(noncentrality: float) -> float:
        return _noncentral_t_cdf(t, df, noncentrality) - probability

    step = 4 * math.sqrt(1 + t * t / (2 * df))
    low = high = t
    while excess(low) < 0:
        low -= step
    while excess(high) > 0:
        high += step
    return float(optimize.brentq(excess, low, high, xtol=1e-14, rtol=1e-15)) if low < high else low


def hedges_g(one: Moments, two: Moments, confidence: float = 0.95) -> Estimate:
    """Difference of means in pooled standard deviations, without the small-sample bias.

    Hedges (1981), J. Educ. Stat. 6, 107-128; the interval inverts the noncentral t distribution (Steiger & Fouladi
    1997), as R's `effectsize::hedges_g`. `UndefinedError` as in `welch_t`.
    """
    if one.n == 0 or two.n == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    df = one.n + two.n - 2
    squares = one.centred_squares + two.centred_squares
    if squares == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    to_effect = math.sqrt(1 / one.n + 1 / two.n)
    d = float(one.mean - two.mean) / root(squares / df)
    t, outside, correction = d / to_effect, tail(confidence), _small_sample_correction(df)
    return Estimate(
        estimate=correction * d,
        low=correction * to_effect * _noncentrality(t, df, 1 - outside),
        high=correction * to_effect * _noncentrality(t, df, outside),
    )
