"""The page of bad inputs and faults is whole: each row is declared, asked of a test, and held to what the test saw."""

import re
from pathlib import Path

import pytest

from conftest import ROOT, csv_rows, none_of
from fault_table import FAULTS, NOT_SEEN, PAGE, declared, saw, seen_on_page, written

# The least that `make soak` has to have counted.
PROMISED = {
    "kill": {"kills": 20, "whole": 20, "runs after": 20, "published": 20},
    "readers": {"readers": 8, "publications": 10, "с / s": 120, "queries": 1000, "releases seen": 10},
}


def test_the_page_is_what_is_declared_and_nothing_else() -> None:
    seen = seen_on_page()
    assert PAGE.read_text(encoding="utf-8") == written(seen)
    none_of(f"{name} was never seen" for name in declared() if seen.get(name, NOT_SEEN) == NOT_SEEN)


def test_every_row_is_asked_of_a_test() -> None:
    """Files and spoilt marts are parameters of their tests; every other row is named in one, whole or by its stem."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").glob("test_*.py")
        if path.name != Path(__file__).name
    )
    none_of(
        f"{row['section']} {row['fault']} is asked of no test"
        for row in csv_rows(FAULTS)
        if not any(f'"{name}' in sources for name in (f'{row["fault"]}"', row["fault"].split("_")[0] + "_{"))
    )


def test_a_row_that_says_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAULTS", raising=False)
    on_page = seen_on_page()["gate", "drift_7500"]
    assert "stop, отказ / refused: “The client file my clients.csv was not accepted: its clients" in on_page
    with pytest.raises(pytest.fail.Exception, match=r"says of gate drift_7500: .*\n.* saw: stop, опубликовано"):
        saw("gate", "drift_7500", "stop, опубликовано / published")


@pytest.mark.parametrize("test", PROMISED)
def test_the_long_tests_were_run_as_long_as_promised_and_without_an_error(test: str) -> None:
    """`make soak` wrote the row, on the day and the machine that it names; CI runs the short forms."""
    row = seen_on_page()["soak", test]
    assert re.search(r"; \d{4}-\d\d-\d\d, .+ cores, \d+ GiB; Python ", row)
    for what, least in PROMISED[test].items():
        (number,) = re.findall(rf"(\d+) {what}" if "/" in what else rf"/ {what} (\d+)", row)
        assert int(number) >= least
    assert row.count("errors 0") == 1
    assert "mixes 0" in row or test == "kill"
