"""`make benchmark`: time the project's models from ten thousand to a hundred million clients, and print every bar.

    python -m benchmark --rows 10000 100000 1000000 10000000 100000000
    python -m benchmark --small-run

Every contender runs in a process of its own, one after the other, on the same file. Loading counts for nobody: pandas
and polars start with the clients in memory, DuckDB with the staging layer that dbt left in a file. What was measured is
kept in target/benchmark/results.json, one entry for each number of rows, so that sizes can be measured one at a time;
the page models/docs/benchmark.md and its chart are written from all of it.
"""

import argparse
import dataclasses
import importlib
import json
import os
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
from bank_segments.warehouse import Build, build_warehouse
from benchmark import duckdb_job, page, whole_report
from benchmark.machine import machine
from benchmark.rules import Outcome

DIRECTORY = ROOT / "target/benchmark"
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
    with outcome.timed("bands and segments"):
        clients = contender.enriched(clients, outcome.figures)
    for step, work in contender.STEPS.items():
        with outcome.timed(step):
            work(clients, outcome.figures)
    return outcome


def job(name: str, file: Path) -> None:
    """Run one contender in this process and print its outcome with the process's peak memory."""
    if name == "project":
        outcome = duckdb_job.build_marts(MODELS, file)
    elif name == "scan":
        outcome = duckdb_job.scan(file)
    else:
        outcome = run_contender(name, file)
    # getrusage() would count the memory of the parent, too.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    outcome.peak_mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    json.dump(dataclasses.asdict(outcome), sys.stdout)


def _run(command: tuple[str | Path, ...], **environment: str) -> str:
    """Run a command in the project and return what it prints; raises `CalledProcessError`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")} | environment
    run = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout


def in_own_process(name: str, file: Path) -> Outcome:
    """Run a contender in a process of its own."""
    return Outcome(**json.loads(_run((sys.executable, "-m", "benchmark", "--job", name, str(file)))))


def measure(rows: int, contenders: list[str]) -> dict[str, Any]:
    """Measure one number of rows; raises `SystemExit` where contenders disagree on a figure."""
    directory = DIRECTORY / str(rows)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    file, published, build = directory / "clients.parquet", directory / "published.duckdb", Build(directory)
    clock, load_average = Outcome(), os.getloadavg()[0]
    try:
        with clock.timed("generator"):
            write_sample(file, rows)
        with clock.timed("load"):
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
        outcomes = {name: in_own_process(name, build.warehouse) for name in ("project", "scan")}
        figures = outcomes["project"].figures
        for name in contenders:
            if rows <= MOST_ROWS[name]:
                outcomes[name] = in_own_process(name, file)
                if wrong := duckdb_job.different(figures, outcomes[name].figures):
                    sys.exit(f"make benchmark: {name} and the project disagree: {'; '.join(wrong[:5])}")
        with clock.timed("publish"):
            publish.write_marts(build, published)
        return {
            "rows": rows,
            "load_average": load_average,
            **{f"{name}_seconds": seconds for name, seconds in clock.seconds.items()},
            "answers": duckdb_job.answers(published),
            "contenders": {
                name: {"seconds": outcome.seconds, "peak_mib": outcome.peak_mib}
                for name, outcome in outcomes.items()
            },
        }
    finally:
        shutil.rmtree(directory)


def start_costs(repeats: int = 3) -> dict[str, float]:
    """Measure a warm `make report` on the sample against a warm `dbt build` of the same project, in turns."""
    commands: dict[str, tuple[str | Path, ...]] = {
        "report": (sys.executable, "-m", "bank_segments.report"),
        "build": DBT,
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            printed = _run(command, BANK_WAREHOUSE=str(DIRECTORY / "bare.duckdb"))
            seconds[name].append(time.perf_counter() - started)
            if name == "report":
                print(printed)
    # The first of each is not warm.
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def report_costs(rows: int) -> dict[str, Any]:
    """Measure `make report` from end to end on so many clients."""
    file = DIRECTORY / f"{rows}.parquet"
    write_sample(file, rows)
    try:
        costs = whole_report.measure(ROOT, DIRECTORY / "project", file)
    finally:
        file.unlink(missing_ok=True)
    print(costs.pop("printed"))
    return {"rows": rows, **costs}


def main() -> int:
    """Measure, print and write; exit status 0, 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(
        prog="make benchmark", description="Time the models against pandas and polars."
    )
    parser.add_argument("--rows", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--contenders", nargs="*", choices=tuple(MOST_ROWS), default=list(MOST_ROWS))
    parser.add_argument("--only-sizes", action="store_true", help="do not time make report")
    parser.add_argument("--small-run", action="store_true", help="time only make report, on the sample")
    parser.add_argument("--job", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job(options.job[0], Path(options.job[1]))
        return 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    kept = DIRECTORY / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"sizes": {}}
    if options.small_run:
        print(f"load average {os.getloadavg()[0]:.1f}")
        results = {"sizes": {}, "start": start_costs()}
    else:
        results["machine"] = machine()
        build_warehouse(SAMPLE, MODELS)
        if not options.only_sizes:
            results["start"] = start_costs()
        for rows in options.rows:
            print(f"{rows:,} rows: {time.strftime('%H:%M:%S')}", flush=True)
            results["sizes"][str(rows)] = measure(rows, options.contenders)
            kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
        if options.rows and not options.only_sizes:
            results["whole_report"] = report_costs(max(options.rows))
        kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
        (ROOT / "models/docs/benchmark.md").write_text(page.text(results), encoding="utf-8")
        page.draw(results, ROOT / "models/assets/benchmark.png")
    bars = list(page.bars(results))
    print("\n".join(str(bar) for bar in bars if bar.holds is not None))
    return int(any(bar.holds is False for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
