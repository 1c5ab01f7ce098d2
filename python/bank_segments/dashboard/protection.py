"""Small groups are taken out of the dashboard's cube here, together with what would reveal them.

A group is one cell of the cube: city x gender x age band x product count x loyalty x card x balance x segments,
separately for clients who left and who stayed. On the bank's file more than half of the cells hold fewer than
five clients, and they hold two fifths of those who left. Dropping these cells, or hiding one of their traits,
would therefore bias every churn rate under a filter downwards, and the difference between a total and its
visible cells would give the hidden count away.

The method is controlled tabular adjustment (L. H. Cox, R. A. Dandekar): a new table of counts is chosen in which

1. every cell holds no client or at least `minimum_group` clients, in particular no small group is left;
2. the bank's totals, each level of each trait, each combination of segments, and city by age band keep their
   true number of clients who left and who stayed, unless that number is itself a small group;
3. the counts of two and three traits together stay as close to the truth as 1 and 2 allow;
4. no combination of traits appears that no client has.

The published table is additive, so a difference of two published numbers is a sum of published cells: nothing
or at least `minimum_group`. There is no second table to subtract it from. A level of a trait with fewer than
`minimum_group` clients in all is first joined with the other rare levels into `OTHER`. What the adjustment costs is
measured against the true cube (`Accuracy`) and shown on the page.

A steepest descent finds a table that is close to the truth everywhere, then an integer programme (HiGHS, 200 nodes
at most) makes the totals of point 2 exact with the least change; where no such table exists the nearest one is
published and `Accuracy` says so. Both steps are deterministic: no random numbers, no clock. They take 0.6 s for the
bank's 1,068 cells; cubes above `CHUNK_CELLS` are adjusted city by city.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

OTHER = "__other__"
CHUNK_CELLS = 700
LARGE_GROUP = 100  # the accuracy of churn rates is stated for groups of at least this many clients

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cell:
    """One group of clients: the level of each dimension, whether they left, and how many they are."""

    levels: tuple[str, ...]
    is_churned: bool
    clients: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Differences between the published and the true table, over groups of one kind.

    `clients` is the largest one in clients who left or who stayed. Of groups of at least `LARGE_GROUP` clients,
    `churn_rate` is the largest one in churn rates and `usual_churn_rate` the one that 95 % of them stay within.
    """

    clients: int
    churn_rate: float
    usual_churn_rate: float


@dataclass(frozen=True, slots=True)
class PublishedCube:
    """The table that may leave the bank's warehouse, and what was done to it."""

    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...]
    minimum_group: int
    true_clients: int
    moved_clients: int
    totals: Accuracy
    pairs: Accuracy
    triples: Accuracy

    @property
    def clients(self) -> int:
        """Number of clients in the published table."""
        return sum(cell.clients for cell in self.cells)

    @property
    def is_whole(self) -> bool:
        """Whether no group was small, so that the published table is the true one."""
        joined = any(OTHER in cell.levels for cell in self.cells)
        return self.moved_clients == 0 and self.clients == self.true_clients and not joined


@dataclass(frozen=True, slots=True)
class _Margin:
    """One family of totals: which total each cell belongs to, the true totals, and how much each matters."""

    index: Integers
    truth: Floats
    is_exact: bool
    traits: int


_LARGEST_STEP = 4  # clients that the integer programme may add to a cell or take from it
_LARGEST_TREE = 200  # nodes of its search: enough by far, and a limit that does not depend on the clock

# How much the bank's totals, and the counts of two and of three traits, matter in each stage of the search.
_STAGES = tuple((exact, 8.0, 8.0) for exact in (8.0, 64.0, 512.0, 4096.0))


def publish(
    dimensions: Sequence[str],
    cells: Iterable[Cell],
    minimum_group: int,
    *,
    fixed: Sequence[str] = ("segment_ids",),
    exact_pairs: Sequence[tuple[str, str]] = (("city", "age_band"),),
) -> PublishedCube:
    """The cube without small groups.

    `fixed` names dimensions whose rare levels are not joined, because other dimensions determine them;
    `exact_pairs` are the pairs of dimensions whose counts are kept like those of a single one.
    """
    joined = _join_rare_levels(dimensions, cells, minimum_group, fixed)
    pairs = [tuple(sorted((dimensions.index(one), dimensions.index(two)))) for one, two in exact_pairs]
    published: list[Cell] = []
    for chunk in _chunks(joined):
        codes = _codes([cell.levels for cell in chunk])
        counts = np.array([cell.clients for cell in chunk], dtype=np.float64)
        adjusted = _adjust(codes, counts, minimum_group, pairs) if minimum_group > 1 else counts
        published += [
            Cell(cell.levels, cell.is_churned, int(clients))
            for cell, clients in zip(chunk, adjusted, strict=True)
        ]
    order = len(dimensions)
    return PublishedCube(
        dimensions=tuple(dimensions),
        cells=tuple(cell for cell in published if cell.clients),
        minimum_group=minimum_group,
        true_clients=sum(cell.clients for cell in joined),
        moved_clients=sum(
            max(0, true.clients - new.clients)
            for true, new in zip(sorted(joined, key=_cell_key), sorted(published, key=_cell_key), strict=True)
        ),
        totals=_accuracy(joined, published, [(), *combinations(range(order), 1), *pairs], minimum_group),
        pairs=_accuracy(joined, published, combinations(range(order), 2), 0),
        triples=_accuracy(joined, published, combinations(range(order), 3), 0),
    )


def _cell_key(cell: Cell) -> tuple[bool, tuple[str, ...]]:
    return cell.is_churned, cell.levels


def _join_rare_levels(
    dimensions: Sequence[str], cells: Iterable[Cell], minimum_group: int, fixed: Sequence[str]
) -> list[Cell]:
    """Cells in a fixed order, in which every level of every dimension has at least `minimum_group` clients."""
    merged = Counter[tuple[tuple[str, ...], bool]]()
    for cell in cells:
        merged[cell.levels, cell.is_churned] += cell.clients
    for position, dimension in enumerate(dimensions):
        if dimension in fixed:
            continue
        rare = _rare_levels(merged, position, minimum_group)
        renamed = Counter[tuple[tuple[str, ...], bool]]()
        for (levels, is_churned), clients in merged.items():
            level = OTHER if levels[position] in rare else levels[position]
            renamed[(*levels[:position], level, *levels[position + 1 :]), is_churned] += clients
        merged = renamed
    return sorted((Cell(*key, clients) for key, clients in merged.items() if clients), key=_cell_key)


def _rare_levels(cells: Counter[tuple[tuple[str, ...], bool]], position: int, minimum_group: int) -> set[str]:
    """Levels to join: those below `minimum_group`, and the next smallest ones until they are enough."""
    sizes = Counter[str]()
    for (levels, _), clients in cells.items():
        sizes[levels[position]] += clients
    rare: set[str] = set()
    joined = 0
    for level, clients in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        if clients >= minimum_group and (not rare or joined >= minimum_group):
            break
        rare.add(level)
        joined += clients
    return rare


def _chunks(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Cells that are adjusted together: one churn state, and all cities unless these are too many cells."""
    for is_churned in (False, True):
        chunk: list[Cell] = []
        layer = [cell for cell in cells if cell.is_churned is is_churned]
        sizes = Counter(cell.levels[0] for cell in layer)
        for position, cell in enumerate(layer):
            is_next = position > 0 and layer[position - 1].levels[0] != cell.levels[0]
            if is_next and len(chunk) + sizes[cell.levels[0]] > CHUNK_CELLS:
                yield chunk
                chunk = []
            chunk.append(cell)
        if chunk:
            yield chunk


def _codes(rows: Sequence[tuple[str, ...]]) -> Integers:
    """Levels as small integers, one column per dimension."""
    columns = [
        np.unique(np.array(column, dtype=object), return_inverse=True)[1]
        for column in zip(*rows, strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.int64)


def _margins(
    codes: Integers, counts: Floats, minimum_group: int, exact_pairs: Sequence[tuple[int, ...]]
) -> Iterator[_Margin]:
    """The totals that the adjustment is to keep."""
    dimensions = range(codes.shape[1])
    for traits in range(4):
        for chosen in combinations(dimensions, traits):
            _, index = np.unique(codes[:, list(chosen)], axis=0, return_inverse=True)
            index = (
                np.asarray(index, dtype=np.int64).reshape(-1) if chosen else np.zeros(len(counts), np.int64)
            )
            truth = np.asarray(np.bincount(index, weights=counts), dtype=np.float64)
            if traits < 2 or chosen in exact_pairs:
                is_small = truth[index] < minimum_group
                # Each small total counts as a pair does: it must not pull the others away from the truth.
                yield _Margin(np.where(is_small, -1, index), truth, True, traits)
            if traits >= 2:
                yield _Margin(index, truth, False, traits)


def _start(counts: Floats, minimum_group: int) -> Floats:
    """Small cells in sorted order, their clients gathered into every second or third of them."""
    start = counts.copy()
    carried = 0.0
    for position in np.flatnonzero(counts < minimum_group):
        carried += counts[position]
        start[position] = minimum_group if 2 * carried > minimum_group else 0.0
        carried -= start[position]
    return start


def _adjust(
    codes: Integers, counts: Floats, minimum_group: int, exact_pairs: Sequence[tuple[int, ...]]
) -> Floats:
    """Counts of zero or at least `minimum_group` whose totals are the closest that moves of one or two cells find."""
    margins = list(_margins(codes, counts, minimum_group, exact_pairs))
    current = _start(counts, minimum_group)
    together = {kind: np.zeros((len(counts), len(counts))) for kind in ("exact", "pair", "triple")}
    for margin in margins:
        kept = margin.index >= 0
        same = (margin.index[:, None] == margin.index[None, :]) & kept[:, None]
        together[_kind(margin)] += same
    for weights in _STAGES:
        by_kind = dict(zip(together, weights, strict=True))
        current = _descend(current, counts, margins, together, by_kind, minimum_group)
    for traits in (2, 1, 0):
        wanted = [margin for margin in margins if margin.is_exact and margin.traits <= traits]
        exact = _made_exact(current, wanted, minimum_group)
        if exact is not None:
            return exact
    return current


def _kind(margin: _Margin) -> str:
    if margin.is_exact:
        return "exact"
    return "pair" if margin.traits == 2 else "triple"


def _descend(
    start: Floats,
    counts: Floats,
    margins: Sequence[_Margin],
    together: dict[str, Floats],
    weights: dict[str, float],
    minimum_group: int,
) -> Floats:
    """The best move, again and again, until none brings the weighted squares of the differences down.

    A move gives one cell clients, takes clients from one cell, or both. The second derivative of the sum of
    squares is `matrix`, so the gain of all pairs of moves is one outer sum.
    """
    current = start.copy()
    matrix = sum((weights[kind] * cells for kind, cells in together.items()), np.eye(len(counts)))
    curvature = matrix.diagonal()
    slope = 2 * (current - counts)
    for margin in margins:
        kept = margin.index >= 0
        off = (
            np.bincount(margin.index[kept], weights=current[kept], minlength=len(margin.truth)) - margin.truth
        )
        slope[kept] += 2 * weights[_kind(margin)] * off[margin.index[kept]]
    while True:
        more = np.where(current == 0, minimum_group, 1).astype(np.float64)
        less = np.where(current == minimum_group, -minimum_group, -1).astype(np.float64)
        gain_more = more * slope + more**2 * curvature
        gain_less = np.where(current == 0, np.inf, less * slope + less**2 * curvature)
        both = gain_more[:, None] + gain_less[None, :] + 2 * more[:, None] * less[None, :] * matrix
        np.fill_diagonal(both, np.inf)
        up, down = divmod(int(both.argmin()), len(counts))
        options = [
            (both[up, down], ((up, more[up]), (down, less[down]))),
            (gain_more.min(), ((int(gain_more.argmin()), more[gain_more.argmin()]),)),
            (gain_less.min(), ((int(gain_less.argmin()), less[gain_less.argmin()]),)),
        ]
        best, moves = min(options, key=lambda option: float(option[0]))
        if best >= 0:
            return current
        for position, step in moves:
            slope += 2 * step * matrix[position]
            current[position] += step


def _made_exact(current: Floats, margins: Sequence[_Margin], minimum_group: int) -> Floats | None:
    """The nearest table whose totals are exact, or nothing if they cannot be.

    A filled cell may gain or lose a few clients, an empty one may be filled with `minimum_group`, and one just
    above that may be emptied.
    """
    rows = [
        margin.index == total for margin in margins for total in np.unique(margin.index[margin.index >= 0])
    ]
    truths = [
        margin.truth[total] for margin in margins for total in np.unique(margin.index[margin.index >= 0])
    ]
    member = np.array(rows, dtype=np.float64).reshape(len(rows), len(current))
    missing = np.array(truths, dtype=np.float64) - member @ current
    if not missing.any():
        return current
    is_filled = current > 0
    can_empty = is_filled & (current < minimum_group + _LARGEST_STEP - 1)
    switch = np.where(is_filled, np.where(can_empty, -current, 0.0), minimum_group)
    more = np.where(is_filled, _LARGEST_STEP, 0)
    less = np.where(is_filled, np.minimum(_LARGEST_STEP, current - minimum_group), 0)
    one = sparse.eye_array(len(current))
    result = milp(
        np.concatenate([np.ones(2 * len(current)), np.abs(switch) + minimum_group]),
        constraints=[
            LinearConstraint(
                sparse.csr_array(np.hstack([member, -member, member * switch])), missing, missing
            ),
            LinearConstraint(
                sparse.csr_array(sparse.hstack([one, one, _LARGEST_STEP * one])), -np.inf, _LARGEST_STEP
            ),
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
    true: Sequence[Cell], published: Sequence[Cell], families: Iterable[tuple[int, ...]], smallest: int
) -> Accuracy:
    """How far two tables are apart over the given families of totals.

    True totals of 1 to `smallest` - 1 clients do not count: they are small groups themselves.
    """
    worst_clients, rates = 0, [0.0]
    for chosen in families:
        sizes: dict[tuple[str, ...], list[int]] = {}
        for cells, offset in ((true, 0), (published, 2)):
            for cell in cells:
                row = sizes.setdefault(tuple(cell.levels[position] for position in chosen), [0, 0, 0, 0])
                row[offset + cell.is_churned] += cell.clients
        for stayed, churned, new_stayed, new_churned in sizes.values():
            if 0 < stayed < smallest or 0 < churned < smallest:
                continue
            worst_clients = max(worst_clients, abs(stayed - new_stayed), abs(churned - new_churned))
            if min(stayed + churned, new_stayed + new_churned) >= LARGE_GROUP:
                rate, new_rate = churned / (stayed + churned), new_churned / (new_stayed + new_churned)
                rates.append(abs(rate - new_rate))
    return Accuracy(worst_clients, max(rates), sorted(rates)[int(0.95 * (len(rates) - 1))])
