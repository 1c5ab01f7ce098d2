"""Reads every mart as a BI client does and prints it as JSON; runs in the environment of that client.

`python read_marts.py duckdb|sqlalchemy|pandas <file> <query of relations> <query of comments>`
"""

import json
import sys
from typing import Any

import duckdb


def by_duckdb(file: str, query: str) -> tuple[list[str], list[list[Any]]]:
    """Read with the DuckDB library alone."""
    with duckdb.connect(file, read_only=True) as connection:
        result = connection.execute(query)
        return [column[0] for column in result.description or ()], [list(row) for row in result.fetchall()]


def engine(file: str) -> Any:
    """Open the file with SQLAlchemy and duckdb-engine, as Superset does."""
    import sqlalchemy

    return sqlalchemy.create_engine(f"duckdb:///{file}", connect_args={"read_only": True})


def by_sqlalchemy(file: str, query: str) -> tuple[list[str], list[list[Any]]]:
    """Read with SQLAlchemy."""
    with engine(file).connect() as connection:
        result = connection.exec_driver_sql(query)
        return list(result.keys()), [list(row) for row in result]


def by_pandas(file: str, query: str) -> tuple[list[str], list[list[Any]]]:
    """Read frames with pandas over SQLAlchemy."""
    import pandas

    with engine(file).connect() as connection:
        frame = pandas.read_sql_query(query, connection)
    return list(frame.columns), frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def reflected(file: str, relations: list[str]) -> dict[str, str]:
    """The comments of columns, as SQLAlchemy finds them."""
    import sqlalchemy

    inspector = sqlalchemy.inspect(engine(file))
    return {
        f"{name}.{column['name']}": column["comment"]
        for name in relations
        for column in inspector.get_columns(name.partition(".")[2], schema=name.partition(".")[0])
    }


if __name__ == "__main__":
    client, file, of_relations, of_comments = sys.argv[1:]
    rows = {"duckdb": by_duckdb, "sqlalchemy": by_sqlalchemy, "pandas": by_pandas}[client]
    names = [name for (name,) in rows(file, of_relations)[1]]
    relations = {name: rows(file, f"select * from {name} order by all") for name in names}
    is_reflected = client == "sqlalchemy"
    comments = reflected(file, names) if is_reflected else dict(rows(file, of_comments)[1])
    found = {"version": duckdb.__version__, "relations": relations, "comments": comments}
    print(json.dumps(found, default=str))
