"""The gate: what a built warehouse must not exceed to be published, by the limits of `seeds/shared/gate_limits.csv`.

It measures the share of rejected rows, and how far the clients and the verdicts moved since the previous release of the
same series.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bank_segments import BANK
from bank_segments.database import attach, confine, rows_of, run_file
from bank_segments.errors import RefusedError, shown
from bank_segments.release.run import releases, series_in

# A row of gate_findings.sql: one measured value against its limits, the outcome, and a note where there is no verdict.
Finding = Mapping[str, Any]

_MOVES = Path(__file__).with_name("gate_moves.sql")
_FINDINGS = Path(__file__).with_name("gate_findings.sql")
_COUNTS = """
select read_rows as read, accepted_rows as accepted, rejected_rows as rejected from bank.quality.row_counts
"""
_NO_MOVES = """
create temp table moves as
select kind, '' as subject, null::double as value, $1 as note
from (values ('client_count_change'), ('drift'), ('verdict_change')) as kinds (kind)
"""
_NAMES = "select kind, name_ru, name_en, meaning_ru, meaning_en from bank.reference.gate_limits"


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gate found in one run."""

    rows: dict[str, int]  # read, accepted and rejected
    previous_run: str | None
    findings: list[Finding]
    limits: Mapping[str, Mapping[str, Any]]  # their names and what they mean

    def having(self, *outcomes: str) -> list[Finding]:
        """The findings with one of the outcomes."""
        return [finding for finding in self.findings if finding["outcome"] in outcomes]

    def refusal(self, clients: Path, rejected_rows_file: Path) -> str | None:
        """One sentence on why nothing is published, or None where the run may be."""
        parts, moved = [], []
        for finding in self.having("stop"):
            value, limit = finding["value"], finding["stop_above"]
            if finding["kind"] != "rejected_share":
                moved.append(f"{finding['subject'] or 'client count'} {value:.3f} (limit {limit:g})")
            elif self.rows["read"]:
                parts.append(
                    f"{self.rows['rejected']} of its {self.rows['read']} rows were rejected"
                    f" ({value:.2%}, allowed are {limit:.2%} by seeds/shared/gate_limits.csv), see"
                    f" {shown(rejected_rows_file)}"
                )
            else:
                parts.append("it has no rows")
        if moved:
            parts.append(
                f"its clients moved too far from release {self.previous_run}: {', '.join(moved)};"
                " if that is how the bank changed, publish it with ALLOW_DRIFT=1"
            )
        return f"The client file {shown(clients)} was not accepted: {'; and '.join(parts)}." if parts else None


def series_of(clients: Path, name: str | None, *, is_sample: bool) -> str:
    """The series that a run belongs to, of one bank: its releases are compared with each other.

    `name` is the user's own. Without one the sample is a series, and any other file belongs to that of its file name
    without folder and endings: `2026-10/clients.CSV` and `2026-11/clients.csv.gz` are months of one series.
    """
    if name:
        return f"{BANK} named:{name}"
    if is_sample:
        return f"{BANK} sample"
    ending = r"[.](csv([.](gz|zst))?|txt|tsv|parquet|xlsx|zip)$"
    return f"{BANK} file:" + re.sub(ending, "", clients.name, flags=re.IGNORECASE)


def previous_release(published: Path, series: str) -> Path | None:
    """The newest release of the series that is not newer than `published/latest`, or None.

    A release newer than `latest` was rolled back: it is no measure for the next one.
    """
    latest = published / "latest"
    found = [release for release in releases(published) if series_in(release) == series]
    if latest.exists():
        found = [release for release in found if release.name <= latest.resolve().name]
    return found[-1] if found else None


def check_gate(warehouse: Path, previous: Path | None, *, allow_drift: bool = False) -> GateResult:
    """Measure the run in `warehouse` against the limits it was built with and a release of the same series.

    Drift is the population stability index of each category trait, and of the churn flag: the sum over the levels of
    (share now - share before) * ln(share now / share before), where a share below the declared smallest one, such as
    that of an empty level, counts as that one. N. Siddiqi, Credit Risk Scorecards, Wiley 2006; B. Yurdakul,
    Statistical Properties of Population Stability Index, Western Michigan University 2018. It is the symmetric
    divergence of Jeffreys. `allow_drift` lets a run through that moved too far; it does not touch the rejected rows.
    """
    with duckdb.connect() as connection:
        attach(connection, warehouse, "bank")
        _measure_moves(connection, previous)
        (counts,) = rows_of(connection, _COUNTS)
        query = _FINDINGS.read_text(encoding="utf-8")
        findings: list[Finding] = [*rows_of(connection, query, allow_drift)]
        limits = {row["kind"]: row for row in rows_of(connection, _NAMES)}
    return GateResult(counts, previous.name if previous else None, findings, limits)


def _measure_moves(connection: duckdb.DuckDBPyConnection, previous: Path | None) -> None:
    """Fill `moves` with what changed since the previous release: the number of clients, every trait, every verdict."""
    note = "first_run"
    if previous:
        is_wrong = "kind = 'drift' and not coalesce(smallest_share::double > 0 and smallest_share::double <= 1, false)"
        if connection.execute(f"from bank.reference.gate_limits where {is_wrong}").fetchall():
            raise RefusedError(
                "seeds/shared/gate_limits.csv gives drift no smallest_share between 0 and 1; nothing was published."
            )
        try:
            attach(connection, previous / "bank_marts.duckdb", "previous")
            confine(connection)
            run_file(connection, _MOVES)
            return
        except duckdb.Error:
            note = "unreadable"
    connection.execute(_NO_MOVES, [note])
