"""Writes the self-contained file for BI tools and switches the published release atomically."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from bank_segments.database import MEMORY_LIMIT, attach, confine, literal, open_confined
from bank_segments.errors import RefusedError
from bank_segments.warehouse import Build

PUBLISHED_SCHEMAS = ("marts", "quality")
PRIVATE_SCHEMAS = ("raw", "staging")
RELEASES_KEPT = 3
# The oldest format that the clients named in the README still read.
STORAGE_VERSION = "v1.4.0"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def needed_relations(
    manifest: dict[str, Any], views: Collection[tuple[str, str]]
) -> list[tuple[str, str, bool]]:
    """Return (schema, name, is_view) of every relation that the published views read, each after its inputs.

    `views` are the warehouse's views by schema and name. A table ends the walk: it carries its own rows; so does a view
    with `published_as: table` in its meta, whose rows are written out. `ValueError` where a published view would need
    a private layer.
    """
    nodes = manifest["nodes"]
    found: dict[str, tuple[str, str, bool]] = {}

    def visit(unique_id: str) -> None:
        node = nodes.get(unique_id)
        if node is None or unique_id in found:
            return
        if node["schema"] in PRIVATE_SCHEMAS:
            raise ValueError(
                f"{unique_id} is private, but a published view reads it; make the model between a table"
            )
        is_written_out = node["config"]["meta"].get("published_as") == "table"
        is_view = (node["schema"], node["alias"]) in views and not is_written_out
        if is_view:
            for parent in node["depends_on"]["nodes"]:
                visit(parent)
        found[unique_id] = (node["schema"], node["alias"], is_view)

    for unique_id, node in sorted(nodes.items()):
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS:
            visit(unique_id)
    return list(found.values())


def _comments(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, *, is_view: bool
) -> Iterator[str]:
    target = f"{_quoted(schema)}.{_quoted(name)}"
    relations = "select view_name as name, comment from duckdb_views() where database_name = 'build'"
    relations += " and schema_name = $schema union all select table_name, comment from duckdb_tables()"
    relations += " where database_name = 'build' and schema_name = $schema"
    found = connection.execute(
        f"select comment from ({relations}) where name = $name and comment is not null",
        {"schema": schema, "name": name},
    ).fetchall()
    for (comment,) in found:
        yield f"comment on {'view' if is_view else 'table'} {target} is {literal(comment)}"
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where database_name = 'build'"
        " and schema_name = $schema and table_name = $name and comment is not null",
        {"schema": schema, "name": name},
    ).fetchall()
    for column, comment in columns:
        yield f"comment on column {target}.{_quoted(column)} is {literal(comment)}"


def _copy_rows(connection: duckdb.DuckDBPyConnection, target: str, *, is_keyed: bool) -> None:
    """Copy a relation of the build as a table, with keys in their order.

    Else the rows of clients would keep the order of the bank's file, which others may know. One part at a time, by
    the first digit of the key: to sort a hundred million rows at once takes more disk than all the rest of a run.
    """
    if not is_keyed:
        connection.execute(f"create table {target} as select * from build.{target}")
        return
    connection.execute("begin")
    connection.execute(f"create table {target} as select * from build.{target} limit 0")
    between = [
        f"client_key >= '{low}' and client_key < '{high}'" for low, high in pairwise("123456789abcdef")
    ]
    for part in ("client_key < '1'", *between, "client_key >= 'f'"):
        connection.execute(
            f"insert into {target} select * from build.{target} where {part} order by client_key"
        )
    connection.execute("commit")


def write_marts(build: Build, path: Path) -> None:
    """Copy the published schemas and the tables they read into a new file, then read every view in it once."""
    manifest = json.loads(build.manifest.read_text(encoding="utf-8"))
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT}) as connection:
        # Rows that are too many to be put in order in memory go beside the warehouse, not into the current directory.
        connection.execute(f"set temp_directory = {literal(f'{build.warehouse}.tmp')}")
        attach(connection, build.warehouse, "build")
        views = connection.execute(
            "select schema_name, view_name from duckdb_views() where database_name = 'build'"
        ).fetchall()
        relations = needed_relations(manifest, views)
        keyed = connection.execute(
            "select schema_name, table_name from duckdb_columns()"
            " where database_name = 'build' and column_name = 'client_key'"
        ).fetchall()
        connection.execute(
            f"attach {literal(str(path))} as release (storage_version {literal(STORAGE_VERSION)})"
        )
        connection.execute("use release")
        confine(connection)
        for schema in sorted({schema for schema, _, _ in relations}):
            connection.execute(f"create schema {_quoted(schema)}")
        for schema, name, is_view in relations:
            target = f"{_quoted(schema)}.{_quoted(name)}"
            if is_view:
                row = connection.execute(
                    "select sql from duckdb_views()"
                    " where database_name = 'build' and schema_name = ? and view_name = ?",
                    [schema, name],
                ).fetchone()
                if row is None:
                    raise RefusedError(
                        f"The warehouse {build.warehouse} has no view {schema}.{name}; run dbt build."
                    )
                connection.execute(row[0])
            else:
                _copy_rows(connection, target, is_keyed=(schema, name) in keyed)
            for comment in _comments(connection, schema, name, is_view=is_view):
                connection.execute(comment)
    with open_confined(release=path) as connection:
        for schema, name, _ in relations:
            connection.execute(f"select count(*) from {_quoted(schema)}.{_quoted(name)}").fetchone()


def switch_latest(published: Path, run_id: str) -> None:
    """Point `published/latest` at the release in one atomic rename."""
    temporary = published / f".latest.{run_id}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_id, target_is_directory=True)
    temporary.replace(published / "latest")


def publish(staged: Path, published: Path, run_id: str) -> Path:
    """Move the finished release into place, switch to it, and keep the newest few; returns its directory."""
    release = published / run_id
    _flush(staged)
    staged.rename(release)
    switch_latest(published, run_id)
    _remove_old(published)
    return release


def _flush(directory: Path) -> None:
    """Make sure the files are on disk before the link can point at them."""
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _releases(published: Path) -> list[Path]:
    """Return the finished releases, oldest first."""
    found = [
        path for path in published.glob("[!.]*") if not path.is_symlink() and (path / "run.json").is_file()
    ]
    return sorted(found)


def _remove_old(published: Path) -> None:
    current = (published / "latest").resolve()
    for release in _releases(published)[:-RELEASES_KEPT]:
        if release.resolve() != current:
            shutil.rmtree(release)


def remove_unfinished(published: Path) -> None:
    """Remove what killed runs left: releases under construction, and links that never became `latest`."""
    if published.is_dir():
        for path in published.glob(".*"):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)


def roll_back(published: Path) -> Path:
    """Switch `latest` to the release before it; raises `RefusedError` where there is none."""
    current = (published / "latest").resolve()
    older = [release for release in _releases(published) if release.name < current.name]
    if not older:
        raise RefusedError(f"{published} holds no release older than {current.name}; nothing was switched.")
    switch_latest(published, older[-1].name)
    return older[-1]
