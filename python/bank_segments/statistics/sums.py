"""What SQL delivers of two groups, as exact integers, and what to say where a statistic does not exist."""

import math
import operator
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from scipy import special

# Of every interval for which no other level is asked.
CONFIDENCE = 0.95


class Reason(StrEnum):
    """Why a statistic does not exist for its input: a stable code, whose sentences are in `undefined_reasons.csv`."""

    EMPTY_GROUP = "empty_group"
    ONE_CLIENT = "one_client"
    TOO_FEW_CLIENTS = "too_few_clients"
    NO_VARIATION = "no_variation"
    COMPLETE_SEPARATION = "complete_separation"
    ZERO_CELL = "zero_cell"
    NO_USABLE_STRATUM = "no_usable_stratum"
    SEPARATED = "separated"
    NOT_ESTIMABLE = "not_estimable"


class UndefinedError(ValueError):
    """A statistic that does not exist for its input; callers write a row with the reason instead."""

    def __init__(self, reason: Reason) -> None:
        """Carry the machine code `reason`."""
        super().__init__(reason.value)
        self.reason = reason


class _Exact:
    """A frozen dataclass whose fields are Python integers of any size: a float may have lost digits already."""

    def __post_init__(self) -> None:
        """Make the fields exact integers, `TypeError` for a float, and check them, `ValueError` if they cannot be."""
        for each in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, each.name, operator.index(getattr(self, each.name)))
        if not self._is_possible():
            raise ValueError(f"overflow or rounding upstream? No clients have {self}")

    def _is_possible(self) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class Moments(_Exact):
    """Size, sum and sum of squares of one group's values, in a fixed integer unit (years, kopecks, 0/1).

    `scale` is the number of integer units in one display unit: 100 for money in hundredths.
    """

    n: int
    total: int
    total_squares: int
    scale: int = 1

    def _is_possible(self) -> bool:
        is_empty = self.n == 0 and (self.total or self.total_squares)
        return self.n >= 0 and self.scale >= 1 and not is_empty and self.n * self.total_squares >= self.total**2

    @property
    def mean(self) -> Fraction:
        """Exact mean in display units. `UndefinedError` for an empty group."""
        if self.n == 0:
            raise UndefinedError(Reason.EMPTY_GROUP)
        return Fraction(self.total, self.n * self.scale)

    @property
    def centred_squares(self) -> Fraction:
        """Exact sum of squares about the mean, in squared display units; of at least two clients."""
        if self.n == 0:
            raise UndefinedError(Reason.EMPTY_GROUP)
        if self.n == 1:
            raise UndefinedError(Reason.ONE_CLIENT)
        return Fraction(self.n * self.total_squares - self.total**2, self.n * self.scale**2)

    @property
    def variance(self) -> Fraction:
        """Exact variance with divisor n - 1, in squared display units. `UndefinedError` below two clients."""
        return self.centred_squares / (self.n - 1)


@dataclass(frozen=True)
class RankSums(_Exact):
    """Everything the rank tests need, from a table with one row per distinct value.

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

    def _is_possible(self) -> bool:
        two_pairs, total = 2 * self.n_1 * self.n_2, self.n_1 + self.n_2
        return (
            min(self.n_1, self.n_2) >= 0
            and 0 <= self.two_u <= two_pairs
            and 0 <= self.tie_sum <= total**3 - total
            and self.n_1 * self.sum_a_squares >= self.two_u**2
            and self.n_2 * self.sum_b_squares >= (two_pairs - self.two_u) ** 2
        )


@dataclass(frozen=True)
class Counts(_Exact):
    """Clients of one group with the property (`successes`) among all its `n` clients."""

    successes: int
    n: int

    def _is_possible(self) -> bool:
        return 0 <= self.successes <= self.n

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
    """One 2x2 table: successes and failures of group one (a, b) and of group two (c, d)."""

    a: int
    b: int
    c: int
    d: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Studentised:
    """An exact difference that, over its standard error, has Student's t distribution where it is none."""

    difference: Fraction
    error: float
    df: float

    @property
    def statistic(self) -> float:
        """The difference in standard errors."""
        return float(self.difference) / self.error

    @property
    def p_value(self) -> float:
        """Two-sided."""
        return 2 * float(special.stdtr(self.df, -abs(self.statistic)))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """All differences that the test keeps."""
        reach = -float(special.stdtrit(self.df, tail(confidence))) * self.error
        return float(self.difference) - reach, float(self.difference) + reach

    def equivalence_p_value(self, margin: float | Fraction) -> float:
        """P-value of the test that the difference lies within `margin` of zero: both one-sided tests reject.

        Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680.
        """
        exact = exact_margin(margin)
        p_low = float(special.stdtr(self.df, -float(self.difference + exact) / self.error))
        return max(p_low, float(special.stdtr(self.df, float(self.difference - exact) / self.error)))


def exact_margin(margin: float | Fraction, largest: float = math.inf) -> Fraction:
    """The margin of an equivalence; `ValueError` unless it is positive and below `largest`."""
    if not 0 < float(margin) < largest:
        raise ValueError(f"the margin must be positive, finite and below {largest}, got {margin}")
    return Fraction(margin)


def tail(confidence: float = CONFIDENCE) -> float:
    """Probability in each tail outside a two-sided interval."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    return (1 - confidence) / 2
