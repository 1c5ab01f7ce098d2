"""Builds the warehouse with dbt, inside this process: dbt's own start is most of a small run.

dbt is imported where it is first run: the processes beside this one import this module, and do without it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from bank_segments import ROOT
from bank_segments.errors import RefusedError, disk_full, shown

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

# A run reads the project from wherever it is started; paths that a user names stay relative to that folder.
PROJECT = ("--project-dir", str(ROOT), "--profiles-dir", str(ROOT))

# The tests that a file of clients or a register can break, not those of the project, see dbt_project.yml. Eager,
# for no test lacks a parent where all models are built, and dbt need not look.
ONLY_DATA = (
    *("--exclude-resource-type", "unit_test"),
    *("--exclude", "tag:project"),
    *("--indirect-selection", "eager"),
)

# What listens to dbt's events.
Hear = Callable[["EventMsg"], None]


class Build:
    """Where dbt leaves what it built."""

    def __init__(self, directory: Path) -> None:
        """Everything lies in one folder."""
        self.directory = directory
        # What dbt said in the run, and in that of its docs.
        self.log = directory / "dbt.log"
        # The DuckDB file with every layer.
        self.warehouse = directory / "bank.duckdb"
        # That of the run that published last, for the campaign lists: a file that is refused leaves it alone. Of the
        # same name, for the views in it go by that.
        self.published = directory / "published" / self.warehouse.name
        self.manifest = directory / "manifest.json"
        # What dbt remembers of the project's files, so as to parse only those that changed.
        self.parsed = directory / "partial_parse.msgpack"
        # The project as it was parsed in this process, for all that dbt does with it.
        self.project: Manifest | None = None
        # Of the build: dbt docs writes none.
        self.run_results = directory / "run_results.json"
        # The rejected rows with the bank's ids, beside dbt.log.
        self.rejected_rows = directory / "rejected_rows.csv"


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the block."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _invoke(arguments: list[str], build: Build, clients: Path, hear: Hear | None = None) -> dbtRunnerResult:
    from dbt.cli.main import dbtRunner

    folders = ["--target-path", str(build.directory), "--log-path", str(build.directory)]
    # What goes wrong is told in one sentence; the rest is in dbt.log.
    logs = ["--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
    with (
        environment(BANK_CLIENTS=str(clients), BANK_WAREHOUSE=str(build.warehouse), BANK_IS_REBUILT="True"),
        build.log.open("ab") as log,
    ):
        try:
            hearers = [_write_to(log), *([hear] if hear else [])]
            dbt = dbtRunner(build.project, hearers)
            return dbt.invoke([*arguments, *PROJECT, *folders, *logs])
        finally:
            release_warehouse()


def _write_to(log: BinaryIO) -> Hear:
    """What keeps a log of dbt; its own takes half a second to leave out the same four thousand lines.

    dbt tells of its nodes from several threads, which a text file of Python 3.11 does not bear (cpython issue 118138).
    """

    def hear(event: EventMsg) -> None:
        info: Any = event.info
        if info.level not in ("debug", "test"):
            log.write(f"{info.ts.ToJsonString()} {info.level} {info.msg}\n".encode())

    return hear


def release_warehouse() -> None:
    """Close the warehouse, which dbt keeps open read-write to the end of the process, locking all others out."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    with contextlib.suppress(Exception):  # env() raises a bare Exception where dbt never got to open it
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


def messages(result: dbtRunnerResult) -> list[str]:
    """Return what went wrong, at least one text: per failed node, or why dbt did not get as far."""
    if result.exception is not None:
        return [str(result.exception)]
    failed = [
        f"{node.node.name}: {node.message}"
        for node in getattr(result.result, "results", [])
        if node.status in ("error", "fail", "runtime error")
    ]
    # The catalog of the docs has its errors beside it.
    return failed or getattr(result.result, "errors", None) or ["dbt gave no reason, look into its log"]


def refusal(result: dbtRunnerResult, clients: Path, build: Build) -> RefusedError:
    """Return the refusal for a failed dbt command, as one sentence on one line."""
    said = messages(result)
    if full := next(filter(None, map(disk_full, said)), None):
        return full
    file = f"The client file {shown(str(clients))}"
    if own := own_words(said[0], file, f"the reasons of every row are in {shown(build.rejected_rows)}"):
        return own
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return RefusedError(f"{file} was not accepted: {one_line(said[0])}{more}; details are in {shown(build.log)}.")


def own_words(said: str, file: str, advice: str) -> RefusedError | None:
    """Return the refusal in the project's own words where it has them for what dbt or DuckDB says, on one line."""
    if "CSV Parser state machine" in said:
        return RefusedError(
            f"{file} has a quotation mark inside a cell and a line break between two of them; double each, or put the"
            " whole cell in quotes."
        )
    if mistake := re.search(r"\w+[.]csv names the column .*; correct the name[.]", said):
        return RefusedError(mistake.group())
    found = re.search(r"The client file (gave no client|can be read in two ways)?.*", said)
    if found is None:
        return None
    # A data test knows neither which file it is about nor what becomes of the rows.
    text = found.group().replace("The client file", file, 1) if found.group(1) else found.group()
    text, is_cut, _ = text.partition("; look up")
    return RefusedError(f"{text}; {advice}." if is_cut else text)


def one_line(message: str) -> str:
    """The beginning of what dbt says, without breaks and the last full stop."""
    return " ".join(message.split())[:500].rstrip(".")


def build_warehouse(clients: Path, build: Build, hear: Hear | None = None) -> None:
    """Build every model and run every data test on `clients`; raises `RefusedError` with the first failure.

    `hear` is given dbt's events.
    """
    remove_warehouse(build)
    build.project = None
    # What the build leaves of the project has the SQL that it ran: to write it here, too, takes half a second.
    parse = ["parse", "--no-write-json"]
    result = _invoke(parse, build, clients, hear)
    if not result.success and build.parsed.exists():
        # dbt may trip over what it remembers of an earlier state of the project.
        build.parsed.unlink()
        result = _invoke(parse, build, clients, hear)
    if result.success:
        build.project = cast("Manifest", result.result)
        result = _invoke(["build", *ONLY_DATA], build, clients, hear)
    if not result.success:
        raise refusal(result, clients, build)


def remove_warehouse(build: Build) -> None:
    """Make room for a build."""
    build.directory.mkdir(parents=True, exist_ok=True)
    warehouse = build.warehouse
    beside = (warehouse.with_name(f"{warehouse.name}.wal"), build.rejected_rows, build.log)
    for leftover in (warehouse, *beside):
        leftover.unlink(missing_ok=True)
    shutil.rmtree(warehouse.with_name(f"{warehouse.name}.tmp"), ignore_errors=True)


# dbt's page asks for its icons before Angular has filled in their names, and for an icon of the tab that it lacks.
# The policy keeps it from asking any host, whatever is in a description.
_QUIET = {
    '<use xlink:href="{{': '<use ng-href="{{',
    """${require('./assets/favicons/favicon.ico')}""": "data:,",
    '<meta charset="utf-8">': '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src '
    "'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'\">",
}


def _inline(picture: re.Match[str]) -> str:
    content = (ROOT / "models/assets" / picture.group(1)).read_bytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def write_documentation(clients: Path, build: Build, path: Path) -> None:
    """Write the dbt docs as one static page that loads nothing."""
    result = _invoke(["docs", "generate", "--static", "--no-compile"], build, clients)
    if not result.success:
        said = messages(result)
        if full := next(filter(None, map(disk_full, said)), None):
            raise full
        raise RefusedError(f"dbt docs failed: {one_line(said[0])}; nothing was published.")
    page = (build.directory / "static_index.html").read_text(encoding="utf-8")
    for loud, quiet in _QUIET.items():
        page = page.replace(loud, quiet)
    # Pages of models/docs name their pictures as a reader of the repository sees them.
    path.write_text(re.sub(r"\.\./assets/(\w+\.png)", _inline, page), encoding="utf-8")
