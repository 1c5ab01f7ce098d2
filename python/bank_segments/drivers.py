"""Which traits go with churn when all others are held equal: one logistic regression on the cells of the driver traits.

A cell is a combination of levels; its number of clients is a weight, so the work does not grow with the clients.
Levels in which all or none left have no finite effect: their clients stay out of the regression.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from bank_segments.statistics import Counts, Reason, UndefinedError, cramers_v
from bank_segments.statistics.sums import tail

_REACH = -float(special.ndtri(tail()))
# A coefficient this uncertain has no finite estimate: its level is separated by a combination of others.
_UNBOUNDED = 100.0
# Beside the columns that determine it no more than this share of the longest column is left of that of a level.
_DETERMINED = 1e-9

Level = tuple[str, str]
Row = TypeVar("Row", "EffectRow", "TraitRow")
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One row of `int_driver_effects`: trait x level; without numbers where there is a reason, intervals 95 %.

    The reference level of a trait has an odds ratio of 1 without an interval.
    """

    trait: str
    level: str
    is_reference: bool = False
    odds_ratio_adjusted: float | None = None
    odds_ratio_adjusted_low: float | None = None
    odds_ratio_adjusted_high: float | None = None
    standardised_churn_rate: float | None = None
    standardised_churn_rate_low: float | None = None
    standardised_churn_rate_high: float | None = None
    p_value: float | None = None
    p_value_adjusted: float | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitRow:
    """One row of `int_driver_tests`: a trait as a whole; None where the trait has one level or the bank one outcome."""

    trait: str
    information_value: float | None = None
    information_value_low: float | None = None
    information_value_high: float | None = None
    cramers_v: float | None = None
    cramers_v_low: float | None = None
    cramers_v_high: float | None = None
    likelihood_ratio: float | None = None
    degrees_of_freedom: float | None = None
    p_value: float | None = None
    p_value_adjusted: float | None = None
    compared_clients: int | None = None


def cells_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of `int_driver_cells` by their id, in an order that no engine decides; a trait is text or None."""
    columns = list(rows[0]) if rows else ["cell_id", "segment_ids", "clients", "churned_clients"]
    frame = pd.DataFrame(rows, columns=columns).set_index("cell_id")
    return frame.sort_values(["segment_ids", *traits_of(frame)], na_position="first")


def traits_of(cells: pd.DataFrame) -> list[str]:
    """Names of the columns that are driver traits."""
    return sorted(set(cells.columns) - {"segment_ids", "clients", "churned_clients"})


@dataclass(frozen=True)
class _Regression:
    """Churn regressed on the traits of some cells; column 0 of `design` is the constant, then come the `levels`."""

    levels: list[Level]
    references: dict[str, str]
    design: Array
    clients: Array
    result: Any

    def coefficient(self, level: Level) -> tuple[float, float] | None:
        """The log odds ratio of a level with its standard error; None where there is no finite one."""
        if level not in self.levels:
            return None
        place = self.levels.index(level) + 1
        error = float(self.result.bse[place])
        return (float(self.result.params[place]), error) if error < _UNBOUNDED else None

    def standardised_rate(self, trait: str, level: str) -> tuple[float, float, float]:
        """The churn rate if every client had this level, and its delta interval on the logit scale."""
        design = self.design.copy()
        for place, known in enumerate(self.levels, start=1):
            if known[0] == trait:
                design[:, place] = known[1] == level
        share = self.clients / self.clients.sum()
        rates = special.expit(design @ self.result.params)
        rate = float(share @ rates)
        gradient = (share * rates * (1 - rates)) @ design / (rate * (1 - rate))
        spread = _REACH * math.sqrt(float(gradient @ self.result.cov_params() @ gradient))
        low, high = (float(special.expit(special.logit(rate) + step)) for step in (-spread, spread))
        return rate, low, high


def effect_rows(cells: pd.DataFrame) -> list[EffectRow]:
    """The adjusted effect of each level against its trait's most frequent level, and its standardised churn rate.

    `p_value` is Wald's, `p_value_adjusted` over all levels of all traits.
    """
    separated, regression = _separated(cells), _regression(_comparable(cells), traits_of(cells))
    found = [
        EffectRow(trait=trait, level=level, reason_code=Reason.SEPARATED)
        if (trait, level) in separated
        else _effect(regression, trait, level)
        for trait in traits_of(cells)
        for level in sorted(cells[trait].dropna().unique())
    ]
    return _adjusted(found)


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    """The rows with their p-values adjusted by Benjamini and Hochberg (1995) for the number of those that have one."""
    p_values = [row.p_value for row in rows if row.p_value is not None]
    adjusted = iter(stats.false_discovery_control(p_values).tolist() if p_values else ())
    return [row if row.p_value is None else replace(row, p_value_adjusted=next(adjusted)) for row in rows]


def _effect(regression: _Regression | None, trait: str, level: str) -> EffectRow:
    if regression is None or trait not in {known for known, _ in regression.levels}:
        return EffectRow(trait=trait, level=level, reason_code=Reason.NO_VARIATION)
    is_reference = regression.references[trait] == level
    coefficient = (0.0, 0.0) if is_reference else regression.coefficient((trait, level))
    if coefficient is None:
        return EffectRow(trait=trait, level=level, reason_code=Reason.NOT_ESTIMABLE)
    log_ratio, error = coefficient
    rate, rate_low, rate_high = regression.standardised_rate(trait, level)
    return EffectRow(
        trait=trait,
        level=level,
        is_reference=is_reference,
        odds_ratio_adjusted=math.exp(log_ratio),
        odds_ratio_adjusted_low=None if is_reference else math.exp(log_ratio - _REACH * error),
        odds_ratio_adjusted_high=None if is_reference else math.exp(log_ratio + _REACH * error),
        standardised_churn_rate=rate,
        standardised_churn_rate_low=rate_low,
        standardised_churn_rate_high=rate_high,
        p_value=None if is_reference else float(special.erfc(abs(log_ratio / error) / math.sqrt(2))),
    )


def trait_rows(cells: pd.DataFrame, *, samples: int, seed: int) -> list[TraitRow]:
    """Each trait as a whole: Cramer's V, the bootstrap interval of its information value, and its likelihood ratio.

    The likelihood ratio compares the regression with one without the trait; `p_value_adjusted` is over the traits,
    `compared_clients` are those in the regression. The clients are drawn again `samples` times, from a stream of `seed`
    and the trait's place.
    """
    comparable, traits = _comparable(cells), traits_of(cells)
    whole = _regression(comparable, traits)
    compared = int(whole.clients.sum()) if whole else None
    rows = []
    for place, trait in enumerate(traits):
        table = cells.groupby(trait)[["clients", "churned_clients"]].sum()
        measured: dict[str, Any] = _association(table) | _information(table, samples, [seed, place])
        row = TraitRow(trait=trait, compared_clients=compared, **measured)
        without = _regression(comparable, [other for other in traits if other != trait])
        if whole and without and (freedom := len(whole.levels) - len(without.levels)):
            ratio = max(0.0, float(without.result.deviance - whole.result.deviance))
            p_value = float(special.chdtrc(freedom, ratio))
            row = replace(row, likelihood_ratio=ratio, degrees_of_freedom=freedom, p_value=p_value)
        rows.append(row)
    return _adjusted(rows)


def _association(table: pd.DataFrame) -> dict[str, float]:
    try:
        found = cramers_v(*(Counts(churned, clients) for clients, churned in table.itertuples(index=False)))
    except UndefinedError:
        return {}
    return {"cramers_v": found.estimate, "cramers_v_low": found.low, "cramers_v_high": found.high}


def _information(table: pd.DataFrame, samples: int, seed: Sequence[int]) -> dict[str, float]:
    """The information value, and its percentile interval from `samples` multinomial draws of the table."""
    churned = table["churned_clients"].to_numpy()
    active = table["clients"].to_numpy() - churned
    if len(table) < 2 or 0 in (churned.sum(), active.sum()):
        return {}
    counts = np.concatenate([churned, active])
    drawn = drawn_again(counts, samples, seed)
    values = information_value(drawn[:, : len(table)], drawn[:, len(table) :])
    low, high = np.quantile(values, [tail(), 1 - tail()])
    return {
        "information_value": float(information_value(churned, active)),
        "information_value_low": float(low),
        "information_value_high": float(high),
    }


def drawn_again(counts: NDArray[np.int64], samples: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """The bootstrap of clients counted in groups: each of `samples` rows is as many, drawn with replacement."""
    return np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), size=samples)


def information_value(churned: NDArray[np.int64], active: NDArray[np.int64]) -> Array:
    """The sum over levels (the last axis) of the difference of shares times their log ratio, 0.5 added to each count.

    `fct_churn_driver_levels` has its parts; Siddiqi, Credit Risk Scorecards (2006), chapter 6.
    """
    of_churned, of_active = ((n + 0.5) / (n + 0.5).sum(axis=-1, keepdims=True) for n in (churned, active))
    return np.asarray(((of_churned - of_active) * np.log(of_churned / of_active)).sum(axis=-1))


def _separated(cells: pd.DataFrame) -> set[Level]:
    """Levels in which all left or none."""
    return {
        (trait, str(level))
        for trait in traits_of(cells)
        for level, clients, churned in cells.groupby(trait)[["clients", "churned_clients"]].sum().itertuples()
        if churned in (0, clients)
    }


def _comparable(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells that the regression can use: every trait has a value, and in each level some left and some stayed."""
    kept = cells.dropna(subset=traits_of(cells))
    while separated := _separated(kept):
        for trait, level in separated:
            kept = kept[kept[trait] != level]
    return kept


def _regression(cells: pd.DataFrame, traits: Sequence[str]) -> _Regression | None:
    """Fit the cells; a level that others determine, such as a region its towns, has no column; None without cells."""
    if cells.empty:
        return None
    sizes = {trait: cells.groupby(trait)["clients"].sum().sort_index() for trait in traits}
    references = {trait: str(size.idxmax()) for trait, size in sizes.items()}
    clients, churned = (cells[name].to_numpy(float) for name in ("clients", "churned_clients"))
    columns, levels = [np.ones(len(cells))], list[Level]()
    # Gram and Schmidt, each step done twice: what is left of a column beside those before it.
    basis = np.empty((sum(map(len, sizes.values())) + 1, len(cells)))
    basis[0] = np.sqrt(clients / clients.sum())
    for trait, size in sizes.items():
        for level in size.index.drop(references[trait]):
            column = (cells[trait] == level).to_numpy(float)
            left, before = np.sqrt(clients) * column, basis[: len(columns)]
            for _ in range(2):
                left -= before @ left @ before
            if (length := np.linalg.norm(left)) > _DETERMINED * math.sqrt(clients.sum()):
                basis[len(columns)] = left / length
                columns.append(column)
                levels.append((trait, str(level)))
    design = np.column_stack(columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # its coefficients are told by their errors
        result = GLM(np.column_stack([churned, clients - churned]), design, family=Binomial()).fit()
    return _Regression(levels, references, design, clients, result)
