"""The same figures the way public notebooks compute them: pandas and scipy, one question at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

from benchmark import rules
from benchmark.rules import Figures


def load(path: Path) -> pd.DataFrame:
    """Read the file into memory; through DuckDB, because pandas has no Parquet reader of its own."""
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{raw}" as {name}' for raw, name in rules.RAW_NAMES.items())
        clients = connection.execute(f"select {columns} from read_parquet(?)", [str(path)]).df()
    return clients.astype(dict.fromkeys(rules.FLAGS, bool))


def enriched(clients: pd.DataFrame, figures: Figures) -> pd.DataFrame:
    """Add bands and segments, and count the segments."""
    clients["has_balance"] = clients["balance"].notna()
    for column in rules.BANDED:
        edges, labels = rules.bands(column)
        clients[f"{column}_band"] = pd.cut(
            clients[column], [-np.inf, *edges, np.inf], right=False, labels=labels
        ).astype(str)
    for segment, conditions in rules.segments().items():
        clients[segment] = rules.condition(conditions, lambda name: clients[name])
        figures[f"segment {segment}"] = int(clients[segment].sum())
        figures[f"segment {segment} churned"] = int(clients.loc[clients[segment], "is_churned"].sum())
    return clients


def portraits(clients: pd.DataFrame, figures: Figures) -> None:
    """Count every level of every trait, among everyone, the churned, and the active by product count."""
    active = clients[~clients["is_churned"]]
    for trait in rules.CATEGORIES:
        by_level = clients.groupby(trait)["is_churned"].agg(["count", "sum"])
        figures[f"levels {trait}"] = int((by_level["count"] ** 2).sum())
        figures[f"churned levels {trait}"] = int((by_level["sum"] ** 2).sum())
        if trait != "product_count":
            counts = active.groupby(["product_count", trait]).size()
            figures[f"levels by products {trait}"] = int((counts**2).sum())


def numbers(clients: pd.DataFrame, figures: Figures) -> None:
    """Describe every number, among the churned and the active, and the active by product count."""
    active = clients[~clients["is_churned"]]
    for trait in rules.NUMBERS:
        for name, part in (("churned", clients[clients["is_churned"]]), ("active", active)):
            _describe(figures, f"{trait} {name}", part[trait])
        for count, part in active.groupby("product_count"):
            _describe(figures, f"{trait} active {count}", part[trait])


def _describe(figures: Figures, name: str, column: "pd.Series[Any]") -> None:
    described = column.describe()
    for statistic, source in zip(rules.STATISTICS, ("mean", "std", "25%", "50%", "75%"), strict=True):
        figures[f"{statistic} {name}"] = float(described[source])


def cube(clients: pd.DataFrame, figures: Figures) -> None:
    """Add the clients up for the dashboard."""
    sums = clients.groupby([*rules.CUBE_KEYS, *rules.segments()])[rules.NUMBERS].agg("sum")
    figures["cube cells"] = len(sums)
    figures["cube salaries"] = float(sums["estimated_salary"].sum())


def hypotheses(clients: pd.DataFrame, figures: Figures) -> None:
    """Test what is reported, and look at every slice of the sensitivity analysis."""
    for name, population in _populations(clients):
        for hypothesis in rules.rows("hypotheses", kind="mean"):
            metric = hypothesis["metric_column"]
            one, two = (part[metric] for part in _groups(population, hypothesis))
            _differences(figures, f"{hypothesis['hypothesis_id']} {name}", population, hypothesis)
            if name in hypothesis["populations"].split():
                test = stats.ttest_ind(one, two, equal_var=False)
                ranks = stats.mannwhitneyu(one, two, method="asymptotic")
                key = f"{hypothesis['hypothesis_id']} {name}"
                figures |= {f"welch {key}": float(test.statistic), f"p welch_t {key}": float(test.pvalue)}
                figures |= {
                    f"ranks {key}": float(ranks.statistic),
                    f"p mann_whitney_u {key}": float(ranks.pvalue),
                }
        for hypothesis in rules.rows("hypotheses", kind="proportion"):
            _shares(figures, name, population, hypothesis)


def _populations(clients: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, is_dropped, conditions in rules.populations():
        if not conditions:
            yield name, clients
            continue
        members = rules.condition(conditions, lambda column: clients[column])
        yield name, clients[~members if is_dropped else members]


def _groups(clients: pd.DataFrame, hypothesis: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    group = clients[hypothesis["group_column"]]
    first, second = (rules.value(hypothesis[name]) for name in ("first_group", "second_group"))
    return clients[group == first], clients[group == second]


def _differences(figures: Figures, name: str, clients: pd.DataFrame, hypothesis: dict[str, str]) -> None:
    one, two = _groups(clients, hypothesis)
    metric = hypothesis["metric_column"]
    both = pd.concat([one[metric], two[metric]])
    for trimming in rules.rows("trimmings"):
        low, high = (
            both.quantile(float(trimming[f"{end}_quantile"]), interpolation="inverted_cdf")
            for end in ("lower", "upper")
        )
        kept = [part[part[metric].between(low, high)] for part in (one, two)]
        means = [part.groupby("city")[metric].mean() for part in kept]
        key = f"difference {name} {trimming['trimming']}"
        figures[f"{key} all"] = float(kept[0][metric].mean() - kept[1][metric].mean())
        for city, difference in (means[0] - means[1]).items():
            figures[f"{key} {city}"] = float(difference)


def _shares(figures: Figures, population: str, clients: pd.DataFrame, hypothesis: dict[str, str]) -> None:
    name, parts = f"{hypothesis['hypothesis_id']} {population}", []
    success = rules.value(hypothesis["success_value"])
    for side, part in zip(("first", "second"), _groups(clients, hypothesis), strict=True):
        part = part.assign(success=part[hypothesis["metric_column"]] == success)
        by_city = part.groupby("city")["success"].sum()
        figures[f"successes {name} {side}"] = int(by_city.sum())
        parts.append(part.groupby(hypothesis["strata"].split())["success"].agg(["sum", "count"]))
    table = parts[0].merge(parts[1], left_index=True, right_index=True, how="outer", suffixes=("_1", "_2")).fillna(0)
    # The numerator of the Mantel-Haenszel odds ratio.
    total = table["count_1"] + table["count_2"]
    figures[f"strata {name}"] = float((table["sum_1"] * (table["count_2"] - table["sum_2"]) / total).sum())
    if population in hypothesis["populations"].split():
        sizes, successes = (table[[f"{of}_1", f"{of}_2"]].to_numpy(dtype=np.int64) for of in ("count", "sum"))
        tables = np.stack([successes, sizes - successes], axis=2)
        figures |= {f"p {test} {name}": p_value for test, p_value in rules.share_tests(tables).items()}


STEPS = {"portraits": portraits, "quartiles": numbers, "cube": cube, "hypotheses": hypotheses}
