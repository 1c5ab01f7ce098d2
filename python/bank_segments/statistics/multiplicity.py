"""Several hypotheses at once."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A p-value adjusted for several hypotheses, and the confidence level of the interval that agrees with it.

    None of both where nothing was tested.
    """

    p_value: float | None = None
    confidence: float | None = None


def holm(p_values: Sequence[float | None], alpha: float = 0.05) -> list[Adjusted]:
    """Adjust the p-values of several hypotheses; None (nothing tested) does not count.

    Holm (1979), Scand. J. Stat. 6, 65-70: the family-wise error rate holds under any dependence. Not statsmodels'
    `multipletests`, which collects the process's garbage at each call: 0.1 s, a hundred times a build.

    At its confidence level an interval excludes its null value exactly if Holm rejects at `alpha`. With m hypotheses
    and k rejected: the one rejected at step i (from 1) gets 1 - alpha/(m-i+1), the level at which the procedure tested
    it; all the others get 1 - alpha/(m-k), the level at which it stopped (Serlin 1993, J. Exp. Educ. 61, 350-360).
    Holds for any interval that inverts the test behind its p-value, such as those of `welch_t` and `brunner_munzel`.
    Each interval covers at 1 - alpha at least, but the set has no joint guarantee beyond the decisions: where joint
    coverage is promised, use 1 - alpha/m for all.
    """
    ordered = sorted((p, position) for position, p in enumerate(p_values) if p is not None)
    found = [Adjusted()] * len(p_values)
    so_far, rejected = 0.0, 0
    for step, (p, position) in enumerate(ordered):
        so_far = max(so_far, min(1.0, (len(ordered) - step) * p))
        rejected += so_far < alpha
        found[position] = Adjusted(so_far, 1 - alpha / (len(ordered) - min(step, rejected)))
    return found
