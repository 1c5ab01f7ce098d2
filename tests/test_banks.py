"""The same clients in another bank's layout give the same figures for all that both banks have, and a whole release."""

import json
import re
from functools import partial
from pathlib import Path

import duckdb
import pytest

from bank_segments import known_banks
from bank_segments.errors import RefusedError
from bank_segments.ingest.client_file import find_bank, other_names
from bank_segments.release.activation import write_list
from bank_segments.warehouse import Build
from conftest import REPORT, ROOT, SAMPLE, copy_all, none_of, ran, report, rows_in
from output_cases import deck_texts, embedded
from whole_release import assert_whole

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
    "city": "country",
    "is_loyal": "is_active_member",
    "h3_rostov_share": "h3_germany_share",
    "h5_loyal_share": "h5_active_share",
    "Ярославль": "France",
    "Рыбинск": "Spain",
    "Ростов Великий": "Germany",
    "Ж": "Female",
    "М": "Male",
}
# What only the first bank has.
FOREIGN = re.compile(
    r"₽|рубл|ruble|Метанпром|Metanprom|Ростов|Rostov|Рыбинск|Rybinsk|Ярославл|Yaroslavl|лояльн|loyal|\bгород"
    r"|\bcit(y|ies)\b",
    re.IGNORECASE,
)


# Lines on a column that only the first bank has.
INAPPLICABLE = {
    "segments": "segment_5,Домовладельцы,Owners,С объектом.,With an object.",
    "segment_rules": "segment_5,owned_objects,>=,1",
    "proposals": "house,segment_5,Ипотека,A mortgage,а,b,в,c,г,d",
    "pilots": "segment_5,house,0.05,0.8,0.001,6,gender,Жалобы,Complaints",
    "hypotheses": "h7_objects,Объектов поровну,Equally many objects,Число объектов,Objects,шт.,items,mean,"
    "owned_objects,,product_count,2,1,all_clients,,0.05,7",
    "hypothesis_tests": "h7_objects,welch_t,true,0.05",
}
# Texts that read the registers, and are about no bank.
GENERIC = [
    path
    for folder in ("models", "macros", "python/bank_segments", "tests/generic", "tests/singular", "analyses")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".sql", ".yml", ".md", ".py", ".j2", ".js", ".json", ".po"}
    # The documents and the generator are about the sample's bank; its name is the default.
    and not {"docs", "ingest"} & set(path.relative_to(ROOT).parts[:-1])
    and path.relative_to(ROOT) != Path("python/bank_segments/__init__.py")
]
NAMED = re.compile(
    r"Метанпром|metanprom|churn_modelling|Ростов|Rostov|Рыбинск|Rybinsk|Ярославл|Yaroslavl|Germany|France|Spain"
    r"|(?-i:\bЖ\b|['\"]М['\"])|₽|€|рубл|ruble|\bRUB\b|\bEUR\b",
    re.IGNORECASE,
)


def figures(warehouse: Path, mart: str) -> set[tuple[object, ...]]:
    rows = rows_in(warehouse, f"select {FIGURES[mart]} from marts.{mart}")
    named = (tuple(RENAMED.get(str(cell), cell) for cell in row) for row in rows)
    return {row for row in named if not {"owned_objects", "tenure", "segment_5", "h7_objects"} & set(row)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that has published the first bank's clients in the second one's layout."""
    folder = tmp_path_factory.mktemp("churn_modelling")
    layout = (ROOT / "seeds/banks/churn_modelling/sample/layout.sql").read_text(encoding="utf-8")
    duckdb.sql(f"copy (with clients as (from '{SAMPLE}') {layout}) to '{folder}/clients.parquet'")
    project = copy_all(folder / "project")
    for name, line in INAPPLICABLE.items():
        path = project / f"seeds/banks/churn_modelling/{name}.csv"
        with path.open("a", encoding="utf-8") as register:
            register.write(f"{line}\n")
    run = report(project, "--clients", str(folder / "clients.parquet"), BANK="churn_modelling")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    return project


@pytest.fixture(scope="module")
def release(project: Path) -> Path:
    return (project / "published/latest").resolve()


@pytest.mark.parametrize("mart", FIGURES)
def test_what_both_banks_have_is_the_same_to_the_last_digit(mart: str, release: Path, sample_warehouse: Path) -> None:
    assert figures(release / "bank_marts.duckdb", mart) == figures(sample_warehouse, mart)


@pytest.fixture(scope="module", params=["ru", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def texts(language: str, release: Path) -> dict[str, str]:
    """What is written in a language."""
    return {
        "conclusions": (release / f"conclusions.{language}.md").read_text(encoding="utf-8"),
        "dashboard": json.dumps(embedded(release / f"dashboard.{language}.html"), ensure_ascii=False),
        "deck": deck_texts(release / f"presentation.{language}.pptx"),
    }


def test_no_output_names_what_the_bank_does_not_have(language: str, texts: dict[str, str], release: Path) -> None:
    assert {name: FOREIGN.findall(text) for name, text in texts.items()} == {name: [] for name in texts}
    for text in texts.values():
        assert {"ru": "страна", "en": "country"}[language] in text.lower()
    for name in ("conclusions", "deck"):
        assert {"en": "€1", "ru": "\u00a0€"}[language] in texts[name]
    assert len(list((release / "charts").glob(f"*.{language}.png"))) == 9


def test_the_release_is_whole(release: Path) -> None:
    assert_whole(release)


def test_what_needs_an_absent_column_is_not_applicable_in_every_output(language: str, texts: dict[str, str]) -> None:
    """The segment, its proposal and the hypothesis; the deck does not list the segment."""
    reason = {
        "ru": "Не применимо: в таблице банка нет",
        "en": "Not applicable: the bank's table",
    }[language]
    assert texts["conclusions"].count(reason) == 3
    assert not re.search(r"\(0 (and|и) 0\)", texts["conclusions"])
    assert texts["deck"].count(reason) == 2
    assert reason in texts["dashboard"]


def test_what_needs_an_absent_column_has_no_figures_but_a_reason(release: Path) -> None:
    asked = partial(rows_in, release / "bank_marts.duckdb")
    assert asked(
        "select clients, coverage, churn_rate, is_too_small from marts.fct_segment_metrics"
        " where segment_id = 'segment_5'"
    ) == [(None, None, None, True)]
    sizes = "select distinct first_group_clients, second_group_clients from marts.{}"
    for mart in ("fct_hypothesis_results", "fct_hypothesis_sensitivity"):
        assert asked(f"{sizes.format(mart)} where hypothesis_id = 'h7_objects'") == [(None, None)]
    for mart, of in [
        ("dim_segments", "segment_id = 'segment_5'"),
        ("fct_retention_economics", "segment_id = 'segment_5'"),
        ("fct_pilot_designs", "segment_id = 'segment_5'"),
        ("fct_hypothesis_results", "hypothesis_id = 'h7_objects'"),
    ]:
        reasons = asked(f"select distinct reason_en from marts.{mart} where {of}")
        assert reasons == [("Not applicable: the bank's table lacks a column that this needs.",)]


def test_no_generic_text_names_a_bank_a_place_or_a_currency() -> None:
    assert len(GENERIC) > 200
    none_of(
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in GENERIC
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NAMED.search(line)
    )


def test_a_release_belongs_to_its_bank(release: Path) -> None:
    run = json.loads((release / "run.json").read_text(encoding="utf-8"))
    assert run["input"]["series"] == "churn_modelling file:clients"


@pytest.mark.parametrize(
    ("is_pilot", "header"),
    [(False, "client_id,country,product_count"), (True, "client_id,country,product_count,segment_id,arm")],
)
def test_a_list_has_the_columns_of_the_bank(is_pilot: bool, header: str, project: Path, tmp_path: Path) -> None:
    build = Build(project / "target/report")
    path = write_list(project / "published", build, "segment_1", tmp_path / "lists", is_pilot=is_pilot)
    assert path.read_text(encoding="utf-8").partition("\n")[0] == header


def test_an_unknown_bank_is_refused_in_one_sentence() -> None:
    run = report(ROOT, BANK="../x")
    assert run.returncode == 1
    refusal = r"There is no bank \.\./x in seeds/banks; known are bank_churners, .*metanprombank.*\."
    assert re.fullmatch(rf"make report: {refusal}.*\n", run.stderr), run.stderr


HEADERS = {bank: ",".join(other_names(bank)) for bank in known_banks()}


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
        # It is refused as empty then.
        ("", "metanprombank"),
        ("a,b,c", "has no header.*make bank CLIENTS=.*clients.csv NAME=ours"),
    ],
)
def test_a_file_finds_its_bank_by_the_header(header: str, found: str, tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(f"{header}\n1\n" if header else "", encoding="utf-8")
    if found in HEADERS:
        assert find_bank(clients, "") == found
    else:
        with pytest.raises(RefusedError, match=found):
            find_bank(clients, "")


def test_the_first_line_of_a_run_names_the_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built: here the bank that was found is refused for what the outputs need."""
    (tmp_path / "clients.csv").write_text(f"{HEADERS['three_traits']}\n1,2,3,4,5\n", encoding="utf-8")
    monkeypatch.delenv("BANK", raising=False)
    run = ran(*REPORT, "--clients", "clients.csv", "--deck-template", "none.pptx", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout == "The file has the columns of three_traits: BANK=three_traits.\n"
