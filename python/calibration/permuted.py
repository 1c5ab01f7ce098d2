"""What is permuted: the clients of both groups of a hypothesis, and their sums for many labelings at once.

The sums are those that SQL would deliver. One row of `labels` is one labeling, 1 for group one and 0 for group two.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from bank_segments.database import literal, rows_of
from bank_segments.hypotheses import PlannedTest, planned_tests
from bank_segments.statistics import Counts, Moments, RankSums, Stratum

# So many permutations are shuffled at once: some 40 MB for ten thousand clients.
BATCH = 500

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Register:
    """The seeds that plan the tests, and the integer units in one year, ruble or point of each hypothesis."""

    hypotheses: list[dict[str, Any]]
    plan: list[PlannedTest]
    populations: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    units_per_one: dict[str, int]


@dataclass(frozen=True)
class Clients:
    """The clients of both groups of one hypothesis in one population, whose metric is known; arrays by client."""

    hypothesis_id: str
    population: str
    is_first: npt.NDArray[np.bool_]
    units: Integers
    units_per_one: int
    strata: Integers

    @property
    def sizes(self) -> tuple[int, int]:
        """How many clients the groups have."""
        n_1 = int(self.is_first.sum())
        return n_1, len(self.is_first) - n_1

    @property
    def together(self) -> Moments:
        """Moments of both groups as one."""
        values = self.units.tolist()
        return Moments(len(values), sum(values), sum(value * value for value in values), self.units_per_one)


def read_register(connection: duckdb.DuckDBPyConnection) -> Register:
    """Read the register from a built warehouse."""
    hypotheses = rows_of(connection, "select * from reference.hypotheses order by sort_order, hypothesis_id")
    scales = "select distinct hypothesis_id, units_per_one from intermediate.int_hypothesis_moments"
    return Register(
        hypotheses=hypotheses,
        plan=planned_tests(hypotheses, rows_of(connection, "select * from reference.hypothesis_tests")),
        populations=rows_of(connection, "select * from reference.populations order by sort_order"),
        rules=rows_of(connection, "select * from reference.population_rules order by all"),
        units_per_one=dict(connection.execute(scales).fetchall()),
    )


def _condition(register: Register, population: Record) -> str:
    rules = [
        f"{rule['column_name']} {rule['operator']} {literal(str(rule['value']))}"
        for rule in register.rules
        if rule["population"] == population["population"]
    ]
    met = " and ".join(rules) or "true"
    return f"({met}) is not true" if population["rules_mean"] == "drop" else met


def read_clients(connection: duckdb.DuckDBPyConnection, register: Register, hypothesis: Record) -> Iterator[Clients]:
    """Yield what a hypothesis compares in each population in which it is reported, from int_clients_segmented."""
    scale = register.units_per_one[hypothesis["hypothesis_id"]]
    metric, group = hypothesis["metric_column"], hypothesis["group_column"]
    first, second = (literal(str(hypothesis[name])) for name in ("first_group", "second_group"))
    is_share = hypothesis["kind"] == "proportion"
    units = f"{metric} = {literal(str(hypothesis['success_value']))}" if is_share else f"{metric} * {scale}"
    strata = f"concat_ws(' | ', {', '.join(named.split())})" if (named := hypothesis["strata"]) else "''"
    for population in register.populations:
        if population["population"] not in hypothesis["populations"].split():
            continue
        found = connection.execute(
            f"""
            select
                {group} = {first} as is_first,
                cast({units} as bigint) as units,
                {strata} as stratum
            from intermediate.int_clients_segmented
            where {group} in ({first}, {second}) and {metric} is not null and {_condition(register, population)}
            order by client_key
            """
        ).fetchnumpy()
        stratum = np.asarray(found["stratum"], dtype=str)
        yield Clients(
            hypothesis_id=hypothesis["hypothesis_id"],
            population=population["population"],
            is_first=np.asarray(found["is_first"], dtype=np.bool_),
            units=np.asarray(found["units"], dtype=np.int64),
            units_per_one=scale,
            strata=np.unique(stratum, return_inverse=True)[1],
        )


def shuffled(clients: Clients, rng: np.random.Generator, permutations: int) -> Iterator[Floats]:
    """Labelings with the sizes of the real groups, in batches."""
    n, n_1 = len(clients.is_first), clients.sizes[0]
    for start in range(0, permutations, BATCH):
        labels = np.zeros((min(BATCH, permutations - start), n))
        for row in labels:
            row[rng.permutation(n)[:n_1]] = 1
        yield labels


def moments(labels: Floats, clients: Clients) -> list[tuple[Moments, Moments]]:
    """Moments of both groups, per labeling."""
    both = clients.together
    if both.total_squares >= 2**63:
        raise OverflowError(f"{clients.hypothesis_id} has more clients than integers of 64 bits add up")
    columns = np.stack((np.ones_like(clients.units), clients.units, clients.units**2), axis=1)
    return [
        (
            Moments(n, total, squares, both.scale),
            Moments(both.n - n, both.total - total, both.total_squares - squares, both.scale),
        )
        for n, total, squares in (labels.astype(np.int64) @ columns).tolist()
    ]


def counts(labels: Floats, clients: Clients) -> list[tuple[Counts, Counts]]:
    """Successes among the clients of both groups, per labeling."""
    return [(Counts(one.total, one.n), Counts(two.total, two.n)) for one, two in moments(labels, clients)]


def rank_sums(labels: Floats, clients: Clients) -> list[tuple[RankSums]]:
    """Rank sums of both groups, per labeling."""
    _, level, in_level = np.unique(clients.units, return_inverse=True, return_counts=True)
    order = np.argsort(level, kind="stable")
    first = np.add.reduceat(labels[:, order], np.cumsum(in_level) - in_level, axis=1)
    return rank_sums_of_levels(first, in_level.astype(np.float64) - first)


def rank_sums_of_levels(first: Floats, second: Floats) -> list[tuple[RankSums]]:
    """Rank sums from the clients of both groups per level, labelings x levels; exact: whole numbers below 2**53."""
    up_to_first, up_to_second = np.cumsum(first, axis=1), np.cumsum(second, axis=1)
    placement_1 = 2 * up_to_second - second
    placement_2 = 2 * up_to_first - first
    tied = first + second
    sums = (
        up_to_first[:, -1],
        up_to_second[:, -1],
        np.einsum("ij,ij->i", first, placement_1),
        np.einsum("ij,ij,ij->i", tied, tied, tied) - tied.sum(axis=1),
        np.einsum("ij,ij,ij->i", first, placement_1, placement_1),
        np.einsum("ij,ij,ij->i", second, placement_2, placement_2),
    )
    return [(RankSums(*map(int, each)),) for each in zip(*sums, strict=True)]


def strata(labels: Floats, clients: Clients) -> list[tuple[list[Stratum]]]:
    """2x2 tables of every stratum, per labeling."""
    cells = clients.strata * 2 + (1 - clients.units)
    columns = 2 * (int(clients.strata.max()) + 1)
    one = (labels @ np.eye(columns)[cells]).astype(np.int64)
    two = np.bincount(cells, minlength=columns) - one
    both = np.stack((one.reshape(len(labels), -1, 2), two.reshape(len(labels), -1, 2)), axis=2)
    return [([Stratum(*cells) for cells in tables],) for tables in both.reshape(len(labels), -1, 4).tolist()]
