"""The results are the same bits for any number of threads and any order of the input rows."""

import hashlib
from pathlib import Path

import duckdb
import pytest

from bank_segments.frames import rows_frame
from bank_segments.hypotheses import EffectRow, ResultRow
from bank_segments.ingest.sample import write_sample
from calibration.ranks import client_table
from conftest import rows_in
from hypothesis_path import MODELS, HypothesisPath

# More than two row groups of DuckDB, so that four threads have something to share.
CLIENTS = 260_000
ORDERS = {
    "as read": "client_key",
    "shuffled": "hash(client_key)",
    "shuffled again": "md5(client_key || 'again')",
}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exactness") / "clients.parquet"
    write_sample(path, CLIENTS, seed=7)
    return path


def digest(rows: object) -> str:
    # repr() of a double is the shortest text that reads back as the same bits.
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def ordered(path: Path, order: str, threads: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("attach ':memory:' as bank; use bank")
    client_table(connection, path)
    connection.execute(
        f"""
        create table sorted_clients as from staging.stg_bank__clients order by {order};
        create or replace table staging.stg_bank__clients as from sorted_clients;
        """
    )
    return connection


def test_results_are_the_same_bits_for_any_threads_and_order(sample_warehouse: Path, clients: Path) -> None:
    path = HypothesisPath(sample_warehouse)
    digests, sums_of_doubles = {}, set()
    for threads, order in ((1, "as read"), (2, "shuffled"), (4, "shuffled again"), (4, "as read")):
        with ordered(clients, ORDERS[order], threads) as connection:
            results, effects = path.run(connection)
            counted = [
                connection.execute(f"select * from intermediate.{name} order by all").fetchall()
                for name in MODELS
                if MODELS[name] == "table"
            ]
            digests[threads, order] = digest((results, effects, counted))
            query = "select sum(cast(estimated_salary as double)) from staging.stg_bank__clients"
            sums_of_doubles.add(connection.execute(query).fetchall()[0])
    assert len(results) > 100
    assert len(set(digests.values())) == 1, digests
    assert len(sums_of_doubles) > 1, "the orders are too alike to show what a sum of doubles would do"


def test_dbt_leaves_the_same_bits(sample_warehouse: Path) -> None:
    """The frames that dbt stores lose nothing: the tables hold what the path above gives for the same clients."""
    path = HypothesisPath(sample_warehouse)
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{sample_warehouse}' as built (read_only); attach ':memory:' as bank; use bank;"
            " create schema staging; create schema intermediate;"
            " create table staging.stg_bank__clients as from built.staging.stg_bank__clients"
        ).fetchall()
        results, effects = path.run(connection)
        for name, rows, row_type in (("tests", results, ResultRow), ("effects", effects, EffectRow)):
            frame = rows_frame(rows, row_type)
            connection.register(f"expected_{name}", frame)
            for one, other in ((f"expected_{name}", "stored"), ("stored", f"expected_{name}")):
                left = connection.execute(
                    f"with stored as (from built.intermediate.int_hypothesis_{name})"
                    f" select count(*) from (from {one} except all from {other})"
                ).fetchall()
                assert left == [(0,)]


def test_published_results_are_those_tables(sample_warehouse: Path) -> None:
    mart, table = (
        [row[0] for row in rows_in(sample_warehouse, f"describe {name}")]
        for name in ("marts.fct_hypothesis_results", "intermediate.int_hypothesis_tests")
    )
    names = ", ".join(name for name in mart if name in table)
    missing = rows_in(
        sample_warehouse,
        f"select {names} from intermediate.int_hypothesis_tests where is_reported"
        f" except all select {names} from marts.fct_hypothesis_results",
    )
    assert missing == []
