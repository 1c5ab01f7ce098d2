"""Campaign lists hold the right ids, for their owner only; the key of a client is what the docs say it is."""

import csv
import hashlib
import hmac
import stat
from pathlib import Path

import duckdb
import pytest

from bank_segments.activation import active_members, safe_cell, write_list
from bank_segments.client_key import read_or_create_key
from bank_segments.errors import RefusedError
from conftest import ROOT


@pytest.fixture(autouse=True)
def project_root(monkeypatch: pytest.MonkeyPatch) -> None:
    # The key file lies in the project's root, where make runs.
    monkeypatch.chdir(ROOT)


def bank_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_list_is_the_segments_active_clients(bank_warehouse: Path, bank_clients: Path) -> None:
    expected = sorted(
        int(row["userid"])
        for row in bank_rows(bank_clients)
        if row["Products"] == "1"
        and int(row["Age"]) >= 39
        and row["City"] == "Ростов Великий"
        and row["Churn"] == "0"
    )
    assert [row[0] for row in active_members(bank_warehouse, "segment_3")] == expected


def test_only_the_owner_reads_the_list(sample_warehouse: Path, tmp_path: Path) -> None:
    path = write_list(sample_warehouse, "segment_1", tmp_path / "lists")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(bank_rows(path)) > 1000


def test_unknown_segment_is_refused_by_name(sample_warehouse: Path) -> None:
    with pytest.raises(RefusedError, match="no segment x; known are segment_1"):
        active_members(sample_warehouse, "x")


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@sum", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == "'" + text


def test_key_is_hmac_sha_256_of_the_id_under_the_secret(bank_warehouse: Path, bank_clients: Path) -> None:
    secret = read_or_create_key()
    expected = {
        hmac.new(secret, row["userid"].encode(), hashlib.sha256).hexdigest()[:32]
        for row in bank_rows(bank_clients)
    }
    with duckdb.connect(str(bank_warehouse), read_only=True) as connection:
        keys = {key for (key,) in connection.execute("select client_key from marts.dim_clients").fetchall()}
    assert keys == expected
