"""A register that breaks a test of its YAML is refused before the run, with its file and line."""

import shutil
from pathlib import Path

import pytest

from bank_segments import ROOT, register_file
from bank_segments.ingest.registers import register_fault


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    return tmp_path


@pytest.mark.parametrize(
    ("register", "old", "new", "fault"),
    [
        (
            "segments",
            "segment_id,name_ru",
            "segment,name_ru",
            "line 1: the columns must be segment_id, name_ru",
        ),
        ("pilots", ",0.05,", ",often,", "line 2: significance_level must be a double, not often."),
        ("bank", ",false,", ",,", "line 2: is_synthetic must not be empty."),
        ("columns", "\n2,", "\n1,", "line 2: sort_order stands twice."),
        ("hypotheses", ",proportion,", ",share,", "line 4: kind must be one of mean, rank, proportion."),
        ("segment_rules", "segment_2,age", "segment_7,age", "segment_id must be a segment_id of segments."),
        (
            "segment_rules",
            "segment_2,product_count,=,1",
            "segment_2,age,>=,39",
            "no two rows may share them.",
        ),
        ("assumptions", "leave,0.05,", "leave,0.5,", "low, central, high must be in order"),
        ("gate_limits", "\ndrift,", "\n,", "line 3: kind must not be empty."),
    ],
)
def test_a_fault_is_told_with_its_line(project: Path, register: str, old: str, new: str, fault: str) -> None:
    path = register_file(register, project)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    told = register_fault(project)
    assert told is not None
    assert told.startswith(f"{path}, line ")
    assert fault in told
    assert told.endswith(".")


def test_a_register_that_is_missing_is_named(project: Path) -> None:
    register_file("pilots", project).unlink()
    assert "pilots.csv is missing" in str(register_fault(project))


def test_the_registers_of_the_project_are_without_fault() -> None:
    assert register_fault() is None
