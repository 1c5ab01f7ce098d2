"""Tests each driver trait as a whole, from the cells of the SQL model."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per driver trait."""
    dbt.config(materialized="table")
    from bank_segments.drivers import TraitRow, cells_of, trait_rows
    from bank_segments.frames import records, rows_frame

    cells = cells_of(records(dbt.ref("int_driver_cells")))
    rows = [
        row
        for settings in records(dbt.ref("driver_settings"))  # none in dbt build --empty
        for row in trait_rows(cells, samples=settings["bootstrap_samples"], seed=settings["random_seed"])
    ]
    return rows_frame(rows, TraitRow)
