"""A mistake in a seed is refused in one sentence that says what is wrong and what would be right.

What macros return is tested in tests/macros by dbt itself; here is what they raise.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import DbtInProcess

KINDS = {"age": "integer", "balance": "money", "is_loyal": "flag"}


@pytest.mark.parametrize(
    ("column", "operator", "value", "sentence"),
    [
        ("height", "=", "180", "A rule names the column height, which columns.csv does not have."),
        ("age", "like", "18", "A rule on age has the operator like; use one of = <> < <= > >=."),
        ("age", "<", "young", "A rule compares age with young, which is not a value of its kind, integer."),
        (
            *("balance", "<", "0 or true"),
            "A rule compares balance with 0 or true, which is not a value of its kind, money.",
        ),
        ("is_loyal", "=", "1", "A rule compares is_loyal with 1, which is not a value of its kind, flag."),
    ],
)
def test_a_mistake_in_a_rule_is_refused_in_one_sentence(
    column: str, operator: str, value: str, sentence: str, manifest: Any, tmp_path: Path
) -> None:
    rule = {"column_name": column, "operator": operator, "value": value, "kinds": KINDS}
    run = DbtInProcess(tmp_path, manifest).invoke("run-operation", "condition", "--args", json.dumps(rule))
    assert not run.success
    (line,) = [line.strip() for line in run.result.results[0].message.splitlines() if "A rule" in line]
    assert line == sentence
