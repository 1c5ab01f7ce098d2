"""Nobody sees too much: the bank's ids are in nothing that a run publishes, prints or logs, wherever its file lies."""

import base64
import hashlib
import hmac
import io
import re
import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from conftest import ROOT, csv_rows, none_of, rows_in
from hostile_release import CLIENTS, UNKNOWN_CITY, Published, bank_id, hostile_release, make
from test_recipes import recipes


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return hostile_release(tmp_path_factory)


def contents(data: bytes) -> Iterator[bytes]:
    """Yield some bytes, and those packed in them: members of archives, texts of pictures, base 64 in pages."""
    yield data
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from contents(archive.read(name))
    elif data.startswith(b"\x89PNG"):
        yield from (text.encode() for text in PngImageFile(io.BytesIO(data)).text.values())
    else:
        for match in re.finditer(rb"base64,([A-Za-z0-9+/=]{20,})", data):
            yield from contents(base64.b64decode(match.group(1)))


def values(database: Path) -> Iterator[tuple[str, str]]:
    """Yield every value of every relation of a DuckDB file as text, under the relation's name."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select distinct schema_name, table_name from duckdb_columns() where not internal"
        ).fetchall()
        for schema, name in sorted(names):
            rows = connection.execute(f'select columns(*)::varchar from "{schema}"."{name}"').fetchall()
            yield from ((f"{schema}.{name}", cell) for row in rows for cell in row if cell is not None)


def ids_in(data: bytes, ids: frozenset[str]) -> set[str]:
    """Return the ids whose digits stand together in some bytes, among whatever else."""
    runs = re.findall(rb"[0-9]{12,}", data)
    return {text for run in runs for at in range(len(run) - 11) if (text := run[at : at + 12].decode()) in ids}


def ids_in_text(text: str, ids: frozenset[str]) -> set[str]:
    """Return the ids that a reader could find in a cell: in its digits, however they are separated."""
    return ids_in("".join(letter for letter in text if letter.isdigit()).encode(), ids)


def files_of(directory: Path) -> list[Path]:
    return [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]


def test_no_id_of_the_bank_is_in_the_project(bank_clients: Path) -> None:
    ids = {row["userid"] for row in csv_rows(bank_clients)}
    texts = [
        path
        for name in ("models", "seeds", "macros", "analyses", "python", "tests")
        for path in files_of(ROOT / name)
        if path.suffix in {".sql", ".yml", ".md", ".csv", ".py", ".json", ".mjs", ".js"}
    ]
    assert len(ids) == 10_000
    assert len(texts) > 300
    none_of(
        f"{path.relative_to(ROOT)} holds {len(found)} ids of the bank"
        for path in [ROOT / "README.md", *texts]
        if (found := ids & set(re.findall(r"\d+", path.read_text(encoding="utf-8", errors="ignore"))))
    )


def test_ids_and_key_are_in_no_file_printed_or_published_but_their_owners(published: Published) -> None:
    project = published.project
    files = {path.relative_to(project).as_posix(): path for path in files_of(project)}
    release = {path.suffix for path in files_of(published.release)}
    assert release >= {".duckdb", ".pptx", ".html", ".md", ".png", ".json"}
    key = files[".client_key"].read_text(encoding="ascii").strip()
    assert len(key) == 64
    with_ids, with_key = set(), set()
    for name, path in files.items():
        for data in contents(path.read_bytes()):
            if ids_in(data, published.ids):
                with_ids.add(name)
            if key.encode() in data or bytes.fromhex(key) in data:
                with_key.add(name)
        if path.suffix == ".duckdb" and any(ids_in_text(cell, published.ids) for _, cell in values(path)):
            with_ids.add(name)
    assert with_ids == {"target/report/published/bank.duckdb", "target/report/rejected_rows.csv"}
    assert with_key == {".client_key"}
    assert files["target/report/dbt.log"].stat().st_size > 20_000
    assert ids_in(published.output.encode(), published.ids) == set()
    assert key not in published.output
    assert not (project / "z").exists()
    for name in with_ids | with_key:
        assert stat.S_IMODE(files[name].stat().st_mode) == 0o600, name
    assert stat.S_IMODE((project / "target/report").stat().st_mode) == 0o700


def test_the_search_finds_an_id_wherever_one_could_be(published: Published, tmp_path: Path) -> None:
    """Else the test above would pass on a search that finds nothing."""
    hidden = str(bank_id(4_321))
    text = f"<p>x{hidden}y</p>".encode()
    workbook = text
    for name in ("sheet.xml", "book.xlsx"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, workbook)
        workbook = packed.getvalue()
    comments, picture = PngInfo(), io.BytesIO()
    comments.add_text("Comment", text.decode(), zip=True)
    Image.new("1", (1, 1)).save(picture, "PNG", pnginfo=comments)
    page = b"<img src='data:image/png;base64," + base64.b64encode(picture.getvalue()) + b"'>"
    for data in (text, workbook, page):
        assert set().union(*(ids_in(part, published.ids) for part in contents(data))) == {hidden}
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(f"create view v as select {hidden}::double as n, null as m")
    assert [name for name, cell in values(tmp_path / "x.duckdb") if ids_in_text(cell, published.ids)] == ["main.v"]
    assert ids_in_text(f"{hidden[:4]}\u00a0{hidden[4:]}", published.ids) == {hidden}


def test_who_has_the_public_twin_recovers_no_client_by_key_or_position(published: Published) -> None:
    """The twin has every column of the file, in its order, with ids a constant away: the attacker knows them all.

    What the columns themselves give away, as an age and a salary to the kopeck do, is told in the docs.
    """
    asked = partial(rows_in, published.release / "bank_marts.duckdb")
    tables = asked(
        "select schema_name || '.' || table_name from duckdb_columns()"
        " where column_name = 'client_key' and table_name in (select table_name from duckdb_tables())",
    )
    orders = [[key for (key,) in asked(f"select client_key from {name} order by rowid")] for (name,) in tables]
    secret = (published.project / ".client_key").read_bytes().strip()
    shown = {key for order in orders for key in order}
    assert shown == {hmac.new(secret, i.encode(), "sha256").hexdigest()[:32] for i in published.accepted}
    hashes = ("sha256", "sha1", "md5", "blake2b", "sha3_256")
    guesses = {hashlib.new(name, i.encode()).hexdigest()[:32] for i in published.ids for name in hashes}
    for key in (b"", b"key", b"secret", b"bank", b"client_key", bytes(32)):
        guesses |= {hmac.new(key, i.encode(), "sha256").hexdigest()[:32] for i in published.ids}
    assert not shown & guesses
    # Sorted by the key, rows stand in the same places whatever the order of the file was.
    assert len(orders) >= 2
    assert [order for order in orders if order != sorted(order)] == []


def test_rejected_rows_keep_their_reasons_and_are_found_again(published: Published) -> None:
    rows = rows_in(
        published.release / "bank_marts.duckdb",
        "select source_row_number, reasons, city, age from quality.rejected_clients order by 1",
    )
    assert [row[0] for row in rows] == list(range(5001, 5001 + len(published.rejected)))
    assert rows[0][1] == "row has fewer fields than the header"
    assert rows[1][1] == "row has more fields than the header"
    reasons = "Age is outside its domain; City is unknown; userid has differing rows"
    assert rows[-1][1:] == (reasons, UNKNOWN_CITY, "17")
    kept = csv_rows(published.project / "target/report/rejected_rows.csv")
    assert [(int(row["source_row_number"]), row["reasons"]) for row in kept] == [row[:2] for row in rows]
    for row, original in zip(kept[:2], published.rejected[:2], strict=True):
        assert row["row_text"] == ",".join(original)
    for row, original in zip(kept[2:], published.rejected[2:], strict=True):
        # An apostrophe keeps spreadsheets from running a cell.
        assert [cell.removeprefix("'") for cell in list(row.values())[2:14]] == original


def test_make_writes_the_campaign_list_with_ids_of_accepted_clients(published: Published) -> None:
    run = make(published.project, "activation", "SEGMENT=segment_3")
    assert run.returncode == 0, run.stderr
    listed = {row["client_id"] for row in csv_rows(published.project / "activation/segment_3.csv")}
    assert len(listed) > 100
    assert listed <= set(published.accepted)


def test_a_pilot_is_drawn_and_judged_by_its_recipe(published: Published) -> None:
    draw, judge = (step.code.split() for step in recipes()["A pilot"] if step.sentence.startswith("Run"))
    run = make(published.project, *draw[1:])
    assert run.returncode == 0, run.stderr
    lines = (published.project / "activation/segment_2.pilot.csv").read_text(encoding="utf-8").splitlines()
    text = "\n".join([f"{lines[0]},is_churned", *(f"{line},{int('control' in line)}" for line in lines[1:])])
    (published.project / "returned.csv").write_text(text, encoding="utf-8")
    run = make(published.project, *judge[1:])
    assert run.returncode == 0, run.stderr
    assert run.stdout == "pilots/segment_2/index.html: pays\n"
    for path in files_of(published.project / "pilots"):
        assert not ids_in(path.read_bytes(), published.ids)
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("segment", ["--help", '../x\' or true -- $HOME; `id` "y" A=b'])
def test_a_segment_is_text_to_make_shell_and_sql(published: Published, segment: str) -> None:
    run = make(published.project, "activation", f"SEGMENT={segment}")
    assert run.returncode == 2
    assert run.stderr.startswith(f"make activation: There is no segment {segment}; known are segment_1")


@pytest.mark.parametrize("command", ["activation SEGMENT", "adopt CANDIDATE", "evaluate PILOT", "bank CLIENTS"])
def test_a_command_without_its_argument_says_how_it_is_written(published: Published, command: str) -> None:
    run = make(published.project, command.partition(" ")[0], "NAME=x")
    assert run.returncode == 2
    said = run.stderr.partition("\n")[0]
    assert re.fullmatch(rf"make \w+: An argument is missing; write it as in make {command}=[^;]+[.]", said)


def test_unknown_setting_is_refused(published: Published) -> None:
    run = make(published.project, "report", "CLIENT=x.csv", f"CLIENTS={CLIENTS}")
    assert run.returncode == 2
    assert "unknown setting CLIENT; known are CLIENTS" in run.stderr


@pytest.mark.parametrize("setting", ["report ALLOW_DRIFT=0", "activation SEGMENT=segment_2 PILOT=no"])
def test_only_1_switches_a_setting_on(published: Published, setting: str) -> None:
    run = make(published.project, *setting.split())
    assert run.returncode == 2
    assert re.search(r"(\w+) is set by \1=1, and left out otherwise; it is not (0|no)\.", run.stderr)
