"""The ledger for everybody who writes to it: one writer thread, group commit, and an asyncio face.

Group commit needs no waiting: whatever arrives while one transaction is on its way to the disk is the next one.
Order is kept: entries become durable in the order in which they were handed over, appended or noted.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from interlock.ledger.faults import LedgerFault, LedgerFull
from interlock.ledger.leaf import Entry
from interlock.ledger.unfinished import Unfinished
from interlock.store.sqlite import Hook, SqliteLedger

NOTE_DELAY: Final = 0.02  # seconds until a note is handed over when no append takes it along
MAX_NOTED: Final = 256  # entries; more are handed over at once
MAX_GROUP: Final = 2048  # entries in one transaction
MAX_QUEUED: Final = 50_000  # entries; a disk that stalls this long has failed

OnDeath = Callable[[LedgerFault], None]


class _Batch:
    """Entries handed over together, and who waits for them."""

    __slots__ = ("entries", "waiters")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.waiters: list[asyncio.Future[None]] = []


class LocalJournal:
    """Writes to a ledger in this process. Its methods belong to the event loop it was made in.

    Any error is fatal: every waiter gets a LedgerFault, every later call raises one, and `on_death` is told
    once, in the loop, so that the process stops.
    """

    def __init__(self, ledger: SqliteLedger, *, on_death: OnDeath, hook: Hook | None = None) -> None:
        self._ledger: Final = ledger
        self._on_death: Final = on_death
        self._hook: Final = hook
        self._loop: Final = asyncio.get_running_loop()
        self._queue: Final[SimpleQueue[_Batch | None]] = SimpleQueue()
        self._next = _Batch()
        self._queued = 0
        self._timer: asyncio.TimerHandle | None = None
        self._death: LedgerFault | None = None
        self.unfinished: Final[list[Unfinished]] = ledger.unfinished()
        self._thread: Final = Thread(target=self._write_all, name="ledger-writer", daemon=True)
        self._thread.start()

    async def append(self, entries: Sequence[Entry]) -> None:
        """Returns when `entries` and everything noted before are durable. Raises LedgerFault; LedgerFull alone is
        not the end of the journal."""
        self._require_life()
        if self._ledger.refuses(entries):
            raise LedgerFull("the ledger's disk is below its watermark: no new commands; free space or move the ledger")
        waiter = self._loop.create_future()
        batch = self._next
        batch.entries += entries
        batch.waiters.append(waiter)
        if len(batch.waiters) == 1:  # everybody who runs in this turn of the loop comes along
            self._loop.call_soon(self._hand_over)
        await waiter

    def note(self, entries: Sequence[Entry]) -> None:
        """Takes `entries` along with the next group commit, which comes within NOTE_DELAY and the time of a commit."""
        self._require_life()
        self._next.entries += entries
        if len(self._next.entries) >= MAX_NOTED:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(NOTE_DELAY, self._hand_over)

    async def close(self) -> None:
        """Make everything durable, end the writer and close the ledger."""
        if self._death is None:
            self._hand_over()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._ledger.close()

    def _require_life(self) -> None:
        if self._death is not None:
            raise LedgerFault(f"the journal has ended: {self._death}")

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._next = self._next, _Batch()
        if not batch.entries:
            return
        self._queued += len(batch.entries)
        self._queue.put(batch)
        if self._queued > MAX_QUEUED:
            self._die(LedgerFault(f"{self._queued} records wait for the disk; check it, then restart the gateway"))

    def _done(self, group: list[_Batch]) -> None:
        """In the loop: these are durable."""
        for batch in group:
            self._queued -= len(batch.entries)
            for waiter in batch.waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _failed(self, group: list[_Batch], fault: LedgerFault) -> None:
        """In the loop: these never will be durable, nor what was handed over since."""
        self._die(fault)
        with suppress(Empty):
            while batch := self._queue.get_nowait():
                group.append(batch)
        group.append(self._next)
        for waiter in [waiter for batch in group for waiter in batch.waiters]:
            if not waiter.done():
                waiter.set_exception(LedgerFault(str(fault)))

    def _die(self, fault: LedgerFault) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._death is None:
            self._death = fault
            self._on_death(fault)

    def _write_all(self) -> None:
        """The writer thread: until it is closed, or the first error; then nobody is left waiting."""
        fault: LedgerFault | None = LedgerFault("the ledger's writer ended by a bug; report the traceback")
        group: list[_Batch] = []
        try:
            while group := self._next_group():
                self._ledger.append([entry for batch in group for entry in batch.entries], self._hook)
                self._loop.call_soon_threadsafe(self._done, group)
            fault = None
        except LedgerFault as error:
            fault = error
        finally:
            if fault is not None:
                self._loop.call_soon_threadsafe(self._failed, group, fault)

    def _next_group(self) -> list[_Batch]:
        """Waits for one batch and takes what else is there; empty at the end."""
        batch = self._queue.get()
        group: list[_Batch] = []
        count = 0
        with suppress(Empty):
            while batch is not None:
                group.append(batch)
                count += len(batch.entries)
                if count >= MAX_GROUP:
                    return group
                batch = self._queue.get_nowait()
            self._queue.put(None)  # the end comes once more, after this group; nothing is handed over behind it
        return group
