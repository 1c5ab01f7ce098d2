"""Computes every effect size that suits a hypothesis from the moments and rank sums of the SQL models."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Return one row per hypothesis, population and effect size."""
    dbt.config(materialized="table")
    from bank_segments.frames import records, rows_frame
    from bank_segments.hypotheses import EffectRow, effect_rows, samples

    (bank,) = records(dbt.ref("int_bank_totals"))
    hypotheses = records(dbt.ref("hypotheses"))
    found = samples(
        hypotheses,
        records(dbt.ref("int_hypothesis_moments")),
        records(dbt.ref("int_hypothesis_rank_sums")),
        [],
        bank["minimum_clients"],
    )
    return rows_frame(effect_rows(hypotheses, found), EffectRow)
