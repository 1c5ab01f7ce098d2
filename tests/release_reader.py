"""A reader of releases, for a process of its own: queries until its time is over, and says what it saw.

Every other round goes through the link, as a BI tool does; the others resolve it once, to read run.json beside the
marts. A round whose figures do not all come from one release is a mix.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

# Each gives the number of accepted clients, from another relation.
QUERIES = (
    "select sum(clients) from marts.fct_product_count_metrics",
    "select sum(clients) from marts.rpt_dashboard_cube",
    "select sum(clients) from marts.fct_churn_portrait where trait = 'city'",
    "select accepted_rows from quality.row_counts",
)


@dataclass
class Reading:
    """Counts of rounds and mixes, the errors, and the client counts seen."""

    rounds: int = 0
    mixes: int = 0
    errors: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


def read(published: Path, seconds: float) -> Reading:
    """Read the release in use again and again."""
    reading = Reading()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        reading.rounds += 1
        link = published / "latest"
        release = link if reading.rounds % 2 else link.resolve()
        try:
            figures = set()
            with duckdb.connect(
                str(release / "bank_marts.duckdb"), read_only=True, config={"enable_external_access": False}
            ) as connection:
                for query in 2 * QUERIES:
                    figures |= {int(row[0]) for row in connection.execute(query).fetchall()}
                    time.sleep(0.01)
            if release != link:
                run = json.loads((release / "run.json").read_text(encoding="utf-8"))
                figures.add(run["rows"]["accepted"])
            reading.mixes += len(figures) != 1
            reading.seen |= figures
        except Exception as error:  # whatever it is, the test counts it
            reading.errors.append(f"{type(error).__name__}: {error}")
    return reading
