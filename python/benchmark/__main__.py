"""`make benchmark`: time the project's models from ten thousand to a hundred million clients, and print every bar.

    python -m benchmark --rows 10000 100000 1000000 10000000 100000000
    python -m benchmark --small-run

Every contender runs in a process of its own, one after the other, on the same file. Loading counts for nobody: pandas
and polars start with the clients in memory, DuckDB with the staging layer that dbt left in a file. What was measured is
kept in target/benchmark/results.json, one entry for each number of rows, so that sizes can be measured one at a time;
the page models/docs/benchmark.md, its chart and the table in README.md are written from all of it.
"""

import argparse
import importlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from bank_segments import publish
from bank_segments.report import TARGET
from bank_segments.sample import write_sample
from bank_segments.warehouse import Build, build_warehouse
from benchmark import duckdb_job, page, whole_report
from benchmark.rules import Outcome

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "target/benchmark"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
# pandas holds several copies of every column at once: beyond this it does not fit 24 GiB, and is not measured.
MOST_ROWS = {"pandas": 10_000_000, "polars": 10_000_000}
SAMPLE = ROOT / "seeds/sample/clients.parquet"


def run_contender(name: str, file: Path) -> Outcome:
    """Let pandas or polars do the job on a file, loading first, which is not timed with the rest."""
    contender = importlib.import_module(f"benchmark.{name}_job")
    outcome = Outcome()
    clients = contender.load(file)
    started = time.perf_counter()
    clients = contender.enriched(clients, outcome.figures)
    outcome.seconds["bands and segments"] = time.perf_counter() - started
    for step, work in contender.STEPS.items():
        started = time.perf_counter()
        work(clients, outcome.figures)
        outcome.seconds[step] = time.perf_counter() - started
    return outcome


def peak_mib() -> float:
    """Return the most memory that this process held; getrusage() would count its parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def job(name: str, file: Path) -> None:
    """Run one contender in this process and print its outcome with the process's peak memory."""
    if name == "project":
        outcome = duckdb_job.build_marts(Build(DIRECTORY / "models"), ROOT, file)
    elif name == "scan":
        outcome = duckdb_job.scan(file)
    else:
        outcome = run_contender(name, file)
    outcome.peak_mib = peak_mib()
    json.dump(outcome.as_json(), sys.stdout)


def in_own_process(name: str, file: Path) -> Outcome:
    """Run a contender in a process of its own; raises `CalledProcessError` with its complaint on stderr."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmark", "--job", name, str(file)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return Outcome(**json.loads(run.stdout))


def load(file: Path, warehouse: Path) -> float:
    """Let dbt load a file and build the staging layer; returns the seconds."""
    for leftover in (warehouse, warehouse.with_name(warehouse.name + ".wal")):
        leftover.unlink(missing_ok=True)
    started = time.perf_counter()
    subprocess.run(
        [
            *(Path(sys.executable).parent / "dbt", "--quiet", "build"),
            *("--select", "resource_type:seed", "path:models/staging"),
            *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
            *("--target-path", DIRECTORY / "load"),
        ],
        cwd=ROOT,
        env=os.environ | {"BANK_CLIENTS": str(file), "BANK_WAREHOUSE": str(warehouse)},
        check=True,
    )
    return time.perf_counter() - started


def measure(rows: int, contenders: list[str]) -> dict[str, Any]:
    """Measure one number of rows; raises `SystemExit` where contenders disagree on a figure."""
    file, warehouse = DIRECTORY / f"{rows}.parquet", DIRECTORY / f"{rows}.duckdb"
    published = DIRECTORY / f"{rows}.published.duckdb"
    started = time.perf_counter()
    write_sample(file, rows)
    found: dict[str, Any] = {"rows": rows, "load_average": os.getloadavg()[0]}
    found["generator_seconds"] = time.perf_counter() - started
    try:
        found["load_seconds"] = load(file, warehouse)
        project = in_own_process("project", warehouse)
        outcomes = {"project": project, "scan": in_own_process("scan", warehouse)}
        for name in contenders:
            if rows <= MOST_ROWS[name]:
                outcomes[name] = in_own_process(name, file)
                if wrong := duckdb_job.different(project.figures, outcomes[name].figures):
                    sys.exit(f"make benchmark: {name} and the project disagree: {'; '.join(wrong[:5])}")
        published.unlink(missing_ok=True)
        started = time.perf_counter()
        publish.write_marts(_build_of(warehouse), published)
        found["publish_seconds"] = time.perf_counter() - started
        found["file_mib"] = {
            name: path.stat().st_size / 2**20
            for name, path in (("warehouse", warehouse), ("published", published))
        }
        found["answers"] = duckdb_job.answers(published)
    finally:
        for leftover in (file, warehouse, published):
            leftover.unlink(missing_ok=True)
    found["compared_figures"] = len(project.figures)
    found["contenders"] = {
        name: {"seconds": outcome.seconds, "peak_mib": outcome.peak_mib} for name, outcome in outcomes.items()
    }
    return found


def _build_of(warehouse: Path) -> Build:
    """Return a build with the models' manifest and this warehouse, under the name that a build gives it."""
    directory = DIRECTORY / "release"
    directory.mkdir(exist_ok=True)
    build = Build(directory)
    build.manifest.write_bytes(Build(DIRECTORY / "models").manifest.read_bytes())
    build.warehouse.unlink(missing_ok=True)
    build.warehouse.hardlink_to(warehouse)
    return build


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


def start_costs(repeats: int = 3) -> dict[str, float]:
    """Measure a warm `make report` on the sample against a warm `dbt build` of the same project, in turns."""
    report = [sys.executable, "-m", "bank_segments.report"]
    build = [str(Path(sys.executable).parent / "dbt"), "--quiet", "build"]
    seconds: dict[str, list[float]] = {"report": [], "build": []}
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "python"),
        "BANK_WAREHOUSE": str(DIRECTORY / "bare.duckdb"),
    }
    printed = ""
    for _ in range(repeats + 1):
        for name, command in (("report", report), ("build", build)):
            started = time.perf_counter()
            run = subprocess.run(
                command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            seconds[name].append(time.perf_counter() - started)
            printed = run.stdout if name == "report" else printed
    print("\n".join(where_it_goes(printed, seconds["report"][-1], report_build())))
    # The first of each is not warm.
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def report_build() -> dict[str, Any]:
    """Return dbt's own account of the build in the last report."""
    results = Build(ROOT / TARGET).run_results
    return dict(json.loads(results.read_text(encoding="utf-8")))


def where_it_goes(printed: str, whole: float, build: dict[str, Any]) -> list[str]:
    """Return lines that share the seconds of a report out, from what it printed and from dbt's account of its build."""
    steps = re.findall(r"^(\S.*?) +([0-9.]+) s( +\(at the same time\))?$", printed, re.MULTILINE)
    in_turn = {name: float(seconds) for name, seconds, parallel in steps if not parallel}
    nodes: dict[str, list[float]] = {}
    for result in build["results"]:
        kind = result["unique_id"].partition(".")[0]
        nodes.setdefault(kind, []).append(result["execution_time"])
    inside = [f"{len(taken)} of kind {kind} {sum(taken):.1f} s" for kind, taken in nodes.items()]
    before = in_turn["dbt build"] - build["elapsed_time"]
    lines = [f"where the {whole:.1f} s of the last make report went:"]
    lines += [f"  {name:<22}{seconds:6.1f} s" for name, seconds in in_turn.items()]
    lines.append(f"  {'Python and its imports':<22}{whole - sum(in_turn.values()):6.1f} s")
    lines.append(
        f"  in dbt build: {before:.1f} s before the first node (import, parse), then {', '.join(inside)}"
    )
    lines += [
        f"  at the same time, in other processes: {name} {seconds} s"
        for name, seconds, parallel in steps
        if parallel
    ]
    return lines


def machine() -> str:
    """Name the processor, its cores, the memory and the versions behind the figures."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB; {versions}"


def main() -> int:
    """Measure, print and write; exit status 0, 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(
        prog="make benchmark", description="Time the models against pandas and polars."
    )
    parser.add_argument("--rows", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--contenders", nargs="*", choices=tuple(MOST_ROWS), default=list(MOST_ROWS))
    parser.add_argument("--without-start", action="store_true", help="do not time make report on the sample")
    parser.add_argument(
        "--without-report",
        action="store_true",
        help="do not run make report from end to end on the most rows",
    )
    parser.add_argument(
        "--small-run",
        action="store_true",
        help="time only make report on the sample, and print where it goes",
    )
    parser.add_argument("--job", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job(options.job[0], Path(options.job[1]))
        return 0
    os.chdir(ROOT)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    kept = DIRECTORY / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"sizes": {}}
    results["machine"] = machine()
    if options.small_run:
        print(f"load average {os.getloadavg()[0]:.1f}")
        bars = page.bars({"sizes": {}, "start": start_costs()})
        print("\n".join(str(bar) for bar in bars if bar.holds is not None))
        return 0 if all(bar.holds is not False for bar in bars) else 1
    build_warehouse(SAMPLE, Build(DIRECTORY / "models"))
    if not options.without_start:
        results["start"] = start_costs()
    for rows in options.rows:
        print(f"{rows:,} rows: {time.strftime('%H:%M:%S')}", flush=True)
        results["sizes"][str(rows)] = measure(rows, options.contenders)
        kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if options.rows and not options.without_report:
        results["whole_report"] = report_costs(max(options.rows))
    kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(page.table(results))
    bars = page.bars(results)
    print("\n".join(str(bar) for bar in bars))
    page.write(results, ROOT)
    return 0 if all(bar.holds is not False for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
