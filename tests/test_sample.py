"""The sample repeats, resembles the bank's published aggregates, and holds nobody from the bank."""

import math
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bank_segments import SAMPLE
from bank_segments.database import literal
from bank_segments.ingest.sample import SEED, main, write_sample
from conftest import csv_rows

AGGREGATES = Path(__file__).parent / "data/bank_aggregates.csv"
COLUMNS = {
    "userid": "BIGINT",
    "score": "INTEGER",
    "City": "VARCHAR",
    "Gender": "VARCHAR",
    "Age": "INTEGER",
    "Objects": "INTEGER",
    "Balance": "DOUBLE",
    "Products": "INTEGER",
    "CreditCard": "INTEGER",
    "Loyalty": "INTEGER",
    "estimated_salary": "DOUBLE",
    "Churn": "INTEGER",
}

DIMENSIONS = {
    "age_band": """case
        when Age < 25 then '18-24' when Age < 35 then '25-34' when Age < 39 then '35-38'
        when Age < 45 then '39-44' when Age < 55 then '45-54' when Age < 65 then '55-64' else '65+'
    end""",
    "churn": "Churn",
    "city": "City",
    "credit_card": "CreditCard",
    "gender": "Gender",
    "has_balance": "(Balance is not null)::integer",
    "loyalty": "Loyalty",
    "objects": "Objects",
    "products": "Products",
}
# No number of clients below this is published: the row is left out, or its churned clients are.
SMALLEST_COUNT = 5

# How far the sample may be from the bank's file: the share of a level or of a pair of levels, as a fraction,
# and a churn rate, in standard errors of the difference, where both have so many clients.
SHARE_TOLERANCE = 0.015
RATE_STANDARD_ERRORS = 4.0
RATE_CLIENTS = 50

Cell = tuple[str, str, str, str]


def clients_of(path: Path) -> pd.DataFrame:
    clients: pd.DataFrame = duckdb.read_parquet(str(path)).df()
    return clients


def aggregates_of(source: str) -> dict[Cell, tuple[int, int | None]]:
    """Count clients and churned clients of every level and every pair of levels, without the small counts."""
    levels = ", ".join(f"({rule})::varchar as {name}" for name, rule in DIMENSIONS.items())
    sets = [f"({one})" for one in DIMENSIONS]
    sets += [f"({one}, {other})" for one in DIMENSIONS for other in DIMENSIONS if one < other]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            with levels as (select {levels}, Churn as churned from {source})
            select
                {", ".join(DIMENSIONS)},
                count(*) as clients,
                if(sum(churned) >= $smallest, sum(churned), null)::bigint as churned_clients
            from levels
            group by grouping sets ({", ".join(sets)})
            having count(*) >= $smallest
            """,
            {"smallest": SMALLEST_COUNT},
        ).fetchall()
    aggregates = {}
    for *row_levels, clients, churned in rows:
        named = zip(DIMENSIONS, row_levels, strict=True)
        one, other = [*((name, level) for name, level in named if level is not None), ("", "")][:2]
        aggregates[(*one, *other)] = (clients, churned)
    return aggregates


def published_aggregates() -> dict[Cell, tuple[int, int | None]]:
    return {
        (row["dimension_1"], row["level_1"], row["dimension_2"], row["level_2"]): (
            int(row["clients"]),
            int(row["churned_clients"]) if row["churned_clients"] else None,
        )
        for row in csv_rows(AGGREGATES)
    }


def differences(sample: dict[Cell, tuple[int, int | None]]) -> list[str]:
    """List where a sample is further from the bank's published aggregates than declared."""
    published = published_aggregates()
    sample_clients, published_clients = (
        sum(clients for cell, (clients, _) in table.items() if cell[0] == "gender" and not cell[2])
        for table in (sample, published)
    )
    found = []
    for cell in sorted(sample.keys() | published.keys()):
        n1, x1 = sample.get(cell, (0, None))
        n2, x2 = published.get(cell, (0, None))
        share_difference = n1 / sample_clients - n2 / published_clients
        if abs(share_difference) > SHARE_TOLERANCE:
            found.append(f"{cell}: share differs by {share_difference:.4f}")
        if x1 is None or x2 is None or min(n1, n2) < RATE_CLIENTS or "churn" in cell:
            continue
        pooled = (x1 + x2) / (n1 + n2)
        standard_error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        if abs(x1 / n1 - x2 / n2) > RATE_STANDARD_ERRORS * standard_error:
            found.append(f"{cell}: churn rate is {x1 / n1:.3f} instead of {x2 / n2:.3f}")
    return found


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return clients_of(SAMPLE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Write a larger sample with nothing planted."""
    path = tmp_path_factory.mktemp("sample") / "plain.parquet"
    write_sample(path, 60_000)
    return clients_of(path)


@pytest.fixture(scope="module")
def bank(bank_clients: Path) -> str:
    """Name the bank's own file as a table expression; it is not part of the project."""
    return f"read_csv({literal(str(bank_clients))})"


def test_threads_do_not_change_a_byte(tmp_path: Path) -> None:
    """Several row groups, so that threads have something to share out."""
    contents = set()
    for threads in (1, 2, 4):
        write_sample(tmp_path / f"{threads}.parquet", 250_000, threads=threads)
        contents.add((tmp_path / f"{threads}.parquet").read_bytes())
    assert len(contents) == 1


def test_a_larger_sample_starts_with_the_smaller(sample: pd.DataFrame, plain: pd.DataFrame, tmp_path: Path) -> None:
    """The number of rows changes no row, and rows come in the order of their ids; nobody has edited the sample."""
    write_sample(tmp_path / "small.parquet", 1_000)
    small = clients_of(tmp_path / "small.parquet")
    pd.testing.assert_frame_equal(small, sample.head(1_000), check_exact=True)
    pd.testing.assert_frame_equal(plain.head(10_000), sample, check_exact=True)
    assert (plain["userid"] == np.arange(90_000_001, 90_060_001)).all()


def test_another_seed_gives_other_clients(sample: pd.DataFrame, tmp_path: Path) -> None:
    """The seed reaches every trait but the id."""
    write_sample(tmp_path / "other.parquet", 10_000, seed=SEED + 1)
    other = clients_of(tmp_path / "other.parquet")
    unchanged = [column for column in COLUMNS if (other[column] == sample[column]).all()]
    assert unchanged == ["userid"]


def test_csv_holds_the_same_clients(tmp_path: Path) -> None:
    """Money keeps its two decimals and a missing balance stays missing."""
    for suffix in (".parquet", ".csv", ".csv.gz"):
        write_sample(tmp_path / f"clients{suffix}", 2_000)
    with duckdb.connect() as connection:
        for suffix in (".csv", ".csv.gz"):
            read = connection.read_csv(str(tmp_path / f"clients{suffix}"), dtype=COLUMNS).df()
            pd.testing.assert_frame_equal(read, clients_of(tmp_path / "clients.parquet"), check_exact=True)


def test_domains_and_rules_without_exception(plain: pd.DataFrame) -> None:
    """Every value is one that the bank's file could hold, and no id is."""
    assert plain["userid"].is_unique
    assert not plain["userid"].between(15_000_000, 16_999_999).any()
    sets: dict[str, set[object]] = {
        "Age": set(range(18, 93)),
        "City": {"Ярославль", "Рыбинск", "Ростов Великий"},
        "Gender": {"Ж", "М"},
        "Objects": set(range(11)),
        "Products": {1, 2, 3, 4},
        "CreditCard": {0, 1},
        "Loyalty": {0, 1},
        "Churn": {0, 1},
    }
    assert {column: set(plain[column]) for column in sets} == sets
    assert plain["score"].between(350, 850).all()
    for column, least, most in (("estimated_salary", 0.01, 200_000), ("Balance", 1_000, 300_000)):
        money = plain[column].dropna()
        assert money.between(least, most).all(), column
        assert (money == money.round(2)).all(), column
    assert plain.drop(columns="Balance").notna().all().all()
    assert plain.loc[plain["City"] == "Ростов Великий", "Balance"].notna().all()
    assert (plain.loc[plain["Products"] == 4, "Churn"] == 1).all()


def test_the_sample_resembles_the_published_aggregates(tmp_path: Path) -> None:
    """Margins and pairwise tables of the committed 10,000 clients, and of a million, where a lucky seed is no help."""
    write_sample(tmp_path / "million.parquet", 1_000_000)
    for path in (SAMPLE, tmp_path / "million.parquet"):
        assert differences(aggregates_of(literal(str(path)))) == []


@pytest.mark.parametrize(
    ("rule", "values"),
    [("Gender", "case Gender when 'М' then 'Ж' else 'М' end"), ("Age", "Age + 2"), ("Churn", "Loyalty")],
)
def test_a_different_sample_is_noticed(rule: str, values: str) -> None:
    """The comparison can fail."""
    assert differences(aggregates_of(f"(select * replace ({values} as {rule}) from {literal(str(SAMPLE))})"))


def test_money_and_scores_are_distributed_as_the_banks(plain: pd.DataFrame) -> None:
    """The bank's means, deviations and spike at the highest score, rounded."""
    rostov = plain["City"] == "Ростов Великий"
    assert plain["score"].mean() == pytest.approx(650.5, abs=2)
    assert plain["score"].std() == pytest.approx(96.7, abs=2)
    assert (plain["score"] == 850).mean() == pytest.approx(0.023, abs=0.003)
    assert plain["Balance"].mean() == pytest.approx(119_800, abs=500)
    assert plain.loc[rostov, "Balance"].std() == pytest.approx(27_000, abs=500)
    assert plain.loc[~rostov, "Balance"].std() == pytest.approx(31_900, abs=500)
    assert stats.kstest(plain["estimated_salary"], stats.uniform(0, 200_000).cdf).pvalue > 0.001


def test_the_published_aggregates_are_the_banks(bank: str) -> None:
    """Counted from the file itself, without the small counts."""
    assert published_aggregates() == aggregates_of(bank)


def test_no_small_count_is_published() -> None:
    """A count of one to four could be somebody."""
    counts = [count for pair in published_aggregates().values() for count in pair if count is not None]
    assert min(counts) >= SMALLEST_COUNT


def test_no_client_of_the_bank_is_in_the_sample(bank: str) -> None:
    """Neither an id, nor one combination of score, age, balance and salary."""
    with duckdb.connect() as connection:
        for columns in ("userid", "score, Age, Balance, estimated_salary"):
            common = f"select {columns} from {literal(str(SAMPLE))} intersect select {columns} from {bank}"
            assert connection.sql(common).fetchall() == []


def share_error(shift: float) -> float:
    """Compute the standard deviation of one client's change when a share moves by a shift."""
    return math.sqrt(abs(shift) * (1 - abs(shift)))


@pytest.mark.parametrize(
    ("name", "column", "shift", "deviation"),
    [
        ("h1_age", "Age", 2.0, 0.0),
        ("h1_age", "Age", -1.0, 1.0),
        ("h1_age", "Age", 0.25, share_error(0.25)),
        ("h2_salary", "estimated_salary", 5_000.0, 5_000 / math.sqrt(3)),
        ("h2_salary", "estimated_salary", -5_000.0, 5_000 / math.sqrt(3)),
        ("h3_rostov_share", "City", 0.03, share_error(0.03)),
        ("h3_rostov_share", "City", -0.03, share_error(0.03)),
        ("h4_churn_share", "Churn", 0.02, share_error(0.02)),
        ("h4_churn_share", "Churn", -0.02, share_error(0.02)),
    ],
)
def test_a_planted_difference_is_found_and_is_the_only_one(
    name: str, column: str, shift: float, deviation: float, plain: pd.DataFrame, tmp_path: Path
) -> None:
    """Two-product clients move by the shift within four standard errors; nobody and nothing else moves."""
    write_sample(tmp_path / "planted.parquet", len(plain), planted={name: shift})
    planted = clients_of(tmp_path / "planted.parquet")
    two = plain["Products"] == 2
    before, after = plain.loc[two, column], planted.loc[two, column]
    if column == "City":
        before, after = before == "Ростов Великий", after == "Ростов Великий"
    moved = after.mean() - before.mean()
    assert moved == pytest.approx(shift, abs=4 * deviation / math.sqrt(two.sum()) + 1e-9)
    pd.testing.assert_frame_equal(planted[~two], plain[~two], check_exact=True)
    others = plain.columns.drop([column, "Balance"] if column == "City" else column)
    pd.testing.assert_frame_equal(planted[others], plain[others], check_exact=True)


def test_the_command_line_writes_and_plants(sample: pd.DataFrame, tmp_path: Path) -> None:
    """The options reach the generator, and a folder that is missing is made."""
    output = tmp_path / "new folder" / "it's.parquet"
    main(["--rows", "1000", "--output", str(output), "--threads", "1", "--plant", "h1_age=1", "h2_salary=10.5"])
    planted, plain_head = clients_of(output), sample.head(1_000)
    two = plain_head["Products"] == 2
    assert (planted["Age"] - plain_head["Age"] == two.astype(int)).all()
    assert (planted["estimated_salary"] > plain_head["estimated_salary"]).sum() > 0.9 * two.sum()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--rows 0 --output a.csv", "cannot write 0 rows"),
        ("--rows 5 --output a.xlsx", "cannot write a.xlsx"),
        ("--rows 5 --output a.csv --plant h9=1", "cannot plant h9"),
        ("--rows 5 --output a.csv --plant h4_churn_share=-0.5", "cannot plant h4_churn_share=-0.5"),
        ("--rows 5 --output a.csv --plant h1_age=nan", "cannot plant h1_age=nan"),
        ("--rows 5 --output a.csv --plant h1_age", "cannot read --plant h1_age"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 2, one sentence, and no file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
