"""Several hypotheses at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for several hypotheses; None (nothing tested) stays None and does not count.

    Holm (1979), Scand. J. Stat. 6, 65-70: the family-wise error rate holds under any dependence. Not statsmodels'
    `multipletests`, which collects the process's garbage at each call: 0.1 s, a hundred times a build.
    """
    ordered = sorted((p, position) for position, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    so_far = 0.0
    for step, (p, position) in enumerate(ordered):
        so_far = max(so_far, min(1.0, (len(ordered) - step) * p))
        adjusted[position] = so_far
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
    ordered = sorted((p, position) for position, p in enumerate(p_values) if p is not None)
    rejected = sum(p is not None and p < alpha for p in holm(p_values))
    levels: list[float | None] = [None] * len(p_values)
    for step, (_, position) in enumerate(ordered):
        levels[position] = 1 - alpha / (len(ordered) - min(step, rejected))
    return levels
