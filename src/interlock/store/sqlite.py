"""The embedded ledger: one SQLite file, one writer, everything that belongs together in one transaction."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from interlock.access.budgets import Spent, Step, read_steps
from interlock.ledger.faults import LedgerFault
from interlock.ledger.growth import Growth
from interlock.ledger.leaf import NO_PREVIOUS, Entry, Numbering
from interlock.ledger.note import Checkpoint, Signer
from interlock.ledger.reading import read_leaf
from interlock.ledger.records import genesis_entry, ledger_fault_entry
from interlock.ledger.seal import NONCE_SIZE, Sealer
from interlock.ledger.tree import leaf_hash
from interlock.ledger.unfinished import SETTLEMENT, Unfinished, landing
from interlock.model import Lease
from interlock.store.budgets import take_over, write_steps
from interlock.store.connection import open_for_writing
from interlock.store.keys import load_or_create
from interlock.store.leases import open_leases
from interlock.store.lock import hold_alone
from interlock.store.memory import Memory
from interlock.store.reader import Reader
from interlock.store.space import Space, SpaceLimits
from interlock.store.start import check_end, epoch_to_continue, open_decisions, origin

Hook = Callable[[str], None]
VERSION_WRITTEN: Final = "1"


class LedgerSettings(Struct, frozen=True, kw_only=True):
    """Where the ledger is and whose it is. Keys and memory stand beside `path` unless placed elsewhere."""

    path: Path
    gateway: str
    signing_key: Path | None = None
    data_key: Path | None = None
    memory: Path | None = None
    space: SpaceLimits = field(default_factory=SpaceLimits)

    def beside(self, placed: Path | None, suffix: str) -> Path:
        """`placed`, or the file next to the ledger."""
        return placed or self.path.with_name(self.path.name + suffix)

    @property
    def signing_key_path(self) -> Path:
        """The Ed25519 key that signs checkpoints."""
        return self.beside(self.signing_key, ".signing-key")

    @property
    def data_key_path(self) -> Path:
        """The AES-256 key that encrypts texts."""
        return self.beside(self.data_key, ".data-key")


class _Rows:
    """What one transaction inserts and deletes; `size` in bytes."""

    __slots__ = ("erased", "leases", "leaves", "rests", "size", "steps", "texts")

    def __init__(self) -> None:
        self.leaves: list[tuple[int, bytes]] = []
        self.texts: list[tuple[int, bytes]] = []
        self.rests: list[tuple[int, bytes]] = []
        self.leases: list[tuple[str, int, bytes]] = []
        self.steps: list[Step] = []
        self.erased: tuple[str, ...] = ()
        self.size = 0


class SqliteLedger:
    """The writer. `new_id` makes UUIDv7 texts, `now` gives microseconds since the epoch, UTC.

    Any error while writing leaves the ledger broken: what it holds in memory may differ from the disk, and an
    fsync that is tried again "succeeds" after data loss. Open it anew, in a new process.
    """

    def __init__(self, settings: LedgerSettings, *, new_id: Callable[[], str], now: Callable[[], int]) -> None:
        self._broken: str | None = None
        with ExitStack() as undo:
            undo.callback(os.close, hold_alone(settings.path))
            self._signer: Final = Signer(settings.gateway, load_or_create(settings.signing_key_path))
            self._sealer: Final = Sealer(load_or_create(settings.data_key_path))
            self._memory: Final = Memory(settings.beside(settings.memory, ".seen"))
            self._space: Final = Space(settings.path, settings.space)
            self._connection: Final = undo.enter_context(closing(open_for_writing(settings.path)))
            self.reader: Final = Reader(self._connection)
            self._begin(settings.gateway, new_id, now)
            self._held: Final = undo.pop_all()

    def _begin(self, gateway: str, new_id: Callable[[], str], now: Callable[[], int]) -> None:
        """Check what is there, and say in the log how it begins or goes on."""
        head = self.reader.head_or_none()
        if head is not None:
            check_end(self.reader, head, self._signer.verifier)
        seen = self._memory.recall(self._signer.verifier)
        self.epoch = epoch_to_continue(self.reader, head, gateway, seen)
        size = head.size if head else 0
        self._growth = Growth(self.reader.node, size)
        previous = leaf_hash(self.reader.leaf(size - 1)) if size else NO_PREVIOUS
        self._numbering = Numbering(gateway, self.epoch, size, previous)
        self._open = open_decisions(self.reader, head)
        entries = []
        if not size:
            vkey = str(self._signer.verifier)
            entries.append(genesis_entry(gateway=gateway, vkey=vkey, version=VERSION_WRITTEN, id=new_id(), at=now()))
        if self.epoch > (head.epoch if head else 1):
            detail = {"found": size, "seen": seen.size if seen else 0}
            entries.append(ledger_fault_entry(fault="restored", detail=detail, id=new_id(), at=now()))
        if entries:
            self.append(entries)

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._numbering.next

    @property
    def vkey(self) -> str:
        """What others need to check the signatures."""
        return str(self._signer.verifier)

    def unfinished(self) -> list[Unfinished]:
        """Decisions without their end, oldest first. Right after start-up: what the last run left open."""
        places = self._open.places()
        settled = landing(self.reader.leaves_after(places[0], SETTLEMENT)) if places else {}
        return [Unfinished.of(read_leaf(self.reader.leaf(seq)), settled) for seq in places]

    def leases(self) -> list[Lease]:
        """The leases that are not over, oldest first. Raises LedgerDamaged where one is not what was recorded."""
        return open_leases(self._connection, self.reader, self.epoch)

    def spent(self, at: int) -> list[Spent]:
        """What counts at `at`, microseconds since the epoch, UTC; what the last run left reserved counts as used."""
        return take_over(self._connection, at)

    def is_full(self) -> bool:
        """Whether free space is below the watermark: then only NEW_WORK must be refused. Any thread may ask."""
        return self._space.low and self._space.is_low()

    def append(self, entries: Sequence[Entry], hook: Hook | None = None) -> None:
        """Write `entries` in their order; returns when they are durable. Raises LedgerFault: then stop.

        `hook` hears `ledger.before-commit` and `ledger.after-commit`, so that tests can die there.
        """
        if self._broken:
            raise LedgerFault(f"the ledger failed before: {self._broken}; restart the gateway")
        try:
            self._memory.see(self._write(entries, hook))
        except (sqlite3.Error, OSError, LedgerFault) as error:
            self._broken = str(error)
            raise LedgerFault(
                f"a record could not be made durable: {error}; check the disk, then restart the gateway"
            ) from error

    def _write(self, entries: Sequence[Entry], hook: Hook | None) -> str:
        execute, many = self._connection.execute, self._connection.executemany
        execute("BEGIN IMMEDIATE")
        rows = self._place(entries)
        many("INSERT INTO leaves (seq, leaf) VALUES (?, ?)", rows.leaves)
        if rows.texts:
            many("INSERT INTO texts (seq, sealed) VALUES (?, ?)", rows.texts)
        if rows.rests:
            many("INSERT INTO rests (seq, effects) VALUES (?, ?)", rows.rests)
        if rows.leases:
            many("INSERT OR REPLACE INTO leases (id, seq, lease) VALUES (?, ?, ?)", rows.leases)
        write_steps(self._connection, rows.steps)
        if tiles := self._growth.take_full():
            many("INSERT INTO tiles (level, place, hashes) VALUES (?, ?, ?)", tiles)
        for record in rows.erased:
            self._erase(record)
        note = self._sign()
        execute(
            "INSERT OR REPLACE INTO head (only_row, gateway, epoch, size, open_from, checkpoint)"
            " VALUES (1, ?, ?, ?, ?, ?)",
            (self._signer.verifier.name, self.epoch, self.size, self._open.oldest(self.size), note),
        )
        if hook:
            hook("ledger.before-commit")
        execute("COMMIT")
        if hook:
            hook("ledger.after-commit")
        if rows.erased:  # the pages that held the text are still in the WAL
            execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._space.wrote(rows.size)
        return note

    def _place(self, entries: Sequence[Entry]) -> "_Rows":
        """Give every entry its place: leaf and side rows, with tree, sequence and open decisions moved on."""
        rows = _Rows()
        numbering, grow, follow, seal = self._numbering, self._growth.append, self._open.follow, self._sealer.seal
        nonces = os.urandom(NONCE_SIZE * len(entries))
        for nth, entry in enumerate(entries):
            seq = numbering.next
            leaf = numbering.leaf(entry)
            hashed = leaf_hash(leaf)
            grow(hashed)
            follow(entry, seq)
            numbering.follow(hashed)
            rows.leaves.append((seq, leaf))
            rows.size += len(leaf) + len(entry.secret) + len(entry.rest)
            if entry.secret:
                nonce = nonces[nth * NONCE_SIZE : (nth + 1) * NONCE_SIZE]
                rows.texts.append((seq, seal(entry.secret, entry.id.encode(), nonce)))
            if entry.rest:
                rows.rests.append((seq, entry.rest))
            if entry.lease_id:
                rows.leases.append((entry.lease_id, seq, entry.lease))
            if entry.budget:
                rows.steps += read_steps(entry.budget)
            if entry.erases:
                rows.erased += entry.erases
        return rows

    def _erase(self, record: str) -> None:
        """Delete the text and salt of a decision; its place in the tree stays. An unknown id erases nothing."""
        for seq, leaf in self.reader.newest_first(record, self.size):
            if read_leaf(leaf).id == record:
                self._connection.execute("DELETE FROM texts WHERE seq = ?", (seq,))
                return

    def _sign(self) -> str:
        root = self._growth.root()
        name = origin(self._signer.verifier.name, self.epoch)
        return self._signer.sign(Checkpoint(origin=name, size=self.size, root=root).text())

    def close(self) -> None:
        """Remember the end, and let others write. Nothing is lost without it."""
        if not self._broken:
            self._memory.see(self.reader.head().checkpoint, now=True)
        self._held.close()
