"""The suites pass on a released file, and each expectation finds the defect that it is there for."""

import json
import shutil
import sys
from pathlib import Path

import duckdb
import pytest

from bank_segments.errors import RefusedError
from bank_segments.release.expectations import ExpectationOutcome, refusal_of, validate
from conftest import ROOT, ran
from fault_table import saw, suites, without_folders

# What spoils the released file for the expectations of one meaning, and of no other.
DEFECTS = {
    "Every relation and column that interfaces bind to is in the released file.": "alter table marts.fct_churn_portrait"
    " drop column lift",
    "Only public schemas are in the released file.": "create schema raw; create table raw.clients as select 1 as x",
    "No column of the released file holds the bank's own ids.": "alter table marts.dim_segments add column UserId int",
    "Every column has a type that BI tools can show.": "alter table marts.fct_churn_portrait"
    " alter column churned_clients type hugeint",
    "Every accepted row is one client of the released file.": "delete from marts.dim_clients where rowid = 0",
    "Every rejected row is told in the released file.": "update quality.row_counts set rejected_rows = 1",
    "The cube behind the dashboard holds every accepted client.": "update marts.rpt_dashboard_cube"
    " set clients = clients + 1 where rowid = 0",
    "The segments have as many members as their metrics say.": "delete from marts.fct_segment_membership"
    " where rowid = 0",
    "A client is known by a hash of 32 digits, not by the bank's id.": "update marts.dim_clients"
    " set client_key = '15634602' where rowid = 0",
    "Every trait has a name in both languages.": "update marts.dim_traits set name_en = null where rowid = 0",
    "Every level of a trait has a label in both languages.": "update marts.dim_trait_levels"
    " set label_ru = null where rowid = 0",
    "Every segment has a rule, and a name in both languages.": "update marts.dim_segments"
    " set rule = null where rowid = 0",
    "Every proposal has a title in both languages.": "update marts.fct_retention_proposals"
    " set title_ru = null where rowid = 0",
    "The churn rate of a level lies in its interval, which lies between 0 and 1.": "update marts.fct_churn_portrait"
    " set churn_rate_low = 0.99 where level = 'Ж'",
    "The churn rate of a number of products lies in its interval, which lies between 0 and 1.": "update"
    " marts.fct_product_count_metrics set churn_rate_high = 1.01 where rowid = 0",
    "The churn rate of a segment lies in its interval, which lies between 0 and 1.": "update marts.fct_segment_metrics"
    " set churn_rate = 1.2 where rowid = 0",
    "No segment covers more than all clients.": "update marts.fct_segment_metrics"
    " set coverage = 1.0001 where rowid = 0",
}


def unmet(outcomes: list[ExpectationOutcome]) -> set[str]:
    return {outcome.meaning for outcome in outcomes if not outcome.is_met}


NO_NETWORK = """
import os, sys
from dataclasses import asdict
from pathlib import Path

def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(9)

sys.addaudithook(audit)
import json
from bank_segments.release.expectations import validate
print(json.dumps([asdict(outcome) for outcome in validate(Path(sys.argv[1]))]))
"""


def test_the_suites_pass_on_a_release_ask_no_host_and_print_nothing(sample_release: Path) -> None:
    run = ran(sys.executable, "-c", NO_NETWORK, sample_release / "bank_marts.duckdb", cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, "")
    outcomes = [ExpectationOutcome(**outcome) for outcome in json.loads(run.stdout)]
    assert unmet(outcomes) == set()
    assert sorted((outcome.relation, outcome.meaning) for outcome in outcomes) == sorted(
        (suite["name"], expected["meta"]["meaning"]) for suite in suites() for expected in suite["expectations"]
    )


@pytest.mark.parametrize("meaning", DEFECTS)
def test_a_planted_defect_is_found(meaning: str, sample_release: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copy(sample_release / "bank_marts.duckdb", tmp_path / "it's broken.duckdb"))
    with duckdb.connect(str(broken)) as connection:
        connection.execute(DEFECTS[meaning])
    outcomes = validate(broken)
    assert unmet(outcomes) == {meaning}
    refusal = str(refusal_of(outcomes, tmp_path / "bank.duckdb"))
    saw("expectations", meaning, f"отказ / refused: “{without_folders(refusal, tmp_path)}”")


def test_what_is_missing_is_not_met(sample_release: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copy(sample_release / "bank_marts.duckdb", tmp_path))
    with duckdb.connect(str(broken)) as connection:
        connection.execute("drop table marts.dim_traits; alter table marts.dim_segments drop column rule")
    seen = {(outcome.relation, outcome.columns): outcome.observed for outcome in validate(broken) if not outcome.is_met}
    assert "name_ru" in seen["marts.dim_traits", "name_ru"]
    assert "does not exist" in seen["marts.dim_segments", "rule"]
    promised = seen["information_schema.columns", "name"]
    assert promised == "missing: marts.dim_segments.rule"


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        ({"type": "expect_the_unexpected", "kwargs": {}}, "expect_the_unexpected"),
        ({"type": "expect_column_values_to_be_unique", "kwargs": {"colour": "red"}}, "colour"),
    ],
)
def test_a_suite_that_great_expectations_cannot_read_is_refused_by_name(
    expectation: dict[str, object], said: str, sample_release: Path, tmp_path: Path
) -> None:
    suite = {"name": "marts.dim_traits", "expectations": [expectation]}
    (tmp_path / "mine.json").write_text(json.dumps(suite), encoding="utf-8")
    refusal = rf"mine[.]json is not valid: .*{said}.*; nothing was published[.]"
    with pytest.raises(RefusedError, match=refusal):
        validate(sample_release / "bank_marts.duckdb", tmp_path)
