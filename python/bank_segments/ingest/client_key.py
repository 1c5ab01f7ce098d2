"""The secret behind `client_key`, and the dbt-duckdb plugin that hands it to each connection.

The key comes from the environment variable BANK_CLIENT_KEY or, failing that, from the file `.client_key` in the
project's root, which is generated once with mode 600. It enters DuckDB as session variables only: no SQL text,
log, compiled file or database holds it.
"""

import hashlib
import os
import secrets
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from bank_segments import ROOT

KEY_FILE = ROOT / ".client_key"
BLOCK_BYTES = 64


def read_or_create_key(file: Path = KEY_FILE) -> bytes:
    """Return the key as bytes; generate `file` with 32 random bytes (hexadecimal) where neither source has one."""
    from_environment = os.environ.get("BANK_CLIENT_KEY")
    if from_environment:
        return from_environment.encode()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = file.read_text(encoding="ascii").strip()
        if not key:
            raise ValueError(f"{file} is empty; delete it to have a new client key generated.") from None
        return key.encode()
    key = secrets.token_hex(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(key + "\n")
    return key.encode()


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer padded key of HMAC-SHA-256 (RFC 2104, section 2); a long key is hashed first."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def set_key(connection: duckdb.DuckDBPyConnection) -> None:
    """Set the session variables that the macro `client_key` reads on DuckDB."""
    inner, outer = hmac_pads(read_or_create_key())
    connection.execute("set variable client_key_inner_pad = ?::blob", [inner])
    connection.execute("set variable client_key_outer_pad = ?::blob", [outer])


class Plugin(BasePlugin):
    """Sets the padded keys on every cursor that dbt opens."""

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Set the padded keys."""
        set_key(cursor)
