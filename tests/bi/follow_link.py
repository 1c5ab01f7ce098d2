"""Asks what a client sees while `latest` moves to a new release, and prints the answers as JSON, in this order.

`python follow_link.py duckdb|sqlalchemy <published> <new release>`; the answers are of the first connection, of the
same one after the move, of another one while the first is open, and of one after all were closed.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

QUERY = "select release from marts.which"


def by_duckdb(file: Path) -> Iterator[int]:
    """Ask with the DuckDB library alone."""

    def asked(connection: duckdb.DuckDBPyConnection) -> int:
        return int(connection.execute(QUERY).fetchall()[0][0])

    with duckdb.connect(str(file), read_only=True) as first:
        yield asked(first)
        yield asked(first)
        with duckdb.connect(str(file), read_only=True) as second:
            yield asked(second)
    with duckdb.connect(str(file), read_only=True) as third:
        yield asked(third)


def by_sqlalchemy(file: Path) -> Iterator[int]:
    """Ask through one engine of SQLAlchemy, which keeps its connections, and after it was told to let them go."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"duckdb:///{file}?access_mode=read_only")

    def asked() -> int:
        with engine.connect() as connection:
            return int(connection.execute(sqlalchemy.text(QUERY)).scalar_one())

    yield asked()
    yield asked()
    yield asked()
    engine.dispose()
    yield asked()


if __name__ == "__main__":
    client = {"duckdb": by_duckdb, "sqlalchemy": by_sqlalchemy}[sys.argv[1]]
    published, release = Path(sys.argv[2]), sys.argv[3]
    answers = client(published / "latest/bank_marts.duckdb")
    before = next(answers)
    # As a publication does.
    link = published / ".latest"
    link.symlink_to(release)
    link.replace(published / "latest")
    print(json.dumps([before, *answers]))
