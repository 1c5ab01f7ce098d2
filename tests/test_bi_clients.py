"""BI clients, really connected: each reads every mart from another directory and gets what DuckDB 2.0 gets.

They are older than the project's DuckDB, so they live in environments of their own: `make bi-env` installs them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
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
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, parse_float=Decimal) if done.stdout.strip() else []


def by_python(client: str, file: Path, folder: Path) -> Any:
    python = needed(HOME / "bin/python", "the BI clients' environment")
    return run([python, SCRIPTS / "read_marts.py", client, file], folder, PYTHONPATH="")


def by_oldest_duckdb(file: Path, folder: Path) -> Any:
    python, library = HOME / "bin/python", needed(HOME / "oldest", "DuckDB 1.4")
    return run([python, SCRIPTS / "read_marts.py", "duckdb", file], folder, PYTHONPATH=str(library))


def follow_by_python(client: str, published: Path, new: str) -> Any:
    python = needed(HOME / "bin/python", "the BI clients' environment")
    return run([python, SCRIPTS / "follow_link.py", client, published, new], published, PYTHONPATH="")


def follow_by_oldest_duckdb(published: Path, new: str) -> Any:
    python, library = HOME / "bin/python", needed(HOME / "oldest", "DuckDB 1.4")
    script = SCRIPTS / "follow_link.py"
    return run([python, script, "duckdb", published, new], published, PYTHONPATH=str(library))


def follow_by_newest_duckdb(published: Path, new: str) -> Any:
    return run([sys.executable, SCRIPTS / "follow_link.py", "duckdb", published, new], published)


def follow_by_node(published: Path, new: str) -> Any:
    node = needed(Path(shutil.which("node") or "/no/node"), "node")
    home = needed(HOME / "npm/node_modules", "@duckdb/node-api").parent
    return run([node, SCRIPTS / "follow_link.mjs", published, new], published, BI_NODE_HOME=str(home))


def by_cli(file: Path, folder: Path) -> Any:
    tool = needed(HOME / "bin/duckdb", "duckdb-cli")

    def rows(query: str) -> list[dict[str, Any]]:
        return list(run([tool, "-readonly", "-json", file, query], folder))

    relations = {}
    for named in rows(RELATIONS.replace(" from", " as name from", 1)):
        found = rows(f"select * from {named['name']} order by all")
        # No row, no names: the program then prints nothing.
        columns = list(found[0]) if found else None
        relations[named["name"]] = {"columns": columns, "rows": [list(row.values()) for row in found]}
    (version,) = rows("select version() as version")
    comments = {row["name"]: row["comment"] for row in rows(COMMENTS)}
    return {"version": version["version"], "relations": relations, "comments": comments}


def by_node(file: Path, folder: Path) -> Any:
    node = needed(Path(shutil.which("node") or "/no/node"), "node")
    home = needed(HOME / "npm/node_modules", "@duckdb/node-api").parent
    return run([node, SCRIPTS / "read_marts.mjs", file], folder, BI_NODE_HOME=str(home))


CLIENTS: dict[str, tuple[str, Callable[[Path, Path], Any]]] = {
    "duckdb 1.4": ("1.4.", by_oldest_duckdb),
    "duckdb 1.5": ("1.5.", lambda file, folder: by_python("duckdb", file, folder)),
    "duckdb-cli 1.5": ("v1.5.", by_cli),
    "sqlalchemy": ("1.5.", lambda file, folder: by_python("sqlalchemy", file, folder)),
    "pandas": ("1.5.", lambda file, folder: by_python("pandas", file, folder)),
    "node-api": ("v1.5.", by_node),
}


def as_in(value: Any, reference: Any) -> Any:
    """Return `value`, as a client hands it over, in the type that DuckDB 2.0 in Python gives."""
    if value is None or reference is None:
        return value
    if isinstance(reference, bool):
        return value
    if isinstance(reference, int):
        return int(value) if Decimal(str(value)) == int(value) else value
    if isinstance(reference, float):
        return float(value)
    return Decimal(str(value)) if isinstance(reference, Decimal) else value


@pytest.mark.parametrize("client", CLIENTS)
def test_every_mart_is_the_same_in_another_client(
    client: str, sample_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sample_release / "bank_marts.duckdb"
    version, reader = CLIENTS[client]
    seen = reader(file, tmp_path)
    assert seen["version"].startswith(version)
    figures = 0
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [name for (name,) in connection.execute(RELATIONS).fetchall()]
        assert list(seen["relations"]) == names
        assert len(names) > 20
        assert seen["comments"] == dict(connection.execute(COMMENTS).fetchall())
        for name in names:
            result = connection.execute(f"select * from {name} order by all")
            columns = [column[0] for column in result.description or ()]
            expected = result.fetchall()
            got = seen["relations"][name]
            assert got["columns"] in (columns, None if not expected else columns)
            assert len(got["rows"]) == len(expected), name
            for row, wanted in zip(got["rows"], expected, strict=True):
                assert tuple(map(as_in, row, wanted)) == wanted, name
            figures += len(columns) * len(expected)
    with capsys.disabled():
        print(f"\n{client} ({seen['version']}): {len(names)} relations, {figures} values the same, errors 0")


# The first connection before and after the move, another one beside it, and one after all were closed.
FOLLOWED: dict[str, tuple[list[int], Callable[[Path, str], Any]]] = {
    "duckdb 1.4": ([1, 1, 1, 2], follow_by_oldest_duckdb),
    "duckdb 1.5": ([1, 1, 2, 2], lambda published, new: follow_by_python("duckdb", published, new)),
    "duckdb 2.0": ([1, 1, 2, 2], follow_by_newest_duckdb),
    "sqlalchemy": ([1, 1, 1, 2], lambda published, new: follow_by_python("sqlalchemy", published, new)),
    "node-api": ([1, 1, 2, 2], follow_by_node),
}


@pytest.mark.parametrize("client", FOLLOWED)
def test_a_client_sees_a_new_release_when_the_page_says(client: str, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"R{number}").mkdir()
        with duckdb.connect() as connection:
            file = tmp_path / f"R{number}/bank_marts.duckdb"
            connection.execute(f"attach '{file}' as release (storage_version '{STORAGE_VERSION}')")
            connection.execute(
                "create schema release.marts;"
                f" create view release.marts.which as select {number}::integer as release"
            )
    switch_latest(tmp_path, "R1")
    expected, follow = FOLLOWED[client]
    assert follow(tmp_path, "R2") == expected


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
