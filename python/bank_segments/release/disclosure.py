"""Small groups are taken out of the dashboard's cube here, together with what would reveal them.

A group is one cell of the cube: a level of every trait on the dashboard and a combination of segments, separately for
clients who left and who stayed. On the bank's file more than half of the cells hold fewer than five clients, and they
hold two fifths of those who left. Dropping these cells, or hiding one of their traits, would therefore bias every
churn rate under a filter downwards, and the difference between a total and its visible cells would give the hidden
count away.

The method is controlled tabular adjustment (L. H. Cox, R. A. Dandekar): a new table of counts is chosen in which

1. every cell holds no client or at least `minimum_clients` clients, in particular no small group is left;
2. the bank's totals, each level of each trait, each combination of segments, and territory by scale keep their
   true number of clients who left and who stayed, unless that number is itself a small group;
3. the counts of two and three traits together stay as close to the truth as 1 and 2 allow;
4. no combination of traits appears that no client has.

The published table is additive, so a difference of two published numbers is a sum of published cells: nothing
or at least `minimum_clients`. Nor does it help to subtract it from the conclusions, the deck or the charts: the levels
of a trait that those hide are one level here. What the adjustment costs is measured against the true cube (`Accuracy`)
and shown on the page.

A steepest descent finds a table that is close to the truth everywhere, then an integer programme (HiGHS, 200 nodes
at most) makes the totals of point 2 exact with the least change; where no such table exists the nearest one is
published and `Accuracy` says so. Both steps are deterministic: no random numbers, no clock. They take 0.6 s for the
bank's 1,068 cells; cubes above `CHUNK_CELLS` are adjusted level by level of the first trait.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile
from pathlib import Path
from typing import ClassVar

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from bank_segments.database import open_confined, rows_of

CHUNK_CELLS = 700

# How much an exact total matters in each stage of the descent; a count of two or three traits matters 8.
_STAGES = (8.0, 64.0, 512.0, 4096.0)
_CLOSE = 8.0
_ONLY_CLOSE = 9  # more traits than any total that must be exact
_LARGEST_STEP = 4  # clients that the integer programme may add to a cell or take from it
_LARGEST_TREE = 200  # nodes of its search: enough by far, and a limit that does not depend on the clock

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Limits:
    """The row of `disclosure_limits.csv`, in numbers of clients."""

    minimum_clients: int
    hidden_rate_below: int
    rough_rate_below: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Differences between the published and the true table, over groups of one kind.

    `clients` is the largest one in clients who left or who stayed. Of groups of at least
    `Limits.rough_rate_below` clients, `churn_rate` is the largest one in churn rates and `usual_churn_rate` the one
    that 95 % of them stay within.
    """

    clients: int
    churn_rate: float
    usual_churn_rate: float


@dataclass(frozen=True, slots=True, eq=False)
class PublishedCube:
    """The table that may leave the bank's warehouse, and what was done to it.

    A cell is a row: the level of each dimension, whether the clients left (`is_churned`), and how many they are
    (`clients`).
    """

    # What the levels of a trait that are hidden are joined into.
    other: ClassVar[str] = "__other__"

    dimensions: tuple[str, ...]
    exact_pairs: tuple[tuple[str, str], ...]
    cells: pd.DataFrame
    limits: Limits
    true_clients: int
    moved_clients: int
    totals: Accuracy
    pairs: Accuracy
    triples: Accuracy

    @property
    def clients(self) -> int:
        """Number of clients in the published table."""
        return int(self.cells["clients"].sum())

    @property
    def moved_share(self) -> float:
        """Which share of the clients is counted in a neighbouring group."""
        return self.moved_clients / self.true_clients if self.true_clients else 0.0

    @property
    def is_protected(self) -> bool:
        """Whether there is a limit at all below which a group is small."""
        return self.limits.minimum_clients > 1

    @property
    def is_whole(self) -> bool:
        """Whether no group was small, so that the published table is the true one."""
        is_joined = (self.cells[list(self.dimensions)] == self.other).to_numpy().any()
        return self.moved_clients == 0 and self.clients == self.true_clients and not is_joined


def published_cube(warehouse: Path) -> PublishedCube:
    """The cube of the warehouse without groups smaller than `seeds/shared/disclosure_limits.csv` allows."""
    with open_confined(bank=warehouse) as connection:
        (limits,) = rows_of(connection, "from reference.disclosure_limits")
        dimensions, cells = read_cells(connection)
        pairs = connection.execute(
            "select territory.trait, scale.trait from marts.dim_traits as territory, marts.dim_traits as scale"
            " where territory.trait_role = 'territory' and scale.trait_role = 'scale'"
            " and list_contains($1, territory.trait)",
            [dimensions],
        ).fetchall()
        return publish(dimensions, cells, Limits(**limits), exact_pairs=pairs)


def read_cells(connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, ...], pd.DataFrame]:
    """The dimensions of `marts.rpt_dashboard_cube`, which come before `is_churned`, and its cells.

    Levels are text, empty where a client has none; those that the portraits hide are joined into one.
    """
    columns = connection.table("marts.rpt_dashboard_cube").columns
    dimensions = tuple(takewhile(lambda name: name != "is_churned", columns))
    hidden = "select level from marts.fct_churn_portrait where is_too_small and trait"
    levels = ", ".join(
        f"if({name}::varchar in ({hidden} = '{name}'), '{PublishedCube.other}', coalesce({name}::varchar, ''))"
        f" as {name}"
        for name in dimensions
    )
    cells = connection.execute(
        f"select {levels}, is_churned, sum(clients)::bigint as clients from marts.rpt_dashboard_cube group by all"
    ).df()
    return dimensions, cells


def publish(
    dimensions: Sequence[str],
    cells: pd.DataFrame,
    limits: Limits,
    *,
    exact_pairs: Sequence[tuple[str, str]] = (),
) -> PublishedCube:
    """The cube without small groups; `exact_pairs` are the dimensions whose counts are kept like those of one."""
    minimum_clients = limits.minimum_clients
    ordered = cells.sort_values(["is_churned", *dimensions])
    codes = np.array([pd.factorize(ordered[name], sort=True)[0] for name in dimensions], dtype=np.int64).T
    is_churned = ordered["is_churned"].to_numpy(dtype=np.int64)
    true = ordered["clients"].to_numpy(dtype=np.float64)
    pairs = [tuple(sorted((dimensions.index(one), dimensions.index(two)))) for one, two in exact_pairs]
    new = true.copy()
    if minimum_clients > 1:
        for chunk in _chunks(codes, is_churned):
            new[chunk] = _adjust(codes[chunk], true[chunk], minimum_clients, pairs)

    def accuracy(families: Iterable[tuple[int, ...]], smallest: int = 0) -> Accuracy:
        return _accuracy(codes, is_churned, true, new, families, smallest, limits.rough_rate_below)

    traits = range(len(dimensions))
    return PublishedCube(
        dimensions=tuple(dimensions),
        exact_pairs=tuple(exact_pairs),
        cells=ordered.assign(clients=new.astype(np.int64))[new > 0],
        limits=limits,
        true_clients=int(true.sum()),
        moved_clients=int(np.maximum(true - new, 0).sum()),
        totals=accuracy([(), *combinations(traits, 1), *pairs], minimum_clients),
        pairs=accuracy(combinations(traits, 2)),
        triples=accuracy(combinations(traits, 3)),
    )


def _chunks(codes: Integers, is_churned: Integers) -> Iterator[slice]:
    """Cells that are adjusted together: one churn state, and level by level of the first trait if they are too many."""
    changes = np.flatnonzero((np.diff(is_churned) != 0) | (np.diff(codes[:, 0]) != 0)) + 1
    begin = end = 0
    for following in (*changes, len(codes)):
        is_other = end > begin and is_churned[end] != is_churned[begin]
        if end > begin and (is_other or following - begin > CHUNK_CELLS):
            yield slice(begin, end)
            begin = end
        end = following
    if end > begin:
        yield slice(begin, end)


def _groups(codes: Integers, chosen: Sequence[int]) -> Integers:
    """For each cell the number of its combination of levels of the chosen dimensions, counted from 0."""
    if not chosen:
        return np.zeros(len(codes), dtype=np.int64)
    return np.unique(codes[:, list(chosen)], axis=0, return_inverse=True)[1].reshape(-1)


def _totals(
    codes: Integers, counts: Floats, minimum_clients: int, exact_pairs: Sequence[tuple[int, ...]]
) -> tuple[sparse.csr_array, Integers]:
    """The totals that the adjustment is to keep: the cells of each (totals x cells, 0 or 1), and its number of traits.

    That number is `_ONLY_CLOSE` where the total need not be met exactly.
    """
    blocks: list[tuple[sparse.csr_array, int]] = []
    for order in range(4):
        for chosen in combinations(range(codes.shape[1]), order):
            index = _groups(codes, chosen)
            members = sparse.csr_array((np.ones(len(index)), (index, np.arange(len(index)))))
            if order < 2 or chosen in exact_pairs:
                # Each small total counts as a pair does: it must not pull the others away from the truth.
                blocks.append((members[members @ counts >= minimum_clients], order))
            if order >= 2:
                blocks.append((members, _ONLY_CLOSE))
    orders = [np.full(members.shape[0], order) for members, order in blocks]
    return sparse.csr_array(sparse.vstack([members for members, _ in blocks])), np.concatenate(orders)


def _start(counts: Floats, minimum_clients: int) -> Floats:
    """Small cells in sorted order, their clients gathered into every second or third of them."""
    start = counts.copy()
    carried = 0.0
    for position in np.flatnonzero(counts < minimum_clients):
        carried += counts[position]
        start[position] = minimum_clients if 2 * carried > minimum_clients else 0.0
        carried -= start[position]
    return start


def _adjust(codes: Integers, counts: Floats, minimum_clients: int, exact_pairs: Sequence[tuple[int, ...]]) -> Floats:
    """Counts of zero or at least `minimum_clients` whose totals are the closest that moves of one or two cells find."""
    members, orders = _totals(codes, counts, minimum_clients, exact_pairs)
    current = _start(counts, minimum_clients)
    for weight in _STAGES:
        weights = sparse.diags_array(np.where(orders == _ONLY_CLOSE, _CLOSE, weight))
        matrix = np.eye(len(counts)) + (members.T @ weights @ members).toarray()
        current = _descend(current, counts, matrix, minimum_clients)
    for traits in (2, 1, 0):
        exact = _made_exact(current, counts, members[orders <= traits], minimum_clients)
        if exact is not None:
            return exact
    return current


def _descend(start: Floats, counts: Floats, matrix: Floats, minimum_clients: int) -> Floats:
    """The best move, again and again, until none brings the weighted squares of the differences down.

    A move gives one cell clients, takes clients from one cell, or both. The squares are the quadratic form of `matrix`
    (cells x cells) in the differences of the cells, so the gain of all pairs of moves is one outer sum.
    """
    current, curvature = start.copy(), matrix.diagonal()
    slope = 2 * matrix @ (current - counts)
    while True:
        more = np.where(current == 0, minimum_clients, 1).astype(np.float64)
        less = np.where(current == minimum_clients, -minimum_clients, -1).astype(np.float64)
        gain_more = more * slope + more**2 * curvature
        gain_less = np.where(current == 0, np.inf, less * slope + less**2 * curvature)
        both = gain_more[:, None] + gain_less[None, :] + 2 * more[:, None] * less[None, :] * matrix
        np.fill_diagonal(both, np.inf)
        up, down = divmod(int(both.argmin()), len(counts))
        most, least = int(gain_more.argmin()), int(gain_less.argmin())
        options = [
            (both[up, down], ((up, more[up]), (down, less[down]))),
            (gain_more[most], ((most, more[most]),)),
            (gain_less[least], ((least, less[least]),)),
        ]
        best, moves = min(options, key=lambda option: float(option[0]))
        if best >= 0:
            return current
        for position, step in moves:
            slope += 2 * step * matrix[position]
            current[position] += step


def _made_exact(current: Floats, counts: Floats, members: sparse.csr_array, minimum_clients: int) -> Floats | None:
    """The nearest table whose totals are exact, or nothing if they cannot be.

    A filled cell may gain or lose a few clients, an empty one may be filled with `minimum_clients`, and one just
    above that may be emptied.
    """
    missing = members @ (counts - current)
    if not missing.any():
        return current
    is_filled = current > 0
    can_empty = is_filled & (current < minimum_clients + _LARGEST_STEP - 1)
    switch = np.where(is_filled, np.where(can_empty, -current, 0.0), minimum_clients)
    more = np.where(is_filled, _LARGEST_STEP, 0)
    less = np.where(is_filled, np.minimum(_LARGEST_STEP, current - minimum_clients), 0)
    one = sparse.eye_array(len(current))
    reached = sparse.hstack([members, -members, members @ sparse.diags_array(switch)], format="csr")
    changed_once = sparse.hstack([one, one, _LARGEST_STEP * one], format="csr")
    result = milp(
        np.concatenate([np.ones(2 * len(current)), np.abs(switch) + minimum_clients]),
        constraints=[
            LinearConstraint(reached, missing, missing),
            LinearConstraint(changed_once, -np.inf, _LARGEST_STEP),
        ],
        integrality=np.ones(3 * len(current), dtype=np.int64),
        bounds=Bounds(0, np.concatenate([more, less, (switch != 0).astype(np.float64)])),
        options={"node_limit": _LARGEST_TREE},
    )
    if result.x is None:
        return None
    added, taken, switched = np.round(result.x).reshape(3, -1)
    return np.asarray(current + added - taken + switch * switched, dtype=np.float64)


def _accuracy(
    codes: Integers,
    is_churned: Integers,
    true: Floats,
    new: Floats,
    families: Iterable[tuple[int, ...]],
    smallest: int,
    large: int,
) -> Accuracy:
    """How far the new counts are from the true ones over the given families of totals.

    True totals of 1 to `smallest` - 1 clients do not count: they are small groups themselves.
    """
    worst, rates = 0.0, [np.zeros(1)]
    for chosen in families:
        # Clients who stayed and who left, one group a row.
        index = 2 * _groups(codes, chosen) + is_churned
        size = 2 * (index.max(initial=0) // 2 + 1)
        before, after = (np.bincount(index, counts, size).reshape(-1, 2) for counts in (true, new))
        is_counted = ~((before > 0) & (before < smallest)).any(axis=1)
        before, after = before[is_counted], after[is_counted]
        worst = max(worst, np.abs(before - after).max(initial=0))
        is_large = np.minimum(before.sum(axis=1), after.sum(axis=1)) >= large
        rate, new_rate = (table[is_large, 1] / table[is_large].sum(axis=1) for table in (before, after))
        rates.append(np.abs(rate - new_rate))
    ascending = np.sort(np.concatenate(rates))
    return Accuracy(int(worst), float(ascending[-1]), float(ascending[int(0.95 * (len(ascending) - 1))]))
