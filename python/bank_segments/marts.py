"""The one place where Python reads the warehouse: its small marts, never a client's row.

Every field of `Marts` is named after its relation. The order of its rows is SQL, too: another engine fills the same
object by running the same queries and handing each result over as a pandas frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
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
    "dim_bank": "marts.dim_bank as mart",
    "dim_traits": "marts.dim_traits as mart order by kind, sort_order, trait",
    "dim_trait_levels": "marts.dim_trait_levels as mart order by trait_sort_order, sort_order, level",
    "dim_populations": "marts.dim_populations as mart order by sort_order, population",
    "dim_segments": "marts.dim_segments as mart order by segment_id",
    "dim_assumptions": "marts.dim_assumptions as mart order by sort_order, assumption",
    "dim_hypotheses": "marts.dim_hypotheses as mart order by sort_order, hypothesis_id",
    "fct_findings": "marts.fct_findings as mart order by finding_place",
    "fct_churn_portrait": f"marts.fct_churn_portrait as mart {_LEVELS}"
    " order by levels.trait_sort_order, levels.sort_order, level",
    "fct_churn_portrait_numbers": f"marts.fct_churn_portrait_numbers as mart {_NUMBERS}"
    " order by traits.sort_order, population",
    "fct_churn_drivers": "marts.fct_churn_drivers as mart order by rank, trait",
    "fct_churn_driver_levels": f"marts.fct_churn_driver_levels as mart {_LEVELS}"
    " order by levels.trait_sort_order, levels.sort_order, level",
    "fct_product_count_metrics": "marts.fct_product_count_metrics as mart order by product_count",
    "fct_product_count_portrait": f"marts.fct_product_count_portrait as mart {_LEVELS}"
    " order by product_count, levels.trait_sort_order, levels.sort_order, level",
    "fct_product_count_portrait_numbers": f"marts.fct_product_count_portrait_numbers as mart {_NUMBERS}"
    " order by product_count, traits.sort_order",
    "fct_segment_metrics": "marts.fct_segment_metrics as mart order by segment_id = 'none', segment_id",
    "fct_segment_candidates": "marts.fct_segment_candidates as mart"
    " order by finding_rank is null, finding_rank, candidate_rank, candidate_id",
    "fct_segment_candidate_overlaps": "marts.fct_segment_candidate_overlaps as mart"
    " order by candidate_id, overlap_rank",
    "fct_segment_stability": "marts.fct_segment_stability as mart"
    " left join marts.fct_segment_candidates as candidates using (candidate_id)"
    " order by candidates.is_declared desc, candidates.finding_rank, candidate_id",
    "fct_hypothesis_results": f"marts.fct_hypothesis_results as mart {_TESTS}"
    f" order by {_BY_TEST}, is_primary desc, test",
    "fct_hypothesis_effects": f"marts.fct_hypothesis_effects as mart {_TESTS}"
    f" order by {_BY_TEST}, effect_size_name",
    "fct_hypothesis_sensitivity": f"marts.fct_hypothesis_sensitivity as mart {_TESTS}"
    " left join marts.dim_traits as split on split.trait_role = 'territory'"
    " left join marts.dim_trait_levels as territories"
    " on territories.trait = split.trait and territories.level = territory"
    f" order by {_BY_TEST}, trimming <> 'none', trimming, territory <> 'all', territories.sort_order, territory",
    "fct_retention_proposals": "marts.fct_retention_proposals as mart order by segment_id, proposal_id",
    "fct_retention_economics": "marts.fct_retention_economics as mart"
    " order by segment_id, proposal_id, case scenario when 'low' then 1 when 'central' then 2 else 3 end",
    "fct_retention_sensitivity": "marts.fct_retention_sensitivity as mart"
    " order by segment_id, proposal_id, sensitivity_rank, assumption",
    "fct_pilot_designs": "marts.fct_pilot_designs as mart order by segment_id, proposal_id",
    "fct_pilot_power": "marts.fct_pilot_power as mart order by segment_id, proposal_id, power",
    "row_counts": "quality.row_counts as mart",
    "client_notes": "quality.client_notes as mart order by note_rank, note, subject",
}
# The marts by their names in the warehouse, schema first.
RELATIONS = {name: source.split()[0] for name, source in _FROM.items()}


@dataclass(frozen=True)
class Marts:
    """One frame per small mart, grain and columns as the contracts in `models/` say, rows in display order.

    Traits, levels, populations and hypotheses come in the `sort_order` of their dimension; segments by id, the row
    `none` for clients in no segment last; a hypothesis's primary test before its other tests.
    """

    dim_bank: pd.DataFrame
    dim_traits: pd.DataFrame
    dim_trait_levels: pd.DataFrame
    dim_populations: pd.DataFrame
    dim_segments: pd.DataFrame
    dim_assumptions: pd.DataFrame
    dim_hypotheses: pd.DataFrame
    fct_findings: pd.DataFrame
    fct_churn_portrait: pd.DataFrame
    fct_churn_portrait_numbers: pd.DataFrame
    fct_churn_drivers: pd.DataFrame
    fct_churn_driver_levels: pd.DataFrame
    fct_product_count_metrics: pd.DataFrame
    fct_product_count_portrait: pd.DataFrame
    fct_product_count_portrait_numbers: pd.DataFrame
    fct_segment_metrics: pd.DataFrame
    fct_segment_candidates: pd.DataFrame
    fct_segment_candidate_overlaps: pd.DataFrame
    fct_segment_stability: pd.DataFrame
    fct_hypothesis_results: pd.DataFrame
    fct_hypothesis_effects: pd.DataFrame
    fct_hypothesis_sensitivity: pd.DataFrame
    fct_retention_proposals: pd.DataFrame
    fct_retention_economics: pd.DataFrame
    fct_retention_sensitivity: pd.DataFrame
    fct_pilot_designs: pd.DataFrame
    fct_pilot_power: pd.DataFrame
    row_counts: pd.DataFrame
    client_notes: pd.DataFrame

    @property
    def clients(self) -> int:
        """All accepted clients."""
        return int(self.row_counts["accepted_rows"].sum())

    @property
    def churned_clients(self) -> int:
        """The accepted clients who left."""
        return int(self.row_counts["churned_clients"].sum())

    @property
    def churn_rate(self) -> float:
        """The bank-wide churn rate as a fraction; NaN where there is no client."""
        return self.churned_clients / self.clients if self.clients else float("nan")

    @cached_property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of every mart by its name; those of segments, hypotheses, assumptions with the columns of these."""
        candidates = self.fct_segment_candidates[["candidate_id", "name_ru", "name_en"]]
        named = {
            "fct_segment_metrics": self.fct_segment_metrics.merge(
                self.dim_segments, on="segment_id", how="left"
            ),
            "fct_segment_stability": self.fct_segment_stability.merge(candidates, on="candidate_id"),
            "fct_hypothesis_results": named_results(self, self.fct_hypothesis_results),
            "fct_hypothesis_sensitivity": named_results(self, self.fct_hypothesis_sensitivity),
            "fct_retention_proposals": self.fct_retention_proposals.merge(self.dim_segments, on="segment_id"),
            "fct_retention_sensitivity": self.fct_retention_sensitivity.merge(
                self.dim_assumptions, on="assumption"
            ),
        }
        return {each.name: rows(named.get(each.name, getattr(self, each.name))) for each in fields(self)}


def read_marts(path: Path) -> Marts:
    """Read the small marts of the DuckDB file `path`, opened read-only.

    Raises `duckdb.IOException` where the file is missing or locked, `duckdb.CatalogException` where a mart
    is missing.
    """
    with open_confined(bank=path) as connection:
        return marts_from(lambda query: connection.execute(query).df())


def marts_from(query: Callable[[str], pd.DataFrame]) -> Marts:
    """Fill `Marts` through `query`, which runs one portable SELECT on any engine and returns all its rows."""
    return Marts(**{name: query(f"select mart.* from {source}") for name, source in _FROM.items()})


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a mart as dictionaries by the names of its columns; what is missing is None."""
    values = frame.astype(object)
    return values.where(values.notna(), None).to_dict("records")  # type: ignore[return-value]


def where(rows: Iterable[Mapping[str, Any]], **cells: object) -> list[Mapping[str, Any]]:
    """The rows with these values, in their order."""
    return [row for row in rows if all(row[column] == value for column, value in cells.items())]


def find(rows: Iterable[Mapping[str, Any]], **cells: object) -> Mapping[str, Any] | None:
    """The first of the rows with these values."""
    return next(iter(where(rows, **cells)), None)


def ranked(rows: Iterable[Mapping[str, Any]], rank: str) -> list[Mapping[str, Any]]:
    """The rows that a mart ranks, in that order."""
    return sorted((row for row in rows if row[rank] is not None), key=lambda row: float(row[rank]))


def groups(rows: Iterable[Mapping[str, Any]], *columns: str) -> list[list[Mapping[str, Any]]]:
    """The rows with the same values in `columns` together, both in the order in which they come."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in columns), []).append(row)
    return list(found.values())


def named_results(marts: Marts, results: pd.DataFrame) -> pd.DataFrame:
    """Results of tests with the columns of their population and hypothesis."""
    named = results.merge(marts.dim_populations, on="population")
    return named.merge(marts.dim_hypotheses, on="hypothesis_id", suffixes=("", "_declared"))


def hypothesis_rows(marts: Marts) -> pd.DataFrame:
    """The primary test of every hypothesis in every population, with the names of both."""
    results = marts.fct_hypothesis_results
    return named_results(marts, results[results["is_primary"].astype(bool)])
