"""Campaign lists with the bank's own ids: `make activation SEGMENT=segment_2`, with `PILOT=1` in two arms.

They never enter a release.
"""

import argparse
import contextlib
import filecmp
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from bank_segments import ROOT
from bank_segments.database import open_confined
from bank_segments.errors import RefusedError, exit_status, require, shown
from bank_segments.release import pilot
from bank_segments.release.private_csv import write_private
from bank_segments.release.publish import latest_release
from bank_segments.release.run import PUBLISHED, TARGET, only_run
from bank_segments.warehouse import Build

DIRECTORY = ROOT / "activation"


@contextlib.contextmanager
def active_members(
    release: Path, warehouse: Path, segment_id: str, *, is_pilot: bool = False
) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]], dict[str, Any] | None]]:
    """Give the columns of the list, the active clients of the segment as published in `release`, and a pilot's design.

    The clients stand by their ids. The columns are the id, the territory and the number of products, where the bank has
    them, and for a pilot the arm. The warehouse only says which id a key stands for. Raises `RefusedError` for an
    unknown segment, and where it lacks published clients: it is not of this release, as after a rollback, or of Spark.
    """
    with open_confined(published=release / "bank_marts.duckdb", bank=warehouse) as connection:
        segments = connection.execute("select segment_id from marts.dim_segments order by 1").fetchall()
        if (segment_id,) not in segments:
            known = ", ".join(name for (name,) in segments)
            raise RefusedError(f"There is no segment {shown(segment_id)}; known are {known}.")
        try:
            connection.execute(
                "create temp table members as"
                " select client_keys.client_id, clients.*"
                " from marts.fct_segment_membership as membership"
                " inner join marts.dim_clients as clients on membership.client_key = clients.client_key"
                " left join bank.staging.stg_bank__client_keys as client_keys"
                " on clients.client_key = client_keys.client_key"
                " where membership.segment_id = ? and not clients.is_churned",
                [segment_id],
            )
        except duckdb.CatalogException as error:
            raise RefusedError(
                f"The release was built on Spark: {shown(warehouse)} holds no ids of clients; run make report on DuckDB"
                " with the published file first."
            ) from error
        ((listed, known_ids),) = connection.execute("select count(*), count(client_id) from members").fetchall()
        if known_ids < listed:
            raise RefusedError(
                f"{shown(release)} is not what was published last: {shown(warehouse)} lacks the ids of"
                f" {listed - known_ids} of the {listed} clients to list; run make report with the published file first."
            )
        shown_traits = connection.execute(
            "select trait from marts.dim_traits where trait_role in ('territory', 'product_count') order by sort_order"
        ).fetchall()
        columns = ["client_id", *(trait for (trait,) in shown_traits)]
        design = pilot.design_of(connection, segment_id) if is_pilot else None
        if design:
            found = pilot.drawn_arms(connection, design, columns)
        else:
            found = connection.execute(f"select {', '.join(columns)} from members order by client_id")
        yield [column[0] for column in found.description or ()], iter(found.fetchone, None), design


def write_list(published: Path, build: Build, segment_id: str, directory: Path, *, is_pilot: bool = False) -> Path:
    """Write `<segment_id>.csv` of the latest release, readable by its owner only, in one rename; returns its path.

    A pilot is `<segment_id>.pilot.csv` and keeps its arms: where others are there, it is refused. Beside it stand the
    terms that it will be judged by, those of the release that it was first drawn from. Raises `RefusedError` where
    nothing is published, while a run holds the warehouse, and as `active_members` does.
    """
    release = latest_release(published)
    with only_run(build.directory):
        if not build.published.exists():
            raise RefusedError(f"There is no warehouse {shown(build.published)} with the ids; run make report first.")
        path = directory / f"{segment_id}{'.pilot' if is_pilot else ''}.csv"
        drawn = path.with_suffix(".drawn") if is_pilot else path
        with active_members(release, build.published, segment_id, is_pilot=is_pilot) as (
            columns,
            members,
            design,
        ):
            write_private(drawn, columns, members)
        if design and path.exists() and not filecmp.cmp(path, drawn, shallow=False):
            drawn.unlink()
            raise RefusedError(
                f"{shown(path)} holds other arms, of a pilot that may be running; move it away to draw anew."
            )
        terms = pilot.terms_of(path)
        if design and not (path.exists() and terms.exists()):
            settled = design | {"run_id": release.name}
            terms.write_text(json.dumps(settled, ensure_ascii=False, indent=1), encoding="utf-8")
        return drawn.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and write one list; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make activation", description="Write a segment's campaign list.")
    parser.add_argument("segment_id", help="for example segment_2")
    parser.add_argument("--pilot", action="store_true", help="split it into the arms of a pilot")
    options = parser.parse_args(arguments)

    def work() -> str:
        require(options.segment_id, "make activation SEGMENT=segment_2")
        path = write_list(PUBLISHED, Build(TARGET), options.segment_id, DIRECTORY, is_pilot=options.pilot)
        return f"{shown(path)}: for the campaign only; it holds the bank's ids"

    stopped = "The list was not written: {reason}; see what holds or damaged it."
    return exit_status("make activation", work, stopped)


if __name__ == "__main__":
    sys.exit(main())
