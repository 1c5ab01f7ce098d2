"""A mistake in a seed is refused in one sentence that says what is wrong and what would be right.

What macros return is tested in tests/macros by dbt itself; here is what they raise.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bank_segments.warehouse import own_words
from conftest import DbtInProcess

KINDS = {"age": "integer", "balance": "money", "is_loyal": "flag"}


def said(manifest: Any, folder: Path, macro: str, **arguments: object) -> str:
    """Why dbt stopped in a macro."""
    run = DbtInProcess(folder, manifest).invoke("run-operation", macro, "--args", json.dumps(arguments))
    assert not run.success
    return str(run.result.results[0].message)


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
    rule = {"column_name": column, "operator": operator, "value": value}
    lines = said(manifest, tmp_path, "condition", **rule, kinds=KINDS).splitlines()
    assert [line.strip() for line in lines if "A rule" in line] == [sentence]


def test_a_column_that_no_bank_has_is_refused_with_register_and_line(manifest: Any, tmp_path: Path) -> None:
    line = {"segment_id": "segment_5", "column_name": "owned_objekts", "operator": ">=", "value": 1}
    about = {"column_name": "owned_objekts", "register": "segment_rules", "line": line, "columns": ["age"]}
    assert str(own_words(said(manifest, tmp_path, "is_absent", **about), "", "")) == (
        "segment_rules.csv names the column owned_objekts in the line segment_5,owned_objekts,>=,1, but no bank in"
        " seeds/banks has it; correct the name."
    )
