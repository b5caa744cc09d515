"""Leases beside the log: read back, and compared with the record that says what they are."""

import sqlite3

from msgspec.structs import replace

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.leaf import digest
from interlock.ledger.leases import lease_bytes, read_lease
from interlock.ledger.reading import Leaf, read_leaf
from interlock.model import End, Lease
from interlock.store.reader import Reader


def open_leases(connection: sqlite3.Connection, reader: Reader, epoch: int) -> list[Lease]:
    """Those without an end, or without the review that they need, oldest first.

    Raises LedgerDamaged for a row that its record does not confirm. One from before the ledger was restored comes back
    as outdated: whether it was used since then nobody knows.
    """
    found: list[Lease] = []
    for name, seq, data in connection.execute("SELECT id, seq, lease FROM leases ORDER BY id").fetchall():
        lease = read_lease(data)
        if lease.end is not None and not lease.unreviewed:
            continue
        leaf = _confirmed(name, seq, data, reader)
        found.append(lease if leaf.gw.epoch == epoch else replace(lease, end=lease.end or End.OUTDATED))
    return found


def lease_of(connection: sqlite3.Connection, name: str) -> Lease | None:
    """Any lease by its id or the beginning of it, also one that is over."""
    rows = connection.execute("SELECT lease FROM leases WHERE id >= ? AND id < ? LIMIT 2", (name, name + "\x7f"))
    states = rows.fetchall()
    return read_lease(states[0][0]) if len(states) == 1 else None


def _confirmed(name: str, seq: int, data: bytes, reader: Reader) -> Leaf:
    leaf = read_leaf(reader.leaf(seq))
    said = leaf.lease_state
    for later in reader.leaves_after(seq, name):
        again = read_leaf(later).lease_state
        if again is not None and again.lease == name:  # an older state was put back: an approval would pass twice
            said = None
    if said is None or said.lease != name or said.state != digest(data) or lease_bytes(read_lease(data)) != data:
        raise LedgerDamaged(
            f"lease {name} is not what record {seq} says: somebody changed it; restore the ledger from a backup"
        )
    return leaf
