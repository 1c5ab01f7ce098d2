"""Tests every rule of the search, and the declared segments, on the clients and on samples of them."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per sample and candidate or declared segment."""
    dbt.config(materialized="table")
    from bank_segments.frames import records
    from bank_segments.segment_search import search_frame

    return search_frame(
        records(dbt.ref("int_driver_cells")),
        records(dbt.ref("int_segment_search_cells")),
        records(dbt.ref("segment_search")),
    )
