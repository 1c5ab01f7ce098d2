"""Asks what a client sees while `latest` moves to a new release, and prints the answers as JSON, in this order.

`python follow_link.py duckdb|sqlalchemy <published> <new release>`; the answers are of the first connection, of the
same one after the move, of another one while the first is open, and of one after all were closed.
"""

import json
import sys
from pathlib import Path

import duckdb

QUERY = "select release from marts.which"


def move(published: Path, release: str) -> None:
    """Point `latest` at another release, as a publication does."""
    link = published / ".latest"
    link.symlink_to(release)
    link.replace(published / "latest")


def by_duckdb(published: Path, release: str) -> list[int]:
    """Ask with the DuckDB library alone."""
    file = str(published / "latest/bank_marts.duckdb")

    def opened() -> duckdb.DuckDBPyConnection:
        return duckdb.connect(file, read_only=True)

    def asked(connection: duckdb.DuckDBPyConnection) -> int:
        return int(connection.execute(QUERY).fetchall()[0][0])

    first = opened()
    answers = [asked(first)]
    move(published, release)
    answers.append(asked(first))
    with opened() as second:
        answers.append(asked(second))
    first.close()
    with opened() as third:
        answers.append(asked(third))
    return answers


def by_sqlalchemy(published: Path, release: str) -> list[int]:
    """Ask through one engine of SQLAlchemy, which keeps its connections, and after it was told to let them go."""
    import sqlalchemy

    file = published / "latest/bank_marts.duckdb"
    engine = sqlalchemy.create_engine(f"duckdb:///{file}?access_mode=read_only")

    def asked() -> int:
        with engine.connect() as connection:
            return int(connection.execute(sqlalchemy.text(QUERY)).scalar_one())

    answers = [asked()]
    move(published, release)
    answers += [asked(), asked()]
    engine.dispose()
    answers.append(asked())
    return answers


if __name__ == "__main__":
    client = {"duckdb": by_duckdb, "sqlalchemy": by_sqlalchemy}[sys.argv[1]]
    print(json.dumps(client(Path(sys.argv[2]), sys.argv[3])))
