"""Writes the self-contained file for BI tools and switches the published release atomically."""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb

from bank_segments.database import MEMORY_LIMIT, attach, confine, literal
from bank_segments.errors import RefusedError, shown
from bank_segments.release.run import releases, series_in
from bank_segments.warehouse import Build

PUBLISHED_SCHEMAS = ("marts", "quality")
RELEASES_KEPT = 3  # of each series
# The oldest format that the clients of models/docs/bi_clients.md still read.
STORAGE_VERSION = "v1.4.0"

_RELATIONS = """
    select
        schema_name,
        '"' || schema_name || '"."' || table_name || '"' as relation,
        bool_or(column_name = 'client_key') as is_keyed
    from duckdb_columns()
    where database_name = 'bank' and list_contains($schemas, schema_name)
    group by all
    order by all
"""
_COMMENTS = """
    with relations as (
        select database_name, schema_name, view_name as table_name, comment from duckdb_views()
        union all
        select database_name, schema_name, table_name, comment from duckdb_tables()
    ),

    commented as (
        select database_name, schema_name, table_name, 'table' as kind, '' as part, comment from relations
        union all
        select database_name, schema_name, table_name, 'column', '."' || column_name || '"', comment
        from duckdb_columns()
    )

    select kind || ' "' || schema_name || '"."' || table_name || '"' || part as target, comment
    from commented
    where database_name = 'bank' and list_contains($schemas, schema_name) and comment is not null
"""


# The parts in which the rows of clients are copied, by the first digit of their key.
KEY_RANGES = (
    "client_key < '1'",
    *(f"client_key >= '{low}' and client_key < '{high}'" for low, high in pairwise("123456789abcdef")),
    "client_key >= 'f'",
)

# Is told the relation that is being copied, how many parts of relations of clients are done, and of how many.
PartDone = Callable[[str, int, int], None]


def write_marts(build: Build, path: Path, part_done: PartDone | None = None) -> None:
    """Copy every relation of the published schemas into a new file, as a table with its comments.

    Rows of clients are put in the order of their keys: else they would keep that of the bank's file, which others may
    know. One range of keys at a time: to sort a hundred million rows takes more disk than all the rest of a run.
    """
    schemas = {"schemas": PUBLISHED_SCHEMAS}
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        # Rows that are too many to be put in order in memory go beside the warehouse, not into the current directory.
        connection.execute(f"set temp_directory = {literal(f'{build.warehouse}.tmp')}")
        attach(connection, build.warehouse, "bank")
        connection.execute(f"attach {literal(str(path))} as release (storage_version {literal(STORAGE_VERSION)})")
        connection.execute("use release")
        confine(connection)
        relations = connection.execute(_RELATIONS, schemas).fetchall()
        connection.execute("begin")
        done, parts = 0, len(KEY_RANGES) * sum(is_keyed for _schema, _relation, is_keyed in relations)
        for schema, relation, is_keyed in relations:
            connection.execute(f'create schema if not exists "{schema}"')
            if not is_keyed:
                connection.execute(f"create table {relation} as select * from bank.{relation}")
                continue
            connection.execute(f"create table {relation} as select * from bank.{relation} limit 0")
            for keys in KEY_RANGES:
                connection.execute(
                    f"insert into {relation} select * from bank.{relation} where {keys} order by client_key"
                )
                done += 1
                if part_done:
                    part_done(relation, done, parts)
        for target, comment in connection.execute(_COMMENTS, schemas).fetchall():
            connection.execute(f"comment on {target} is {literal(comment)}")
        connection.execute("commit")


def latest_release(published: Path) -> Path:
    """The release in use. Raises `RefusedError` where nothing is published."""
    release = (published / "latest").resolve()
    if not release.exists():
        raise RefusedError(f"Nothing is published in {shown(published)} yet; run make report first.")
    return release


def switch_latest(published: Path, run_id: str) -> None:
    """Point `published/latest` at the release in one atomic rename."""
    temporary = published / f".latest.{run_id}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_id, target_is_directory=True)
    temporary.replace(published / "latest")
    _flush(published)


def publish(staged: Path, published: Path, run_id: str) -> Path:
    """Move the finished release into place, switch to it, and keep the newest few; returns its directory."""
    release = published / run_id
    for path in (*staged.rglob("*"), staged):
        _flush(path)
    staged.rename(release)
    _flush(published)
    switch_latest(published, run_id)
    _remove_old(published)
    return release


def _flush(path: Path) -> None:
    """Have a file, or the names in a directory, on disk before anything can point at them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(published: Path) -> None:
    """Remove all but the newest releases of each series, so that runs on the sample leave the bank's alone.

    Releases whose series cannot be read are one of their own.
    """
    current = (published / "latest").resolve()
    by_series: defaultdict[str | None, list[Path]] = defaultdict(list)
    for release in releases(published):
        by_series[series_in(release)].append(release)
    for of_series in by_series.values():
        for release in of_series[:-RELEASES_KEPT]:
            if release.resolve() != current:
                shutil.rmtree(release)


def remove_unfinished(published: Path) -> None:
    """Remove what killed runs left: releases under construction, and links that never became `latest`."""
    for path in published.glob(".*"):
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)


def roll_back(published: Path) -> Path:
    """Switch `latest` to the release before it; raises `RefusedError` where there is none."""
    current = (published / "latest").resolve()
    older = [release for release in releases(published) if release.name < current.name]
    if not older:
        raise RefusedError(f"{shown(published)} holds no release older than {current.name}; nothing was switched.")
    switch_latest(published, older[-1].name)
    return older[-1]
