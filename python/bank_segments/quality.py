"""What stands between a built warehouse and its publication: the gate and the checkpoint.

The gate compares the run with the limits of `seeds/gate_limits.csv`: the share of rejected rows, and how far the
clients drifted from the previous release of the same series. The checkpoint holds the marts that the Python layer
reads against `seeds/expectations.csv`, with Great Expectations in a process of its own: its import takes seconds, so
the process is started first, gets ready while dbt builds, and is asked when the warehouse is there.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd

from bank_segments.database import attach, confine, each_row, open_confined
from bank_segments.errors import RefusedError

Kind = Literal["rejected_share", "drift", "client_count_change"]
Outcome = Literal["pass", "warn", "allowed", "stop", "none"]
# Why there is no verdict.
Note = Literal["", "first_run", "unreadable", "only_now", "only_before", "redefined", "few_clients"]

SAMPLE_SERIES = "sample"
CHURN = "is_churned"
# Great Expectations reports on its users where its version still does, and draws progress bars.
_QUIET = {"GX_ANALYTICS_ENABLED": "false", "TQDM_DISABLE": "1"}

_COUNTS = "select read_rows, accepted_rows, rejected_rows from this.quality.row_counts"
_LIMITS = (
    "select kind, warn_above, stop_above, smallest_share, fewest_clients from this.reference.gate_limits"
)
_DRIFT = """
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
    from this.quality.trait_distribution as now
    full join previous.quality.trait_distribution as before on now.trait = before.trait and now.level = before.level
)
select
    trait,
    cast(sum(clients) as bigint) as clients,
    cast(sum(clients_before) as bigint) as clients_before,
    max(bands) is not distinct from max(bands_before) as has_same_bands,
    sum((share - share_before) * ln(share / share_before) order by level) as stability_index
from levels
group by trait
order by trait
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of `gate_limits.csv`; a missing limit is never exceeded."""

    kind: Kind
    warn_above: float | None
    stop_above: float | None
    smallest_share: float | None = None
    fewest_clients: int | None = None

    def outcome(self, value: float, *, is_stop_allowed: bool = False) -> Outcome:
        """`stop` and `warn` begin above their limit, not at it."""
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

    def having(self, *outcomes: Outcome, kind: Kind | None = None) -> list[Finding]:
        """The findings with one of the outcomes, of one kind or of all."""
        return [
            finding
            for finding in self.findings
            if finding.outcome in outcomes and kind in (None, finding.kind)
        ]

    @property
    def is_refused(self) -> bool:
        """Whether the run must not be published."""
        return bool(self.having("stop"))

    def refusal(self, clients: Path, rejected_rows_file: Path) -> str | None:
        """One sentence on why nothing is published, or None where the run may be."""
        parts = []
        for finding in self.having("stop", kind="rejected_share"):
            parts.append(
                f"{self.rejected_rows} of its {self.read_rows} rows were rejected ({finding.value:.2%}, allowed"
                f" are {finding.limit.stop_above:.2%} by seeds/gate_limits.csv), see {rejected_rows_file}"
                if self.read_rows
                else "it has no rows"
            )
        moved = [
            f"{'client count' if finding.kind == 'client_count_change' else finding.subject}"
            f" {finding.value:.3f} (limit {finding.limit.stop_above:g})"
            for finding in self.having("stop")
            if finding.kind != "rejected_share"
        ]
        if moved:
            parts.append(
                f"its clients moved too far from release {self.previous_run}: {', '.join(moved)};"
                " if that is how the bank changed, publish it with ALLOW_DRIFT=1"
            )
        return f"The client file {clients} was not accepted: {'; and '.join(parts)}." if parts else None

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


def series_of(clients: Path, sample: Path, name: str | None = None) -> str:
    """The series that a run belongs to: its releases are compared with each other.

    The sample is one series. A user's file belongs to the series `name` where one is given, else to that of its file
    name without folder and endings: `2026-10/clients.csv` and `2026-11/clients.csv.gz` are months of one series.
    """
    if name:
        return f"named:{name}"
    if clients == sample or (clients.exists() and sample.exists() and clients.samefile(sample)):
        return SAMPLE_SERIES
    return f"file:{re.sub(r'[.](csv|csv[.]gz|parquet)$', '', clients.name)}"


def previous_release(published: Path, series: str) -> Path | None:
    """The newest release of the series that is not newer than `published/latest`, or None.

    A release newer than `latest` was rolled back: it is no measure for the next one.
    """
    releases = {
        path.parent.name: path for path in published.glob("[!.]*/run.json") if path.parent.name != "latest"
    }
    latest = published / "latest"
    newest = latest.resolve().name if latest.exists() else max(releases, default="")
    for run_id in sorted(releases, reverse=True):
        if run_id <= newest and _series_in(releases[run_id]) == series:
            return releases[run_id].parent
    return None


def _series_in(run_json: Path) -> str | None:
    try:
        return str(json.loads(run_json.read_text(encoding="utf-8"))["input"]["series"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_gate(warehouse: Path, previous_release: Path | None, *, allow_drift: bool = False) -> GateResult:
    """Measure the run in `warehouse` against the limits it was built with and a release of the same series.

    Drift is the population stability index of each category trait, and of the churn flag: the sum over the levels of
    (share now - share before) * ln(share now / share before), where a share below the declared smallest one, such as
    that of an empty level, counts as that one. N. Siddiqi, Credit Risk Scorecards, Wiley 2006; B. Yurdakul,
    Statistical Properties of Population Stability Index, Western Michigan University 2018. It is the symmetric
    divergence of Jeffreys. `allow_drift` lets a run through that moved too far; it does not touch the rejected rows.
    """
    with duckdb.connect() as connection:
        attach(connection, warehouse, "this")
        limits = {row[0]: Limit(*row) for row in connection.execute(_LIMITS).fetchall()}
        read, accepted, rejected = connection.execute(_COUNTS).fetchall()[0]
        findings: list[Finding] = []
        if rejected_limit := limits.get("rejected_share"):
            share = rejected / read if read else None
            outcome = "stop" if share is None else rejected_limit.outcome(share)
            findings.append(Finding("rejected_share", "", share, rejected_limit, outcome))
        compared = [limits[kind] for kind in ("client_count_change", "drift") if kind in limits]
        if previous_release is None:
            findings += [Finding(limit.kind, "", None, limit, "none", "first_run") for limit in compared]
        else:
            try:
                attach(connection, previous_release / "bank_marts.duckdb", "previous")
                connection.execute("from previous.quality.trait_distribution limit 0")
            except duckdb.Error:
                findings += [Finding(limit.kind, "", None, limit, "none", "unreadable") for limit in compared]
            else:
                confine(connection)
                findings += _moves(connection, limits, allow_drift)
    return GateResult(
        read, accepted, rejected, previous_release.name if previous_release else None, tuple(findings)
    )


def _moves(
    connection: duckdb.DuckDBPyConnection, limits: Mapping[str, Limit], allow_drift: bool
) -> Iterator[Finding]:
    """What changed since the previous release: the number of clients, then every trait."""
    smallest = limits["drift"].smallest_share if "drift" in limits else 1.0
    if not smallest or not 0 < smallest <= 1:
        raise RefusedError(
            "seeds/gate_limits.csv gives drift no smallest_share between 0 and 1; nothing was published."
        )
    rows = connection.execute(_DRIFT, {"smallest_share": smallest}).fetchall()
    if count_limit := limits.get("client_count_change"):
        now, before = next((row[1:3] for row in rows if row[0] == CHURN), (None, None))
        change = abs((now or 0) / before - 1) if before else None
        outcome = "none" if change is None else count_limit.outcome(change, is_stop_allowed=allow_drift)
        note: Note = "few_clients" if change is None else ""
        yield Finding("client_count_change", "", change, count_limit, outcome, note)
    if drift_limit := limits.get("drift"):
        fewest = drift_limit.fewest_clients or 1
        for trait, now, before, has_same_bands, index in rows:
            note = ""
            if before is None:
                note = "only_now"
            elif now is None:
                note = "only_before"
            elif not has_same_bands:
                note = "redefined"
            elif min(now, before) < fewest:
                note = "few_clients"
            if note:
                yield Finding("drift", trait, None, drift_limit, "none", note)
            else:
                yield Finding(
                    "drift",
                    trait,
                    index,
                    drift_limit,
                    drift_limit.outcome(index, is_stop_allowed=allow_drift),
                )


_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]*)?([eE][+-]?[0-9]+)?")
# Also behind a separator: a spreadsheet that splits at semicolons or tabs starts a cell there.
_FORMULA = re.compile(r"((?:^|[;,\t\r\n])\s*)(?=[=+\-@|%＝＋－＠])")


def safe_cell(text: str) -> str:
    """`text` that no spreadsheet takes for a formula: an apostrophe goes before what would start one.

    A plain number stays as it is. See OWASP, CSV Injection.
    """
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


# The whole row, as only its owner may read it. Spark hands over what it publishes, where ids are hidden.
_REJECTED_ROWS = {
    "stg_bank__client_rows": "select source_row_number, reasons, source.* exclude (source_row_number, row_fault)"
    " from raw.clients as source inner join staging.stg_bank__client_rows using (source_row_number)"
    " where reasons is not null order by source_row_number",
    "rejected_clients": "from quality.rejected_clients order by source_row_number",
}


def write_rejected(warehouse: Path, path: Path) -> int:
    """Write the rejected rows, whole and with their reasons, as CSV for its owner only; returns the count.

    Writes no file where the warehouse was not built as far as that, or no row was rejected. UTF-8 with a byte order
    mark, without which spreadsheets misread Cyrillic. Constant memory in the number of rows.
    """
    if not warehouse.exists():
        return 0
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(open_confined(warehouse=warehouse))
        built = connection.execute("select distinct table_name from duckdb_columns()").fetchall()
        query = next((query for name, query in _REJECTED_ROWS.items() if (name,) in built), None)
        if query is None:
            return 0
        result = connection.execute(query)
        rows = each_row(result)
        if (first := next(rows, None)) is None:
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        handle = stack.enter_context(os.fdopen(descriptor, "w", encoding="utf-8-sig", newline=""))
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow([column[0] for column in result.description or ()])
        written = 0
        for row in chain([first], rows):
            writer.writerow(["" if cell is None else safe_cell(str(cell)) for cell in row])
            written += 1
    return written


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One expectation of `expectations.csv` for one column, and what the marts had to say."""

    expectation_id: str
    relation: str
    expectation_type: str
    columns: str
    meaning_ru: str
    meaning_en: str
    is_met: bool
    observed: str


def refusal_of(outcomes: Iterable[ExpectationOutcome], warehouse: Path) -> str | None:
    """One sentence on which expectations the marts do not meet, or None where they meet all."""
    unmet = [outcome for outcome in outcomes if not outcome.is_met]
    if not unmet:
        return None
    first = unmet[0]
    place = f"{first.relation}, {first.columns}" if first.columns else first.relation
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    return (
        f"The warehouse {warehouse} failed validation: {first.expectation_id} in {place}"
        f" ({first.meaning_en} Seen: {first.observed}){more}; nothing was published."
    )


def read_expectations(warehouse: Path) -> pd.DataFrame:
    """The suites that the warehouse was built with, in the order of their ids."""
    with open_confined(warehouse=warehouse) as connection:
        return connection.execute("from reference.expectations order by relation, expectation_id").df()


def read_frames(warehouse: Path, expectations: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every mart that the suites name, whole, as they are small, and in order, so that a run tells the same twice.

    One that is not there is left out.
    """
    names = set(expectations["relation"])
    for kwargs in expectations["kwargs"]:
        names |= {
            source.rpartition(".")[0]
            for source in re.findall(r'"(?:values_of|total_of)": *"([^"]+)"', kwargs)
        }
    frames = {}
    with open_confined(warehouse=warehouse) as connection:
        for name in sorted(names):
            quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
            with contextlib.suppress(duckdb.CatalogException):
                frames[name] = connection.execute(f"from {quoted} order by all").df()
    return frames


def _resolved(value: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    """The arguments of an expectation with what they take from other marts filled in."""
    if not isinstance(value, dict):
        return value
    if source := value.get("values_of") or value.get("total_of"):
        relation, _, column = source.rpartition(".")
        frame = frames[relation].query(value["where"]) if "where" in value else frames[relation]
        return list(frame[column].unique()) if "values_of" in value else int(frame[column].sum())
    return {key: _resolved(item, frames) for key, item in value.items()}


def _split(text: Any) -> list[str]:
    return [part.strip() for part in text.split(";")] if isinstance(text, str) and text.strip() else []


@dataclass(slots=True)
class _Check:
    """One expectation of one column: what to call Great Expectations with, and what came of it."""

    row: Mapping[Any, Any]
    columns: str
    kwargs: dict[str, Any]
    is_met: bool = False
    observed: str = ""

    def outcome(self) -> ExpectationOutcome:
        """What the page and the refusal say about it."""
        copied = ("expectation_id", "relation", "expectation_type", "meaning_ru", "meaning_en")
        texts = {name: str(self.row[name]) for name in copied}
        return ExpectationOutcome(**texts, columns=self.columns, is_met=self.is_met, observed=self.observed)


def run_checkpoint(
    frames: Mapping[str, pd.DataFrame], expectations: pd.DataFrame
) -> list[ExpectationOutcome]:
    """Validate the frames with Great Expectations, one suite and checkpoint per frame; its import takes seconds.

    An expectation that cannot be evaluated (no such mart, column or expectation) counts as not met.
    """
    checks: list[_Check] = []
    suites: dict[tuple[str, tuple[str, ...]], list[_Check]] = {}
    for row in expectations.to_dict("records"):
        summed_by = tuple(_split(row["summed_by"]))
        for column in _split(row["columns"]) or [""]:
            check = _Check(row, column or _columns_in(row["kwargs"]), {"column": column} if column else {})
            checks.append(check)
            try:
                check.kwargs |= _resolved(json.loads(row["kwargs"]), frames)
                suites.setdefault((row["relation"], summed_by), []).append(check)
            except (KeyError, ValueError) as error:
                check.observed = f"{type(error).__name__}: {error}"
    for (relation, summed_by), suite in suites.items():
        try:
            frame = frames[relation]
            if summed_by:
                frame = frame.groupby(list(summed_by), as_index=False, dropna=False).sum(numeric_only=True)
        except KeyError as error:
            for check in suite:
                check.observed = f"there is no {error}"
        else:
            _validate(" by ".join((relation, *summed_by)), frame, suite)
    return [check.outcome() for check in checks]


def _columns_in(kwargs: str) -> str:
    """What an expectation looks at where its row names no column."""
    parsed = json.loads(kwargs)
    pair = [parsed[key] for key in ("column_A", "column_B") if key in parsed]
    return str(parsed.get("row_condition") or ", ".join(pair))


def _validate(name: str, frame: pd.DataFrame, suite: list[_Check]) -> None:
    """Run one checkpoint on one frame and note the results in its checks."""
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    built = []
    for position, check in enumerate(suite):
        try:
            implementation = get_expectation_impl(str(check.row["expectation_type"]))
            kwargs = dict(check.kwargs)
            if condition := kwargs.get("row_condition"):
                # What a plain string, which the next major version refuses, is turned into.
                kwargs["row_condition"] = {"type": "pass_through", "pass_through_filter": condition}
            built.append(implementation(**kwargs, meta={"position": position}))
        except Exception as error:  # whatever the library raises on a wrong name or argument, it is not met
            check.observed = f"{type(error).__name__}: {error}"
    batches = context.data_sources.add_pandas("marts").add_dataframe_asset(name)
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=name,
            data=batches.add_batch_definition_whole_dataframe("all rows"),
            suite=context.suites.add(gx.ExpectationSuite(name, expectations=built)),
        )
    )
    checkpoint = context.checkpoints.add(gx.Checkpoint(name=name, validation_definitions=[definition]))
    for validation in checkpoint.run(batch_parameters={"dataframe": frame}).run_results.values():
        for result in validation.results:
            check = suite[result["expectation_config"]["meta"]["position"]]
            check.is_met = bool(result.success)
            check.observed = _observed(result.result, result.exception_info)


def _observed(result: Mapping[str, Any], exception: Mapping[str, Any]) -> str:
    """What an expectation saw, in a few characters."""
    for raised in (exception, *exception.values()):
        if isinstance(raised, Mapping) and raised.get("raised_exception"):
            return str(raised["exception_message"])
    if missing := result.get("partial_missing_list"):
        return "missing: " + ", ".join(map(str, missing))
    if unexpected := result.get("partial_unexpected_list"):
        # Of an expectation on two columns each is a pair.
        shown = [
            " and ".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in unexpected[:5]
        ]
        return f"{result['unexpected_count']} of {result['element_count']}: " + ", ".join(shown)
    if result.get("observed_value") is not None:
        return str(result["observed_value"])
    return f"0 of {result['element_count']}" if "element_count" in result else ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Great Expectations in a process of its own that waits for a warehouse."""

    process: subprocess.Popen[str]

    def begin(self, warehouse: Path) -> None:
        """Let it validate the warehouse, which no one may have open for writing, while this process goes on."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died; its own complaint comes with the outcomes
                self.process.stdin.write(json.dumps(str(warehouse.resolve())))
                self.process.stdin.close()
            self.process.stdin = None

    def outcomes(self) -> list[ExpectationOutcome]:
        """The outcomes of every expectation; raises `RefusedError` where the validation itself broke."""
        answer, complaint = self.process.communicate()
        if self.process.returncode:
            reason = (complaint.strip().splitlines() or ["no message"])[-1]
            raise RefusedError(f"The warehouse could not be validated: {reason}; nothing was published.")
        return [ExpectationOutcome(**outcome) for outcome in json.loads(answer)]


@contextlib.contextmanager
def prepared_checkpoint() -> Iterator[Checkpoint]:
    """A process that imports Great Expectations at once; it ends with the block, or when this process dies."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bank_segments.quality"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent), **_QUIET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Checkpoint(process)
    finally:
        process.kill()
        process.communicate()


def _serve() -> None:
    """Import Great Expectations, wait for the path of a warehouse on standard input, print the outcomes."""
    importlib.import_module("great_expectations")

    line = sys.stdin.read()
    if line:
        warehouse = Path(json.loads(line))
        expectations = read_expectations(warehouse)
        outcomes = run_checkpoint(read_frames(warehouse, expectations), expectations)
        json.dump([asdict(outcome) for outcome in outcomes], sys.stdout)


if __name__ == "__main__":
    _serve()
