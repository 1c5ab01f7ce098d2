"""The project's own models, as dbt compiled them, on a warehouse that dbt loaded; and the bare scan, their limit."""

import importlib
import json
import runpy
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from bank_segments import ROOT
from bank_segments.database import MEMORY_LIMIT
from bank_segments.warehouse import Build
from benchmark import rules
from benchmark.rules import Figures, Outcome

LAYERS = ("intermediate", "marts", "quality")
PRECISION = 1e-9
# The table that the views over the clients read.
STORED = "staging.stg_bank__client_rows"
# As in profiles.yml.
THREADS = 2


@dataclass(frozen=True, slots=True)
class Model:
    """A model in its layer: how it is materialized, the file with its compiled code, and the models that it reads."""

    layer: str
    name: str
    kind: str
    code: Path
    parents: frozenset[str]

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Build the model in the open warehouse."""
        kind, sql = self.kind, "from frame"
        if self.code.suffix == ".py":
            kind = "table"
            connection.register("frame", _python_model(self.code, connection))
        else:
            sql = self.code.read_text(encoding="utf-8")
        connection.execute(f"create or replace {kind} {self.layer}.{self.name} as {sql}").fetchall()


def _python_model(code: Path, connection: duckdb.DuckDBPyConnection) -> Any:
    def ref(name: str) -> duckdb.DuckDBPyRelation:
        return connection.sql(f"from {'intermediate' if name.startswith('int_') else 'reference'}.{name}")

    return runpy.run_path(str(code))["model"](SimpleNamespace(config=lambda **_: None, ref=ref), connection)


def models(build: Build) -> dict[str, Model]:
    """The models after the staging layer, by name."""
    manifest = json.loads(build.manifest.read_text(encoding="utf-8"))
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    names = {node["unique_id"]: node["name"] for node in nodes if node["schema"] in LAYERS}
    found = {}
    for node in nodes:
        if node["unique_id"] in names:
            path = Path(node["original_file_path"])
            root = ROOT if path.suffix == ".py" else build.directory / "compiled/bank_segments"
            parents = frozenset(names[each] for each in node["depends_on"]["nodes"] if each in names)
            kind = node["config"]["materialized"]
            found[node["name"]] = Model(node["schema"], node["name"], kind, root / path, parents)
    return found


def needed(found: dict[str, Model], names: Iterable[str]) -> set[str]:
    """The models with these names, and all that they read."""
    return set(names).union(*(needed(found, found[name].parents) for name in names))


def create_all(found: dict[str, Model], wanted: set[str], connection: duckdb.DuckDBPyConnection) -> Outcome:
    """Build models as dbt does, some at once, first what most others wait for; read what is compared of them."""
    order = TopologicalSorter({name: found[name].parents & wanted for name in wanted})
    order.prepare()
    waiting = Counter(each for name in wanted for each in needed(found, [name]))
    ready: list[str] = []
    running: dict[Future[tuple[float, Figures]], Model] = {}
    outcome = Outcome()
    with outcome.timed(), ThreadPoolExecutor(THREADS) as pool:
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=waiting.__getitem__)
            while ready and len(running) < THREADS:
                model = found[ready.pop()]
                running[pool.submit(_created, model, connection.cursor())] = model
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                model = running.pop(future)
                seconds, figures = future.result()
                outcome.add(step_of(model), seconds)
                outcome.figures |= figures
                order.done(model.name)
    return outcome


def _created(model: Model, connection: duckdb.DuckDBPyConnection) -> tuple[float, Figures]:
    """Build a model and read its figures; returns the seconds of both, and the figures."""
    started = time.perf_counter()
    model.create(connection)
    named = connection.execute(FIGURES[model.name]).fetchall() if model.name in FIGURES else []
    figures = {name: float("nan") if figure is None else float(figure) for name, figure in named}
    return time.perf_counter() - started, figures


def step_of(model: Model) -> str:
    """Return the step that the contenders' table files a model under."""
    if model.name.startswith("int_clients"):
        return "bands and segments"
    if model.name == "int_number_summaries":
        return "quartiles"
    if model.name == "int_client_cells":
        return "portraits and cube"
    if model.name.startswith("int_hypothesis"):
        return "hypotheses"
    return "marts"


def build_marts(build: Build, warehouse: Path) -> Outcome:
    """Build every model above staging in `warehouse` and read what the contenders are asked for.

    What none of them works out (drivers, search, economics, pilots) is timed apart.
    """
    # What the Python models import, as the other contenders' libraries, is there before the time is taken.
    importlib.import_module("bank_segments.hypotheses")
    found = models(build)
    compared = needed(found, FIGURES)
    with duckdb.connect(str(warehouse), config={"memory_limit": MEMORY_LIMIT}) as connection:
        for layer in LAYERS:
            connection.execute(f"create schema if not exists {layer}")
        outcome = create_all(found, compared, connection)
        outcome.other_seconds = create_all(found, found.keys() - compared, connection).seconds
    return outcome


def _fastest(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    """Return the seconds of a query, the fastest of three times."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        connection.execute(query).fetchall()
        times.append(time.perf_counter() - started)
    return min(times)


def scan(warehouse: Path) -> Outcome:
    """Read every stored column behind `dim_clients` once: no query can do less.

    Bands and segments, which the mart works out, are not among them.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        shown, stored = (
            {row[0] for row in connection.execute(f"describe {relation}").fetchall()}
            for relation in ("marts.dim_clients", STORED)
        )
        columns = ", ".join(f"max({column})" for column in sorted(shown & stored))
        return Outcome(seconds=_fastest(connection, f"select {columns} from {STORED}"))


def answers(published: Path) -> dict[str, float]:
    """Return the milliseconds of an ordinary question to each relation of the published file.

    A mart whose rows do not grow with the clients is read whole; of one with a row per client, the rows are counted.
    """
    found = {}
    with duckdb.connect(str(published), read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('marts', 'quality') order by all"
        ).fetchall()
        for schema, name in names:
            is_large = name in ("dim_clients", "fct_segment_membership", "rejected_clients")
            query = f"select {'count(*)' if is_large else '*'} from {schema}.{name}"
            found[name] = 1000 * _fastest(connection, query)
    return found


def _numbers(mart: str, group: str) -> str:
    names = ", ".join(f"'{statistic} ' || name" for statistic in rules.STATISTICS)
    return (
        f"select unnest([{names}]), unnest([{', '.join(rules.STATISTICS)}])"
        f" from (select trait || ' ' || {group} as name, * from marts.{mart})"
    )


# The figures that the contenders are compared by, their names and values, by the model that holds them.
FIGURES = {
    "fct_segment_metrics": """
        select
            unnest(['segment ' || segment_id, 'segment ' || segment_id || ' churned']),
            unnest([clients, churned_clients])
        from marts.fct_segment_metrics
        where segment_id <> 'none'
    """,
    "fct_churn_portrait": """
        select
            unnest(['levels ' || trait, 'churned levels ' || trait]),
            unnest([sum(clients * clients), sum(churned_clients * churned_clients)])
        from marts.fct_churn_portrait
        group by trait
    """,
    "fct_product_count_portrait": """
        select 'levels by products ' || trait, sum(clients * clients)
        from marts.fct_product_count_portrait
        group by trait
    """,
    "fct_churn_portrait_numbers": _numbers("fct_churn_portrait_numbers", "population"),
    "fct_product_count_portrait_numbers": _numbers("fct_product_count_portrait_numbers", "'active ' || product_count"),
    "rpt_dashboard_cube": """
        select unnest(['cube cells', 'cube salaries']), unnest([count(*), sum(estimated_salary_kopecks_total) / 100])
        from marts.rpt_dashboard_cube
    """,
    "fct_hypothesis_results": """
        select
            concat_ws(' ', if(test = 'welch_t', 'welch', 'ranks'), hypothesis_id, population),
            statistic
        from marts.fct_hypothesis_results
        where test in ('welch_t', 'mann_whitney_u')
        union all
        select concat_ws(' ', 'p', test, hypothesis_id, population), p_value
        from marts.fct_hypothesis_results
        where test <> 'brunner_munzel'
    """,
    "fct_hypothesis_sensitivity": """
        select concat_ws(' ', 'difference', hypothesis_id, population, trimming, territory), difference
        from marts.fct_hypothesis_sensitivity
        where hypothesis_id in (select hypothesis_id from reference.hypotheses where kind = 'mean')
    """,
    "int_hypothesis_strata": """
        select
            unnest(['successes ' || name || ' first', 'successes ' || name || ' second', 'strata ' || name]),
            unnest([
                sum(first_successes),
                sum(second_successes),
                sum(first_successes * second_failures
                    / (first_successes + first_failures + second_successes + second_failures))
            ])
        from (select concat_ws(' ', hypothesis_id, population) as name, * from intermediate.int_hypothesis_strata)
        where territory = 'all'
        group by name
    """,
}


def different(one: Figures, other: Figures) -> list[str]:
    """Name the figures that are not in both or differ by more than the rounding of sums of doubles."""
    wrong = [f"{name} is missing" for name in sorted(one.keys() ^ other.keys())]
    for name in sorted(one.keys() & other.keys()):
        first, second = one[name], other[name]
        both_missing = first != first and second != second
        if not both_missing and not abs(first - second) <= PRECISION * max(abs(first), abs(second), 1):
            wrong.append(f"{name}: {first} and {second}")
    return wrong
