"""Rank tests of two groups from their rank sums, which no library takes: the clients may not fit in memory."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from scipy import special

from bank_segments.statistics.sums import Estimate, RankSums, Reason, Studentised, UndefinedError, tail


@dataclass(frozen=True, slots=True)
class MannWhitneyResult:
    """Mann-Whitney U of group one, its p-value with continuity correction, and P = U / (n_1 n_2)."""

    u: float
    p_value: float
    superiority: float


def _null_variance(ranks: RankSums) -> Fraction:
    """Variance of U for two equal distributions, corrected for ties: Lehmann, Nonparametrics (1975), 1.4."""
    if ranks.n_1 == 0 or ranks.n_2 == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    n = ranks.n_1 + ranks.n_2
    variance = Fraction(ranks.n_1 * ranks.n_2, 12) * (n + 1 - Fraction(ranks.tie_sum, n * (n - 1)))
    if variance == 0:
        raise UndefinedError(Reason.NO_VARIATION)
    return variance


def mann_whitney_u(ranks: RankSums) -> MannWhitneyResult:
    """Mann-Whitney U test by its normal approximation, with tie and continuity corrections.

    Mann & Whitney (1947), Ann. Math. Stat. 18, 50-60; `scipy.stats.mannwhitneyu(method="asymptotic")` and R's
    `wilcox.test(exact=FALSE)`. `UndefinedError`: an empty group, or all values tied.
    """
    variance = _null_variance(ranks)
    centred = Fraction(ranks.two_u - ranks.n_1 * ranks.n_2, 2)
    corrected = max(abs(centred) - Fraction(1, 2), Fraction(0))
    return MannWhitneyResult(
        u=ranks.two_u / 2,
        p_value=2 * float(special.ndtr(-float(corrected) / math.sqrt(variance))),
        superiority=ranks.two_u / (2 * ranks.n_1 * ranks.n_2),
    )


def mann_whitney_superiority(ranks: RankSums, confidence: float) -> Estimate:
    """P(one > two) + P(tie)/2 with the interval that excludes 1/2 exactly where `mann_whitney_u` rejects.

    It has the test's own variance, that of two equal distributions, and its continuity correction, so it shows
    the decision; away from 1/2 `brunner_munzel` covers better. `UndefinedError` as in `mann_whitney_u`.
    """
    error, pairs = math.sqrt(_null_variance(ranks)), ranks.n_1 * ranks.n_2
    reach = (0.5 - float(special.ndtri(tail(confidence))) * error) / pairs
    superiority = ranks.two_u / (2 * pairs)
    return Estimate(superiority, max(superiority - reach, 0.0), min(superiority + reach, 1.0))


# A test, its equivalence and its interval at another level ask for it.
@lru_cache
def brunner_munzel(ranks: RankSums) -> Studentised:
    """Test that neither group tends to larger values, without assuming equal spread.

    The difference is that of P(one > two) + P(tie)/2 from one half, its error from the spread of each group's
    placements: Brunner & Munzel (2000), Biometrical Journal 42, 17-25, t approximation. `scipy.stats.brunnermunzel` has
    the same p and the opposite sign, statsmodels' `rank_compare_2indep` the same p, df, interval and equivalence.
    `UndefinedError`: a group with fewer than two clients, all values tied, or groups that do not overlap.
    """
    n_1, n_2 = ranks.n_1, ranks.n_2
    if n_1 == 0 or n_2 == 0:
        raise UndefinedError(Reason.EMPTY_GROUP)
    if n_1 == 1 or n_2 == 1:
        raise UndefinedError(Reason.ONE_CLIENT)
    two_pairs = 2 * n_1 * n_2
    # Variances of the placements, that is of A / (2 n_2) in group one and of B / (2 n_1) in group two.
    spread_1 = Fraction(n_1 * ranks.sum_a_squares - ranks.two_u**2, n_1 * (n_1 - 1) * 4 * n_2**2)
    opposite = two_pairs - ranks.two_u
    spread_2 = Fraction(n_2 * ranks.sum_b_squares - opposite**2, n_2 * (n_2 - 1) * 4 * n_1**2)
    part_1, part_2 = spread_1 / n_1, spread_2 / n_2
    squared_error = part_1 + part_2
    if squared_error == 0:
        is_separated = ranks.two_u in (0, two_pairs)
        raise UndefinedError(Reason.COMPLETE_SEPARATION if is_separated else Reason.NO_VARIATION)
    df = squared_error**2 / (part_1**2 / (n_1 - 1) + part_2**2 / (n_2 - 1))
    return Studentised(Fraction(ranks.two_u, two_pairs) - Fraction(1, 2), math.sqrt(squared_error), float(df))
