"""A bank that contradicts itself is refused in one sentence, and one that nobody has described gets a proposal."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
import xlsxwriter

import bank_segments
from bank_segments.errors import RefusedError
from bank_segments.ingest import contracts, propose, registers
from bank_segments.ingest.containers import open_table
from conftest import ROOT, copy_project, csv_rows, dbt, rows_in

BANKS = ROOT / "seeds/banks"
NAME = "a_bank_of_the_tests"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose banks no other test looks through."""
    return copy_project(tmp_path_factory.mktemp("banks"))


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt works for all proposals, so that it parses the project once."""
    return tmp_path_factory.mktemp("parsed")


@pytest.fixture
def folder(project: Path, parsed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bank's folder in that copy, where nothing is yet, and gone after the test."""
    (parsed / "bank.duckdb").unlink(missing_ok=True)
    kept = SimpleNamespace(TemporaryDirectory=lambda: contextlib.nullcontext(str(parsed)))
    monkeypatch.setattr(propose, "tempfile", kept)
    for module in (bank_segments, contracts, registers, propose):
        monkeypatch.setattr(module, "ROOT", project)
    monkeypatch.setattr(propose, "BANKS", project / "seeds/banks")
    yield project / "seeds/banks" / NAME
    shutil.rmtree(project / "seeds/banks" / NAME, ignore_errors=True)


def copy_bank(folder: Path) -> None:
    """Fill the folder with the registers of three_traits."""
    shutil.copytree(BANKS / "three_traits", folder)
    bank = folder / "bank.csv"
    bank.write_text(bank.read_text(encoding="utf-8").replace("three_traits", NAME), encoding="utf-8")


# In a register of three_traits, what is put in the place of what, and what is said of it.
CASES = r"""
segments         | segment_id,name_ru    | segment,name_ru   | line 1: the columns must be segment_id, name_ru
pilots           | ,0.05,                | ,often,           | line 2, column significance_level: must be a double, not
bank             | ,true,                | ,,                | line 2, column is_synthetic: must not be empty
bank             | KZT                   | KZZ               | line 2, column currency: KZZ is no currency of ISO 4217
assumptions      | 0.05,0.15,            | 0.5,0.15,         | line 3, column low, central, high: must be in order
columns          | \n2,                  | \n1,              | line 2, column sort_order: stands twice
columns          | age_years,trait       | age_years,treat   | line 3, column role: must be one of id, outcome
columns          | uses_app,trait        | uses_app,outcome  | line 6, column role: a second column has the role out
columns          | closed,outcome        | closed,trait      | line 1, column role: no column has the role outcome
columns          | trait,false,integer   | trait,false,float | line 3, column kind: must be one of integer,
columns          | trait,false,integer   | trait,false,      | line 3, column kind: a column that is loaded must
columns          | is_churned,closed     | left,closed       | line 6, column column_name: the outcome is called is_chu
bands            | age,30,40             | age,29,40         | line 3, column lower_bound: the band from 29 of age
allowed_values   | plan,plus             | plan,BASIC        | line 3, column value: BASIC of plan means basic and BASI
value_synonyms   | open,false            | Closed,false      | line 3, column raw_value: Closed of is_churned means bot
segment_rules    | plan,=                | tariff,=          | line 2, column column_name: no bank has a column tariff
value_synonyms   | is_churned,open,false | plan,Family,basic | line 3, column raw_value: Family of plan means fam
traits           | plan,category         | tariff,category   | line 2, column trait: columns.csv has no tariff
bands            | age,,30               | years,,30         | line 2, column column_name: columns.csv has no years
hypotheses       | лет,years             | ,years            | line 3, column unit_ru: must not be empty
hypotheses       | mean,age              | mean,years        | line 3, column metric_column: no bank has a column years
segment_rules    | segment_2,            | segment_7,        | line 4, column segment_id: must be a segment_id of seg
bands            | age,,30               | age,18,30         | line 2, column upper_bound: the first band of age has no
columns          | true,18,100           | true,100,18       | line 3, column minimum: the minimum must not be above th
segment_rules    | plan,=,basic          | plan,=,gold       | line 2, column value: gold is no value of plan, see allo
segment_rules    | age,>=,40             | age,>=,400        | line 4, column value: 400 is no value of age, see its bo
segment_rules    | plan,=,basic          | plan,>,basic      | line 2, column operator: > needs a number, which plan
segment_rules    | plan,=,basic          | plan,=>,basic     | line 2, column operator: must be one of =, <>, <, <=, >
segment_rules    | plan,=,basic          | plan,=,           | line 2, column value: must not be empty
segment_rules    | plan,=,basic          | plan,=            | line 2: has 3 cells, the header has 4
segment_rules    | plan,=,basic          | plan,=,basic,1    | line 2: has 5 cells, the header has 4
segment_rules    | plan,=,basic          | plan,=,"basic     | line 8: unexpected end of data; see its quotation
segment_rules    | plan,=,basic          | plan,=,basic\nsegment_1,plan,=,family | line 3, column value: nobody
segment_rules    | age,>=,40             | age,>=,40\nsegment_2,age,<,30 | line 5, column value: nobody can meet
segments         | segment_2,            | segment 2,        | line 3, column segment_id: segment 2 may have small Latin
hypotheses       | h1_app_churn,         | h1 app,           | line 2, column hypothesis_id: h1 app may have small
columns          | ,age,age_years        | ,1age,age_years   | line 3, column column_name: 1age may have small Latin
proposals        | \nkeep_family         | \nx,segment_9,a,a,a,a,a,a,a,a\nkeep_family | line 4, column segment_id: must
population_rules | =,false               | =,no              | line 2, column value: no is no value of is_churned, see
value_synonyms   | open,false            | open,maybe        | line 3, column value: maybe is no value of is_churned
allowed_values   | plan,plus             | uses_app,plus     | line 3, column value: uses_app is a flag: only true and
hypotheses       | plan,basic,family     | plan,basic,gold   | line 4, column second_group: gold is no value of
hypotheses       | true,false,all        | true,true,all     | line 2, column second_group: a group cannot be compar
hypotheses       | mean,age,             | mean,plan,        | line 3, column metric_column: plan is no number, which a
hypotheses       | active_clients,,      | nobody,,          | line 3, column populations: populations.csv has no nobod
hypotheses       | plan age_band         | plan years        | line 2, column strata: no bank has a column years
hypothesis_tests | z,true                | z,false           | hypotheses.csv, line 2, column hypothesis_id: h1_app_chu
hypothesis_tests | welch_t               | student_t         | line 5, column test: student_t does not test a mean; we
hypothesis_tests | welch_t               | two_proportion_z  | line 5, column test: two_proportion_z does not test a me
hypothesis_tests | cochran_mantel_haenszel | welch_t         | line 4, column test: welch_t does not test a proportion;
hypothesis_tests | false,0.05            | false,0.5         | line 6, column equivalence_margin: must lie between 0 an
hypothesis_tests | false,0.05            | false,            | line 6, column equivalence_margin: must lie between 0 an
hypotheses       | ,0.05,                | ,,                | line 2, column alpha: must lie between 0 and 1
hypotheses       | ,all_clients          | ,                 | line 2, column populations: must not be empty
populations      | keep                  | drop              | line 2, column population: all_clients drops clients: po
pilots           | segment_1,            | segment_9,        | line 2, column segment_id: proposals.csv has no first_st
segments         | segment_2,            | segment_9,        | line 3, column segment_id: segment_9 has no rule
traits           | age,number            | uses_app,number   | line 5, column kind: uses_app is no number
bands            | age,                  | uses_app,         | line 2, column column_name: uses_app is no number
bands            | 55\nage,55,           | 155\nage,155,      | line 4, column upper_bound: must lie within the bounds
pilots           | 0.05,0.8              | 0.06,0.8          | line 2, column significance_level: 0.06 has no quantile
pilots           | 0.05,0.8              | 0.05,             | line 2, column power: must not be empty
assumptions      | years_kept            | years_lost        | line 1, column assumption: there is no years_kept, withou
segments         | segment_2,            | none,             | line 3, column segment_id: none is who is in no segment;
driver_settings  | 0.05,                 | 5,                | line 2, column false_discovery_rate: must lie between 0
segment_search   | churned,2,3           | churned,4,3       | line 2, column smallest_depth: must not be above largest
segment_search   | 0.02,                 | ,                 | line 2, column smallest_coverage: must lie between 0 and
"""


@pytest.mark.parametrize(("register", "old", "new", "said"), [line.split("|") for line in CASES.strip().splitlines()])
def test_a_contradiction_is_named_with_register_line_and_column(
    register: str, old: str, new: str, said: str, folder: Path
) -> None:
    copy_bank(folder)
    register, old, new, said = (cell.strip().replace(r"\n", "\n") for cell in (register, old, new, said))
    file = folder / f"{register}.csv"
    if not file.exists():
        file = folder.parents[1] / f"shared/{register}.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    refusal = registers.refusal(NAME) or ""
    file.write_text(text, encoding="utf-8")
    told = said if said.startswith("hypotheses.csv") else f"{register}.csv, {said}"
    assert refusal.startswith(f"{file.parent.relative_to(folder.parents[2])}/{told}"), refusal
    assert refusal.endswith(".")
    assert "\n" not in refusal


def test_a_bank_without_a_category_is_refused(folder: Path) -> None:
    copy_bank(folder)
    traits = (folder / "traits.csv").read_text(encoding="utf-8").splitlines()
    (folder / "traits.csv").write_text("\n".join((traits[0], traits[-1], "")), encoding="utf-8")
    assert "traits.csv, line 1, column kind: no trait has the kind category" in (registers.refusal(NAME) or "")


def test_what_a_client_is_worth_needs_the_balance_among_the_traits(folder: Path) -> None:
    shutil.copytree(BANKS / "metanprombank", folder)
    traits = (folder / "traits.csv").read_text(encoding="utf-8")
    (folder / "traits.csv").write_text(re.sub("balance,number,.*\n", "", traits), encoding="utf-8")
    assert "traits.csv, line 1, column trait: lacks the line balance,number of what" in (registers.refusal(NAME) or "")


def test_a_folder_without_a_register_is_refused(folder: Path) -> None:
    copy_bank(folder)
    (folder / "pilots.csv").unlink()
    assert (registers.refusal(NAME) or "").startswith(f"seeds/banks/{NAME}/pilots.csv is missing")


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    """A workbook with these rows in its sheets."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for number, cells in enumerate(rows):
                page.write_row(number, 0, cells)
    return path


def messy() -> list[list[object]]:
    """The churn_modelling sample as it is passed on: signs of money, spellings, a placeholder, dates, doubled rows."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select CustomerId, CreditScore, if(Geography = 'France', ['FRA', 'French', 'France'][1 + RowNumber % 3],"
            " Geography), Gender, Age, Tenure, if(RowNumber % 250 = 0, '€-999999', '€' || EstimatedSalary),"
            " '€' || coalesce(Balance, 0), NumOfProducts, if(HasCrCard = 1, 'Yes', 'No'),"
            " if(IsActiveMember = 1, 'Yes', 'No'), Exited, date '2020-01-01' + (RowNumber % 900)::int"
            f" from '{BANKS}/churn_modelling/sample/clients.parquet'"
        ).fetchall()
    return [list(row) for row in rows + rows[:50]]


HEADERS: list[object] = [
    *("CustomerId", "CreditScore", "Geography", "Gender", "Age", "Tenure", "EstimatedSalary", "Balance"),
    *("NumOfProducts", "HasCrCard", "IsActiveMember", "Exited", "Opened on"),
]


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The messy table before a sheet of notes, and in two parts of which both have the id."""
    folder = tmp_path_factory.mktemp("workbooks")
    whole: list[list[object]] = [HEADERS, *messy()]
    first, second = [row[:7] for row in whole], [[row[0], *row[7:]] for row in whole]
    return {
        "notes": workbook(folder / "notes.xlsx", Clients=whole, Notes=[["Made up"]]),
        "parts": workbook(folder / "parts.xlsx", Customers=first, Accounts=[second[0], *second[:0:-1]]),
    }


def test_a_messy_workbook_in_two_parts_gets_a_proposal(workbooks: dict[str, Path], folder: Path) -> None:
    said = propose.propose(workbooks["parts"], NAME, "Customers+Accounts")
    assert said.endswith("SHEET=Customers+Accounts")
    page = (folder / "proposal.md").read_text(encoding="utf-8")
    doubts = [line for line in page.splitlines() if line.startswith("TODO: ")]
    assert doubts[0].startswith("TODO: columns.csv, line 8: does -999999 stand for no value?")
    assert doubts[1].startswith("TODO: bank.csv, line 2: which currency")
    assert len(doubts) == 2
    assert "| Opened on | ignored |  |  | dates, which no model reads" in page
    columns = {row["column_name"]: row for row in csv_rows(folder / "columns.csv")}
    assert len(columns) == 12
    assert columns["country"] | {"role": "split", "kind": "category", "is_in_id": "false"} == columns["country"]
    assert columns["estimated_salary"]["missing_values"] == "-999999"
    assert (columns["balance"]["kind"], columns["balance"]["missing_values"]) == ("money", "0")
    values = [row["value"] for row in csv_rows(folder / "allowed_values.csv") if row["column_name"] == "country"]
    assert values == ["France", "Spain", "Germany", "*"]
    assert (folder / "contracts.yml").read_text(encoding="utf-8") == contracts.contracts(NAME)


def test_a_proposal_takes_no_value_of_another_bank_and_nothing_that_tells_who_a_client_is(
    folder: Path, tmp_path: Path
) -> None:
    header = "Номер клиента;FirstName;Телефон;Comment;Тариф;Education;tenure_months;balance;city;products"
    lines = [f"{header};Since;Till;Why;churn"]
    for number in range(1, 401):
        person = f"Name{number % 40};{77010000000 + 37 * number};wrote to mail@bank.kz {number % 9}"
        known = f"{('low', 'high')[number % 2]};{number % 200};{number} 000,50 ₸;{('Riga', 'Tallinn')[number % 2]}"
        since = f"{1 + number % 28:02}.01.2020"
        after = "-;;here" if number % 5 else f"{number % 7};{('far', 'dear')[number % 2]};gone"
        lines.append(f"{number};{person};{'абв'[number % 3]};{known};{1 + number % 2};{since};{after}")
    clients = tmp_path / "clients.csv"
    clients.write_text("\n".join(lines), encoding="utf-8")
    propose.propose(clients, NAME, "")
    columns = {
        row["sort_order"]: (row["role"], row["column_name"], row["kind"]) for row in csv_rows(folder / "columns.csv")
    }
    ignored = ("ignored", "", "")
    assert list(columns.values()) == [
        ("id", "client_id", "integer"),
        *(ignored, ignored, ignored),
        ("trait", "column_5", "category"),
        ("trait", "education", "category"),
        ("trait", "tenure", "integer"),
        ("trait", "balance", "money"),
        ("split", "city", "category"),
        ("product_count", "product_count", "integer"),
        *(ignored, ignored, ignored),
        ("outcome", "is_churned", "flag"),
    ]
    values = {(row["column_name"], row["value"]) for row in csv_rows(folder / "allowed_values.csv")}
    assert {value for column, value in values if column in ("education", "city")} == {
        "low",
        "high",
        "Riga",
        "Tallinn",
        "*",
    }
    rules = csv_rows(folder / "segment_rules.csv")
    assert {row["column_name"] for row in rules} == {"is_churned", "product_count"}
    doubts = [
        line for line in (folder / "proposal.md").read_text(encoding="utf-8").splitlines() if line.startswith("TODO: ")
    ]
    assert [doubt.partition("?")[0].partition(": ")[2].partition(": ")[2] for doubt in doubts] == [
        "is tenure_months what churn_modelling calls tenure, in years",
        "does gone mean yes in is_churned",
        "which currency (ISO 4217), and what is the bank called",
    ]


def test_two_sheets_are_one_table_by_the_column_of_both(workbooks: dict[str, Path], tmp_path: Path) -> None:
    """In whatever order their rows are."""
    joined = csv_rows(open_table(workbooks["parts"], "Customers+Accounts", tmp_path).path)
    assert joined == csv_rows(open_table(workbooks["notes"], "Clients", tmp_path).path)
    assert len(joined) == 2050


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("Client", r"has no sheet Client; its sheets are Clients, Notes\."),
        ("Clients+Notes", r"has no column that stands in its sheet Notes, too; name one sheet alone\."),
    ],
)
def test_a_sheet_that_is_no_table_is_refused(sheet: str, said: str, workbooks: dict[str, Path], folder: Path) -> None:
    with pytest.raises(RefusedError, match=said):
        propose.propose(workbooks["notes"], NAME, sheet)
    assert not folder.exists()


def test_a_bank_that_is_there_is_not_proposed_again(folder: Path, tmp_path: Path) -> None:
    copy_bank(folder)
    with pytest.raises(RefusedError, match=f"There is a bank {NAME} already"):
        propose.propose(tmp_path / "clients.csv", NAME, "")


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Runtime Error\n  Out of Memory Error: cannot allocate\n  More", "echo failed: cannot allocate."),
        ("Error\n  The client file a.csv has no rows.\n  More", "The client file a.csv has no rows."),
        ("no\nmemory", "echo failed: memory."),
        ("", "echo failed: without a word."),
    ],
)
def test_what_a_command_says_is_the_reason(printed: str, said: str, tmp_path: Path) -> None:
    command = tmp_path / "echo"
    command.write_text('#!/bin/sh\nprintf "$1"\nexit 1\n', encoding="utf-8")
    command.chmod(0o700)
    with pytest.raises(RefusedError, match=f"^{re.escape(said)}$"):
        propose.run(NAME, str(command), printed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\nx,2\nx,2\ny,2\n", "No column can be the client's id"),
        ("a,b\n1,5\n2,5\n3,5\n", "No column can be the outcome"),
        ("a,b,A\n1,5,1\n2,5,2\n", r"has the column a, A more than once"),
    ],
)
def test_a_file_without_id_or_outcome_leaves_no_folder(text: str, said: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clients.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError, match=said):
        propose.propose(tmp_path / "clients.csv", NAME, "")
    assert not folder.exists()


def test_ids_may_be_text_with_a_digit_and_stay_hidden(folder: Path, parsed: Path, tmp_path: Path) -> None:
    copy_bank(folder)
    columns = folder / "columns.csv"
    text = columns.read_text(encoding="utf-8")
    columns.write_text(text.replace("id,true,integer,true,1,999999999999", "id,true,category,true,,"), encoding="utf-8")
    (folder / "contracts.yml").write_text(contracts.contracts(NAME), encoding="utf-8")
    assert registers.refusal(NAME) is None
    rows = [
        "C-00017,30,basic,1,1",
        "C-00018,31,plus,0,0",
        "anonymous,31,plus,0,0",
        "C-00019,C-00020,plus,0,0",
    ]
    (tmp_path / "clients.csv").write_text(
        "\n".join(["client_no,age_years,plan,uses_app,closed", *rows]), encoding="utf-8"
    )
    run = dbt(
        *("build", "--exclude-resource-type", "unit_test"),
        *("--select", "+stg_bank__client_keys", "+rejected_clients"),
        clients=tmp_path / "clients.csv",
        target=parsed,
        project=folder.parents[2],
        BANK=NAME,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    built = partial(rows_in, parsed / "bank.duckdb")
    ids = built("select client_id from staging.stg_bank__client_keys order by all")
    assert ids == [("C-00017",), ("C-00018",)]
    rejected = built("select age_years, reasons from quality.rejected_clients order by all")
    assert rejected == [("31", "client_no is unknown"), ("C-#####", "age_years is not a number")]
