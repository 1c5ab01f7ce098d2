"""A small benchmark: the contenders agree with the project, and a figure, a bar or a ratio that is off is noticed."""

import sys
from pathlib import Path
from shutil import copy

import pytest

from bank_segments.sample import write_sample
from bank_segments.warehouse import Build
from benchmark import duckdb_job, page, rules, whole_report
from benchmark.__main__ import run_contender, where_it_goes
from benchmark.rules import Outcome
from conftest import ROOT, SAMPLE


@pytest.fixture(scope="module")
def project(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The compiled models, built once more on the sample's staging layer by the benchmark's own runner."""
    warehouse = tmp_path_factory.mktemp("benchmark") / "bank.duckdb"
    copy(sample_warehouse, warehouse)
    return duckdb_job.build_marts(Build(sample_warehouse.parent), ROOT, warehouse)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_contenders_give_the_projects_figures(name: str, project: Outcome) -> None:
    """More than two hundred figures of every step."""
    contender = run_contender(name, SAMPLE)
    assert len(contender.figures) > 200
    assert duckdb_job.different(project.figures, contender.figures) == []
    assert set(contender.seconds) == {"bands and segments", "portraits", "quartiles", "cube", "hypotheses"}


def test_other_clients_give_other_figures(project: Outcome, tmp_path: Path) -> None:
    """Every kind of figure can tell one file from another."""
    write_sample(tmp_path / "other.parquet", 10_000, seed=77)
    other = run_contender("polars", tmp_path / "other.parquet").figures
    wrong = {line.split(" ")[0] for line in duckdb_job.different(project.figures, other)}
    assert wrong >= {
        "segment",
        "levels",
        "mean",
        "p75",
        "cube",
        "welch",
        "ranks",
        "difference",
        "successes",
        "strata",
    }


def test_a_missing_figure_is_different() -> None:
    assert duckdb_job.different({"a": 1.0}, {"a": 1.0, "b": 2.0}) == ["b is missing"]
    assert duckdb_job.different({"a": 1.0}, {"a": float("nan")}) != []


def size(rows: int, project: float, **contenders: float) -> dict[str, object]:
    """One measured size: seconds of each contender, and memory in proportion."""
    seconds = {"project": project, **contenders}
    return {
        "rows": rows,
        "generator_seconds": rows / 2e6,
        "answers": {"dim_clients": ("view", 1.0), "fct_segment_membership": ("table", 900.0)},
        "contenders": {
            name: {"seconds": {"all": taken}, "peak_mib": 100 * taken} for name, taken in seconds.items()
        },
    }


def test_bars_hold_or_do_not() -> None:
    """By hand: 50 / 10 and 12 / 10 at ten million; 100 / 2 and 100 / 10 at a hundred; 23,842 MiB are 25 GB."""
    results = {
        "start": {"report": 18.0, "build": 10.0},
        "sizes": {
            "10000000": size(10_000_000, 10.0, scan=0.5, pandas=50.0, polars=12.0),
            "100000000": size(100_000_000, 100.0, scan=2.0),
        },
        "whole_report": {"rows": 100_000_000, "seconds": 600.0, "peak_mib": 12 * 1024, "disk_mib": 23_842},
    }
    found = [(bar.figure, bar.holds) for bar in page.bars(results)]
    assert found == [
        ("1.8", True),
        ("18", True),
        ("2", True),
        ("5", True),
        ("1.2", False),
        ("0.2", True),
        ("50", False),
        ("10", True),
        ("1", True),
        ("12", True),
        ("25", False),
    ]


def test_what_was_not_measured_is_said() -> None:
    bars = page.bars({"sizes": {}})
    assert bars
    assert all(bar.holds is None and "not measured" in str(bar) for bar in bars)


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


def test_bands_are_those_of_the_register() -> None:
    edges, labels = rules.bands("age")
    assert edges == sorted(edges)
    assert len(labels) == len(edges) + 1


def test_seconds_of_a_report_are_shared_out() -> None:
    """By hand: 3 + 10 + 2 in turn leave 1 of 16; dbt's account leaves 4 of 10 before the first node."""
    printed = """read the input           3.0 s
dbt build
  1 of 2, model 9.0 s
dbt build               10.0 s
marts for BI             2.0 s
charts                   5.5 s  (at the same time)
rows: 10 read
"""
    nodes = [("model.a", 1.5), ("model.b", 2.5), ("test.c", 1.0)]
    results = [{"unique_id": name, "execution_time": seconds} for name, seconds in nodes]
    assert where_it_goes(printed, 16.0, {"elapsed_time": 6.0, "results": results}) == [
        "where the 16.0 s of the last make report went:",
        "  read the input           3.0 s",
        "  dbt build               10.0 s",
        "  marts for BI             2.0 s",
        "  Python and its imports   1.0 s",
        "  in dbt build: 4.0 s before the first node (import, parse), then 2 of kind model 4.0 s, 1 of kind test 1.0 s",
        "  at the same time, in other processes: charts 5.5 s",
    ]
