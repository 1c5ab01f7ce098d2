"""A slow step says what it does and about how long it still takes."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from bank_segments.release import progress
from bank_segments.release.progress import Progress, follow_dbt, seconds_of_build


def event(name: str, **data: object) -> SimpleNamespace:
    return SimpleNamespace(info=SimpleNamespace(name=name), data=SimpleNamespace(**data))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Releases of 10 thousand and a million rows, and one whose record cannot be read."""
    for rows, seconds in ((10_000, 8), (1_000_000, 20)):
        (tmp_path / str(rows)).mkdir()
        record = {"rows": {"read": rows}, "seconds": {"dbt build": seconds}}
        (tmp_path / f"{rows}/run.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.json").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("rows", "seconds"), [(10_000, 8), (90_000, 72), (2_000_000, 40), (10_000_000, 200), (10_000_001, None)]
)
def test_a_build_takes_as_long_for_each_row_as_the_release_nearest_in_size(
    published: Path, rows: int, seconds: float | None
) -> None:
    assert seconds_of_build(published, rows) == seconds


def test_a_build_says_what_runs_and_how_long_it_still_takes(published: Path) -> None:
    step = Progress()
    hear = follow_dbt(step, published)
    hear(event("JinjaLogInfo", msg="reading 2,000,000 rows of clients.csv"))
    step.started = time.monotonic() - 15
    assert step.line() == "reading 2,000,000 rows of clients.csv; about 25 s left"
    node = SimpleNamespace(node_name="dim_clients")
    hear(event("LogStartLine", index=3, total=9, node_info=node))
    assert step.line() == "3 of 9, dim_clients; about 25 s left"
    hear(event("LogModelResult"))
    step.started = time.monotonic() - 60
    assert not step.line()


def test_equal_parts_say_how_long_the_others_take() -> None:
    step = Progress(started=time.monotonic() - 30)
    step.part_done("dim_clients", 3, 8)
    assert step.line() == "3 of 8, dim_clients; about 50 s left"


def test_a_slow_step_is_told_of_while_it_runs_and_a_quick_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PERIOD", 0.05)
    told: list[str] = []
    with progress.progress(told.append) as step:
        pass
    assert not told
    with progress.progress(told.append) as step:
        step.part_done("dim_clients", 1, 2)
        time.sleep(0.2)
    assert set(told) == {"1 of 2, dim_clients"}
