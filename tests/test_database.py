"""What reads a published file or a warehouse reaches nothing beside it, whatever the queries in it say."""

from pathlib import Path

import duckdb
import pytest

from bank_segments.database import open_confined

REFUSED = [
    "from read_csv('/etc/passwd')",
    "from '/etc/passwd'",
    "from glob('/*')",
    "from marts.hostile",
    "copy (select 1) to '{folder}/written.csv'",
    "attach '{folder}/other.duckdb'",
    "create table shown.t as select 1",
    "install httpfs",
    "load '{folder}/library.so'",
    "set enable_external_access = true",
    "set memory_limit = '1GB'",
]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two files, the first with a view that reads a third."""
    paths = {name: tmp_path / f"it's {name} $HOME; a=b.duckdb" for name in ("shown", "beside")}
    for path in paths.values():
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema marts; create view marts.v as select 42 as answer")
            connection.execute("create view marts.hostile as select * from read_text('/etc/passwd')")
    return paths


@pytest.mark.parametrize("statement", REFUSED)
def test_a_confined_connection_reaches_only_its_files(statement: str, files: dict[str, Path], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with open_confined(**files) as connection:
        assert connection.execute("from marts.v union all from beside.marts.v").fetchall() == [(42,), (42,)]
        with pytest.raises(duckdb.Error, match=r"disabled|locked|read-only|does not exist"):
            connection.execute(statement.format(folder=tmp_path))
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(duckdb.IOException, match=r"no such\.duckdb"):
        open_confined(missing=tmp_path / "no such.duckdb")
