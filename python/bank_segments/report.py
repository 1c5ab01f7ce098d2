"""`make report`: builds the warehouse, tests it, draws and writes everything, publishes it.

Exit status: 0 published; 1 the input or the warehouse failed validation, nothing published; 2 wrong usage.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from bank_segments import publish
from bank_segments.charts import draw_charts
from bank_segments.conclusions import write_conclusions
from bank_segments.dashboard import write_dashboards
from bank_segments.errors import RefusedError
from bank_segments.marts import read_marts
from bank_segments.warehouse import Build, build_warehouse, write_documentation

SAMPLE = Path("seeds/sample/clients.parquet")
TARGET = Path("target/report")
PUBLISHED = Path("published")
LIBRARIES = ("dbt-core", "dbt-duckdb", "duckdb", "pandas", "scipy", "great-expectations", "matplotlib")


@dataclass(slots=True)
class Steps:
    """Runs the steps of a report, prints each with its seconds and remembers them."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block and print one line when it is done."""
        started = time.monotonic()
        print(f"{name:<22}", end="", flush=True)
        try:
            yield
        except BaseException:
            print("failed", flush=True)
            raise
        self.seconds[name] = round(time.monotonic() - started, 2)
        print(f"{self.seconds[name]:6.1f} s", flush=True)


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
    with duckdb.connect(str(warehouse), read_only=True) as connection:
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


def write_run_json(
    path: Path, run_id: str, clients: Path, digest: str, counts: dict[str, int], seconds: dict[str, float]
) -> None:
    """Write what was run on what, with which versions, and how long each step took."""
    record = {
        "run_id": run_id,
        "input": {"file": clients.name, "sha256": digest, "is_synthetic": clients == SAMPLE},
        "rows": counts,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "seconds": seconds,
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
        " inner join marts.dim_populations using (population)"
        " where is_primary order by sort_order, hypothesis_id",
    )
    lines = [f"rows: {counts['read']} read, {counts['accepted']} accepted, {counts['rejected']} rejected"]
    lines += [f"{segment_id} {name}: coverage {coverage:.2%}" for segment_id, name, coverage in coverages]
    lines += [f"{hypothesis_id}, {population}: {verdict}" for population, hypothesis_id, verdict in verdicts]
    lines.append(f"published: {release}; start with {PUBLISHED / 'latest' / 'conclusions.ru.md'}")
    return "\n".join(lines)


def report(clients: Path) -> None:
    """Run the whole job on `clients`; raises `RefusedError` where nothing may be published."""
    steps = Steps()
    build = Build(TARGET)
    run_id = new_run_id()
    staged = PUBLISHED / f".{run_id}"
    with only_run(TARGET):
        publish.remove_unfinished(PUBLISHED)
        with steps.step("read the input"):
            digest = sha256_of(clients)
        with steps.step("dbt build"):
            build_warehouse(clients, build)
        staged.mkdir(parents=True)
        with steps.step("dbt docs"):
            write_documentation(clients, build)
            (staged / "docs").mkdir()
            (staged / "docs" / "index.html").write_bytes(build.documentation.read_bytes())
        with steps.step("marts for BI"):
            publish.write_marts(build, staged / "bank_marts.duckdb")
        marts = read_marts(build.warehouse)
        with steps.step("charts"):
            (staged / "charts").mkdir()
            draw_charts(marts, staged / "charts")
        with steps.step("conclusions"):
            write_conclusions(marts, staged, input_name=clients.name, is_synthetic=clients == SAMPLE)
        with steps.step("dashboard"):
            write_dashboards(
                build.warehouse,
                staged,
                input_name=clients.name,
                is_synthetic=clients == SAMPLE,
                minimum_group=minimum_group(build.warehouse),
            )
        counts = row_counts(build.warehouse)
        with steps.step("publish"):
            write_run_json(staged / "run.json", run_id, clients, digest, counts, steps.seconds)
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
        "--roll-back",
        action="store_true",
        help="build nothing, switch published/latest to the release before it",
    )
    options = parser.parse_args(arguments)
    try:
        if options.roll_back:
            with only_run(TARGET):
                print(f"published/latest is now {publish.roll_back(PUBLISHED).name}")
        else:
            report(options.clients)
    except RefusedError as refusal:
        print(f"make report: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
