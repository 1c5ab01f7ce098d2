"""A small benchmark: the contenders agree with the project, and a figure, a bar or a ratio that is off is noticed."""

import sys
from pathlib import Path
from shutil import copy

import pytest

from bank_segments.ingest.sample import write_sample
from bank_segments.warehouse import Build
from benchmark import duckdb_job, page, whole_report
from benchmark.__main__ import run_contender
from benchmark.rules import Outcome
from conftest import SAMPLE


@pytest.fixture(scope="module")
def project(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The compiled models, built once more on the sample's staging layer by the benchmark's own runner."""
    warehouse = tmp_path_factory.mktemp("benchmark") / "bank.duckdb"
    copy(sample_warehouse, warehouse)
    return duckdb_job.build_marts(Build(sample_warehouse.parent), warehouse)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_contenders_give_the_projects_figures(name: str, project: Outcome) -> None:
    """More than two hundred figures of every step."""
    contender = run_contender(name, SAMPLE)
    assert len(contender.figures) > 200
    assert duckdb_job.different(project.figures, contender.figures) == []
    assert set(contender.steps) == {"bands and segments", "portraits", "quartiles", "cube", "hypotheses"}


def test_other_clients_give_other_figures(project: Outcome, tmp_path: Path) -> None:
    """Every kind of figure can tell one file from another."""
    write_sample(tmp_path / "other.parquet", 10_000, seed=77)
    other = run_contender("polars", tmp_path / "other.parquet").figures
    wrong = {line.split(" ")[0] for line in duckdb_job.different(project.figures, other)}
    assert wrong >= {
        *("segment", "levels", "mean", "p75", "cube", "welch", "ranks", "p"),
        *("difference", "successes", "strata"),
    }


def test_a_missing_figure_is_different() -> None:
    assert duckdb_job.different({"a": 1.0}, {"a": 1.0, "b": 2.0}) == ["b is missing"]
    assert duckdb_job.different({"a": 1.0}, {"a": float("nan")}) != []


def size(rows: int, **seconds: float) -> dict[str, object]:
    """One measured size: three runs of each contender, the slowest by an accident, and memory in proportion."""
    contenders = {
        name: {
            "seconds": [s, 0.9 * s, 9 * s],
            "steps": {"marts": s},
            "other_seconds": 2.0,
            "peak_bytes": (100 * s) * 2**20,
        }
        for name, s in seconds.items()
    }
    answers = {"dim_clients": 1.0, "rpt_dashboard_cube": 900.0}
    named = {
        "load_average": 0.5,
        "generator_seconds": rows / 2e6,
        "load_seconds": 7.0,
        "publish_seconds": 3.0,
    }
    return {"rows": rows, "answers": answers, "contenders": contenders, **named}


RESULTS = {
    "machine": "a machine",
    "start": {
        **{"report": 12.0, "report_processor": 23.0, "smallest": 2.5, "smallest_processor": 3.0},
        **{"steps": {"dbt build": 8.0, "charts, en": 3.5}, "nodes": {"seed": [0.1, 0.2], "model": [2.5]}},
    },
    "sizes": {
        "100000000": size(100_000_000, project=100.0, scan=2.0),
        "10000000": size(10_000_000, project=10.0, scan=0.5, pandas=250.0, polars=12.0),
    },
    "whole_report": {"rows": 100_000_000, "seconds": 600.0, "peak_mib": 12 * 1024, "disk_mib": 23_842},
}


def test_bars_hold_or_do_not() -> None:
    """By hand: 12 / 2.5; 250 / 10 and 12 / 10 at ten million; 100 / 2 and 100 / 10 at a hundred; 23,842 MiB: 25 GB."""
    bars = list(page.bars(RESULTS))
    assert [f"{bar.figure:.3g}" for bar in bars if bar.holds] == ["0.04", "10.5", "12", "2", "25"]
    assert [f"{bar.figure:.3g}" for bar in bars if bar.holds is False] == [
        "4.8",
        "50",
        "10",
        "900",
        "25",
        "1.2",
    ]


def test_what_was_not_measured_is_said() -> None:
    bars = list(page.bars({"sizes": {}}))
    assert len(bars) == 15
    assert all(bar.holds is None and "not measured" in str(bar) for bar in bars)


def test_page_holds_every_size_and_bar() -> None:
    """By hand: from ten to a hundred million rows the project grows tenfold, the bare scan fourfold."""
    text = page.text(RESULTS)
    for line in (
        "a machine; load average before each size 0.5, 0.5. `make benchmark` repeats it.",
        "| 10,000,000 | pandas | 250 | 25.00 |  | 25,000 |",
        "| 100,000,000 | project / проект | 100 | 1.00 | 10.0 | 10,000 |",
        "| 100,000,000 | bare scan / чтение | 2 | 0.02 | 4.0 | 200 |",
        "| rows | load, staging | marts | other models | published file |",
        "| 10,000,000 | 7 | 10 | 2 | 3 |",
        "| dbt build | 8 |\n| 2 × seed, two at once | 0.3 |\n| 1 × model, two at once | 2.5 |\n| charts, en | 3.5 |",
        "- make report on the most rows: disk, GB (at most 20): 25 - DOES NOT HOLD",
    ):
        assert f"\n{line}\n" in text


def test_memory_and_disk_of_a_run_are_seen(tmp_path: Path) -> None:
    """A child of the process holds 200 MiB and a file of 30 MiB for two seconds, then the file goes."""
    child = "import os, time; held = bytearray(os.urandom(1)) * (200 << 20); file = open('big', 'wb')"
    child += "; file.write(held[:30 << 20]); file.flush(); time.sleep(2); os.unlink('big'); print('done')"
    seen = whole_report.watch(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"],
        tmp_path,
    )
    assert 200 < seen["peak_mib"] < 260
    assert 30 <= seen["disk_mib"] < 31
    assert 2 < seen["seconds"] < 60
    assert seen["printed"] == "done\n"


def test_a_report_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make report failed: no such file"):
        whole_report.watch([sys.executable, "-c", "raise SystemExit('no such file')"], tmp_path)
