"""Each compiled analysis agrees with pandas and scipy on the client file itself, the sample's and the bank's."""

from itertools import combinations
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from conftest import ROOT, SAMPLE, Docs

NUMBERS = {
    "age": "Age",
    "balance": "Balance",
    "credit_score": "score",
    "estimated_salary": "estimated_salary",
    "owned_objects": "Objects",
}
QUESTIONS = [path.stem for folder in (ROOT, SAMPLE.parents[1]) for path in (folder / "analyses").glob("*.sql")]


def compiled(docs: Docs, name: str) -> str:
    """The SQL of an analysis."""
    (path,) = docs.target.glob(f"compiled/bank_segments/**/{name}.sql")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def answer(request: pytest.FixtureRequest, docs: Docs, warehouse_and_file: tuple[Path, pd.DataFrame]) -> pd.DataFrame:
    """The rows of the analysis that the test is named after."""
    name = request.function.__name__.removeprefix("test_")
    query = compiled(docs, name)
    with duckdb.connect(warehouse_and_file[0], read_only=True) as connection:
        rows = connection.execute(query).df()
    documented = docs.manifest["nodes"][f"analysis.bank_segments.{name}"]["columns"]
    assert list(rows.columns) == list(documented)
    return rows


@pytest.fixture
def clients(warehouse_and_file: tuple[Path, pd.DataFrame]) -> pd.DataFrame:
    """The client file as pandas reads it."""
    return warehouse_and_file[1]


def same(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare in any order of the rows, numbers to 9 digits."""
    key = list(expected.index.names)
    actual = actual.set_index(key).sort_index()
    pd.testing.assert_frame_equal(
        actual[list(expected.columns)],
        expected.sort_index(),
        check_dtype=False,
        check_index_type=False,
        rtol=1e-9,
    )


def test_every_analysis_is_tested() -> None:
    assert {f"test_{question}" for question in QUESTIONS} <= set(globals())


def test_how_is_each_number_distributed(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    values = clients[list(NUMBERS.values())].set_axis(list(NUMBERS), axis="columns")
    described = (
        values.describe()
        .T.rename(columns={"count": "clients", "std": "standard_deviation", "min": "minimum", "max": "maximum"})
        .rename(columns={"25%": "p25", "50%": "median", "75%": "p75"})
    )
    same(
        answer,
        described.assign(skewness=values.skew(), distinct_values=values.nunique()).rename_axis("trait"),
    )


def test_how_is_each_category_distributed(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    for trait, column in {"city": "City", "gender": "Gender", "product_count": "Products"}.items():
        counted = clients[column].astype(str).value_counts().rename_axis("level").to_frame("clients")
        rows = answer[answer["trait"] == trait]
        same(rows, counted.assign(share_of_clients=counted["clients"] / len(clients)))
    assert answer.groupby("trait")["clients"].sum().unique().tolist() == [len(clients)]
    assert answer[["label_ru", "label_en"]].notna().all(axis=None)


def test_where_does_the_file_have_no_value(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    missing = clients.isna().sum().rename_axis("raw_column").to_frame("rows_without_value")
    same(answer, missing.assign(read_rows=len(clients), share_without_value=clients.isna().mean()))


def test_which_numbers_move_together(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    expected = []
    for trait, other in combinations(sorted(NUMBERS), 2):
        pair = clients[[NUMBERS[trait], NUMBERS[other]]].dropna()
        pearson, spearman = stats.pearsonr(*pair.to_numpy().T), stats.spearmanr(*pair.to_numpy().T)
        expected.append((trait, other, len(pair), pearson.statistic, spearman.statistic))
    columns = ["trait", "other_trait", "clients", "pearson", "spearman"]
    same(answer, pd.DataFrame(expected, columns=columns).set_index(["trait", "other_trait"]))


def test_which_numbers_go_with_churn(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    expected = []
    for trait, column in NUMBERS.items():
        known = clients[clients[column].notna()]
        means = known.groupby("Churn")[column].mean()
        correlation = stats.pointbiserialr(known["Churn"], known[column]).statistic
        expected.append((trait, len(known), correlation, means[1], means[0]))
    columns = ["trait", "clients", "point_biserial", "mean_of_churned", "mean_of_active"]
    same(answer, pd.DataFrame(expected, columns=columns).set_index("trait"))


def test_which_values_are_outliers(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    expected = []
    for trait, column in NUMBERS.items():
        values = clients[column].dropna()
        low, high = values.quantile(0.25), values.quantile(0.75)
        reach = 1.5 * stats.iqr(values)
        outliers = clients[(clients[column] < low - reach) | (clients[column] > high + reach)]
        below = int((outliers[column] < low).sum())
        expected.append(
            (
                *(trait, low - reach, high + reach, len(values), below, len(outliers) - below),
                *(len(outliers) / len(values), outliers["Churn"].mean()),
            )
        )
    columns = ["trait", "lower_fence", "upper_fence", "clients", "clients_below", "clients_above"]
    columns += ["share_of_outliers", "churn_rate_of_outliers"]
    same(answer, pd.DataFrame(expected, columns=columns).set_index("trait"))


def test_how_many_loyal_clients_left(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    both = pd.concat([clients, clients.assign(City="all")])
    groups = both.groupby([both["Loyalty"].astype(bool).rename("is_loyal"), both["City"].rename("city")])["Churn"]
    expected = pd.DataFrame({"clients": groups.size(), "churned_clients": groups.sum(), "churn_rate": groups.mean()})
    low, high = proportion_confint(expected["churned_clients"], expected["clients"], method="wilson")
    same(answer, expected.assign(churn_rate_low=low, churn_rate_high=high))


def test_where_do_clients_without_balance_live(answer: pd.DataFrame, clients: pd.DataFrame) -> None:
    without = clients["Balance"].isna()
    by_city = clients.groupby(clients["City"].rename("territory"))
    expected = pd.DataFrame(
        {
            "clients": by_city.size(),
            "clients_without_balance": without.groupby(clients["City"]).sum(),
            "share_without_balance": without.groupby(clients["City"]).mean(),
            "churn_rate_without_balance": clients[without].groupby("City")["Churn"].mean(),
            "churn_rate_with_balance": clients[~without].groupby("City")["Churn"].mean(),
        }
    )
    same(answer, expected.rename_axis("territory"))
