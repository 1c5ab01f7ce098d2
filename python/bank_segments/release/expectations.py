"""What the released file must hold, by the suites of Great Expectations in `expectations/*.json`, one a relation.

dbt tests the models in the warehouse; the suites look at what of it is about to be published. The name of a suite is
the relation that it reads, or the source of the query in its `meta`; the `meta` of an expectation says what it means.
In a set of values `"{bank}"` stands for what the bank's registers add to the columns, `"{id}"` for its ids in the file.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pandas as pd

from bank_segments import register_rows
from bank_segments.database import open_confined
from bank_segments.errors import RefusedError, shown

SUITES = Path(__file__).with_name("expectations")


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One expectation of a suite, its meaning in English, and what the released file had to say."""

    relation: str
    columns: str
    meaning: str
    is_met: bool
    observed: str


def load_great_expectations() -> ModuleType:
    """Import it, which takes seconds, so that it neither reports on its users nor logs what it does."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    import great_expectations

    return great_expectations


def validate(release: Path, suites: Path = SUITES) -> list[ExpectationOutcome]:
    """Hold the released DuckDB file against every suite; an expectation that cannot be evaluated is not met.

    Raises `RefusedError` where a suite is none that Great Expectations can read.
    """
    gx = load_great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batches = context.data_sources.add_pandas("release")
    outcomes: list[ExpectationOutcome] = []
    with open_confined(release=release) as connection:
        for path in sorted(suites.glob("*.json")):
            suite = _suite(gx, path)
            query = (suite.meta or {}).get("query", f"from {suite.name}")
            definition = batches.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("all rows")
            batch = definition.get_batch({"dataframe": _frame(connection, query)})
            outcomes += _outcomes(suite.name, batch.validate(suite).results)
    return outcomes


def _of_bank() -> dict[str, list[str]]:
    """The columns of the released file that are the bank's own, and its ids, which must not be there."""
    columns = [row for row in register_rows("columns") if row["role"] != "ignored"]
    known = [row for row in columns if row["column_name"] != "client_id"]
    dimensions = [row["trait"] for row in register_rows("traits") if row["is_on_dashboard"] == "true"]
    return {
        "{bank}": [f"marts.dim_clients.{row['column_name']}" for row in known]
        + [f"marts.rpt_dashboard_cube.{trait}" for trait in dimensions]
        + [f"quality.rejected_clients.{row['raw_column'].lower()}" for row in known],
        "{id}": [row["raw_column"].lower() for row in columns if row not in known],
    }


def _suite(gx: ModuleType, path: Path) -> Any:
    try:
        declared = json.loads(path.read_text(encoding="utf-8"))
        for expectation in declared["expectations"]:
            if values := expectation["kwargs"].get("value_set"):
                own = _of_bank()
                filled = (own.get(each, [each]) if isinstance(each, str) else [each] for each in values)
                expectation["kwargs"]["value_set"] = list(chain.from_iterable(filled))
        suite = gx.ExpectationSuite(**declared)
        # The library only logs an expectation that it does not know.
        known = {expectation.expectation_type for expectation in suite.expectations}
        if unknown := {expectation["type"] for expectation in declared["expectations"]} - known:
            raise ValueError(f"there is no {', '.join(sorted(unknown))}")
    except Exception as error:  # whatever the library raises over a wrong name or argument
        reason = " ".join(str(error).split())
        raise RefusedError(f"The suite {shown(path)} is not valid: {reason}; nothing was published.") from error
    return suite


def refusal_of(outcomes: Iterable[ExpectationOutcome], warehouse: Path) -> str | None:
    """One sentence on which expectations are not met, or None where all are."""
    unmet = [outcome for outcome in outcomes if not outcome.is_met]
    if not unmet:
        return None
    first = unmet[0]
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    return (
        f"What {shown(warehouse)} would publish failed validation: {first.relation}, {first.columns}"
        f" ({first.meaning} Seen: {first.observed}){more}; nothing was published."
    )


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """The rows of the query; no rows and no columns, of which nothing holds, where a relation or column is missing."""
    try:
        return connection.execute(query).df()
    except (duckdb.CatalogException, duckdb.BinderException):
        return pd.DataFrame()


def _outcomes(relation: str, results: Iterable[Any]) -> Iterator[ExpectationOutcome]:
    """The outcomes in an order that does not change from run to run."""
    for result in sorted(results, key=lambda result: str(result.expectation_config.kwargs)):
        expectation = result.expectation_config
        named = (expectation.kwargs.get(key) for key in ("column", "column_A", "column_B"))
        yield ExpectationOutcome(
            relation,
            ", ".join(filter(None, named)),
            expectation.meta["meaning"],
            bool(result.success),
            "" if result.success else _observed(result.result, result.exception_info),
        )


def _observed(result: Mapping[str, Any], exceptions: Mapping[str, Any]) -> str:
    """What an unmet expectation saw, in a few characters."""
    for raised in exceptions.values():
        if isinstance(raised, Mapping):
            return str(raised["exception_message"])
    if missing := result.get("partial_missing_list"):
        return "missing: " + ", ".join(sorted(missing)[:5])
    unexpected = result["partial_unexpected_list"][:5]
    # Of an expectation on two columns each is a pair.
    shown = (" and ".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in unexpected)
    rows = f" of {result['element_count']}" if "element_count" in result else ""
    return f"{result['unexpected_count']}{rows}: " + ", ".join(shown)
