"""Power: the sample generator plants known differences, and how often they are found is compared with the theory."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from scipy import stats
from statsmodels.stats.proportion import power_proportions_2indep

from bank_segments import statistics
from bank_segments.ingest.sample import write_sample
from bank_segments.statistics import Counts, Moments
from calibration.rates import Rate

ALPHA = 0.05
TRUTH_ROWS = 10_000_000
CLIENTS = 2_000
# Shifts planted in two-product clients, from a difference that is nearly always found to none and back.
SHIFTS: dict[str, tuple[float, ...]] = {
    "h1_age": (0.0, 0.48, 0.96, 1.44, 1.92, 2.88, 3.84),
    "h2_salary": (0.0, 2_000.0, 4_000.0, 6_000.0, 8_000.0, 10_000.0, 12_000.0),
    "h3_rostov_share": (-0.02, 0.0, 0.02, 0.038, 0.06, 0.08, 0.10),
    "h4_churn_share": (0.13, 0.15, 0.17, 0.19, 0.201, 0.22, 0.24),
}
_SHARES = ("h3_rostov_share", "h4_churn_share")
_SAMPLE_UNITS = {
    "h1_age": ('"Age"', 1),
    "h2_salary": ("cast(round(estimated_salary * 100) as bigint)", 100),
    "h3_rostov_share": ("cast(\"City\" = 'Ростов Великий' as bigint)", 1),
    "h4_churn_share": ('"Churn"', 1),
}


@dataclass(frozen=True)
class Power:
    """How often a planted difference was found, and how often theory says it is."""

    hypothesis_id: str
    shift: float
    true_difference: float
    rate: Rate


def _sample_moments(path: Path, name: str, clients: int) -> list[tuple[Moments, Moments]]:
    """Moments of both groups in each block of `clients` rows."""
    units, scale = _SAMPLE_UNITS[name]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            select
                (userid - 90000001) // {clients} as block,
                "Products" as products,
                count(*) as n,
                sum({units}) as total,
                sum(cast({units} as hugeint) * {units}) as squares
            from read_parquet(?)
            where "Products" in (1, 2)
            group by block, products
            order by block, products desc
            """,
            [str(path)],
        ).fetchall()
    sides = [Moments(n, int(total), int(squares), scale) for _, _, n, total, squares in rows]
    return list(zip(sides[::2], sides[1::2], strict=True))


def welch_power(difference: float, variance_1: float, variance_2: float, n_1: int, n_2: int) -> float:
    """Probability that Welch's test rejects: noncentral t with the degrees of freedom of the true variances.

    Moser, Stevens & Watts (1989); exact for equal groups with equal variances, where it is statsmodels' TTestIndPower,
    which takes no others.
    """
    part_1, part_2 = variance_1 / n_1, variance_2 / n_2
    df = (part_1 + part_2) ** 2 / (part_1**2 / (n_1 - 1) + part_2**2 / (n_2 - 1))
    noncentrality = difference / math.sqrt(part_1 + part_2)
    critical = stats.t.isf(ALPHA / 2, df)
    return float(sum(stats.nct.sf(critical, df, each) for each in (noncentrality, -noncentrality)))


def _theory(name: str, shift: float, truth: tuple[Moments, Moments], n_1: int, n_2: int) -> float:
    """The power after planting, for groups of these sizes.

    A part of a year makes that part of the clients a year older; salaries are stretched; a share moves as it is.
    """
    one, two = truth
    difference = float(one.mean - two.mean) + shift
    if name in _SHARES:
        power = power_proportions_2indep(
            difference, float(two.mean), n_1, ratio=n_2 / n_1, alpha=ALPHA, return_results=False
        )
        return float(power)
    variance = float(one.variance)
    if name == "h1_age":
        variance += (shift % 1) * (1 - shift % 1)
    else:
        variance *= (1 + shift / 100_000) ** 2
    return welch_power(difference, variance, float(two.variance), n_1, n_2)


def _p_value(name: str, one: Moments, two: Moments) -> float:
    if name in _SHARES:
        return statistics.two_proportion_z(Counts(one.total, one.n), Counts(two.total, two.n))[1]
    return statistics.welch_t(one, two).p_value


def power_curves(
    directory: Path,
    seed: int,
    samples: int = 2_000,
    shifts: Mapping[str, Sequence[float]] = SHIFTS,
    truth_rows: int = TRUTH_ROWS,
) -> list[Power]:
    """Plant each shift in `samples` independent samples and count how often the primary test finds it.

    The truth without a shift is counted in a large sample with another seed; the shift itself is known.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "planted.parquet"
    write_sample(path, truth_rows, seed)
    truth = {name: _sample_moments(path, name, truth_rows)[0] for name in shifts}
    found = []
    for at in range(max(map(len, shifts.values()))):
        planted = {name: values[at] for name, values in shifts.items() if at < len(values)}
        write_sample(path, samples * CLIENTS, seed + 1 + at, planted)
        for name, shift in planted.items():
            pairs = _sample_moments(path, name, CLIENTS)
            n_1, n_2 = (round(sum(pair[side].n for pair in pairs) / len(pairs)) for side in (0, 1))
            one, two = truth[name]
            rate = Rate(
                (name, "all_clients", f"shift {shift:g}"),
                n_1,
                n_2,
                rejected=sum(_p_value(name, *pair) < ALPHA for pair in pairs),
                trials=len(pairs),
                expected=_theory(name, shift, truth[name], n_1, n_2),
            )
            found.append(Power(name, shift, float(one.mean - two.mean) + shift, rate))
    path.unlink()
    names = list(shifts)
    return sorted(found, key=lambda each: (names.index(each.hypothesis_id), each.shift))


def measured_again(
    directory: Path, curves: Sequence[Power], samples: int, seed: int, truth_rows: int = TRUTH_ROWS
) -> list[Power]:
    """Measure each point outside its band once more, with another seed: chance does not repeat itself."""
    return [
        again
        for curve in curves
        if not curve.rate.is_within
        for again in power_curves(directory, seed, samples, {curve.hypothesis_id: (curve.shift,)}, truth_rows)
    ]
