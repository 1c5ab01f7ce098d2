"""Warehouses that the tests share: one dbt build per input file and run, with every data and unit test."""

import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from dbt.cli.main import dbtRunner
from filelock import FileLock
from selenium import webdriver

import bank_segments
from bank_segments import warehouse
from bank_segments.ingest import registers
from bank_segments.ingest.client_key import read_or_create_key
from bank_segments.marts import Marts, read_marts
from bank_segments.warehouse import Build
from chromium import chromium
from needed import missing

ROOT, SAMPLE = bank_segments.ROOT, bank_segments.SAMPLE
PROJECT = (
    *("dbt_project.yml", "profiles.yml", "analyses", "macros", "models", "python", "seeds"),
    *("tests/generic", "tests/singular"),
)

REPORT = (sys.executable, "-m", "bank_segments.report")
# dbt's options that leave out the tests whose rows are made up.
DATA_TESTS = ("--exclude-resource-type", "unit_test", "--exclude", "path:tests/macros")

# It has no territory, and a category that not all clients have.
OTHER_BANK = "bank_churners"

# What a test must not ask for to be one of `make check`'s: builds of its own, other programs, the bank's file.
SLOW_FIXTURES = {
    *("bank_clients", "browser", "docs", "published_project", "quick_start"),
    *("published", "release", "project", "sample_release", "workbooks"),
}
# Those that run dbt, or more than a few seconds, without such a fixture.
SLOW_MODULES = {
    f"test_{name}"
    for name in (
        *("analyses", "bad_input", "banks", "benchmark", "bi_clients", "calibrate", "charts", "dashboard"),
        *("dbt_commands", "deck", "degenerate_files", "disclosure", "exactness", "faults", "layering"),
        *("layouts", "macros", "parity", "quality", "recipes", "sample", "segment_search"),
    )
}
# In the order of their seconds.
LONGEST = [
    *("test_parity", "test_layouts", "test_faults", "test_registers", "test_pages", "test_deck"),
    *("test_bad_input", "test_degenerate_files", "test_dbt_commands"),
]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell what is wrong in a register once, not in the traceback of every test that builds a warehouse."""
    banks = () if hasattr(session.config, "workerinput") else bank_segments.known_banks()
    if reason := next(filter(None, map(registers.refusal, banks)), None):
        pytest.exit(reason, returncode=1)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules without a quick test, some of them slow to import."""
    return (config.option.markexpr == "not slow" and collection_path.stem in SLOW_MODULES) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, which `make check` leaves out, and put the longest first, so that no worker ends late."""
    places = {module: place for place, module in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if item.path.stem in SLOW_MODULES or fixtures & SLOW_FIXTURES or "bank" in parameters:
            item.add_marker(pytest.mark.slow)


def pytest_configure() -> None:
    """Make the key of this checkout before two workers do at once."""
    read_or_create_key()


def shared(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that one of the workers of a run fills, and all of them read."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_name(f"{name} unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            fill(unfinished)
            unfinished.rename(folder)
    return folder


def ran(*command: str | Path, cwd: Path, project: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with a project's Python; it may fail."""
    environment = {"PYTHONPATH": str(project / "python"), **environment}
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)


def dbt(
    *arguments: str, clients: Path, target: Path, project: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt on `clients` in a process of its own, with its artifacts and its warehouse under `target`."""
    target.mkdir(parents=True, exist_ok=True)
    executable = Path(sys.executable).parent / "dbt"
    files = {"BANK_CLIENTS": str(clients), "BANK_WAREHOUSE": str(target / "bank.duckdb")}
    options = (*arguments, "--target-path", str(target))
    return ran(executable, "--no-use-colors", *options, cwd=project, project=project, **files | environment)


class DbtInProcess:
    """Dbt in this process, on one parsed manifest: its start is most of a small command."""

    def __init__(self, folder: Path, manifest: Any) -> None:
        """Keep the warehouse and dbt's artifacts in `folder`."""
        self.build = Build(folder)
        self.manifest = manifest
        self.options = [*warehouse.PROJECT, "--target-path", str(folder), "--log-path", str(folder)]
        self.options += ["--log-level", "none"]

    def invoke(self, *arguments: str, clients: Path | str = "", sheet: str = "") -> Any:
        """Dbt's own result; its type depends on the command."""
        with warehouse.environment(
            BANK_WAREHOUSE=str(self.build.warehouse), BANK_CLIENTS=str(clients), BANK_SHEET=sheet
        ):
            try:
                return dbtRunner(manifest=self.manifest).invoke([*arguments, *self.options])
            finally:
                warehouse.release_warehouse()

    def run(self, *arguments: str, clients: Path | str = "") -> str:
        """What went wrong, nothing where all went well."""
        result = self.invoke(*arguments, clients=clients)
        return "" if result.success else "; ".join(warehouse.messages(result))


def copy_project(target: Path) -> Path:
    """Copy what dbt reads of the project into `target`, for a test that edits it."""
    for name in PROJECT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    return target


def copy_all(target: Path) -> Path:
    """Copy the project as it is checked out, for a test that runs `make report` in it."""
    of_runs = ("target", "published", "logs", "activation", "pilots")
    return Path(shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(".*", *of_runs)))


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by column."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def rows_in(file: Path, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What a query gives in a warehouse or a release."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query, values).fetchall()


@contextlib.contextmanager
def held_open(warehouse: Path, *, read_only: bool = False) -> Iterator[int]:
    """Hold a warehouse open in another process, as a BI tool or a notebook does; gives its id."""
    hold = f"import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only={read_only}); print(flush=True); input()"
    holder = [sys.executable, "-c", hold, str(warehouse)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


def none_of(findings: Iterable[str]) -> None:
    """Fail with the findings, one a line, if there are any."""
    if lines := list(findings):
        pytest.fail("\n".join(lines), pytrace=False)


def _built(request: pytest.FixtureRequest, name: str, clients: Path, *options: str) -> Path:
    def build(target: Path) -> None:
        dbt = DbtInProcess(target, request.getfixturevalue("manifest"))
        if said := dbt.run("build", *options, clients=clients):
            pytest.fail(f"dbt build on {clients} failed: {said}", pytrace=False)

    return shared(request.getfixturevalue("tmp_path_factory"), name, build) / "bank.duckdb"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What dbt knows of the project: one worker parses it, and the others what it has remembered."""

    def parse(folder: Path) -> Any:
        options = ["--target-path", str(folder), "--log-path", str(folder), "--log-level", "none"]
        return dbtRunner().invoke(["parse", *warehouse.PROJECT, *options]).result

    parsed = shared(tmp_path_factory, "parsed", parse)
    return parse(Path(shutil.copytree(parsed, tmp_path_factory.mktemp("parsed"), dirs_exist_ok=True)))


@pytest.fixture(scope="session")
def bank_clients() -> Path:
    """The bank's file."""
    path = Path(os.environ.get("BANK_DATASET", ROOT.parent / "shared/data/bank_dataset.csv"))
    if not path.exists():
        missing(f"the bank's file {path} is not on this machine; name it in BANK_DATASET")
    return path.resolve()


@pytest.fixture(scope="session")
def sample_warehouse(request: pytest.FixtureRequest) -> Path:
    """The warehouse built from the shipped sample."""
    return _built(request, "sample", SAMPLE)


@pytest.fixture(scope="session")
def marts(sample_warehouse: Path) -> Marts:
    """The marts of the sample, as the outputs read them."""
    return read_marts(sample_warehouse)


@pytest.fixture(scope="session")
def bank_warehouse(bank_clients: Path, request: pytest.FixtureRequest) -> Path:
    """The warehouse built from the bank's file."""
    return _built(request, "bank", bank_clients, *DATA_TESTS)


@pytest.fixture(scope="session", params=["sample", "bank"])
def warehouse_and_file(request: pytest.FixtureRequest) -> tuple[Path, pd.DataFrame]:
    """A warehouse and the file it was built from."""
    warehouse: Path = request.getfixturevalue(f"{request.param}_warehouse")
    if request.param == "sample":
        return warehouse, duckdb.read_parquet(str(SAMPLE)).df()
    return warehouse, pd.read_csv(request.getfixturevalue("bank_clients"))


def report(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `make report`'s command in a copy of the project."""
    return ran(*REPORT, *arguments, cwd=project, project=project, **environment)


def take(warehouse: Path, build: Build, *_: object) -> None:
    """In the place of dbt's build, which left `warehouse` and its manifest elsewhere."""
    shutil.copy(warehouse, build.warehouse)
    shutil.copy(warehouse.with_name("manifest.json"), build.manifest)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the runs of this process work and publish."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bank_segments.report.TARGET", tmp_path / "target/report")
    monkeypatch.setattr("bank_segments.report.PUBLISHED", tmp_path / "published")
    (tmp_path / "published").mkdir()
    return tmp_path


def _published(factory: pytest.TempPathFactory) -> Path:
    def publish(folder: Path) -> None:
        run = report(copy_all(folder / "bank"))
        assert run.returncode == 0, run.stdout + run.stderr

    return shared(factory, "published", publish) / "bank"


@pytest.fixture(scope="session")
def published_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that has published the sample once; each worker has its own."""
    copy = tmp_path_factory.mktemp("a project copy") / "bank"
    return Path(shutil.copytree(_published(tmp_path_factory), copy, symlinks=True))


@pytest.fixture(scope="session")
def sample_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the sample, which tests only read."""
    return (_published(tmp_path_factory) / "published/latest").resolve()


def other_bank(factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that has published another bank's sample, with the key of this checkout."""

    def publish(folder: Path) -> None:
        project = copy_all(folder / "project")
        shutil.copy(ROOT / ".client_key", project)
        run = report(project, BANK=OTHER_BANK)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr

    return shared(factory, OTHER_BANK, publish) / "project"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium without a network."""
    yield from chromium(tmp_path_factory.mktemp("chromium"))


@dataclass(frozen=True)
class Docs:
    """What dbt knows of the project: the manifest, and the catalog of what is really in the warehouse."""

    manifest: dict[str, Any]
    catalog: dict[str, Any]
    target: Path


@pytest.fixture(scope="session")
def docs(sample_warehouse: Path, manifest: Any, tmp_path_factory: pytest.TempPathFactory) -> Docs:
    """The artifacts of `dbt docs generate` on a copy of the sample's warehouse, which it locks."""

    def document(target: Path) -> None:
        shutil.copy(sample_warehouse, target)
        if said := DbtInProcess(target, manifest).run("docs", "generate", clients=SAMPLE):
            pytest.fail(f"dbt docs generate failed: {said}", pytrace=False)

    target = shared(tmp_path_factory, "docs", document)
    written, catalog = (
        json.loads((target / name).read_text(encoding="utf-8")) for name in ("manifest.json", "catalog.json")
    )
    return Docs(written, catalog, target)
