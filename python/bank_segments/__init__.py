"""The Python layer: it reads the marts that dbt builds, and finishes what SQL cannot."""

from pathlib import Path

# The project's folder: what a run reads of the project and writes lies here, whatever folder it is started from.
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "seeds/sample/clients.parquet"
