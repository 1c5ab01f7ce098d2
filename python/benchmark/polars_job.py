"""The same figures in polars: lazy queries, collected together where they share a scan."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import special, stats

from benchmark import rules
from benchmark.rules import Figures


def load(path: Path) -> pl.DataFrame:
    """Read the file into memory."""
    clients = pl.read_parquet(path, columns=list(rules.RAW_NAMES)).rename(rules.RAW_NAMES)
    return clients.with_columns(pl.col(rules.FLAGS).cast(pl.Boolean), pl.col("city", "gender").cast(pl.Categorical))


def enriched(clients: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Add bands and segments, and count the segments."""
    bands = []
    for column in rules.BANDED:
        edges, labels = rules.bands(column)
        bands.append(pl.col(column).bin_intervals(edges, labels=labels).alias(f"{column}_band"))
    clients = clients.with_columns(*bands, has_balance=pl.col("balance").is_not_null()).with_columns(
        rules.condition(conditions, pl.col).alias(segment) for segment, conditions in rules.segments().items()
    )
    counts = clients.select(
        expression
        for segment in rules.segments()
        for expression in (
            pl.col(segment).sum().alias(f"segment {segment}"),
            (pl.col(segment) & pl.col("is_churned")).sum().alias(f"segment {segment} churned"),
        )
    )
    figures.update(counts.row(0, named=True))
    return clients


def portraits(clients: pl.DataFrame, figures: Figures) -> None:
    """Count every level of every trait, among everyone, the churned, and the active by product count."""
    lazy = clients.lazy()
    counts = pl.collect_all(
        [
            lazy.group_by(*dict.fromkeys((trait, "product_count")), "is_churned").agg(clients=pl.len())
            for trait in rules.CATEGORIES
        ]
    )
    for trait, cells in zip(rules.CATEGORIES, counts, strict=True):
        by_level = cells.group_by(trait).agg(
            everyone=pl.col("clients").sum().cast(pl.Int64),
            churned=pl.col("clients").filter(pl.col("is_churned")).sum().cast(pl.Int64),
        )
        figures[f"levels {trait}"] = int((by_level["everyone"] ** 2).sum())
        figures[f"churned levels {trait}"] = int((by_level["churned"] ** 2).sum())
        if trait != "product_count":
            active = cells.filter(~pl.col("is_churned"))["clients"].cast(pl.Int64)
            figures[f"levels by products {trait}"] = int((active**2).sum())


def _described(trait: str) -> Iterator[pl.Expr]:
    column = pl.col(trait)
    yield column.mean().alias(f"mean {trait}")
    yield column.std().alias(f"standard_deviation {trait}")
    for name, share in rules.QUANTILES.items():
        yield column.quantile(share, interpolation="linear").alias(f"{name} {trait}")


def numbers(clients: pl.DataFrame, figures: Figures) -> None:
    """Describe every number, among the churned and the active, and the active by product count."""
    lazy = clients.lazy()
    described = [expression for trait in rules.NUMBERS for expression in _described(trait)]
    by_churn, by_products = pl.collect_all(
        [
            lazy.group_by("is_churned").agg(described),
            lazy.filter(~pl.col("is_churned")).group_by("product_count").agg(described),
        ]
    )
    for row in by_churn.iter_rows(named=True):
        _note(figures, row, "churned" if row["is_churned"] else "active")
    for row in by_products.iter_rows(named=True):
        _note(figures, row, f"active {row['product_count']}")


def _note(figures: Figures, row: dict[str, Any], name: str) -> None:
    for trait in rules.NUMBERS:
        for statistic in rules.STATISTICS:
            found = row[f"{statistic} {trait}"]
            figures[f"{statistic} {trait} {name}"] = float("nan") if found is None else float(found)


def cube(clients: pl.DataFrame, figures: Figures) -> None:
    """Add the clients up for the dashboard."""
    sums = clients.lazy().group_by(*rules.CUBE_KEYS, *rules.segments()).agg(pl.col(rules.NUMBERS).sum()).collect()
    figures["cube cells"] = len(sums)
    figures["cube salaries"] = float(sums["estimated_salary"].sum())


def hypotheses(clients: pl.DataFrame, figures: Figures) -> None:
    """Test what is reported, and look at every slice of the sensitivity analysis."""
    for name, is_dropped, conditions in rules.populations():
        members = rules.condition(conditions, pl.col) if conditions else pl.lit(True)
        population = clients.lazy().filter(~members if is_dropped else members)
        for hypothesis in rules.rows("hypotheses", kind="mean"):
            first, second = (int(hypothesis[side]) for side in ("first_group", "second_group"))
            group = pl.col(hypothesis["group_column"])
            both = population.filter(group.is_in([first, second])).select(
                "city", value=pl.col(hypothesis["metric_column"]), is_first=group == first
            )
            key = f"{hypothesis['hypothesis_id']} {name}"
            _differences(figures, key, both)
            if name in hypothesis["populations"].split():
                _tests(figures, key, both)
        for hypothesis in rules.rows("hypotheses", kind="proportion"):
            _shares(figures, name, population, hypothesis)


def _differences(figures: Figures, name: str, both: pl.LazyFrame) -> None:
    trimmings = {row["trimming"]: row for row in rules.rows("trimmings")}
    value = pl.col("value")
    bounds = both.select(
        value.quantile(float(row[f"{end}_quantile"]), interpolation="equiprobable").alias(f"{trimming} {end}")
        for trimming, row in trimmings.items()
        for end in ("lower", "upper")
    ).collect()
    within = (value.is_between(*bounds.select(f"{each} lower", f"{each} upper").row(0)) for each in trimmings)
    by_city = (both.filter(kept).group_by("city", "is_first") for kept in within)
    sums = pl.collect_all([each.agg(total=value.cast(pl.Float64).sum(), clients=pl.len()) for each in by_city])
    for trimming, cells in zip(trimmings, sums, strict=True):
        everywhere = cells.group_by("is_first").agg(pl.col("total", "clients").sum()).with_columns(city=pl.lit("all"))
        parts = [cells.with_columns(pl.col("city").cast(pl.String)), everywhere.select(cells.columns)]
        for (city,), rows in pl.concat(parts).group_by("city"):
            means = {row["is_first"]: row["total"] / row["clients"] for row in rows.iter_rows(named=True)}
            if len(means) == 2:
                figures[f"difference {name} {trimming} {city}"] = means[True] - means[False]


def _tests(figures: Figures, key: str, both: pl.LazyFrame) -> None:
    value, is_first = pl.col("value"), pl.col("is_first")
    ranked = both.select("is_first", "value", rank=value.rank("average"))
    groups = ranked.group_by(is_first).agg(
        clients=pl.len(), mean=value.mean(), deviation=value.std(), ranks=pl.col("rank").sum()
    )
    found, spread = pl.collect_all([groups, ranked.select(pl.col("rank").var())])
    one, two = found.sort("is_first", descending=True).iter_rows(named=True)
    n_1, n_2 = one["clients"], two["clients"]
    welch = stats.ttest_ind_from_stats(
        one["mean"], one["deviation"], n_1, two["mean"], two["deviation"], n_2, equal_var=False
    )
    u = one["ranks"] - n_1 * (n_1 + 1) / 2
    # The variance of the ranks is corrected for ties already.
    error = (n_1 * n_2 / (n_1 + n_2) * spread.item()) ** 0.5
    p_value = 2 * special.ndtr(-max(abs(u - n_1 * n_2 / 2) - 0.5, 0) / error)
    figures |= {f"welch {key}": float(welch.statistic), f"p welch_t {key}": float(welch.pvalue)}
    figures |= {f"ranks {key}": u, f"p mann_whitney_u {key}": float(p_value)}


def _shares(figures: Figures, name: str, population: pl.LazyFrame, hypothesis: dict[str, str]) -> None:
    key = f"{hypothesis['hypothesis_id']} {name}"
    success = pl.col(hypothesis["metric_column"]) == rules.value(hypothesis["success_value"])
    members = {
        side: pl.col(hypothesis["group_column"]) == int(hypothesis[f"{side}_group"]) for side in ("first", "second")
    }
    strata = population.group_by(hypothesis["strata"].split()).agg(
        *(is_in.sum().cast(pl.Int64).alias(f"{side} clients") for side, is_in in members.items()),
        *((is_in & success).sum().cast(pl.Int64).alias(f"{side} successes") for side, is_in in members.items()),
    )
    total = pl.col("first clients") + pl.col("second clients")
    table = strata.filter(total > 0).collect()
    for side in members:
        figures[f"successes {key} {side}"] = int(table[f"{side} successes"].sum())
    failures = pl.col("second clients") - pl.col("second successes")
    # The numerator of the Mantel-Haenszel odds ratio.
    figures[f"strata {key}"] = table.select((pl.col("first successes") * failures / total).sum()).item()
    if name in hypothesis["populations"].split():
        sizes, successes = (
            table.select(f"{side} {of}" for side in members).to_numpy() for of in ("clients", "successes")
        )
        tables = np.stack([successes, sizes - successes], axis=2)
        figures |= {f"p {test} {key}": p_value for test, p_value in rules.share_tests(tables).items()}


STEPS = {"portraits": portraits, "quartiles": numbers, "cube": cube, "hypotheses": hypotheses}
