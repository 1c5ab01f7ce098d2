"""The one place where Python reads the warehouse: its small marts, never a client's row.

Every field of `Marts` is named after its relation. The order of its rows is SQL, too: another engine fills the same
object by running the same queries and handing each result over as a pandas frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bank_segments.database import open_confined

# What names the rows of each relation, and the order to show them in.
_LEVELS = " left join marts.dim_trait_levels as levels using (trait, level)"
_NUMBERS = " left join marts.dim_traits as traits on mart.trait = traits.trait and traits.kind = 'number'"
_TESTS = (
    " left join marts.dim_hypotheses as hypotheses using (hypothesis_id)"
    " left join marts.dim_populations as populations using (population)"
)
_BY_TEST = "hypotheses.sort_order, hypothesis_id, populations.sort_order, population"
_FROM = {
    "dim_traits": "marts.dim_traits as mart order by kind, sort_order, trait",
    "dim_trait_levels": "marts.dim_trait_levels as mart order by trait_sort_order, sort_order, level",
    "dim_populations": "marts.dim_populations as mart order by sort_order, population",
    "dim_segments": "marts.dim_segments as mart order by segment_id",
    "dim_hypotheses": "marts.dim_hypotheses as mart order by sort_order, hypothesis_id",
    "fct_churn_portrait": f"marts.fct_churn_portrait as mart {_LEVELS}"
    " order by levels.trait_sort_order, levels.sort_order, level",
    "fct_churn_portrait_numbers": f"marts.fct_churn_portrait_numbers as mart {_NUMBERS}"
    " order by traits.sort_order, population",
    "fct_product_count_metrics": "marts.fct_product_count_metrics as mart order by product_count",
    "fct_product_count_portrait": f"marts.fct_product_count_portrait as mart {_LEVELS}"
    " order by product_count, levels.trait_sort_order, levels.sort_order, level",
    "fct_product_count_portrait_numbers": f"marts.fct_product_count_portrait_numbers as mart {_NUMBERS}"
    " order by product_count, traits.sort_order",
    "fct_segment_metrics": "marts.fct_segment_metrics as mart order by segment_id = 'none', segment_id",
    "fct_hypothesis_results": f"marts.fct_hypothesis_results as mart {_TESTS}"
    f" order by {_BY_TEST}, is_primary desc, test",
    "fct_hypothesis_effects": f"marts.fct_hypothesis_effects as mart {_TESTS}"
    f" order by {_BY_TEST}, effect_size_name",
    "fct_hypothesis_sensitivity": f"marts.fct_hypothesis_sensitivity as mart {_TESTS}"
    " left join marts.dim_trait_levels as cities on cities.trait = 'city' and mart.city = cities.level"
    f" order by {_BY_TEST}, trimming <> 'none', trimming, city <> 'all', cities.sort_order, city",
    "fct_retention_proposals": "marts.fct_retention_proposals as mart order by segment_id, proposal_id",
    "row_counts": "quality.row_counts as mart",
}


@dataclass(frozen=True)
class Marts:
    """One frame per small mart, grain and columns as the contracts in `models/` say, rows in display order.

    Traits, levels, populations and hypotheses come in the `sort_order` of their dimension; segments by id, the row
    `none` for clients in no segment last; a hypothesis's primary test before its other tests.
    """

    dim_traits: pd.DataFrame
    dim_trait_levels: pd.DataFrame
    dim_populations: pd.DataFrame
    dim_segments: pd.DataFrame
    dim_hypotheses: pd.DataFrame
    fct_churn_portrait: pd.DataFrame
    fct_churn_portrait_numbers: pd.DataFrame
    fct_product_count_metrics: pd.DataFrame
    fct_product_count_portrait: pd.DataFrame
    fct_product_count_portrait_numbers: pd.DataFrame
    fct_segment_metrics: pd.DataFrame
    fct_hypothesis_results: pd.DataFrame
    fct_hypothesis_effects: pd.DataFrame
    fct_hypothesis_sensitivity: pd.DataFrame
    fct_retention_proposals: pd.DataFrame
    row_counts: pd.DataFrame

    @property
    def clients(self) -> int:
        """All accepted clients."""
        return int(self.fct_product_count_metrics["clients"].sum())

    @property
    def churned_clients(self) -> int:
        """The accepted clients who left."""
        return int(self.fct_product_count_metrics["churned_clients"].sum())

    @property
    def churn_rate(self) -> float:
        """The bank-wide churn rate as a fraction; NaN where there is no client."""
        return self.churned_clients / self.clients if self.clients else float("nan")


def read_marts(path: Path) -> Marts:
    """Read the small marts of the DuckDB file `path`, opened read-only.

    Raises `duckdb.IOException` where the file is missing or locked, `duckdb.CatalogException` where a mart
    is missing.
    """
    with open_confined(warehouse=path) as connection:
        return marts_from(lambda query: connection.execute(query).df())


def marts_from(query: Callable[[str], pd.DataFrame]) -> Marts:
    """Fill `Marts` through `query`, which runs one portable SELECT on any engine and returns all its rows."""
    return Marts(**{name: query(f"select mart.* from {source}") for name, source in _FROM.items()})


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a mart as dictionaries by the names of its columns; what is missing is None."""
    values = frame.astype(object)
    return values.where(values.notna(), None).to_dict("records")  # type: ignore[return-value]


def named_results(marts: Marts, results: pd.DataFrame) -> pd.DataFrame:
    """Results of tests with the columns of their population and hypothesis."""
    named = results.merge(marts.dim_populations, on="population")
    return named.merge(marts.dim_hypotheses, on="hypothesis_id", suffixes=("", "_declared"))


def hypothesis_rows(marts: Marts) -> pd.DataFrame:
    """The primary test of every hypothesis in every population, with the names of both."""
    results = marts.fct_hypothesis_results
    return named_results(marts, results[results["is_primary"].astype(bool)])


def flipped(rows: pd.DataFrame) -> list[str]:
    """The hypotheses of `hypothesis_rows` whose conclusion is not the same wherever they were tested."""
    tested = rows[rows["conclusion"] != "not_tested"]
    conclusions = tested.groupby("hypothesis_id", sort=False)["conclusion"].nunique()
    return [str(hypothesis) for hypothesis in conclusions.index[conclusions > 1]]


def is_compared(rows: pd.DataFrame) -> bool:
    """Whether any hypothesis of `hypothesis_rows` was tested in more than one population."""
    return bool(rows["hypothesis_id"][rows["conclusion"] != "not_tested"].duplicated().any())


def sensitivity_rows(marts: Marts) -> pd.DataFrame:
    """The flipped rows of the sensitivity analysis, with names."""
    rows = marts.fct_hypothesis_sensitivity
    return named_results(marts, rows[rows["is_flipped"].eq(True).fillna(False).astype(bool)])


def proposal_rows(marts: Marts) -> pd.DataFrame:
    """The proposals against churn with the names and rule of their segment."""
    return marts.fct_retention_proposals.merge(marts.dim_segments, on="segment_id")


def segment_rows(marts: Marts) -> pd.DataFrame:
    """The metrics of every segment with its names and rule (missing for `none`).

    `is_fixed` says that the rule itself picks churned or active clients: then the churn rate is no finding.
    """
    rows = marts.fct_segment_metrics.merge(marts.dim_segments, on="segment_id", how="left")
    return rows.assign(is_fixed=[isinstance(rule, str) and "is_churned" in rule for rule in rows["rule"]])


_SORTED_BY = (
    "hypothesis_id",
    "segment_id",
    "product_count",
    "kind",
    "trait",
    "level",
    "population",
    "trimming",
    "city",
    "proposal_id",
)
# Above the levels of its column: the row about no trimming, and about every city together.
_FIRST = {"trimming": "none", "city": "all"}


def in_display_order(marts: Marts) -> Marts:
    """The same marts with the rows of every frame in display order."""
    traits, levels = marts.dim_traits, marts.dim_trait_levels
    populations, hypotheses = marts.dim_populations, marts.dim_hypotheses
    ranks: dict[object, float] = {
        **dict(zip(zip(traits["kind"], traits["trait"], strict=True), traits["sort_order"], strict=True)),
        **dict(zip(zip(levels["trait"], levels["level"], strict=True), levels["sort_order"], strict=True)),
        **dict(zip(populations["population"], populations["sort_order"], strict=True)),
        **dict(zip(hypotheses["hypothesis_id"], hypotheses["sort_order"], strict=True)),
    }
    return replace(
        marts, **{field.name: _sorted(getattr(marts, field.name), ranks) for field in fields(Marts)}
    )


def _rank(column: str, name: object, ranks: Mapping[object, float]) -> float:
    if column in _FIRST:
        return -1.0 if name == _FIRST[column] else ranks.get(("city", name), 1e9)
    return float("inf") if name == "none" else ranks.get(name, 1e9)


def _sorted(frame: pd.DataFrame, ranks: Mapping[object, float]) -> pd.DataFrame:
    """`frame` sorted by its identity columns: by rank (no rank comes last), then by value."""
    frame = frame.reset_index(drop=True)
    kinds = frame.get("kind", pd.Series("category" if "level" in frame else "number", index=frame.index))
    keys = pd.DataFrame(index=frame.index)
    for column in (column for column in _SORTED_BY if column in frame):
        within = {"trait": kinds, "level": frame.get("trait")}.get(column)
        names = frame[column] if within is None else zip(within, frame[column], strict=True)
        keys[f"{column}_rank"] = [_rank(column, name, ranks) for name in names]
        keys[column] = frame[column]
    if "is_primary" in frame:
        keys["is_secondary"] = ~frame["is_primary"].astype(bool)
        keys["test"] = frame["test"]
    order = keys.sort_values(list(keys.columns), kind="stable").index if len(keys.columns) else keys.index
    return frame.loc[order].reset_index(drop=True)
