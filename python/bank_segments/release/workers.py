"""Processes that get ready while dbt builds, which keeps only one core busy, and end with the run."""

import contextlib
import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing.synchronize import Lock

_SPAWN = multiprocessing.get_context("spawn")
_LONGEST_TURN = 20.0


@cache
def _turn() -> Lock:
    """They get ready one after the other, on the core that dbt leaves; one that was killed keeps none waiting."""
    return _SPAWN.Lock()


@contextlib.contextmanager
def workers(count: int, prepare: Callable[[], object]) -> Iterator[ProcessPoolExecutor]:
    """Give a pool whose processes are running already; each begins with `prepare`."""
    with ProcessPoolExecutor(count, _SPAWN, _begin, (prepare, _turn())) as pool:
        for _ in range(count):
            pool.submit(int)
        yield pool


def _begin(prepare: Callable[[], object], turn: Lock) -> None:
    threading.Thread(target=_end_with_parent).start()
    # What it writes is soon written; Python would look for garbage in all that it imports.
    gc.disable()
    has_turn = turn.acquire(timeout=_LONGEST_TURN)
    try:
        prepare()
    finally:
        if has_turn:
            turn.release()


def _end_with_parent() -> None:
    """End this process when its work is done, and when the run is killed: its queue would keep it waiting for ever.

    What Python would tidy up first takes it half a second.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    # No daemon: one that sleeps while Python shuts down makes the DuckDB library complain of leaks.
    while threading.main_thread().is_alive() and parent.is_alive():
        parent.join(0.05)
    os._exit(0 if parent.is_alive() else 1)
