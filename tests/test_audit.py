"""CI warns of advisories on the locked libraries, says so when nobody answered, and never fails for either."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

ADVISED = {"name": "a", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"]}]}
CLEAN = {"name": "b", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (3.0)"}


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ([CLEAN], ["no advisory on the 1 libraries of x.lock"]),
        ([ADVISED, CLEAN], ["a 1.0: PYSEC-2026-1, mended in 1.1, 2.0"]),
        (
            [ADVISED, UNKNOWN],
            [
                "a 1.0: PYSEC-2026-1, mended in 1.1, 2.0",
                "1 of the 2 libraries of x.lock are unknown where advisories are looked up",
            ],
        ),
        (None, ["the advisories on x.lock could not be asked: ConnectionError: no route to host"]),
    ],
)
def test_advisories_are_warnings(answer: list[dict[str, object]] | None, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    pip_audit = tmp_path / "pip-audit"
    said = (
        "echo ConnectionError: no route to host >&2"
        if answer is None
        else f"cat << 'END'\n{json.dumps({'dependencies': answer})}\nEND"
    )
    pip_audit.write_text(f"#!/bin/sh\n{said}\nexit 1\n", encoding="utf-8")
    pip_audit.chmod(0o755)
    run = subprocess.run(
        [tmp_path / "python", ROOT / ".ci/audit.py", "x.lock"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [f"audit: {line}" for line in lines]
