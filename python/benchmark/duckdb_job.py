"""The project's own models, as dbt compiled them, on a warehouse that dbt loaded; and the bare scan, their limit."""

import importlib
import importlib.util
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from bank_segments.database import MEMORY_LIMIT
from bank_segments.warehouse import Build
from benchmark import rules
from benchmark.rules import Figures, Outcome

LAYERS = ("intermediate", "marts", "quality")
PRECISION = 1e-9
# The table that the views over the clients read.
STORED = "staging.stg_bank__client_rows"


@dataclass(frozen=True, slots=True)
class Model:
    """A model in its layer: how it is materialized, and the file with its compiled code."""

    layer: str
    name: str
    kind: str
    code: Path

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Build the model in the open warehouse."""
        relation = f"{self.layer}.{self.name}"
        if self.code.suffix == ".py":
            frame = _python_model(self.code, connection)
            connection.register("frame", frame)
            connection.execute(f"create or replace table {relation} as from frame").fetchall()
        else:
            sql = self.code.read_text(encoding="utf-8")
            connection.execute(f"create or replace {self.kind} {relation} as {sql}").fetchall()


def _python_model(code: Path, connection: duckdb.DuckDBPyConnection) -> Any:
    specification = importlib.util.spec_from_file_location(code.stem, code)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    relations = {"hypotheses": "reference", "hypothesis_tests": "reference"}
    context = SimpleNamespace(
        config=lambda **_: None,
        ref=lambda name: connection.sql(f"from {relations.get(name, 'intermediate')}.{name}"),
    )
    return module.model(context, connection)


def models(build: Build, root: Path) -> Iterator[Model]:
    """Yield the models after the staging layer, each after those it reads."""
    manifest = json.loads(build.manifest.read_text(encoding="utf-8"))
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    done: set[str] = set()

    def visit(name: str) -> Iterator[Model]:
        if name in done or name not in nodes:
            return
        done.add(name)
        node = nodes[name]
        for parent in node["depends_on"]["nodes"]:
            yield from visit(parent)
        if node["schema"] in LAYERS:
            path = Path(node["original_file_path"])
            compiled = build.directory / "compiled/bank_segments" / path
            code = root / path if path.suffix == ".py" else compiled
            yield Model(node["schema"], node["name"], node["config"]["materialized"], code)

    for name in sorted(nodes):
        yield from visit(name)


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


def build_marts(build: Build, root: Path, warehouse: Path) -> Outcome:
    """Build every model above staging in `warehouse` and read what the contenders are asked for."""
    # What the Python models import, as the other contenders' libraries, is there before the time is taken.
    importlib.import_module("bank_segments.hypotheses")
    outcome = Outcome()
    with duckdb.connect(str(warehouse), config={"memory_limit": MEMORY_LIMIT}) as connection:
        for layer in LAYERS:
            connection.execute(f"create schema if not exists {layer}")
        for model in models(build, root):
            started = time.perf_counter()
            model.create(connection)
            step = step_of(model)
            outcome.seconds[step] = outcome.seconds.get(step, 0.0) + time.perf_counter() - started
        started = time.perf_counter()
        outcome.figures = figures(connection)
        outcome.seconds["marts"] += time.perf_counter() - started
    return outcome


def scan(warehouse: Path, repeats: int = 3) -> Outcome:
    """Read every stored column behind `dim_clients` once, the fastest of some times: no query can do less.

    Bands and segments, which the mart works out, are not among them.
    """
    best = float("inf")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        shown, stored = (
            {row[0] for row in connection.execute(f"describe {relation}").fetchall()}
            for relation in ("marts.dim_clients", STORED)
        )
        query = f"select {', '.join(f'max({column})' for column in sorted(shown & stored))} from {STORED}"
        for _ in range(repeats):
            started = time.perf_counter()
            connection.execute(query).fetchall()
            best = min(best, time.perf_counter() - started)
    return Outcome(seconds={"scan": best})


def answers(published: Path) -> dict[str, tuple[str, float]]:
    """Return what each published mart is, and the milliseconds of its slowest ordinary question.

    A mart whose rows do not grow with the clients is read whole; of one with a row per client, the rows are counted.
    """
    found = {}
    with duckdb.connect(str(published), read_only=True) as connection:
        views = {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('marts', 'quality') order by all"
        ).fetchall()
        for schema, name in names:
            is_large = name in ("dim_clients", "fct_segment_membership", "rejected_clients")
            what = f"select {'count(*)' if is_large else '*'} from {schema}.{name}"
            times = []
            for _ in range(3):
                started = time.perf_counter()
                connection.execute(what).fetchall()
                times.append(1000 * (time.perf_counter() - started))
            found[name] = ("view" if name in views else "table", min(times))
    return found


def figures(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Read the figures that the contenders are compared by from the marts."""
    found: Figures = {}

    def read(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query).fetchall()

    for segment, clients, churned in read(
        "select segment_id, clients, churned_clients from marts.fct_segment_metrics where segment_id <> 'none'"
    ):
        found[f"segment {segment}"], found[f"segment {segment} churned"] = clients, churned
    for trait, everyone, churned in read(
        "select trait, sum(clients * clients), sum(churned_clients * churned_clients)"
        " from marts.fct_churn_portrait group by trait"
    ):
        found[f"levels {trait}"], found[f"churned levels {trait}"] = int(everyone), int(churned)
    for trait, active in read(
        "select trait, sum(clients * clients) from marts.fct_product_count_portrait group by trait"
    ):
        found[f"levels by products {trait}"] = int(active)
    described = ", ".join(rules.STATISTICS)
    for name, *numbers in read(
        f"select trait || ' ' || population, {described} from marts.fct_churn_portrait_numbers union all"
        f" select trait || ' active ' || product_count, {described} from marts.fct_product_count_portrait_numbers"
    ):
        for statistic, number in zip(rules.STATISTICS, numbers, strict=True):
            found[f"{statistic} {name}"] = float("nan") if number is None else float(number)
    ((cells, kopecks),) = read(
        "select count(*), sum(estimated_salary_kopecks_total) from marts.rpt_dashboard_cube"
    )
    found["cube cells"], found["cube salaries"] = cells, float(kopecks) / 100
    tests = {"welch_t": "welch", "mann_whitney_u": "ranks"}
    for hypothesis, population, test, statistic in read(
        "select hypothesis_id, population, test, statistic from marts.fct_hypothesis_results"
    ):
        if test in tests:
            found[f"{tests[test]} {hypothesis} {population}"] = statistic
    means = {hypothesis["hypothesis_id"] for hypothesis in rules.compared("mean")}
    for hypothesis, population, trimming, city, difference in read(
        "select hypothesis_id, population, trimming, city, difference from marts.fct_hypothesis_sensitivity"
    ):
        if hypothesis in means:
            found[f"difference {hypothesis} {population} {trimming} {city}"] = difference
    for hypothesis, population, first, second, strata in read(
        "select hypothesis_id, population, cast(sum(first_successes) as bigint), cast(sum(second_successes) as bigint),"
        " sum(first_successes * second_failures"
        " / (first_successes + first_failures + second_successes + second_failures))"
        " from intermediate.int_hypothesis_strata where city = 'all' group by all"
    ):
        key = f"{hypothesis} {population}"
        found[f"successes {key} first"], found[f"successes {key} second"] = first, second
        found[f"strata {key}"] = strata
    return found


def different(one: Figures, other: Figures) -> list[str]:
    """Name the figures that are not in both or differ by more than the rounding of sums of doubles."""
    wrong = [f"{name} is missing" for name in sorted(one.keys() ^ other.keys())]
    for name in sorted(one.keys() & other.keys()):
        first, second = one[name], other[name]
        both_missing = first != first and second != second
        if not both_missing and not abs(first - second) <= PRECISION * max(abs(first), abs(second), 1):
            wrong.append(f"{name}: {first} and {second}")
    return wrong
