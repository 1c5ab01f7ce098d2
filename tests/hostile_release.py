"""One release of a bank whose files, folders, cities and rejected rows mean harm, which the tests share.

Its clients are those of the sample under ids of twelve digits, which no figure equals by chance. `make` ran in a
folder, and on a file, whose names hold what shells, make, SQL, spreadsheets and browsers take for their own.
"""

import csv
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from bank_segments import register_file
from conftest import ROOT, SAMPLE, copy_all, shared

DIRECTORY = """банк's "a" $HOME b=c; (d) & e"""
CLIENTS = """<img src=x onerror=alert(3)> =cmd() клиенты's "x" $USER FOO=y; `id` $(touch z) #1.csv"""
SERIES = """месяц's "$HOME" A=b; `id`"""
CITIES = ("<img src=x onerror=alert(1)>", "=cmd()|' /C calc'!A0", "Д" * 300)
UNKNOWN_CITY = "</script><script>alert(2)</script>"
FIRST_ID = 731_465_820_197
CITY = 2
BALANCE = 6
# The client whose row is spoilt.
SPOILT = 5000

Row = list[str]


def bank_id(number: int) -> int:
    """Return the id of the client in this row, counted from 0."""
    return FIRST_ID + number * 7_919_003


def spoilt(row: Row, number: int) -> list[Row]:
    """Return rows that are rejected, with their id, and that of another client, where they do not belong."""
    own, other = str(bank_id(number)), str(bank_id(number + 1))
    spaced = f"{own[:3]} {own[3:6]}\u00a0{own[6:]}"
    texts = [own, f"{own}.0", f"00{own}", f'"{own}"', spaced, f"Рыбинск {own}/2", other, f"{float(own):.11e}"]
    return [
        row[:-1],
        [*row, "", other],
        [str(number), *row[:-1]],
        [*row[1:], ""],
        *([*row[:CITY], text, *row[CITY + 1 :]] for text in texts),
        *([*row[:BALANCE], f"{text}?", *row[BALANCE + 1 :]] for text in texts),
        [*row[:CITY], UNKNOWN_CITY, *row[CITY + 1 : 4], "17", *row[5:]],
    ]


@dataclass(frozen=True)
class Published:
    """A project that published such a file, who was accepted in the order of the file, and what make printed."""

    project: Path
    ids: frozenset[str]
    accepted: list[str]
    rejected: list[Row]
    output: str

    @property
    def release(self) -> Path:
        """The release."""
        return (self.project / "published/latest").resolve()


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a terminal whose files are for everyone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        # Never sets up anew the environment that the tests run in, however new the lock file of a checkout is.
        ["make", "--old-file=.venv/installed", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        umask=0,
    )


def rows_of_the_sample() -> tuple[Row, list[Row]]:
    """The header and the clients, every third of whom lives in a city that means harm."""
    sample = duckdb.read_parquet(str(SAMPLE))
    rows = list(map(list, sample.project("coalesce(columns(*)::varchar, '')").fetchall()))
    for number, row in enumerate(rows):
        row[0] = str(bank_id(number))
        if number % 3 == 0:
            row[CITY] = CITIES[number % 9 // 3]
    return sample.columns, rows


def hostile_release(factory: pytest.TempPathFactory) -> Published:
    """The project that published it, built once in a run of the tests."""
    header, rows = rows_of_the_sample()
    rejected = spoilt(rows[SPOILT], SPOILT)

    def publish(folder: Path) -> None:
        project = copy_all(folder / DIRECTORY)
        (project / ".venv").symlink_to(ROOT / ".venv")
        with register_file("allowed_values", project).open("a", encoding="utf-8", newline="") as seed:
            for place, city in enumerate(CITIES, 4):
                csv.writer(seed, lineterminator="\n").writerow(["city", city, city, city, place])
        with (folder / CLIENTS).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows[:SPOILT], *rejected, *rows[SPOILT + 1 :]])
        run = make(project, "report", f"CLIENTS={folder / CLIENTS}", f"SERIES={SERIES}")
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr
        (folder / "printed.txt").write_text(run.stdout + run.stderr, encoding="utf-8")

    folder = shared(factory, "hostile", publish)
    ids = [row[0] for row in rows]
    return Published(
        folder / DIRECTORY,
        frozenset(ids),
        ids[:SPOILT] + ids[SPOILT + 1 :],
        rejected,
        (folder / "printed.txt").read_text(encoding="utf-8"),
    )
