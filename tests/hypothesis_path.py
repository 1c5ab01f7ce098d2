"""The path from clients to verdicts without dbt's start: the SQL that dbt compiled, and the project's own Python."""

from pathlib import Path
from typing import Any

import duckdb

from bank_segments.database import rows_of
from bank_segments.hypotheses import EffectRow, ResultRow, effect_rows, planned_tests, result_rows, samples
from calibration.ranks import compiled_model

MODELS = {
    "int_clients_segmented": "view",
    "int_client_cells": "table",
    "int_hypothesis_cells": "table",
    "int_hypothesis_trim_bounds": "table",
    "int_hypothesis_moments": "table",
    "int_hypothesis_rank_sums": "table",
    "int_hypothesis_strata": "table",
}

Rows = list[dict[str, Any]]


class HypothesisPath:
    """The register and the compiled models of a warehouse, to run on other clients."""

    def __init__(self, warehouse: Path) -> None:
        """Read the register; `warehouse` lies in dbt's target folder."""
        self.compiled = warehouse.parent / "compiled/bank_segments"
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            self.hypotheses = rows_of(connection, "select * from reference.hypotheses")
            self.tests = rows_of(connection, "select * from reference.hypothesis_tests")

    def run(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[ResultRow], list[EffectRow]]:
        """Run everything on the clients in `staging.stg_bank__clients`."""
        for name, kind in MODELS.items():
            sql = compiled_model(self.compiled, name)
            connection.execute(f"create or replace {kind} intermediate.{name} as {sql}").fetchall()
        counted = [
            rows_of(connection, f"select * from intermediate.int_hypothesis_{name}")
            for name in ("moments", "rank_sums", "strata")
        ]
        found = samples(self.hypotheses, *counted)
        plan = planned_tests(self.hypotheses, self.tests)
        return result_rows(plan, found), effect_rows(self.hypotheses, found)
