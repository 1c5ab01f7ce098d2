"""From clients to verdicts: every slice against scipy and statsmodels on its rows, and reasons where there is none."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats import contingency_tables, nonparametric, proportion, weightstats

from bank_segments import register_rows
from bank_segments.database import rows_of
from bank_segments.hypotheses import PlannedTest, ResultRow, Sample, Slice, effect_rows, result_rows, samples
from bank_segments.statistics import Reason, Stratum
from test_statistics import moments, ranks_of

# But for the event loops that dbt leaves in its threads, which are collected in whatever test runs then.
pytestmark = pytest.mark.filterwarnings("error", "ignore::pytest.PytestUnraisableExceptionWarning")

Rows = list[dict[str, Any]]
close = partial(pytest.approx, rel=1e-9, abs=1e-300)
CITIES = ("Ростов Великий", "Рыбинск", "Ярославль")
POPULATIONS = ("all_clients", "active_clients", "without_loyal_churned")
# Every reason in Russian and in English.
SENTENCES = {row["reason_code"]: (row["reason_ru"], row["reason_en"]) for row in register_rows("undefined_reasons")}
# The tests that no interval of the difference belongs to.
WITHOUT_INTERVAL = {"fisher_exact", "cochran_mantel_haenszel"}
MEAN_TESTS = ("welch_t", "mann_whitney_u", "brunner_munzel")
SHARE_TESTS = ("two_proportion_z", "fisher_exact", "cochran_mantel_haenszel")


# -----------------------------------------------------------------------------------------------------------
# The sample and the bank's file, recomputed from their rows with other people's code
# -----------------------------------------------------------------------------------------------------------

# hypothesis: the column of the file, the value whose share is tested, the absolute margin, the strata
METRICS: dict[str, tuple[str, object, float, list[str]]] = {
    "h1_age": ("Age", None, 0.05, []),
    "h2_salary": ("estimated_salary", None, 0.05, []),
    "h3_rostov_share": ("City", "Ростов Великий", 0.02, ["Gender", "age_band"]),
    "h4_churn_share": ("Churn", 1, 0.02, ["City", "Gender", "age_band"]),
    "h5_loyal_share": ("Loyalty", 1, 0.05, ["City", "Gender", "age_band"]),
    "h6_credit_score": ("score", None, 0.05, []),
}
MEANS = ("h1_age", "h2_salary", "h6_credit_score")


def relation(warehouse: Path, query: str) -> Rows:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return rows_of(connection, query)


@dataclasses.dataclass(frozen=True)
class Source:
    """A client file: the warehouse built from it, its own rows, and every test of every slice."""

    warehouse: Path
    file: pd.DataFrame
    tests: Rows


@pytest.fixture(scope="module")
def source(warehouse_and_file: tuple[Path, pd.DataFrame]) -> Source:
    warehouse, file = warehouse_and_file
    bands = pd.cut(file["Age"], [0, 25, 35, 39, 45, 55, 65, 200], right=False).astype(str)
    file = file.assign(age_band=bands)[file["Products"].isin([1, 2])]
    return Source(warehouse, file, relation(warehouse, "select * from intermediate.int_hypothesis_tests"))


@dataclasses.dataclass(frozen=True)
class Clients:
    """The clients of one slice: the values of both groups, and the 2x2 tables of a share's strata."""

    one: npt.NDArray[Any]
    two: npt.NDArray[Any]
    margin: float
    strata: Iterable[npt.NDArray[Any]] = ()

    @property
    def table(self) -> npt.NDArray[Any]:
        """Clients with and without the property, a group a row."""
        return np.array([[group.sum(), len(group) - group.sum()] for group in (self.one, self.two)])

    @property
    def sums(self) -> tuple[float, int, float, int]:
        """Successes and clients of the first group, then of the second."""
        return self.one.sum(), len(self.one), self.two.sum(), len(self.two)


def of_population(file: pd.DataFrame, population: str, territory: str = "all") -> pd.DataFrame:
    if population == "active_clients":
        file = file[file["Churn"] == 0]
    elif population == "without_loyal_churned":
        file = file[~((file["Churn"] == 1) & (file["Loyalty"] == 1))]
    return file if territory == "all" else file[file["City"] == territory]


def clients_of(file: pd.DataFrame, row: dict[str, Any]) -> Clients:
    """Trimmed at the percentiles of the whole population, as its territory is chosen afterwards."""
    column, success, margin, strata = METRICS[row["hypothesis_id"]]
    chosen = of_population(file, row["population"], row.get("territory", "all"))
    if row.get("trimming", "none") != "none":
        everyone = of_population(file, row["population"])[column]
        chosen = chosen[chosen[column].between(*np.quantile(everyone, [0.01, 0.99], method="inverted_cdf"))]
    values = chosen[column] if success is None else (chosen[column] == success).astype(int)
    one, two = (values[chosen["Products"] == count].to_numpy() for count in (2, 1))
    if not strata:
        return Clients(one, two, margin)
    keys = [*(chosen[name] for name in strata), chosen["Products"], values.rename("success")]
    tables = values.groupby(keys).size().unstack(["Products", "success"], fill_value=0)
    cells = pd.MultiIndex.from_product([(2, 1), (1, 0)])
    return Clients(one, two, margin, tables.reindex(columns=cells, fill_value=0).to_numpy().reshape(-1, 2, 2))


Expected = dict[str, object]


def hedges_g(clients: Clients) -> Expected:
    n_1, n_2 = len(clients.one), len(clients.two)
    d = stats.ttest_ind(clients.one, clients.two).statistic * math.sqrt(1 / n_1 + 1 / n_2)
    df = n_1 + n_2 - 2
    correction = math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2) - math.log(df / 2) / 2)
    return {"effect_size": d * correction}


def superiority(clients: Clients) -> Expected:
    other = nonparametric.rank_compare_2indep(clients.one, clients.two)
    return {"effect_size": other.prob1} | ends("effect_size", other.conf_int())


def compared(compare: str, method: str) -> Callable[[Clients], Expected]:
    def expected(clients: Clients) -> Expected:
        one, two = clients.one.mean(), clients.two.mean()
        size = one - two if compare == "diff" else one / two
        if compare == "odds-ratio":
            size *= (1 - two) / (1 - one)
        interval = proportion.confint_proportions_2indep(*clients.sums, method=method, compare=compare)
        return {"effect_size": size} | ends("effect_size", interval)

    return expected


def ends(name: str, interval: Sequence[float]) -> Expected:
    return dict(zip((f"{name}_low", f"{name}_high"), interval, strict=True))


EFFECTS: dict[str, Callable[[Clients], Expected]] = {
    "hedges_g": hedges_g,
    "probability_of_superiority": superiority,
    "risk_difference": compared("diff", "newcomb"),
    "risk_ratio": compared("ratio", "log"),
    "odds_ratio": compared("odds-ratio", "logit"),
    "cohen_h": lambda clients: {
        "effect_size": proportion.proportion_effectsize(clients.one.mean(), clients.two.mean())
    },
    "cramers_v": lambda clients: {"effect_size": stats.contingency.association(clients.table)},
}


def welch_t(clients: Clients) -> Expected:
    one, two = clients.one, clients.two
    test, margin = stats.ttest_ind(one, two, equal_var=False), clients.margin * two.mean()
    return {
        "first_group_estimate": one.mean(),
        "second_group_estimate": two.mean(),
        "difference": one.mean() - two.mean(),
        "statistic": test.statistic,
        "degrees_of_freedom": test.df,
        "p_value": test.pvalue,
        "equivalence_margin": margin,
        "equivalence_p_value": weightstats.ttost_ind(one, two, -margin, margin, usevar="unequal")[0],
        **ends("difference", test.confidence_interval(0.95)),
        **hedges_g(clients),
    }


def mann_whitney_u(clients: Clients) -> Expected:
    test = stats.mannwhitneyu(clients.one, clients.two, method="asymptotic")
    return brunner_munzel(clients) | {
        "statistic": test.statistic,
        "degrees_of_freedom": None,
        "p_value": test.pvalue,
    }


def brunner_munzel(clients: Clients) -> Expected:
    """Its difference is P(one > two) - P(two > one); at the margin the first is 55 % and the second 45 %."""
    other = nonparametric.rank_compare_2indep(clients.one, clients.two)
    test = stats.brunnermunzel(clients.one, clients.two)
    return {
        "first_group_estimate": other.prob1,
        "difference": other.prob1 - (1 - other.prob1),
        "statistic": -test.statistic,
        "degrees_of_freedom": other.df,
        "p_value": test.pvalue,
        "equivalence_margin": 0.55 - 0.45,
        "equivalence_p_value": other.tost_prob_superior(0.45, 0.55).pvalue,
        **ends("difference", [end - (1 - end) for end in other.conf_int()]),
        **superiority(clients),
    }


def two_proportion_z(clients: Clients) -> Expected:
    z, p_value = proportion.proportions_ztest(clients.sums[::2], clients.sums[1::2])
    interval = proportion.confint_proportions_2indep(*clients.sums, method="newcomb", compare="diff")
    return {
        "first_group_estimate": clients.one.mean(),
        "second_group_estimate": clients.two.mean(),
        "difference": clients.one.mean() - clients.two.mean(),
        "statistic": z,
        "p_value": p_value,
        "equivalence_margin": clients.margin,
        **ends("difference", interval),
        **EFFECTS["cohen_h"](clients),
    }


def fisher_exact(clients: Clients) -> Expected:
    return (
        two_proportion_z(clients)
        | EFFECTS["odds_ratio"](clients)
        | {"statistic": None, "p_value": stats.fisher_exact(clients.table).pvalue}
    )


def cochran_mantel_haenszel(clients: Clients) -> Expected:
    tables = list(clients.strata)
    usable = [table for table in tables if table.sum(0).all() and table.sum(1).all()]
    stratified = contingency_tables.StratifiedTable(usable)
    statistic = stratified.test_null_odds(correction=False).statistic
    return {
        "strata_used": len(usable),
        "strata_dropped": len(tables) - len(usable),
        "statistic": statistic,
        "p_value": stats.chi2.sf(statistic, 1),
        "homogeneity_p_value": stratified.test_equal_odds().pvalue,
        "equivalence_p_value": None,
        "effect_size": stratified.oddsratio_pooled,
        **ends("effect_size", stratified.oddsratio_pooled_confint()),
    }


TESTS: dict[str, Callable[[Clients], Expected]] = {
    "welch_t": welch_t,
    "mann_whitney_u": mann_whitney_u,
    "brunner_munzel": brunner_munzel,
    "two_proportion_z": two_proportion_z,
    "fisher_exact": fisher_exact,
    "cochran_mantel_haenszel": cochran_mantel_haenszel,
}


def same(row: dict[str, Any], expected: Expected) -> None:
    for column, value in expected.items():
        # A difference of nearly nothing has no more digits than what it is the difference of.
        least = 1e-12 if column.startswith("difference") else 1e-300
        wanted = None if value is None else pytest.approx(value, rel=1e-7, abs=least)
        assert row[column] == wanted, (column, row)


def test_every_test_is_that_of_scipy_and_statsmodels_on_the_files_rows(source: Source) -> None:
    seen = Counter[str]()
    for row in source.tests:
        clients = clients_of(source.file, row)
        sizes = row["first_group_clients"], row["second_group_clients"]
        assert sizes == (len(clients.one), len(clients.two))
        if row["p_value"] is not None:
            same(row, TESTS[row["test"]](clients))
            seen[row["test"]] += 1
    assert seen.keys() == TESTS.keys()
    assert seen["welch_t"] + seen["two_proportion_z"] > 80


def test_every_effect_size_is_that_of_scipy_and_statsmodels(source: Source) -> None:
    rows = relation(source.warehouse, "select * from marts.fct_hypothesis_effects")
    found = [row for row in rows if row["reason_en"] is None]
    for row in found:
        same(row, EFFECTS[row["effect_size_name"]](clients_of(source.file, row)))
    # Three means and three shares in two populations; a churn of 0 among the active has two sizes of five.
    assert len(found) == 3 * 2 * 2 + 3 * 2 * 5 - 3
    undefined = {(row["hypothesis_id"], row["population"]) for row in rows if row["reason_en"]}
    assert undefined == {("h4_churn_share", "active_clients")}


def test_the_matrix_is_hypothesis_by_population_by_trimming_by_territory(sample_warehouse: Path) -> None:
    rows = relation(sample_warehouse, "select * from marts.fct_hypothesis_sensitivity")
    found = [(row["hypothesis_id"], row["population"], row["trimming"], row["territory"]) for row in rows]
    assert sorted(found) == sorted(
        (hypothesis_id, population, trimming, territory)
        for hypothesis_id in METRICS
        for population in POPULATIONS
        for trimming in (("none", "1_to_99_percent") if hypothesis_id in MEANS else ("none",))
        for territory in ("all", *CITIES)
    )


def families(rows: Rows) -> Iterator[tuple[dict[str, Any], list[float], int]]:
    """Each tested row with the p-values of its family and its own position, rebuilt from the table of results.

    The family of a row has one test per hypothesis of its population and territory: the row's own, and the primary
    ones of the others; a share in a trimmed slice is the untrimmed share.
    """
    primary = {
        (row["population"], row["trimming"], row["territory"], row["hypothesis_id"]): row["p_value"]
        for row in rows
        if row["is_primary"]
    }
    for row in rows:
        if row["p_value"] is None:
            continue
        members = {}
        for hypothesis_id in METRICS:
            where = (row["population"], row["trimming"], row["territory"], hypothesis_id)
            untrimmed = (row["population"], "none", row["territory"], hypothesis_id)
            members[hypothesis_id] = primary.get(where, primary[untrimmed])
        members[row["hypothesis_id"]] = row["p_value"]
        known = {key: p for key, p in members.items() if p is not None}
        yield row, list(known.values()), list(known).index(row["hypothesis_id"])


def closed(p_values: Sequence[float], position: int) -> float:
    """Holm's adjusted p-value by the closure principle: the worst Bonferroni test of a family that has the member."""
    others = [p for at, p in enumerate(p_values) if at != position]
    subsets = chain.from_iterable(combinations(others, size) for size in range(len(others) + 1))
    return max(min(1.0, (len(subset) + 1) * min((*subset, p_values[position]))) for subset in subsets)


def test_holm_families_against_the_closure_principle(source: Source) -> None:
    sizes = set()
    for row, p_values, position in families(source.tests):
        assert row["p_value_adjusted"] == pytest.approx(closed(p_values, position), rel=1e-12)
        sizes.add(len(p_values))
    assert sizes == {4, 5, 6}  # tests without an answer are not counted


def test_adjusted_intervals_follow_from_the_p_values(source: Source) -> None:
    for row in source.tests:
        low, high = row["difference_low_adjusted"], row["difference_high_adjusted"]
        if row["p_value"] is None:
            assert row["reason_code"] in SENTENCES
            assert {row["p_value_adjusted"], low, high} == {None}
        elif row["test"] in WITHOUT_INTERVAL:
            assert low is high is None
        else:
            assert (low > 0 or high < 0) == (row["p_value_adjusted"] < 0.05), row


# -----------------------------------------------------------------------------------------------------------
# Small samples, straight into the Python half
# -----------------------------------------------------------------------------------------------------------


def small(one: Sequence[int], two: Sequence[int]) -> Sample:
    """Two groups of a few values; those of a share are zeros and ones."""
    table = Stratum(sum(one), len(one) - sum(one), sum(two), len(two) - sum(two))
    groups = moments(one), moments(two), ranks_of(one, two), (table,)
    return Sample("h", Slice("all_clients"), True, *groups)


def outcomes(tests: Sequence[str], *found: Sample) -> list[ResultRow]:
    """Of each sample the tests, the first of them primary."""
    plan = [PlannedTest("h", test, test == tests[0], 0.05, 0.05) for test in tests]
    return [row for each in found for row in result_rows(plan, [each])]


EMPTY, LONELY, CONSTANT = Reason.EMPTY_GROUP, Reason.ONE_CLIENT, Reason.NO_VARIATION
UNSTRATIFIED, SEPARATED = Reason.NO_USABLE_STRATUM, Reason.COMPLETE_SEPARATION


@pytest.mark.parametrize(
    ("tests", "one", "two", "reasons"),
    [
        (MEAN_TESTS, [], [1, 2, 3], [EMPTY, EMPTY, EMPTY]),
        (MEAN_TESTS, [2], [1, 2, 3], [LONELY, None, LONELY]),
        (MEAN_TESTS, [4, 4, 4], [4, 4], [CONSTANT, CONSTANT, CONSTANT]),
        (MEAN_TESTS, [4, 4, 4], [5, 5], [SEPARATED, None, SEPARATED]),
        (MEAN_TESTS, [4], [4], [LONELY, CONSTANT, LONELY]),
        (MEAN_TESTS, [4], [5], [LONELY, None, LONELY]),
        (MEAN_TESTS, [], [], [EMPTY, EMPTY, EMPTY]),
        (MEAN_TESTS, [], [4], [EMPTY, EMPTY, EMPTY]),
        (MEAN_TESTS, [0, 1, 3], [0, 0, 0], [None, None, None]),
        (SHARE_TESTS, [], [0, 1], [EMPTY, EMPTY, UNSTRATIFIED]),
        (SHARE_TESTS, [0, 0], [0, 0, 0], [CONSTANT, CONSTANT, UNSTRATIFIED]),
        (SHARE_TESTS, [1], [0], [None, None, None]),
    ],
)
def test_a_row_is_whole_or_has_a_reason_and_no_number(
    tests: Sequence[str], one: list[int], two: list[int], reasons: list[Reason | None]
) -> None:
    both_ways = small(one, two), small(two, one)
    rows = outcomes(tests, *both_ways)
    assert [row.reason_code for row in rows] == reasons * 2
    if tests is MEAN_TESTS:
        sizes = effect_rows([{"hypothesis_id": "h", "kind": "mean"}], both_ways)
        assert [size.reason_code for size in sizes] == reasons[::2] * 2
    for row in rows:
        values = dataclasses.asdict(row)
        del values["effect_size_high"]  # of an odds ratio, which may be infinite
        assert all(math.isfinite(value) for value in values.values() if isinstance(value, float)), row
        told = [row.p_value, row.p_value_adjusted, row.effect_size, row.difference]
        assert set(told) == {None} if row.reason_code else None not in told, row


def test_a_test_without_its_effect_size_keeps_its_result() -> None:
    """A zero cell has no odds ratio, and groups that do not overlap no spread of ranks; both tests exist."""
    one, two = [0] * 40, [1] * 10 + [0] * 30
    rows = {row.test: row for row in outcomes(SHARE_TESTS, small(one, two))}
    assert rows["fisher_exact"].p_value == close(stats.fisher_exact(np.array([[0, 40], [10, 30]])).pvalue)
    for test in WITHOUT_INTERVAL:
        assert rows[test].effect_size_name == "cohen_h"
        assert (rows[test].p_value_adjusted or 1) < 0.05
    apart = range(30), range(100, 140)
    (row,) = outcomes(["mann_whitney_u"], small(*apart))
    assert row.p_value == close(stats.mannwhitneyu(*apart, method="asymptotic").pvalue)
    assert (row.difference, row.difference_low_adjusted) == (-1, -1)
    assert (row.difference_low, row.equivalence_p_value) == (None, None)
    assert -1 < (row.difference_high_adjusted or 0) < 0


def test_a_rank_test_without_rank_sums_is_no_empty_group() -> None:
    with pytest.raises(ValueError, match="h has no rank sums"):
        outcomes(["mann_whitney_u"], dataclasses.replace(small([0, 1], [1, 1]), ranks=None))


def test_a_relative_margin_of_negative_values_is_positive() -> None:
    (row,) = outcomes(["welch_t"], small([-1, -2, -4], [-10, -20, -60]))
    assert row.equivalence_margin == close(0.05 * 30)


@pytest.mark.parametrize(
    ("kind", "first", "second", "is_told"),
    [
        ("mean", (4, 2), (60, 30), False),
        ("mean", (60, 30), (1, 0), False),
        ("mean", (0, 0), (4, 2), False),
        ("proportion", (5, 5), (60, 30), True),
        ("mean", (0, 0), (60, 30), True),
        ("proportion", (60, 4), (60, 30), False),
        ("proportion", (60, 30), (60, 56), False),
        ("proportion", (10, 5), (60, 0), True),
    ],
)
def test_of_a_group_too_small_to_be_shown_nothing_is_told(
    kind: str, first: tuple[int, int], second: tuple[int, int], is_told: bool
) -> None:
    """Not even its size, nor that of the other; of a share that would tell few clients neither."""
    register = {"hypothesis_id": "h", "kind": kind, "populations": "all_clients"}
    slices = {"hypothesis_id": "h", "population": "all_clients", "trimming": "none", "territory": "all"}
    counted = [
        slices
        | {"client_group": group, "clients": clients, "units_per_one": 1}
        | {"total_units": total, "total_squared_units": total}
        for group, (clients, total) in (("first", first), ("second", second))
        if clients
    ]
    found = samples([register], counted, [], [], minimum_clients=5)
    (row,) = outcomes(["welch_t"], *found)
    size = effect_rows([register], found)[0]
    expected = (first[0], second[0], None if first[0] else Reason.EMPTY_GROUP)
    hidden = (None, None, Reason.TOO_FEW_CLIENTS)
    assert (row.first_group_clients, row.second_group_clients, row.reason_code) == (expected if is_told else hidden)
    assert size.reason_code == row.reason_code
    assert (row.difference is None) == (row.reason_code is not None)
