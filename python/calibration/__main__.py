"""`make calibrate`: measures the error rates, the power and the speed of the tests, instead of trusting them.

* `rates` shuffles the group labels of a built warehouse: then every null hypothesis is true, every rejection an error.
* `power` plants known differences with the sample generator and compares how often they are found with the theory.
* `ranks` runs the compiled rank models over many rows, and scipy on the same arrays.

Each measurement leaves a section in target/calibration; together they are the page models/docs/calibration.md of the
dbt docs. Every p-value comes from `bank_segments.statistics` through the sums that SQL would deliver.
"""

import argparse
import datetime
import os
import sys
import time

import scipy

from bank_segments import ROOT, SAMPLE
from bank_segments.warehouse import Build, build_warehouse
from benchmark.machine import machine
from calibration.page import SECTIONS, section, write_docs
from calibration.power import measured_again, power_curves
from calibration.ranks import MEMORY_LIMIT, compare_ranks
from calibration.rates import error_rates

SEED = 20261124
OUTPUT = ROOT / "target/calibration"
DOCS = ROOT / "models/docs/calibration.md"


def measure(name: str, build: Build, options: argparse.Namespace) -> tuple[object, str]:
    """Measure one section; returns what was found, and the settings to tell with it."""
    seed = options.seed
    if name == "rates":
        rates = error_rates(build.warehouse, options.permutations, seed)
        return rates, f"permutations = {options.permutations}, seed = {seed}"
    if name == "power":
        curves = power_curves(OUTPUT, seed, options.samples)
        again = measured_again(OUTPUT, curves, options.samples, seed + 10_000)
        return (curves, again), f"samples = {options.samples}, seed = {seed}"
    load = os.getloadavg()[0]
    runs = [run for rows in options.rows for run in compare_ranks(build, rows)]
    return runs, f"DuckDB memory_limit = {MEMORY_LIMIT}, load average = {load:.1f}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration", description="Measure error rates, power and speed of the tests."
    )
    known = ", ".join(SECTIONS)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{known}; default: all of them")
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=2_000, help="samples per point of a power curve")
    parser.add_argument("--rows", type=int, default=[100_000, 10_000_000], nargs="+", help="of rank tests")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"unknown section {', '.join(sorted(unknown))}; known are {known}")
    build = Build(OUTPUT)
    build_warehouse(SAMPLE, build)
    for name in options.sections or SECTIONS:
        started = time.perf_counter()
        measured, settings = measure(name, build, options)
        seconds = time.perf_counter() - started
        today = datetime.datetime.now(tz=datetime.UTC).date()
        stamp = f"{today}; {settings}; {machine()}, scipy {scipy.__version__}; {seconds:.0f} s."
        text = section(name, measured, stamp)
        (OUTPUT / f"{name}.md").write_text(text, encoding="utf-8")
        print(text)
    try:
        write_docs(OUTPUT, DOCS)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
