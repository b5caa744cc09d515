"""The face of a journal: what is handed over in one turn of the loop travels together, in order.

Group commit needs no waiting: whatever arrives while one transaction is on its way to the disk is the next one.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from interlock.ledger.faults import LedgerFault, LedgerFull
from interlock.ledger.leaf import NEW_WORK, Entry

NOTE_DELAY: Final = 0.02  # seconds until a note is handed over when no append takes it along
MAX_NOTED: Final = 256  # entries; more are handed over at once
MAX_AHEAD: Final = 4096  # entries that relaxed appends may be ahead of the disk
MAX_QUEUED: Final = 50_000  # entries; a disk that stalls this long has failed

OnDeath = Callable[[LedgerFault], None]


class Batch:
    """Entries that travel together, and who waits for them."""

    __slots__ = ("entries", "waiters")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.waiters: list[asyncio.Future[None]] = []

    def durable(self) -> None:
        """Wake everybody: it is written."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)

    def lost(self, fault: LedgerFault) -> None:
        """Wake everybody: it never will be."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(LedgerFault(str(fault)))


class Front(ABC):
    """What both journals share. Its methods belong to the event loop it was made in.

    Entries become durable in the order in which they were appended or noted. Any error is fatal: every waiter
    gets a LedgerFault, every later call raises one, and `on_death` is told once, so that the process stops.
    """

    def __init__(self, on_death: OnDeath) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._on_death: Final = on_death
        self._next = Batch()
        self._queued = 0
        self._timer: asyncio.TimerHandle | None = None
        self._death: LedgerFault | None = None

    @property
    def waiting(self) -> int:
        """How many records were handed over and are not yet known to be durable."""
        return self._queued

    async def append(self, entries: Sequence[Entry]) -> None:
        """Returns when `entries` and everything noted before are durable. Raises LedgerFault; its kind LedgerFull
        refuses new work alone and is not the end of the journal."""
        self._require_life()
        if self.is_low():
            await self._require_room(entries)
        await self.handed_over(entries)

    async def append_relaxed(self, entries: Sequence[Entry]) -> None:
        """Like `append`, for reads of what carries no label: returns at once, durable as a note is.

        Waits only while more than MAX_AHEAD records are behind: whoever runs ahead of the disk is slowed down.
        """
        self._require_life()
        if self.is_low():
            await self._require_room(entries)
        self.note(entries)
        if self._queued > MAX_AHEAD:
            await self.handed_over(())

    def handed_over(self, entries: Iterable[Entry]) -> "asyncio.Future[None]":
        """Like `append`, without looking at the watermark; the future ends when they are durable."""
        self._require_life()
        waiter = self._loop.create_future()
        self._next.entries += entries
        self._next.waiters.append(waiter)
        if len(self._next.waiters) == 1:  # everybody who runs in this turn of the loop comes along
            self._loop.call_soon(self._hand_over)
        return waiter

    def note(self, entries: Iterable[Entry]) -> None:
        """Takes `entries` along with the next batch: handed over within NOTE_DELAY, durable one commit later."""
        self._require_life()
        self._next.entries += entries
        if len(self._next.entries) >= MAX_NOTED:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(NOTE_DELAY, self._hand_over)

    @abstractmethod
    def _send(self, batch: Batch) -> None:
        """Pass a batch on; later `_written` or `_die` must be called in the loop."""

    @abstractmethod
    def is_low(self) -> bool:
        """Whether free space was below the watermark when it was last looked at."""

    @abstractmethod
    async def _is_full(self) -> bool:
        """Whether free space is below the watermark now."""

    @abstractmethod
    def _unwritten(self) -> Iterable[Batch]:
        """After death: what was passed on, and is not known to be durable."""

    async def _require_room(self, entries: Sequence[Entry]) -> None:
        if any(entry.kind in NEW_WORK for entry in entries) and await self._is_full():
            raise LedgerFull("the ledger's disk is below its watermark: no new commands; free space or move the ledger")

    def _require_life(self) -> None:
        if self._death is not None:
            raise LedgerFault(f"the journal has ended: {self._death}")

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._death is not None or not (self._next.entries or self._next.waiters):
            return
        batch, self._next = self._next, Batch()
        self._queued += len(batch.entries)
        self._send(batch)
        if self._queued > MAX_QUEUED:
            self._die(LedgerFault(f"{self._queued} records wait for the disk; check it, then restart the gateway"))

    def _written(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._queued -= len(batch.entries)
            batch.durable()

    def _die(self, fault: LedgerFault) -> None:
        if self._death is not None:
            return
        self._death = fault
        if self._timer is not None:
            self._timer.cancel()
        for batch in [*self._unwritten(), self._next]:
            batch.lost(fault)
        self._on_death(fault)
