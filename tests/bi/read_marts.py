"""Reads every mart as a BI client does and prints it as JSON; runs in the environment of that client.

`python read_marts.py duckdb|sqlalchemy|pandas <file>`
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import duckdb

RELATIONS = (
    "select table_schema || '.' || table_name from information_schema.tables"
    " where table_schema in ('marts', 'quality') order by all"
)
COMMENTS = (
    "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()"
    " where schema_name in ('marts', 'quality')"
)


def by_duckdb(path: str) -> dict[str, Any]:
    """Read with the DuckDB library alone."""
    with duckdb.connect(path, read_only=True) as connection:

        def rows(query: str) -> tuple[list[str], list[list[Any]]]:
            result = connection.execute(query)
            names = [column[0] for column in result.description or ()]
            return names, [list(row) for row in result.fetchall()]

        return _read(rows) | {"comments": dict(connection.execute(COMMENTS).fetchall())}


def by_sqlalchemy(path: str) -> dict[str, Any]:
    """Read with SQLAlchemy and duckdb-engine, as Superset does, comments by reflection."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"duckdb:///{path}", connect_args={"read_only": True})
    with engine.connect() as connection:

        def rows(query: str) -> tuple[list[str], list[list[Any]]]:
            result = connection.execute(sqlalchemy.text(query))
            return list(result.keys()), [list(row) for row in result]

        read = _read(rows)
    inspector = sqlalchemy.inspect(engine)
    comments = {}
    for name in read["relations"]:
        schema, _, relation = name.partition(".")
        for column in inspector.get_columns(relation, schema=schema):
            comments[f"{name}.{column['name']}"] = column["comment"]
    return read | {"comments": comments}


def by_pandas(path: str) -> dict[str, Any]:
    """Read frames with pandas over SQLAlchemy."""
    import pandas
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"duckdb:///{path}", connect_args={"read_only": True})
    with engine.connect() as connection:

        def rows(query: str) -> tuple[list[str], list[list[Any]]]:
            frame = pandas.read_sql(sqlalchemy.text(query), connection)
            values = frame.astype(object).where(frame.notna(), None)
            return list(frame.columns), values.to_numpy().tolist()

        read = _read(rows)
        comments = pandas.read_sql(sqlalchemy.text(COMMENTS), connection)
    return read | {"comments": dict(comments.to_numpy().tolist())}


def _read(rows: Callable[[str], tuple[list[str], list[list[Any]]]]) -> dict[str, Any]:
    relations = {}
    for (name,) in rows(RELATIONS)[1]:
        columns, values = rows(f"select * from {name} order by all")
        relations[name] = {"columns": columns, "rows": values}
    return {"version": duckdb.__version__, "relations": relations}


if __name__ == "__main__":
    readers = {"duckdb": by_duckdb, "sqlalchemy": by_sqlalchemy, "pandas": by_pandas}
    print(json.dumps(readers[sys.argv[1]](sys.argv[2]), default=str))
