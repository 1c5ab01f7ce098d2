"""BI clients, really connected: each reads every mart from another directory and gets what DuckDB 2.0 gets.

They are older than the project's DuckDB, so they live in environments of their own: `make bi-env` installs them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bank_segments.release.publish import STORAGE_VERSION, switch_latest
from conftest import ROOT
from needed import missing

HOME = ROOT / ".venv-bi"
SCRIPTS = ROOT / "tests/bi"
RELATIONS = (
    "select table_schema || '.' || table_name from information_schema.tables"
    " where table_schema in ('marts', 'quality') order by all"
)
COMMENTS = (
    "select schema_name || '.' || table_name || '.' || column_name as name, comment from duckdb_columns()"
    " where schema_name in ('marts', 'quality')"
)


def needed(path: Path, what: str) -> Path:
    """Return a path of the clients' environment."""
    if not path.exists():
        missing(f"{what} is not installed; run `make bi-env`")
    return path


def run(command: list[str | Path], folder: Path, **variables: str) -> Any:
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_float=Decimal) if done.stdout.strip() else []


def by_script(script: str, client: str, folder: Path, *arguments: str | Path) -> Any:
    """What one of the scripts in tests/bi prints in a client's own environment, run from a folder."""
    if client == "node-api":
        node = needed(Path(shutil.which("node") or "/no/node"), "node")
        home = needed(HOME / "npm/node_modules", "@duckdb/node-api").parent
        return run([node, SCRIPTS / f"{script}.mjs", *arguments], folder, BI_NODE_HOME=str(home))
    if client == "duckdb 2.0":
        return run([sys.executable, SCRIPTS / f"{script}.py", "duckdb", *arguments], folder)
    python = needed(HOME / "bin/python", "the BI clients' environment")
    library = str(needed(HOME / "oldest", "DuckDB 1.4")) if client == "duckdb 1.4" else ""
    command = [python, SCRIPTS / f"{script}.py", client.split()[0], *arguments]
    return run(command, folder, PYTHONPATH=library)


def by_cli(file: Path, folder: Path) -> Any:
    tool = needed(HOME / "bin/duckdb", "duckdb-cli")

    def rows(query: str) -> tuple[list[str], list[list[Any]]]:
        found = run([tool, "-readonly", "-json", file, query], folder)
        return list(found[0]) if found else [], [list(row.values()) for row in found]

    relations = {name: rows(f"select * from {name} order by all") for (name,) in rows(RELATIONS)[1]}
    ((version,),) = rows("select version()")[1]
    return {"version": version, "relations": relations, "comments": dict(rows(COMMENTS)[1])}


# The version that a client says it has.
CLIENTS = {
    "duckdb 1.4": "1.4.",
    "duckdb 1.5": "1.5.",
    "duckdb-cli 1.5": "v1.5.",
    "sqlalchemy": "1.5.",
    "pandas": "1.5.",
    "node-api": "v1.5.",
}


def as_in(value: Any, reference: Any) -> Any:
    """Return `value`, as a client hands it over, in a type that equals what DuckDB 2.0 in Python gives."""
    if value is None or isinstance(reference, bool) or not isinstance(reference, int | float | Decimal):
        return value
    return float(value) if isinstance(reference, float) else Decimal(str(value))


@pytest.mark.parametrize("client", CLIENTS)
def test_every_mart_is_the_same_in_another_client(client: str, sample_release: Path, tmp_path: Path) -> None:
    file = sample_release / "bank_marts.duckdb"
    is_cli = client.startswith("duckdb-cli")
    queries = (RELATIONS, COMMENTS)
    seen = by_cli(file, tmp_path) if is_cli else by_script("read_marts", client, tmp_path, file, *queries)
    assert seen["version"].startswith(CLIENTS[client])
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [name for (name,) in connection.execute(RELATIONS).fetchall()]
        assert list(seen["relations"]) == names
        assert len(names) > 20
        assert seen["comments"] == dict(connection.execute(COMMENTS).fetchall())
        for name, (columns, rows) in seen["relations"].items():
            result = connection.execute(f"select * from {name} order by all")
            expected = result.fetchall()
            # Of no row the program prints no names.
            assert columns == [each[0] for each in result.description or ()] or (is_cli and not expected)
            for row, wanted in zip(rows, expected, strict=True):
                assert tuple(map(as_in, row, wanted)) == wanted, name


# The first connection before and after the move, another one beside it, and one after all were closed.
FOLLOWED = {
    "duckdb 1.4": [1, 1, 1, 2],
    "duckdb 1.5": [1, 1, 2, 2],
    "duckdb 2.0": [1, 1, 2, 2],
    "sqlalchemy": [1, 1, 1, 2],
    "node-api": [1, 1, 2, 2],
}


@pytest.mark.parametrize("client", FOLLOWED)
def test_a_client_sees_a_new_release_when_the_page_says(client: str, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"R{number}").mkdir()
        with duckdb.connect() as connection:
            file = tmp_path / f"R{number}/bank_marts.duckdb"
            connection.execute(f"attach '{file}' as release (storage_version '{STORAGE_VERSION}')")
            connection.execute(
                f"create schema release.marts; create view release.marts.which as select {number}::integer as release"
            )
    switch_latest(tmp_path, "R1")
    assert by_script("follow_link", client, tmp_path, tmp_path, "R2") == FOLLOWED[client]


def test_versions_on_the_page_are_the_locked_ones() -> None:
    page = (ROOT / "models/docs/bi_clients.md").read_text(encoding="utf-8")
    locked = {
        pinned
        for name in ("requirements.lock", "requirements-bi.lock", "requirements-bi-oldest.lock")
        for pinned in re.findall(r"^[\w-]+==[\w.]+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    }
    packages = json.loads((SCRIPTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked |= {f"{name}=={version}" for name, version in packages.items()}
    halves, _, superset = page.partition("### Superset")
    parts = halves.split("### How to connect")
    russian, english = (set(re.findall(r"[@\w/-]+==[\w.-]+\w", part)) for part in parts)
    assert russian == english
    assert [f"`{STORAGE_VERSION}`" in part for part in parts] == [True, True]
    assert russian <= locked
    of_clients = ("duckdb", "duckdb-cli", "duckdb-engine", "sqlalchemy", "@duckdb/node-api")
    assert russian >= {pinned for pinned in locked if pinned.split("==")[0] in of_clients}
    # Superset brings its own SQLAlchemy, and lives in no lock file.
    own = {pinned for pinned in re.findall(r"[\w-]+==[\w.]+\w", superset) if "duckdb" not in pinned}
    assert {pinned.split("==")[0] for pinned in own} == {"apache-superset", "sqlalchemy"}
    assert set(re.findall(r"duckdb[\w-]*==[\w.]+\w", superset)) <= locked
