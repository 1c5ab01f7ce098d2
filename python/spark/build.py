"""Builds the models on Spark, in an environment of its own, and gives Python a DuckDB file of the marts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from bank_segments import ROOT, register_rows
from bank_segments.errors import RefusedError, shown
from bank_segments.warehouse import ONLY_DATA, PROJECT, Build, Hear, one_line, own_words, remove_warehouse

SPARK_DBT = ROOT / ".venv-spark/bin/dbt"


def build_warehouse(clients: Path, build: Build, hear: Hear | None = None, *, target: str) -> None:
    """Build as on DuckDB; the warehouse then holds the published models and the seeds, as tables."""
    remove_warehouse(build)
    shutil.move(build_on_spark(clients, build.directory, *ONLY_DATA, target=target), build.warehouse)


def build_on_spark(clients: Path, directory: Path, *arguments: str, target: str = "spark") -> Path:
    """Run `dbt build` on Spark in an environment of its own; return the DuckDB file that Python reads of it.

    `target` is one of profiles.yml: the tables of `spark` end with the build, those of `spark_thrift` stay on its
    server. Raises `RefusedError` where Spark is not installed or the build fails.
    """
    if not SPARK_DBT.exists():
        raise RefusedError(f"{shown(SPARK_DBT)} is not installed; run `make spark-env`.")
    if any(row["role"] == "id" and row["kind"] == "category" for row in register_rows("columns")):
        raise RefusedError(
            "On Spark a client's id is a whole number; build this bank on DuckDB, or number its clients."
        )
    directory.mkdir(parents=True, exist_ok=True)
    # dbt finds the project's plugin by what make spark-env wrote, not by the path of this process.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    home = directory / "spark"
    if target == "spark_thrift":
        home = Path(os.environ.get("BANK_SPARK_HOME", home))
    paths = ["--log-path", str(directory), "--target-path", str(directory)]
    # Tables of an earlier build would be in the way of new ones, and hold the bank's ids.
    shutil.rmtree(directory / "spark/warehouse", ignore_errors=True)
    run = subprocess.run(
        [str(SPARK_DBT), "--no-use-colors", "build", "--target", target, *PROJECT, *paths, *arguments],
        env=environment
        | {"BANK_CLIENTS": str(clients), "BANK_SPARK_HOME": str(home), "BANK_SPARK_CATALOG": "in-memory"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    shutil.rmtree(directory / "spark/warehouse", ignore_errors=True)
    if run.returncode:
        if unreached := re.search(r"failed to connect: .*?: (.*)", run.stdout):
            raise RefusedError(
                f"The Thrift server of Spark cannot be reached: {one_line(unreached.group(1))};"
                " check BANK_SPARK_HOST, BANK_SPARK_PORT and BANK_SPARK_USER."
            )
        file = f"The client file {shown(str(clients))}"
        # The tables of Spark are gone, and with them the rows.
        advice = "make report on DuckDB writes out the reasons of every row"
        if own := own_words(run.stdout, file, advice):
            raise own
        failure = re.search(r"(?:Failure|Error) in .*", run.stdout)
        raise RefusedError(
            f"{file} was not accepted on Spark: {one_line(failure.group() if failure else run.stdout[-500:])};"
            f" details are in {shown(directory / 'dbt.log')}."
        )
    return home / "bank_marts.duckdb"
