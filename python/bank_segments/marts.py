"""The one place where Python reads the warehouse: its small marts, never a client's row.

Every field of `Marts` is named after its relation. Beside it stand what names a row and the order of the rows, which
is SQL, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bank_segments.database import open_confined

_LEVELS = "left join marts.dim_trait_levels as levels using (trait, level)"
_BY_LEVEL = "levels.trait_sort_order, levels.sort_order, level"
_NUMBERS = "left join marts.dim_traits as traits on mart.trait = traits.trait and traits.kind = 'number'"
_TESTS = (
    "left join marts.dim_hypotheses as hypotheses using (hypothesis_id)"
    " left join marts.dim_populations as populations using (population)"
)
_BY_TEST = "hypotheses.sort_order, hypothesis_id, populations.sort_order, population"


def _mart(key: str = "", order: str = "", *, joins: str = "", schema: str = "marts") -> Any:
    """A relation of `schema`: the columns that name a row, unless it has one only, and in what order to show them."""
    return field(metadata={"schema": schema, "key": tuple(key.split()), "order": order, "joins": joins})


@dataclass(frozen=True)
class Marts:
    """One frame per small mart, grain and columns as the contracts in `models/` say, rows in display order.

    Traits, levels, populations and hypotheses come in the `sort_order` of their dimension; segments by id, the row
    `none` for clients in no segment last; a hypothesis's primary test before its other tests.
    """

    dim_bank: pd.DataFrame = _mart()
    dim_traits: pd.DataFrame = _mart("trait kind", "kind, sort_order, trait")
    dim_trait_levels: pd.DataFrame = _mart("trait level", "trait_sort_order, sort_order, level")
    dim_populations: pd.DataFrame = _mart("population", "sort_order, population")
    dim_segments: pd.DataFrame = _mart("segment_id", "segment_id")
    dim_assumptions: pd.DataFrame = _mart("assumption", "sort_order, assumption")
    dim_hypotheses: pd.DataFrame = _mart("hypothesis_id", "sort_order, hypothesis_id")
    fct_findings: pd.DataFrame = _mart("finding_id", "finding_place")
    fct_churn_portrait: pd.DataFrame = _mart("trait level", _BY_LEVEL, joins=_LEVELS)
    fct_churn_portrait_numbers: pd.DataFrame = _mart(
        "population trait", "traits.sort_order, population", joins=_NUMBERS
    )
    fct_churn_drivers: pd.DataFrame = _mart("trait", "rank, trait")
    fct_churn_driver_levels: pd.DataFrame = _mart("trait level", _BY_LEVEL, joins=_LEVELS)
    fct_product_count_metrics: pd.DataFrame = _mart("product_count", "product_count")
    fct_product_count_portrait: pd.DataFrame = _mart(
        "product_count trait level", f"product_count, {_BY_LEVEL}", joins=_LEVELS
    )
    fct_product_count_portrait_numbers: pd.DataFrame = _mart(
        "product_count trait", "product_count, traits.sort_order", joins=_NUMBERS
    )
    fct_segment_metrics: pd.DataFrame = _mart("segment_id", "segment_id = 'none', segment_id")
    fct_segment_candidates: pd.DataFrame = _mart(
        "candidate_id", "finding_rank is null, finding_rank, candidate_rank, candidate_id"
    )
    fct_segment_candidate_overlaps: pd.DataFrame = _mart("candidate_id segment_id", "candidate_id, overlap_rank")
    fct_segment_stability: pd.DataFrame = _mart(
        "candidate_id",
        "candidates.is_declared desc, candidates.finding_rank, candidate_id",
        joins="left join marts.fct_segment_candidates as candidates using (candidate_id)",
    )
    fct_hypothesis_results: pd.DataFrame = _mart(
        "hypothesis_id population test", f"{_BY_TEST}, is_primary desc, test", joins=_TESTS
    )
    fct_hypothesis_effects: pd.DataFrame = _mart(
        "hypothesis_id population effect_size_name", f"{_BY_TEST}, effect_size_name", joins=_TESTS
    )
    fct_hypothesis_sensitivity: pd.DataFrame = _mart(
        "hypothesis_id population territory trimming",
        f"{_BY_TEST}, trimming <> 'none', trimming, territory <> 'all', territories.sort_order, territory",
        joins=f"{_TESTS} left join marts.dim_traits as split on split.trait_role = 'territory'"
        " left join marts.dim_trait_levels as territories"
        " on territories.trait = split.trait and territories.level = territory",
    )
    fct_retention_proposals: pd.DataFrame = _mart("segment_id proposal_id", "segment_id, proposal_id")
    fct_retention_economics: pd.DataFrame = _mart(
        "segment_id proposal_id scenario",
        "segment_id, proposal_id, case scenario when 'low' then 1 when 'central' then 2 else 3 end",
    )
    fct_retention_sensitivity: pd.DataFrame = _mart(
        "segment_id proposal_id assumption", "segment_id, proposal_id, sensitivity_rank, assumption"
    )
    fct_pilot_designs: pd.DataFrame = _mart("segment_id proposal_id", "segment_id, proposal_id")
    fct_pilot_power: pd.DataFrame = _mart("segment_id proposal_id clients_per_arm", "segment_id, proposal_id, power")
    row_counts: pd.DataFrame = _mart(schema="quality")
    client_notes: pd.DataFrame = _mart("note subject", "note_rank, note, subject", schema="quality")
    rejection_reasons: pd.DataFrame = _mart("reason", "rejected_rows desc, reason", schema="quality")
    reading_notes: pd.DataFrame = _mart("reading subject", "reading, file_rows desc, subject", schema="quality")

    @cached_property
    def named(self) -> dict[str, pd.DataFrame]:
        """Every mart by its name; those of segments, hypotheses, assumptions with the columns of these."""

        def declared(results: pd.DataFrame) -> pd.DataFrame:
            results = results.merge(self.dim_populations, on="population")
            return results.merge(self.dim_hypotheses, on="hypothesis_id", suffixes=("", "_declared"))

        segments, assumptions = self.dim_segments, self.dim_assumptions
        candidates = self.fct_segment_candidates[["candidate_id", "name_ru", "name_en"]]
        return {each.name: getattr(self, each.name) for each in fields(self)} | {
            "fct_segment_metrics": self.fct_segment_metrics.merge(segments, on="segment_id", how="left"),
            "fct_segment_stability": self.fct_segment_stability.merge(candidates, on="candidate_id"),
            "fct_hypothesis_results": declared(self.fct_hypothesis_results),
            "fct_hypothesis_sensitivity": declared(self.fct_hypothesis_sensitivity),
            "fct_retention_proposals": self.fct_retention_proposals.merge(segments, on="segment_id"),
            "fct_retention_sensitivity": self.fct_retention_sensitivity.merge(assumptions, on="assumption"),
        }

    @cached_property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of the same."""
        return {name: rows(frame) for name, frame in self.named.items()}


# The marts by their names in the warehouse, schema first, and what names a row of each.
RELATIONS = {each.name: f"{each.metadata['schema']}.{each.name}" for each in fields(Marts)}
KEYS: dict[str, tuple[str, ...]] = {RELATIONS[each.name]: each.metadata["key"] for each in fields(Marts)}


def read_marts(path: Path) -> Marts:
    """Read the small marts of the DuckDB file `path`, opened read-only.

    Raises `duckdb.IOException` where the file is missing or locked, `duckdb.CatalogException` where a mart
    is missing.
    """
    with open_confined(bank=path) as connection:

        def read(name: str, joins: str, order: str, **_: object) -> pd.DataFrame:
            sorted_rows = f"{joins}{order and f' order by {order}'}"
            return connection.execute(f"select mart.* from {RELATIONS[name]} as mart {sorted_rows}").df()

        return Marts(**{each.name: read(each.name, **each.metadata) for each in fields(Marts)})


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a mart as dictionaries by the names of its columns; what is missing is None."""
    # What is missing is NaN, and nothing else differs from itself.
    found = frame.to_dict("records")
    return [{str(name): cell if cell == cell else None for name, cell in row.items()} for row in found]


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


def hypothesis_rows(marts: Marts) -> pd.DataFrame:
    """The primary test of every hypothesis in every population, with the names of both."""
    results = marts.named["fct_hypothesis_results"]
    return results[results["is_primary"].astype(bool)].reset_index(drop=True)
