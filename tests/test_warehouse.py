"""A warehouse never mixes two client files, and commands work from any folder on the project's own files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from bank_segments import SAMPLE, warehouse
from conftest import dbt


class Project:
    """Runs dbt in this process and from a folder that is not the project's, on one parsed manifest."""

    def __init__(self, folder: Path, manifest: Any) -> None:  # noqa: D107
        self.build = warehouse.Build(folder)
        self.manifest = manifest
        self.options = [*warehouse.PROJECT, "--target-path", str(folder), "--log-path", str(folder)]
        self.options += ["--log-level", "none", "--no-write-json"]

    def run(self, *arguments: str, clients: Path | str = "") -> str:
        """Return what went wrong, nothing where all went well."""
        with warehouse.environment(BANK_WAREHOUSE=str(self.build.warehouse), BANK_CLIENTS=str(clients)):
            try:
                result = dbtRunner(manifest=self.manifest).invoke([*arguments, *self.options])
            finally:
                warehouse.release_warehouse()
        return "" if result.success else "; ".join(warehouse.messages(result))

    def clients(self) -> set[int]:
        """How many clients each layer counts: one number, unless two files are mixed."""
        with duckdb.connect(str(self.build.warehouse), read_only=True) as connection:
            return {
                connection.execute(f"select {count} from {relation}").fetchall()[0][0]
                for relation, count in (
                    ("raw.clients", "count(*)"),
                    ("marts.dim_clients", "count(*)"),
                    ("marts.fct_product_count_metrics", "sum(clients)"),
                    ("quality.row_counts", "sum(read_rows)"),
                )
            }


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 400 clients."""
    path = tmp_path_factory.mktemp("few") / "clients.csv"
    with duckdb.connect() as connection:
        connection.execute(f"copy (from '{SAMPLE}' limit 400) to '{path}' (format csv)")
    return path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What dbt knows of the project."""
    folder = str(tmp_path_factory.mktemp("parsed"))
    options = ["--target-path", folder, "--log-path", folder, "--log-level", "none"]
    return dbtRunner().invoke(["parse", *warehouse.PROJECT, *options]).result


@pytest.fixture
def project(
    sample_warehouse: Path, manifest: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The warehouse of the sample, and a current folder elsewhere, which stays empty."""
    built, elsewhere = tmp_path / "built", tmp_path / "elsewhere"
    elsewhere.mkdir()
    built.mkdir()
    shutil.copy(sample_warehouse, built)
    monkeypatch.chdir(elsewhere)
    yield Project(built, manifest)
    assert list(elsewhere.iterdir()) == []


def test_a_part_is_built_on_the_clients_that_are_there(project: Project, few: Path) -> None:
    said = project.run("run", "--select", "dim_clients", clients=few)
    assert "clients.csv is not the one that the warehouse holds" in said
    assert project.clients() == {10_000}
    for clients in ("", SAMPLE, os.path.relpath(SAMPLE)):
        assert project.run("run", "--select", "dim_clients", clients=clients) == ""
        assert project.clients() == {10_000}


def test_the_whole_is_built_on_the_file_that_is_named_or_on_the_sample(project: Project, few: Path) -> None:
    assert project.run("run", clients=os.path.relpath(few)) == ""
    assert project.clients() == {400}
    assert project.run("run", "--select", "+fct_product_count_metrics", "dim_clients") == ""
    assert project.run("test", "--select", "dim_clients") == ""
    assert project.clients() == {400}
    assert project.run("run") == ""
    assert project.clients() == {10_000}


def test_a_build_that_fails_leaves_no_model_of_the_file_before(
    project: Project, few: Path, tmp_path: Path
) -> None:
    """A refused file leaves everything; one whose rows are all rejected leaves nothing of another one."""
    assert "does not exist" in project.run("run", clients="nowhere.csv")
    assert project.clients() == {10_000}
    rejected = tmp_path / "rejected.csv"
    rejected.write_text(
        few.read_text(encoding="utf-8").replace("М,", "?,").replace("Ж,", "?,"), encoding="utf-8"
    )
    assert "gave no client" in project.run("build", "--exclude", "tag:macro", clients=rejected)
    with duckdb.connect(str(project.build.warehouse), read_only=True) as connection:
        left = connection.execute(
            "select table_name from duckdb_columns() where schema_name = 'intermediate' and column_name = 'clients'"
        ).fetchall()
    assert left == []


def test_dbt_works_from_another_folder(
    sample_warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    target = sample_warehouse.parent
    run = dbt(
        "show",
        "--select",
        "dim_segments",
        *warehouse.PROJECT,
        clients=SAMPLE,
        target=target,
        project=tmp_path,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "segment_4" in run.stdout
    assert list(tmp_path.iterdir()) == []
