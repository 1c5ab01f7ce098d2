"""Hypothesis tests finished from the sufficient statistics that SQL computes; one result row per planned test.

Group one is the register's first group (two products), group two the second (one product); every difference is one
minus two. Which tests run, with which margins, is the register's business, not this module's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, get_args, get_type_hints

import pandas as pd

from bank_segments import statistics
from bank_segments.statistics import Counts, Estimate, Moments, RankSums, Reason, UndefinedError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """One entry of the register of tests, with the alpha of its hypothesis.

    The margin is relative to group two's mean for a mean, a distance from 1/2 for a rank test, and absolute for a
    proportion.
    """

    hypothesis_id: str
    test: str
    is_primary: bool
    equivalence_margin: float
    alpha: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What SQL counted for one hypothesis in one population; `ranks` is None where it planned no rank test."""

    hypothesis_id: str
    population: str
    one: Moments
    two: Moments
    ranks: RankSums | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test says at one confidence level; fractions for proportions, the metric's unit for means.

    Rank tests compare the probability of superiority with its mirror, P(one > two) with P(two > one).
    """

    estimate_one: float
    estimate_two: float
    difference: Estimate
    statistic: float | None
    degrees_of_freedom: float | None
    p_value: float
    effect_size_name: str
    effect_size: Estimate
    margin: float
    equivalence_p_value: float


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One row of `int_hypothesis_tests`: hypothesis x population x test; without numbers where there is a reason."""

    hypothesis_id: str
    population: str
    test: str
    is_primary: bool
    n_two_products: int
    n_one_product: int
    estimate_two_products: float | None = None
    estimate_one_product: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    p_value: float | None = None
    p_value_adjusted: float | None = None
    confidence_adjusted: float | None = None
    difference_low_adjusted: float | None = None
    difference_high_adjusted: float | None = None
    effect_size_name: str | None = None
    effect_size: float | None = None
    effect_size_low: float | None = None
    effect_size_high: float | None = None
    equivalence_margin: float | None = None
    equivalence_p_value: float | None = None
    is_null_rejected: bool | None = None
    is_negligible: bool | None = None
    verdict: str | None = None
    reason_ru: str | None = None
    reason_en: str | None = None


Record = Mapping[str, Any]


def planned_tests(hypotheses: Sequence[Record], tests: Sequence[Record]) -> list[PlannedTest]:
    """Join the two registers: rows of the seeds `hypotheses` and `hypothesis_tests`, ordered by id, primary first."""
    alpha = {row["hypothesis_id"]: row["alpha"] for row in hypotheses}
    plan = [
        PlannedTest(
            hypothesis_id=row["hypothesis_id"],
            test=row["test"],
            is_primary=row["is_primary"],
            equivalence_margin=row["equivalence_margin"],
            alpha=alpha[row["hypothesis_id"]],
        )
        for row in tests
        if row["hypothesis_id"] in alpha
    ]
    return sorted(plan, key=lambda planned: (planned.hypothesis_id, not planned.is_primary, planned.test))


def samples(
    hypotheses: Sequence[Record], populations: Sequence[Record], moments: Sequence[Record], ranks: Sequence[Record]
) -> list[Sample]:
    """Gather what SQL counted: one sample per hypothesis and population; a group without clients has no row there."""
    by_group = {(row["hypothesis_id"], row["population"], row["client_group"]): row for row in moments}
    by_sample = {(row["hypothesis_id"], row["population"]): row for row in ranks}

    def group(hypothesis_id: str, population: str, client_group: str) -> Moments:
        row = by_group.get((hypothesis_id, population, client_group))
        if row is None:
            return Moments(0, 0, 0)
        return Moments(row["clients"], int(row["total_units"]), int(row["total_squared_units"]), row["units_per_one"])

    def rank_sums(hypothesis_id: str, population: str) -> RankSums | None:
        row = by_sample.get((hypothesis_id, population))
        if row is None:
            return None
        return RankSums(
            n_1=int(row["first_clients"]),
            n_2=int(row["second_clients"]),
            two_u=int(row["first_placements"]),
            tie_sum=int(row["tie_sum"]),
            sum_a_squares=int(row["first_squared_placements"]),
            sum_b_squares=int(row["second_squared_placements"]),
        )

    return [
        Sample(
            hypothesis_id=hypothesis["hypothesis_id"],
            population=population["population"],
            one=group(hypothesis["hypothesis_id"], population["population"], "first"),
            two=group(hypothesis["hypothesis_id"], population["population"], "second"),
            ranks=rank_sums(hypothesis["hypothesis_id"], population["population"]),
        )
        for hypothesis in hypotheses
        for population in populations
    ]


def _counts(sample: Sample) -> tuple[Counts, Counts]:
    return Counts(sample.one.total, sample.one.n), Counts(sample.two.total, sample.two.n)


def _ranks(sample: Sample) -> RankSums:
    if sample.ranks is None and not (sample.one.n and sample.two.n):
        raise UndefinedError(Reason.EMPTY_GROUP)
    if sample.ranks is None:
        raise ValueError(
            f"seeds/hypothesis_tests.csv plans a rank test for {sample.hypothesis_id}, "
            "whose kind in seeds/hypotheses.csv is not mean."
        )
    return sample.ranks


def _welch(sample: Sample, margin: float, confidence: float) -> Outcome:
    welch = statistics.welch_t(sample.one, sample.two, confidence)
    absolute = abs(margin * welch.mean_2)
    return Outcome(
        estimate_one=welch.mean_1,
        estimate_two=welch.mean_2,
        difference=Estimate(welch.difference, welch.low, welch.high),
        statistic=welch.statistic,
        degrees_of_freedom=welch.df,
        p_value=welch.p_value,
        effect_size_name="hedges_g",
        effect_size=statistics.hedges_g(sample.one, sample.two, CONFIDENCE),
        margin=absolute,
        equivalence_p_value=statistics.tost_welch(sample.one, sample.two, Fraction(absolute)).p_value,
    )


def _rank_outcome(sample: Sample, margin: float, confidence: float, *, use_mann_whitney: bool) -> Outcome:
    ranks = _ranks(sample)
    brunner = statistics.brunner_munzel(ranks, confidence)
    wide = statistics.brunner_munzel(ranks, CONFIDENCE)
    mann_whitney = statistics.mann_whitney_u(ranks)
    superiority = brunner.superiority
    return Outcome(
        estimate_one=superiority,
        estimate_two=1 - superiority,
        difference=Estimate(2 * superiority - 1, 2 * brunner.low - 1, 2 * brunner.high - 1),
        statistic=mann_whitney.u if use_mann_whitney else brunner.statistic,
        degrees_of_freedom=None if use_mann_whitney else brunner.df,
        p_value=mann_whitney.p_value if use_mann_whitney else brunner.p_value,
        effect_size_name="probability_of_superiority",
        effect_size=Estimate(superiority, wide.low, wide.high),
        # P within margin of 1/2 is 2P - 1 within twice the margin of 0.
        margin=2 * margin,
        equivalence_p_value=statistics.tost_superiority(ranks, margin).p_value,
    )


def _mann_whitney(sample: Sample, margin: float, confidence: float) -> Outcome:
    return _rank_outcome(sample, margin, confidence, use_mann_whitney=True)


def _brunner_munzel(sample: Sample, margin: float, confidence: float) -> Outcome:
    return _rank_outcome(sample, margin, confidence, use_mann_whitney=False)


def _two_proportion_z(sample: Sample, margin: float, confidence: float) -> Outcome:
    one, two = _counts(sample)
    z = statistics.two_proportion_z(one, two)
    return Outcome(
        estimate_one=z.rate_1,
        estimate_two=z.rate_2,
        difference=statistics.newcombe_difference(one, two, confidence),
        statistic=z.statistic,
        degrees_of_freedom=None,
        p_value=z.p_value,
        effect_size_name="cohen_h",
        effect_size=statistics.cohen_h(one, two, CONFIDENCE),
        margin=margin,
        equivalence_p_value=statistics.tost_proportions(one, two, margin).p_value,
    )


def _fisher(sample: Sample, margin: float, confidence: float) -> Outcome:
    one, two = _counts(sample)
    z = statistics.two_proportion_z(one, two)
    return Outcome(
        estimate_one=z.rate_1,
        estimate_two=z.rate_2,
        difference=statistics.newcombe_difference(one, two, confidence),
        statistic=None,
        degrees_of_freedom=None,
        p_value=statistics.fisher_exact(one, two),
        effect_size_name="odds_ratio",
        effect_size=statistics.odds_ratio(one, two, CONFIDENCE),
        margin=margin,
        equivalence_p_value=statistics.tost_proportions(one, two, margin).p_value,
    )


TESTS: dict[str, Callable[[Sample, float, float], Outcome]] = {
    "welch_t": _welch,
    "mann_whitney_u": _mann_whitney,
    "brunner_munzel": _brunner_munzel,
    "two_proportion_z": _two_proportion_z,
    "fisher_exact": _fisher,
}


def run_test(planned: PlannedTest, sample: Sample, confidence: float = CONFIDENCE) -> Outcome | Reason:
    """Return the outcome, or the reason why the test does not exist for this sample.

    Raises ValueError where the register names a test that nobody wrote.
    """
    if planned.test not in TESTS:
        raise ValueError(
            f"seeds/hypothesis_tests.csv names the test {planned.test}; known are {', '.join(sorted(TESTS))}."
        )
    try:
        return TESTS[planned.test](sample, planned.equivalence_margin, confidence)
    except UndefinedError as undefined:
        return undefined.reason


def _p_value(outcome: Outcome | Reason) -> float | None:
    return outcome.p_value if isinstance(outcome, Outcome) else None


def _undefined_row(planned: PlannedTest, sample: Sample, reason: Reason) -> ResultRow:
    return ResultRow(
        hypothesis_id=planned.hypothesis_id,
        population=sample.population,
        test=planned.test,
        is_primary=planned.is_primary,
        n_two_products=sample.one.n,
        n_one_product=sample.two.n,
        reason_ru=reason.ru,
        reason_en=reason.en,
    )


def _defined_row(
    planned: PlannedTest, sample: Sample, outcome: Outcome, adjusted: Outcome, p_adjusted: float, level: float
) -> ResultRow:
    difference = outcome.difference
    rejected = p_adjusted < planned.alpha
    return ResultRow(
        hypothesis_id=planned.hypothesis_id,
        population=sample.population,
        test=planned.test,
        is_primary=planned.is_primary,
        n_two_products=sample.one.n,
        n_one_product=sample.two.n,
        estimate_two_products=outcome.estimate_one,
        estimate_one_product=outcome.estimate_two,
        difference=difference.estimate,
        difference_low=difference.low,
        difference_high=difference.high,
        statistic=outcome.statistic,
        degrees_of_freedom=outcome.degrees_of_freedom,
        p_value=outcome.p_value,
        p_value_adjusted=p_adjusted,
        confidence_adjusted=level,
        difference_low_adjusted=adjusted.difference.low,
        difference_high_adjusted=adjusted.difference.high,
        effect_size_name=outcome.effect_size_name,
        effect_size=outcome.effect_size.estimate,
        effect_size_low=outcome.effect_size.low,
        effect_size_high=outcome.effect_size.high,
        equivalence_margin=outcome.margin,
        equivalence_p_value=outcome.equivalence_p_value,
        is_null_rejected=rejected,
        is_negligible=rejected and statistics.is_negligible(difference.low, difference.high, outcome.margin),
        verdict=statistics.verdict(p_adjusted, outcome.equivalence_p_value, planned.alpha),
    )


def result_rows(plan: Sequence[PlannedTest], samples: Iterable[Sample]) -> list[ResultRow]:
    """Run every planned test in every population and adjust the p-values for the number of hypotheses.

    The family of a population is its primary tests. A test that is not primary is adjusted as if it were its
    hypothesis' primary one, the other hypotheses keeping theirs. Raises ValueError for an unknown test.
    """
    rows: list[ResultRow] = []
    by_population: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        by_population.setdefault(sample.population, {})[sample.hypothesis_id] = sample
    for population in sorted(by_population):
        by_hypothesis = by_population[population]
        planned_here = [planned for planned in plan if planned.hypothesis_id in by_hypothesis]
        outcomes = {
            (planned.hypothesis_id, planned.test): run_test(planned, by_hypothesis[planned.hypothesis_id])
            for planned in planned_here
        }
        primary = {planned.hypothesis_id: planned.test for planned in planned_here if planned.is_primary}
        for planned in planned_here:
            sample = by_hypothesis[planned.hypothesis_id]
            outcome = outcomes[planned.hypothesis_id, planned.test]
            if isinstance(outcome, Reason):
                rows.append(_undefined_row(planned, sample, outcome))
                continue
            family = primary | {planned.hypothesis_id: planned.test}
            p_values = [_p_value(outcomes[member]) for member in family.items()]
            position = list(family).index(planned.hypothesis_id)
            p_adjusted = statistics.holm(p_values)[position]
            level = statistics.holm_confidence_levels(p_values, planned.alpha)[position]
            adjusted = run_test(planned, sample, level or CONFIDENCE)
            if p_adjusted is None or level is None or isinstance(adjusted, Reason):
                raise AssertionError(f"{planned} gave a p-value, but no adjusted one")
            rows.append(_defined_row(planned, sample, outcome, adjusted, p_adjusted, level))
    return rows


def _frame_type(annotation: object) -> str:
    """Return the nullable pandas type of a field, so that no missing value turns into NaN or 0."""
    names = {float: "Float64", int: "Int64", bool: "boolean"}
    (kind,) = [part for part in get_args(annotation) or (annotation,) if part is not type(None)]
    return names.get(kind, "object")


def results_frame(rows: Sequence[ResultRow]) -> pd.DataFrame:
    """Return the rows as a frame with one column per field, in the fields' order."""
    hints = get_type_hints(ResultRow)
    frame = pd.DataFrame([asdict(row) for row in rows], columns=list(hints), dtype="object")
    return frame.astype({name: _frame_type(hint) for name, hint in hints.items()})
