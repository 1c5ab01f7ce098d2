"""Looks at the client file before DuckDB reads it: what it is, how it is written, how many rows it holds.

DuckDB reads the rows (macros/project/load_clients.sql). It is not asked to judge the file, because it was seen to lose
rows without a word: UTF-16 big-endian gives none, `store_rejects` forgets a cell of 50 MB, an opened quotation mark
ends a serial read with no row at all; cp1251 needs an extension from the network; a macro cannot catch an error.
The rows counted here are compared with the rows loaded. Memory stays constant in the size of the file.
"""

import glob
import json
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from bank_segments import BANK, SAMPLE, known_banks, register_rows
from bank_segments.database import literal
from bank_segments.errors import RefusedError, shown
from bank_segments.ingest import registers
from bank_segments.ingest.containers import Note, Table, open_table
from bank_segments.ingest.csv_text import CHUNK_BYTES, COMPRESSIONS, Rows, beginning, read_text
from bank_segments.ingest.header import UnfitError, Wanted, find_columns, find_header, likely_header

# Fields beyond the header's that DuckDB still reads as a row, so that the row is kept with its text.
EXTRA_FIELDS = 4

FOREIGN_STARTS = (
    *(
        (packed.magic, f"is compressed with {packed.name}; rename it to end in .csv{suffix}")
        for suffix, packed in COMPRESSIONS.items()
    ),
    (b"PK\x03\x04", "is a workbook or a ZIP archive; rename it to end in .xlsx or .zip"),
    (b"\xd0\xcf\x11\xe0", "is a workbook of Excel 97; save it as .xlsx"),
    (b"PAR1", "is Parquet; rename it to end in .parquet"),
)


@dataclass(frozen=True, slots=True)
class ClientFile:
    """How DuckDB reads the rows of a client file.

    `before` has the statements to run before `query`, and `unread` is a query for the first row that DuckDB set aside.
    """

    query: str
    rows: int
    before: list[str] = field(default_factory=list)
    unread: str = ""
    shown: str = ""
    identity: str = ""
    notes: list[Note] = field(default_factory=list)


def other_names(bank: str = BANK) -> dict[str, list[str]]:
    """Return each column of the client file that a bank's models read, with the names beside its own."""
    return {
        row["raw_column"]: list(filter(None, row["other_names"].split("; ")))
        for row in register_rows("columns", bank)
        if row["role"] != "ignored"
    }


def _notes(found: Mapping[str, str]) -> list[Note]:
    """Say which wanted columns have another name in the file, whatever its letter case."""
    return [
        Note("column_name", f"{shown(column.strip())} = {name}", 1)
        for name, column in found.items()
        if column.strip("\ufeff \u00a0").casefold() != name.casefold()
    ]


def _other_row(cells: Sequence[str], names: Mapping[str, str], is_short: str) -> str:
    """Return SQL for what a row holds that is no client, NULL where it is one.

    `cells` are all cells of the row, `names` the header's name of each wanted one, the client's id first; `is_short` is
    the condition that the row has fewer cells than the header.
    """
    client_id = next(iter(names))
    texts = ", ".join(cells)
    repeats = " and ".join(
        f"lower(trim({cell}, '\ufeff \u00a0')) = lower({literal(name.strip())})" for cell, name in names.items()
    )
    filled = ", ".join(f"nullif(trim({cell}), '')" for cell in cells)
    totals = "|".join(row["word"] for row in register_rows("cell_notations") if row["notation"] == "total")
    return f"""
        case
            when not {is_short} and {client_id} >= '0' and {client_id} < ':' then null
            when not regexp_matches(concat({texts}), '[\\p{{L}}\\p{{N}}]') then 'blank'
            when {repeats} then 'header'
            when regexp_matches(lower(coalesce({filled})), '^[^\\p{{L}}\\p{{N}}]*({totals})([^\\p{{L}}]|$)')
                then 'total'
            -- A client's row that was cut off still begins with its id, unless that is not the first column.
            when
                {is_short}
                and ({client_id} is not null or {cells[1]} is null)
                and not regexp_matches(coalesce({client_id}, {cells[0]}), '^[-+ ]*[0-9]+[.]?[0-9]*$')
                then 'note'
        end
    """


def _look_at_csv(table: Table, wanted: Wanted, folder: Path) -> ClientFile:
    path = table.path
    with path.open("rb") as handle:
        start = handle.read(8)
    packed = COMPRESSIONS.get(path.suffix.casefold())
    if packed and not start.startswith(packed.magic):
        raise UnfitError(f"is not compressed with {packed.name}; rename it to end in .csv")
    for magic, reason in FOREIGN_STARTS:
        if not packed and start.startswith(magic):
            raise UnfitError(reason)
    text, rows = read_text(path, folder / "utf-8.csv")
    if rows.total == 0:
        raise UnfitError(f"is empty; its first row must name {', '.join(wanted)}")
    try:
        header = find_header(rows.head, wanted)
    except UnfitError as unfit:
        raise UnfitError(f"{unfit}{table.advice}") from unfit
    table.refuse_dates(zip(wanted, header.positions, strict=True), header.line)
    if rows.is_inside:
        raise UnfitError(f"has a quotation mark in row {rows.current} that is never closed; close or remove it")
    if rows.row_with_lone_cr and (rows.has_lf or rows.has_crlf):
        raise UnfitError(
            f"has a carriage return in the middle of row {rows.row_with_lone_cr}; remove it or put the cell in quotes"
        )
    above = Rows()
    above.feed(b"".join(rows.head.splitlines(keepends=True)[: header.line]))
    if rows.total == above.total:
        raise UnfitError(f"has a header but no row under it; export it again with the clients{table.advice}")
    is_serial = rows.has_quoted_breaks or rows.longest > 1_000_000
    longest = max(2_000_000, rows.longest + CHUNK_BYTES)
    width = len(header.columns)
    cells = [f"c{at}" for at in range(width + EXTRA_FIELDS)]
    named = [cells[at] for at in header.positions]
    read = [
        f"if(row_fault is null, nullif({cell}, ''), null) as \"{name}\""
        for cell, name in zip(named, wanted, strict=True)
    ]
    found = {name: header.columns[at] for at, name in zip(header.positions, wanted, strict=True)}
    names = dict(zip(named, found.values(), strict=True))
    # The dialect is given, nothing is sniffed. A missing field is NULL and an empty one is not, because no text equals
    # nullstr, a letter of Unicode's private area: so a row of the wrong length shows, and is kept with its text.
    # Rows with more fields still are set aside, as are those with a quotation mark inside a cell.
    query = f"""
        select
            source_row_number,
            {", ".join(read)},
            row_fault,
            if(row_fault is null, null, concat_ws({literal(header.delimiter)}, {", ".join(cells)})) as row_text,
            {_other_row(cells, names, f"{cells[width - 1]} is null")} as other_row
        from (
            select
                *,
                row_number() over () as source_row_number,
                case
                    when {cells[width - 1]} is null then 'row has fewer fields than the header'
                    when concat({", ".join(cells[width:])}) <> '' then 'row has more fields than the header'
                end as row_fault
            from read_single_csv_file(
                {literal(str(text))},
                auto_detect = false,
                header = false,
                skip = {header.line},
                delim = {literal(header.delimiter)},
                quote = '"',
                escape = '"',
                nullstr = '\ue000',
                strict_mode = true,
                null_padding = true,
                store_rejects = true,
                rejects_table = 'unread_rows',
                rejects_scan = 'unread_scans',
                parallel = {not is_serial},
                compression = '{packed.name if packed and text == path else "none"}',
                encoding = 'utf-8',
                max_line_size = {longest},
                buffer_size = {2 * longest if is_serial else 32_000_000},
                columns = {{{", ".join(f"'{cell}': 'varchar'" for cell in cells)}}}
            )
        )
    """
    notes = _notes(found)
    if above.total > 1:
        notes.append(Note("above_header", str(header.line), above.total - 1))
    return ClientFile(
        query,
        rows.total - above.total,
        before=["drop table if exists temp.unread_rows", "drop table if exists temp.unread_scans"],
        unread="select line, error_type from unread_rows order by line, error_type limit 1",
        notes=notes,
    )


def _look_at_parquet(table: Table, wanted: Wanted) -> ClientFile:
    # Each name is a pattern to DuckDB. A column that only some parts have is NULL in the others.
    parts = ", ".join(literal(glob.escape(str(part))) for part in table.parts)
    source = f"from read_parquet([{parts}], binary_as_string = true, union_by_name = true, hive_types_autocast = false)"
    with duckdb.connect() as connection:
        try:
            columns = connection.sql(source).columns
            ((rows,),) = connection.sql(f"select count(*) {source}").fetchall()
            schemas = connection.sql(f"select name, file_name from parquet_schema([{parts}])").fetchall()
        except duckdb.Error as error:
            raise UnfitError("is not a readable Parquet file; copy or export it again") from error
    found = {name: columns[at] for at, name in zip(find_columns(columns, wanted), wanted, strict=True)}
    if rows == 0:
        raise UnfitError("has columns but no row; export it again with the clients")
    for name, column in found.items():
        having = {part for other, part in schemas if other == column}
        if lacking := [str(part) for part in table.parts if having and str(part) not in having]:
            raise UnfitError(f"has no column {name} in its part {shown(lacking[0])}; export all parts alike")
    cells = ", ".join(
        f'cast("{column.replace(chr(34), 2 * chr(34))}" as varchar) as "{name}"' for name, column in found.items()
    )
    names = {f'"{name}"': column for name, column in found.items()}
    return ClientFile(
        f"select *, null::varchar as row_fault, null::varchar as row_text,"
        f" {_other_row(list(names), names, 'false')} as other_row"
        f" from (select row_number() over () as source_row_number, {cells} {source})",
        rows,
        notes=_notes(found),
    )


def _look(path: Path, sheet: str, wanted: Wanted, folder: Path) -> ClientFile:
    if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
        raise UnfitError("is not a regular file; copy its content into one")
    table = open_table(path, sheet, folder)
    if table.path.stat().st_size == 0:
        raise UnfitError(f"is empty; its first row must name {', '.join(wanted)}")
    is_parquet = table.path.suffix.casefold() == ".parquet"
    file = _look_at_parquet(table, wanted) if is_parquet else _look_at_csv(table, wanted, folder)
    return replace(file, notes=table.notes + file.notes)


def _head_of(clients: Path, sheet: str) -> tuple[bytes, list[str], Table]:
    """The first lines of a text, or the names of the columns of Parquet, and the table that is gone by then."""
    with tempfile.TemporaryDirectory() as folder:
        table = open_table(clients, sheet, Path(folder))
        if table.path.suffix.casefold() != ".parquet":
            return beginning(table.path), [], table
        parts = [glob.escape(str(part)) for part in table.parts]
        return b"", duckdb.read_parquet(parts).columns, table


def first_columns(clients: Path, sheet: str) -> tuple[list[str], list[str], str]:
    """The names of a file's columns, of those with a workbook's dates, and what else could be read.

    Raises `UnfitError`.
    """
    head, columns, table = _head_of(clients, sheet)
    if columns:
        return columns, [], table.advice
    line, cells = likely_header(head)
    dated = [cell for place, cell in enumerate(cells) if table.dates.get(place, 0) > line]
    return [cell for cell in cells if cell and cell not in dated], dated, table.advice


def find_bank(clients: Path, sheet: str) -> str:
    """The only bank whose columns the file has, `BANK` where there are none to see; raises `RefusedError`."""
    said, fitting, unfit = shown(clients), list[str](), dict[str, UnfitError]()
    try:
        head, columns, table = _head_of(clients, sheet)
    except (OSError, UnfitError, duckdb.Error):
        return BANK
    if not (head or columns):  # an empty file is of no other bank
        return BANK
    for bank in known_banks():
        wanted = other_names(bank)
        try:
            if head:
                find_header(head, wanted)
            else:
                find_columns(columns, wanted)
            fitting.append(bank)
        except UnfitError as error:
            unfit[bank] = error
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(fitting)
        raise RefusedError(
            f"The client file {said} has the columns of {names}; name one of them, as in BANK={fitting[0]}."
        )
    nearest = min(unfit, key=lambda bank: unfit[bank].lacking)
    raise RefusedError(
        f"The client file {said} fits no bank of seeds/banks: it {unfit[nearest]}, as in the nearest,"
        f" {nearest}{table.advice}; to describe it as a bank of its own: make bank CLIENTS={said} NAME=ours."
    )


def look(name: str, sheet: str, wanted: list[str], folder: Path) -> ClientFile:
    """Return how to read the file `name`, the sample where it is empty; raises `RefusedError` where nothing is certain.

    `sheet` is that of a workbook, the first where it is empty. Copies in UTF-8 are written into `folder`.
    """
    # An absolute path: DuckDB would take a leading ~ for the home directory and `s3:` for a store in the network.
    path = Path.cwd() / (name or SAMPLE)
    said = shown(name or SAMPLE)
    others = other_names()
    try:
        file = _look(path, sheet, {name: others[name] for name in wanted}, folder)
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        size = sum(each.stat().st_size for each in files)
        changed = datetime.fromtimestamp(max(each.stat().st_mtime for each in files))
        identity = f"{path.resolve()}{f' {shown(sheet)}' if sheet else ''} of {size} bytes and {changed}"
        return replace(file, shown=said, identity=identity)
    except UnfitError as unfit:
        reason = str(unfit)
    except FileNotFoundError:
        reason = "does not exist; check the path given as CLIENTS"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}; check the path and its permissions"
    raise RefusedError(f"The client file {said} {reason}.")


def look_as_dict(name: str, sheet: str, wanted: list[str], folder: Path) -> dict[str, object]:
    """Return the fields of `ClientFile`, or `refusal` with the sentence to show, for a macro, which catches nothing.

    `contradiction` is what is wrong with the registers by which the file is read.
    """
    try:
        return asdict(look(name, sheet, wanted, folder)) | {"contradiction": registers.own_refusal()}
    except RefusedError as refusal:
        return {"refusal": str(refusal)}


class Plugin(BasePlugin):
    """Gives SQL the function look_at_client_file(path, sheet, wanted columns as JSON) -> JSON."""

    def initialize(self, plugin_config: dict[str, object]) -> None:
        """Refuse a warehouse that does not open, before dbt ends in DuckDB's traceback."""
        assert self.creds
        path = self.creds.path
        try:
            duckdb.connect(path).close()
        except duckdb.IOException as error:
            holder = re.search(r"lock is held in (.*?)[.] ", str(error))
            reason = (
                f"is open in {holder.group(1)}; close it there"
                if holder
                else f"cannot be opened: {str(error).removeprefix('IO Error: ').rstrip('!')}; move it away"
            )
            raise DbtRuntimeError(
                f"The warehouse {shown(path)} {reason}, or name another in BANK_WAREHOUSE."
            ) from error

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the function; its UTF-8 copies go when the process ends, those of a killed one with the next."""
        ((database,),) = conn.execute(
            "select path from duckdb_databases() where database_name = current_database()"
        ).fetchall()
        if database:
            # It holds the bank's ids.
            Path(database).chmod(0o600)
        # Beside the warehouse, which holds the same clients and is open in one process at a time.
        warehouse = Path(database or Path(tempfile.gettempdir()) / "memory")
        prefix = f".{warehouse.name}.copies_"
        for leftover in warehouse.parent.glob(f"{glob.escape(prefix)}*") if database else ():
            shutil.rmtree(leftover)
        self.copies = tempfile.TemporaryDirectory(prefix=prefix, dir=warehouse.parent, ignore_cleanup_errors=True)
        conn.create_function(
            "look_at_client_file", self.look, ["varchar", "varchar", "varchar"], "varchar", side_effects=True
        )

    def look(self, path: str, sheet: str, wanted: str) -> str:
        """Return the fields of `ClientFile` as JSON, or `refusal` with the sentence to show."""
        return json.dumps(look_as_dict(path, sheet, json.loads(wanted), Path(self.copies.name)))
