"""Compares the marts of two builds row by row: the same figures must come out of either engine.

Rows are matched by the key that the model's test `unique` or `unique_key` names. Floating-point columns may differ by
1e-9 of the larger value, every other column must be equal.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from bank_segments import ROOT, SAMPLE
from bank_segments.database import open_confined
from bank_segments.errors import RefusedError
from bank_segments.warehouse import Build, build_warehouse
from spark.build import build_on_spark

TARGET = ROOT / "target/parity"
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mart in both builds; `differences` counts rows that only one has or that are not equal."""

    mart: str
    rows: int
    other_rows: int
    differences: int
    largest_deviation: float


def keys_of(manifest: dict[str, Any]) -> dict[str, list[str]]:
    """Return the key of every public model, columns or expressions of them, by `schema.name`."""
    nodes = manifest["nodes"]
    keys = {}
    for test in nodes.values():
        metadata = test.get("test_metadata") or {}
        model = nodes.get(test.get("attached_node") or "", {})
        if metadata.get("name") in ("unique", "unique_key") and model.get("access") == "public":
            named = metadata["kwargs"]
            keys[f"{model['schema']}.{model['alias']}"] = named.get("columns") or [named["column_name"]]
    return dict(sorted(keys.items()))


def compare(warehouse: Path, tables: Path, keys: dict[str, list[str]]) -> Iterator[Comparison]:
    """Compare a warehouse with a file of tables, mart by mart; `ValueError` where columns or types differ."""
    with open_confined(bank=warehouse, other=tables) as connection:
        for mart, key in keys.items():
            yield _compare(connection, mart, key)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    described = connection.execute(f"describe {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _compare(connection: duckdb.DuckDBPyConnection, mart: str, key: list[str]) -> Comparison:
    columns, others = _columns(connection, f"bank.{mart}"), _columns(connection, f"other.{mart}")
    if columns != others:
        raise ValueError(f"{mart} has other columns or types: {sorted(columns.items() ^ others.items())}")
    doubles = [column for column, kind in columns.items() if kind == "DOUBLE" and column not in key]
    exact = [column for column in columns if column not in (*key, *doubles)]
    differs = [f'one."{column}" is distinct from two."{column}"' for column in exact]
    deviations = [
        f'case when one."{column}" is distinct from two."{column}" then coalesce('
        f'abs(one."{column}" - two."{column}") / greatest(abs(one."{column}"), abs(two."{column}")),'
        " 'inf'::double) else 0e0 end"
        for column in doubles
    ]
    deviation = f"greatest({', '.join([*deviations, '0e0'])})"
    counted = connection.execute(
        f"""
        select
            count(one.is_there) as rows,
            count(two.is_there) as other_rows,
            count(*) filter (
                where one.is_there is null or two.is_there is null
                or {" or ".join([*differs, f"not {deviation} <= {TOLERANCE}"])}
            ) as differences,
            coalesce(max({deviation}) filter (where one.is_there and two.is_there), 0) as largest_deviation
        from (select true as is_there, row({", ".join(key)}) as key, * from bank.{mart}) as one
        full outer join (select true as is_there, row({", ".join(key)}) as key, * from other.{mart}) as two
            on one.key is not distinct from two.key
        """
    ).fetchone()
    assert counted is not None
    return Comparison(mart, *counted)


def table(comparisons: list[Comparison]) -> str:
    """Return the comparisons as a table for people."""
    return pd.DataFrame(comparisons).to_string(index=False, float_format="{:.1e}".format)


def main() -> int:
    """Build on both engines and print the table; returns 1 where a mart differs."""
    parser = argparse.ArgumentParser(prog="make parity", description="Compare the marts of DuckDB and Spark.")
    parser.add_argument("--clients", type=Path, default=SAMPLE, help="the client file")
    parser.add_argument(
        "--engine",
        choices=("spark", "spark_thrift"),
        default="spark",
        help="what DuckDB is compared with: a target of profiles.yml",
    )
    options = parser.parse_args()
    started = time.monotonic()
    build = Build(TARGET / "duckdb")
    try:
        build_warehouse(options.clients, build)
        built = time.monotonic()
        only_data = ("--exclude-resource-type", "unit_test", "test")
        other = build_on_spark(options.clients, TARGET / options.engine, *only_data, target=options.engine)
    except RefusedError as refusal:
        print(f"make parity: {refusal}", file=sys.stderr)
        return 1
    print(f"DuckDB {built - started:.0f} s, Spark {time.monotonic() - built:.0f} s")
    keys = keys_of(json.loads(build.manifest.read_text(encoding="utf-8")))
    comparisons = list(compare(build.warehouse, other, keys))
    print(table(comparisons))
    return int(any(found.differences for found in comparisons))


if __name__ == "__main__":
    sys.exit(main())
