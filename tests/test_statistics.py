"""The statistics agree with independent references, on expanded rows and in print, and never return NaN.

No test repeats a formula of the module. The references are scipy and statsmodels on the rows that the
sufficient statistics were reduced from, published results of R and NIST, brute force over all pairs or all
tables, numerical maximisation, and the behaviour that theory demands (symmetry, invariance, error rates).
"""

from __future__ import annotations

import csv
import dataclasses
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import optimize, stats
from statsmodels.stats import contingency_tables, multitest, nonparametric, power, proportion, weightstats

from bank_segments import statistics as st
from bank_segments.statistics import Counts, Moments, RankSums, Reason, UndefinedError

pytestmark = pytest.mark.filterwarnings("error")

NIST = Path(scipy.__file__).parent / "stats" / "tests" / "data" / "nist_anova"
BANK = Path(
    os.environ.get("BANK_DATASET")
    or Path(__file__).resolve().parents[2] / "shared" / "data" / "bank_dataset.csv"
)

close = partial(pytest.approx, rel=1e-9, abs=1e-300)
deterministic = settings(derandomize=True, deadline=None, max_examples=60)

# -----------------------------------------------------------------------------------------------------------
# Data
# -----------------------------------------------------------------------------------------------------------

CLINIC = [4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9]
SLEEP = (
    [7, -16, -2, -12, -1, 34, 37, 8, 0, 20],  # R's `sleep`: extra hours by drug, times ten
    [19, 8, 11, 1, -1, 44, 55, 16, 46, 34],
)
NEUBERT = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4], [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]  # R: lawstat
LEVELS = [24, 37, 21, 19, 6], [11, 51, 22, 21, 7]
# Weight of R's `mtcars` in pounds: automatic, manual transmission.
AUTOMATIC = [3215, 3440, 3460, 3570, 3190, 3150, 3440, 3440, 4070, 3730]
AUTOMATIC += [3780, 5250, 5424, 5345, 2465, 3520, 3435, 3840, 3845]
MANUAL = [2620, 2875, 2320, 2200, 1615, 1835, 1935, 2140, 1513, 3170, 2770, 3570, 2780]

# R's `UCBAdmissions`: admitted and rejected, men then women, by department.
ADMISSIONS = [
    (512, 313, 89, 19),
    (353, 207, 17, 8),
    (120, 205, 202, 391),
    (138, 279, 131, 244),
    (53, 138, 94, 299),
    (22, 351, 24, 317),
]
# From statsmodels' test_contingency_tables.py, with results of R's mantelhaen.test and BreslowDayTest.
STRATIFIED_2 = [(20, 14, 10, 24), (15, 12, 3, 15), (3, 2, 3, 2), (12, 3, 7, 5), (1, 0, 3, 2)]
STRATIFIED_3 = [
    (313, 512, 19, 89),
    (207, 353, 8, 17),
    (205, 120, 391, 202),
    (278, 139, 244, 131),
    (138, 53, 299, 94),
    (351, 22, 317, 24),
]

PROPORTIONS = [
    (Counts(7, 34), Counts(1, 34)),
    (Counts(56, 70), Counts(48, 80)),
    (Counts(348, 4590), Counts(1409, 5084)),
    (Counts(2, 9), Counts(8, 10)),
    (Counts(3, 1000), Counts(40, 77)),
]

SAMPLES = [CLINIC, SLEEP, NEUBERT, (AUTOMATIC, MANUAL), ([1, 2, 2, 9], [2, 2, 3, 3, 3, 5, 40])]


def ranks_of(one: Sequence[int], two: Sequence[int]) -> RankSums:
    """Reduce two samples to rank sums by way of the level table, as SQL does."""
    first, second = Counter(one), Counter(two)
    return st.rank_sums_from_levels((first[v], second[v]) for v in sorted(first | second))


def moments_of(one: Sequence[int], two: Sequence[int], scale: int = 1) -> tuple[Moments, Moments]:
    """Reduce two samples to moments."""
    return Moments.of(one, scale), Moments.of(two, scale)


def expand(levels: Sequence[int]) -> npt.NDArray[np.int64]:
    """Rows 0, 0, ..., 1, ... from the number of rows per level."""
    return np.repeat(np.arange(len(levels)), levels)


@dataclasses.dataclass(frozen=True)
class BankClient:
    """The columns of the bank's file that the hypotheses need."""

    age: int
    kopecks: int
    in_rostov: int
    products: int
    churned: int
    stratum: tuple[str, str, int]


@pytest.fixture(scope="module")
def bank_rows() -> list[BankClient]:
    """All clients of the bank's file, which is not part of the project."""
    if not BANK.exists():
        reason = f"the bank's file is not at {BANK}; name it in BANK_DATASET"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with BANK.open(encoding="utf-8", newline="") as file:
        return [
            BankClient(
                age=int(row["Age"]),
                kopecks=int(Decimal(row["estimated_salary"]) * 100),
                in_rostov=int(row["City"] == "Ростов Великий"),
                products=int(row["Products"]),
                churned=int(row["Churn"]),
                stratum=(row["City"], row["Gender"], int(row["Age"]) // 10),
            )
            for row in csv.DictReader(file)
        ]


def two_and_one(
    rows: Sequence[BankClient], value: Callable[[BankClient], int]
) -> tuple[list[int], list[int]]:
    """Values of the clients with two products, and of those with one."""
    return [value(row) for row in rows if row.products == 2], [
        value(row) for row in rows if row.products == 1
    ]


# -----------------------------------------------------------------------------------------------------------
# Moments: exact where doubles are not
# -----------------------------------------------------------------------------------------------------------


def nist(name: str) -> tuple[dict[int, list[int]], list[float]]:
    """Values times ten by treatment, and the certified numbers: between and within SS, and F."""
    lines = (NIST / f"{name}.dat").read_text().splitlines()
    between = next(line for line in lines if line.startswith("Between Treatment")).split()
    within = next(line for line in lines if line.startswith("Within Treatment")).split()
    groups: dict[int, list[int]] = {}
    for line in lines[60:]:
        treatment, response = line.split()
        groups.setdefault(int(treatment), []).append(int(Decimal(response) * 10))
    return groups, [float(between[3]), float(within[3]), float(between[5])]


@pytest.mark.parametrize("name", ["SmLs07", "SmLs08", "SmLs09"])
def test_moments_give_nist_certified_analysis_of_variance(name: str) -> None:
    groups, (between, within, f) = nist(name)
    parts = {treatment: Moments.of(values, 10) for treatment, values in groups.items()}
    everyone = parts[1]
    for treatment in range(2, 10):
        everyone += parts[treatment]
    inside = sum((part.centred_squares for part in parts.values()), Fraction(0))
    across = everyone.centred_squares - inside
    assert float(inside) == within == pytest.approx(0.01 * (everyone.n - 9), rel=1e-14)
    assert float(across) == between
    assert float((across / 8) / (inside / (everyone.n - 9))) == pytest.approx(f, rel=1e-14)


def test_welch_keeps_its_digits_where_doubles_lose_all() -> None:
    """SmLs09 has thirteen constant leading digits; scipy gets the same values without them."""
    groups, _ = nist("SmLs09")
    result = st.welch_t(*moments_of(groups[2], groups[5], 10))
    small = [(np.array(groups[key]) - 10**13) / 10 for key in (2, 5)]
    reference = stats.ttest_ind(*small, equal_var=False)
    assert result.statistic == close(reference.statistic)
    assert result.p_value == close(reference.pvalue)


def test_moments_beyond_any_machine_integer() -> None:
    huge = Moments(10**12, 10**30, 10**50, scale=100)
    result = st.welch_t(huge, Moments(10**12, 10**30 + 10**25, 10**50, scale=100))
    assert result.difference == close(-(10.0**11))
    assert result.df == pytest.approx(2e12, rel=1e-3)


def test_inputs_must_be_exact_and_possible() -> None:
    with pytest.raises(TypeError):
        Moments(3, 6.0, 14)  # type: ignore[arg-type]  # that it is refused is the point
    with pytest.raises(TypeError):
        Counts(1, float("nan"))  # type: ignore[arg-type]  # that it is refused is the point
    impossible: list[Callable[[], object]] = [
        lambda: Moments(-1, 0, 0),
        lambda: Moments(0, 1, 1),
        lambda: Moments(3, 6, 11),
        lambda: Moments(3, 6, 14, scale=0),
        lambda: Moments(1, 1, 1, scale=1) + Moments(1, 1, 1, scale=100),
        lambda: Counts(4, 3),
        lambda: Counts(-1, 3),
        lambda: RankSums(2, 2, 9, 0, 100, 100),
        lambda: RankSums(2, 2, 4, 0, 1, 100),
        lambda: st.rank_sums_from_levels([(1, -1)]),
        lambda: st.welch_t(*moments_of(*CLINIC), confidence=1.0),
        lambda: st.tost_welch(*moments_of(*CLINIC), margin=0),
        lambda: st.tost_welch(*moments_of(*CLINIC), margin=math.inf),
        lambda: st.tost_proportions(Counts(1, 2), Counts(1, 2), margin=1),
        lambda: st.tost_superiority(ranks_of(*CLINIC), margin=0.5),
        lambda: st.cochran_mantel_haenszel([(1, 2, 3, -4)]),
        lambda: st.holm([0.1, math.nan]),
        lambda: st.holm_confidence_levels([0.1], alpha=1.5),
        lambda: st.verdict(0.1, 0.1, alpha=0),
        lambda: st.is_negligible(0, 1, -1),
        lambda: st.power_two_proportions(0.5, 1.5, 10, 10),
        lambda: st.power_welch(1, 0, 1, 10, 10),
        lambda: st.smallest_group(lambda n: 0.05),
        lambda: st.smallest_group(lambda n: 0.9, target=1),
    ]
    for call in impossible:
        with pytest.raises(ValueError, match=r"\w") as raised:
            call()
        assert not isinstance(raised.value, UndefinedError)


def test_numpy_integers_do_not_overflow() -> None:
    total = np.int64(3 * 10**9)
    moments = Moments(np.int64(3), total, np.int64(3 * 10**18))  # type: ignore[arg-type]  # what pandas hands over
    assert moments.centred_squares == 0
    assert all(type(field) is int for field in dataclasses.astuple(moments))


# -----------------------------------------------------------------------------------------------------------
# Means
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.9875])
def test_welch_against_scipy_and_statsmodels(sample: tuple[list[int], list[int]], confidence: float) -> None:
    result = st.welch_t(*moments_of(*sample, scale=100), confidence=confidence)
    one, two = (np.array(values) / 100 for values in sample)
    reference = stats.ttest_ind(one, two, equal_var=False)
    interval = reference.confidence_interval(confidence)
    assert (result.statistic, result.p_value, result.df) == close(
        (reference.statistic, reference.pvalue, reference.df)
    )
    assert (result.low, result.high) == close((interval.low, interval.high))
    assert (result.mean_1, result.mean_2) == close((one.mean(), two.mean()))
    means = weightstats.CompareMeans(weightstats.DescrStatsW(one), weightstats.DescrStatsW(two))
    assert result.standard_error == close(means.std_meandiff_separatevar)
    assert (result.low, result.high) == close(means.tconfint_diff(1 - confidence, usevar="unequal"))


def test_welch_against_published_results() -> None:
    result = st.welch_t(*moments_of(*SLEEP, scale=10))  # R: t.test(extra ~ group, sleep)
    assert result.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert result.df == pytest.approx(17.776, abs=5e-4)
    assert result.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (result.low, result.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    result = st.welch_t(*moments_of(*CLINIC))
    assert result.statistic == pytest.approx(-2.84199, abs=5e-6)
    assert stats.t.sf(abs(result.statistic), 10) * 2 == pytest.approx(0.01749, abs=5e-6)  # printed for 10 df


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("margin", [0.01, 0.1, 3.0])
def test_tost_welch_against_statsmodels_and_scipy(sample: tuple[list[int], list[int]], margin: float) -> None:
    result = st.tost_welch(*moments_of(*sample, scale=10), margin)
    one, two = (np.array(values) / 10 for values in sample)
    p_value, low, high = weightstats.ttost_ind(one, two, -margin, margin, usevar="unequal")
    assert result.p_value == close(p_value)
    assert (result.statistic_low, result.p_low, result.df) == close(low)
    assert (result.statistic_high, result.p_high, result.df) == close(high)
    shifted_low = stats.ttest_ind(one + margin, two, equal_var=False, alternative="greater")
    shifted_high = stats.ttest_ind(one - margin, two, equal_var=False, alternative="less")
    assert (result.p_low, result.p_high) == close((shifted_low.pvalue, shifted_high.pvalue))


def test_tost_welch_against_published_results() -> None:
    result = st.tost_welch(*moments_of(*CLINIC), 1)
    assert result.p_value == pytest.approx(0.9643479, abs=5e-8)  # R: equivalence::tost(var.equal=FALSE)
    # R: TOSTER::tsum_TOST(m1=5.25, m2=5.22, sd1=.95, sd2=.83, n1=95, n2=89, eqb=.384), as exact moments
    one = Moments(95, 49875, 94 * 9025 + 95 * 275625, scale=100)
    two = Moments(89, 46458, 88 * 6889 + 89 * 272484, scale=100)
    result = st.tost_welch(one, two, 0.384)
    assert result.p_low == pytest.approx(0.0009458745, abs=5e-11)
    assert result.p_high == pytest.approx(0.003838994, abs=5e-10)
    assert result.p_value == result.p_high
    assert result.df == pytest.approx(181.1344, abs=5e-5)


def test_tost_is_the_interval_within_the_margin() -> None:
    one, two = moments_of(*SLEEP, scale=10)
    interval = st.welch_t(one, two, confidence=0.9)
    reach = max(abs(interval.low), abs(interval.high))
    assert (
        st.tost_welch(one, two, reach * 1.0001).p_value
        < 0.05
        < st.tost_welch(one, two, reach * 0.9999).p_value
    )


def test_hedges_g_against_published_and_scipy() -> None:
    result = st.hedges_g(
        *moments_of(AUTOMATIC, MANUAL, scale=1000)
    )  # R: effectsize::hedges_g(wt ~ am, mtcars)
    assert dataclasses.astuple(result) == pytest.approx((1.844, 1.004, 2.664), abs=1e-3)
    for one, two in SAMPLES:
        n_1, n_2 = len(one), len(two)
        df = n_1 + n_2 - 2
        g = st.hedges_g(*moments_of(one, two), confidence=0.9)
        t = stats.ttest_ind(one, two).statistic
        to_t = 1 / math.sqrt(1 / n_1 + 1 / n_2)
        # Hedges' J is the mean of chi / sqrt(df) scaled: E[d] = delta / J, with d = T / to_t noncentral t.
        bias = stats.nct.mean(df, 3.0) / 3.0
        assert g.estimate == close(t / to_t / bias)
        assert stats.nct.cdf(t, df, g.low * to_t * bias) == pytest.approx(0.95, abs=1e-9)
        assert stats.nct.cdf(t, df, g.high * to_t * bias) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("df", [2, 3, 999, 1000, 1001, 10**5])
def test_small_sample_correction_is_the_bias_of_d(df: int) -> None:
    """The mean of 1/S for df S**2 chi-square is the inverse of J; here by numerical integration."""
    assert 1 / st._small_sample_correction(df) == pytest.approx(inverse_chi_mean(df), rel=1e-10)


def inverse_chi_mean(df: int) -> float:
    """Mean of 1/S for df S**2 chi-square, by the trapezoidal rule over log S."""
    y = np.linspace(-40 / math.sqrt(df), 12 / math.sqrt(df), 200_001)
    log_density = df * y - df * np.expm1(2 * y) / 2
    density = np.exp(log_density - log_density.max())
    return float(np.sum(density * np.exp(-y)) / np.sum(density))


def test_hedges_g_with_tens_of_millions() -> None:
    """So many clients that the noncentral t is normal: its variance is then 1/n_1 + 1/n_2 + d**2 / (2 n)."""
    n = 5 * 10**7
    for d in (0.05, 0.2, 1.0, 3.0):
        shift = round(d * 10**4)
        one = Moments(n, n * shift, n * shift**2 + (n - 1) * 10**8)
        two = Moments(n, 0, (n - 1) * 10**8)
        g = st.hedges_g(one, two)
        reach = 1.959963984540054 * math.sqrt(2 / n + d * d / (4 * n))
        assert g.estimate == pytest.approx(d, rel=1e-7)
        assert (g.low, g.high) == pytest.approx((d - reach, d + reach), abs=reach * 2e-4)


def test_noncentral_t_beyond_boost() -> None:
    """Where scipy's function ends, ours is the integral over S, and both agree where both hold."""
    for t, df, noncentrality in [
        (1500.0, 10**8, 1498.5),
        (3e4, 50, 3.3e4),
        (-2e3, 9000, -1980.0),
        (5e3, 3, 4e3),
        (-900.0, 5, 30.0),
    ]:
        y = np.linspace(-60 / math.sqrt(df), 12 / math.sqrt(df), 2_000_001)
        log_density = df * y - df * np.expm1(2 * y) / 2
        density = np.exp(log_density - log_density.max())
        inside = stats.norm.cdf(t * np.exp(y) - noncentrality)
        expected = float(np.sum(density * inside) / np.sum(density))
        assert st._noncentral_t_cdf(t, df, noncentrality) == pytest.approx(expected, rel=1e-7, abs=1e-9)


# -----------------------------------------------------------------------------------------------------------
# Ranks
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [*SAMPLES, tuple(expand(levels).tolist() for levels in LEVELS)])
def test_mann_whitney_against_scipy_and_all_pairs(sample: tuple[list[int], list[int]]) -> None:
    one, two = sample
    result = st.mann_whitney_u(ranks_of(one, two))
    reference = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=True)
    assert result.u == reference.statistic == sum((x > y) + (x == y) / 2 for x, y in product(one, two))
    assert result.p_value == close(reference.pvalue)
    assert result.superiority == close(reference.statistic / len(one) / len(two))
    assert math.copysign(1, result.statistic) == math.copysign(1, result.superiority - 0.5)


def test_mann_whitney_of_a_two_by_two_table_is_its_trend_test() -> None:
    """With two levels, z without correction is sqrt((n-1)/n) times that of the pooled proportions."""
    n_1, n_2 = 600, 700
    with_tie = st.mann_whitney_u(st.rank_sums_from_levels([(n_1 - 210, n_2 - 180), (210, 180)]))
    z, _ = proportion.proportions_ztest([210, 180], [n_1, n_2])
    per_unit = z * math.sqrt((n_1 + n_2 - 1) / (n_1 + n_2)) / (with_tie.u - n_1 * n_2 / 2)
    assert with_tie.statistic == close(per_unit * (with_tie.u - n_1 * n_2 / 2 - 0.5))


@pytest.mark.parametrize("sample", [*SAMPLES, tuple(expand(levels).tolist() for levels in LEVELS)])
def test_brunner_munzel_against_scipy_and_statsmodels(sample: tuple[list[int], list[int]]) -> None:
    one, two = sample
    result = st.brunner_munzel(ranks_of(one, two))
    reference = stats.brunnermunzel(one, two)
    assert (-result.statistic, result.p_value) == pytest.approx(
        (reference.statistic, reference.pvalue), rel=1e-8
    )
    other = nonparametric.rank_compare_2indep(one, two)
    low, high = other.conf_int()
    assert (result.superiority, result.df) == pytest.approx((other.prob1, other.df), rel=1e-8)
    assert result.standard_error == pytest.approx(math.sqrt(other.var_prob), rel=1e-8)
    assert (result.low, result.high) == pytest.approx((max(low, 0), min(high, 1)), rel=1e-8)
    for margin in (0.05, 0.2):
        tost = st.tost_superiority(ranks_of(one, two), margin)
        expected = other.tost_prob_superior(0.5 - margin, 0.5 + margin)
        assert tost.p_value == pytest.approx(expected.pvalue, rel=1e-8)
        assert tost.p_low == pytest.approx(expected.results_larger.pvalue, rel=1e-8)
        assert tost.p_high == pytest.approx(expected.results_smaller.pvalue, rel=1e-8)


def test_brunner_munzel_against_published_results() -> None:
    result = st.brunner_munzel(st.rank_sums_from_levels(zip(*LEVELS, strict=True)))
    # statsmodels and R's brunnermunzel take the lower level of the second group as the better outcome
    assert result.p_value == pytest.approx(0.2410606649547, abs=5e-14)
    assert result.df == pytest.approx(204.2984239868, abs=5e-11)
    ends = sorted([1 - result.low, 1 - result.high])
    assert [1 - result.superiority, *ends] == pytest.approx([0.5442256, 0.4700630, 0.6183883], abs=5e-8)
    result = st.brunner_munzel(ranks_of(*NEUBERT))  # R: lawstat::brunner.munzel.test
    assert result.statistic == pytest.approx(3.1374674823029505, rel=1e-13)
    assert result.df == pytest.approx(17.682841979481548, rel=1e-13)
    assert result.p_value == pytest.approx(0.0057862086661515377, rel=1e-11)
    assert (result.superiority, result.low, result.high) == pytest.approx(
        (0.788961, 0.5952169, 0.9827052), abs=5e-7
    )


# -----------------------------------------------------------------------------------------------------------
# Proportions
# -----------------------------------------------------------------------------------------------------------


def table_of(one: Counts, two: Counts) -> list[list[int]]:
    """Make the 2x2 table, a group a row."""
    return [[one.successes, one.failures], [two.successes, two.failures]]


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
def test_two_proportion_z_and_cramers_v_against_statsmodels_and_scipy(one: Counts, two: Counts) -> None:
    result = st.two_proportion_z(one, two)
    z, p_value = proportion.proportions_ztest([one.successes, two.successes], [one.n, two.n])
    assert (result.statistic, result.p_value) == close((z, p_value))
    chi = stats.chi2_contingency(table_of(one, two), correction=False)
    assert (result.statistic**2, result.p_value) == close((chi.statistic, chi.pvalue))
    assert result.difference == close(result.rate_1 - result.rate_2)
    v = st.cramers_v(one, two, confidence=0.9)
    assert v.v == close(stats.contingency.association(table_of(one, two)))
    assert (v.chi_square, v.p_value) == close((chi.statistic, chi.pvalue))
    n = one.n + two.n
    assert stats.ncx2.cdf(chi.statistic, 1, n * v.low**2) == pytest.approx(0.95, rel=1e-9)
    if v.high < 1:
        assert stats.ncx2.cdf(chi.statistic, 1, n * v.high**2) == pytest.approx(0.05, rel=1e-6)


def test_cramers_v_interval_starts_at_zero_without_association() -> None:
    v = st.cramers_v(Counts(50, 100), Counts(52, 100))
    assert v.low == 0
    assert stats.ncx2.cdf(v.chi_square, 1, 200 * v.high**2) == pytest.approx(0.025, rel=1e-6)
    none = st.cramers_v(Counts(500, 1000), Counts(501, 1002))
    assert none.v == none.low == none.high == 0


def all_tables(one: Counts, two: Counts) -> float:
    """Fisher's p by enumeration of every table in exact integers."""
    successes = one.successes + two.successes
    ways = {
        x: math.comb(one.n, x) * math.comb(two.n, successes - x)
        for x in range(max(0, successes - two.n), min(one.n, successes) + 1)
    }
    extreme = sum(way for way in ways.values() if way <= ways[one.successes])
    return float(Fraction(extreme, sum(ways.values())))


# In the last three another table is exactly as likely, and rounding alone would lose it.
TIED = [((1, 6), (9, 11)), ((5, 7), (1, 10)), ((1, 7), (8, 14))]
FISHER = [*PROPORTIONS, *((Counts(*one), Counts(*two)) for one, two in TIED)]


@pytest.mark.parametrize(("one", "two"), FISHER)
def test_fisher_against_enumeration_and_scipy(one: Counts, two: Counts) -> None:
    p_value = st.fisher_exact(one, two)
    assert p_value == pytest.approx(all_tables(one, two), rel=1e-12)
    assert p_value == close(stats.fisher_exact(np.array(table_of(one, two))).pvalue)


@pytest.mark.parametrize(
    ("table", "published"),
    [
        ((2, 7, 8, 2), 0.02301413756522),  # R: fisher.test
        ((3, 1, 1, 3), 0.4857142857143),  # Fisher's lady tasting tea
        ((2, 10, 15, 3), 0.0005367241),  # R: fisher.test(Convictions), two-sided
    ],
)
def test_fisher_against_published(table: tuple[int, int, int, int], published: float) -> None:
    a, b, c, d = table
    assert st.fisher_exact(Counts(a, a + b), Counts(c, c + d)) == pytest.approx(published, rel=1e-7)


def test_fisher_with_tens_of_millions() -> None:
    """Against scipy, which keeps 7-8 digits here, and the z-test, to which it converges."""
    n = 5 * 10**7
    one, two = Counts(n // 10, n), Counts(n // 10 + 7071, n)
    p_value = st.fisher_exact(one, two)
    assert p_value == pytest.approx(stats.fisher_exact(np.array(table_of(one, two))).pvalue, rel=1e-6)
    assert p_value == pytest.approx(st.two_proportion_z(one, two).p_value, rel=1e-2)
    assert st.fisher_exact(Counts(n // 10, n), Counts(n // 5, n)) == 0.0


@pytest.mark.parametrize("distance", [5, 40, 90, 150, 222, 301])
def test_fisher_counts_an_equally_likely_table(distance: int) -> None:
    """With as many successes as failures the mirrored table is as likely: p is twice the one-sided one."""
    n_1, n_2 = 100_001, 150_001
    successes = (n_1 + n_2) // 2
    seen = n_1 // 2 + distance
    p_value = st.fisher_exact(Counts(seen, n_1), Counts(successes - seen, n_2))
    assert p_value == close(2 * stats.hypergeom.sf(seen - 1, n_1 + n_2, n_1, successes))


@given(some.integers(0, 40), some.integers(1, 40), some.integers(0, 40), some.integers(1, 40))
@deterministic
def test_fisher_is_enumeration_for_every_small_table(x_1: int, n_1: int, x_2: int, n_2: int) -> None:
    one, two = Counts(min(x_1, n_1), n_1), Counts(min(x_2, n_2), n_2)
    assert st.fisher_exact(one, two) == pytest.approx(all_tables(one, two), rel=1e-12)


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.9875])
def test_intervals_against_statsmodels(one: Counts, two: Counts, confidence: float) -> None:
    alpha = 1 - confidence
    for counts in (one, two):
        wilson = st.wilson_interval(counts, confidence)
        expected = proportion.proportion_confint(counts.successes, counts.n, alpha, method="wilson")
        interval = stats.binomtest(counts.successes, counts.n).proportion_ci(confidence, method="wilson")
        assert (wilson.low, wilson.high) == close(expected)
        assert (wilson.low, wilson.high) == close((interval.low, interval.high))
    reference = partial(
        proportion.confint_proportions_2indep, one.successes, one.n, two.successes, two.n, alpha=alpha
    )
    newcombe = st.newcombe_difference(one, two, confidence)
    assert (newcombe.low, newcombe.high) == close(reference(method="newcomb", compare="diff"))
    table = contingency_tables.Table2x2(np.array(table_of(one, two)))
    risk = st.risk_ratio(one, two, confidence)
    assert (risk.low, risk.high) == close(reference(method="log", compare="ratio"))
    assert (risk.low, risk.high) == close(table.riskratio_confint(alpha))
    assert risk.estimate == close(table.riskratio)
    odds = st.odds_ratio(one, two, confidence)
    assert (odds.low, odds.high) == close(reference(method="logit", compare="odds-ratio"))
    assert (odds.low, odds.high) == close(table.oddsratio_confint(alpha))
    assert odds.estimate == close(table.oddsratio)
    h = st.cohen_h(one, two, confidence)
    rates = one.successes / one.n, two.successes / two.n
    assert h.estimate == close(proportion.proportion_effectsize(*rates))


def test_intervals_against_published_results() -> None:
    wilson = st.wilson_interval(Counts(100, 200))
    assert (wilson.low, wilson.high) == pytest.approx((0.4313609, 0.5686391), abs=5e-8)
    assert dataclasses.astuple(st.wilson_interval(Counts(0, 20)))[:2] == (0, 0)
    assert st.wilson_interval(Counts(20, 20)).high == 1
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 5/56 - 0/29
    for one, two, low, high in [
        (Counts(56, 70), Counts(48, 80), 0.0524, 0.3339),
        (Counts(9, 10), Counts(3, 10), 0.1705, 0.8090),
        (Counts(5, 56), Counts(0, 29), -0.0381, 0.1926),
        (Counts(10, 10), Counts(0, 10), 0.6075, 1.0000),
    ]:
        interval = st.newcombe_difference(one, two)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5.1e-5)
    # R: the 2x2 table of statsmodels' Test2x2_1
    assert dataclasses.astuple(st.odds_ratio(Counts(2, 4), Counts(2, 4))) == pytest.approx(
        (1, 0.062548836166112329, 15.987507702689751), rel=1e-12
    )
    assert dataclasses.astuple(st.risk_ratio(Counts(2, 4), Counts(2, 4))) == pytest.approx(
        (1, 0.25009765325990629, 3.9984381579173824), rel=1e-12
    )


def test_cohen_h_interval_covers_as_promised() -> None:
    rng = np.random.default_rng(20260101)
    truth = proportion.proportion_effectsize(0.3, 0.2)
    draws = zip(rng.binomial(400, 0.3, 2000).tolist(), rng.binomial(600, 0.2, 2000).tolist(), strict=True)
    covered = sum(
        h.low <= truth <= h.high for h in (st.cohen_h(Counts(x, 400), Counts(y, 600)) for x, y in draws)
    )
    assert covered / 2000 == pytest.approx(0.95, abs=0.016)
    full = st.cohen_h(Counts(5, 5), Counts(0, 5))
    assert full.estimate == full.high == pytest.approx(math.pi)


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
@pytest.mark.parametrize("margin", [0.01, 0.05, 0.3])
def test_tost_proportions_against_maximisation(one: Counts, two: Counts, margin: float) -> None:
    result = st.tost_proportions(one, two, margin)
    assert result.p_value == max(result.p_low, result.p_high)
    tails = stats.norm.sf(result.statistic_low), stats.norm.cdf(result.statistic_high)
    assert (result.p_low, result.p_high) == close(tails)
    for delta, statistic in ((-margin, result.statistic_low), (margin, result.statistic_high)):
        n = one.n + two.n

        def loss(second: float, delta: float = delta) -> float:
            return -float(
                stats.binom.logpmf(one.successes, one.n, second + delta)
                + stats.binom.logpmf(two.successes, two.n, second)
            )

        bounds = (max(0.0, -delta) + 1e-12, min(1.0, 1 - delta) - 1e-12)
        best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
        variance = stats.binom.var(1, best + delta) / one.n + stats.binom.var(1, best) / two.n
        gap = one.successes / one.n - two.successes / two.n - delta
        assert statistic == pytest.approx(gap / math.sqrt(variance * n / (n - 1)), rel=1e-5)


def test_tost_proportions_against_published_interval() -> None:
    """A score interval ends where a one-sided test has 2.5 %. R: PropCIs::diffscoreci(7, 34, 1, 34, .95).

    statsmodels' score method is no reference: its restricted proportions do not maximise the likelihood.
    """
    assert st.tost_proportions(Counts(7, 34), Counts(1, 34), 0.3452912).p_high == pytest.approx(
        0.025, abs=1e-5
    )
    assert st.tost_proportions(Counts(7, 34), Counts(1, 34), 0.0270416).p_high == pytest.approx(
        0.975, abs=1e-5
    )
    assert st.tost_proportions(Counts(1, 34), Counts(7, 34), 0.0270416).p_low == pytest.approx(
        0.975, abs=1e-5
    )


def test_tost_proportions_with_no_success_at_all() -> None:
    result = st.tost_proportions(Counts(0, 500), Counts(0, 500), 0.02)
    assert result.p_low == result.p_high == result.p_value
    assert 0 < result.p_value < 0.01


@pytest.mark.parametrize(
    ("one", "two", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table II, method 5
        (Counts(56, 70), Counts(48, 80), 0.0533, 0.3377),
        (Counts(9, 10), Counts(3, 10), 0.1821, 0.8370),
        (Counts(6, 7), Counts(2, 7), 0.0544, 0.8478),
        (Counts(5, 56), Counts(0, 29), -0.0313, 0.1926),
        (Counts(0, 10), Counts(0, 10), -0.2775, 0.2775),
        (Counts(10, 10), Counts(0, 10), 0.6777, 1.0000),
    ],
)
def test_score_difference_against_published_results(
    one: Counts, two: Counts, low: float, high: float
) -> None:
    interval = st.score_difference(one, two)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5.1e-5)
    mirrored = st.score_difference(two, one)
    assert (mirrored.low, mirrored.high) == pytest.approx((-interval.high, -interval.low), abs=1e-12)


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
@pytest.mark.parametrize("confidence", [0.9, 0.9875])
def test_score_difference_ends_where_the_score_test_does(one: Counts, two: Counts, confidence: float) -> None:
    """With the variance found by numerical maximisation of the likelihood, as in the equivalence tests."""
    interval = st.score_difference(one, two, confidence)
    critical = stats.norm.ppf((1 + confidence) / 2)
    for delta, expected in ((interval.low, critical), (interval.high, -critical)):

        def loss(second: float, delta: float = delta) -> float:
            return -float(
                stats.binom.logpmf(one.successes, one.n, second + delta)
                + stats.binom.logpmf(two.successes, two.n, second)
            )

        bounds = (max(0.0, -delta) + 1e-12, min(1.0, 1 - delta) - 1e-12)
        best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
        variance = stats.binom.var(1, best + delta) / one.n + stats.binom.var(1, best) / two.n
        gap = one.successes / one.n - two.successes / two.n - delta
        assert gap / math.sqrt(variance) == pytest.approx(expected, rel=1e-5)


@given(
    some.tuples(some.integers(0, 60), some.integers(0, 60)),
    some.tuples(some.integers(0, 60), some.integers(0, 60)),
    some.floats(0.5, 0.999),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_score_difference_excludes_zero_exactly_where_the_z_test_rejects(
    cells_1: tuple[int, int], cells_2: tuple[int, int], confidence: float
) -> None:
    one, two = Counts(cells_1[0], sum(cells_1)), Counts(cells_2[0], sum(cells_2))
    interval = outcome(lambda: st.score_difference(one, two, confidence))
    if interval is Reason.EMPTY_GROUP:
        assert 0 in (one.n, two.n)
        return
    estimate, low, high = interval
    assert -1 <= low <= estimate <= high <= 1
    z, p_value = 0.0, 1.0
    if 0 < one.successes + two.successes < one.n + two.n:
        z, p_value = proportion.proportions_ztest([one.successes, two.successes], [one.n, two.n])
    if abs(p_value - (1 - confidence)) > 1e-12:  # otherwise the reference's own rounding decides
        assert (low > 0 or high < 0) == (p_value < 1 - confidence), z


@given(
    some.lists(some.tuples(some.integers(0, 9), some.integers(0, 9)), min_size=2, max_size=6),
    some.floats(0.5, 0.999),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_mann_whitney_superiority_excludes_a_half_exactly_where_the_test_rejects(
    levels: list[tuple[int, int]], confidence: float
) -> None:
    ranks = st.rank_sums_from_levels(levels)
    test = outcome(lambda: st.mann_whitney_u(ranks))
    interval = outcome(lambda: st.mann_whitney_superiority(ranks, confidence))
    if isinstance(test, Reason):
        assert interval is test
        return
    superiority, low, high = interval
    assert superiority == test[3]
    assert 0 <= low <= superiority <= high <= 1
    one, two = (np.repeat(np.arange(len(levels)), [level[group] for level in levels]) for group in (0, 1))
    p_value = stats.mannwhitneyu(one, two, method="asymptotic").pvalue
    if abs(p_value - (1 - confidence)) > 1e-9:
        assert (low > 0.5 or high < 0.5) == (p_value < 1 - confidence)


# -----------------------------------------------------------------------------------------------------------
# Strata
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strata", [ADMISSIONS, STRATIFIED_2, STRATIFIED_3])
def test_stratified_against_statsmodels(strata: list[tuple[int, int, int, int]]) -> None:
    result = st.cochran_mantel_haenszel(strata, confidence=0.9)
    reference = contingency_tables.StratifiedTable([np.reshape(cells, (2, 2)) for cells in strata])
    null = reference.test_null_odds(correction=False)
    equal = reference.test_equal_odds(adjust=False)
    assert (result.statistic, result.p_value) == close((null.statistic, null.pvalue))
    assert result.odds_ratio is not None
    assert result.homogeneity is not None
    assert result.odds_ratio.estimate == close(reference.oddsratio_pooled)
    interval = reference.oddsratio_pooled_confint(0.1)
    assert (result.odds_ratio.low, result.odds_ratio.high) == close(interval)
    assert (result.homogeneity.statistic, result.homogeneity.p_value) == close(
        (equal.statistic, equal.pvalue)
    )
    assert (result.strata_used, result.strata_dropped) == (len(strata), 0)


def test_stratified_against_published_results() -> None:
    result = st.cochran_mantel_haenszel(STRATIFIED_2)  # R: mantelhaen.test, DescTools::BreslowDayTest
    assert result.odds_ratio is not None
    assert result.homogeneity is not None
    assert dataclasses.astuple(result.odds_ratio) == pytest.approx((3.5912, 1.781135, 7.240633), abs=5e-5)
    assert result.homogeneity.statistic == pytest.approx(1.8438, abs=5e-5)
    assert result.homogeneity.p_value == pytest.approx(0.7645, abs=5e-5)
    result = st.cochran_mantel_haenszel(STRATIFIED_3)
    assert result.odds_ratio is not None
    assert result.homogeneity is not None
    assert dataclasses.astuple(result.odds_ratio) == pytest.approx((1.101879, 0.9402012, 1.2913602), abs=5e-7)
    assert result.homogeneity.statistic == pytest.approx(18.83297, abs=5e-6)
    assert result.homogeneity.p_value == pytest.approx(0.002064786, abs=5e-10)
    ratio = st.mantel_haenszel_odds_ratio(ADMISSIONS)  # R: mantelhaen.test(UCBAdmissions)
    assert dataclasses.astuple(ratio) == pytest.approx((0.9046968, 0.7719074, 1.0603298), abs=5e-8)


def test_one_stratum_is_the_plain_table() -> None:
    """Then the statistic is (n-1)/n of Pearson's, the odds ratio is the sample's, its interval is Woolf's."""
    result = st.cochran_mantel_haenszel([(20, 14, 10, 24)])
    chi = stats.chi2_contingency([[20, 14], [10, 24]], correction=False)
    assert result.statistic == close(chi.statistic * 67 / 68)
    woolf = st.odds_ratio(Counts(20, 34), Counts(10, 34))
    assert result.odds_ratio is not None
    assert dataclasses.astuple(result.odds_ratio) == close(dataclasses.astuple(woolf))
    assert result.homogeneity is None
    assert result.homogeneity_reason is Reason.ONE_USABLE_STRATUM


def test_strata_with_a_zero_margin_change_nothing_and_are_counted() -> None:
    empty = [(0, 0, 5, 7), (3, 4, 0, 0), (0, 2, 0, 9), (4, 0, 3, 0), (0, 0, 0, 0), (1, 0, 0, 0)]
    result = st.cochran_mantel_haenszel(STRATIFIED_2 + empty)
    assert result.strata_dropped == 6
    assert dataclasses.replace(result, strata_dropped=0) == st.cochran_mantel_haenszel(STRATIFIED_2)


def test_breslow_day_far_from_one() -> None:
    """At extreme odds ratios the fitted tables must keep their margins; checked by root finding."""
    strata = [(10**6, 3, 2, 10**6), (50, 1, 2, 60), (9, 1, 1, 5)]
    ratio = st.mantel_haenszel_odds_ratio(strata).estimate
    expected = 0.0
    for a, b, c, d in strata:
        row, column, other = a + b, a + c, c + d
        # The tables with these margins and this odds ratio, by their off-diagonal cell.
        log_gap = partial(_log_gap, row=row, column=column, other=other, log_ratio=math.log(ratio))
        off = math.exp(
            optimize.brentq(log_gap, math.log(1e-9), math.log(row * (1 - 1e-13)), xtol=1e-15, rtol=1e-14)
        )
        cells = row - off, off, column - row + off, other - (column - row) - off
        expected += (b - off) ** 2 * sum(1 / cell for cell in cells)
    assert st.breslow_day(strata).statistic == pytest.approx(expected, rel=1e-6)
    mirrored = st.breslow_day([(b, a, d, c) for a, b, c, d in strata]).statistic
    assert mirrored == pytest.approx(expected, rel=1e-6)


def _log_gap(log_off: float, row: int, column: int, other: int, log_ratio: float) -> float:
    """Log odds ratio of the table with this off-diagonal cell, less the wanted one; large outside."""
    off = math.exp(log_off)
    third = column - row + off
    if third <= 0:
        return 1e3
    if other - third <= 0:
        return -1e3
    return math.log(row - off) + math.log(other - third) - log_off - math.log(third) - log_ratio


# -----------------------------------------------------------------------------------------------------------
# Several hypotheses, verdicts, power
# -----------------------------------------------------------------------------------------------------------


@given(some.lists(some.floats(0, 1) | some.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=8))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_holm_against_statsmodels(p_values: list[float]) -> None:
    reject, expected, _, _ = multitest.multipletests(p_values, 0.05, method="holm")
    adjusted = st.holm(p_values)
    assert adjusted == pytest.approx(list(expected), rel=1e-12, abs=1e-300)
    assert [p is not None and p <= 0.05 for p in adjusted] == list(reject)


def test_holm_skips_what_was_not_tested() -> None:
    assert st.holm([0.02, None, 0.01, 0.015, None]) == [0.03, None, 0.03, 0.03, None]
    assert st.holm([]) == st.holm_confidence_levels([]) == []
    assert st.holm_confidence_levels([None]) == [None]


def test_holm_is_monotone() -> None:
    """R: p.adjust(c(.01, .04, .03, .02, .0125), "holm"); plain multiplication would reverse the order."""
    assert st.holm([0.01, 0.04, 0.03, 0.02, 0.0125]) == pytest.approx([0.05, 0.06, 0.06, 0.06, 0.05])


def test_holm_confidence_levels_by_hand() -> None:
    """Two of four rejected: tested at 5 %/4 and 5 %/3, and stopped at 5 %/2."""
    levels = st.holm_confidence_levels([0.6, 0.001, 0.03, 0.01])
    assert levels == pytest.approx([0.975, 1 - 0.05 / 4, 0.975, 1 - 0.05 / 3])
    everything = st.holm_confidence_levels([0.001, 0.002])
    assert everything == pytest.approx([0.975, 0.95])


groups = some.lists(some.integers(-30, 30), min_size=2, max_size=12)


@given(some.lists(some.tuples(groups, groups, some.integers(-40, 40)), min_size=1, max_size=6))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_intervals_shown_agree_with_holm(family: list[tuple[list[int], list[int], int]]) -> None:
    pairs, ranks = [], []
    for one, two, shift in family:
        moved = [value + shift for value in one]
        if len({*moved, *two}) > 1 and (len(set(one)) > 1 or len(set(two)) > 1):
            pairs.append(moments_of(moved, two))
            sums = ranks_of(moved, two)
            if 0 < sums.two_u < 2 * sums.n_1 * sums.n_2:
                ranks.append(sums)
    p_values = [st.welch_t(*pair).p_value for pair in pairs]
    levels = st.holm_confidence_levels(p_values)
    for pair, level, adjusted in zip(pairs, levels, st.holm(p_values), strict=True):
        assert level is not None
        assert adjusted is not None
        shown = st.welch_t(*pair, confidence=level)
        assert (shown.low > 0 or shown.high < 0) == (adjusted < 0.05)
    p_values = [st.brunner_munzel(sums).p_value for sums in ranks]
    levels = st.holm_confidence_levels(p_values)
    for sums, level, adjusted in zip(ranks, levels, st.holm(p_values), strict=True):
        assert level is not None
        assert adjusted is not None
        interval = st.brunner_munzel(sums, confidence=level)
        assert (interval.low > 0.5 or interval.high < 0.5) == (adjusted < 0.05)


def test_verdicts() -> None:
    assert st.verdict(0.049, 0.001) == "different"
    assert st.verdict(0.05, 0.049) == "equivalent"
    assert st.verdict(0.05, 0.05) == "inconclusive"
    assert st.verdict(0.02, None, alpha=0.01) == "inconclusive"
    assert st.verdict(None, 0.01) == "equivalent"
    assert st.verdict(None, None) == "inconclusive"
    assert st.is_negligible(0.1, 0.9, 1)
    assert st.is_negligible(-0.9, -0.1, 1)
    assert not st.is_negligible(-1, 0, 1)
    assert not st.is_negligible(0.1, 1, 1)


@pytest.mark.parametrize(
    ("rates", "n_1", "n_2"), [((0.5, 0.75), 50, 50), ((0.25, 0.3), 900, 400), ((0.1, 0.1), 80, 90)]
)
def test_power_of_proportions(rates: tuple[float, float], n_1: int, n_2: int) -> None:
    expected = proportion.power_proportions_2indep(rates[0] - rates[1], rates[1], n_1, n_2 / n_1, 0.05).power
    assert st.power_two_proportions(*rates, n_1, n_2) == close(float(expected))
    assert st.power_two_proportions(*rates[::-1], n_2, n_1) == close(float(expected))


def test_power_of_means() -> None:
    for difference, n in ((1.0, 20), (0.2, 300), (0.0, 10), (3.0, 3)):
        expected = power.TTestIndPower().power(difference, n, 0.05)
        assert st.power_welch(difference, 1, 1, n, n) == close(float(expected))
    assert st.power_welch(1, 1, 1, 20, 20) == pytest.approx(
        0.868953, abs=5e-7
    )  # R: power.t.test(strict=TRUE)
    assert st.power_welch(1e9, 1, 1, 2, 2) == pytest.approx(1)


def test_power_of_unequal_groups_is_the_share_of_rejections() -> None:
    rng = np.random.default_rng(7)
    one, two = rng.normal(0.7, 1, (40_000, 12)), rng.normal(0, 2.5, (40_000, 60))
    rejected = np.mean(stats.ttest_ind(one, two, axis=1, equal_var=False).pvalue < 0.05)
    assert st.power_welch(0.7, 1, 2.5, 12, 60) == pytest.approx(rejected, abs=0.009)


def test_smallest_group() -> None:
    # R: power.prop.test(p1=.5, p2=.75, power=.9) says 76.7, power.t.test(delta=1, power=.9) says 22.02
    assert st.smallest_group(lambda n: st.power_two_proportions(0.5, 0.75, n, n), 0.9) == 77
    assert st.smallest_group(lambda n: st.power_welch(1, 1, 1, n, n), 0.9) == 23
    assert st.smallest_group(lambda n: 0.99) == 2
    assert st.power_two_proportions(0, 1, 10, 10) == 1
    assert st.power_two_proportions(1, 1, 10, 10) == 0


# -----------------------------------------------------------------------------------------------------------
# Properties
# -----------------------------------------------------------------------------------------------------------

values = some.lists(some.integers(-5, 5) | some.integers(-(10**12), 10**12), min_size=0, max_size=14)


@given(values, values)
@deterministic
def test_level_sums_equal_all_pairs(one: list[int], two: list[int]) -> None:
    """The sums SQL takes by level, by brute force: every client against every client of the other group."""
    sums = ranks_of(one, two)
    beaten_1 = [sum(2 * (x > y) + (x == y) for y in two) for x in one]
    beaten_2 = [sum(2 * (y > x) + (x == y) for x in one) for y in two]
    assert sums.two_u == sum(beaten_1) == 2 * len(one) * len(two) - sum(beaten_2)
    assert sums.sum_a_squares == sum(count**2 for count in beaten_1)
    assert sums.sum_b_squares == sum(count**2 for count in beaten_2)
    everyone = one + two
    triples = sum(x == y == z for x in everyone for y in everyone for z in everyone)
    assert sums.tie_sum == triples - len(everyone)


def outcome(call: Callable[[], Any]) -> Any:
    """Return the result of a call as numbers, or the reason why there is none."""
    try:
        result = call()
    except UndefinedError as undefined:
        return undefined.reason
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return dataclasses.astuple(result)
    return result


@given(values, values)
@deterministic
def test_swapping_the_groups_mirrors_means_and_ranks(one: list[int], two: list[int]) -> None:
    first, second = moments_of(one, two)
    there, back = outcome(lambda: st.welch_t(first, second)), outcome(lambda: st.welch_t(second, first))
    if isinstance(there, Reason):
        assert there is back
    else:
        mean_1, mean_2, difference, low, high, error, t, df, p = there
        assert back == close((mean_2, mean_1, -difference, -high, -low, error, -t, df, p))
        g, mirrored = st.hedges_g(first, second), st.hedges_g(second, first)
        ends = pytest.approx((-g.estimate, -g.high, -g.low), rel=1e-6, abs=1e-9)
        assert dataclasses.astuple(mirrored) == ends
        assert st.tost_welch(first, second, 3).p_value == close(st.tost_welch(second, first, 3).p_value)
    pairs = (one, two), (two, one)
    u, mirrored_u = (outcome(partial(st.mann_whitney_u, ranks_of(*pair))) for pair in pairs)
    if not isinstance(u, Reason):
        assert mirrored_u[0] == len(one) * len(two) - u[0]
        assert mirrored_u[1:] == close((-u[1], u[2], 1 - u[3]))
    bm, mirrored_bm = (outcome(partial(st.brunner_munzel, ranks_of(*pair))) for pair in pairs)
    if isinstance(bm, Reason):
        assert bm is mirrored_bm
    else:
        probability, low, high, error, statistic, df, p = bm
        expected = (1 - probability, 1 - high, 1 - low, error, -statistic, df, p)
        assert mirrored_bm == pytest.approx(expected, rel=1e-9, abs=1e-12)


counts = some.tuples(some.integers(0, 30), some.integers(0, 30)).map(lambda pair: Counts(pair[0], sum(pair)))


@given(counts, counts)
@deterministic
def test_swapping_the_groups_mirrors_proportions(one: Counts, two: Counts) -> None:
    def both(function: Callable[[Counts, Counts], Any]) -> tuple[Any, Any]:
        return outcome(lambda: function(one, two)), outcome(lambda: function(two, one))

    for unchanged in (st.fisher_exact, st.cramers_v):
        there, back = both(unchanged)
        assert back == (there if isinstance(there, Reason) else close(there))
    for reversed_sign in (st.newcombe_difference, st.cohen_h):
        there, back = both(reversed_sign)
        if not isinstance(there, Reason):
            assert back == pytest.approx((-there[0], -there[2], -there[1]), rel=1e-9, abs=1e-12)
            assert there[1] <= there[0] <= there[2]
    for inverted in (st.risk_ratio, st.odds_ratio):
        there, back = both(inverted)
        if not isinstance(there, Reason):
            assert back == close((1 / there[0], 1 / there[2], 1 / there[1]))
    there, back = both(partial(st.tost_proportions, margin=0.1))
    if not isinstance(there, Reason):
        assert back[-1] == pytest.approx(there[-1], rel=1e-7)
        assert (back[4], back[5]) == pytest.approx((there[5], there[4]), rel=1e-7)
    there, back = both(st.two_proportion_z)
    if not isinstance(there, Reason):
        assert back == close((there[1], there[0], -there[2], -there[3], there[4]))


@given(values, values)
@deterministic
def test_rank_tests_ignore_monotone_transforms(one: list[int], two: list[int]) -> None:
    assert ranks_of([x**3 + 2 * x for x in one], [x**3 + 2 * x for x in two]) == ranks_of(one, two)


@given(values, some.integers(0, 14))
@deterministic
def test_partitions_merge_to_the_whole(everyone: list[int], cut: int) -> None:
    assert Moments.of(everyone[:cut]) + Moments.of(everyone[cut:]) == Moments.of(everyone)


@given(groups, groups, some.integers(-1000, 1000), some.integers(1, 50))
@deterministic
def test_mean_tests_ignore_units_and_origin(one: list[int], two: list[int], shift: int, unit: int) -> None:
    plain = outcome(lambda: st.welch_t(*moments_of(one, two)))
    moved = ([unit * x + shift for x in one], [unit * x + shift for x in two])
    again = outcome(lambda: st.welch_t(*moments_of(*moved, scale=unit)))
    if isinstance(plain, Reason):
        assert plain is again
    else:
        assert again[2:] == close(plain[2:])


# -----------------------------------------------------------------------------------------------------------
# Degenerate input
# -----------------------------------------------------------------------------------------------------------

NOBODY, SINGLE, SAME, VARIED = Moments(0, 0, 0), Moments.of([4]), Moments.of([4, 4, 4]), Moments.of([1, 2, 3])
NONE, ALL, HALF = Counts(0, 10), Counts(10, 10), Counts(5, 10)
EMPTY = Counts(0, 0)


@pytest.mark.parametrize("function", [st.welch_t, st.hedges_g, partial(st.tost_welch, margin=1)])
@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        (NOBODY, VARIED, Reason.EMPTY_GROUP),
        (VARIED, NOBODY, Reason.EMPTY_GROUP),
        (NOBODY, SINGLE, Reason.EMPTY_GROUP),
        (SINGLE, NOBODY, Reason.EMPTY_GROUP),
        (NOBODY, NOBODY, Reason.EMPTY_GROUP),
        (SINGLE, VARIED, Reason.ONE_CLIENT),
        (VARIED, SINGLE, Reason.ONE_CLIENT),
        (SAME, SAME, Reason.NO_VARIATION),
        (SAME, Moments.of([7, 7]), Reason.NO_VARIATION),
    ],
)
def test_means_without_an_answer(
    function: Callable[[Moments, Moments], object], one: Moments, two: Moments, reason: Reason
) -> None:
    with pytest.raises(UndefinedError) as raised:
        function(one, two)
    assert raised.value.reason is reason


def test_one_group_may_be_constant() -> None:
    result = st.welch_t(SAME, VARIED)
    reference = stats.ttest_1samp([1, 2, 3], 4)  # then the other group is a known number
    assert (-result.statistic, result.p_value, result.df) == close((reference.statistic, reference.pvalue, 2))


@pytest.mark.parametrize(
    ("levels", "mann_whitney", "brunner_munzel"),
    [
        ([], Reason.EMPTY_GROUP, Reason.EMPTY_GROUP),
        ([(3, 0)], Reason.EMPTY_GROUP, Reason.EMPTY_GROUP),
        ([(0, 3), (0, 1)], Reason.EMPTY_GROUP, Reason.EMPTY_GROUP),
        ([(3, 4)], Reason.NO_VARIATION, Reason.NO_VARIATION),
        ([(1, 1)], Reason.NO_VARIATION, Reason.ONE_CLIENT),
        ([(1, 0), (0, 1)], None, Reason.ONE_CLIENT),
        ([(1, 5), (0, 5)], None, Reason.ONE_CLIENT),
        ([(2, 0), (0, 2)], None, Reason.COMPLETE_SEPARATION),
        ([(0, 2), (2, 0)], None, Reason.COMPLETE_SEPARATION),
        ([(3, 2), (0, 2)], None, None),
    ],
)
def test_ranks_without_an_answer(
    levels: list[tuple[int, int]], mann_whitney: Reason | None, brunner_munzel: Reason | None
) -> None:
    ranks = st.rank_sums_from_levels(levels)
    for function, reason in (
        (st.mann_whitney_u, mann_whitney),
        (st.brunner_munzel, brunner_munzel),
        (partial(st.tost_superiority, margin=0.1), brunner_munzel),
    ):
        found = outcome(partial(function, ranks))
        assert found is reason if reason else not isinstance(found, Reason)


@pytest.mark.parametrize(
    ("function", "undefined"),
    [
        (st.two_proportion_z, {(NONE, NONE): Reason.NO_VARIATION, (ALL, ALL): Reason.NO_VARIATION}),
        (st.cramers_v, {(NONE, NONE): Reason.NO_VARIATION, (ALL, ALL): Reason.NO_VARIATION}),
        (st.fisher_exact, {}),
        (st.newcombe_difference, {}),
        (st.cohen_h, {}),
        (partial(st.tost_proportions, margin=0.1), {}),
        (
            st.risk_ratio,
            {pair: Reason.ZERO_CELL for pair in product((NONE, ALL, HALF), repeat=2) if NONE in pair}
            | {(ALL, ALL): Reason.NO_VARIATION},
        ),
        (
            st.odds_ratio,
            {pair: Reason.ZERO_CELL for pair in product((NONE, ALL, HALF), repeat=2) if pair != (HALF, HALF)},
        ),
    ],
)
def test_proportions_without_an_answer(
    function: Callable[[Counts, Counts], object], undefined: dict[tuple[Counts, Counts], Reason]
) -> None:
    for one, two in product((NONE, ALL, HALF, EMPTY), repeat=2):
        expected = Reason.EMPTY_GROUP if EMPTY in (one, two) else undefined.get((one, two))
        found = outcome(partial(function, one, two))
        assert (found if isinstance(found, Reason) else None) is expected, (one, two)


def test_strata_without_an_answer() -> None:
    assert outcome(lambda: st.cochran_mantel_haenszel([])) is Reason.NO_USABLE_STRATUM
    assert (
        outcome(lambda: st.cochran_mantel_haenszel([(1, 2, 0, 0), (0, 0, 0, 0)])) is Reason.NO_USABLE_STRATUM
    )
    assert outcome(lambda: st.breslow_day([(1, 2, 0, 0)])) is Reason.NO_USABLE_STRATUM
    one_sided = st.cochran_mantel_haenszel([(5, 0, 0, 5), (3, 1, 0, 4)])
    assert one_sided.odds_ratio is None
    assert one_sided.homogeneity is None
    assert one_sided.odds_ratio_reason is one_sided.homogeneity_reason is Reason.ZERO_CELL
    assert 0 < one_sided.p_value < 0.01
    assert outcome(lambda: st.wilson_interval(EMPTY)) is Reason.EMPTY_GROUP
    for missing in ("mean", "centred_squares", "variance"):
        assert outcome(partial(getattr, NOBODY, missing)) is Reason.EMPTY_GROUP
    assert outcome(lambda: EMPTY.rate) is Reason.EMPTY_GROUP


def test_every_reason_reads_in_both_languages() -> None:
    for reason in Reason:
        error = UndefinedError(reason)
        assert error.code == reason.value
        assert str(error) == error.reason_en == reason.en
        assert error.reason_en.isascii()
        assert error.reason_en.endswith(".")
        assert not error.reason_ru.isascii()
        assert error.reason_ru.endswith(".")


def numbers(result: object) -> Iterator[float]:
    """Every number in a result, also inside nested results."""
    if isinstance(result, tuple):
        for part in result:
            yield from numbers(part)
    elif isinstance(result, int | float) and not isinstance(result, bool):
        yield float(result)


few = some.lists(some.integers(0, 3) | some.sampled_from([10**15, 10**15 + 1]), max_size=6)
cells = some.tuples(*[some.integers(0, 4) | some.just(10**9)] * 4)


@given(few, few, cells, some.lists(cells, max_size=4))
@settings(derandomize=True, deadline=None, max_examples=120)
def test_nothing_is_ever_nan(
    one: list[int],
    two: list[int],
    table: tuple[int, int, int, int],
    strata: list[tuple[int, int, int, int]],
) -> None:
    means, ranks = moments_of(one, two), ranks_of(one, two)
    a, b, c, d = table
    rates = Counts(a, a + b), Counts(c, c + d)
    calls: list[Callable[[], Any]] = [
        lambda: st.welch_t(*means),
        lambda: st.tost_welch(*means, margin=1),
        lambda: st.hedges_g(*means),
        lambda: st.mann_whitney_u(ranks),
        lambda: st.brunner_munzel(ranks),
        lambda: st.tost_superiority(ranks, margin=0.1),
        lambda: st.tost_proportions(*rates, margin=0.02),
        lambda: st.cochran_mantel_haenszel([*strata, table]),
        lambda: st.wilson_interval(rates[0]),
    ]
    calls += [
        partial(function, *rates)
        for function in (
            st.two_proportion_z,
            st.fisher_exact,
            st.newcombe_difference,
            st.risk_ratio,
            st.odds_ratio,
            st.cohen_h,
            st.cramers_v,
        )
    ]
    for call in calls:
        found = outcome(call)
        if not isinstance(found, Reason):
            assert not any(math.isnan(number) for number in numbers(found)), found


# -----------------------------------------------------------------------------------------------------------
# The bank's file
# -----------------------------------------------------------------------------------------------------------


def test_bank_ages(bank_rows: list[BankClient]) -> None:
    one, two = two_and_one(bank_rows, lambda row: row.age)
    u = st.mann_whitney_u(ranks_of(one, two))
    assert u.u == 10_325_804.5
    assert u.p_value == close(1.248185983698308e-22)
    result = st.welch_t(*moments_of(one, two))
    reference = stats.ttest_ind(one, two, equal_var=False)
    assert (result.statistic, result.p_value, result.df) == close(
        (reference.statistic, reference.pvalue, reference.df)
    )
    assert result.p_value == pytest.approx(1.4e-19, rel=0.05)
    assert (result.mean_1, result.mean_2) == pytest.approx((37.75, 39.67), abs=5e-3)
    assert st.hedges_g(*moments_of(one, two)).estimate == pytest.approx(-0.184, abs=5e-4)
    bm = st.brunner_munzel(ranks_of(one, two))
    expected = stats.brunnermunzel(one, two)
    assert (-bm.statistic, bm.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-8)


def test_bank_ages_of_active_clients(bank_rows: list[BankClient]) -> None:
    active = [row for row in bank_rows if not row.churned]
    one, two = two_and_one(active, lambda row: row.age)
    assert (len(one), len(two)) == (4242, 3675)
    assert st.welch_t(*moments_of(one, two)).p_value == pytest.approx(0.037, abs=5e-4)
    assert st.mann_whitney_u(ranks_of(one, two)).p_value == pytest.approx(0.097, abs=5e-4)


@pytest.mark.parametrize(("everyone", "p_value", "tost_p"), [(True, 0.41, 0.0003), (False, 0.29, 0.003)])
def test_bank_salaries(bank_rows: list[BankClient], everyone: bool, p_value: float, tost_p: float) -> None:
    rows = [row for row in bank_rows if everyone or not row.churned]
    one, two = two_and_one(rows, lambda row: row.kopecks)
    means = moments_of(one, two, scale=100)
    result = st.welch_t(*means)
    reference = stats.ttest_ind(np.array(one) / 100, np.array(two) / 100, equal_var=False)
    assert (result.statistic, result.p_value) == close((reference.statistic, reference.pvalue))
    assert result.p_value == pytest.approx(p_value, abs=5e-3)
    margin = Fraction(5, 100) * means[1].mean
    tost = st.tost_welch(*means, margin)
    assert tost.p_value == pytest.approx(tost_p, rel=0.2)
    rows_1, rows_2 = np.array(one) / 100, np.array(two) / 100
    expected = weightstats.ttost_ind(rows_1, rows_2, -float(margin), float(margin), usevar="unequal")
    assert tost.p_value == pytest.approx(expected[0], rel=1e-8)
    u = stats.mannwhitneyu(one, two, method="asymptotic")
    assert st.mann_whitney_u(ranks_of(one, two)).p_value == close(u.pvalue)


def test_bank_shares(bank_rows: list[BankClient]) -> None:
    one, two = (Counts(sum(part), len(part)) for part in two_and_one(bank_rows, lambda row: row.in_rostov))
    result = st.two_proportion_z(one, two)
    assert (result.rate_1, result.rate_2) == pytest.approx((0.2266, 0.2653), abs=5e-5)
    assert result.p_value == pytest.approx(1.0e-5, rel=0.05)
    one, two = (Counts(sum(part), len(part)) for part in two_and_one(bank_rows, lambda row: row.churned))
    assert (one, two) == (Counts(348, 4590), Counts(1409, 5084))
    result = st.two_proportion_z(one, two)
    assert result.statistic == pytest.approx(-25.65, abs=5e-3)
    assert result.p_value == pytest.approx(4.5e-145, rel=0.02)


def test_bank_strata(bank_rows: list[BankClient]) -> None:
    tables: dict[tuple[str, str, int], list[int]] = {}
    for row in bank_rows:
        if row.products in (1, 2):
            cell = 2 * (row.products == 1) + (1 - row.churned)
            tables.setdefault(row.stratum, [0, 0, 0, 0])[cell] += 1
    strata = [(a, b, c, d) for a, b, c, d in tables.values()]
    result = st.cochran_mantel_haenszel(strata)
    usable = [
        np.reshape(t, (2, 2))
        for t in strata
        if np.reshape(t, (2, 2)).sum(0).all() and t[0] + t[1] and t[2] + t[3]
    ]
    assert (result.strata_used, result.strata_dropped) == (len(usable), len(strata) - len(usable))
    assert result.strata_dropped > 0
    reference = contingency_tables.StratifiedTable(usable)
    null, equal = reference.test_null_odds(), reference.test_equal_odds()
    assert result.odds_ratio is not None
    assert result.homogeneity is not None
    assert result.statistic == close(null.statistic)
    assert result.p_value == close(stats.chi2.sf(null.statistic, 1))  # statsmodels' own, 1 - cdf, is 0.0
    assert dataclasses.astuple(result.odds_ratio) == close(
        (reference.oddsratio_pooled, *reference.oddsratio_pooled_confint())
    )
    assert (result.homogeneity.statistic, result.homogeneity.p_value) == close(
        (equal.statistic, equal.pvalue)
    )
