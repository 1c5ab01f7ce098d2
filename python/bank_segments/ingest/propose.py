"""Proposes the registers of a bank from a client file that nobody has described: `make bank CLIENTS=file NAME=ours`.

The file is read by the models of `make report` themselves, every column as a number and as text; `propose.sql` guesses
what its columns are from their headers, by the spellings that the registers of all banks have, and from their values.
Each guess has its reason in `proposal.md`, and each doubt a line `TODO: ...` there, which `make report` refuses until
it is gone.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from jinja2 import Template

from bank_segments import BANK, ROOT, register_file
from bank_segments.database import attach, literal, run_file
from bank_segments.errors import RefusedError, exit_status, require, shown
from bank_segments.ingest.client_file import first_columns
from bank_segments.ingest.contracts import contracts
from bank_segments.ingest.header import UnfitError, find_columns, look_of

BANKS = ROOT / "seeds/banks"
REGISTERS = sorted(path.stem for path in (ROOT / "seeds/registers").glob("*.yml"))


def know(connection: duckdb.DuckDBPyConnection) -> None:
    """Load the registers of all banks into the schema `known`, every cell as text, with its folder."""
    connection.create_function("look_of", look_of, ["varchar"], "varchar")
    connection.execute("create schema known")
    for name in REGISTERS:
        files = literal(f"{glob.escape(str(BANKS))}/*/{name}.csv")
        connection.execute(
            f"create table known.{name} as select * exclude filename, parse_path(filename)[-2] as folder from read_csv("
            f"{files}, header = true, all_varchar = true, filename = true, hive_partitioning = false)"
        )
    words = literal(str(register_file("cell_notations")))
    connection.execute(f"create table known.cell_notations as from read_csv({words}, all_varchar = true)")


def write(connection: duckdb.DuckDBPyConnection, schema: str, folder: Path) -> None:
    """Write the registers of a schema into the folder, those that it lacks without a row, and their contracts."""
    query = "select table_name from duckdb_tables() where schema_name = ?"
    there = {name for (name,) in connection.execute(query, [schema]).fetchall()}
    for name in REGISTERS:
        columns = ", ".join(each for each in connection.table(f"known.{name}").columns if each != "folder")
        rows = f"from known.{name} limit 0"
        if name in there:
            rows = f"({rows}) union all by name from {schema}.{name}"
        file = literal(str(folder / f"{name}.csv"))
        connection.execute(f"copy (select {columns} from ({rows})) to {file} (header)")
    (folder / "contracts.yml").write_text(contracts(folder.name), encoding="utf-8")


def run(bank: str, *command: str, **variables: str) -> None:
    """Run a command of the project for a bank; raises `RefusedError` with the first reason that it gives."""
    environment = os.environ | {"BANK": bank, "PYTHONPATH": str(ROOT / "python")} | variables
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stdout + done.stderr
        if own := re.search(r"The (client file|warehouse) .*", said):
            raise RefusedError(own.group())
        reason = re.search(r"(?<=Error: )\S.*", said) or re.search(r"\S.*\Z", said)
        raise RefusedError(f"{Path(command[0]).name} failed: {reason.group() if reason else 'without a word'}.")


def read(connection: duckdb.DuckDBPyConnection, clients: Path, sheet: str, folder: Path, target: str) -> None:
    """Let staging read the file as what `folder` has so far, and attach that warehouse as `bank`."""
    warehouse = Path(target) / "bank.duckdb"
    run(
        folder.name,
        str(Path(sys.executable).parent / "dbt"),
        *("--quiet", "--no-use-colors", "run", "--target-path", target, "--log-path", target),
        *("--select", "stg_bank__number_notations", "stg_bank__client_rows"),
        BANK_CLIENTS=str(clients.absolute()),
        BANK_SHEET=sheet,
        BANK_WAREHOUSE=str(warehouse),
    )
    attach(connection, warehouse, "bank")


def guess(connection: duckdb.DuckDBPyConnection, bank: str, advice: str) -> None:
    """Fill the schema `ours`; raises `RefusedError` where nothing can be the id or the outcome."""
    connection.execute("set variable bank = ?", [bank])
    connection.execute("set variable core = ?", [BANK])
    run_file(connection, Path(__file__).with_name("propose.sql"))
    roles = {role for (role,) in connection.execute("select role from ours.columns").fetchall()}
    if "id" not in roles:
        raise RefusedError(f"No column can be the client's id: none holds values that hardly repeat{advice}.")
    if "outcome" not in roles:
        raise RefusedError(f"No column can be the outcome: none has two values, of who left and who stayed{advice}.")


def page(connection: duckdb.DuckDBPyConnection, bank: str, clients: Path, dated: list[str]) -> str:
    """What was guessed and why, and the doubts."""
    found = {
        name: connection.execute(query).fetchall()
        for name, query in {
            "doubts": "from doubts",
            "columns": "select header, role, column_name, kind, reason from proposed order by position",
            "read": "select any_value(clients), (from nearest), getvariable('of_dates') from seen",
        }.items()
    }
    template = Template(Path(__file__).with_name("proposal.md.j2").read_text(encoding="utf-8"), trim_blocks=True)
    return template.render(found, bank=bank, file=clients.name, dated=dated)


def propose(clients: Path, bank: str, sheet: str) -> str:
    """Write the folder of a new bank; raises `RefusedError`, and then there is none."""
    for argument in (clients, bank):
        require(argument, "make bank CLIENTS=clients.csv NAME=ours")
    folder = BANKS / bank
    if not re.fullmatch("[a-z][a-z0-9_]*", bank):
        raise RefusedError(f"NAME={shown(bank)} is no name of a bank; it may have small Latin letters, digits and _.")
    if folder.exists():
        raise RefusedError(f"There is a bank {bank} already; name another as NAME, or delete {shown(folder)}.")
    try:
        headers, dated, advice = first_columns(clients, sheet)
        find_columns(headers, {header: [] for header in headers})
    except (OSError, UnfitError) as error:
        reason = error if isinstance(error, UnfitError) else "cannot be read; check the path given as CLIENTS"
        raise RefusedError(f"The client file {shown(clients)} {reason}.") from error
    with tempfile.TemporaryDirectory() as target, duckdb.connect() as connection:
        know(connection)
        run_file(connection, Path(__file__).with_name("provisional.sql"), headers=headers)
        folder.mkdir()
        try:
            write(connection, "provisional", folder)
            read(connection, clients, sheet, folder, target)
            guess(connection, bank, advice)
            write(connection, "ours", folder)
            (folder / "proposal.md").write_text(page(connection, bank, clients, dated), encoding="utf-8")
            doubts = connection.table("doubts").shape[0]
        except BaseException:
            shutil.rmtree(folder)
            raise
    again = f"make report BANK={bank} CLIENTS={shown(clients)}" + (f" SHEET={shown(sheet)}" if sheet else "")
    return (
        f"{shown(folder)} has a proposal for the {len(headers)} columns of {shown(clients)}; answer the lines TODO of"
        f" its proposal.md, {doubts} in all, then: {again}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and write the proposal; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bank", description="Propose the registers of a new bank.")
    parser.add_argument("--clients", type=Path, required=True, help="the client file")
    parser.add_argument("--name", required=True, help="the bank's folder below seeds/banks")
    parser.add_argument("--sheet", default="", help="the sheet of a workbook, without it the first")
    options = parser.parse_args(arguments)
    return exit_status(
        "make bank",
        lambda: propose(options.clients, options.name, options.sheet),
        "No bank was written: {reason}.",
    )


if __name__ == "__main__":
    sys.exit(main())
