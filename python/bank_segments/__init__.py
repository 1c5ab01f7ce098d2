"""The Python layer: it reads the marts that dbt builds, and finishes what SQL cannot."""

import csv
import os
from pathlib import Path

# The project's folder: what a run reads of the project and writes lies here, whatever folder it is started from.
ROOT = Path(__file__).resolve().parents[2]
BANK = os.environ.get("BANK", "metanprombank")
SAMPLE = ROOT / "seeds/banks" / BANK / "sample/clients.parquet"


def known_banks() -> list[str]:
    """The names of the folders of registers."""
    return sorted(path.parent.name for path in (ROOT / "seeds/banks").glob("*/columns.csv"))


def register_file(name: str, project: Path | None = None, bank: str | None = None) -> Path:
    """The CSV file of a register: the bank's own, or else the one that all banks share."""
    seeds = (project or ROOT) / "seeds"
    own = seeds / "banks" / (bank or BANK) / f"{name}.csv"
    return own if own.exists() else seeds / f"shared/{name}.csv"


def register_rows(name: str, bank: str | None = None) -> list[dict[str, str]]:
    """The rows of a register, every cell as text."""
    with register_file(name, bank=bank).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
