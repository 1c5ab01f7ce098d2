"""Tests, intervals and effect sizes finished from the sufficient statistics that SQL delivers.

SQL reduces the clients of two groups to a few exact integers; these pure functions turn them into statistics,
p-values and intervals, so memory does not grow with the number of clients. scipy and statsmodels compute what they
take from sums; what is written here is what they do not, or not to the last digits.

* A difference is group one minus group two, a ratio one over two; a positive statistic means that group one is larger.
* p-values are two-sided; an interval is (low, high) at the given `confidence`, or at 95 %.
* A statistic that does not exist for its input raises `UndefinedError` with its reason; a senseless argument (a margin
  below zero, more successes than clients) raises `ValueError`. Nothing returns NaN.
"""

from bank_segments.statistics.means import hedges_g, welch_t
from bank_segments.statistics.multiplicity import holm
from bank_segments.statistics.proportions import (
    cohen_h,
    cramers_v,
    fisher_exact,
    newcombe_difference,
    odds_ratio,
    relative_risk_reduction,
    risk_ratio,
    score_difference,
    tost_proportions,
    two_proportion_z,
)
from bank_segments.statistics.ranks import brunner_munzel, mann_whitney_superiority, mann_whitney_u
from bank_segments.statistics.strata import cochran_mantel_haenszel
from bank_segments.statistics.sums import Counts, Estimate, Moments, RankSums, Reason, Stratum, UndefinedError
