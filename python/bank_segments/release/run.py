"""One run of `make report`: where it works, what keeps others out, what it prints and what it records."""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bank_segments import ROOT, SAMPLE
from bank_segments.errors import RefusedError, shown
from bank_segments.marts import Marts, groups, where

TARGET = ROOT / "target/report"
PUBLISHED = ROOT / "published"
LIBRARIES = (
    *("dbt-core", "dbt-duckdb", "duckdb", "pandas", "scipy", "statsmodels"),
    *("great-expectations", "matplotlib"),
)


def versions() -> dict[str, str]:
    """Those of Python and of the libraries behind the figures."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def releases(published: Path) -> list[Path]:
    """The finished releases, oldest first."""
    found = (record.parent for record in published.glob("[!.]*/run.json"))
    return sorted(release for release in found if not release.is_symlink())


def series_in(release: Path) -> str | None:
    """The series in a release's record; None where it cannot be read."""
    try:
        return str(json.loads((release / "run.json").read_text(encoding="utf-8"))["input"]["series"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(slots=True)
class Steps:
    """Runs the steps of a report, prints each with its seconds and remembers them."""

    seconds: dict[str, float] = field(default_factory=dict)
    _is_line_open: bool = False

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block and print one line when it is done."""
        print(f"{name:<22}", end="", flush=True)
        self._is_line_open = True
        outcome = "failed"
        try:
            with timed(name, self.seconds):
                yield
            outcome = f"{self.seconds[name]:6.1f} s"
        finally:
            print(outcome if self._is_line_open else f"{name:<22}{outcome}", flush=True)
            self._is_line_open = False

    def tell(self, text: str) -> None:
        """Print a line about the step that is running."""
        print(f"{chr(10) if self._is_line_open else ''}  {text}", flush=True)
        self._is_line_open = False

    def note(self, seconds: dict[str, float]) -> None:
        """Print and remember steps that ran elsewhere at the same time."""
        for name, taken in seconds.items():
            print(f"{name:<22}{taken:6.1f} s  (at the same time)", flush=True)
        self.seconds |= seconds


@contextlib.contextmanager
def timed(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note the seconds of the block under its name, where it ends well."""
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 2)


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
            raise RefusedError("Another `make report` is running in this project; wait until it ends.") from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def new_run_id() -> str:
    """An id that sorts by time, in UTC."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def started_at(run_id: str) -> datetime:
    """The time in a run's id; raises `ValueError` where it does not begin with one."""
    return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def is_sample(clients: Path) -> bool:
    """Whether the file, by whatever path, is the synthetic sample that ships with the project."""
    return SAMPLE.exists() and clients.exists() and clients.samefile(SAMPLE)


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal, read in constant memory; raises `RefusedError` if it cannot be read.

    That of a folder is of the lines that `sha256sum` prints of its files.
    """
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        lines = [f"{sha256_of(each)}  {each.relative_to(path)}\n" for each in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise RefusedError(
            f"The client file {shown(path)} does not exist; check the path, which begins in {Path.cwd()} unless it is"
            " absolute."
        ) from error
    except OSError as error:
        raise RefusedError(
            f"The client file {shown(path)} cannot be read: {error.strerror}; check the path."
        ) from error


def summary(marts: Marts, counts: dict[str, int], release: Path) -> str:
    """The last lines of a run: rows, coverages, verdicts and where the release is."""
    lines = [f"rows: {counts['read']} read, {counts['accepted']} accepted, {counts['rejected']} rejected"]
    for row in marts.tables["fct_segment_metrics"]:
        if row["segment_id"] != "none":
            known = "not applicable" if row["coverage"] is None else f"coverage {row['coverage']:.2%}"
            lines.append(f"{row['segment_id']} {row['name_en']}: {known}")
    for results in groups(where(marts.tables["fct_hypothesis_results"], is_primary=True), "population"):
        lines += [
            f"{row['hypothesis_id']}, {row['population']}: {row['conclusion'].replace('_', ' ')}" for row in results
        ]
    first_page = release.with_name("latest") / "index.html"
    lines.append(f"published: {shown(release)}; start with {shown(first_page)}")
    return "\n".join(lines)
