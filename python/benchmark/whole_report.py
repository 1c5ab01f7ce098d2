"""`make report` from end to end, watched from outside: its seconds, the memory of its processes, the disk it takes."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

PROJECT = (
    *("models", "seeds", "macros", "analyses", "python", "tests"),
    *("dbt_project.yml", "profiles.yml", "pyproject.toml"),
)
SECONDS_BETWEEN_LOOKS = 0.5


def copy_project(root: Path, copy: Path) -> None:
    """Copy what a report needs of the project, so that its releases do not end up among the user's."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in PROJECT:
        source = root / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)


def memory_mib(process: psutil.Process) -> float:
    """Return the resident memory of a process and all that it started; pages that they share count more than once."""
    total = 0
    for member in (process, *process.children(recursive=True)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def disk_mib(directory: Path) -> float:
    """Return the disk that the files in a directory take, which may come and go while they are counted."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total / 2**20


def watch(command: list[str], directory: Path) -> dict[str, Any]:
    """Run a command in a directory; raises `SystemExit` with what it said where it fails."""
    started, before = time.perf_counter(), disk_mib(directory)
    peak_memory = peak_disk = 0.0
    with (directory / "printed").open("w+", encoding="utf-8") as printed:
        process = psutil.Popen(
            command,
            cwd=directory,
            env=os.environ | {"PYTHONPATH": "python"},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            try:
                peak_memory = max(peak_memory, memory_mib(process))
            except psutil.NoSuchProcess:
                break
            peak_disk = max(peak_disk, disk_mib(directory) - before)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        failed = process.wait()
        printed.seek(0)
        said = printed.read()
    if failed:
        sys.exit(f"make benchmark: make report failed: {said[-2000:]}")
    return {
        "seconds": time.perf_counter() - started,
        "peak_mib": peak_memory,
        "disk_mib": peak_disk,
        "printed": said,
    }
