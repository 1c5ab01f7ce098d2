"""Finishes the hypothesis tests in scipy from the moments, rank sums and strata of the SQL models."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per hypothesis, slice and planned test."""
    dbt.config(materialized="table")
    from bank_segments.frames import records, rows_frame
    from bank_segments.hypotheses import ResultRow, planned_tests, result_rows, samples

    (bank,) = records(dbt.ref("int_bank_totals"))
    hypotheses = records(dbt.ref("hypotheses"))
    found = samples(
        hypotheses,
        records(dbt.ref("int_hypothesis_moments")),
        records(dbt.ref("int_hypothesis_rank_sums")),
        records(dbt.ref("int_hypothesis_strata")),
        bank["minimum_clients"],
    )
    plan = planned_tests(hypotheses, records(dbt.ref("hypothesis_tests")))
    return rows_frame(result_rows(plan, found), ResultRow)
