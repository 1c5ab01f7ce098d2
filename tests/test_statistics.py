"""The statistics agree with independent references, and never return NaN.

No test repeats a formula of the package, or the library call that it makes. The references are published results of R
and NIST, scipy, brute force over all tables, numerical maximisation, and the behaviour that theory demands (symmetry,
invariance, error rates). test_hypotheses.py has scipy and statsmodels on the rows that the sums were reduced from.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import optimize, stats
from statsmodels.stats import proportion

from bank_segments import statistics as st
from bank_segments.statistics import Counts, Moments, RankSums, Reason, Stratum, UndefinedError
from bank_segments.statistics.sums import Studentised

# But for the event loops that dbt leaves in its threads, which are collected in whatever test runs then.
pytestmark = pytest.mark.filterwarnings("error", "ignore::pytest.PytestUnraisableExceptionWarning")

NIST = Path(scipy.__file__).parent / "stats/tests/data/nist_anova"
close = partial(pytest.approx, rel=1e-9, abs=1e-300)
score_difference = partial(st.score_difference, confidence=0.95)
reduction = partial(st.relative_risk_reduction, confidence=0.95)
deterministic = settings(derandomize=True, deadline=None, max_examples=60)

CLINIC = [4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9]
SLEEP = (
    [7, -16, -2, -12, -1, 34, 37, 8, 0, 20],  # R's `sleep`: extra hours by drug, times ten
    [19, 8, 11, 1, -1, 44, 55, 16, 46, 34],
)
NEUBERT = [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4], [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1]  # R: lawstat
# Weight of R's `mtcars` in pounds: automatic, manual transmission.
CARS = (
    [
        *(3215, 3440, 3460, 3570, 3190, 3150, 3440, 3440, 4070, 3730),
        *(3780, 5250, 5424, 5345, 2465, 3520, 3435, 3840, 3845),
    ],
    [2620, 2875, 2320, 2200, 1615, 1835, 1935, 2140, 1513, 3170, 2770, 3570, 2780],
)
# R's `UCBAdmissions`: admitted and rejected, men then women, by department.
ADMISSIONS = [
    Stratum(512, 313, 89, 19),
    Stratum(353, 207, 17, 8),
    Stratum(120, 205, 202, 391),
    Stratum(138, 279, 131, 244),
    Stratum(53, 138, 94, 299),
    Stratum(22, 351, 24, 317),
]
# From statsmodels' test_contingency_tables.py, with results of R's mantelhaen.test and BreslowDayTest.
FIVE = [(20, 14, 10, 24), (15, 12, 3, 15), (3, 2, 3, 2), (12, 3, 7, 5), (1, 0, 3, 2)]
STRATIFIED = [Stratum(*cells) for cells in FIVE]
PROPORTIONS = [
    (Counts(7, 34), Counts(1, 34)),
    (Counts(56, 70), Counts(48, 80)),
    (Counts(348, 4590), Counts(1409, 5084)),
    (Counts(2, 9), Counts(8, 10)),
    (Counts(3, 1000), Counts(40, 77)),
]


def moments(values: Iterable[int], scale: int = 1) -> Moments:
    exact = [int(value) for value in values]
    return Moments(len(exact), sum(exact), sum(value * value for value in exact), scale)


def moments_of(one: Iterable[int], two: Iterable[int], scale: int = 1) -> tuple[Moments, Moments]:
    return moments(one, scale), moments(two, scale)


def ranks_of_levels(levels: Iterable[tuple[int, int]]) -> RankSums:
    """Rank sums from the clients of both groups at each value, by their definition."""
    pairs = list(levels)
    beats_1 = [2 * sum(b for _, b in pairs[:at]) + pairs[at][1] for at in range(len(pairs))]
    beats_2 = [2 * sum(a for a, _ in pairs[:at]) + pairs[at][0] for at in range(len(pairs))]
    return RankSums(
        sum(a for a, _ in pairs),
        sum(b for _, b in pairs),
        sum(a * beats for (a, _), beats in zip(pairs, beats_1, strict=True)),
        sum((a + b) ** 3 - (a + b) for a, b in pairs),
        sum(a * beats**2 for (a, _), beats in zip(pairs, beats_1, strict=True)),
        sum(b * beats**2 for (_, b), beats in zip(pairs, beats_2, strict=True)),
    )


def ranks_of(one: Sequence[int], two: Sequence[int]) -> RankSums:
    first, second = Counter(one), Counter(two)
    return ranks_of_levels((first[value], second[value]) for value in sorted(first | second))


def counts(table: Sequence[int]) -> tuple[Counts, Counts]:
    a, b, c, d = table
    return Counts(a, a + b), Counts(c, c + d)


def outcome(call: Callable[[], Any]) -> Any:
    """The result as a tuple or a number, or the reason why there is none."""
    try:
        found = call()
    except UndefinedError as undefined:
        return undefined.reason
    return dataclasses.astuple(found) if dataclasses.is_dataclass(found) else found  # type: ignore[arg-type]


def told(test: Studentised) -> tuple[float, ...]:
    """All that a test with Student's distribution says."""
    figures = float(test.difference), *test.interval(), test.statistic, test.df, test.p_value
    return (*figures, test.equivalence_p_value(0.1))


def welch_t(one: Moments, two: Moments) -> tuple[float, ...]:
    return told(st.welch_t(one, two))


def brunner_munzel(ranks: RankSums) -> tuple[float, ...]:
    return told(st.brunner_munzel(ranks))


# Sums


@pytest.mark.parametrize("name", ["SmLs07", "SmLs08", "SmLs09"])
def test_moments_give_nist_certified_analysis_of_variance(name: str) -> None:
    lines = (NIST / f"{name}.dat").read_text().splitlines()
    certified = {line.split()[0]: line.split() for line in lines if "Treatment" in line and len(line.split()) > 4}
    rows = [line.split() for line in lines[60:]]
    groups: dict[str, list[int]] = {}
    for treatment, response in rows:
        groups.setdefault(treatment, []).append(int(Decimal(response) * 10))
    inside = sum((moments(values, 10).centred_squares for values in groups.values()), Fraction(0))
    everyone = moments((value for values in groups.values() for value in values), 10)
    across = everyone.centred_squares - inside
    assert float(inside) == float(certified["Within"][3])
    assert float(across) == float(certified["Between"][3])
    f = float((across / 8) / (inside / (everyone.n - 9)))
    assert f == pytest.approx(float(certified["Between"][5]), rel=1e-14)
    if name == "SmLs09":  # thirteen constant leading digits, which scipy needs taken off
        result = st.welch_t(*moments_of(groups["2"], groups["5"], 10))
        small = [(np.array(groups[key]) - 10**13) / 10 for key in ("2", "5")]
        reference = stats.ttest_ind(*small, equal_var=False)
        assert (result.statistic, result.p_value) == close((reference.statistic, reference.pvalue))


def test_inputs_must_be_exact_and_possible() -> None:
    for inexact in (lambda: Moments(3, 6.0, 14), lambda: Counts(1, float("nan"))):  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            inexact()
    impossible: list[Callable[[], object]] = [
        lambda: Moments(-1, 0, 0),
        lambda: Moments(0, 1, 1),
        lambda: Moments(3, 6, 11),
        lambda: Moments(3, 6, 14, scale=0),
        lambda: Counts(4, 3),
        lambda: Counts(-1, 3),
        lambda: RankSums(2, 2, 9, 0, 100, 100),
        lambda: RankSums(2, 2, 4, 0, 1, 100),
        lambda: st.welch_t(*moments_of(*CLINIC)).interval(1.0),
        lambda: st.welch_t(*moments_of(*CLINIC)).equivalence_p_value(0),
        lambda: st.welch_t(*moments_of(*CLINIC)).equivalence_p_value(math.inf),
        lambda: st.tost_proportions(Counts(1, 2), Counts(1, 2), margin=1),
    ]
    for call in impossible:
        with pytest.raises(ValueError, match=r"\w") as raised:
            call()
        assert not isinstance(raised.value, UndefinedError)
    of_numpy = Moments(np.int64(3), np.int64(3 * 10**9), np.int64(3 * 10**18))  # type: ignore[arg-type]
    assert of_numpy.centred_squares == 0  # in 64 bits n times the sum of squares would overflow


# Means


def test_means_against_published_results() -> None:
    sleep = st.welch_t(*moments_of(*SLEEP, scale=10))  # R: t.test(extra ~ group, sleep)
    assert (sleep.statistic, sleep.df, sleep.p_value) == pytest.approx((-1.8608, 17.776, 0.07939), rel=6e-5)
    assert sleep.interval() == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    # R: equivalence::tost(var.equal=FALSE)
    assert st.welch_t(*moments_of(*CLINIC)).equivalence_p_value(1) == pytest.approx(0.9643479, abs=5e-8)
    # R: TOSTER::tsum_TOST(m1=5.25, m2=5.22, sd1=.95, sd2=.83, n1=95, n2=89, eqb=.384), as exact moments
    one = Moments(95, 49875, 94 * 9025 + 95 * 275625, scale=100)
    two = Moments(89, 46458, 88 * 6889 + 89 * 272484, scale=100)
    assert st.welch_t(one, two).equivalence_p_value(0.384) == pytest.approx(0.003838994, abs=5e-10)
    g = st.hedges_g(*moments_of(*CARS, scale=1000))  # R: effectsize::hedges_g(wt ~ am, mtcars)
    assert dataclasses.astuple(g) == pytest.approx((1.844, 1.004, 2.664), abs=1e-3)


def chi_average(df: int, of: Callable[[Any], Any]) -> float:
    """Mean of a function of S for df S**2 chi-square, by the trapezoidal rule over log S."""
    y = np.linspace(-60 / math.sqrt(df), 12 / math.sqrt(df), 2_000_001)
    log_density = df * y - df * np.expm1(2 * y) / 2
    density = np.exp(log_density - log_density.max())
    return float(np.sum(density * of(np.exp(y))) / np.sum(density))


@pytest.mark.parametrize(
    ("n", "shift"),
    [
        (2, 3),
        (2, 4000),
        (3, -900),
        (501, 0.2),
        (502, -1.5),
        (4501, -30),
        (50_001, 0.01),
        (5 * 10**7, 0.3),
        (26, 8000),
        (5001, 2000),
    ],
)
def test_hedges_g_from_four_clients_to_a_hundred_million(n: int, shift: float) -> None:
    """Groups whose means are so many standard deviations apart: g has no bias, and its interval leaves 2.5 % each."""
    unit, df, to_effect = 10**4, 2 * n - 2, math.sqrt(2 / n)
    total = round(shift * unit)
    spread = (n - 1) * unit**2
    g = st.hedges_g(Moments(n, n * total, n * total**2 + spread), Moments(n, 0, spread))
    bias, t = chi_average(df, lambda s: 1 / s), shift / to_effect
    assert g.estimate == pytest.approx(shift / bias, rel=1e-8)
    for end, probability in ((g.low, 0.975), (g.high, 0.025)):
        noncentrality = end * bias / to_effect
        found = chi_average(df, partial(noncentral_t_tail, t, noncentrality))
        assert found == pytest.approx(probability, abs=1e-8)


def noncentral_t_tail(t: float, noncentrality: float, s: Any) -> Any:
    """P(Z + noncentrality <= t S) for an S."""
    return stats.norm.cdf(t * s - noncentrality)


# Ranks


def test_brunner_munzel_against_published_results() -> None:
    result = st.brunner_munzel(ranks_of(*NEUBERT))  # R: lawstat::brunner.munzel.test
    test = (result.statistic, result.df, result.p_value)
    assert test == pytest.approx((3.1374674823029505, 17.682841979481548, 0.0057862086661515377), rel=1e-11)
    ends = (float(result.difference), *result.interval())
    assert ends == pytest.approx((0.288961, 0.0952169, 0.4827052), abs=5e-7)


# Proportions


def all_tables(one: Counts, two: Counts) -> float:
    """Fisher's p by exact enumeration in whole numbers."""
    successes = one.successes + two.successes
    ways = {
        k: math.comb(one.n, k) * math.comb(two.n, successes - k)
        for k in range(max(0, successes - two.n), min(one.n, successes) + 1)
    }
    return float(Fraction(sum(way for way in ways.values() if way <= ways[one.successes]), sum(ways.values())))


@given(some.integers(0, 40), some.integers(1, 40), some.integers(0, 40), some.integers(1, 40))
@deterministic
def test_fisher_is_enumeration(x_1: int, n_1: int, x_2: int, n_2: int) -> None:
    one, two = Counts(min(x_1, n_1), n_1), Counts(min(x_2, n_2), n_2)
    assert st.fisher_exact(one, two) == pytest.approx(all_tables(one, two), rel=1e-11)


def test_fisher_of_thousands_and_of_millions() -> None:
    for one, two in PROPORTIONS[:4]:
        assert st.fisher_exact(one, two) == pytest.approx(all_tables(one, two), rel=1e-9)
    n = 5 * 10**7
    one, two = Counts(n // 10, n), Counts(n // 10 + 7071, n)
    z = (one.rate - two.rate) / math.sqrt(2 * 0.1 * 0.9 / n)
    assert st.fisher_exact(one, two) == pytest.approx(2 * stats.norm.cdf(float(z)), rel=1e-2)


# R's and the papers' own figures: the function, the table, what it gives, to how many digits it is printed.
PUBLISHED: list[tuple[Callable[..., Any], tuple[int, int, int, int], tuple[float, ...], float]] = [
    # Newcombe (1998), Statistics in Medicine 17, table II, methods 10 and 5: 56/70 - 48/80 and so on
    (st.newcombe_difference, (56, 14, 48, 32), (0.2, 0.0524, 0.3339), 5.1e-5),
    (st.newcombe_difference, (9, 1, 3, 7), (0.6, 0.1705, 0.8090), 5.1e-5),
    (st.newcombe_difference, (5, 51, 0, 29), (0.0893, -0.0381, 0.1926), 5.1e-5),
    (st.newcombe_difference, (10, 0, 0, 10), (1.0, 0.6075, 1.0), 5.1e-5),
    (score_difference, (56, 14, 48, 32), (0.2, 0.0533, 0.3377), 5.1e-5),
    (score_difference, (9, 1, 3, 7), (0.6, 0.1821, 0.8370), 5.1e-5),
    (score_difference, (6, 1, 2, 5), (0.5714, 0.0544, 0.8478), 5.1e-5),
    (score_difference, (5, 51, 0, 29), (0.0893, -0.0313, 0.1926), 5.1e-5),
    (score_difference, (0, 10, 0, 10), (0.0, -0.2775, 0.2775), 5.1e-5),
    (score_difference, (10, 0, 0, 10), (1.0, 0.6777, 1.0), 5.1e-5),
    # R: the 2x2 table of statsmodels' Test2x2_1
    (st.odds_ratio, (2, 2, 2, 2), (1, 0.062548836166112329, 15.987507702689751), 1e-9),
    (st.risk_ratio, (2, 2, 2, 2), (1, 0.25009765325990629, 3.9984381579173824), 1e-9),
    # R: PropCIs::riskscoreci(36, 40, 16, 80) is 2.94 to 7.15, the example of Koopman (1984)
    (reduction, (36, 4, 16, 64), (-3.5, -6.15, -1.94), 5.1e-3),
    # R: fisher.test, the second is the lady tasting tea
    (st.fisher_exact, (2, 7, 8, 2), (0.02301413756522,), 1e-12),
    (st.fisher_exact, (3, 1, 1, 3), (0.4857142857143,), 1e-12),
]


@pytest.mark.parametrize(("function", "table", "published", "digits"), PUBLISHED)
def test_proportions_against_published_results(
    function: Callable[..., Any], table: tuple[int, ...], published: tuple[float, ...], digits: float
) -> None:
    found = outcome(lambda: function(*counts(table)))
    assert (found if isinstance(found, tuple) else (found,)) == pytest.approx(published, abs=digits)


@pytest.mark.parametrize("beside", [1, 5, 20, 1000])
def test_the_score_interval_of_a_million_clients_all_alike(beside: int) -> None:
    """By Wilson's formula: all of the other group are alike, too, so that its most likely rate is 0 or 1 throughout."""
    n, z = 1_000_000, stats.norm.ppf(0.975)
    upper = z**2 / (n + z**2)
    for found in (
        score_difference(Counts(0, n), Counts(0, beside)),
        score_difference(Counts(beside, beside), Counts(n, n)),
    ):
        assert found.high == pytest.approx(upper, rel=1e-9)


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
def test_proportions_against_scipy(one: Counts, two: Counts) -> None:
    table = np.array([[one.successes, one.failures], [two.successes, two.failures]])
    chi = stats.chi2_contingency(table, correction=False)
    z, p_value = st.two_proportion_z(one, two)
    assert (z**2, p_value) == close((chi.statistic, chi.pvalue))
    assert math.copysign(1, z) == math.copysign(1, one.rate - two.rate)
    v, n = st.cramers_v(one, two), one.n + two.n
    assert v.estimate == close(stats.contingency.association(table, method="cramer"))
    if v.high < 1:
        assert stats.ncx2.cdf(chi.statistic, 1, n * v.high**2) == pytest.approx(0.025, rel=1e-6)
    if v.low:
        assert stats.ncx2.cdf(chi.statistic, 1, n * v.low**2) == pytest.approx(0.975, rel=1e-9)
    odds, risk = (stats.contingency.odds_ratio(table, kind="sample"), stats.contingency.relative_risk)
    ends = odds.confidence_interval(0.95)
    assert dataclasses.astuple(st.odds_ratio(one, two)) == close((odds.statistic, ends.low, ends.high))
    ratio = risk(one.successes, one.n, two.successes, two.n)
    ends = ratio.confidence_interval(0.95)
    assert dataclasses.astuple(st.risk_ratio(one, two)) == close((ratio.relative_risk, *ends))


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
def test_the_reduction_of_a_rate(one: Counts, two: Counts) -> None:
    """Against statsmodels, where it has an answer; where the z-test rejects, no reduction of zero is left."""
    found = reduction(one, two)
    if one.failures and two.failures and one.successes:
        high, low = proportion.confint_proportions_2indep(
            *(one.successes, one.n, two.successes, two.n), method="score", compare="ratio", correction=False
        )
        assert (found.low, found.high) == pytest.approx((1 - low, 1 - high), rel=1e-4)
    assert (found.low > 0 or found.high < 0) == (st.two_proportion_z(one, two)[1] < 0.05)
    assert found.low < found.estimate < found.high or found.estimate == 1


def likeliest_statistic(one: Counts, two: Counts, delta: float) -> float:
    """Distance from `delta` in standard errors at the likeliest pair of proportions, found by maximisation."""

    def loss(second: float) -> float:
        return -float(
            stats.binom.logpmf(one.successes, one.n, second + delta) + stats.binom.logpmf(two.successes, two.n, second)
        )

    bounds = (max(0.0, -delta) + 1e-12, min(1.0, 1 - delta) - 1e-12)
    best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
    variance = stats.binom.var(1, best + delta) / one.n + stats.binom.var(1, best) / two.n
    return float((one.rate - two.rate - Fraction(delta)) / Fraction(math.sqrt(variance)))


@pytest.mark.parametrize(("one", "two"), PROPORTIONS)
def test_score_methods_against_maximisation(one: Counts, two: Counts) -> None:
    n = one.n + two.n
    for margin in (0.01, 0.05, 0.3):
        corrected = math.sqrt((n - 1) / n)
        p_low = stats.norm.sf(likeliest_statistic(one, two, -margin) * corrected)
        p_high = stats.norm.cdf(likeliest_statistic(one, two, margin) * corrected)
        assert st.tost_proportions(one, two, margin) == pytest.approx(max(p_low, p_high), rel=1e-3)
    for confidence in (0.9, 0.9875):
        interval, critical = st.score_difference(one, two, confidence), stats.norm.ppf((1 + confidence) / 2)
        assert likeliest_statistic(one, two, interval.low) == pytest.approx(critical, rel=1e-5)
        assert likeliest_statistic(one, two, interval.high) == pytest.approx(-critical, rel=1e-5)


def test_tost_proportions_against_published_interval() -> None:
    """A score interval ends where a one-sided test has 2.5 %. R: PropCIs::diffscoreci(7, 34, 1, 34, .95)."""
    assert st.tost_proportions(Counts(7, 34), Counts(1, 34), 0.3452912) == pytest.approx(0.025, abs=1e-5)
    assert st.tost_proportions(Counts(7, 34), Counts(1, 34), 0.0270416) == pytest.approx(0.975, abs=1e-5)
    assert 0 < st.tost_proportions(Counts(0, 500), Counts(0, 500), 0.02) < 0.01


def test_cohen_h_interval_covers_as_promised() -> None:
    rng = np.random.default_rng(20260101)
    truth = 2 * (math.asin(math.sqrt(0.3)) - math.asin(math.sqrt(0.2)))
    draws = zip(rng.binomial(400, 0.3, 2000).tolist(), rng.binomial(600, 0.2, 2000).tolist(), strict=True)
    found = [st.cohen_h(Counts(x, 400), Counts(y, 600)) for x, y in draws]
    assert sum(h.low <= truth <= h.high for h in found) / 2000 == pytest.approx(0.95, abs=0.016)
    assert st.cohen_h(Counts(5, 5), Counts(0, 5)).high == pytest.approx(math.pi)


# What is shown agrees with what is decided

digits = some.integers(0, 9)
cells = some.tuples(some.integers(0, 60), some.integers(0, 60))
groups = some.lists(some.integers(-30, 30), min_size=2, max_size=12)


@given(cells, cells, some.floats(0.5, 0.999))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_score_difference_excludes_zero_exactly_where_the_z_test_rejects(
    first: tuple[int, int], second: tuple[int, int], confidence: float
) -> None:
    one, two = counts([*first, *second])
    interval = outcome(lambda: st.score_difference(one, two, confidence))
    if interval is Reason.EMPTY_GROUP:
        assert 0 in (one.n, two.n)
        return
    estimate, low, high = interval
    assert -1 <= low <= estimate <= high <= 1
    test = outcome(lambda: st.two_proportion_z(one, two))
    p_value = 1.0 if isinstance(test, Reason) else test[-1]
    if abs(p_value - (1 - confidence)) > 1e-12:  # otherwise rounding decides
        assert (low > 0 or high < 0) == (p_value < 1 - confidence)


@given(
    some.lists(some.tuples(some.integers(0, 9), some.integers(0, 9)), min_size=2, max_size=6),
    some.floats(0.5, 0.999),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_mann_whitney_superiority_excludes_a_half_exactly_where_the_test_rejects(
    levels: list[tuple[int, int]], confidence: float
) -> None:
    ranks = ranks_of_levels(levels)
    test = outcome(lambda: st.mann_whitney_u(ranks))
    interval = outcome(lambda: st.mann_whitney_superiority(ranks, confidence))
    if isinstance(test, Reason):
        assert interval is test
    elif abs(test[1] - (1 - confidence)) > 1e-12:
        assert (interval[1] > 0.5 or interval[2] < 0.5) == (test[1] < 1 - confidence)


def test_holm_by_hand() -> None:
    assert st.holm([]) == []
    first, not_tested, *others = st.holm([0.01, None, 0.04, 0.03])
    assert (not_tested.p_value, not_tested.confidence) == (None, None)
    assert [each.p_value for each in (first, *others)] == pytest.approx([0.03, 0.06, 0.06])
    # Two of four rejected: tested at 5 %/4 and 5 %/3, and stopped at 5 %/2.
    levels = [each.confidence for each in st.holm([0.6, 0.001, 0.03, 0.01])]
    assert levels == pytest.approx([0.975, 1 - 0.05 / 4, 0.975, 1 - 0.05 / 3])


# Strata


def test_stratified_against_published_results() -> None:
    result = st.cochran_mantel_haenszel(STRATIFIED)  # R: mantelhaen.test, DescTools::BreslowDayTest
    assert result.odds_ratio is not None
    assert dataclasses.astuple(result.odds_ratio) == pytest.approx((3.5912, 1.781135, 7.240633), abs=5e-5)
    assert result.homogeneity_p_value == pytest.approx(0.7645, abs=5e-5)
    admissions = st.cochran_mantel_haenszel(ADMISSIONS)  # R: mantelhaen.test(UCBAdmissions, correct=FALSE)
    assert admissions.odds_ratio is not None
    assert dataclasses.astuple(admissions.odds_ratio) == pytest.approx((0.9046968, 0.7719074, 1.0603298), abs=5e-8)
    assert (admissions.statistic, admissions.p_value) == pytest.approx((1.5246, 0.2169), abs=5e-5)
    # R: BreslowDayTest of statsmodels' third example
    third = [(313, 512, 19, 89), (207, 353, 8, 17), (205, 120, 391, 202), (278, 139, 244, 131)]
    third += [(138, 53, 299, 94), (351, 22, 317, 24)]
    homogeneity = st.cochran_mantel_haenszel([Stratum(*cells) for cells in third]).homogeneity_p_value
    assert homogeneity == pytest.approx(0.002064786, abs=5e-10)
    far = st.cochran_mantel_haenszel([Stratum(400, 4000, 1400, 3600), Stratum(350, 4200, 1300, 3700)])
    assert 0 < far.p_value < 1e-200  # what one minus a probability could not show


def test_one_stratum_is_the_plain_table_and_empty_ones_are_counted() -> None:
    """Then the statistic is (n-1)/n of Pearson's, the odds ratio is the sample's, its interval is Woolf's."""
    result = st.cochran_mantel_haenszel(STRATIFIED[:1])
    chi = stats.chi2_contingency([[20, 14], [10, 24]], correction=False)
    assert result.statistic == close(chi.statistic * 67 / 68)
    assert result.odds_ratio is not None
    assert dataclasses.astuple(result.odds_ratio) == close(dataclasses.astuple(st.odds_ratio(*counts(FIVE[0]))))
    assert result.homogeneity_p_value is None
    empty = [(0, 0, 5, 7), (3, 4, 0, 0), (0, 2, 0, 9), (4, 0, 3, 0), (0, 0, 0, 0), (1, 0, 0, 0)]
    padded = st.cochran_mantel_haenszel([*STRATIFIED, *(Stratum(*each) for each in empty)])
    assert padded == dataclasses.replace(st.cochran_mantel_haenszel(STRATIFIED), strata_dropped=6)
    one_sided = st.cochran_mantel_haenszel([Stratum(5, 0, 0, 5), Stratum(3, 1, 0, 4)])
    assert (one_sided.odds_ratio, one_sided.homogeneity_p_value) == (None, None)
    assert 0 < one_sided.p_value < 0.01


# Symmetry and degenerate input

NONE, ALL, HALF, EMPTY = Counts(0, 10), Counts(10, 10), Counts(5, 10), Counts(0, 0)


@given(groups, groups, cells, cells, some.integers(-1000, 1000), some.integers(1, 50))
@deterministic
def test_swapping_the_groups_or_the_units_changes_only_signs(
    one: list[int], two: list[int], first: tuple[int, int], second: tuple[int, int], shift: int, unit: int
) -> None:
    def both(function: Callable[..., Any], *pair: Any) -> tuple[Any, Any]:
        there, back = outcome(lambda: function(*pair)), outcome(lambda: function(*reversed(pair)))
        return (0, 0) if isinstance(there, Reason) and there is back else (there, back)

    sums = moments_of(one, two)
    there, back = both(st.hedges_g, *sums)
    assert back == (there if there == 0 else pytest.approx((-there[0], -there[2], -there[1]), rel=1e-7, abs=1e-9))
    moved = moments_of([unit * x + shift for x in one], [unit * x + shift for x in two], unit)
    plain, again = outcome(lambda: welch_t(*sums)), outcome(lambda: welch_t(*moved))
    assert again == (plain if isinstance(plain, Reason) else close(plain))
    cubed = ranks_of([x**3 + 2 * x for x in one], [x**3 + 2 * x for x in two])
    assert cubed == ranks_of(one, two)
    rates = counts([*first, *second])
    for unchanged in (st.fisher_exact, partial(st.tost_proportions, margin=0.1)):
        there, back = both(unchanged, *rates)
        assert back == pytest.approx(there, rel=1e-7)
    for reversed_sign in (st.newcombe_difference, st.cohen_h, score_difference):
        there, back = both(reversed_sign, *rates)
        assert back == (there if there == 0 else pytest.approx((-there[0], -there[2], -there[1]), abs=1e-9))


def test_an_empty_group_has_no_answer() -> None:
    """What else has none is in test_hypotheses.py, where an empty group never gets as far as here."""
    full, nobody = moments([1, 2, 3]), Moments(0, 0, 0)
    for pair in ((nobody, full), (full, nobody), (nobody, nobody)):
        assert outcome(partial(st.welch_t, *pair)) is outcome(partial(st.hedges_g, *pair)) is Reason.EMPTY_GROUP
    for ranks in map(ranks_of_levels, ([], [(3, 0)], [(0, 3)])):
        assert outcome(partial(st.mann_whitney_u, ranks)) is Reason.EMPTY_GROUP
        assert outcome(partial(st.brunner_munzel, ranks)) is Reason.EMPTY_GROUP


_ZERO = dict.fromkeys(product((NONE, ALL, HALF), repeat=2), Reason.ZERO_CELL)


@pytest.mark.parametrize(
    ("function", "undefined"),
    [
        (st.two_proportion_z, {(NONE, NONE): Reason.NO_VARIATION, (ALL, ALL): Reason.NO_VARIATION}),
        (st.cramers_v, {(NONE, NONE): Reason.NO_VARIATION, (ALL, ALL): Reason.NO_VARIATION}),
        (st.fisher_exact, {}),
        (st.newcombe_difference, {}),
        (score_difference, {}),
        (st.cohen_h, {}),
        (partial(st.tost_proportions, margin=0.1), {}),
        (
            st.risk_ratio,
            {pair: _ZERO[pair] for pair in _ZERO if NONE in pair} | {(ALL, ALL): Reason.NO_VARIATION},
        ),
        (reduction, {(each, NONE): Reason.ZERO_CELL for each in (NONE, ALL, HALF)}),
        (st.odds_ratio, {pair: _ZERO[pair] for pair in _ZERO if pair != (HALF, HALF)}),
    ],
)
def test_proportions_without_an_answer(
    function: Callable[[Counts, Counts], object], undefined: dict[tuple[Counts, Counts], Reason]
) -> None:
    for one, two in product((NONE, ALL, HALF, EMPTY), repeat=2):
        expected = Reason.EMPTY_GROUP if EMPTY in (one, two) else undefined.get((one, two))
        found = outcome(partial(function, one, two))
        assert (found if isinstance(found, Reason) else None) is expected, (one, two)


def numbers(result: object) -> Iterator[float]:
    """Every number in a result, also inside nested results."""
    if isinstance(result, tuple):
        for part in result:
            yield from numbers(part)
    elif isinstance(result, int | float):
        yield float(result)


few = some.lists(some.integers(0, 3) | some.sampled_from([10**15, 10**15 + 1]), max_size=6)
table = some.tuples(*[some.integers(0, 4) | some.just(10**6)] * 4)


@given(few, few, table, some.lists(table, max_size=4))
@settings(derandomize=True, deadline=None, max_examples=120)
def test_nothing_is_ever_nan(
    one: list[int], two: list[int], cells: tuple[int, ...], strata: list[tuple[int, ...]]
) -> None:
    of_means = (welch_t, st.hedges_g)
    of_ranks = (st.mann_whitney_u, partial(st.mann_whitney_superiority, confidence=0.95), brunner_munzel)
    of_rates = (
        *(st.two_proportion_z, st.fisher_exact, st.newcombe_difference, score_difference, st.risk_ratio),
        *(reduction, st.odds_ratio, st.cohen_h, st.cramers_v),
        partial(st.tost_proportions, margin=0.02),
    )
    calls: list[Callable[[], Any]] = [
        *(partial(function, *moments_of(one, two)) for function in of_means),
        *(partial(function, ranks_of(one, two)) for function in of_ranks),
        *(partial(function, *counts(cells)) for function in of_rates),
        lambda: st.cochran_mantel_haenszel([Stratum(*each) for each in (*strata, cells)]),
    ]
    for call in calls:
        found = outcome(call)
        if not isinstance(found, Reason):
            assert not any(math.isnan(number) for number in numbers(found)), found
