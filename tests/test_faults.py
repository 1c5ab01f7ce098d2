"""Readers, killed and second runs and a full disk: the release in use stays whole, and the next run works.

CI runs short forms. `make soak` runs the whole ones (SOAK=1): 20 kills, each followed by a run that must publish, and
8 readers for two minutes; it writes their counts into models/docs/faults.md.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from dbt.contracts.files import SchemaSourceFile
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

from bank_segments.ingest import client_file
from bank_segments.release import publish
from bank_segments.release.run import sha256_of, started_at
from bank_segments.report import main
from bank_segments.warehouse import Build
from conftest import REPORT, SAMPLE, report, rows_in, take
from fault_table import measured, refused, saw
from needed import missing
from release_reader import QUERIES, read

IS_SOAK = os.environ.get("SOAK") == "1"
KILLS = 20 if IS_SOAK else 2
READERS = 8 if IS_SOAK else 3
SOAK_SECONDS = 120 if IS_SOAK else 5
PUBLICATIONS = 10
SEED = 20261124


def files_of(release: Path) -> set[str]:
    return {path.relative_to(release).as_posix() for path in release.rglob("*")}


def assert_is_whole(release: Path, files: set[str]) -> None:
    assert files <= files_of(release)
    run = json.loads((release / "run.json").read_text(encoding="utf-8"))
    assert run["run_id"] == release.name
    accepted = {rows_in(release / "bank_marts.duckdb", query)[0][0] for query in QUERIES}
    assert accepted == {run["rows"]["accepted"]}


def leftovers(project: Path) -> list[str]:
    """Return what only an unfinished run has: hidden releases and links, copies of the clients, a DuckDB log."""
    return sorted(
        path.relative_to(project).as_posix()
        for pattern in ("published/.*", "target/report/.*", "target/report/*.wal", "target/report/*.tmp")
        for path in project.glob(pattern)
    )


def killed_after(project: Path, seconds: float, *, has_second: bool) -> list[str] | None:
    """Start a run and kill it with SIGKILL; the processes that do not end with it, or None if it had ended before."""
    started = time.monotonic()
    environment, nowhere = os.environ | {"PYTHONPATH": "python"}, subprocess.DEVNULL
    run = psutil.Popen(REPORT, cwd=project, env=environment, stdout=nowhere, stderr=nowhere)
    if has_second:
        assert_a_second_run_is_refused(project, run.pid)
    seconds -= time.monotonic() - started
    with contextlib.suppress(psutil.TimeoutExpired):
        run.wait(max(0, seconds))
        return None
    children = run.children(recursive=True)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    return [f"process {' '.join(child.cmdline())} outlived its run" for child in alive]


def assert_a_second_run_is_refused(project: Path, first: int) -> None:
    """In one sentence, while the first run, of which this is the process id, goes on."""
    lock = project / "target/report/lock"
    deadline = time.monotonic() + 60
    while lock.read_text(encoding="ascii") != str(first):
        assert time.monotonic() < deadline, "the first run holds no lock"
        time.sleep(0.05)
    release = (project / "published/latest").resolve()
    second = report(project)
    assert (project / "published/latest").resolve() == release
    refused("second_run", second.returncode, second.stderr)


def move_descriptions_of_macros(project: Path) -> None:
    """Move them to another file, as a git pull may, beside a cache of dbt that forgot where they were."""
    cache = Build(project / "target/report").parsed
    manifest = Manifest.from_msgpack(cache.read_bytes(), decoder=extended_mashumuro_decoder)
    file = manifest.files["bank_segments://macros/cleaning/cleaning.yml"]
    assert isinstance(file, SchemaSourceFile)
    file.macro_patches.clear()
    cache.write_bytes(manifest.to_msgpack(extended_mashumaro_encoder))
    path = project / "macros/cleaning/cleaning.yml"
    path.rename(path.with_name("moved.yml"))


def publish_beside_a_reader(project: Path, clients: Path) -> subprocess.CompletedProcess[str]:
    """Publish other clients than those of the release, which somebody reads before and after."""
    figures = "select sum(clients), sum(churned_clients) from marts.fct_product_count_metrics"
    latest = project / "published/latest/bank_marts.duckdb"
    with duckdb.connect(str(latest), read_only=True) as reader:
        before = reader.execute(figures).fetchall()
        run = report(project, "--clients", os.path.relpath(clients, project))
        assert reader.execute(figures).fetchall() == before
    assert rows_in(latest, figures) != before, run.stderr
    assert run.stdout.endswith("start with published/latest/index.html\n")
    return run


def test_a_run_killed_at_random_moments_leaves_the_release_whole(
    published_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run publishes in spite of what a killed one left, beside a reader, over a cache that dbt trips over.

    Beside the last one that is killed a second run is refused.
    """
    project, latest = published_project, published_project / "published/latest"
    log, stumble = project / "target/report/dbt.log", "dbt found two schema.yml entries for the same macro"
    release = latest.resolve()
    # That run parsed the project, which takes three tenths of it; those to be killed find it parsed.
    duration = 0.7 * ((release / "run.json").stat().st_mtime - started_at(release.name).timestamp())
    files, before = files_of(release), sha256_of(release)
    duckdb.sql(f"copy (from '{SAMPLE}' limit 5000) to '{tmp_path}/clients.csv'")
    inputs = itertools.cycle([tmp_path / "clients.csv", SAMPLE])
    dice = random.Random(SEED)
    runs, published, moments, errors = 0, 0, list[float](), list[str]()
    for at in range(KILLS):
        # One moment in each of as many equal parts of a run.
        moment = duration * (at + dice.random()) / KILLS
        is_last = at == KILLS - 1
        while (outlived := killed_after(project, moment, has_second=is_last)) is None:
            moment *= 0.8
        errors += outlived
        moments.append(moment / duration)
        if latest.resolve() == release:
            assert sha256_of(release) == before
        assert_is_whole(latest.resolve(), files)
        if is_last:
            assert stumble not in log.read_text(encoding="utf-8")
            move_descriptions_of_macros(project)
        if IS_SOAK or is_last:
            run = publish_beside_a_reader(project, next(inputs))
            runs += 1
            published += run.returncode == 0 and latest.resolve() != release
            errors += [*run.stderr.splitlines(), *leftovers(project)]
            release = latest.resolve()
            before = sha256_of(release)
            assert_is_whole(release, files)
    assert log.read_text(encoding="utf-8").count(stumble) == 1
    counts = (
        f"убито / kills {KILLS}, latest цел / whole {KILLS}, запущено после / runs after {runs},"
        f" опубликовано / published {published}, ошибок / errors {len(errors)}"
    )
    range_of_moments = f"от / from {min(moments):.0%} до / to {max(moments):.0%}"
    with capsys.disabled():
        print(f"\n{counts} ({range_of_moments} of a run of {duration:.0f} s)")
    assert errors == []
    assert published == runs
    saw(
        "faults",
        "reader",
        f"статус / exit status {run.returncode}; у читателя прежние цифры / the reader has the figures of before;"
        " у нового — новые / a new one has the new ones",
    )
    if IS_SOAK:
        measured("kill", f"{counts} ({range_of_moments}, {duration:.0f} с / s)")
    else:
        saw("faults", "kill", counts)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Put a disk of this size over the folder; only an administrator may, which CI is."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    run = subprocess.run(mount, capture_output=True, text=True, check=False)
    if run.returncode:
        missing(f"no disk can be mounted here: {run.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextlib.contextmanager
def nothing_lost(published: Path) -> Iterator[None]:
    """Of the release in use, nor anything left beside it."""
    release = (published / "latest").resolve()
    before = sha256_of(release)
    yield
    assert (published / "latest").resolve() == release
    assert sha256_of(release) == before
    assert leftovers(published.parent) == []


def refused_for_room(fault: str, status: int, said: str) -> None:
    assert said.count("\n") == 1, said
    # Which file was the first not to fit, and whether the system names it, is a matter of chance.
    refused(fault, status, re.sub("(, .* could not be written)?; nothing", "; nothing", said))


def test_a_build_that_the_disk_has_no_room_for_is_told_in_one_sentence(published_project: Path) -> None:
    with (
        small_disk(published_project / "target/report", 2_000),
        nothing_lost(published_project / "published"),
    ):
        run = report(published_project)
        refused_for_room("disk_full_build", run.returncode, run.stderr)


def test_a_release_that_the_disk_has_no_room_for_is_told_in_one_sentence(
    elsewhere: Path, sample_release: Path, sample_warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole run but for dbt's build, which the test above has."""
    published = elsewhere / "published"
    size = sum(path.stat().st_size for path in sample_release.rglob("*")) // 1024
    # Room for the release that is there, and for a part of the next one.
    with small_disk(published, size + 2_000):
        release = Path(shutil.copytree(sample_release, published / sample_release.name))
        publish.switch_latest(published, release.name)
        with nothing_lost(published):
            status = main([], lambda _clients, build, _hear: take(sample_warehouse, build))
        refused_for_room("disk_full_release", status, capsys.readouterr().err)


def test_copies_of_a_killed_runs_clients_go_with_the_next_run(tmp_path: Path) -> None:
    leftover = tmp_path / ".it's [a] bank.duckdb.copies_killed"
    other = tmp_path / ".other.duckdb.copies_running"
    for folder in (leftover, other):
        folder.mkdir()
        (folder / "1.csv").touch()
    plugin = client_file.Plugin.__new__(client_file.Plugin)
    with duckdb.connect(str(tmp_path / "it's [a] bank.duckdb")) as connection:
        plugin.configure_connection(connection)
        copies = Path(plugin.copies.name)
        assert copies.parent == tmp_path
        assert copies.stat().st_mode & 0o077 == 0
        assert not leftover.exists()
        assert other.exists()
        left = [folder.exists() for folder in (leftover, other)]
        connection.remove_function("look_at_client_file")
    plugin.copies.cleanup()
    saw(
        "faults",
        "copies",
        f"удалено / removed {left.count(False)}, чужих осталось / those of others kept {left.count(True)}",
    )


# What the queries of a reader count, by relation.
COUNTED = {
    "marts.fct_product_count_metrics": "clients",
    "marts.rpt_dashboard_cube": "clients",
    "marts.fct_churn_portrait": "clients",
    "quality.row_counts": "accepted_rows",
}


def prepared(staged: Path, clients: int) -> None:
    """Write what readers ask of a release with so many clients."""
    staged.mkdir()
    with duckdb.connect(str(staged / "bank_marts.duckdb")) as connection:
        connection.execute("create schema marts; create schema quality")
        for relation, column in COUNTED.items():
            connection.execute(f"create table {relation} as select {clients} as {column}, 'city' as trait")
    record = {"run_id": staged.name.removeprefix("."), "rows": {"accepted": clients}}
    (staged / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_at_every_moment_of_a_publication_one_release_is_there(tmp_path: Path) -> None:
    """Looked at before each line of Python that it takes: readers, below, seldom come between two of them."""
    names, seen = ["20260101T000001Z-a", "20260101T000002Z-b"], list[str]()
    for name in names:
        prepared(tmp_path / f".{name}", 1)
    publish.publish(tmp_path / f".{names[0]}", tmp_path, names[0])

    def look(*_: object) -> Any:
        seen.append(json.loads((tmp_path / "latest/run.json").read_text(encoding="utf-8"))["run_id"])
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        publish.publish(tmp_path / f".{names[1]}", tmp_path, names[1])
    finally:
        sys.settrace(before)
    assert [name for name, _ in itertools.groupby(seen)] == names


def test_readers_see_no_error_and_no_mix_through_publications(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The releases are prepared beforehand, so that ten fit in the time; they are published by the real code."""
    published = tmp_path / "published"
    published.mkdir()
    names = [f"20260101T0000{at:02}Z-soak" for at in range(PUBLICATIONS + 1)]
    for at, name in enumerate(names):
        prepared(published / f".{name}", 10_000 * (at + 1))
    publish.publish(published / f".{names[0]}", published, names[0])
    with ProcessPoolExecutor(READERS, multiprocessing.get_context("spawn")) as pool:
        readers = [pool.submit(read, published, SOAK_SECONDS) for _ in range(READERS)]
        for name in names[1:]:
            time.sleep(SOAK_SECONDS / (PUBLICATIONS + 1))
            publish.publish(published / f".{name}", published, name)
        readings = [reader.result() for reader in readers]
    queries = sum(2 * len(QUERIES) * reading.rounds for reading in readings)
    errors = [error for reading in readings for error in reading.errors]
    mixes = sum(reading.mixes for reading in readings)
    seen = set[int]().union(*(reading.seen for reading in readings))
    counts = f"читателей / readers {READERS}, публикаций / publications {PUBLICATIONS}"
    outcome = f"смесей / mixes {mixes}, ошибок / errors {len(errors)}"
    queries_made = f"{SOAK_SECONDS} с / s, запросов / queries {queries}, выпусков видно / releases seen {len(seen)}"
    with capsys.disabled():
        print(f"\n{counts}, {queries_made}, {outcome}")
    assert errors == []
    assert mixes == 0
    assert seen <= {10_000 * factor for factor in range(1, PUBLICATIONS + 2)}
    # In five seconds a release may be gone before a busy machine has looked.
    assert len(seen) >= (PUBLICATIONS if IS_SOAK else PUBLICATIONS // 2)
    assert min(reading.rounds for reading in readings) > SOAK_SECONDS / 2
    if IS_SOAK:
        measured("readers", f"{counts}, {queries_made}, {outcome}")
    else:
        saw("faults", "readers", f"{counts}, {outcome}")
