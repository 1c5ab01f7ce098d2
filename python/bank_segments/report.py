"""`make report`: builds the warehouse, tests it, draws and writes everything, publishes it.

Exit status: 0 published; 1 the input or the warehouse failed validation, nothing published; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib
import json
import logging
import multiprocessing
import os
import platform
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from bank_segments import publish, quality
from bank_segments.database import open_confined
from bank_segments.errors import RefusedError, disk_full
from bank_segments.index_page import write_index
from bank_segments.marts import read_marts
from bank_segments.pages import INDEX
from bank_segments.quality_page import write_quality_page
from bank_segments.warehouse import Build, build_warehouse, write_documentation

if TYPE_CHECKING:
    from bank_segments.charts import Chart

SAMPLE = Path("seeds/sample/clients.parquet")
TARGET = Path("target/report")
PUBLISHED = Path("published")
LIBRARIES = ("dbt-core", "dbt-duckdb", "duckdb", "pandas", "scipy", "great-expectations", "matplotlib")


@dataclass(slots=True)
class Steps:
    """Runs the steps of a report, prints each with its seconds and remembers them."""

    seconds: dict[str, float] = field(default_factory=dict)
    _is_line_open: bool = False

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block and print one line when it is done."""
        started = time.monotonic()
        print(f"{name:<22}", end="", flush=True)
        self._is_line_open = True
        try:
            yield
        except BaseException:
            self._end_line(name, "failed")
            raise
        self.seconds[name] = round(time.monotonic() - started, 2)
        self._end_line(name, f"{self.seconds[name]:6.1f} s")

    def tell(self, text: str) -> None:
        """Print a line about the step that is running."""
        print(f"{chr(10) if self._is_line_open else ''}  {text}", flush=True)
        self._is_line_open = False

    def _end_line(self, name: str, outcome: str) -> None:
        print(outcome if self._is_line_open else f"{name:<22}{outcome}", flush=True)
        self._is_line_open = False

    def note(self, seconds: dict[str, float]) -> None:
        """Print and remember steps that ran elsewhere at the same time."""
        for name, taken in seconds.items():
            self.seconds[name] = round(taken, 2)
            print(f"{name:<22}{taken:6.1f} s  (at the same time)", flush=True)


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal, read in constant memory; raises `RefusedError` if it cannot be read."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise RefusedError(
            f"The client file {path} cannot be read: {error.strerror}; check the path."
        ) from error


@contextlib.contextmanager
def only_run(target: Path) -> Iterator[None]:
    """Hold the lock of this project's reports; raises `RefusedError` while another run holds it."""
    target.mkdir(parents=True, exist_ok=True)
    # The warehouse in it holds the bank's ids.
    target.chmod(0o700)
    with (target / "lock").open("a+", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(
                "Another `make report` is running in this project; wait until it ends."
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def new_run_id() -> str:
    """Return an id that sorts by time, in UTC."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _rows(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with open_confined(warehouse=warehouse) as connection:
        return connection.execute(query).fetchall()


def row_counts(warehouse: Path) -> dict[str, int]:
    """Return the rows read, accepted and rejected."""
    (read, accepted, rejected) = _rows(
        warehouse, "select read_rows, accepted_rows, rejected_rows from quality.row_counts"
    )[0]
    return {"read": read, "accepted": accepted, "rejected": rejected}


def minimum_group(warehouse: Path) -> int:
    """Return the smallest number of clients that the dashboard may show."""
    return int(
        _rows(
            warehouse, "select minimum_clients from reference.disclosure_limits where output = 'dashboard'"
        )[0][0]
    )


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to write its part of a release."""

    warehouse: Path
    staged: Path
    input_name: str
    is_synthetic: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was run on what, with which outcome, and how long each step took: `run.json`."""

    run_id: str
    file: str
    sha256: str
    is_synthetic: bool
    series: str
    rows: dict[str, int]
    gate: list[dict[str, Any]]
    seconds: dict[str, float]

    def write(self, path: Path) -> None:
        """Write the record with the versions of Python and of the libraries behind the figures."""
        record = {
            "run_id": self.run_id,
            "input": {
                "file": self.file,
                "sha256": self.sha256,
                "is_synthetic": self.is_synthetic,
                "series": self.series,
            },
            "rows": self.rows,
            "gate": self.gate,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
            "seconds": self.seconds,
        }
        path.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def summary(warehouse: Path, counts: dict[str, int], release: Path) -> str:
    """Return the last lines of a run: rows, coverages, verdicts and where to look next."""
    coverages = _rows(
        warehouse,
        "select segment_id, name_en, coverage from marts.fct_segment_metrics"
        " inner join marts.dim_segments using (segment_id) order by segment_id",
    )
    verdicts = _rows(
        warehouse,
        "select population, hypothesis_id, coalesce(verdict, 'not tested') from marts.fct_hypothesis_results"
        " inner join marts.dim_populations as populations using (population)"
        " inner join marts.dim_hypotheses as hypotheses using (hypothesis_id)"
        " where is_primary order by populations.sort_order, hypotheses.sort_order, hypothesis_id",
    )
    lines = [f"rows: {counts['read']} read, {counts['accepted']} accepted, {counts['rejected']} rejected"]
    lines += [f"{segment_id} {name}: coverage {coverage:.2%}" for segment_id, name, coverage in coverages]
    lines += [f"{hypothesis_id}, {population}: {verdict}" for population, hypothesis_id, verdict in verdicts]
    lines.append(f"published: {release}; start with {PUBLISHED / 'latest' / INDEX['ru']}")
    return "\n".join(lines)


@contextlib.contextmanager
def under_construction(staged: Path) -> Iterator[None]:
    """Leave nothing at `staged` where the block did not publish it, which moves it away."""
    try:
        yield
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _end_with_parent() -> None:
    """End this worker when the run is killed: its queue would keep it waiting for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    # No daemon: one that sleeps while Python shuts down makes the DuckDB library complain of leaks.
    while threading.main_thread().is_alive():
        parent.join(0.2)
        if not parent.is_alive():
            os._exit(1)


def _warm_up() -> None:
    """Import in a worker what it will need, while dbt builds: the build keeps only one core busy."""
    threading.Thread(target=_end_with_parent).start()
    for name in ("charts", "conclusions", "dashboard", "deck"):
        importlib.import_module(f"bank_segments.{name}")


@contextlib.contextmanager
def _timed(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note the seconds of the block under its name."""
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started


def _write_reading(job: Job) -> tuple[dict[str, float], list[Chart]]:
    """Draw the charts and write what shows them; runs in a worker, returns the seconds of each step and the charts."""
    from bank_segments.charts import draw_charts
    from bank_segments.conclusions import write_conclusions

    marts = read_marts(job.warehouse)
    seconds: dict[str, float] = {}
    with _timed("charts", seconds):
        (job.staged / "charts").mkdir()
        charts = draw_charts(marts, job.staged / "charts")
    with _timed("conclusions", seconds):
        write_conclusions(
            marts, job.staged, input_name=job.input_name, is_synthetic=job.is_synthetic, charts=charts
        )
    return seconds, charts


def _write_dashboards(job: Job) -> dict[str, float]:
    """Write the dashboards; runs in a worker, returns its seconds."""
    from bank_segments.dashboard import write_dashboards

    seconds: dict[str, float] = {}
    with _timed("dashboard", seconds):
        write_dashboards(
            job.warehouse,
            job.staged,
            input_name=job.input_name,
            is_synthetic=job.is_synthetic,
            minimum_group=minimum_group(job.warehouse),
        )
    return seconds


def _write_decks(job: Job) -> dict[str, float]:
    """Write the decks; runs in a worker, returns its seconds."""
    from bank_segments.deck import write_decks

    seconds: dict[str, float] = {}
    with _timed("deck", seconds):
        marts = read_marts(job.warehouse)
        write_decks(marts, job.staged, input_name=job.input_name, is_synthetic=job.is_synthetic)
    return seconds


def _pass_gate(clients: Path, build: Build, series: str, *, allow_drift: bool) -> quality.GateResult:
    """Return what the gate found; raises `RefusedError` where it stops the run."""
    gate = quality.check_gate(
        build.warehouse, quality.previous_release(PUBLISHED, series), allow_drift=allow_drift
    )
    if refusal := gate.refusal(clients, build.rejected_rows):
        raise RefusedError(refusal)
    return gate


def report(
    clients: Path, *, series_name: str | None = None, allow_drift: bool = False, engine: str = "duckdb"
) -> None:
    """Run the whole job on `clients`; raises `RefusedError` where nothing may be published."""
    steps = Steps()
    build = Build(TARGET)
    run_id = new_run_id()
    staged = PUBLISHED / f".{run_id}"
    is_synthetic = clients == SAMPLE
    series = quality.series_of(clients, SAMPLE, series_name)
    with (
        only_run(TARGET),
        under_construction(staged),
        quality.prepared_checkpoint() as checkpoint,
        ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_warm_up) as workers,
    ):
        publish.remove_unfinished(PUBLISHED)
        with steps.step("read the input"):
            digest = sha256_of(clients)
        workers.submit(int)  # starts a worker, and with it the imports
        with steps.step("dbt build"):
            try:
                build_warehouse(clients, build, engine, steps.tell)
            finally:
                quality.write_rejected(build.warehouse, build.rejected_rows)
        with steps.step("gate"):
            gate = _pass_gate(clients, build, series, allow_drift=allow_drift)
        staged.mkdir(parents=True)
        job = Job(build.warehouse, staged, clients.name, is_synthetic)
        reading = workers.submit(_write_reading, job)
        pending = [workers.submit(write, job) for write in (_write_dashboards, _write_decks)]
        checkpoint.begin(build.warehouse)
        with steps.step("marts for BI"):
            publish.write_marts(build, staged / "bank_marts.duckdb")
        with steps.step("checkpoint"):
            outcomes = checkpoint.outcomes()
            if refusal := quality.refusal_of(outcomes, build.warehouse):
                raise RefusedError(refusal)
        seconds, charts = reading.result()
        steps.note(seconds)
        for done in pending:
            steps.note(done.result())
        with steps.step("dbt docs"):
            write_documentation(clients, build)
            (staged / "docs").mkdir()
            (staged / "docs" / "index.html").write_bytes(build.documentation.read_bytes())
        with steps.step("data quality page"):
            verdict = write_quality_page(
                staged / "data_quality",
                build=build,
                gate=gate,
                outcomes=outcomes,
                run_id=run_id,
                input_name=clients.name,
                is_synthetic=is_synthetic,
            )
        counts = row_counts(build.warehouse)
        with steps.step("publish"):
            record = RunRecord(
                run_id, clients.name, digest, is_synthetic, series, counts, gate.record(), steps.seconds
            )
            write_index(staged, record, verdict, charts)
            record.write(staged / "run.json")
            release = publish.publish(staged, PUBLISHED, run_id)
        print(summary(build.warehouse, counts, release))


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the report; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make report", description="Build and publish the client segmentation."
    )
    parser.add_argument(
        "--clients", type=Path, default=SAMPLE, help="the client file: .csv, .csv.gz or .parquet"
    )
    parser.add_argument(
        "--series", help="compare with the releases of this series, not with those of the file's name"
    )
    parser.add_argument(
        "--allow-drift", action="store_true", help="publish although the clients drifted past the limit"
    )
    parser.add_argument(
        "--engine",
        choices=("duckdb", "spark", "spark_thrift"),
        default="duckdb",
        help="what builds the models: a target of profiles.yml",
    )
    parser.add_argument(
        "--roll-back",
        action="store_true",
        help="build nothing, switch published/latest to the release before it",
    )
    options = parser.parse_args(arguments)
    command = "make rollback" if options.roll_back else "make report"
    # Where the log itself cannot be written, the reason is told once, and not in tracebacks.
    logging.raiseExceptions = False
    try:
        if options.roll_back:
            with only_run(TARGET):
                print(f"published/latest is now {publish.roll_back(PUBLISHED).name}")
        else:
            report(
                options.clients,
                series_name=options.series,
                allow_drift=options.allow_drift,
                engine=options.engine,
            )
    except RefusedError as refusal:
        print(f"{command}: {refusal}", file=sys.stderr)
        return 1
    except (OSError, duckdb.Error) as error:
        stop = disk_full(str(error)) or RefusedError(
            f"The run stopped, nothing was published: {' '.join(str(error).split())}."
        )
        print(f"{command}: {stop}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
