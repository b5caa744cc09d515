"""The embedded store: what is written is there, in order, signed, and nobody else writes."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.ledger.faults import LedgerDamaged, LedgerFault
from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.note import Checkpoint, Verifier
from interlock.ledger.reading import read_leaf
from interlock.ledger.records import erasure_entry
from interlock.ledger.scribe import Scribe
from interlock.ledger.tree import leaf_hash, root_of
from interlock.model import Status
from interlock.store.lock import LedgerBusy
from interlock.store.space import SpaceLimits
from tests.ledger.values import ALLOW, READ_ORDERS, case, decided, ended
from tests.store.ledgers import opened, reading, replayed, settings, statements

EVERYTHING = 1 << 62


def test_a_new_ledger_begins_with_its_genesis(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        leaf = read_leaf(ledger.reader.leaf(0))
        assert (leaf.kind, leaf.gw.seq, leaf.gw.prev, ledger.size) == (Kind.GENESIS, 0, "0" * 64, 1)
        assert ledger.vkey.encode() in ledger.reader.leaf(0)


def test_what_was_appended_is_signed_and_in_order(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for start in range(0, 600, 7):
            ledger.append(statements(7, start=start))
        vkey = ledger.vkey
    with reading(tmp_path) as reader:
        leaves = [leaf for _, leaf in reader.leaves(0, EVERYTHING)]
        checkpoint = Checkpoint.parse(Verifier.parse(vkey).open(reader.head().checkpoint))
    assert checkpoint == Checkpoint(origin="gw.test", size=len(leaves), root=root_of(map(leaf_hash, leaves)))
    ids = [read_leaf(leaf).id for leaf in leaves[1:]]
    assert ids == [name for n in range(602) for name in (f"c-{n}", f"end-of-c-{n}")]
    assert replayed(tmp_path).problems == []


def test_durability_is_asserted(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        connection = ledger._connection
        asked = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert asked == {"journal_mode": "wal", "synchronous": 2}


def test_only_the_owner_reads(tmp_path: Path) -> None:
    with opened(tmp_path, space=SpaceLimits(watermark=0, reserve=1024 * 1024)):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes.keys() >= {"records.db", "records.db-wal", "records.db.signing-key", "records.db.data-key"}
    assert set(modes.values()) == {0o600}


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    settings(tmp_path).signing_key_path.chmod(0o640)
    with pytest.raises(LedgerFault, match="can be read by others"), opened(tmp_path):
        pass


def test_one_writer(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LedgerBusy), opened(tmp_path):
        pass


def test_another_gateway_has_another_ledger(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with pytest.raises(LedgerFault, match=r"belongs to gateway `gw\.test`"), opened(tmp_path, gateway="gw.other"):
        pass


def test_going_on_after_a_stop(tmp_path: Path) -> None:
    for start in range(0, 400, 100):
        with opened(tmp_path) as ledger:
            ledger.append(statements(100, start=start))
    report = replayed(tmp_path)
    assert (report.problems, report.size, report.epochs, report.texts) == ([], 801, 1, 400)


def test_unfinished_decisions_are_found_and_can_be_closed(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(statements(300))
        ledger.append([decided("lost"), decided("t-1", unit="tx"), decided("t-2", unit="tx"), decided("done")])
        ledger.append([ended("t-1", Status.RAN, unit="tx"), ended("done")])
    with opened(tmp_path) as ledger:
        found = ledger.unfinished()
        assert [(one.command, one.unit, one.target, one.forwarded) for one in found] == [
            ("lost", "unit-lost", "shop", True),
            ("t-1", "tx", "shop", True),
            ("t-2", "tx", "shop", True),
        ]
        assert ledger.reader.head().open_from == found[0].seq
        ledger.append([ended("lost", Status.UNKNOWN), ended("tx", Status.UNDONE, unit="tx")])
        assert ledger.unfinished() == []
    with opened(tmp_path) as ledger:
        assert ledger.unfinished() == []
    assert replayed(tmp_path).unfinished == []


def test_a_restored_backup_opens_a_new_epoch(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(statements(10))
    backup = (tmp_path / "records.db").read_bytes()
    with opened(tmp_path) as ledger:
        ledger.append(statements(10, start=10))
    (tmp_path / "records.db").write_bytes(backup)
    with opened(tmp_path) as ledger:
        assert ledger.epoch == 2
        ledger.append(statements(1, start=50))
        assert ledger.reader.head().checkpoint.startswith("gw.test/2\n")
    with opened(tmp_path) as ledger:
        assert ledger.epoch == 2
    report = replayed(tmp_path)
    assert (report.problems, report.epochs, report.kinds[Kind.LEDGER_FAULT]) == ([], 2, 1)


def test_a_lost_ledger_is_not_quietly_begun_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(statements(3))
    (tmp_path / "records.db").unlink()
    with opened(tmp_path) as ledger:
        assert ledger.epoch == 2
        assert read_leaf(ledger.reader.leaf(1)).kind is Kind.LEDGER_FAULT


def test_a_rewritten_past_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with opened(tmp_path) as ledger:
        ledger.append(statements(5))
    for key in (settings(tmp_path).signing_key_path, settings(tmp_path).data_key_path):
        shutil.copy2(key, other / key.name)
    with opened(other) as ledger:
        ledger.append(statements(9, start=100))
    shutil.copy2(other / "records.db", tmp_path / "records.db")
    with pytest.raises(LedgerDamaged, match="past was rewritten"), opened(tmp_path):
        pass


def test_a_replaced_signing_key_is_noticed(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    settings(tmp_path).signing_key_path.unlink()
    with pytest.raises(LedgerDamaged, match="not signed by"), opened(tmp_path):
        pass


def test_erasing_leaves_no_trace_of_the_text(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(statements(3))
        sealed = ledger.reader.text(3)
        assert sealed is not None
        ledger.append([erasure_entry(id="e", at=1, by="ana", reason="asked for", records=["c-1"])])
        assert ledger.reader.text(3) is None
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("records.db"))
    assert sealed not in files
    report = replayed(tmp_path)
    assert (report.problems, report.erased, report.texts) == ([], 1, 2)


def test_effects_that_do_not_fit_are_kept_aside(tmp_path: Path) -> None:
    many = replace(READ_ORDERS, effects=READ_ORDERS.effects * 800)
    with opened(tmp_path) as ledger:
        ledger.append([Scribe(os.urandom).decision(case("c", intent=many), ALLOW)])
        rest = ledger.reader.rest(1)
        assert rest is not None
        assert len(json.loads(rest)) == 800
    assert replayed(tmp_path).problems == []
    with closing(sqlite3.connect(settings(tmp_path).path)) as db, db:
        db.execute("UPDATE rests SET effects = substr(effects, 2)")
    assert [problem.message for problem in replayed(tmp_path).problems] == ["its list of effects is missing or changed"]


def test_a_failed_write_ends_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        too_large = Entry(kind=Kind.HEARTBEAT, id="h", head=b"", tail=b" " * 20_000)
        with pytest.raises(LedgerFault, match="could not be made durable"):
            ledger.append([decided("c"), too_large])
        with pytest.raises(LedgerFault, match="failed before"):
            ledger.append([decided("d")])
    with opened(tmp_path) as ledger:
        assert ledger.size == 1


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def power_cut(name: str) -> None:
        raise OSError(f"cut at {name}")

    with opened(tmp_path) as ledger, pytest.raises(LedgerFault, match=r"cut at ledger\.before-commit"):
        ledger.append(statements(2), power_cut)
    assert replayed(tmp_path).size == 1


def test_space_below_the_watermark_refuses_new_work_alone(tmp_path: Path) -> None:
    with opened(tmp_path, space=SpaceLimits(watermark=1 << 60, reserve=0)) as ledger:
        assert ledger.is_full()
        ledger.append([ended("c")])
    with opened(tmp_path, space=SpaceLimits(watermark=1, reserve=1024 * 1024)) as ledger:
        assert not ledger.is_full()
        assert (tmp_path / "records.db.reserve").stat().st_size == 1024 * 1024
    with opened(tmp_path, space=SpaceLimits(watermark=1 << 60, reserve=1024 * 1024)):
        assert not (tmp_path / "records.db.reserve").exists()


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"not a database, and long enough to be looked at as one" * 100)
    with pytest.raises(LedgerDamaged, match="cannot be opened"), opened(tmp_path):
        pass
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(LedgerFault, match="no ledger"), opened(tmp_path):
        pass
