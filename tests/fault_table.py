"""The page models/docs/faults.md: every input and fault, what is expected of it, and what the tests saw.

A test hands over what it saw, and fails where the page says otherwise. With FAULTS=write, which `make faults` sets, it
writes that into the page instead; the rows of the long tests are written by `make soak`.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bank_segments.release.expectations import SUITES
from bank_segments.words import Words
from benchmark.machine import machine
from conftest import ROOT, csv_rows

PAGE = ROOT / "models/docs/faults.md"
INPUTS = ROOT / "tests/bad_input/cases.csv"
FAULTS = ROOT / "tests/faults.csv"
NOT_SEEN = "—"
SECTIONS = {
    "inputs": "Файлы / Files",
    "faults": "Сбои и помехи / Faults",
    "degenerate": "Статистики без значения / Statistics without a value",
    "gate": "Порог / The gate",
    "expectations": "Испорченные витрины / Spoilt marts",
    "soak": "Долгие испытания / The long tests",
}
HEADER = "| вход или сбой / input or fault | ожидается / expected | увидено / seen |"
INTRODUCTION = """
Что бывает при плохом файле, сбое или помехе: чего мы ждём и что увидели тесты. /
What becomes of a bad file, a fault or a disturbance: what is expected, and what the tests saw.

Третий столбец написан самими тестами, и они же падают, когда видят другое: `make faults` записывает его заново. Файлы —
из сорока клиентов; отказ — это одно предложение, статус выхода 1 и прежний выпуск на месте. Долгие испытания идут в
`make soak`; в CI — их короткие формы, строками выше.

The third column is written by the tests themselves, which fail when they see anything else; `make faults` writes it
anew. Files are of forty clients; a refusal is one sentence, exit status 1 and the earlier release in place. The long
tests run in `make soak`; CI runs their short forms, which have rows of their own above.
"""


def both(russian: str, english: str) -> str:
    """Both languages in one cell, or one where they are the same."""
    return russian if russian == english else f"{russian} / {english}"


def suites() -> list[dict[str, Any]]:
    """The suites of what the released file is expected to hold."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SUITES.glob("*.json"))]


def expected_of(case: dict[str, str]) -> str:
    """What is declared of a bad input."""
    if case["outcome"] == "refused":
        return f"отказ / refused: “…{case['says']}…”"
    counts = f"принято / accepted {case['accepted']}, отклонено / rejected {case['rejected']}"
    said = case["says"].replace("|", "; ")
    return f"{counts}: {said}" if said else f"{counts}, те же цифры / the same figures"


def declared() -> dict[tuple[str, str], tuple[str, str]]:
    """Every input or fault and what is expected of it, by section and name, in the order of the page."""
    cases = {
        ("inputs", row["case"]): (both(row["input_ru"], row["input_en"]), expected_of(row)) for row in csv_rows(INPUTS)
    }
    for row in csv_rows(FAULTS):
        cases[row["section"], row["fault"]] = (
            both(row["input_ru"], row["input_en"]),
            both(row["expected_ru"], row["expected_en"]),
        )
    for suite in suites():
        for meaning in (expected["meta"]["meaning"] for expected in suite["expectations"]):
            defect = f"{suite['name']}: не так / not so: «{Words('ru').gettext(meaning)}» / “{meaning}”"
            cases["expectations", meaning] = (defect, "остановка / stopped")
    return {
        key: (escaped(case), escaped(expected))
        for section in SECTIONS
        for key, (case, expected) in cases.items()
        if key[0] == section
    }


def escaped(cell: str) -> str:
    """Text that stays one cell of a Markdown table and a part of a dbt docs block."""
    return re.sub(r"([|<])", r"\\\1", " ".join(cell.split())).replace("{", "&#123;")


def seen_on_page() -> dict[tuple[str, str], str]:
    """What the page says was seen, by section and name."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = (line.removesuffix(" |").split(" | ") for line in lines if line.startswith("| "))
    seen = {cells[0].removeprefix("| "): cells[-1] for cells in rows}
    return {key: seen[case] for key, (case, _expected) in declared().items() if case in seen}


def written(seen: dict[tuple[str, str], str]) -> str:
    """The page, from what was seen by section and name."""
    lines = ["{% docs faults %}", INTRODUCTION.strip()]
    cases = declared()
    for section, heading in SECTIONS.items():
        lines += [f"\n### {heading}\n", HEADER, "| --- | --- | --- |"]
        for key, (case, expected) in cases.items():
            if key[0] == section:
                lines.append(f"| {case} | {expected} | {seen.get(key, NOT_SEEN)} |")
    return "\n".join([*lines, "\n{% enddocs %}"]) + "\n"


def _put(section: str, name: str, text: str) -> None:
    assert (section, name) in declared()
    PAGE.write_text(written(seen_on_page() | {(section, name): escaped(text)}), encoding="utf-8")


def saw(section: str, name: str, text: str) -> None:
    """Hold the page to what a test saw of a case, or write it there."""
    if os.environ.get("FAULTS") == "write":
        _put(section, name, text)
        return
    on_it = seen_on_page().get((section, name))
    if on_it != escaped(text):
        pytest.fail(
            f"{PAGE.relative_to(ROOT)} says of {section} {name}: {on_it}\nbut a run of the test saw: {escaped(text)}\n"
            "`make faults` writes the page anew",
            pytrace=False,
        )


def measured(name: str, counts: str) -> None:
    """Write the counts of a long test into the page, with the day and the machine."""
    load = os.getloadavg()[0]
    _put("soak", name, f"{counts}; {datetime.now(UTC):%Y-%m-%d}, {machine()}; load average {load:.1f}")


def without_folders(text: str, *folders: Path | str) -> str:
    """A sentence with the folders of a test's run left out of its paths."""
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return text.strip()


def refused(name: str, status: int, said: str, *folders: Path | str) -> None:
    """Hold the page to the sentence with which a run was refused that left the earlier release."""
    assert status == 1
    sentence = without_folders(said, *folders)
    saw("faults", name, f"статус / exit status {status}: “{sentence}”; latest прежний / the earlier")
