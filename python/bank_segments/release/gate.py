"""The gate: what a built warehouse must not exceed to be published, by the limits of `seeds/shared/gate_limits.csv`.

It measures the share of rejected rows, and how far the clients moved since the previous release of the same series.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from bank_segments import BANK
from bank_segments.database import attach, confine
from bank_segments.errors import RefusedError, shown
from bank_segments.release.run import releases, series_in

Kind = Literal["rejected_share", "client_count_change", "drift"]
Outcome = Literal["pass", "warn", "allowed", "stop", "none"]
# Why there is no verdict.
Note = Literal["", "first_run", "unreadable", "only_now", "only_before", "redefined", "few_clients"]

_COUNTS = "select read_rows, accepted_rows, rejected_rows from bank.quality.row_counts"
_LIMITS = (
    "select kind, warn_above, stop_above, smallest_share, fewest_clients from bank.reference.gate_limits"
)
_MOVES = """
with levels as (
    select
        coalesce(now.trait, before.trait) as trait,
        coalesce(now.level, before.level) as level,
        now.clients as clients,
        before.clients as clients_before,
        now.band_definition as bands,
        before.band_definition as bands_before,
        greatest(coalesce(now.share_of_clients, 0), $smallest_share) as share,
        greatest(coalesce(before.share_of_clients, 0), $smallest_share) as share_before
    from bank.quality.trait_distribution as now
    full join previous.quality.trait_distribution as before on now.trait = before.trait and now.level = before.level
),
traits as (
    select
        trait,
        case
            when count(clients_before) = 0 then 'only_now'
            when count(clients) = 0 then 'only_before'
            when max(bands) is distinct from max(bands_before) then 'redefined'
            when least(sum(clients), sum(clients_before)) < $fewest_clients then 'few_clients'
            else ''
        end as note,
        sum((share - share_before) * ln(share / share_before) order by level) as stability_index
    from levels
    group by trait
)
select
    'client_count_change' as kind,
    '' as subject,
    abs(now.accepted_rows / nullif(before.accepted_rows, 0) - 1) as value,
    if(before.accepted_rows = 0, 'few_clients', '') as note
from bank.quality.row_counts as now cross join previous.quality.row_counts as before
union all
select 'drift', trait, if(note = '', stability_index, null), note from traits
order by kind, subject
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of `gate_limits.csv`; a missing limit is never exceeded."""

    kind: Kind
    warn_above: float | None
    stop_above: float | None
    smallest_share: float | None = None
    fewest_clients: int | None = None

    def outcome(self, value: float | None, *, is_stop_allowed: bool) -> Outcome:
        """`stop` and `warn` begin above their limit, not at it."""
        if value is None:
            return "none"
        if self.stop_above is not None and value > self.stop_above:
            return "allowed" if is_stop_allowed else "stop"
        return "warn" if self.warn_above is not None and value > self.warn_above else "pass"


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured value against its limits; `none` and the note say why there is no verdict."""

    kind: Kind
    subject: str
    value: float | None
    limit: Limit
    outcome: Outcome
    note: Note = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gate found in one run."""

    read_rows: int
    accepted_rows: int
    rejected_rows: int
    previous_run: str | None
    findings: tuple[Finding, ...]

    def having(self, *outcomes: Outcome) -> list[Finding]:
        """The findings with one of the outcomes."""
        return [finding for finding in self.findings if finding.outcome in outcomes]

    @property
    def rows(self) -> dict[str, int]:
        """The counts of rows for `run.json`."""
        return {"read": self.read_rows, "accepted": self.accepted_rows, "rejected": self.rejected_rows}

    def refusal(self, clients: Path, rejected_rows_file: Path) -> str | None:
        """One sentence on why nothing is published, or None where the run may be."""
        parts, moved = [], []
        for finding in self.having("stop"):
            if finding.kind != "rejected_share":
                name = finding.subject or "client count"
                moved.append(f"{name} {finding.value:.3f} (limit {finding.limit.stop_above:g})")
            elif self.read_rows:
                parts.append(
                    f"{self.rejected_rows} of its {self.read_rows} rows were rejected ({finding.value:.2%}, allowed"
                    f" are {finding.limit.stop_above:.2%} by seeds/shared/gate_limits.csv), see"
                    f" {shown(rejected_rows_file)}"
                )
            else:
                parts.append("it has no rows")
        if moved:
            parts.append(
                f"its clients moved too far from release {self.previous_run}: {', '.join(moved)};"
                " if that is how the bank changed, publish it with ALLOW_DRIFT=1"
            )
        return (
            f"The client file {shown(clients)} was not accepted: {'; and '.join(parts)}." if parts else None
        )

    def record(self) -> list[dict[str, Any]]:
        """The findings for `run.json`."""
        return [
            {
                "kind": finding.kind,
                "subject": finding.subject,
                "value": finding.value,
                "warn_above": finding.limit.warn_above,
                "stop_above": finding.limit.stop_above,
                "outcome": finding.outcome,
                "note": finding.note,
            }
            for finding in self.findings
        ]


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
        limits: dict[Kind, Limit] = {row[0]: Limit(*row) for row in connection.execute(_LIMITS).fetchall()}
        ((read, accepted, rejected),) = connection.execute(_COUNTS).fetchall()
        moves = _moves(connection, previous, limits.get("drift"))
    findings = []
    if limit := limits.get("rejected_share"):
        share = rejected / read if read else None
        outcome = limit.outcome(share, is_stop_allowed=False) if read else "stop"
        findings.append(Finding("rejected_share", "", share, limit, outcome))
    for kind, subject, value, note in moves:
        if limit := limits.get(kind):
            outcome = limit.outcome(value, is_stop_allowed=allow_drift)
            findings.append(Finding(kind, subject, value, limit, outcome, note))
    return GateResult(read, accepted, rejected, previous.name if previous else None, tuple(findings))


def _moves(
    connection: duckdb.DuckDBPyConnection, previous: Path | None, drift: Limit | None
) -> list[tuple[Kind, str, float | None, Note]]:
    """What changed since the previous release: the number of clients, then every trait."""
    note: Note = "first_run"
    if previous:
        smallest, fewest = (drift.smallest_share, drift.fewest_clients) if drift else (1.0, None)
        if not smallest or not 0 < smallest <= 1:
            raise RefusedError(
                "seeds/shared/gate_limits.csv gives drift no smallest_share between 0 and 1; nothing was published."
            )
        try:
            attach(connection, previous / "bank_marts.duckdb", "previous")
            confine(connection)
            arguments = {"smallest_share": smallest, "fewest_clients": fewest or 1}
            return connection.execute(_MOVES, arguments).fetchall()
        except duckdb.Error:
            note = "unreadable"
    return [("client_count_change", "", None, note), ("drift", "", None, note)]
