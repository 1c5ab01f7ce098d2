"""Campaign lists hold the right ids, for their owner only; the key of a client is what the docs say it is."""

import csv
import hashlib
import hmac
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bank_segments import activation, publish
from bank_segments.activation import active_members, main, safe_cell, write_list
from bank_segments.client_key import read_or_create_key
from bank_segments.errors import RefusedError
from bank_segments.report import PUBLISHED, TARGET, only_run
from bank_segments.warehouse import Build
from conftest import ROOT


@pytest.fixture(autouse=True)
def project_root(monkeypatch: pytest.MonkeyPatch) -> None:
    # The key file lies in the project's root, where make runs.
    monkeypatch.chdir(ROOT)


def bank_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def published_from(warehouse: Path, project: Path) -> Path:
    """Make `project` look as after a run that built `warehouse` and published it; returns the release."""
    build, release = Build(project / TARGET), project / PUBLISHED / "20260101T000000Z-a"
    for directory in (build.directory, release):
        directory.mkdir(parents=True)
    build.manifest.symlink_to(warehouse.with_name("manifest.json"))
    build.warehouse.symlink_to(warehouse)
    publish.write_marts(build, release / "bank_marts.duckdb")
    publish.switch_latest(project / PUBLISHED, release.name)
    return release


@pytest.fixture(scope="module")
def sample_project(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("activation")
    published_from(sample_warehouse, project)
    return project


def test_list_is_the_segments_active_clients(
    bank_warehouse: Path, bank_clients: Path, tmp_path: Path
) -> None:
    expected = sorted(
        int(row["userid"])
        for row in bank_rows(bank_clients)
        if row["Products"] == "1"
        and int(row["Age"]) >= 39
        and row["City"] == "Ростов Великий"
        and row["Churn"] == "0"
    )
    release = published_from(bank_warehouse, tmp_path)
    with active_members(release, bank_warehouse, "segment_3") as members:
        assert [member[0] for member in members] == expected


def test_only_the_owner_reads_the_list(sample_project: Path, tmp_path: Path) -> None:
    published, build = sample_project / PUBLISHED, Build(sample_project / TARGET)
    path = write_list(published, build, "segment_1", tmp_path / "lists")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(bank_rows(path)) > 1000


def test_a_list_that_could_not_be_written_leaves_the_earlier_one_and_no_ids_beside_it(
    sample_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, build = sample_project / PUBLISHED, Build(sample_project / TARGET)
    path = write_list(published, build, "segment_1", tmp_path / "lists")
    whole = path.read_bytes()
    cells = 0

    def full_disk(value: object) -> object:
        nonlocal cells
        cells += 1
        if cells > 500:
            raise OSError("No space left on device")
        return value

    monkeypatch.setattr(activation, "safe_cell", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_list(published, build, "segment_1", tmp_path / "lists")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [(path.name, whole)]


def test_unknown_segment_is_refused_by_name(sample_project: Path, tmp_path: Path) -> None:
    published, build = sample_project / PUBLISHED, Build(sample_project / TARGET)
    with pytest.raises(RefusedError, match="no segment x; known are segment_1"):
        write_list(published, build, "x", tmp_path / "lists")
    assert not (tmp_path / "lists").exists()


def test_ids_of_another_run_than_the_published_one_are_refused(
    sample_project: Path, sample_warehouse: Path, tmp_path: Path
) -> None:
    """As after a run that the gate refused: its clients are in the warehouse, the list is about the published ones."""
    other = tmp_path / "bank.duckdb"
    shutil.copy(sample_warehouse, other)
    release = sample_project / PUBLISHED / "latest"
    with duckdb.connect(str(other)) as connection:
        # The refused file rejects seven of the clients to list, and says of the others that they left.
        connection.execute("create table staging.every_key as from staging.stg_bank__client_keys")
        connection.execute("drop view staging.stg_bank__client_keys")
        connection.execute(
            "create view staging.stg_bank__client_keys as from staging.every_key where client_key not in"
            " (select client_key from marts.dim_clients where segment_ids like '%segment_3%' and not is_churned"
            " order by client_key limit 7)"
        )
    lacking = r"lacks the ids of 7 of the \d+ clients to list; run make report"
    with pytest.raises(RefusedError, match=lacking), active_members(release, other, "segment_3"):
        pass
    with duckdb.connect(str(other)) as connection:
        connection.execute(
            "create or replace view marts.fct_segment_membership as select 1 as no_such_column"
        )
    with (
        active_members(release, sample_warehouse, "segment_1") as everyone,
        active_members(release, other, "segment_1") as those_listed,
    ):
        assert list(those_listed) == list(everyone)


def test_a_warehouse_without_ids_is_refused(sample_project: Path, tmp_path: Path) -> None:
    """As after a run on Spark, which hands over what is published and no more."""
    release = sample_project / PUBLISHED / "latest"
    spark = Path(shutil.copy(release / "bank_marts.duckdb", tmp_path / "bank.duckdb"))
    reason = "holds no ids of clients; run make report on DuckDB"
    with pytest.raises(RefusedError, match=reason), active_members(release, spark, "segment_1"):
        pass


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"


def test_what_stops_the_command_is_told_in_one_sentence(
    sample_project: Path,
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

    monkeypatch.chdir(tmp_path)
    assert "Nothing is published in published yet; run make report first." in complaint()
    shutil.copytree(sample_project / PUBLISHED, PUBLISHED, symlinks=True)
    assert "There is no warehouse target/report/bank.duckdb with the ids" in complaint()
    shutil.copy(sample_warehouse, Build(TARGET).warehouse)
    with only_run(TARGET):
        assert "Another `make report` is running in this project; wait until it ends." in complaint()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, Build(TARGET).warehouse], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert "The list was not written: IO Error: Could not set lock on file" in complaint()
    holder.communicate()
    assert main(["segment_1"]) == 0
    assert (tmp_path / "activation/segment_1.csv").exists()


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@sum", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == "'" + text


def test_key_is_hmac_sha_256_of_the_id_under_the_secret(bank_warehouse: Path, bank_clients: Path) -> None:
    secret = read_or_create_key()
    expected = {
        hmac.new(secret, row["userid"].encode(), hashlib.sha256).hexdigest()[:32]
        for row in bank_rows(bank_clients)
    }
    with duckdb.connect(str(bank_warehouse), read_only=True) as connection:
        keys = {key for (key,) in connection.execute("select client_key from marts.dim_clients").fetchall()}
    assert keys == expected
