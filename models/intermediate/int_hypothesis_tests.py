"""Finishes the hypothesis tests in scipy from the moments, rank sums and strata of the SQL models."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per hypothesis, slice and planned test.

    Rows are fetched as Python integers: a frame would round the exact sums to doubles.
    """
    dbt.config(materialized="table")
    from bank_segments.hypotheses import ResultRow, planned_tests, result_rows, rows_frame, samples

    hypotheses = _records(dbt.ref("hypotheses"))
    found = samples(
        hypotheses,
        _records(dbt.ref("int_hypothesis_moments")),
        _records(dbt.ref("int_hypothesis_rank_sums")),
        _records(dbt.ref("int_hypothesis_strata")),
    )
    plan = planned_tests(hypotheses, _records(dbt.ref("hypothesis_tests")))
    return rows_frame(result_rows(plan, found), ResultRow)


def _records(relation: Any) -> list[dict[str, Any]]:
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
