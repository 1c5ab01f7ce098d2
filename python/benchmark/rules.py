"""What the three contenders are asked for, from the project's own registers, and how their answers are named."""

import math
import operator
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import proportions_ztest

from bank_segments import register_rows

Figures = dict[str, float]
Row = dict[str, str]
Strata = npt.NDArray[np.int64]


def rows(seed: str, **equal: str) -> list[Row]:
    """Read the rows of a seed whose columns have the given values."""
    return [row for row in register_rows(seed) if equal.items() <= row.items()]


CATEGORIES = [row["trait"] for row in rows("traits", kind="category")]
NUMBERS = [row["trait"] for row in rows("traits", kind="number")]
CUBE_KEYS = (
    "city",
    "gender",
    "age_band",
    "product_count",
    "is_loyal",
    "has_credit_card",
    "has_balance",
    "is_churned",
)
BANDED = list(dict.fromkeys(row["column_name"] for row in rows("bands")))
RAW_NAMES = {row["raw_column"]: row["column_name"] for row in rows("columns")[1:]}
FLAGS = [row["column_name"] for row in rows("columns", kind="flag")]
QUANTILES = {"p25": 0.25, "median": 0.5, "p75": 0.75}
STATISTICS = ("mean", "standard_deviation", *QUANTILES)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(slots=True)
class Outcome:
    """What a contender found, how long it took, and the most bytes of memory that its process held.

    Steps may overlap, so that they last longer than all of it; `other_seconds` went into what no other contender tells.
    """

    figures: Figures = field(default_factory=dict)
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    other_seconds: float = 0.0
    peak_bytes: int = 0

    def add(self, step: str, seconds: float) -> None:
        """Add seconds to a step."""
        self.steps[step] = self.steps.get(step, 0.0) + seconds

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the seconds of the block to a step."""
        started = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - started)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the seconds of the block as those of all steps."""
        started = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - started


def value(text: str) -> Any:
    """Return a value of a rule as Python writes it: a flag, a number or a text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def condition(rules: list[Row], column: Callable[[str], Any]) -> Any:
    """Combine rules into one condition on whatever `column` returns: pandas series or polars expressions."""
    return reduce(
        operator.and_,
        (_OPERATORS[rule["operator"]](column(rule["column_name"]), value(rule["value"])) for rule in rules),
    )


def share_tests(strata: Strata) -> Figures:
    """Finish the tests of two shares as Python's users do, from successes and failures (strata x groups x outcomes).

    p-values by the name of the test.
    """
    usable = [each for each in strata if each.sum(axis=0).all() and each.sum(axis=1).all()]
    if not usable:  # one outcome alone
        return dict.fromkeys(("two_proportion_z", "fisher_exact", "cochran_mantel_haenszel"), math.nan)
    table = strata.sum(axis=0)
    return {
        "two_proportion_z": float(proportions_ztest(table[:, 0], table.sum(axis=1))[1]),
        "fisher_exact": float(stats.fisher_exact(table).pvalue),
        "cochran_mantel_haenszel": float(StratifiedTable(usable).test_null_odds().pvalue),
    }


def segments() -> dict[str, list[Row]]:
    """Return the rules of each segment."""
    names = dict.fromkeys(row["segment_id"] for row in rows("segment_rules"))
    return {name: rows("segment_rules", segment_id=name) for name in names}


def populations() -> Iterator[tuple[str, bool, list[Row]]]:
    """Yield each population, whether its rules say who is dropped, and the rules."""
    for row in rows("populations"):
        name = row["population"]
        yield name, row["rules_mean"] == "drop", rows("population_rules", population=name)


def bands(column: str) -> tuple[list[float], list[str]]:
    """Return the inner edges of a column's bands and the labels, which nobody compares: a number each."""
    edges = sorted(float(row["lower_bound"]) for row in rows("bands", column_name=column) if row["lower_bound"])
    return edges, [str(number) for number in range(len(edges) + 1)]
