"""The machine that measured."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> str:
    """Name the processor, its cores, the memory and the versions behind the figures."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    measured = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "dbt-core", "pandas", "polars"))
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {measured}"
