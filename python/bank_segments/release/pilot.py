"""The arms of a pilot: who of a segment is made the offer and who is only watched, drawn by the keyed hash."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from bank_segments.database import rows_of
from bank_segments.errors import RefusedError

ARMS = ("offer", "control")

_DESIGN = """
    select
        designs.*,
        1 - designs.significance_level as confidence,
        segments.name_ru,
        segments.name_en,
        proposals.title_ru,
        proposals.title_en,
        economics.take_up_of_stayers,
        economics.contact_cost,
        economics.offer_cost,
        economics.value_of_kept_client
    from marts.fct_pilot_designs as designs
    inner join marts.fct_retention_proposals as proposals using (segment_id, proposal_id)
    inner join marts.dim_segments as segments using (segment_id)
    inner join marts.fct_retention_economics as economics using (segment_id, proposal_id)
    where segment_id = ? and economics.scenario = 'central'
"""


def terms_of(pilot: Path) -> Path:
    """The file beside the list of a pilot with the design that was settled when it was drawn."""
    return pilot.with_suffix(".json")


def design_of(connection: duckdb.DuckDBPyConnection, segment_id: str) -> dict[str, Any]:
    """The terms of a segment's pilot: what is to be proved, and how surely.

    Raises `RefusedError` where the segment has no proposal or several, and where its proposal leaves nothing to prove.
    """
    designs = rows_of(connection, _DESIGN, segment_id)
    if len(designs) != 1:
        raise RefusedError(f"{segment_id} has {len(designs)} proposals in proposals.csv; a pilot is of exactly one.")
    if reason := designs[0]["reason_en"]:
        raise RefusedError(f"A pilot of {segment_id} would prove nothing: {reason}")
    return designs[0]


def drawn_arms(
    connection: duckdb.DuckDBPyConnection, design: Mapping[str, Any], columns: Sequence[str]
) -> duckdb.DuckDBPyConnection:
    """Give `columns`, segment and arm of a segment's active clients, the table `members`, by their ids.

    Every other client gets the offer, stratum by stratum in the order of a hash of their key: the arms differ by one
    client at most, in each stratum and in all, and the same key and clients give the same arms.
    """
    order = "".join(f'"{column}", ' for column in (design["arm_strata"] or "").split())
    segment_id = design["segment_id"]
    return connection.execute(
        f"""
        select
            {", ".join(columns)}, $segment_id as segment_id,
            case row_number() over (order by {order} sha256($pilot || client_key)) % 2
                when 1 then 'offer' else 'control'
            end as arm
        from members order by client_id
        """,
        {"pilot": f"{segment_id} {design['proposal_id']} ", "segment_id": segment_id},
    )
