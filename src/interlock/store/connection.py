"""Connections to a ledger file: what it holds, and the settings that its durability hangs on."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from interlock.ledger.faults import LedgerDamaged, LedgerFault
from interlock.store.budgets import BUDGETS

SCHEMA: Final = """
CREATE TABLE leaves (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE tiles (level INTEGER NOT NULL, place INTEGER NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (level, place)) STRICT, WITHOUT ROWID;
CREATE TABLE texts (seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE rests (seq INTEGER PRIMARY KEY, effects BLOB NOT NULL) STRICT;
CREATE TABLE head (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), gateway TEXT NOT NULL, epoch INTEGER NOT NULL,
    size INTEGER NOT NULL, open_from INTEGER NOT NULL, checkpoint TEXT NOT NULL) STRICT;
"""
# The state of leases after their newest record, at place `seq`. Readers of a ledger do without it, and a ledger from
# before there were leases gets it when it is opened: so the format keeps its number.
LEASES: Final = """
CREATE TABLE IF NOT EXISTS leases (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, lease BLOB NOT NULL) STRICT, WITHOUT ROWID
"""
APPLICATION_ID: Final = 0x494C4C47  # "ILLG": the file says what it is
SCHEMA_VERSION: Final = 1
PAGE_SIZE: Final = 4096
# fullfsync: without it macOS leaves data in the drive's cache. secure_delete: erased texts are overwritten.
_PRAGMAS: Final = {
    "journal_mode": "wal",
    "synchronous": 2,
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "wal_autocheckpoint": 1000,
}


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one writing connection; the file is made, readable by its owner alone, when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise LedgerDamaged(f"`{path}` cannot be opened as a ledger: {error}; restore it from a backup") from error
    except LedgerFault:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA schema_version").fetchone() == (0,):
        connection.executescript(
            f"PRAGMA page_size = {PAGE_SIZE};"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
            f"BEGIN EXCLUSIVE; {SCHEMA} COMMIT;"
        )
    _require_ledger(connection, path)
    for name, value in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
    for name, value in _PRAGMAS.items():
        (actual,) = connection.execute(f"PRAGMA {name}").fetchone()
        if actual != value:
            raise LedgerFault(
                f"`{path}` refuses `{name} = {value}` (it says `{actual}`): records would not be durable; "
                "use a local file system"
            )
    connection.execute(LEASES)
    connection.executescript(BUDGETS)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that sees one moment of the ledger and cannot change it; close it soon: it keeps the WAL long."""
    if not path.is_file():
        raise LedgerFault(f"there is no ledger at `{path}`; set `[ledger] path`, or start the gateway once")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")
        _require_ledger(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise LedgerDamaged(f"`{path}` cannot be read as a ledger: {error}; restore it from a backup") from error
    except LedgerFault:
        connection.close()
        raise
    return connection


def _require_ledger(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LedgerFault(f"`{path}` is a database, but no ledger; check `[ledger] path`")
    if version != SCHEMA_VERSION:
        raise LedgerFault(f"`{path}` has ledger format {version}, this program writes {SCHEMA_VERSION}; upgrade it")
