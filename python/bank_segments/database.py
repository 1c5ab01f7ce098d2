"""DuckDB connections that see the files they were opened on and nothing else: no other file, no network, no setting."""

import os
from pathlib import Path
from typing import Any

import duckdb

# As in profiles.yml; beyond it DuckDB spills.
MEMORY_LIMIT = os.environ.get("BANK_MEMORY", "60%")


def literal(text: str) -> str:
    """Return the text as a quoted SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attach a DuckDB file read-only; raises `duckdb.IOException` where it is missing, locked or no such file."""
    connection.execute(f"attach {literal(str(path))} as {name} (read_only)")


def confine(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the connection, whatever it is asked, reach only what is attached; this cannot be undone."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def open_confined(**files: Path) -> duckdb.DuckDBPyConnection:
    """Open DuckDB files read-only under these names, the first one as the default, and nothing else.

    A warehouse must be named `bank`, after its file: so the views in it name what they read.
    Raises `duckdb.IOException` where one is missing, locked or no such file.
    """
    connection = duckdb.connect()
    try:
        for name, path in files.items():
            attach(connection, path, name)
        connection.execute(f"use {next(iter(files))}")
        confine(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def run_file(connection: duckdb.DuckDBPyConnection, file: Path, **values: object) -> None:
    """Run the statements of a file, with values for their parameters."""
    connection.execute(file.read_text(encoding="utf-8"), values or None)


def rows_of(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries of Python values: integers of any size stay exact."""
    found = connection.sql(query, params=list(parameters))
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
