"""The published release: what it holds, how it is switched, and what a refused run leaves."""

import hashlib
import json
import operator
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from bank_segments.release import publish
from bank_segments.release.run import Steps
from bank_segments.report import main
from bank_segments.warehouse import Build
from conftest import SAMPLE, take
from fault_table import refused, saw


def test_run_json_tells_what_was_run_on_what(sample_release: Path) -> None:
    run = json.loads((sample_release / "run.json").read_text(encoding="utf-8"))
    assert run["run_id"] == sample_release.name
    assert run["input"] == {
        "file": "clients.parquet",
        "sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(),
        "is_synthetic": True,
        "series": "metanprombank sample",
    }
    assert run["rows"] == {"read": 10_000, "accepted": 10_000, "rejected": 0}
    assert {finding["outcome"] for finding in run["gate"]} <= {"pass", "none"}
    assert run["versions"]["duckdb"] == duckdb.__version__
    assert run["versions"].keys() >= {"python", "pandas", "scipy", "statsmodels"}
    assert run["seconds"].keys() >= {
        "dbt build",
        "gate",
        "expectations",
        "charts, ru",
        "dashboard",
        "deck, en",
    }
    assert sum(run["seconds"].values()) > 1


def test_a_slow_part_of_a_step_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    with steps.step("quick"):
        pass
    with steps.step("long"):
        steps.tell("1 of 2, model 7.0 s")
        steps.tell("2 of 2, test 8.0 s")
    with pytest.raises(KeyboardInterrupt), steps.step("broken"):
        raise KeyboardInterrupt
    assert steps.seconds.keys() == {"quick", "long"}
    assert re.sub(r" +[0-9.]+ s$", " - s", capsys.readouterr().out, flags=re.MULTILINE).splitlines() == [
        "quick - s",
        "long                  ",
        "  1 of 2, model - s",
        "  2 of 2, test - s",
        "long - s",
        "broken                failed",
    ]


DEFECTS = {
    "gate": (
        "update quality.row_counts set accepted_rows = 9899, rejected_rows = 101",
        "101 of its 10000 rows were rejected (1.01%, allowed are 1.00% by seeds/shared/gate_limits.csv)",
    ),
    "expectations": (
        "create schema raw; create table raw.clients as select 1 as userid",
        "failed validation: information_schema.columns",
    ),
}


@pytest.fixture
def release(elsewhere: Path, sample_release: Path) -> Path:
    """The release that is there in that folder."""
    release = Path(shutil.copytree(sample_release, elsewhere / "published" / sample_release.name))
    publish.switch_latest(release.parent, release.name)
    return release


def test_a_refused_file_leaves_the_release_and_says_why_in_one_sentence(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.csv").write_text("userid,score\n1,2\n", encoding="utf-8")
    ids = Build(Path("target/report")).published
    ids.parent.mkdir(parents=True)
    ids.write_bytes(b"what make activation reads")
    status = main(["--clients", "bad.csv"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert release.with_name("latest").resolve() == release
    assert ids.read_bytes() == b"what make activation reads"
    refused("refused_file", status, said)


@pytest.mark.parametrize("stage", DEFECTS)
def test_what_does_not_pass_is_not_published(
    stage: str,
    sample_warehouse: Path,
    release: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole run but for dbt, whose own tests would find the defect first."""
    defect, reason = DEFECTS[stage]
    write_marts = publish.write_marts

    def spoil(file: Path, of_stage: str) -> None:
        if stage == of_stage:
            with duckdb.connect(str(file)) as connection:
                connection.execute(defect)

    def build(clients: Path, build: Build, *_: object) -> None:
        take(sample_warehouse, build)
        spoil(build.warehouse, "gate")

    def write(build: Build, path: Path, *_: object) -> None:
        write_marts(build, path)
        spoil(path, "expectations")

    monkeypatch.setattr(publish, "write_marts", write)
    # What is written beside that takes longest, and is thrown away; a worker has to import what is called instead: a
    # function of two arguments that does nothing, and one of none.
    for name in ("write_language", "write_dashboards"):
        monkeypatch.setattr(f"bank_segments.report.{name}", operator.is_)
    for name in ("prepare_writer", "prepare_validator"):
        monkeypatch.setattr(f"bank_segments.report.{name}", int)
    assert main(["--clients", str(SAMPLE)], build) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert reason in said.err
    assert re.fullmatch(rf"{stage} +failed", said.out.splitlines()[-1])
    assert sorted(path.name for path in release.parent.iterdir()) == [release.name, "latest"]
    assert release.with_name("latest").resolve() == release


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--client-file", "x.csv"])
    assert stop.value.code == 2
    saw("faults", "wrong_usage", f"статус / exit status {stop.value.code}")


def test_three_releases_of_each_series_stay_and_can_be_rolled_back_to(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = elsewhere / "published"
    series = ["bank", "bank", "sample", None, "sample", "sample", "sample", "bank", "sample", "bank"]
    for day, of in enumerate(series):
        (published / f".R{day}").mkdir()
        record = json.dumps({"run_id": f"R{day}", "input": {"series": of}} if of else {})
        (published / f".R{day}/run.json").write_text(record, encoding="utf-8")
        publish.publish(published / f".R{day}", published, f"R{day}")
    kept = ["R1", "R3", "R5", "R6", "R7", "R8", "R9"]
    assert sorted(path.name for path in published.iterdir()) == [*kept, "latest"]
    for name in kept[-2::-1]:
        status = main(["--roll-back"])
        said = capsys.readouterr().out.strip()
        assert status == 0
        of = series[int(name[1:])] or "unknown"
        assert said.startswith(f"published/latest is now {name} of the series “{of}”; newer releases")
        assert (published / "latest").resolve().name == name
    said = said.replace(name, "<the release before>")
    saw("faults", "roll_back", f"статус / exit status {status}: “{said}”")
    status = main(["--roll-back"])
    said = capsys.readouterr().err.replace(name, "<it>")
    assert (published / "latest").resolve().name == name
    refused("roll_back_nothing", status, said, elsewhere)
