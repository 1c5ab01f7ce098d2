"""How far a slow step is: what it does, and about how long it still takes."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bank_segments.release.run import releases

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg

# Seconds between two lines: a step that takes less, as on a small file, has none.
PERIOD = 10.0


@dataclass(slots=True)
class Progress:
    """What a step does at the moment, by thread, and its own estimate of its seconds where it has one."""

    doing: dict[str, str] = field(default_factory=dict)
    expected: float | None = None
    started: float = field(default_factory=time.monotonic)

    def part_done(self, name: str, done: int, parts: int) -> None:
        """Note that so many of equal parts are done."""
        self.doing[""] = f"{done} of {parts}, {name}"
        self.expected = (time.monotonic() - self.started) / done * parts

    def line(self) -> str:
        """What there is to say: nothing where nothing is known."""
        left = (self.expected or 0.0) - (time.monotonic() - self.started)
        return "; ".join([*self.doing.values(), *([f"about {left:.0f} s left"] if left > 0 else [])])


@contextlib.contextmanager
def progress(tell: Callable[[str], None]) -> Iterator[Progress]:
    """Tell every few seconds how far the block is."""
    step, has_ended = Progress(), threading.Event()

    def watch() -> None:
        while not has_ended.wait(PERIOD):
            if line := step.line():
                tell(line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield step
    finally:
        has_ended.set()
        watcher.join()


def follow_dbt(step: Progress, published: Path) -> Callable[[EventMsg], None]:
    """What listens to dbt: which models, tests and seeds run, and of how many rows."""

    def hear(event: EventMsg) -> None:
        name, thread, data = event.info.name, threading.current_thread().name, event.data
        if name == "JinjaLogInfo" and (found := re.match(r"reading ([\d,]+) rows", data.msg)):
            step.doing[thread] = data.msg
            step.expected = seconds_of_build(published, int(found[1].replace(",", "")))
        elif name == "LogStartLine":
            step.doing[thread] = f"{data.index} of {data.total}, {data.node_info.node_name}"
        elif name in ("LogModelResult", "LogTestResult", "LogSeedResult", "LogHookEndLine"):
            step.doing.pop(thread, None)

    return hear


def seconds_of_build(published: Path, rows: int) -> float | None:
    """What dbt took for so many rows, by the release that is nearest in size; None where none has a tenth of them."""
    seconds = dict[int, float]()
    for release in releases(published):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # as an older version wrote it
            run = json.loads((release / "run.json").read_text(encoding="utf-8"))
            seconds[run["rows"]["read"]] = run["seconds"]["dbt build"]
    nearest = min(seconds, key=lambda read: abs(read - rows), default=0)
    return seconds[nearest] * rows / nearest if nearest * 10 >= rows > 0 else None
