"""Makes a segment of a candidate that the search found: `make adopt CANDIDATE=c_1a2b3c4d5e`.

The latest release holds its name and its rule; they are appended to the registers, and the next run counts the segment.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

from bank_segments import ROOT, register_file
from bank_segments.database import open_confined
from bank_segments.errors import RefusedError, exit_status, require, shown
from bank_segments.release.publish import latest_release
from bank_segments.release.run import PUBLISHED


def lines_of(release: Path, candidate: str) -> dict[str, str]:
    """What to append to each register, by its name.

    Raises `RefusedError` for what is no candidate of the release, or a segment already.
    """
    with open_confined(published=release / "bank_marts.duckdb") as connection:
        found = connection.execute(
            "select is_declared, name_ru, name_en, rule_lines from marts.fct_segment_candidates where candidate_id = ?",
            [candidate],
        ).fetchall()
    if not found:
        raise RefusedError(
            f"There is no candidate {shown(candidate)} in {shown(release)}; candidate_id in"
            " marts.fct_segment_candidates names them."
        )
    ((is_declared, *names, rules),) = found
    if is_declared:
        raise RefusedError(f"{shown(candidate)} is a segment of the bank already; nothing was changed.")
    segment = io.StringIO()
    # Its name describes it until somebody writes a description.
    csv.writer(segment, lineterminator="").writerow([candidate, *names, *names])
    return {"segments": segment.getvalue(), "segment_rules": rules}


def adopt(published: Path, project: Path, candidate: str) -> list[Path]:
    """Append the candidate to the bank's registers in the project, and return their paths.

    Raises `RefusedError` where nothing is published, for an unknown candidate and for one that is a segment already;
    then nothing changes.
    """
    release = latest_release(published)
    appended = {}
    for name, text in lines_of(release, candidate).items():
        path = register_file(name, project)
        known = path.read_text(encoding="utf-8")
        if any(row and row[0] == candidate for row in csv.reader(known.splitlines())):
            raise RefusedError(f"{shown(path)} has {shown(candidate)} already; nothing was changed.")
        appended[path] = f"{known.rstrip()}\n{text}\n"
    unfinished = {path: path.with_suffix(".unfinished") for path in appended}
    for path, text in appended.items():
        unfinished[path].write_text(text, encoding="utf-8")
    for path, written in unfinished.items():
        written.replace(path)
    return list(appended)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and adopt one candidate; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make adopt", description="Make a segment of a found candidate.")
    parser.add_argument("candidate", help="a candidate_id of marts.fct_segment_candidates")
    candidate = parser.parse_args(arguments).candidate

    def work() -> str:
        require(candidate, "make adopt CANDIDATE=c_1a2b3c4d5e")
        paths = adopt(PUBLISHED, ROOT, candidate)
        return f"appended to {' and '.join(map(shown, paths))}: give the segment its own names there"

    return exit_status("make adopt", work, "Nothing was adopted: {reason}.")


if __name__ == "__main__":
    sys.exit(main())
