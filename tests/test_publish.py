"""Which releases stay when a new one is published."""

import json
from pathlib import Path

from bank_segments.release.publish import publish


def stage(published: Path, run_id: str, series: str | None) -> Path:
    """Write a release under construction that holds nothing but its record."""
    staged = published / f".{run_id}"
    staged.mkdir(parents=True)
    record = {"input": {"series": series}} if series else {}
    (staged / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return staged


def test_three_releases_of_each_series_stay(tmp_path: Path) -> None:
    series = ["bank", "bank", "sample", None, "sample", "sample", "sample", "bank", "sample", "bank"]
    for day, name in enumerate(series):
        publish(stage(tmp_path, f"R{day}", name), tmp_path, f"R{day}")
    kept = sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink())
    assert kept == ["R1", "R3", "R5", "R6", "R7", "R8", "R9"]
    assert (tmp_path / "latest").resolve().name == "R9"
