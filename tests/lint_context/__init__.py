"""What sqlfluff needs to know of dbt to render a model without a warehouse: see `.sqlfluff`.

sqlfluff loads the project's macros itself; here is what dbt or the database gives them.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from jinja2 import Environment, pass_context
from jinja2.runtime import Context, Macro
from sqlfluff.core.templaters.builtins.dbt import MacroReturn

_SEEDS = Path(__file__).resolve().parents[2] / "seeds"
_FILES = {
    path.name: path for folder in ("shared", "registers", "banks/metanprombank") for path in (_SEEDS / folder).iterdir()
}
_CASTS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "integer": int,
    "bigint": int,
    "double": float,
    "boolean": lambda text: text == "true",
}


@cache
def seed_rows(seed: str) -> list[dict[str, Any]]:
    """Return rows of a seed as the macro `seed_rows` does, from the CSV file instead of the warehouse.

    Two rows of each kind, or of each owner of rules, exercise every loop and branch of a template; all of them make
    sqlfluff ten times slower. Only columns and traits, which templates look up by name, are all here.
    """
    properties = yaml.safe_load(_FILES[f"{seed}.yml"].read_text(encoding="utf-8"))["seeds"][0]
    types = properties["config"]["column_types"]
    with _FILES[f"{seed}.csv"].open(encoding="utf-8", newline="") as lines:
        rows = [
            {name: _CASTS.get(types[name], str)(text) if text else None for name, text in row.items()}
            for row in csv.DictReader(lines)
        ]
    if seed in ("columns", "traits"):
        return rows
    if seed == "hypotheses":
        rows.append(rows[0] | {"kind": "rank"})  # none of that kind ships
    first_column = next(iter(rows[0]))
    is_key = len({row[first_column] for row in rows}) == len(rows)
    seen: Counter[Any] = Counter()
    kept = []
    for row in rows:
        group = row.get("kind", None if is_key else row[first_column])
        seen[group] += 1
        if seen[group] <= 2:
            kept.append(row)
    return kept


@pass_context
def _dispatch(context: Context, name: str, *_: str) -> Callable[..., str]:
    """Return DuckDB's version of a dispatched macro, which sqlfluff then lints."""
    macro: Callable[..., str] = context.get(f"duckdb__{name}") or context[f"default__{name}"]
    return macro


def _refuse(sentence: str) -> None:
    raise ValueError(sentence)


adapter = SimpleNamespace(dispatch=_dispatch)
exceptions = SimpleNamespace(raise_compiler_error=_refuse)
execute = True
flags = SimpleNamespace(EMPTY=False)
graph = SimpleNamespace(nodes={})
modules = SimpleNamespace(re=re)


def _returning(call: Callable[..., Any]) -> Callable[..., Any]:
    """What dbt makes of a macro that returns; sqlfluff does so only of one that is called from another file."""

    @wraps(call)
    def given(*arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except MacroReturn as returned:
            return returned.value

    return given


def _once(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """What this function of an environment and a source gave the first time."""
    known: dict[Any, Any] = {}

    @wraps(compiled)
    def given(environment: Environment, source: Any, *arguments: Any, **options: Any) -> Any:
        if source not in known:
            known[source] = compiled(environment, source, *arguments, **options)
        return known[source]

    return given


# For each file sqlfluff runs this module anew, and compiles every macro twice: a quarter of its time.
if not hasattr(Environment.compile, "__wrapped__"):
    Environment.compile = _once(Environment.compile)  # type: ignore[method-assign]
    Macro.__call__ = _returning(Macro.__call__)  # type: ignore[method-assign]
