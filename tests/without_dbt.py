"""The path from a client file to the marts without dbt's start: the loader, and the SQL that dbt compiled."""

import json
import shutil
from dataclasses import astuple
from pathlib import Path

import duckdb

from bank_segments import register_rows
from bank_segments.ingest import client_file
from bank_segments.ingest.client_key import set_key
from bank_segments.warehouse import Build
from benchmark.duckdb_job import create_all, models

# What is a table of the staging layer and its notes; the views between them answer anew.
STAGED = ("staging.stg_bank__number_notations", "staging.stg_bank__client_rows", "quality.reading_notes")


def load(connection: duckdb.DuckDBPyConnection, file: client_file.ClientFile) -> bool:
    """Fill the raw tables as dbt's hook does; whether each row that was counted came."""
    for statement in file.before:
        connection.execute(statement)
    connection.execute(f"create or replace table raw.clients as {file.query}")
    connection.execute(
        "create or replace table raw.reading_notes as"
        " select other_row as reading, min(source_row_number)::varchar as subject, count(*) as file_rows"
        " from raw.clients where other_row is not null group by all"
    )
    for note in file.notes:
        connection.execute("insert into raw.reading_notes values (?, ?, ?)", astuple(note))
    ((loaded,),) = connection.execute("select count(*) from raw.clients").fetchall()
    return loaded == file.rows and not (file.unread and connection.execute(file.unread).fetchall())


def compiled_sql(built: Path, model: str) -> str:
    """What dbt compiled for a model, named with its layer, of the warehouse `built`."""
    path = built.parent / f"compiled/bank_segments/models/{model.replace('.', '/')}.sql"
    return path.read_text(encoding="utf-8")


def stage(connection: duckdb.DuckDBPyConnection, built: Path) -> None:
    """Build the staging layer from the raw tables."""
    for name in STAGED:
        sql = compiled_sql(built, name)
        connection.execute(f"create or replace table {name} as {sql}").fetchall()


def build(clients: Path, built: Path, warehouse: Path) -> list[str]:
    """Build every model on `clients` as dbt compiled them for the warehouse `built`; the data tests that fail."""
    shutil.copy(built, warehouse)
    of_built = Build(built.parent)
    nodes = json.loads(of_built.manifest.read_text(encoding="utf-8"))["nodes"].values()
    wanted = [row["raw_column"] for row in register_rows("columns")]
    with duckdb.connect(str(warehouse)) as connection:
        set_key(connection)
        assert load(connection, client_file.look(str(clients), "", wanted, warehouse.parent))
        stage(connection, built)
        found = models(of_built)
        create_all(found, set(found), connection)
        return [
            node["name"]
            for node in nodes
            if node["resource_type"] == "test" and not node["original_file_path"].startswith("tests/macros")
            if connection.execute(f"select count(*) from ({node['compiled_code']})").fetchall() != [(0,)]
        ]
