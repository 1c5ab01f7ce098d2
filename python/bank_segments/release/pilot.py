"""The arms of a pilot: who of a segment is made the offer and who is only watched, drawn by the keyed hash."""

from collections.abc import Sequence

import duckdb

from bank_segments.errors import RefusedError

ARMS = ("offer", "control")


def drawn_arms(
    connection: duckdb.DuckDBPyConnection, segment_id: str, columns: Sequence[str]
) -> duckdb.DuckDBPyConnection:
    """Give `columns`, segment and arm of a segment's active clients, the table `members`, by their ids.

    Every other client gets the offer, stratum by stratum in the order of a hash of their key: the arms differ by one
    client at most, in each stratum and in all, and the same key and clients give the same arms. Raises `RefusedError`
    where the segment has no proposal or several, and where its proposal leaves nothing to prove.
    """
    designs = connection.execute(
        "select proposal_id, arm_strata, reason_en from marts.fct_pilot_designs where segment_id = ?",
        [segment_id],
    ).fetchall()
    if len(designs) != 1:
        raise RefusedError(
            f"{segment_id} has {len(designs)} proposals in proposals.csv; a pilot is of exactly one."
        )
    ((proposal_id, strata, reason),) = designs
    if reason:
        raise RefusedError(f"A pilot of {segment_id} would prove nothing: {reason}")
    order = "".join(f'"{column}", ' for column in (strata or "").split())
    return connection.execute(
        f"""
        select
            {", ".join(columns)}, $segment_id as segment_id,
            case row_number() over (order by {order} sha256($pilot || client_key)) % 2
                when 1 then 'offer' else 'control'
            end as arm
        from members order by client_id
        """,
        {"pilot": f"{segment_id} {proposal_id} ", "segment_id": segment_id},
    )
