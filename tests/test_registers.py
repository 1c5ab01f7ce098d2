"""A bank that contradicts itself is refused in one sentence, and one that nobody has described gets a proposal."""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import bank_segments
from bank_segments import known_banks
from bank_segments.errors import RefusedError
from bank_segments.ingest import propose, registers
from conftest import ROOT, copy_project, dbt

BANKS = ROOT / "seeds/banks"
NAME = "a_bank_of_the_tests"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose banks no other test looks through."""
    return copy_project(tmp_path_factory.mktemp("banks"))


@pytest.fixture
def folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bank's folder in that copy, where nothing is yet, and gone after the test."""
    for module in (bank_segments, registers, propose):
        monkeypatch.setattr(module, "ROOT", project)
    monkeypatch.setattr(propose, "BANKS", project / "seeds/banks")
    yield project / "seeds/banks" / NAME
    shutil.rmtree(project / "seeds/banks" / NAME, ignore_errors=True)


def copy_bank(folder: Path) -> None:
    """Fill the folder with the registers of three_traits."""
    shutil.copytree(BANKS / "three_traits", folder)
    bank = folder / "bank.csv"
    bank.write_text(bank.read_text(encoding="utf-8").replace("three_traits", NAME), encoding="utf-8")


@pytest.mark.parametrize("bank", known_banks())
def test_no_bank_contradicts_itself(bank: str) -> None:
    assert registers.refusal(bank) is None


# In a register of three_traits, what is put in the place of what, and what is said of it.
CASES = [
    ("segments", "segment_id,name_ru", "segment,name_ru", "line 1: the columns must be segment_id, name_ru"),
    ("pilots", ",0.05,", ",often,", "line 2, column significance_level: must be a double, not often"),
    ("bank", ",true,", ",,", "line 2, column is_synthetic: must not be empty"),
    ("bank", "KZT", "KZZ", "line 2, column currency: KZZ is no currency of ISO 4217"),
    ("assumptions", "0.05,0.15,", "0.5,0.15,", "line 3, column low, central, high: must be in order"),
    ("columns", "\n2,", "\n1,", "line 2, column sort_order: stands twice"),
    ("columns", "age_years,trait", "age_years,treat", "line 3, column role: must be one of id, outcome"),
    (
        "columns",
        "uses_app,trait",
        "uses_app,outcome",
        "line 6, column role: a second column has the role out",
    ),
    ("columns", "closed,outcome", "closed,trait", "line 1, column role: no column has the role outcome"),
    ("columns", "trait,false,integer", "trait,false,float", "line 3, column kind: must be one of integer, "),
    ("columns", "trait,false,integer", "trait,false,", "line 3, column kind: a column that is loaded must"),
    (
        "columns",
        "is_churned,closed",
        "left,closed",
        "line 6, column column_name: the outcome is called is_churned",
    ),
    ("bands", "age,30,40", "age,29,40", "line 3, column lower_bound: the band from 29 of age"),
    (
        "allowed_values",
        "plan,plus",
        "plan,BASIC",
        "line 3, column value: BASIC of plan means basic and BASIC",
    ),
    (
        "value_synonyms",
        "open,false",
        "Closed,false",
        "line 3, column raw_value: Closed of is_churned means both",
    ),
    ("segment_rules", "plan,=", "tariff,=", "line 2, column column_name: no bank has a column tariff"),
    ("segment_rules", "segment_2,", "segment_7,", "line 4, column segment_id: must be a segment_id of seg"),
]


@pytest.mark.parametrize(("register", "old", "new", "said"), CASES)
def test_a_contradiction_is_named_with_register_line_and_column(
    register: str, old: str, new: str, said: str, folder: Path
) -> None:
    copy_bank(folder)
    file = folder / f"{register}.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    refusal = registers.refusal(NAME) or ""
    assert refusal.startswith(f"seeds/banks/{NAME}/{register}.csv, {said}"), refusal
    assert refusal.endswith(".")
    assert "\n" not in refusal


def test_a_folder_without_a_register_is_refused(folder: Path) -> None:
    copy_bank(folder)
    (folder / "pilots.csv").unlink()
    assert (registers.refusal(NAME) or "").startswith(f"seeds/banks/{NAME}/pilots.csv is missing")


def foreign(path: Path) -> pd.DataFrame:
    """A file of another bank: ids in two cities, a header unknown, one in Cyrillic, a placeholder, decimal commas."""
    with duckdb.connect() as connection:
        clients: pd.DataFrame = connection.sql(
            'select user_id as user_id, score as "Rating, points", city as "Город", gender as sex,'
            ' coalesce(age, -999999) as age, equity, balance, products, credit_card as "credit_сard",'
            " if(last_activity = 1, 'yes', 'no') as used_lately, est_salary,"
            f" if(churn = 1, 'gone', 'here') as status from '{BANKS}/metanprom_2/sample/clients.parquet'"
        ).df()
    written = clients.assign(est_salary=clients.est_salary.map("{:.2f}".format).str.replace(".", ","))
    written.to_csv(path, index=False, sep=";")
    return clients


def test_an_unseen_file_goes_from_a_proposal_to_the_marts(folder: Path, tmp_path: Path) -> None:
    clients = foreign(tmp_path / "clients.csv")
    propose.propose(tmp_path / "clients.csv", NAME, "")
    with pytest.raises(RefusedError, match=f"There is a bank {NAME} already"):
        propose.propose(tmp_path / "clients.csv", NAME, "")
    page = folder / "proposal.md"
    doubts = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("TODO: ")]
    assert len(doubts) == 5, doubts
    for doubt in doubts:
        assert re.match(r"TODO: (columns|bank)\.csv, line \d+: ", doubt)
    assert re.search(
        r"proposal\.md, line \d+: TODO: columns\.csv, line \d+: .*\?", registers.refusal(NAME) or ""
    )
    page.unlink()
    assert registers.refusal(NAME) is None
    with (folder / "columns.csv").open(encoding="utf-8") as lines:
        roles = {
            row["column_name"]: (row["role"], row["kind"], row["is_in_id"]) for row in csv.DictReader(lines)
        }
    assert roles["client_id"] == ("id", "integer", "true")
    assert roles["city"] == ("split", "category", "true")
    assert roles["rating_points"] == ("trait", "integer", "false")
    assert roles["is_churned"] == ("outcome", "flag", "false")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANK", NAME)
        run = dbt(
            *("build", "--exclude-resource-type", "unit_test"),
            clients=tmp_path / "clients.csv",
            target=tmp_path / "t",
            project=folder.parents[2],
        )
    assert run.returncode == 0, run.stdout[-3000:]
    with duckdb.connect(str(tmp_path / "t/bank.duckdb"), read_only=True) as connection:
        rates = connection.sql("select trait, level, churn_rate from marts.fct_churn_portrait").fetchall()
        mean = connection.sql("select avg(estimated_salary), avg(age) from marts.dim_clients").fetchall()
    gone = clients.status == "gone"
    for trait, column in {"city": "Город", "product_count": "products", "used_lately": "used_lately"}.items():
        found = {
            level.replace("true", "yes").replace("false", "no"): rate
            for name, level, rate in rates
            if name == trait
        }
        assert found == pytest.approx(
            {str(level): rate for level, rate in gone.groupby(clients[column]).mean().items()}
        )
    assert mean[0] == pytest.approx(
        (clients.est_salary.mean(), clients.age[clients.age > 0].mean()), rel=1e-9
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\nx,2\nx,2\ny,2\n", "No column can be the client's id"),
        ("a,b\n1,5\n2,5\n3,5\n", "No column can be the outcome"),
    ],
)
def test_a_file_without_id_or_outcome_leaves_no_folder(
    text: str, said: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "clients.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError, match=said):
        propose.propose(tmp_path / "clients.csv", NAME, "")
    assert not folder.exists()
