"""Rank tests over many rows: the compiled rank models, and scipy on the same values."""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from scipy import stats

from bank_segments import statistics
from bank_segments.database import literal, rows_of
from bank_segments.hypotheses import rank_sums_of
from bank_segments.ingest.sample import write_sample
from bank_segments.warehouse import Build
from benchmark.duckdb_job import models
from calibration.permuted import Clients, read_clients, read_register

MEMORY_LIMIT = "4GB"

# A statistic or p-value by population and its name.
Found = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Contender:
    """What it found, the seconds of its best round, and the most megabytes of Python's objects, arrays included."""

    found: Found
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class RankRun:
    """Mann-Whitney's and Brunner-Munzel's tests of one hypothesis in every population that it is reported in.

    One query does all of it; scipy takes the tests apart, so that its first one alone can be told, too.
    """

    hypothesis_id: str
    clients: list[int]
    sql: Contender
    scipy_u: Contender
    scipy_brunner: Contender


# From the staging layer to the rank sums, each after those that it reads.
RANK_MODELS = (
    "int_clients_segmented",
    "int_client_cells",
    "int_hypothesis_cells",
    "int_hypothesis_trim_bounds",
    "int_hypothesis_rank_sums",
)


def client_table(connection: duckdb.DuckDBPyConnection, sample: Path) -> None:
    """Make the staging table that the models read from a file of the sample generator, which has no bad rows."""
    connection.execute("create schema if not exists staging; create schema if not exists intermediate")
    connection.execute(
        f"""
        create or replace table staging.stg_bank__clients as
        select
            cast(userid as varchar) as client_key,
            "City" as city,
            "Gender" as gender,
            cast("Age" as bigint) as age,
            cast(score as bigint) as credit_score,
            cast("Objects" as bigint) as owned_objects,
            cast("Balance" as decimal(18, 2)) as balance,
            cast("Products" as bigint) as product_count,
            cast("CreditCard" as boolean) as has_credit_card,
            cast("Loyalty" as boolean) as is_loyal,
            cast(estimated_salary as decimal(18, 2)) as estimated_salary,
            cast("Churn" as boolean) as is_churned
        from read_parquet({literal(str(sample))})
        """
    )


def compare_ranks(build: Build, rows: int, repeats: int = 2) -> list[RankRun]:
    """Run the compiled rank models and scipy's rank tests on `rows` clients, alternating; the best time counts.

    The register comes from the warehouse, and the clients are in one of their own, of the same name, for the models go
    by that.
    """
    found = models(build)
    with duckdb.connect(str(build.warehouse), read_only=True) as connection:
        register = read_register(connection)
    directory = build.directory / "ranks"
    directory.mkdir(exist_ok=True)
    sample, database = directory / "clients.parquet", directory / build.warehouse.name
    database.unlink(missing_ok=True)
    write_sample(sample, rows)
    try:
        with duckdb.connect(str(database), config={"memory_limit": MEMORY_LIMIT}) as connection:
            client_table(connection, sample)
            for name in RANK_MODELS:
                sql = found[name].code.read_text(encoding="utf-8")
                connection.execute(f"create view intermediate.{name} as {sql}").fetchall()
            return [
                _rank_run(connection, list(read_clients(connection, register, hypothesis)), repeats)
                for hypothesis in register.hypotheses
                if hypothesis["kind"] != "proportion"
            ]
    finally:
        sample.unlink(missing_ok=True)
        database.unlink(missing_ok=True)


def _in_sql(connection: duckdb.DuckDBPyConnection, hypothesis_id: str) -> Found:
    found: Found = {}
    for row in rows_of(
        connection,
        "select * from intermediate.int_hypothesis_rank_sums where hypothesis_id = ?"
        " and trimming = 'none' and territory = 'all'",
        hypothesis_id,
    ):
        ranks = rank_sums_of(row)
        u = statistics.mann_whitney_u(ranks)
        found[row["population"], "U"], found[row["population"], "p of U"] = u.u, u.p_value
        found[row["population"], "p of Brunner-Munzel"] = statistics.brunner_munzel(ranks).p_value
    return found


def _rank_run(connection: duckdb.DuckDBPyConnection, populations: Sequence[Clients], repeats: int) -> RankRun:
    hypothesis_id = populations[0].hypothesis_id
    values = {each.population: (each.units[each.is_first], each.units[~each.is_first]) for each in populations}

    def u_in_scipy() -> Found:
        found: Found = {}
        for name, (one, two) in values.items():
            test = stats.mannwhitneyu(one, two, method="asymptotic")
            found[name, "U"], found[name, "p of U"] = float(test.statistic), float(test.pvalue)
        return found

    def brunner_in_scipy() -> Found:
        return {
            (name, "p of Brunner-Munzel"): float(stats.brunnermunzel(*both).pvalue) for name, both in values.items()
        }

    contenders = (lambda: _in_sql(connection, hypothesis_id), u_in_scipy, brunner_in_scipy)
    rounds = [[_seconds(run) for run in contenders] for _ in range(repeats)]
    best = map(min, zip(*rounds, strict=True))
    return RankRun(
        hypothesis_id,
        [len(each.units) for each in populations],
        *(Contender(*_watched(run), seconds) for run, seconds in zip(contenders, best, strict=True)),
    )


def _seconds(run: Callable[[], Found]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _watched(run: Callable[[], Found]) -> tuple[Found, float]:
    """What was found, and the megabytes, in a round of its own: watching memory costs time."""
    tracemalloc.start()
    try:
        return run(), tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
