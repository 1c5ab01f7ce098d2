"""The published release: what it holds, how it is switched, and what a refused, killed or second run leaves."""

import filecmp
import hashlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.contracts.files import SchemaSourceFile
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

from bank_segments import report as reporting
from bank_segments.publish import needed_relations
from bank_segments.report import TARGET, Steps, main
from bank_segments.warehouse import Build
from conftest import SAMPLE, report, start_report
from fault_table import saw, without_folders

# Relations and columns of shared/design/interface.md, which scripts and BI tools bind to.
PROMISED = {
    "marts.dim_clients": "client_key city gender age age_band credit_score owned_objects balance has_balance"
    " product_count has_credit_card is_loyal estimated_salary is_churned",
    "marts.fct_churn_portrait": "trait level clients churned_clients churn_rate churn_rate_low churn_rate_high"
    " share_of_churned share_of_active lift",
    "marts.fct_churn_portrait_numbers": "trait population clients mean standard_deviation p25 median p75 minimum"
    " maximum",
    "marts.fct_product_count_metrics": "product_count clients active_clients churned_clients churn_rate"
    " churn_rate_low churn_rate_high",
    "marts.fct_product_count_portrait": "product_count trait level clients share",
    "marts.fct_product_count_portrait_numbers": "product_count trait clients mean standard_deviation p25 median p75",
    "marts.dim_segments": "segment_id name_ru name_en rule description_ru description_en",
    "marts.fct_segment_membership": "client_key segment_id",
    "marts.fct_segment_metrics": "segment_id clients coverage churned_clients churn_rate churn_rate_low"
    " churn_rate_high",
    "marts.fct_hypothesis_results": "hypothesis_id population test is_primary n_two_products n_one_product"
    " estimate_two_products estimate_one_product difference difference_low difference_high statistic p_value"
    " p_value_adjusted effect_size_name effect_size is_null_rejected verdict",
    "marts.rpt_dashboard_cube": "clients churned_clients",
    "quality.rejected_clients": "source_row_number reasons score city gender age objects balance products creditcard"
    " loyalty estimated_salary churn",
}


def releases(project: Path) -> list[str]:
    return sorted(path.name for path in (project / "published").iterdir() if path.name != "latest")


@pytest.fixture
def project(published_project: Path) -> Path:
    return published_project


@pytest.fixture
def release(project: Path) -> Path:
    return (project / "published/latest").resolve()


def test_every_promised_relation_answers_from_another_directory(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        # Under another catalog name, too: a BI tool attaches the file as it likes.
        connection.execute(
            f"attach '{str(release / 'bank_marts.duckdb').replace(chr(39), chr(39) * 2)}' as bi (read_only)"
        )
        for relation, columns in PROMISED.items():
            connection.execute(f"select {', '.join(columns.split())} from bi.{relation}").fetchall()
        schemas = connection.execute(
            "select distinct schema_name from duckdb_columns() where database_name = 'bi'"
        ).fetchall()
    assert {name for (name,) in schemas} == {"intermediate", "marts", "quality"}


def test_marts_are_views_with_comments_in_both_languages(release: Path) -> None:
    with duckdb.connect(str(release / "bank_marts.duckdb"), read_only=True) as connection:
        marts = connection.execute(
            "select table_name, table_type from information_schema.tables where table_schema in ('marts', 'quality')"
        ).fetchall()
        bare = connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name in ('marts', 'quality') and coalesce(comment, '') not like '% / %'"
        ).fetchall()
    # The one that no view could count in time, whatever the number of clients.
    assert {name for name, kind in marts if kind != "VIEW"} == {"fct_segment_membership"}
    assert {f"marts.{name}" for name, _ in marts} >= {name for name in PROMISED if name.startswith("marts.")}
    assert bare == []


def manifest_of(*models: tuple[str, str, list[str]], written_out: str = "") -> dict[str, Any]:
    return {
        "nodes": {
            name: {
                "resource_type": "model",
                "schema": schema,
                "alias": name,
                "config": {"meta": {"published_as": "table"} if name == written_out else {}},
                "depends_on": {"nodes": parents},
            }
            for schema, name, parents in models
        }
    }


def test_rows_of_a_private_layer_are_published_only_where_a_model_declares_it() -> None:
    chain: tuple[tuple[str, str, list[str]], ...] = (
        ("staging", "rows", []),
        ("intermediate", "banded", ["rows"]),
        ("intermediate", "clients", ["banded"]),
        ("marts", "dim", ["clients"]),
    )
    views = [(schema, name) for schema, name, _ in chain[1:]]
    with pytest.raises(ValueError, match="rows is private"):
        needed_relations(manifest_of(*chain), views)
    assert needed_relations(manifest_of(*chain, written_out="clients"), views) == [
        ("intermediate", "clients", False),
        ("marts", "dim", True),
    ]


def test_a_slow_part_of_a_step_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    with steps.step("quick"):
        pass
    with steps.step("long"):
        steps.tell("1 of 2, model 7.0 s")
        steps.tell("2 of 2, test 8.0 s")
    assert re.sub(r" +[0-9.]+ s$", " - s", capsys.readouterr().out, flags=re.MULTILINE).splitlines() == [
        "quick - s",
        "long                  ",
        "  1 of 2, model - s",
        "  2 of 2, test - s",
        "long - s",
    ]


def test_run_json_tells_what_was_run_on_what(release: Path) -> None:
    run = json.loads((release / "run.json").read_text(encoding="utf-8"))
    assert run["run_id"] == release.name
    assert run["input"] == {
        "file": "clients.parquet",
        "sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(),
        "is_synthetic": True,
        "series": "sample",
    }
    assert run["rows"] == {"read": 10_000, "accepted": 10_000, "rejected": 0}
    assert run["versions"]["duckdb"] == duckdb.__version__
    assert sum(run["seconds"].values()) > 1


def test_published_integers_are_what_bi_tools_can_show(release: Path) -> None:
    with duckdb.connect(str(release / "bank_marts.duckdb"), read_only=True) as connection:
        huge = connection.execute(
            "select table_name, column_name from duckdb_columns()"
            " where schema_name in ('marts', 'quality') and data_type = 'HUGEINT'"
        ).fetchall()
    assert huge == []


def test_a_refused_file_leaves_the_release_and_says_why_in_one_sentence(project: Path, release: Path) -> None:
    bad = project / "bad.csv"
    bad.write_text("userid,score\n1,2\n", encoding="utf-8")
    run = report(project, "--clients", str(bad))
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "bad.csv" in run.stderr
    assert "City" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert (project / "published/latest").resolve() == release
    saw(
        "faults",
        "refused_file",
        f"статус / exit status {run.returncode}: “{without_folders(run.stderr, project)}”;"
        " latest прежний / the earlier",
    )


DEFECTS = {
    "gate": (
        "update intermediate.int_row_counts set accepted_rows = 9899, rejected_rows = 101",
        "101 of its 10000 rows were rejected (1.01%, allowed are 1.00% by seeds/gate_limits.csv)",
    ),
    "checkpoint": (
        "update intermediate.int_segment_counts set churned_clients = clients + 1 where segment_id = 'segment_2'",
        "failed validation: ",
    ),
}


@pytest.mark.parametrize("stage", DEFECTS)
def test_a_built_warehouse_with_a_defect_is_not_published(
    stage: str,
    sample_warehouse: Path,
    release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole run but for dbt, whose own tests would find the defect first."""
    defect, reason = DEFECTS[stage]

    def build(clients: Path, build: Build, *_: object) -> None:
        shutil.copy(sample_warehouse, build.warehouse)
        shutil.copy(sample_warehouse.with_name("manifest.json"), build.manifest)
        with duckdb.connect(str(build.warehouse)) as connection:
            connection.execute(defect)

    monkeypatch.setattr("bank_segments.report.build_warehouse", build)
    monkeypatch.chdir(tmp_path)
    before = shutil.copytree(release, tmp_path / "published" / release.name)
    Path("published/latest").symlink_to(release.name)
    assert main(["--clients", str(SAMPLE)]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert reason in said.err
    assert said.out.splitlines()[-1].endswith("failed")
    assert said.out.splitlines()[-1].startswith(stage)
    assert sorted(path.name for path in Path("published").iterdir()) == [release.name, "latest"]
    assert Path("published/latest").resolve() == before
    assert not filecmp.dircmp(release, before).diff_files


def test_wrong_usage_exits_with_2(project: Path) -> None:
    status = report(project, "--client-file", "x.csv").returncode
    assert status == 2
    saw("faults", "wrong_usage", f"статус / exit status {status}")


def test_a_second_run_at_the_same_time_is_refused(project: Path, release: Path) -> None:
    first = start_report(project)
    try:
        wait_for(lambda: (project / "target/report/lock").read_text() == str(first.pid))
        second = report(project)
        assert second.returncode == 1
        assert "Another" in second.stderr
    finally:
        # Half-way through the build, as a machine that loses power would.
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert (project / "published/latest").resolve() == release
    assert (project / "published/latest/run.json").is_file()
    saw(
        "faults",
        "second_run",
        f"статус / exit status {second.returncode}: “{without_folders(second.stderr)}”; latest прежний / the earlier",
    )


def test_a_reader_keeps_its_release_while_others_are_published_and_three_stay(
    project: Path, release: Path, bank_clients: Path
) -> None:
    kept = releases(project)
    figures = "select sum(clients), sum(churned_clients) from marts.fct_product_count_metrics"
    with duckdb.connect(str(project / "published/latest/bank_marts.duckdb"), read_only=True) as reader:
        before = reader.execute(figures).fetchall()
        # The run before was killed: its leftovers must not stop this one.
        run = report(project, "--clients", os.path.relpath(bank_clients, project))
        assert run.returncode == 0, run.stderr
        assert run.stdout.endswith("start with published/latest/index.html\n")
        assert reader.execute(figures).fetchall() == before
    assert (project / "published/latest").resolve() != release
    with duckdb.connect(str(project / "published/latest/bank_marts.duckdb"), read_only=True) as newcomer:
        assert newcomer.execute(figures).fetchall() != before
    saw(
        "faults",
        "reader",
        f"статус / exit status {run.returncode}; у читателя прежние цифры / the reader has the figures of before;"
        " у нового — новые / a new one has the new ones",
    )
    for name in ("20200101T000000Z-a", "20200102T000000Z-b"):
        shutil.copytree(release, project / "published" / name)
    move_descriptions_of_macros(project)
    log = project / TARGET / "dbt.log"
    stumble = "dbt found two schema.yml entries for the same macro"
    assert stumble not in log.read_text(encoding="utf-8")
    assert report(project).returncode == 0
    assert log.read_text(encoding="utf-8").count(stumble) == 1
    now = releases(project)
    assert len(now) == 3
    assert now[0] == kept[-1]
    back = report(project, "--roll-back")
    assert back.returncode == 0
    assert (project / "published/latest").resolve().name == now[-2]
    said = back.stdout.strip().replace(now[-2], "<the release before>")
    saw("faults", "roll_back", f"статус / exit status {back.returncode}: “{said}”")


def test_there_is_no_rolling_back_beyond_the_oldest_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    only = tmp_path / "published/20260101T000000Z-only"
    only.mkdir(parents=True)
    (only / "run.json").write_text("{}", encoding="utf-8")
    (tmp_path / "published/latest").symlink_to(only.name)
    status = reporting.main(["--roll-back"])
    assert status == 1
    said = capsys.readouterr().err
    assert "no release older than 20260101T000000Z-only; nothing was switched." in said
    assert (tmp_path / "published/latest").resolve() == only
    said = said.strip().replace(only.name, "<it>")
    saw(
        "faults",
        "roll_back_nothing",
        f"статус / exit status {status}: “{said}”; latest прежний / the earlier",
    )


def move_descriptions_of_macros(project: Path) -> None:
    """Move them to another file, as a git pull may, beside a cache of dbt that forgot where they were."""
    cache = Build(project / TARGET).parsed
    manifest = Manifest.from_msgpack(cache.read_bytes(), decoder=extended_mashumuro_decoder)
    file = manifest.files["bank_segments://macros/cleaning/cleaning.yml"]
    assert isinstance(file, SchemaSourceFile)
    file.macro_patches.clear()
    cache.write_bytes(manifest.to_msgpack(extended_mashumaro_encoder))
    path = project / "macros/cleaning/cleaning.yml"
    path.rename(path.with_name("moved.yml"))


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
