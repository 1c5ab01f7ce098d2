"""What the three contenders are asked for, from the project's own registers, and how their answers are named."""

import csv
import operator
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
CATEGORIES = (
    "city",
    "gender",
    "age_band",
    "product_count",
    "is_loyal",
    "has_balance",
    "has_credit_card",
    "owned_objects",
    "credit_score_band",
    "estimated_salary_band",
)
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
NUMBERS = ("age", "credit_score", "owned_objects", "balance", "estimated_salary")
RAW_NAMES = {
    "score": "credit_score",
    "City": "city",
    "Gender": "gender",
    "Age": "age",
    "Objects": "owned_objects",
    "Balance": "balance",
    "Products": "product_count",
    "CreditCard": "has_credit_card",
    "Loyalty": "is_loyal",
    "estimated_salary": "estimated_salary",
    "Churn": "is_churned",
}
FLAGS = ("has_credit_card", "is_loyal", "is_churned")
STATISTICS = ("mean", "standard_deviation", "p25", "median", "p75")
SHARES = (0.25, 0.5, 0.75)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Figures = dict[str, float]


@dataclass(slots=True)
class Outcome:
    """What a contender found, the seconds of each step, and the most memory that its process held, in MiB."""

    figures: Figures = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


def rows(seed: str) -> list[dict[str, str]]:
    """Read a seed."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def value(text: str) -> Any:
    """Return a value of a rule as Python writes it: a flag, a number or a text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def condition(rules: list[dict[str, str]], column: Callable[[str], Any]) -> Any:
    """Combine rules into one condition on whatever `column` returns: pandas series or polars expressions."""
    return reduce(
        operator.and_,
        (_OPERATORS[rule["operator"]](column(rule["column_name"]), value(rule["value"])) for rule in rules),
    )


def segments() -> dict[str, list[dict[str, str]]]:
    """Return the rules of each segment."""
    found: dict[str, list[dict[str, str]]] = {}
    for rule in rows("segment_rules"):
        found.setdefault(rule["segment_id"], []).append(rule)
    return found


def populations() -> Iterator[tuple[str, bool, list[dict[str, str]]]]:
    """Yield each population, whether its rules say who is dropped, and the rules."""
    for population in rows("populations"):
        name = population["population"]
        rules = [rule for rule in rows("population_rules") if rule["population"] == name]
        yield name, population["rules_mean"] == "drop", rules


def bands(column: str) -> tuple[list[float], list[str]]:
    """Return the inner edges of a column's bands and the labels, which nobody compares: a number each."""
    edges = sorted(
        float(row["lower_bound"])
        for row in rows("bands")
        if row["column_name"] == column and row["lower_bound"]
    )
    return edges, [str(number) for number in range(len(edges) + 1)]


def compared(kind: str) -> list[dict[str, str]]:
    """Return the hypotheses of a kind."""
    return [row for row in rows("hypotheses") if row["kind"] == kind]
