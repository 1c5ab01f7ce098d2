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
    cells = records(dbt.ref("int_driver_cells"))
    rows = [
        row
        for each in records(dbt.ref("segment_search"))  # none in dbt build --empty
        for row in search_rows(
            cells, memberships, Search(each["target"], each["permutations"], each["random_seed"])
        )
    ]
    return rows_frame(rows, SearchRow)
