"""Fits one logistic regression of churn on the driver traits, from the cells of the SQL model."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per driver trait and level."""
    dbt.config(materialized="table")
    from bank_segments.drivers import EffectRow, cells_of, effect_rows
    from bank_segments.frames import records, rows_frame

    return rows_frame(effect_rows(cells_of(records(dbt.ref("int_driver_cells")))), EffectRow)
