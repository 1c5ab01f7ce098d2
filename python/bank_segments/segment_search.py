"""Whether chance would find the segments that the search found: outcomes shuffled over all clients, many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bank_segments.drivers import cells_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One row of `int_segment_search_tests`: a rule's enrichment and p-value, None where there is but one outcome."""

    candidate_id: str
    enrichment: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Search:
    """The register `segment_search`, as far as the test of the search needs it."""

    target: str
    permutations: int
    random_seed: int


def enrichment(churned: Array, clients: Array, all_churned: int, all_clients: int) -> Array:
    """How far the churned clients of a rule lie from what chance gives, in standard deviations.

    Of `clients` drawn from `all_clients` without replacement the hypergeometric distribution says how many have left.
    NaN where it has no spread.
    """
    rate = all_churned / all_clients
    variance = clients * rate * (1 - rate) * (all_clients - clients) / max(all_clients - 1, 1)
    with np.errstate(invalid="ignore"):
        return np.where(variance > 0, (churned - clients * rate) / np.sqrt(variance), np.nan)


def search_rows(
    cell_rows: Sequence[Mapping[str, Any]], memberships: Sequence[tuple[str, int]], search: Search
) -> list[SearchRow]:
    """Test every rule against the largest enrichment that shuffled outcomes give any of them.

    `memberships` names each rule and a cell in it. Westfall and Young, Resampling-Based Multiple Testing (1993),
    single-step maxT: the family-wise error holds over the whole search, however rules overlap. The observed outcomes
    count as one of the shuffles (Phipson and Smyth 2010), so that no p-value is 0.
    """
    cells = cells_of(cell_rows)
    clients, all_churned = cells["clients"].to_numpy(), int(cells["churned_clients"].sum())
    all_clients = int(clients.sum())
    place = {cell: at for at, cell in enumerate(cells.index)}
    rules = {rule: at for at, rule in enumerate(sorted({rule for rule, _ in memberships}))}
    is_in = np.zeros((len(rules), len(cells)))
    for rule, cell in memberships:
        is_in[rules[rule], place[cell]] = 1
    if not rules or all_churned in (0, all_clients):
        return [SearchRow(rule, None, None) for rule in rules]
    sign = 1 if search.target == "churned" else -1

    def enrichments(churned: NDArray[np.int64]) -> Array:
        """Of every rule (rows) in every shuffle (columns)."""
        return sign * enrichment(is_in @ churned.T, (is_in @ clients)[:, None], all_churned, all_clients)

    observed = enrichments(cells["churned_clients"].to_numpy()[None])[:, 0]
    shuffled = np.random.default_rng(search.random_seed).multivariate_hypergeometric(
        clients, all_churned, size=search.permutations, method="marginals"
    )
    largest = np.nan_to_num(enrichments(shuffled), nan=-np.inf).max(axis=0)
    return [
        SearchRow(rule, float(found), float((1 + (largest >= found).sum()) / (1 + search.permutations)))
        if np.isfinite(found := observed[at])
        else SearchRow(rule, None, None)
        for rule, at in rules.items()
    ]
