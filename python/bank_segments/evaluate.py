"""`make evaluate PILOT=returned.csv`: whether a pilot showed that its proposal pays, from its list with outcomes.

The file is a list of `make activation ... PILOT=1` with one more column, `is_churned`. Nothing is written for a file
that is refused. Exit status: 0 evaluated, 1 refused.
"""

import argparse
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bank_segments import ROOT
from bank_segments.errors import RefusedError, exit_status, require, shown
from bank_segments.outputs.pages import write_pilot_page
from bank_segments.release.activation import DIRECTORY
from bank_segments.release.pilot import ARMS, terms_of
from bank_segments.release.private_csv import write_private
from bank_segments.statistics import (
    Counts,
    Estimate,
    UndefinedError,
    fisher_exact,
    relative_risk_reduction,
    score_difference,
)

PILOTS = ROOT / "pilots"
_OUTCOMES = {"0": False, "false": False, "1": True, "true": True}
_COLUMNS = ("client_id", "segment_id", "arm", "is_churned")
Verdict = Literal["pays", "does_not_pay", "undecided"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a pilot showed; counts of clients, rates as fractions, `None` where the control arm lost nobody."""

    segment_id: str
    proposal_id: str
    evaluated_at: str
    offer_listed: int
    control_listed: int
    offer_clients: int
    control_clients: int
    offer_churned_clients: int
    control_churned_clients: int
    mismatch_p_value: float
    is_mismatched: bool
    difference: float
    difference_low: float
    difference_high: float
    save_rate: float | None
    save_rate_low: float | None
    save_rate_high: float | None
    save_rate_to_prove: float | None
    verdict: Verdict

    @property
    def cannot_pay(self) -> bool:
        """Whether so few leave that the proposal would not pay even if it kept them all."""
        return self.save_rate_to_prove is not None and self.save_rate_to_prove > 1

    @property
    def offer_churn_rate(self) -> float:
        """Of the clients who got the offer."""
        return self.offer_churned_clients / self.offer_clients

    @property
    def control_churn_rate(self) -> float:
        """Of the clients who got none."""
        return self.control_churned_clients / self.control_clients


def read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a CSV file, separated by commas, semicolons or tabs, whose header has `columns`, as text.

    Raises `RefusedError` where it cannot be read, lacks a column or has no rows.
    """
    try:
        # What is needed is ASCII, however a spreadsheet wrote the names of cities.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        rows = list(csv.DictReader(io.StringIO(text), delimiter=separator, restval=""))
    except OSError as error:
        raise RefusedError(f"{shown(path)} cannot be read: {error.strerror}; check the path.") from error
    except csv.Error as error:
        raise RefusedError(f"{shown(path)} is no CSV file: {' '.join(str(error).split())}.") from error
    if not rows:
        raise RefusedError(f"{shown(path)} has no rows under a header.")
    if missing := [column for column in columns if column not in rows[0]]:
        raise RefusedError(
            f"{shown(path)} lacks the columns {', '.join(missing)}; it must be a pilot's list, come back"
            " with is_churned."
        )
    return [{column: row[column].strip() for column in columns} for row in rows]


def check(file: str, rows: list[dict[str, str]], listed: Mapping[str, str]) -> None:
    """Raise `RefusedError` for the first row that is not one client of the list, in its arm, with an outcome."""
    seen = set[str]()
    for number, row in enumerate(rows, start=1):
        client_id = row["client_id"]
        reason = (
            "has a client who is not on the list"
            if client_id not in listed
            else "repeats a client"
            if client_id in seen
            else f"has the arm {shown(row['arm'])}, on the list it is {listed[client_id]}"
            if row["arm"] != listed[client_id]
            else f"has the outcome {shown(row['is_churned'])!r}, known are {', '.join(_OUTCOMES)}"
            if row["is_churned"].lower() not in _OUTCOMES
            else None
        )
        if reason:
            raise RefusedError(f"Row {number} under the header of {file} {reason}; nothing was evaluated.")
        seen.add(client_id)


def break_even_save_rate(churn_rate: float, terms: Mapping[str, Any]) -> float | None:
    """From which share kept on the proposal pays where so many leave; above 1 it cannot, None where nobody leaves.

    The formula of `int_retention_profits` at the churn of the control arm: a pilot lasts months, the lookalikes had all
    their time to leave.
    """
    gain = churn_rate * (terms["value_of_kept_client"] - terms["offer_cost"])
    lost = (1 - churn_rate) * terms["take_up_of_stayers"] * terms["offer_cost"] + terms["contact_cost"]
    return lost / gain if gain else None


def verdict(difference: Estimate, save_rate: Estimate | None, to_prove: float | None) -> Verdict:
    """Whether the whole interval of the save rate is above what pays, or below it, or more left with the offer."""
    if save_rate is None or to_prove is None:
        return "does_not_pay" if difference.low > 0 else "undecided"
    if save_rate.low > to_prove:
        return "pays"
    return "does_not_pay" if save_rate.high < to_prove else "undecided"


def evaluated(rows: list[dict[str, str]], listed: Mapping[str, str], design: Mapping[str, Any]) -> Result:
    """What checked rows of a pilot show. Raises `RefusedError` where an arm is too small to be shown."""
    on_list = Counter(listed.values())
    returned = Counter(row["arm"] for row in rows)
    churned = Counter(row["arm"] for row in rows if _OUTCOMES[row["is_churned"].lower()])
    if too_small := [arm for arm in ARMS if returned[arm] < design["minimum_clients"]]:
        raise RefusedError(
            f"The arm {too_small[0]} has fewer than {design['minimum_clients']} clients, too few to be shown."
        )
    p_value = fisher_exact(*(Counts(returned[arm], on_list[arm]) for arm in ARMS))
    offer, control = (Counts(churned[arm], returned[arm]) for arm in ARMS)
    difference = score_difference(offer, control, design["confidence"])
    try:
        save_rate = relative_risk_reduction(offer, control, design["confidence"])
    except UndefinedError:
        save_rate = None
    is_mismatched = p_value < design["mismatch_level"]
    to_prove = break_even_save_rate(float(control.rate), design)
    return Result(
        segment_id=design["segment_id"],
        proposal_id=design["proposal_id"],
        evaluated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        offer_listed=on_list["offer"],
        control_listed=on_list["control"],
        offer_clients=offer.n,
        control_clients=control.n,
        offer_churned_clients=offer.successes,
        control_churned_clients=control.successes,
        mismatch_p_value=p_value,
        is_mismatched=is_mismatched,
        difference=difference.estimate,
        difference_low=difference.low,
        difference_high=difference.high,
        save_rate=save_rate.estimate if save_rate else None,
        save_rate_low=save_rate.low if save_rate else None,
        save_rate_high=save_rate.high if save_rate else None,
        save_rate_to_prove=to_prove,
        verdict="undecided" if is_mismatched else verdict(difference, save_rate, to_prove),
    )


def settled_design(terms: Path, segment_id: str) -> dict[str, Any]:
    """The terms that the pilot of a segment was drawn with. Raises `RefusedError` where there are none."""
    if not terms.exists():
        raise RefusedError(
            f"No pilot of {shown(segment_id)} was drawn here: {shown(terms)} is missing; see make activation"
            " SEGMENT=... PILOT=1."
        )
    design: dict[str, Any] = json.loads(terms.read_text(encoding="utf-8"))
    if "value_of_kept_client" not in design:
        raise RefusedError(
            f"{shown(terms)} is of an earlier version, without the costs that a pilot is judged by; delete it and draw"
            " the pilot again: the same release gives the same arms."
        )
    return design


def evaluate(returned: Path, lists: Path, directory: Path) -> tuple[Path, Result]:
    """Judge a returned list, write its page and its row in `results.csv`; returns the page's folder and the result.

    It is judged by the terms that it was drawn with, whatever was published since. All in `directory`, readable by its
    owner only. Raises `RefusedError` and writes nothing where the file is not what was listed, with outcomes.
    """
    rows = read_rows(returned, _COLUMNS)
    segments = sorted({row["segment_id"] for row in rows})
    if len(segments) != 1:
        raise RefusedError(f"{shown(returned)} holds {len(segments)} segments; a pilot is of one.")
    path = lists / f"{segments[0]}.pilot.csv"
    design = settled_design(terms_of(path), segments[0])
    listed = {row["client_id"]: row["arm"] for row in read_rows(path, ("client_id", "arm"))}
    check(shown(returned), rows, listed)
    result = evaluated(rows, listed, design)
    folder, results = directory / segments[0], directory / "results.csv"
    for private in (directory, folder):
        private.mkdir(mode=0o700, exist_ok=True)
    columns = tuple(asdict(result))
    earlier = read_rows(results, columns) if results.exists() else []
    write_pilot_page(folder, result=result, design=design, run_id=design["run_id"])
    others = [list(row.values()) for row in earlier if row["segment_id"] != segments[0]]
    write_private(results, columns, [*others, list(asdict(result).values())])
    return folder, result


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and evaluate one file; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make evaluate", description="Evaluate a pilot.")
    parser.add_argument("returned", type=Path, help="its list with the column is_churned")
    options = parser.parse_args(arguments)

    def work() -> str:
        require(options.returned, "make evaluate PILOT=returned.csv")
        folder, result = evaluate(options.returned, DIRECTORY, PILOTS)
        return f"{shown(folder)}/index.html: {result.verdict.replace('_', ' ')}"

    return exit_status("make evaluate", work, "Nothing was evaluated: {reason}.")


if __name__ == "__main__":
    sys.exit(main())
