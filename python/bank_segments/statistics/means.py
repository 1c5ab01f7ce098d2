"""Means of two groups: Welch's test, its equivalence, and Hedges' g."""

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from bank_segments.statistics.sums import Estimate, Moments, Reason, Studentised, UndefinedError, tail

_BOOST_LARGEST_T = 1000.0  # scipy.special.nctdtr loses digits above: 7 are left at 10,000, none at 1e6


# A test, its equivalence and its interval at another level ask for it.
@lru_cache
def welch_t(one: Moments, two: Moments) -> Studentised:
    """Compare two means without assuming equal variances; the difference is in display units.

    Welch (1947), Biometrika 34, 28-35, with the degrees of freedom of Satterthwaite (1946):
    `scipy.stats.ttest_ind_from_stats(equal_var=False)` and statsmodels' `ttost_ind(usevar="unequal")` of the exact
    moments. `UndefinedError`: fewer than two clients in a group, or no variation.
    """
    difference = one.mean - two.mean  # an empty group has no mean
    part_1, part_2 = one.variance / one.n, two.variance / two.n
    squared_error = part_1 + part_2
    if squared_error == 0:
        raise UndefinedError(_without_spread(one, two))
    df = squared_error**2 / (part_1**2 / (one.n - 1) + part_2**2 / (two.n - 1))
    return Studentised(difference, math.sqrt(squared_error), float(df))


def _without_spread(one: Moments, two: Moments) -> Reason:
    """Why two groups, in each of which all clients have one value, cannot be compared by their spread."""
    return Reason.NO_VARIATION if one.mean == two.mean else Reason.COMPLETE_SEPARATION


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


def hedges_g(one: Moments, two: Moments) -> Estimate:
    """Difference of means in pooled standard deviations, without the small-sample bias.

    Hedges (1981), J. Educ. Stat. 6, 107-128; the interval inverts the noncentral t distribution (Steiger & Fouladi
    1997), as R's `effectsize::hedges_g`. `UndefinedError` as in `welch_t`.
    """
    difference = one.mean - two.mean  # an empty group has no mean
    df = one.n + two.n - 2
    squares = one.centred_squares + two.centred_squares
    if squares == 0:
        raise UndefinedError(_without_spread(one, two))
    to_effect = math.sqrt(1 / one.n + 1 / two.n)
    d = float(difference) / math.sqrt(squares / df)
    t = d / to_effect
    # Hedges' exact J = Gamma(df/2) / (sqrt(df/2) Gamma((df-1)/2)).
    correction = float(special.poch((df - 1) / 2, 0.5)) / math.sqrt(df / 2)
    return Estimate(
        estimate=correction * d,
        low=correction * to_effect * _noncentrality(t, df, 1 - tail()),
        high=correction * to_effect * _noncentrality(t, df, tail()),
    )
