"""Whether chance would find the segments that the search found, and whether the same clients drawn again would.

Outcomes are shuffled over all clients, and the clients are drawn anew and split in halves: all from the cells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bank_segments.drivers import cells_of, drawn_again

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Record = Mapping[str, Any]

_TYPES = {
    "sample_kind": "string",
    "draw": "int64",
    "candidate_id": "string",
    "clients": "int64",
    "churned_clients": "int64",
    "all_clients": "int64",
    "all_churned_clients": "int64",
    "enrichment": "Float64",
    "p_value": "Float64",
}


def enrichment(churned: Any, clients: Any, all_churned: Any, all_clients: Any) -> Array:
    """How far the churned clients of a rule lie from what chance gives, in standard deviations.

    Of `clients` drawn from `all_clients` without replacement the hypergeometric distribution says how many have left.
    NaN where it has no spread.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = all_churned / all_clients
        variance = clients * rate * (1 - rate) * (all_clients - clients) / np.maximum(all_clients - 1, 1)
        return np.where(variance > 0, (churned - clients * rate) / np.sqrt(variance), np.nan)


def search_frame(
    cell_rows: Sequence[Record], memberships: Sequence[Record], settings: Sequence[Record]
) -> pd.DataFrame:
    """The rows of `int_segment_search_tests`: every rule in every sample of the clients.

    From those of `int_driver_cells`, of `int_segment_search_cells` and of the register `segment_search`.

    A p-value is the share of shuffles in which some tested rule is enriched as much: Westfall and Young,
    Resampling-Based Multiple Testing (1993), single-step maxT, so that the family-wise error holds over the whole
    search, however rules overlap. The observed outcomes count as one of the shuffles (Phipson and Smyth 2010), so that
    no p-value is 0. Samples are held against the shuffles of all clients, too.
    """
    if not (settings and memberships):  # as in dbt build --empty
        return pd.DataFrame(columns=list(_TYPES)).astype(_TYPES)
    search, cells = settings[0], cells_of(cell_rows)
    tested = dict(sorted({row["candidate_id"]: row["is_tested"] for row in memberships}.items()))
    place, rules = ({name: at for at, name in enumerate(names)} for names in (cells.index, tested))
    is_in = np.zeros((len(cells), len(rules)))
    for row in memberships:
        is_in[place[row["cell_id"]], rules[row["candidate_id"]]] = 1
    churned = cells["churned_clients"].to_numpy(np.int64)
    active = cells["clients"].to_numpy(np.int64) - churned
    samples = samples_of(churned, active, search)
    left, stayed = (np.vstack([pair[at] for pair in samples.values()]) for at in (0, 1))
    sign = 1 if search["target"] == "churned" else -1

    def enrichments(left: Counts, everybody: Counts) -> Array:
        """Of each tested rule (columns) in each sample (rows of the cells' counts); NaN of the others."""
        leavers, clients = (counts.sum(axis=1, keepdims=True) for counts in (left, everybody))
        found = sign * enrichment(left @ is_in, everybody @ is_in, leavers, clients)
        return np.where(list(tested.values()), found, np.nan)

    shuffled = np.random.default_rng(search["random_seed"]).multivariate_hypergeometric(
        churned + active, int(churned.sum()), size=search["permutations"], method="marginals"
    )
    largest = np.sort(np.nan_to_num(enrichments(shuffled, (churned + active)[None]), nan=-np.inf).max(axis=1))
    found = enrichments(left, left + stayed)
    as_large = len(largest) - np.searchsorted(largest, found)
    kinds = [(kind, draw) for kind, (pair, _) in samples.items() for draw in range(len(pair))]
    in_rule = {"clients": (left + stayed) @ is_in, "churned_clients": left @ is_in}
    in_all = {"all_clients": left + stayed, "all_churned_clients": left}
    return pd.DataFrame(
        {
            "sample_kind": np.repeat([kind for kind, _ in kinds], len(rules)),
            "draw": np.repeat([draw for _, draw in kinds], len(rules)),
            "candidate_id": np.tile(list(rules), len(kinds)),
            **{name: counts.astype(np.int64).ravel() for name, counts in in_rule.items()},
            **{name: np.repeat(counts.sum(axis=1).astype(np.int64), len(rules)) for name, counts in in_all.items()},
            "enrichment": found.ravel(),
            "p_value": np.where(np.isnan(found), np.nan, (1 + as_large) / (1 + search["permutations"])).ravel(),
        }
    ).astype(_TYPES)


def samples_of(churned: Counts, active: Counts, search: Record) -> dict[str, tuple[Counts, Counts]]:
    """The churned and the active clients of each cell (columns) in every draw (rows) of each kind of sample.

    The bootstrap draws the clients with replacement, a split without: `half` and `other_half` of the same draw share
    no client. `all` is the clients as they are.
    """
    counts, cells = np.concatenate([churned, active]), len(churned)
    again = drawn_again(counts, search["bootstrap_samples"], [search["random_seed"], 1])
    half = np.random.default_rng([search["random_seed"], 2]).multivariate_hypergeometric(
        counts, int(counts.sum()) // 2, size=search["hold_out_splits"], method="marginals"
    )
    drawn = {"all": counts[None], "bootstrap": again, "half": half, "other_half": counts - half}
    return {kind: (both[:, :cells], both[:, cells:]) for kind, both in drawn.items()}
