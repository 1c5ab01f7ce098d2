"""Campaign lists hold the right ids, for their owner only."""

import shutil
import stat
from pathlib import Path

import duckdb
import pytest

from bank_segments.errors import RefusedError
from bank_segments.release import publish
from bank_segments.release.activation import active_members, main, write_list
from bank_segments.release.run import only_run
from bank_segments.warehouse import Build
from conftest import csv_rows, held_open


class Project:
    """A folder as after a run that built a warehouse and published it."""

    def __init__(self, folder: Path) -> None:
        """Name what a run leaves: its releases, the one in use, and what it built."""
        self.published = folder / "published"
        self.release = self.published / "latest"
        self.build = Build(folder / "target")

    def publish(self, warehouse: Path) -> "Project":
        """Make the folder so."""
        release = self.published / "20260101T000000Z-a"
        for directory in (self.build.directory, release):
            directory.mkdir(parents=True)
        self.build.manifest.symlink_to(warehouse.with_name("manifest.json"))
        self.build.published.parent.mkdir()
        for name in (self.build.warehouse, self.build.published):
            name.symlink_to(warehouse)
        publish.write_marts(self.build, release / "bank_marts.duckdb")
        publish.switch_latest(self.published, release.name)
        return self


@pytest.fixture(scope="module")
def sample(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("activation")).publish(sample_warehouse)


def test_the_list_is_the_segments_active_clients(bank_warehouse: Path, bank_clients: Path, tmp_path: Path) -> None:
    expected = sorted(
        int(row["userid"])
        for row in csv_rows(bank_clients)
        if row["Products"] == "1" and int(row["Age"]) >= 39 and row["City"] == "Ростов Великий" and row["Churn"] == "0"
    )
    bank = Project(tmp_path).publish(bank_warehouse)
    path = write_list(bank.published, bank.build, "segment_3", tmp_path / "lists")
    assert [int(row["client_id"]) for row in csv_rows(path)] == expected
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_ids_of_another_run_than_the_published_one_are_refused(
    sample: Project, sample_warehouse: Path, tmp_path: Path
) -> None:
    """As after a rollback: other clients are in the warehouse, the list is about those of the release in use."""
    other = Path(shutil.copy(sample_warehouse, tmp_path / "bank.duckdb"))
    with duckdb.connect(str(other)) as connection:
        # The other file lacks seven of the clients to list.
        connection.execute("create table staging.every_key as from staging.stg_bank__client_keys")
        connection.execute("drop view staging.stg_bank__client_keys")
        connection.execute(
            "create view staging.stg_bank__client_keys as from staging.every_key where client_key not in"
            " (select client_key from marts.dim_clients where segment_ids like '%segment_3%' and not is_churned"
            " order by client_key limit 7)"
        )
    lacking = r"lacks the ids of 7 of the \d+ clients to list; run make report"
    with pytest.raises(RefusedError, match=lacking), active_members(sample.release, other, "segment_3"):
        pass
    with duckdb.connect(str(other)) as connection:
        connection.execute("create or replace view marts.fct_segment_membership as select 1 as no_such_column")
    with (
        active_members(sample.release, sample_warehouse, "segment_1") as (_, everyone, _),
        active_members(sample.release, other, "segment_1") as (_, those_listed, _),
    ):
        assert list(those_listed) == list(everyone)


def test_a_warehouse_without_ids_is_refused(sample: Project, tmp_path: Path) -> None:
    """As after a run on Spark, which hands over what is published and no more."""
    spark = Path(shutil.copy(sample.release / "bank_marts.duckdb", tmp_path / "bank.duckdb"))
    reason = "holds no ids of clients; run make report on DuckDB"
    with pytest.raises(RefusedError, match=reason), active_members(sample.release, spark, "segment_1"):
        pass


def test_what_stops_the_command_is_told_in_one_sentence(
    sample: Project,
    sample_warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def complaint() -> str:
        assert main(["segment_1"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("make activation: ")
        assert said.count("\n") == 1
        return said

    here = Project(tmp_path)
    for name, folder in (("PUBLISHED", "published"), ("TARGET", "target"), ("DIRECTORY", "activation")):
        monkeypatch.setattr(f"bank_segments.release.activation.{name}", tmp_path / folder)
    assert "published yet; run make report first." in complaint()
    shutil.copytree(sample.published, here.published, symlinks=True)
    assert "published/bank.duckdb with the ids; run make report first." in complaint()
    here.build.published.parent.mkdir()
    shutil.copy(sample_warehouse, here.build.published)
    with only_run(here.build.directory):
        assert "Another `make report` is running in this project; wait until it ends." in complaint()
    with held_open(here.build.published):
        assert "The list was not written: IO Error: Could not set lock on file" in complaint()
    assert main(["segment_1"]) == 0
    assert (tmp_path / "activation/segment_1.csv").exists()
