"""A reader of releases, as a process: says that it begins, queries until its time is over, prints what it saw as JSON.

Every other round goes through the link, as a BI tool does; the others resolve it once, to read run.json beside the
marts. A round whose figures do not all come from one release is a mix.
"""

import json
import sys
import time
from pathlib import Path

import duckdb

# Each gives the number of accepted clients, from another relation.
QUERIES = (
    "select sum(clients) from marts.fct_product_count_metrics",
    "select sum(clients) from marts.rpt_dashboard_cube",
    "select sum(clients) from marts.fct_churn_portrait where trait = 'city'",
    "select accepted_rows from quality.row_counts",
)


def read(published: Path, seconds: float) -> dict[str, object]:
    """Return the counts of queries, rounds and mixes, the errors, and the client counts seen."""
    queries, rounds, mixes = 0, 0, 0
    errors: list[str] = []
    seen: set[int] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rounds += 1
        link = published / "latest"
        release = link if rounds % 2 else link.resolve()
        try:
            figures = set()
            with duckdb.connect(
                str(release / "bank_marts.duckdb"), read_only=True, config={"enable_external_access": False}
            ) as connection:
                for query in 2 * QUERIES:
                    figures |= {int(row[0]) for row in connection.execute(query).fetchall()}
                    queries += 1
                    time.sleep(0.01)
            if release != link:
                run = json.loads((release / "run.json").read_text(encoding="utf-8"))
                figures.add(run["rows"]["accepted"])
            mixes += len(figures) != 1
            seen |= figures
        except Exception as error:  # whatever it is, the test counts it
            errors.append(f"{type(error).__name__}: {error}")
    return {"queries": queries, "rounds": rounds, "mixes": mixes, "errors": errors, "seen": sorted(seen)}


if __name__ == "__main__":
    print("reading", flush=True)
    print(json.dumps(read(Path(sys.argv[1]), float(sys.argv[2]))))
