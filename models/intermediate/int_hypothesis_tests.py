"""Finishes the hypothesis tests in scipy from the moments and rank sums of the SQL models."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per hypothesis, population and planned test.

    Rows are fetched as Python integers: a frame would round the exact sums to doubles.
    """
    dbt.config(materialized="table")
    from bank_segments.hypotheses import planned_tests, result_rows, results_frame, samples

    return results_frame(
        result_rows(
            planned_tests(_records(dbt.ref("hypotheses")), _records(dbt.ref("hypothesis_tests"))),
            samples(
                _records(dbt.ref("hypotheses")),
                _records(dbt.ref("populations")),
                _records(dbt.ref("int_hypothesis_moments")),
                _records(dbt.ref("int_hypothesis_rank_sums")),
            ),
        )
    )


def _records(relation: Any) -> list[dict[str, Any]]:
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
