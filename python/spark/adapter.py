"""What dbt-spark lacks to run this project: the load of the client file, the client keys and the Python models.

`python/dbt_bank_segments.py` puts `SparkAdapter` in the place of dbt-spark's own adapter, for a session as for a Thrift
server. Rows travel between Spark and DuckDB as Parquet files under BANK_SPARK_HOME, which on a cluster must be a
directory that dbt and every executor see.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.base.meta import available
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.spark.impl import SparkAdapter as DbtSparkAdapter

from bank_segments import ROOT
from bank_segments.database import literal
from bank_segments.ingest.client_file import look_as_dict
from bank_segments.ingest.client_key import set_key
from bank_segments.release.publish import STORAGE_VERSION


def spark_home() -> Path:
    """Return the directory of what a Spark build leaves: its warehouse, and the marts as a DuckDB file."""
    return Path(os.environ.get("BANK_SPARK_HOME", ROOT / "target/spark")).resolve()


class Rows:
    """The result of a query with the two attributes that the Python models use of DuckDB's relations."""

    def __init__(self, cursor: Any) -> None:
        """Fetch everything from an executed cursor; decimals without a fraction become integers, as on DuckDB."""
        self.columns: list[str] = [column[0] for column in cursor.description]
        self._rows = [tuple(map(_plain, row)) for row in cursor.fetchall()]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self._rows


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) and value.as_tuple().exponent == 0 else value


class SparkAdapter(DbtSparkAdapter):
    """dbt-spark's adapter, able to load the client file and to run Python models inside dbt's own process."""

    @available.parse(lambda *_: {})
    def look_at_client_file(self, path: str, sheet: str, wanted: Sequence[str]) -> dict[str, Any]:
        """Return the fields of `ClientFile`, or `refusal` with the sentence to show."""
        copies = spark_home() / "copies"
        spark_home().mkdir(parents=True, exist_ok=True)
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir(mode=0o700)
        return look_as_dict(path, sheet, list(wanted), copies)

    @available.parse(lambda *_: (0, []))
    def load_client_file(
        self, schema: str, table: str, select: str, first_unread: str | None
    ) -> tuple[int, list[tuple[Any, ...]]]:
        """Fill a table with the rows that `select` gives on DuckDB; return how many, and the first row not read.

        DuckDB numbers the rows in the order of the file, which a distributed read does not keep.
        """
        with duckdb.connect() as connection:
            self._create_table(schema, table, connection.sql(select))
            unread = connection.sql(first_unread).fetchall() if first_unread else []
        shutil.rmtree(spark_home() / "copies")
        return int(self._query(f"select count(*) from {schema}.{table}").fetchall()[0][0]), unread

    @available.parse_none
    def write_client_keys(self, schema: str, client_ids: str, client_key: str) -> None:
        """Fill the table `client_keys` of a schema with the ids that a query gives on Spark, and the key of each.

        DuckDB computes the keys by the expression `client_key`: the secret never leaves the machine of dbt.
        """
        with duckdb.connect() as connection, _exchange(f"{schema}.client_ids") as directory:
            set_key(connection)
            self._write(client_ids, directory)
            ids = connection.read_parquet(f"{directory}/*.parquet")
            self._create_table(schema, "client_keys", ids.project(f"client_id, {client_key} as client_key"))

    @available.parse_none
    def hand_over(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Copy relations, given as nodes of dbt's graph, into BANK_SPARK_HOME/bank_marts.duckdb with their comments.

        That file is all that Python reads of a Spark build. It is replaced when it is complete; without nodes it goes.
        """
        marts = spark_home() / "bank_marts.duckdb"
        if not nodes:
            marts.unlink(missing_ok=True)
            return
        unfinished = marts.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            connection.execute(
                f"attach {literal(str(unfinished))} as handed_over (storage_version '{STORAGE_VERSION}')"
            )
            connection.execute("use handed_over")
            for node in nodes:
                self._copy(node, connection)
        unfinished.replace(marts)

    def submit_python_job(self, parsed_model: dict[str, Any], compiled_code: str) -> AdapterResponse:
        """Run a Python model here, as dbt-duckdb does: what it reads and returns is a few hundred rows."""
        namespace: dict[str, Any] = {"__name__": parsed_model["name"]}
        exec(compile(parsed_model["compiled_code"], parsed_model["original_file_path"], "exec"), namespace)
        dbt = namespace["dbtObj"](lambda relation: self._query(f"select * from {relation}"))
        frame = namespace["model"](dbt, None)
        with duckdb.connect() as connection:
            self._create_table(parsed_model["schema"], parsed_model["alias"], connection.from_df(frame))
        response: AdapterResponse = self.connections.get_response(None)
        return response

    def _query(self, sql: str) -> Rows:
        _, cursor = self.connections.add_query(sql, auto_begin=False)
        return Rows(cursor)

    def _write(self, query: str, directory: Path) -> None:
        path = f"file:{directory}".replace("\\", "\\\\").replace("'", "\\'")
        statement = f"insert overwrite directory '{path}' using parquet {query}"
        self.connections.add_query(statement, auto_begin=False)

    def _create_table(self, schema: str, table: str, rows: duckdb.DuckDBPyRelation) -> None:
        with _exchange(f"{schema}.{table}") as directory:
            directory.mkdir(parents=True)
            rows.write_parquet(str(directory / "rows.parquet"))
            path = f"file:{directory}".replace("`", "``")
            for statement in (
                f"create schema if not exists {schema}",
                f"drop table if exists {schema}.{table}",
                f"create table {schema}.{table} using parquet as select * from parquet.`{path}`",
            ):
                self.connections.add_query(statement, auto_begin=False)

    def _copy(self, node: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
        name = f"{node['schema']}.{node['alias']}"
        with _exchange(name) as directory:
            self._write(f"select * from {name}", directory)
            connection.execute(f"create schema if not exists {node['schema']}")
            connection.execute(f"create table {name} as from read_parquet({literal(f'{directory}/*.parquet')})")
        connection.execute(f"comment on table {name} is {literal(node['description'])}")
        for column in node["columns"].values():
            connection.execute(f'comment on column {name}."{column["name"]}" is {literal(column["description"])}')


@contextmanager
def _exchange(name: str) -> Iterator[Path]:
    """Give the path of a directory that is not there yet, and remove it in the end."""
    directory = spark_home() / "exchange" / name
    shutil.rmtree(directory, ignore_errors=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
