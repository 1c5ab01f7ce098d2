"""Tests every rule of the search, and the declared segments, on the clients and on samples of them."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per sample and candidate or declared segment."""
    dbt.config(materialized="table")
    from dataclasses import fields

    from bank_segments.frames import records
    from bank_segments.segment_search import Search, search_frame

    cells = records(dbt.ref("int_driver_cells"))
    memberships = [
        (row["candidate_id"], row["cell_id"], row["is_tested"])
        for row in records(dbt.ref("int_segment_search_cells"))
    ]
    searches = [
        Search(**{field.name: row[field.name] for field in fields(Search)})
        for row in records(dbt.ref("segment_search"))
    ]
    return search_frame(cells, memberships, searches[0] if searches else None)  # none in dbt build --empty
