"""The results are the same bits for any number of threads and any order of the input rows."""

import shutil
from pathlib import Path

import duckdb
import pytest

from bank_segments.ingest.sample import write_sample
from bank_segments.warehouse import Build
from benchmark.duckdb_job import create_all, models, needed
from calibration.ranks import client_table
from conftest import rows_in

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


def verdicts(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> list[str]:
    """From the clients in staging to the hypotheses, as dbt compiled it for `warehouse`: the tables that are built."""
    connection.execute(f"attach '{warehouse}' as built (read_only); create schema reference")
    for seed in ("hypotheses", "hypothesis_tests", "disclosure_limits"):
        connection.execute(f"create table reference.{seed} as from built.reference.{seed}")
    found = models(Build(warehouse.parent))
    path = needed(found, ["int_hypothesis_tests", "int_hypothesis_effects"])
    create_all(found, path, connection)
    return sorted(f"intermediate.{name}" for name in path if found[name].kind == "table")


def test_results_are_the_same_bits_for_any_threads_and_order(
    sample_warehouse: Path, clients: Path, tmp_path: Path
) -> None:
    results: dict[tuple[int, str], dict[str, tuple[int, int]]] = {}
    sums_of_doubles = set()
    for threads, order in ((1, "as read"), (2, "shuffled"), (4, "shuffled again"), (4, "as read")):
        folder = tmp_path / f"{threads} {order}"
        folder.mkdir()
        with duckdb.connect(folder / "bank.duckdb", config={"threads": threads}) as connection:
            client_table(connection, clients)
            connection.execute(
                f"""
                create table sorted_clients as from staging.stg_bank__clients order by {ORDERS[order]};
                create or replace table staging.stg_bank__clients as from sorted_clients;
                """
            )
            results[threads, order] = found = {}
            for table in verdicts(connection, sample_warehouse):
                rows = connection.execute(f"from {table} order by all").fetchall()
                # repr() of a double is the shortest text that reads back as the same bits.
                found[table] = len(rows), hash(repr(rows))
            query = "select sum(cast(estimated_salary as double)) from staging.stg_bank__clients"
            sums_of_doubles.add(connection.execute(query).fetchall()[0])
        shutil.rmtree(folder)
    first, *others = results.values()
    assert first["intermediate.int_hypothesis_tests"][0] > 100
    assert [table for other in others for table in first if other[table] != first[table]] == []
    assert len(sums_of_doubles) > 1, "the orders are too alike to show what a sum of doubles would do"


def test_dbt_leaves_the_same_bits(sample_warehouse: Path, tmp_path: Path) -> None:
    """What dbt stores loses nothing: the tables hold what the path above gives for the same clients."""
    with duckdb.connect(tmp_path / "bank.duckdb") as connection:
        connection.execute(
            f"attach '{sample_warehouse}' as dbts (read_only); create schema staging; create schema intermediate;"
            " create table staging.stg_bank__clients as from dbts.staging.stg_bank__clients; detach dbts"
        )
        for table in verdicts(connection, sample_warehouse):
            for one, other in ((table, f"built.{table}"), (f"built.{table}", table)):
                left = connection.execute(f"select count(*) from (from {one} except all from {other})")
                assert left.fetchall() == [(0,)]


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
