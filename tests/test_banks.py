"""The same clients in another bank's layout give the same figures for all that both banks have."""

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bank_segments import known_banks
from bank_segments.errors import RefusedError
from bank_segments.ingest.client_file import find_bank, other_names
from conftest import ROOT, SAMPLE, dbt

FIGURES = {
    "fct_churn_portrait": "trait, level, clients, churned_clients, churn_rate, churn_rate_low, lift",
    "fct_churn_portrait_numbers": "trait, population, clients, mean, standard_deviation, p25, median, p75",
    "fct_product_count_portrait_numbers": "product_count, trait, clients, mean, standard_deviation, median",
    "fct_product_count_metrics": "product_count, clients, churned_clients, churn_rate, churn_rate_low",
    "fct_segment_metrics": "segment_id, clients, coverage, churned_clients, churn_rate, lift",
    "fct_hypothesis_results": "hypothesis_id, population, test, statistic, p_value, difference, verdict",
}
# What is another thing, or has another name, in the second bank.
RENAMED = {
    **{"city": "country", "is_loyal": "is_active_member", "h3_rostov_share": "h3_germany_share"},
    **{
        "h5_loyal_share": "h5_active_share",
        "Ярославль": "France",
        "Рыбинск": "Spain",
        "Ростов Великий": "Germany",
    },
    **{"Ж": "Female", "М": "Male"},
}


def figures(warehouse: Path, mart: str) -> set[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(f"select {FIGURES[mart]} from marts.{mart}").fetchall()
    named = (tuple(RENAMED.get(str(cell), cell) for cell in row) for row in rows)
    return {row for row in named if not {"owned_objects", "tenure"} & set(row)}


@pytest.fixture(scope="module")
def other_layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the second bank, built from the first one's clients."""
    folder = tmp_path_factory.mktemp("churn_modelling")
    layout = (ROOT / "seeds/banks/churn_modelling/sample/layout.sql").read_text(encoding="utf-8")
    duckdb.sql(f"copy (with clients as (from '{SAMPLE}') {layout}) to '{folder}/clients.parquet'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANK", "churn_modelling")
        run = dbt(
            "build", "--exclude-resource-type", "unit_test", clients=folder / "clients.parquet", target=folder
        )
    assert run.returncode == 0, run.stdout[-3000:]
    return folder / "bank.duckdb"


@pytest.mark.parametrize("mart", FIGURES)
def test_what_both_banks_have_is_the_same_to_the_last_digit(
    mart: str, other_layout: Path, sample_warehouse: Path
) -> None:
    assert figures(other_layout, mart) == figures(sample_warehouse, mart)


@pytest.mark.parametrize(
    ("bank", "refusal"),
    [
        (
            "../x",
            r"There is no bank \.\./x in seeds/banks; known are bank_churners, .*metanprombank.*\.",
        ),
        (
            "churn_modelling",
            "The outputs show city, which churn_modelling does not have; BANK=churn_modelling dbt build",
        ),
    ],
)
def test_a_bank_without_a_report_is_refused_in_one_sentence(bank: str, refusal: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bank_segments.report"],
        env=os.environ | {"BANK": bank, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert re.fullmatch(rf"make report: {refusal}.*\n", run.stderr), run.stderr


HEADERS = {
    bank: ",".join(columns) for bank, columns in ((name, list(other_names(name))) for name in known_banks())
}


@pytest.mark.parametrize(
    ("header", "found"),
    [
        *((header, bank) for bank, header in HEADERS.items()),
        (HEADERS["metanprom_2"].replace("credit_card", "credit_сard").upper(), "metanprom_2"),
        (
            f"{HEADERS['three_traits']},{HEADERS['churn_modelling']}",
            "columns of churn_modelling and three_traits; name",
        ),
        (
            HEADERS["churn_modelling"].replace("Tenure,", ""),
            "no column Tenure;.*nearest, churn_modelling;.*make bank CLI",
        ),
        ("a,b,c", "has no header.*make bank CLIENTS=.*clients.csv NAME=ours"),
    ],
)
def test_a_file_finds_its_bank_by_the_header(header: str, found: str, tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(f"{header}\n1\n", encoding="utf-8")
    if found in HEADERS:
        assert find_bank(clients, "") == found
    else:
        with pytest.raises(RefusedError, match=found):
            find_bank(clients, "")


def test_the_first_line_of_a_run_names_the_bank(tmp_path: Path) -> None:
    """Before anything is built: here the bank that was found is refused for what the outputs need."""
    (tmp_path / "clients.csv").write_text(f"{HEADERS['three_traits']}\n1,2,3,4,5\n", encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "bank_segments.report",
            "--clients",
            "clients.csv",
            "--deck-template",
            "none.pptx",
        ],
        env={name: value for name, value in os.environ.items() if name != "BANK"}
        | {"PYTHONPATH": str(ROOT / "python")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == "The file has the columns of three_traits: BANK=three_traits.\n"
