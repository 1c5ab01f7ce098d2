"""Proposes the registers of a bank from a client file that nobody has described: `make bank CLIENTS=file NAME=ours`.

The file is read by the models of `make report` themselves, every column as a number and as text; what its columns are
is guessed from their headers, by the spellings that the registers of all banks have, and from their values. Each guess
has its reason in `proposal.md`, and each doubt a line `TODO: ...` there, which `make report` refuses until it is gone.
"""

import argparse
import csv
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb
from jinja2 import Template

from bank_segments import ROOT, known_banks, register_rows
from bank_segments.errors import RefusedError, exit_status, shown
from bank_segments.ingest.client_file import first_columns
from bank_segments.ingest.header import UnfitError, look_of

BANKS = ROOT / "seeds/banks"
CORE = "metanprombank"
MOST_LISTED, MOST_LEVELS, MOST_OPEN, MOST_ON_DASHBOARD = 30, 12, 300, 7
CARRIED = (
    "segments",
    "segment_rules",
    "proposals",
    "pilots",
    "assumptions",
    "populations",
    "population_rules",
)
TESTED = ("hypotheses", "hypothesis_tests")
# A share of cells that may be no number in a column of numbers, or no value in one that has to have them.
FEW = 0.01
Row = dict[str, str]


@dataclass
class Column:
    """A column of the file: what was seen in it, and the row of columns.csv that is proposed."""

    header: str
    raw: str
    filled: int
    numbers: int
    distinct: int
    is_whole: bool
    values: list[str]
    quantiles: list[float]
    row: Row = field(default_factory=dict)
    reason: str = ""

    @property
    def name(self) -> str:
        """Our name for it."""
        return self.row["column_name"]

    @property
    def is_numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.filled > 0 and self.numbers >= (1 - FEW) * self.filled


@dataclass
class Proposal:
    """The registers by name, the number of clients, and the doubts: a register, the line in it and the question."""

    columns: list[Column]
    clients: int
    core: str
    registers: dict[str, list[Row]] = field(default_factory=dict)
    doubts: list[tuple[str, int, str]] = field(default_factory=list)

    def doubt(self, column: Column, question: str) -> None:
        """Ask about a column, whose line in columns.csv comes after the header."""
        self.doubts.append(("columns.csv", self.columns.index(column) + 2, question))

    def has(self, names: Iterable[str]) -> bool:
        """Whether all of the columns are there, whatever of them is banded or counted as known."""
        mine = {column.name for column in self.columns if column.row["role"] != "ignored"}
        return all(re.sub("^has_|_band$", "", name) in mine or name in mine for name in names)


def written(folder: Path, name: str, rows: Sequence[Row]) -> None:
    """Write a register with the header that the core bank's has."""
    with (BANKS / CORE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        header = next(csv.reader(lines))
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, header, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def run(bank: str, arguments: Sequence[str], **variables: str) -> None:
    """Run a command of the project for a bank; raises `RefusedError` with what it says."""
    environment = os.environ | {"BANK": bank, "PYTHONPATH": str(ROOT / "python")} | variables
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = re.search(r"The client file .*", done.stdout) or re.search(
            r"\S.*\Z", done.stdout + done.stderr
        )
        raise RefusedError(said.group() if said else "The file could not be read.")


def write_contracts(bank: str) -> None:
    """Write contracts.yml for the registers that are there."""
    run(bank, [sys.executable, "-m", "bank_segments.ingest.contracts"])


def read_columns(clients: Path, bank: str, folder: Path, headers: Sequence[str]) -> tuple[list[Column], int]:
    """What stands in each column of the file as the models read it, and the number of clients."""
    reserved = {
        word
        for (word,) in duckdb.execute(
            "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        ).fetchall()
    }
    raws: list[str] = []
    for header in headers:
        raw = re.sub(r"\W+", "_", header.strip()).strip("_") or "column"
        raw = f"c_{raw}" if raw[0].isdigit() or raw.lower() in reserved else raw
        raws.append(raw if raw.lower() not in {each.lower() for each in raws} else f"{raw}_{len(raws) + 1}")
    names = ["client_id", *(f"column_{number}" for number in range(2, len(raws) + 1))]
    bounds = {
        "kind": "number",
        "minimum": "-99999999999999",
        "maximum": "99999999999999",
        "is_required": "false",
    }
    for register in (path.stem for path in (BANKS / CORE).glob("*.csv")):
        written(folder, register, [])
    rows = [
        {
            "sort_order": str(at),
            "column_name": name,
            "raw_column": raw,
            "other_names": header,
            "role": "trait",
        }
        | {"is_in_id": str(at == 1).lower(), "description_ru": name, "description_en": name}
        | bounds
        for at, (name, raw, header) in enumerate(zip(names, raws, headers, strict=True), start=1)
    ]
    written(folder, "columns", rows)
    write_contracts(bank)
    with tempfile.TemporaryDirectory() as target:
        warehouse = f"{target}/bank.duckdb"
        dbt = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "run", "--target-path", target]
        selected = ["--select", "stg_bank__number_notations", "stg_bank__client_rows", "--log-path", target]
        run(bank, [*dbt, *selected], BANK_CLIENTS=str(clients.absolute()), BANK_WAREHOUSE=warehouse)
        with duckdb.connect(warehouse, read_only=True) as connection:
            (total,) = connection.execute(
                "select count(*) from raw.clients where other_row is null"
            ).fetchall()[0]
            columns = [
                seen(connection, header, raw, name)
                for header, raw, name in zip(headers, raws, names, strict=True)
            ]
    return columns, total


def seen(connection: duckdb.DuckDBPyConnection, header: str, raw: str, name: str) -> Column:
    """What stands in one column."""
    cells = f"""
        from (
            select trim(clients."{raw}") as cell, typed."{name}" as number
            from raw.clients
            join staging.stg_bank__client_rows as typed using (source_row_number)
            where trim(clients."{raw}") <> ''
        )
    """
    ((filled, numbers, distinct, is_whole, quantiles),) = connection.execute(
        "select count(*), count(number), count(distinct coalesce(number::varchar, cell)),"
        " coalesce(bool_and(number = floor(number)), false),"
        f" quantile_disc(number::double, [0, 0.01, 0.2, 0.4, 0.6, 0.8, 1]) {cells}"
    ).fetchall()
    values = connection.execute(
        f"select any_value(cell) {cells} group by lower(cell) order by count(*) desc, 1 limit {MOST_LISTED}"
    ).fetchall()
    return Column(
        header, raw, filled, numbers, distinct, is_whole, [value for (value,) in values], quantiles or []
    )


def known_spellings() -> dict[str, Row]:
    """What the registers of all banks say of a header, by its look; the core bank first."""
    spellings: dict[str, Row] = {}
    for bank in sorted(known_banks(), key=lambda bank: (bank != CORE, bank)):
        for row in register_rows("columns", bank):
            if row["role"] != "ignored":
                for spelling in (row["raw_column"], row["column_name"], *row["other_names"].split("; ")):
                    spellings.setdefault(look_of(spelling), row | {"bank": bank})
    spellings.pop("", None)
    return spellings


def kind_of(column: Column, clients: int) -> tuple[str, str]:
    """The kind that the values of a column suggest, `ignored` for none, and why."""
    if column.distinct == 2 and {value.lower() for value in column.values} <= flag_words():
        return "flag", "two values, words for yes and no"
    if column.is_numeric and not column.is_whole:
        return ("money", "large decimals") if column.quantiles[-1] >= 1000 else ("number", "decimals")
    if column.is_numeric:
        return "integer", "whole numbers"
    if 0 < column.distinct <= MOST_LISTED:
        return "category", f"{column.distinct} different texts"
    if column.filled and column.distinct <= min(MOST_OPEN, clients / 10):
        return "category", f"{column.distinct} different texts, the most common listed and others kept"
    return "ignored", "no value" if not column.filled else "nearly as many texts as clients, such as names"


def flag_words() -> set[str]:
    """The words for yes and no, in lower case."""
    rows = register_rows("cell_notations")
    return {row["word"] for row in rows if row["notation"] in ("true", "false")} | {"true", "false"}


def rounded(value: float, digits: int = 1, *, up: bool | None = None) -> int:
    """A round number near a value, or beyond it."""
    if abs(value) < 1:
        return 0 if up is None else math.ceil(value) if up else math.floor(value)
    unit = 10 ** max(0, math.floor(math.log10(abs(value))) - digits)
    turn = round if up is None else math.ceil if up else math.floor
    return int(turn(value / unit) * unit)


def describe(columns: list[Column], clients: int, known: dict[str, Row]) -> Proposal:
    """Give every column its role, name, kind and bounds; raises `RefusedError` without an id or an outcome."""
    taken, banks = set[str](), list[str]()
    for at, column in enumerate(columns, start=1):
        kind, column.reason = kind_of(column, clients)
        own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.raw).lower()
        column.row = {"role": "ignored" if kind == "ignored" else "trait", "column_name": own, "kind": kind}
        column.row |= {"description_ru": column.header, "description_en": column.header, "bank": CORE}
        found = known.get(look_of(column.header))
        if found and found["column_name"] not in taken and is_possible(found["kind"], column):
            column.row = {**found}
            column.reason = f"the header is known from {found['bank']}; {column.reason}"
            banks.append(found["bank"])
        elif own in taken or own in {"client_id", "client_key", "is_churned", "segment_ids"}:
            column.row["column_name"] = f"{own}_{at}"
        taken.add(column.name)
        column.row |= {"sort_order": str(at), "raw_column": column.raw, "is_in_id": "false"}
        column.row["other_names"] = "" if look_of(column.header) == look_of(column.raw) else column.header
        column.row["is_required"] = str(column.filled == clients).lower()
    proposal = Proposal(columns, clients, max(banks, key=banks.count, default=CORE))
    find_id(proposal)
    find_outcome(proposal)
    for column in columns:
        if column.row["kind"] in ("integer", "money", "number") and column.row["role"] != "id":
            find_bounds(proposal, column)
        if column.row["role"] == "ignored":
            column.row |= {"column_name": "", "kind": "", "is_required": ""}
    return proposal


def is_possible(kind: str, column: Column) -> bool:
    """Whether the values of a column can be of a kind."""
    if kind == "flag":
        return column.distinct == 2
    if kind == "category":
        return 0 < column.distinct <= MOST_OPEN
    return column.is_numeric and (kind != "integer" or column.is_whole)


def find_id(proposal: Proposal) -> None:
    """Settle what tells clients apart: a known header, or whole numbers that do not repeat."""
    ids = [column for column in proposal.columns if column.row["role"] == "id"]
    if not ids:
        ids = [each for each in proposal.columns if each.is_whole and each.distinct >= 0.9 * proposal.clients]
        if not ids:
            raise RefusedError(
                "No column can be the client's id: none holds whole numbers that hardly repeat."
            )
        proposal.doubt(ids[0], f"is {ids[0].header} the client's id? Its numbers are whole and hardly repeat")
        ids[0].row |= {"role": "id", "column_name": "client_id", "kind": "integer"}
    ids[0].row |= {"is_in_id": "true", "is_required": "true", "minimum": "1", "maximum": "999999999999"}
    territory = next((each for each in proposal.columns if each.row["role"] == "split"), None)
    if territory and ids[0].distinct < ids[0].filled:
        territory.row["is_in_id"] = "true"
        repeats = ids[0].filled - ids[0].distinct
        proposal.doubt(
            territory,
            f"{repeats} rows repeat an id: are {ids[0].header} and {territory.header} together one client? Where the id"
            " alone is, is_in_id of this line is false",
        )


def find_outcome(proposal: Proposal) -> None:
    """Settle which column says who left: a known header, or the last one with two values."""
    outcome = next((each for each in proposal.columns if each.row["role"] == "outcome"), None)
    if not outcome:
        two = [each for each in proposal.columns if each.distinct == 2 and each.row["role"] == "trait"]
        if not two:
            raise RefusedError(
                "No column can be the outcome: none has two values, of who left and who stayed."
            )
        outcome = two[-1]
        outcome.row |= {"role": "outcome", "column_name": "is_churned", "kind": "flag"}
        proposal.doubt(outcome, f"is {outcome.header} the outcome, whether a client left?")
    outcome.row["is_required"] = "true"


def find_bounds(proposal: Proposal, column: Column) -> None:
    """The domain of a number: that of a known header where it holds the values, else round numbers beyond them."""
    lowest, highest = column.quantiles[0], column.quantiles[-1]
    if re.fullmatch(r"-(1|99+)(\.0)?", str(lowest)):
        proposal.doubt(
            column, f"does {lowest:.0f} stand for no value? It is the smallest number of {column.header}"
        )
        column.row |= {"missing_values": f"{lowest:.0f}", "is_required": "false"}
        lowest = max(0.0, column.quantiles[1])
    low, high = (int(column.row.get(bound) or 0) for bound in ("minimum", "maximum"))
    column.row["minimum"] = str(min(low, 0 if lowest >= 0 else rounded(lowest, up=False)))
    column.row["maximum"] = str(high if high >= highest else rounded(10 * highest, up=True))


def find_values(proposal: Proposal) -> None:
    """The values of categories and flags, bands at round numbers near the quintiles, and the traits."""
    registers = {name: list[Row]() for name in ("allowed_values", "value_synonyms", "bands", "traits")}
    traits = list[tuple[int, str, str, Column]]()
    for column in proposal.columns:
        if column.row["role"] in ("ignored", "id"):
            continue
        name, kind, bank = column.name, column.row["kind"], column.row["bank"]
        allowed = [row for row in register_rows("allowed_values", bank) if row["column_name"] == name]
        synonyms = [row for row in register_rows("value_synonyms", bank) if row["column_name"] == name]
        spelt = {row["value"].lower() for row in allowed} | {row["raw_value"] for row in synonyms}
        unknown = [value for value in column.values if value.lower() not in spelt]
        if kind == "category":
            there = {value.lower() for value in column.values}
            meant = {row["value"] for row in synonyms if row["raw_value"] in there}
            allowed = [row for row in allowed if row["value"].lower() in there or row["value"] in meant]
            synonyms = [row for row in synonyms if row["value"] in {each["value"] for each in allowed}]
        is_number = kind in ("integer", "money", "number")
        if kind == "flag":
            allowed = allowed or labelled(name, {"true": "да / yes", "false": "нет / no"})
            codes = [value for value in unknown if value.lower() not in flag_words()]
            if codes:
                proposal.doubt(
                    column, f"does {column.values[-1]}, the rarer value of {column.header}, mean yes?"
                )
                answers = zip(reversed(column.values), ("true", "false"), strict=True)
                synonyms = [
                    {"column_name": name, "raw_value": code.lower(), "value": is_so}
                    for code, is_so in answers
                ]
        elif kind == "category":
            allowed = allowed + labelled(name, {value: value for value in unknown}, len(allowed))
            if (column.distinct > MOST_LISTED or column.row["role"] == "split") and "*" not in spelt:
                allowed += labelled(name, {"*": "прочие / other"}, len(allowed))
        registers["allowed_values"] += allowed
        registers["value_synonyms"] += synonyms
        levels = [name] if not is_number or column.distinct <= MOST_LEVELS else []
        cuts = sorted({rounded(cut) for cut in column.quantiles[2:6]}) if is_number and not levels else []
        cuts = [cut for cut in cuts if int(column.row["minimum"]) < cut <= column.quantiles[-1]]
        if cuts:
            for low, up in pairwise(["", *map(str, cuts), ""]):
                registers["bands"].append({"column_name": name, "lower_bound": low, "upper_bound": up})
            levels = [f"{name}_band"]
        if is_number and column.row["is_required"] == "false":
            has = "есть значение / has a value"
            registers["allowed_values"] += labelled(
                f"has_{name}", {"true": has, "false": "нет значения / no value"}
            )
            levels.append(f"has_{name}")
        if column.row["role"] != "outcome":
            traits += [
                (level.endswith("_band") + 2 * level.startswith("has_"), level, "category", column)
                for level in levels
            ]
        if is_number and column.row["role"] == "trait":
            traits.append((0, name, "number", column))
    categories = sorted((each for each in traits if each[2] == "category"), key=lambda each: each[0])
    on_dashboard = [trait for _, trait, _, _ in categories[:MOST_ON_DASHBOARD]]
    for order, (_, trait, kind, column) in enumerate(
        categories + [each for each in traits if each[2] == "number"], 1
    ):
        known = register_rows("traits", column.row["bank"])
        named = next((row for row in known if (row["trait"], row["kind"]) == (trait, kind)), {})
        is_shown = str(kind == "category" and trait in on_dashboard).lower()
        row = {"trait": trait, "kind": kind, "name_ru": column.header, "name_en": column.header} | named
        row |= {"sort_order": str(order), "is_on_dashboard": is_shown, "is_driver": is_shown}
        registers["traits"].append(row)
    proposal.registers |= registers


def labelled(name: str, labels: dict[str, str], before: int = 0) -> list[Row]:
    """Rows of allowed_values.csv from values and what they are called in Russian and English."""
    return [
        {"column_name": name, "value": value, "sort_order": str(order)}
        | dict(zip(("label_ru", "label_en"), (label.split(" / ") * 2)[:2], strict=True))
        for order, (value, label) in enumerate(labels.items(), start=before + 1)
    ]


def carry_over(proposal: Proposal) -> None:
    """The segments, hypotheses and proposals of the nearest bank whose columns and values are there, and its rest."""
    allowed = {(row["column_name"], row["value"]) for row in proposal.registers["allowed_values"]}
    bounds = {
        column.name: (float(column.row["minimum"]), float(column.row["maximum"]))
        for column in proposal.columns
        if column.row.get("minimum")
    }
    core = {name: register_rows(name, proposal.core) for name in (*CARRIED, *TESTED)}

    def is_there(name: str, value: str) -> bool:
        low, high = bounds.get(name, (1.0, 0.0))
        is_number = re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        return proposal.has([name]) and (
            (name, value) in allowed or (is_number and low <= float(value) <= high)
        )

    def owners(rules: str, key: str) -> set[str]:
        return {row[key] for row in core[rules] if not is_there(row["column_name"], row["value"])}

    def present(names: str) -> str:
        return " ".join(name for name in names.split() if proposal.has([name]))

    segments = {row["segment_id"] for row in core["segments"]} - owners("segment_rules", "segment_id")
    populations = {row["population"] for row in core["populations"]} - owners(
        "population_rules", "population"
    )
    hypotheses = [
        row
        | {"populations": " ".join(each for each in row["populations"].split() if each in populations)}
        | {"strata": present(row["strata"])}
        for row in core["hypotheses"]
        if proposal.has([row["metric_column"]])
        and all(is_there(row["group_column"], row[group]) for group in ("first_group", "second_group"))
        and (row["kind"] != "proportion" or is_there(row["metric_column"], row["success_value"]))
    ]
    kept = {row["hypothesis_id"] for row in hypotheses}
    tests = [row for row in core["hypothesis_tests"] if row["hypothesis_id"] in kept]
    for name, found in (("segments", segments), ("hypotheses", kept)):
        if not found:
            proposal.doubts.append(
                (f"{name}.csv", 1, f"which {name} are worth a look? None of {proposal.core} fits")
            )
    chosen = {
        name: [row for row in core[name] if row["segment_id"] in segments]
        for name in ("segments", "segment_rules", "proposals", "pilots")
    }
    for row in chosen["pilots"]:
        row["arm_strata"] = present(row["arm_strata"])
    proposal.registers |= chosen | {"hypotheses": hypotheses, "hypothesis_tests": tests}
    proposal.registers |= {
        name: [r for r in core[name] if r["population"] in populations]
        for name in ("populations", "population_rules")
    }
    proposal.registers["assumptions"] = core["assumptions"]


def propose(clients: Path, bank: str, sheet: str) -> str:
    """Write the folder of a new bank; raises `RefusedError`, and then there is none."""
    folder = BANKS / bank
    if not re.fullmatch("[a-z][a-z0-9_]*", bank):
        raise RefusedError(
            f"NAME={shown(bank)} is no name of a bank; it may have small Latin letters, digits and _."
        )
    if folder.exists():
        raise RefusedError(
            f"There is a bank {bank} already; name another as NAME, or delete {shown(folder)}."
        )
    try:
        headers = first_columns(clients, sheet)
    except (OSError, UnfitError) as error:
        reason = error if isinstance(error, UnfitError) else "cannot be read; check the path given as CLIENTS"
        raise RefusedError(f"The client file {shown(clients)} {reason}.") from error
    known = known_spellings()
    folder.mkdir()
    try:
        columns, total = read_columns(clients, bank, folder, headers)
        proposal = describe(columns, total, known)
        find_values(proposal)
        carry_over(proposal)
        named = {"bank": bank, "name_ru": bank, "name_en": bank, "currency": "RUB", "is_synthetic": "false"}
        proposal.doubts.append(("bank.csv", 2, "which currency (ISO 4217), and what is the bank called?"))
        proposal.registers |= {"bank": [named], "columns": [column.row for column in columns]}
        for name, rows in proposal.registers.items():
            written(folder, name, rows)
        write_contracts(bank)
        page = Path(__file__).with_name("proposal.md.j2").read_text(encoding="utf-8")
        page = Template(page, trim_blocks=True).render(proposal=proposal, clients=clients.name, bank=bank)
        (folder / "proposal.md").write_text(page, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return (
        f"{shown(folder)} has a proposal for the {len(columns)} columns of {shown(clients)}, and {len(proposal.doubts)}"
        f" doubts in its proposal.md; answer them, then: make report BANK={bank} CLIENTS={shown(clients)}"
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
