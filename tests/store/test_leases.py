"""Leases beside the log: what the records say, or the ledger is damaged."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.access.leases import approve, ended
from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.leases import approval_entry, lease_end_entry, lease_grant_entry
from interlock.model import End, Lease
from interlock.store.sqlite import SqliteLedger
from tests.access.leasing import DORA, MINUTE, by, request
from tests.store.ledgers import opened, replayed, settings, statements

GRANTED = approve(request("approval:dba-leads:1"), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
USED = ended(GRANTED, End.USED)


def grant(ledger: SqliteLedger, lease: Lease = GRANTED) -> None:
    said = approval_entry(lease, by(DORA, "dba-leads"), verdict="approve", reason=None, id=f"a-{lease.id}", at=1)
    ledger.append([said, lease_grant_entry(lease, id=f"g-{lease.id}", at=1)])


def use(ledger: SqliteLedger) -> None:
    ledger.append([lease_end_entry(USED, id="e", at=2, by="the gateway", decision="c")])


def test_what_is_open_comes_back(tmp_path: Path) -> None:
    other = replace(GRANTED, id="request-2")
    with opened(tmp_path) as ledger:
        ledger.append(statements(3))
        grant(ledger)
        grant(ledger, other)
        assert ledger.leases() == [GRANTED, other]
    with opened(tmp_path) as ledger:
        assert ledger.leases() == [GRANTED, other]
        use(ledger)
        assert ledger.leases() == [other]
    with opened(tmp_path) as ledger:
        assert ledger.leases() == [other]
    assert replayed(tmp_path).intact


def tamper(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(settings(folder).path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_a_state_that_no_record_confirms_is_damage(tmp_path: Path) -> None:
    pending = replace(GRANTED, starts_at=None, approved_by=())
    with opened(tmp_path) as ledger:
        ledger.append([approval_entry(pending, by(DORA, ""), verdict="approve", reason=None, id="a", at=1)])
    forged = approval_entry(GRANTED, by(DORA, ""), verdict="approve", reason=None, id="a", at=1).lease
    tamper(tmp_path, "UPDATE leases SET lease = ?", forged)
    with opened(tmp_path) as ledger, pytest.raises(LedgerDamaged, match="somebody changed it"):
        ledger.leases()


def test_an_older_state_that_was_put_back_is_damage(tmp_path: Path) -> None:
    """Else an approval that was used would pass again."""
    with opened(tmp_path) as ledger:
        grant(ledger)
        seq = ledger.size - 1
        use(ledger)
    before = lease_grant_entry(GRANTED, id="g", at=1).lease
    tamper(tmp_path, "UPDATE leases SET seq = ?, lease = ?", seq, before)
    with opened(tmp_path) as ledger, pytest.raises(LedgerDamaged, match="somebody changed it"):
        ledger.leases()


def test_what_a_restored_ledger_grants_is_outdated(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        grant(ledger)
    backup = settings(tmp_path).path.read_bytes()
    with opened(tmp_path) as ledger:
        use(ledger)
        ledger.append(statements(3))
    for file in tmp_path.glob("records.db-*"):
        file.unlink()
    settings(tmp_path).path.write_bytes(backup)
    with opened(tmp_path) as ledger:
        assert ledger.epoch == 2
        assert [lease.end for lease in ledger.leases()] == [End.OUTDATED]


def test_a_ledger_from_before_there_were_leases_is_opened(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.append(statements(2))
    tamper(tmp_path, "DROP TABLE leases")
    with opened(tmp_path) as ledger:
        assert ledger.leases() == []
        grant(ledger)
    assert replayed(tmp_path).intact
