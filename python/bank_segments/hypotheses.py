"""Hypothesis tests finished from the sufficient statistics that SQL computes; one result row per planned test.

Group one is the register's first group (two products), group two the second (one product); every difference is one
minus two. Which tests run, with which margins, is the register's business, not this module's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bank_segments import statistics
from bank_segments.statistics import Counts, Estimate, Moments, RankSums, Reason, Stratum, UndefinedError
from bank_segments.statistics.sums import CONFIDENCE


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


@dataclass(frozen=True, order=True)
class Slice:
    """Which clients a family of tests looks at: a whole population with nothing trimmed, in all territories."""

    population: str
    trimming: str = "none"
    territory: str = "all"


@dataclass(frozen=True, slots=True)
class Sample:
    """What SQL counted for one hypothesis in one slice.

    `is_reported` samples get every planned test, the others only the primary one, for the sensitivity matrix. Of a
    sample with a group too small to be shown nothing is told, not even its sizes.
    `ranks` is None where SQL planned no rank test, `strata` is empty where the register names none.
    """

    hypothesis_id: str
    slice: Slice
    is_reported: bool
    one: Moments
    two: Moments
    ranks: RankSums | None = None
    strata: tuple[Stratum, ...] = ()
    is_too_small: bool = False

    def require_enough(self) -> None:
        """Raise `UndefinedError` where a group is too small to be shown."""
        if self.is_too_small:
            raise UndefinedError(Reason.TOO_FEW_CLIENTS)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one test says; fractions for proportions, the metric's unit for means. Intervals are 95 %.

    Rank tests compare the probability of superiority with its mirror, P(one > two) with P(two > one). Where the test
    does not exist for a sample there is but the reason.
    """

    first_group_estimate: float | None = None
    second_group_estimate: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    p_value: float | None = None
    effect_size_name: str | None = None
    effect_size: float | None = None
    effect_size_low: float | None = None
    effect_size_high: float | None = None
    equivalence_margin: float | None = None
    equivalence_p_value: float | None = None
    homogeneity_p_value: float | None = None
    strata_used: int | None = None
    strata_dropped: int | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow(Outcome):
    """One row of `int_hypothesis_tests`: hypothesis x slice x test; without numbers where there is a reason."""

    hypothesis_id: str
    population: str
    trimming: str
    territory: str
    is_reported: bool
    test: str
    is_primary: bool
    first_group_clients: int | None
    second_group_clients: int | None
    p_value_adjusted: float | None = None
    confidence_adjusted: float | None = None
    difference_low_adjusted: float | None = None
    difference_high_adjusted: float | None = None


Record = Mapping[str, Any]


def planned_tests(hypotheses: Sequence[Record], tests: Sequence[Record]) -> list[PlannedTest]:
    """Join the two registers: rows of the seeds `hypotheses` and `hypothesis_tests`, primary tests first."""
    alpha = {row["hypothesis_id"]: row["alpha"] for row in hypotheses}
    plan = [PlannedTest(**row, alpha=alpha[row["hypothesis_id"]]) for row in tests]
    return sorted(plan, key=lambda planned: (planned.hypothesis_id, not planned.is_primary, planned.test))


def samples(
    hypotheses: Sequence[Record],
    moments: Sequence[Record],
    ranks: Sequence[Record],
    strata: Sequence[Record],
    minimum_clients: int,
) -> list[Sample]:
    """Gather what SQL counted, one sample per hypothesis and slice; smaller groups than the minimum are not shown.

    A group without clients has no row in `moments`, and a reported population without any must be told all the same.
    """
    register = {row["hypothesis_id"]: row for row in hypotheses}
    groups: dict[tuple[str, Slice], dict[str, Record]] = {}
    for row in moments:
        groups.setdefault((row["hypothesis_id"], _slice(row)), {})[row["client_group"]] = row
    for hypothesis_id, hypothesis in register.items():
        for population in hypothesis["populations"].split():
            groups.setdefault((hypothesis_id, Slice(population)), {})
    rank_sums = {(row["hypothesis_id"], _slice(row)): rank_sums_of(row) for row in ranks}
    tables: dict[tuple[str, Slice], list[Stratum]] = {}
    for row in strata:
        table = Stratum(row["first_successes"], row["first_failures"], row["second_successes"], row["second_failures"])
        where = Slice(row["population"], territory=row["territory"])
        tables.setdefault((row["hypothesis_id"], where), []).append(table)
    return [
        Sample(
            hypothesis_id=hypothesis_id,
            slice=where,
            is_reported=where in map(Slice, register[hypothesis_id]["populations"].split()),
            one=_moments(group.get("first")),
            two=_moments(group.get("second")),
            ranks=rank_sums.get((hypothesis_id, where)),
            # Sorted, because the rows come in any order, and Breslow-Day adds doubles.
            strata=tuple(sorted(tables.get((hypothesis_id, where), ()))),
            is_too_small=any(
                0 < clients < minimum_clients
                for row in group.values()
                for clients in _told(row, register[hypothesis_id]["kind"])
            ),
        )
        for (hypothesis_id, where), group in groups.items()
    ]


def _told(group: Record, kind: str) -> tuple[int, ...]:
    """The numbers of clients that the size of a group tells, and the share in it where one is compared."""
    clients, successes = group["clients"], group["total_units"]
    return (clients, successes, clients - successes) if kind == "proportion" else (clients,)


def _slice(row: Record) -> Slice:
    return Slice(row["population"], row["trimming"], row["territory"])


def _moments(row: Record | None) -> Moments:
    if row is None:
        return Moments(0, 0, 0)
    return Moments(row["clients"], row["total_units"] or 0, row["total_squared_units"] or 0, row["units_per_one"])


def rank_sums_of(row: Record) -> RankSums:
    """Return the rank sums in a row of `int_hypothesis_rank_sums`."""
    return RankSums(
        n_1=int(row["first_clients"]),
        n_2=int(row["second_clients"]),
        two_u=int(row["first_placements"]),
        tie_sum=int(row["tie_sum"]),
        sum_a_squares=int(row["first_squared_placements"]),
        sum_b_squares=int(row["second_squared_placements"]),
    )


def _counts(sample: Sample) -> tuple[Counts, Counts]:
    return Counts(sample.one.total, sample.one.n), Counts(sample.two.total, sample.two.n)


def _ranks(sample: Sample) -> RankSums:
    if not (sample.one.n and sample.two.n):
        raise UndefinedError(Reason.EMPTY_GROUP)
    if sample.ranks is None:
        raise ValueError(f"{sample.hypothesis_id} has no rank sums: is a rank test planned of a share?")
    return sample.ranks


def _sized(outcome: Outcome, name: str, size: Estimate) -> Outcome:
    return replace(
        outcome,
        effect_size_name=name,
        effect_size=size.estimate,
        effect_size_low=size.low,
        effect_size_high=size.high,
    )


def _welch(sample: Sample, margin: float) -> Outcome:
    welch = statistics.welch_t(sample.one, sample.two)
    absolute = abs(margin * float(sample.two.mean))
    low, high = welch.interval()
    tested = Outcome(
        first_group_estimate=float(sample.one.mean),
        second_group_estimate=float(sample.two.mean),
        difference=float(welch.difference),
        difference_low=low,
        difference_high=high,
        statistic=welch.statistic,
        degrees_of_freedom=welch.df,
        p_value=welch.p_value,
        equivalence_margin=absolute,
        equivalence_p_value=welch.equivalence_p_value(absolute) if absolute else None,
    )
    return _sized(tested, "hedges_g", statistics.hedges_g(sample.one, sample.two))


def _superior(probability: float, margin: float) -> Outcome:
    """What rank tests say of the probability of superiority alone."""
    return Outcome(
        first_group_estimate=probability,
        second_group_estimate=1 - probability,
        difference=2 * probability - 1,
        effect_size_name="probability_of_superiority",
        effect_size=probability,
        # P within margin of 1/2 is 2P - 1 within twice the margin of 0.
        equivalence_margin=2 * margin,
    )


def _superiority(sample: Sample, confidence: float = CONFIDENCE) -> Estimate:
    """P, the probability of superiority, with the interval of Brunner and Munzel cut to 0..1."""
    brunner = statistics.brunner_munzel(_ranks(sample))
    low, high = brunner.interval(confidence)
    return Estimate(0.5 + float(brunner.difference), max(0.5 + low, 0.0), min(0.5 + high, 1.0))


def _brunner_munzel(sample: Sample, margin: float) -> Outcome:
    brunner, superiority = statistics.brunner_munzel(_ranks(sample)), _superiority(sample)
    low, high = _of_difference(superiority)
    return replace(
        _superior(superiority.estimate, margin),
        difference_low=low,
        difference_high=high,
        statistic=brunner.statistic,
        degrees_of_freedom=brunner.df,
        p_value=brunner.p_value,
        effect_size_low=superiority.low,
        effect_size_high=superiority.high,
        equivalence_p_value=brunner.equivalence_p_value(margin),
    )


def _mann_whitney(sample: Sample, margin: float) -> Outcome:
    """The test is Mann-Whitney's, the 95 % interval and the equivalence are Brunner-Munzel's, where they exist."""
    mann_whitney = statistics.mann_whitney_u(_ranks(sample))
    try:
        shown = _brunner_munzel(sample, margin)
    except UndefinedError:  # one client in a group, or no overlap: the spread of P is unknown, not P
        shown = _superior(mann_whitney.superiority, margin)
    return replace(shown, statistic=mann_whitney.u, degrees_of_freedom=None, p_value=mann_whitney.p_value)


# Fisher's test and the one within strata show its figures; families of trimmed samples take in untrimmed shares.
@lru_cache
def _two_proportion_z(sample: Sample, margin: float) -> Outcome:
    one, two = _counts(sample)
    statistic, p_value = statistics.two_proportion_z(one, two)
    newcombe = statistics.newcombe_difference(one, two)
    tested = Outcome(
        first_group_estimate=float(one.rate),
        second_group_estimate=float(two.rate),
        difference=newcombe.estimate,
        difference_low=newcombe.low,
        difference_high=newcombe.high,
        statistic=statistic,
        p_value=p_value,
        equivalence_margin=margin,
        equivalence_p_value=statistics.tost_proportions(one, two, margin),
    )
    return _sized(tested, "cohen_h", statistics.cohen_h(one, two))


def _fisher(sample: Sample, margin: float) -> Outcome:
    """With the odds ratio, or with Cohen's h where a zero cell leaves none."""
    one, two = _counts(sample)
    plain = _two_proportion_z(sample, margin)
    tested = replace(plain, statistic=None, p_value=statistics.fisher_exact(one, two))
    try:
        return _sized(tested, "odds_ratio", statistics.odds_ratio(one, two))
    except UndefinedError:
        return tested


def _cochran_mantel_haenszel(sample: Sample, margin: float) -> Outcome:
    """The difference shown is the one without strata; its equivalence says nothing within them, so there is none."""
    stratified = statistics.cochran_mantel_haenszel(sample.strata)
    tested = replace(
        _two_proportion_z(sample, margin),
        statistic=stratified.statistic,
        degrees_of_freedom=1.0,
        p_value=stratified.p_value,
        equivalence_p_value=None,
        homogeneity_p_value=stratified.homogeneity_p_value,
        strata_used=stratified.strata_used,
        strata_dropped=stratified.strata_dropped,
    )
    ratio = stratified.odds_ratio
    return _sized(tested, "mantel_haenszel_odds_ratio", ratio) if ratio else tested


def _of_difference(superiority: Estimate) -> tuple[float, float]:
    """Turn an interval of P, the probability of superiority, into one of 2P - 1."""
    return 2 * superiority.low - 1, 2 * superiority.high - 1


def _score_interval(sample: Sample, confidence: float) -> tuple[float, float]:
    score = statistics.score_difference(*_counts(sample), confidence)
    return score.low, score.high


Test = Callable[[Sample, float], Outcome]
Interval = Callable[[Sample, float], tuple[float, float]]

# Each test, and the differences that it keeps at a confidence level: they exclude zero exactly where it rejects.
# Neither the exact test nor the one within strata has an interval that always agrees with it.
TESTS: dict[str, tuple[Test, Interval | None]] = {
    "welch_t": (_welch, lambda sample, level: statistics.welch_t(sample.one, sample.two).interval(level)),
    "mann_whitney_u": (
        _mann_whitney,
        lambda sample, level: _of_difference(statistics.mann_whitney_superiority(_ranks(sample), level)),
    ),
    "brunner_munzel": (_brunner_munzel, lambda sample, level: _of_difference(_superiority(sample, level))),
    "two_proportion_z": (_two_proportion_z, _score_interval),
    "fisher_exact": (_fisher, None),
    "cochran_mantel_haenszel": (_cochran_mantel_haenszel, None),
}


def run_test(planned: PlannedTest, sample: Sample) -> Outcome:
    """Return the outcome, or why there is none."""
    test, _ = TESTS[planned.test]
    try:
        sample.require_enough()
        return test(sample, planned.equivalence_margin)
    except UndefinedError as undefined:
        return Outcome(reason_code=undefined.reason.value)


def result_rows(plan: Sequence[PlannedTest], found: Iterable[Sample]) -> list[ResultRow]:
    """Run the planned tests in every slice and adjust the p-values for the number of hypotheses.

    The family of a slice is the primary tests of its population and territory. A hypothesis that is not trimmed,
    because a share has no tails, is in the family of a trimmed slice as it stands: otherwise a verdict could change
    with the size of the family. A test that is not primary is adjusted as if it were its hypothesis' primary one, the
    other hypotheses keeping theirs.
    """
    by_slice: dict[Slice, dict[str, Sample]] = {}
    for sample in found:
        by_slice.setdefault(sample.slice, {})[sample.hypothesis_id] = sample
    return [
        row
        for where in sorted(by_slice)
        for row in _slice_rows(plan, by_slice[where], by_slice.get(replace(where, trimming="none"), {}))
    ]


def _slice_rows(
    plan: Sequence[PlannedTest], by_hypothesis: Mapping[str, Sample], untrimmed: Mapping[str, Sample]
) -> Iterator[ResultRow]:
    outcomes = {
        (planned.hypothesis_id, planned.test): run_test(planned, sample)
        for planned in plan
        if (sample := {**untrimmed, **by_hypothesis}.get(planned.hypothesis_id))
        and (planned.is_primary or sample.is_reported)
    }
    primary = {
        planned.hypothesis_id: planned.test
        for planned in plan
        if planned.is_primary and (planned.hypothesis_id, planned.test) in outcomes
    }
    for planned in plan:
        sample = by_hypothesis.get(planned.hypothesis_id)
        outcome = outcomes.get((planned.hypothesis_id, planned.test))
        if sample is None or outcome is None:
            continue
        family = primary | {planned.hypothesis_id: planned.test}
        p_values = [outcomes[member].p_value for member in family.items()]
        adjusted = statistics.holm(p_values, planned.alpha)[list(family).index(planned.hypothesis_id)]
        _, interval = TESTS[planned.test]
        low, high = interval(sample, adjusted.confidence) if interval and adjusted.confidence else (None, None)
        yield ResultRow(
            **vars(outcome),
            **vars(sample.slice),
            hypothesis_id=planned.hypothesis_id,
            is_reported=sample.is_reported,
            test=planned.test,
            is_primary=planned.is_primary,
            first_group_clients=None if sample.is_too_small else sample.one.n,
            second_group_clients=None if sample.is_too_small else sample.two.n,
            p_value_adjusted=adjusted.p_value,
            confidence_adjusted=adjusted.confidence,
            difference_low_adjusted=low,
            difference_high_adjusted=high,
        )


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One row of `int_hypothesis_effects`: hypothesis x population x effect size, with its 95 % interval."""

    hypothesis_id: str
    population: str
    effect_size_name: str
    effect_size: float | None = None
    effect_size_low: float | None = None
    effect_size_high: float | None = None
    reason_code: str | None = None


EFFECTS: dict[str, dict[str, Callable[[Sample], Estimate]]] = {
    "mean": {
        "hedges_g": lambda sample: statistics.hedges_g(sample.one, sample.two),
        "probability_of_superiority": _superiority,
    },
    "rank": {"probability_of_superiority": _superiority},
    "proportion": {
        "risk_difference": lambda sample: statistics.newcombe_difference(*_counts(sample)),
        "risk_ratio": lambda sample: statistics.risk_ratio(*_counts(sample)),
        "odds_ratio": lambda sample: statistics.odds_ratio(*_counts(sample)),
        "cohen_h": lambda sample: statistics.cohen_h(*_counts(sample)),
        "cramers_v": lambda sample: statistics.cramers_v(*_counts(sample)),
    },
}


def effect_rows(hypotheses: Sequence[Record], found: Iterable[Sample]) -> list[EffectRow]:
    """Return every effect size that suits the kind of the hypothesis, for each reported sample."""
    kinds = {row["hypothesis_id"]: row["kind"] for row in hypotheses}
    rows = []
    for sample in sorted((s for s in found if s.is_reported), key=lambda s: (s.hypothesis_id, s.slice)):
        for name, effect in EFFECTS[kinds[sample.hypothesis_id]].items():
            named = sample.hypothesis_id, sample.slice.population, name
            try:
                sample.require_enough()
                size = effect(sample)
                rows.append(EffectRow(*named, size.estimate, size.low, size.high))
            except UndefinedError as undefined:
                rows.append(EffectRow(*named, reason_code=undefined.reason.value))
    return rows
