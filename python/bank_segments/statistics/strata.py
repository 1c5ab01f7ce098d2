"""Rates of two groups compared within strata."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special
from statsmodels.stats.contingency_tables import StratifiedTable

from bank_segments.statistics.sums import Estimate, Reason, Stratum, UndefinedError, tail


@dataclass(frozen=True, slots=True)
class StratifiedResult:
    """Cochran-Mantel-Haenszel test, the common odds ratio and the p-value of the test that it is common.

    `odds_ratio` is None where it is zero or infinite, `homogeneity_p_value` there and for a single usable stratum.
    """

    statistic: float
    p_value: float
    odds_ratio: Estimate | None
    homogeneity_p_value: float | None
    strata_used: int
    strata_dropped: int


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


def _breslow_day(cells: Stratum, ratio: float) -> float:
    """A stratum's part of Breslow and Day's statistic, whose cells statsmodels loses where one is nearly empty."""
    a, b, c, d = cells
    top, bottom, left, right, n = a + b, c + d, a + c, b + d, sum(cells)
    fitted = (
        (_fitted_cell(top, left, n, ratio), a),
        (_fitted_cell(top, right, n, 1 / ratio), b),
        (_fitted_cell(bottom, left, n, 1 / ratio), c),
        (_fitted_cell(bottom, right, n, ratio), d),
    )
    expected, observed = min(fitted)  # all four deviate equally; the smallest has the most digits to show it
    return (observed - expected) ** 2 * sum(1 / each for each, _ in fitted)


def cochran_mantel_haenszel(strata: Iterable[Stratum]) -> StratifiedResult:
    """Compare two groups' rates within strata, without continuity correction.

    Cochran (1954) and Mantel & Haenszel (1959), J. Natl. Cancer Inst. 22, 719-748; the odds ratio with the log interval
    of Robins, Breslow & Greenland (1986), its homogeneity by Breslow & Day (1980) without Tarone's adjustment: R's
    `mantelhaen.test(correct=FALSE)`. Strata without both groups and both outcomes carry no information; they are
    dropped and counted. `UndefinedError`: no usable stratum.
    """
    tables = list(strata)
    usable = [
        cells
        for cells in tables
        if 0 not in (cells.a + cells.b, cells.c + cells.d, cells.a + cells.c, cells.b + cells.d)
    ]
    if not usable:
        raise UndefinedError(Reason.NO_USABLE_STRATUM)
    table = StratifiedTable([np.array([cells[:2], cells[2:]], dtype=float) for cells in usable])
    test = table.test_null_odds(correction=False)
    ratio: Estimate | None = None
    homogeneity: float | None = None
    if any(cells.a * cells.d for cells in usable) and any(cells.b * cells.c for cells in usable):
        low, high = table.oddsratio_pooled_confint(alpha=2 * tail())
        ratio = Estimate(float(table.oddsratio_pooled), float(low), float(high))
        if len(usable) > 1:
            deviations = sum(_breslow_day(cells, ratio.estimate) for cells in usable)
            homogeneity = float(special.chdtrc(len(usable) - 1, deviations))
    return StratifiedResult(
        statistic=float(test.statistic),
        # statsmodels subtracts from one, which leaves 0 below 1e-16.
        p_value=float(special.chdtrc(1, test.statistic)),
        odds_ratio=ratio,
        homogeneity_p_value=homogeneity,
        strata_used=len(usable),
        strata_dropped=len(tables) - len(usable),
    )
