"""What users see of an error: a sentence, without a traceback."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb

_IS_FULL = re.compile("No space left on device|Disk quota exceeded|File too large")


class RefusedError(Exception):
    """The input or the warehouse failed validation; nothing is published. The message is one plain sentence."""


def shown(path: str | Path) -> str:
    """Return `path` as a message may show it: from the current folder, on one line, without control characters."""
    text = str(path).removeprefix(f"{Path.cwd()}/")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def require(argument: str | Path, example: str) -> None:
    """Raise `RefusedError` for an argument that was left out; `example` is the command with it."""
    if str(argument) in ("", "."):
        raise RefusedError(f"An argument is missing; write it as in {example}.")


def disk_full(message: str) -> RefusedError | None:
    """Return the refusal for what the system or DuckDB said of a full disk, None where it said something else."""
    if not _IS_FULL.search(message):
        return None
    path = re.search(r"""["']([^"']*/[^"']*)["']""", message)
    place = f", {path.group(1)} could not be written" if path else ""
    return RefusedError(
        f"There is no space left on the disk{place}; nothing was published; make room and run it again."
    )


def exit_status(command: str, work: Callable[[], str], stopped: str) -> int:
    """Do the work of a command, print what it returns, and give its exit status: 1 with one sentence if it is refused.

    `stopped` says what was not done where the disk or the database failed, with `{reason}` for what they said; a full
    disk has its own sentence.
    """
    try:
        print(work())
        return 0
    except RefusedError as refusal:
        said = str(refusal)
    except (OSError, duckdb.Error) as error:
        reason = " ".join(str(error).split())
        said = str(disk_full(reason) or stopped.format(reason=reason))
    print(f"{command}: {said}", file=sys.stderr)
    return 1
