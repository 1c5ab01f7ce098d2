"""`make benchmark`: time the project's models from ten thousand to a hundred million clients, and print every bar.

    python -m benchmark --rows 1000000
    python -m benchmark --page

Every contender runs in a process of its own, on the same file, several times and in turns with the others. Loading
counts for nobody: pandas and polars start with the clients in memory, DuckDB with the staging layer that dbt left in a
file. What was measured is kept in target/benchmark/results.json, so that sizes can be measured one at a time, and the
times of each number of rows in target/benchmark/<rows>.json for other programs; the page models/docs/benchmark.md and
its chart are written from all of it.
"""

import argparse
import dataclasses
import gc
import importlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bank_segments import ROOT, SAMPLE
from bank_segments.ingest.sample import write_sample
from bank_segments.release import publish
from bank_segments.release.run import PUBLISHED, TARGET
from bank_segments.warehouse import Build, build_warehouse
from benchmark import duckdb_job, page, whole_report
from benchmark.machine import machine
from benchmark.rules import Outcome

DIRECTORY = ROOT / "target/benchmark"
SMALLEST = Path(__file__).parent / "smallest"
MODELS = Build(DIRECTORY / "models")
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
# pandas holds several copies of every column at once: beyond this it does not fit 24 GiB, and is not measured.
MOST_ROWS = {"pandas": 10_000_000, "polars": 10_000_000}
DBT = (Path(sys.executable).parent / "dbt", "--quiet", "build")


def run_contender(name: str, file: Path) -> Outcome:
    """Let pandas or polars do the job on a file, loading first, which is not timed with the rest."""
    contender = importlib.import_module(f"benchmark.{name}_job")
    outcome = Outcome()
    clients = contender.load(file)
    with outcome.timed():
        with outcome.step("bands and segments"):
            clients = contender.enriched(clients, outcome.figures)
        for step, work in contender.STEPS.items():
            with outcome.step(step):
                work(clients, outcome.figures)
    return outcome


def job(name: str, file: Path) -> None:
    """Run one contender in this process and print its outcome with the process's peak memory."""
    # As `make report` does: Python would look for garbage in all the libraries.
    gc.disable()
    if name == "project":
        outcome = duckdb_job.build_marts(MODELS, file)
    elif name == "scan":
        outcome = duckdb_job.scan(file)
    else:
        outcome = run_contender(name, file)
    # getrusage() would count the memory of the parent, too.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    outcome.peak_bytes = 1024 * int(status.partition("VmHWM:")[2].split()[0])
    json.dump(dataclasses.asdict(outcome), sys.stdout)


def _run(command: tuple[str | Path, ...], **environment: str) -> str:
    """Run a command in the project and return what it prints; raises `CalledProcessError`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")} | environment
    run = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout


def in_own_process(name: str, file: Path) -> Outcome:
    """Run a contender in a process of its own."""
    return Outcome(**json.loads(_run((sys.executable, "-m", "benchmark", "--job", name, str(file)))))


def repeats_of(rows: int) -> int:
    """How often each contender is timed: of the largest sizes less often, for they vary less."""
    return 5 if rows < 10_000_000 else 3


def timed_in_turns(rows: int, warehouse: Path, file: Path, contenders: list[str]) -> dict[str, list[Outcome]]:
    """Run every contender several times, one after the other; raises `SystemExit` where two disagree on a figure."""
    runs: dict[str, list[Outcome]] = {}
    for _ in range(repeats_of(rows)):
        for name in ("project", "scan", *contenders):
            outcome = in_own_process(name, warehouse if name in ("project", "scan") else file)
            runs.setdefault(name, []).append(outcome)
            figures = runs["project"][0].figures
            if name != "scan" and (wrong := duckdb_job.different(figures, outcome.figures)):
                sys.exit(f"make benchmark: {name} and the project disagree: {'; '.join(wrong[:5])}")
    return runs


def summarised(runs: list[Outcome]) -> dict[str, Any]:
    """The seconds of every run of a contender, the median of each of its steps, and the most memory that a run took."""
    return {
        "seconds": [run.seconds for run in runs],
        "steps": {step: statistics.median(run.steps[step] for run in runs) for step in runs[0].steps},
        "other_seconds": statistics.median(run.other_seconds for run in runs),
        "peak_bytes": max(run.peak_bytes for run in runs),
    }


def measure(rows: int) -> dict[str, Any]:
    """Measure one number of rows, and write the times of the contenders to `<rows>.json`."""
    directory = DIRECTORY / str(rows)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    file, published, build = directory / "clients.parquet", directory / "published.duckdb", Build(directory)
    clock, load_average = Outcome(), os.getloadavg()[0]
    try:
        with clock.step("generator"):
            write_sample(file, rows)
        with clock.step("load"):
            _run(
                (
                    *DBT,
                    *("--select", "resource_type:seed", "path:models/staging"),
                    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
                    *("--target-path", DIRECTORY / "load"),
                ),
                BANK_CLIENTS=str(file),
                BANK_WAREHOUSE=str(build.warehouse),
            )
        runs = timed_in_turns(rows, build.warehouse, file, [name for name in MOST_ROWS if rows <= MOST_ROWS[name]])
        contenders = {name: summarised(outcomes) for name, outcomes in runs.items()}
        told = [{"engine": name, **measured} for name, measured in contenders.items()]
        (DIRECTORY / f"{rows}.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
        with clock.step("publish"):
            publish.write_marts(build, published)
        return {
            "rows": rows,
            "load_average": load_average,
            **{f"{name}_seconds": seconds for name, seconds in clock.steps.items()},
            "answers": duckdb_job.answers(published),
            "contenders": contenders,
        }
    finally:
        shutil.rmtree(directory)


def start_costs() -> dict[str, Any]:
    """Measure a warm `make report` on the sample and the smallest dbt project, in turns: the medians, in seconds.

    With the seconds of the processors, and of the last report those of its steps and of dbt's nodes by their kind.
    """
    warehouse = DIRECTORY / "smallest/smallest.duckdb"
    commands: dict[str, tuple[str | Path, ...]] = {
        "report": (sys.executable, "-m", "bank_segments.report"),
        "smallest": (
            *DBT,
            *("--project-dir", SMALLEST, "--profiles-dir", SMALLEST),
            *("--target-path", warehouse.parent, "--log-path", warehouse.parent),
        ),
    }
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, list[float]] = {}
    for _ in range(6):
        for name, command in commands.items():
            started, used = time.perf_counter(), _processor_seconds()
            printed = _run(command, BANK_WAREHOUSE=str(warehouse))
            seconds.setdefault(name, []).append(time.perf_counter() - started)
            seconds.setdefault(f"{name}_processor", []).append(_processor_seconds() - used)
            if name == "report":
                print(printed)
    # The first of each is not warm.
    medians = {name: statistics.median(taken[1:]) for name, taken in seconds.items()}
    record = json.loads((PUBLISHED / "latest/run.json").read_text(encoding="utf-8"))
    nodes = json.loads(Build(TARGET).run_results.read_text(encoding="utf-8"))["results"]
    kinds: dict[str, list[float]] = {}
    for node in nodes:
        kinds.setdefault(node["unique_id"].partition(".")[0], []).append(node["execution_time"])
    return {**medians, "steps": record["seconds"], "nodes": kinds}


def _processor_seconds() -> float:
    """What the processes that ended so far took of the processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report_costs(rows: int) -> dict[str, Any]:
    """Measure `make report` from end to end on so many clients, in a copy of the project."""
    file, copy = DIRECTORY / f"{rows}.parquet", DIRECTORY / "project"
    write_sample(file, rows)
    try:
        whole_report.copy_project(ROOT, copy)
        costs = whole_report.watch([sys.executable, "-m", "bank_segments.report", "--clients", str(file)], copy)
    finally:
        file.unlink(missing_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
    print(costs.pop("printed"))
    return {"rows": rows, **costs}


def main() -> int:
    """Measure, print and write; exit status 0, 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(prog="make benchmark", description="Time the models against pandas and polars.")
    parser.add_argument("--rows", nargs="+", type=int, help="measure only these sizes, and write no page")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page from what is kept")
    parser.add_argument("--job", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job(options.job[0], Path(options.job[1]))
        return 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    kept = DIRECTORY / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"sizes": {}}
    if not options.page:
        results["machine"] = machine()
        build_warehouse(SAMPLE, MODELS)
        if not options.rows:
            results["start"] = start_costs()
        for rows in options.rows or SIZES:
            print(f"{rows:,} rows: {time.strftime('%H:%M:%S')}", flush=True)
            results["sizes"][str(rows)] = measure(rows)
            kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
        if not options.rows:
            results["whole_report"] = report_costs(SIZES[-1])
            kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if not options.rows:
        (ROOT / "models/docs/benchmark.md").write_text(page.text(results), encoding="utf-8")
        page.draw(results, ROOT / "models/assets/benchmark.png")
    bars = list(page.bars(results))
    print("\n".join(str(bar) for bar in bars if bar.holds is not None))
    return int(any(bar.holds is False for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
