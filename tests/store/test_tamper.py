"""Whatever is changed in a stored ledger, a replay says so; `intact` is only said of what is."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from interlock.ledger.faults import LedgerFault
from interlock.ledger.records import erasure_entry
from tests.store.ledgers import opened, replayed, settings, statements

Change = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    with opened(folder) as ledger:
        ledger.append(statements(300))
        ledger.append([erasure_entry(id="e", at=1, by="ana", reason="asked for", records=["c-7"])])
    assert replayed(folder).intact
    return folder


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(original, folder)
    return folder


def flip(table: str, column: str, where: str, at: int) -> Change:
    def change(db: sqlite3.Connection) -> None:
        (value,) = db.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
        changed = bytearray(value if isinstance(value, bytes) else value.encode())
        changed[at] ^= 1
        new = bytes(changed) if isinstance(value, bytes) else changed.decode("utf-8", "replace")
        assert db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (new,)).rowcount == 1

    return change


def run(*statements: str) -> Change:
    def change(db: sqlite3.Connection) -> None:
        for statement in statements:
            assert db.execute(statement).rowcount != 0

    return change


CHANGES: dict[str, Change] = {
    **{f"bit {at} of a decision": flip("leaves", "leaf", "seq = 41", at) for at in (0, 15, 90, 200, 400, -1)},
    **{f"bit {at} of an outcome": flip("leaves", "leaf", "seq = 42", at) for at in (1, 50, 120, -2)},
    **{f"bit {at} of the last leaf": flip("leaves", "leaf", "seq = 601", at) for at in (3, 77)},
    **{f"bit {at} of a tile": flip("tiles", "hashes", "level = 0 AND place = 1", at) for at in (0, 5000, -1)},
    **{f"bit {at} of the checkpoint": flip("head", "checkpoint", "only_row = 1", at) for at in (0, 9, 30, 90, -2)},
    **{f"bit {at} of a text": flip("texts", "sealed", "seq = 41", at) for at in (0, 12, 40, -1)},
    "cut tail": run("DELETE FROM leaves WHERE seq > 590"),
    "cut tail, and the head says so": run("DELETE FROM leaves WHERE seq > 590", "UPDATE head SET size = 591"),
    "a leaf too many": run("INSERT INTO leaves SELECT 602, leaf FROM leaves WHERE seq = 42"),
    "a missing leaf": run("DELETE FROM leaves WHERE seq = 100"),
    "a missing leaf, closed up": run(
        "DELETE FROM leaves WHERE seq = 100", "UPDATE leaves SET seq = seq - 1 WHERE seq > 100"
    ),
    "a doubled leaf": run("UPDATE leaves SET leaf = (SELECT leaf FROM leaves WHERE seq = 50) WHERE seq = 52"),
    "swapped leaves": run(
        "UPDATE leaves SET seq = -1 WHERE seq = 50",
        "UPDATE leaves SET seq = 50 WHERE seq = 52",
        "UPDATE leaves SET seq = 52 WHERE seq = -1",
    ),
    "swapped texts": run(
        "UPDATE texts SET seq = -1 WHERE seq = 41",
        "UPDATE texts SET seq = 41 WHERE seq = 43",
        "UPDATE texts SET seq = 43 WHERE seq = -1",
    ),
    "a text deleted without a record": run("DELETE FROM texts WHERE seq = 41"),
    "a text that belongs to nothing": run("INSERT INTO texts VALUES (42, x'00')"),
    "an erased text that came back": run("INSERT INTO texts SELECT 15, sealed FROM texts WHERE seq = 41"),
    "effects that belong to nothing": run("INSERT INTO rests VALUES (41, x'00')"),
    "a missing tile": run("DELETE FROM tiles WHERE place = 1"),
    "a tile too many": run("INSERT INTO tiles VALUES (1, 0, x'00')"),
    "another gateway": run("UPDATE head SET gateway = 'gw.other'"),
    "another size": run("UPDATE head SET size = 600"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_is_found(copy: Path, change: Change) -> None:
    with closing(sqlite3.connect(settings(copy).path)) as db, db:
        change(db)
    report = replayed(copy)
    assert not report.intact
    assert report.problems


@pytest.mark.parametrize("place", ["head", "middle", "end"])
def test_a_damaged_file_is_never_called_intact(copy: Path, place: str) -> None:
    path = settings(copy).path
    data = bytearray(path.read_bytes())
    at = {"head": 100, "middle": len(data) // 2, "end": len(data) - 600}[place]
    data[at : at + 512] = bytes(byte ^ 0xFF for byte in data[at : at + 512])
    path.write_bytes(data)
    assert not called_intact(copy)


def called_intact(folder: Path) -> bool:
    try:
        return replayed(folder).intact
    except (LedgerFault, sqlite3.DatabaseError):
        return False
