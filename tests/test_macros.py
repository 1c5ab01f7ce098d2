"""A mistake in a seed is refused in one sentence that says what is wrong and what would be right.

What macros return is tested in tests/macros by dbt itself; here is what they raise, from one dbt start for all.
"""

import re

import pytest

from conftest import SAMPLE, copy_project, dbt

KINDS = "{{'age': 'integer', 'balance': 'money', 'is_loyal': 'flag'}}"
RULE = "{{{{ condition('{column}', '{operator}', '{value}', " + KINDS + ") }}}}"
REFUSALS = {
    "unknown_column": (
        RULE.format(column="height", operator="=", value="180"),
        "A rule names the column height, which columns.csv does not have.",
    ),
    "unknown_operator": (
        RULE.format(column="age", operator="like", value="18"),
        "A rule on age has the operator like; use one of = <> < <= > >=.",
    ),
    "text_for_a_number": (
        RULE.format(column="age", operator="<", value="young"),
        "A rule compares age with young, which is not a value of its kind, integer.",
    ),
    "sql_for_a_number": (
        RULE.format(column="balance", operator="<", value="0 or true"),
        "A rule compares balance with 0 or true, which is not a value of its kind, money.",
    ),
    "number_for_a_flag": (
        RULE.format(column="is_loyal", operator="=", value="1"),
        "A rule compares is_loyal with 1, which is not a value of its kind, flag.",
    ),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What dbt prints when every mistake is in a test of its own, on a warehouse without seeds."""
    project = copy_project(tmp_path_factory.mktemp("mistakes"))
    for name, (template, _) in REFUSALS.items():
        # dbt renders a test while it parses, too, when nothing may be raised.
        (project / f"tests/singular/{name}.sql").write_text(
            f"select '{{% if execute %}}{template}{{% endif %}}' as result -- {{{{ ref('segments') }}}}",
            encoding="utf-8",
        )
    run = dbt("test", "--select", *REFUSALS, clients=SAMPLE, target=project / "target", project=project)
    assert run.returncode == 1
    return run.stdout


@pytest.mark.parametrize("name", REFUSALS)
def test_mistake_is_refused_in_one_sentence(name: str, output: str) -> None:
    found = re.search(rf"Compilation Error in test {name} .*\n +(.*)\n", output)
    assert found, output[-4000:]
    assert found[1] == REFUSALS[name][1]
