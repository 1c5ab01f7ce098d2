"""The commands of dbt as people type them: on a clean checkout, on a part, and on one client file."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import SAMPLE, DbtInProcess, held_open, rows_in


class Project(DbtInProcess):
    """Runs dbt from a folder that is not the project's."""

    def clients(self) -> set[int]:
        """How many clients each layer counts: one number, unless two files are mixed."""
        return {
            rows_in(self.build.warehouse, f"select {count} from {relation}")[0][0]
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


def test_a_build_that_fails_leaves_no_model_of_the_file_before(project: Project, few: Path, tmp_path: Path) -> None:
    """A refused file leaves everything; one whose rows are all rejected leaves nothing of another one."""
    assert "does not exist" in project.run("run", clients="nowhere.csv")
    assert project.clients() == {10_000}
    rejected = tmp_path / "rejected.csv"
    rejected.write_text(few.read_text(encoding="utf-8").replace("М,", "?,").replace("Ж,", "?,"), encoding="utf-8")
    assert "gave no client" in project.run("build", "--exclude", "tag:project", clients=rejected)
    left = rows_in(
        project.build.warehouse,
        "select table_name from duckdb_columns() where schema_name = 'intermediate' and column_name = 'clients'",
    )
    assert left == []


# `docs generate` compiles, too; the fixture `manifest` parses the project, and `docs` documents what is built.
CLEAN = ["docs generate", "seed", "build --select +dim_segments", "ls"]
CLEAN += ["build --empty"]
BUILT = [
    "compile --select fct_segment_metrics",
    "run --select +dim_segments --threads 1",
    "run --select fct_segment_metrics",
    "test --select dim_segments",
    "show --select dim_segments",
    "build --select dim_segments --full-refresh --threads 8",
    "build --select state:modified --state {state}",
    "source freshness",
]


@pytest.mark.parametrize("command", CLEAN)
def test_a_clean_checkout_needs_nothing_built(command: str, manifest: Any, tmp_path: Path) -> None:
    assert Project(tmp_path, manifest).run(*command.split()) == ""


def test_a_run_without_registers_says_what_to_do(manifest: Any, tmp_path: Path) -> None:
    """Neither on a clean checkout nor where they are empty."""
    project = Project(tmp_path, manifest)
    advice = "The registers are not in the warehouse; run dbt build, or dbt seed first."
    assert advice in project.run("run", "--select", "dim_clients")
    assert project.run("seed", "--empty") == ""
    assert advice in project.run("run")


@pytest.mark.parametrize("command", BUILT)
def test_a_part_of_a_built_project_is_worked_on_alone(command: str, project: Project, sample_warehouse: Path) -> None:
    state = sample_warehouse.parent
    assert project.run(*(word.format(state=state) for word in command.split())) == ""
    assert project.clients() == {10_000}


def test_a_model_whose_parents_are_not_built_is_refused(manifest: Any, tmp_path: Path) -> None:
    project = Project(tmp_path, manifest)
    assert project.run("seed") == ""
    assert "int_segment_counts" in project.run("run", "--select", "fct_segment_metrics")


def test_a_seed_that_dbt_would_not_know_of_is_not_read(project: Project, manifest: Any) -> None:
    """Without the edge, `dbt build -s bands+` would leave out who reads it, and a model could be built before it."""
    # On a copy of the manifest, for the query stays in it.
    said = Project(project.build.directory, manifest.deepcopy()).run(
        "show", "--inline", "select {% if execute %}{{ seed_rows('bands') | length }}{% endif %}"
    )
    assert "reads the seed bands where dbt does not look while it parses; write {% do seed_rows('bands') %}" in said


def test_retry_builds_what_failed_and_nothing_else(project: Project) -> None:
    with duckdb.connect(str(project.build.warehouse)) as connection:
        connection.execute("alter table intermediate.int_segment_counts rename to set_aside")
    assert "int_segment_counts" in project.run("run", "--select", "dim_segments", "fct_segment_metrics")
    with duckdb.connect(str(project.build.warehouse)) as connection:
        connection.execute("alter table intermediate.set_aside rename to int_segment_counts")
    assert project.run("retry") == ""
    results = json.loads((project.build.warehouse.parent / "run_results.json").read_bytes())["results"]
    models = [result["unique_id"] for result in results if result["unique_id"].startswith("model.")]
    assert models == ["model.bank_segments.fct_segment_metrics"]


def test_a_warehouse_that_does_not_open_is_refused_in_a_sentence(project: Project) -> None:
    """Another process holds it open; or it is no database."""
    with held_open(project.build.warehouse, read_only=True) as process_id:
        said = project.run("show", "--select", "dim_segments")
    assert f"bank.duckdb is open in {Path(sys.executable).resolve()} (PID {process_id}); close it there" in said
    assert project.run("show", "--select", "dim_segments") == ""
    project.build.warehouse.write_bytes(bytes(9999))
    assert "bank.duckdb cannot be opened: " in project.run("show", "--select", "dim_segments")
