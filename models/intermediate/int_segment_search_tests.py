"""Tests every rule of the search, and the declared segments, against what shuffled outcomes give."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per candidate or declared segment."""
    dbt.config(materialized="table")
    from bank_segments.frames import records, rows_frame
    from bank_segments.segment_search import Search, SearchRow, search_rows

    memberships = [
        (row["candidate_id"], row["cell_id"]) for row in records(dbt.ref("int_segment_search_cells"))
    ]
    (settings,) = records(dbt.ref("segment_search"))
    search = Search(settings["target"], settings["permutations"], settings["random_seed"])
    return rows_frame(search_rows(records(dbt.ref("int_driver_cells")), memberships, search), SearchRow)
