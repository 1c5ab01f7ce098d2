"""Campaign lists with the bank's own ids: `make activation SEGMENT=segment_2`. They never enter a release."""

import argparse
import csv
import os
import sys
from pathlib import Path

import duckdb

from bank_segments.errors import RefusedError
from bank_segments.report import TARGET
from bank_segments.warehouse import Build

DIRECTORY = Path("activation")
COLUMNS = ("client_id", "city", "product_count")


def safe_cell(value: object) -> object:
    """Return the value so that a spreadsheet shows it and never runs it as a formula (OWASP, CSV injection)."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


def active_members(warehouse: Path, segment_id: str) -> list[tuple[object, ...]]:
    """Return `COLUMNS` of the segment's active clients; raises `RefusedError` for an unknown segment."""
    if not warehouse.exists():
        raise RefusedError(f"There is no warehouse {warehouse} yet; run make report first.")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        known = [
            name
            for (name,) in connection.execute(
                "select segment_id from marts.dim_segments order by 1"
            ).fetchall()
        ]
        if segment_id not in known:
            raise RefusedError(f"There is no segment {segment_id}; known are {', '.join(known)}.")
        return connection.execute(
            "select client_keys.client_id, clients.city, clients.product_count"
            " from marts.fct_segment_membership as membership"
            " inner join marts.dim_clients as clients on membership.client_key = clients.client_key"
            " inner join staging.stg_bank__client_keys as client_keys on clients.client_key = client_keys.client_key"
            " where membership.segment_id = ? and not clients.is_churned"
            " order by client_keys.client_id",
            [segment_id],
        ).fetchall()


def write_list(warehouse: Path, segment_id: str, directory: Path) -> Path:
    """Write `<segment_id>.csv`, readable by its owner only, in one rename; returns its path."""
    rows = active_members(warehouse, segment_id)
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / f"{segment_id}.csv"
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(
        os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([safe_cell(value) for value in row] for row in rows)
    unfinished.replace(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and write one list; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make activation", description="Write a segment's campaign list.")
    parser.add_argument("segment_id", help="for example segment_2")
    options = parser.parse_args(arguments)
    try:
        path = write_list(Build(TARGET).warehouse, options.segment_id, DIRECTORY)
    except RefusedError as refusal:
        print(f"make activation: {refusal}", file=sys.stderr)
        return 1
    print(f"{path}: for the campaign only; it holds the bank's ids")
    return 0


if __name__ == "__main__":
    sys.exit(main())
