"""The journal that owns the ledger: one writer thread, one transaction for whatever has arrived."""

from collections.abc import Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from interlock.access.budgets import Spent
from interlock.app.clock import now
from interlock.app.journal.front import Batch, Front, OnDeath
from interlock.ledger.faults import LedgerFault
from interlock.ledger.unfinished import Unfinished
from interlock.model import Lease
from interlock.store.sqlite import Hook, SqliteLedger

MAX_GROUP: Final = 2048  # entries in one transaction


class LocalJournal(Front):
    """Writes to `ledger`, which it takes over. `hook` hears the names of the writer's kill points.

    `unfinished` are the decisions that the last run left without their end: ask their targets, then append
    an outcome for each. `leases` are those that it left open, `spent` what its counters hold.
    """

    def __init__(self, ledger: SqliteLedger, *, on_death: OnDeath, hook: Hook | None = None) -> None:
        super().__init__(on_death)
        self.unfinished: Final[list[Unfinished]] = ledger.unfinished()
        self.leases: Final[list[Lease]] = ledger.leases()
        self.spent: Final[list[Spent]] = ledger.spent(now())
        self._ledger: Final = ledger
        self._hook: Final = hook
        self._queue: Final[SimpleQueue[Batch | None]] = SimpleQueue()
        self._failed_group: list[Batch] = []
        self._writer: Final = Thread(target=self._write_all, name="ledger-writer", daemon=True)
        self._writer.start()

    @property
    def records(self) -> int:
        """How many records the ledger holds, those of the transaction under way included."""
        return self._ledger.size

    async def close(self) -> None:
        """Make everything durable, end the writer and close the ledger."""
        self._hand_over()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._writer.join)
        self._ledger.close()

    def _send(self, batch: Batch) -> None:
        self._queue.put(batch)

    def is_low(self) -> bool:
        """Whether free space is below the watermark."""
        return self._ledger.is_full()

    async def _is_full(self) -> bool:
        return self.is_low()

    def _unwritten(self) -> Iterable[Batch]:
        yield from self._failed_group
        with suppress(Empty):
            while batch := self._queue.get_nowait():
                yield batch

    def _write_all(self) -> None:
        """The writer thread: until it is closed, or the first error; then nobody is left waiting."""
        fault: LedgerFault | None = LedgerFault("the ledger's writer ended by a bug; report the traceback")
        group: list[Batch] = []
        try:
            while group := self._next_group():
                self._ledger.append([entry for batch in group for entry in batch.entries], self._hook)
                self._loop.call_soon_threadsafe(self._written, group)
            fault = None
        except LedgerFault as error:
            fault = error
        finally:
            if fault is not None:
                self._failed_group = group
                self._loop.call_soon_threadsafe(self._die, fault)

    def _next_group(self) -> list[Batch]:
        """Waits for one batch and takes what else is there; empty at the end."""
        batch = self._queue.get()
        group: list[Batch] = []
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
