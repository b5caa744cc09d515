"""The worker processes of one gateway: started, heard, told, replaced when they end, and drained."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock.app.clock import now, steady
from interlock.app.journal import LocalJournal, serve_journal
from interlock.app.serve.control import Asked, Cancel, Channel, Counted, Cut, Drain, Message, Ready
from interlock.app.serve.counters import Counters
from interlock.app.serve.counting import WorkerMetrics
from interlock.app.serve.leases import Leases
from interlock.app.serve.lending import Lender
from interlock.ledger.faults import LedgerFault
from interlock.model import OurFault

_RESTARTS: Final = 5  # within _RESTART_SECONDS; then something is wrong that a restart does not mend
_RESTART_SECONDS: Final = 60.0

Say = Callable[[str], None]


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker process and the wire to it."""

    number: int
    process: asyncio.subprocess.Process
    channel: Channel
    lender: Lender
    ready: bool = False


class Owned(Struct, frozen=True, kw_only=True):
    """What the supervisor owns for all of them."""

    journal: LocalJournal
    leases: Leases
    counters: Counters
    metrics: WorkerMetrics


class Crew:
    """`count` workers for the configuration `file`. `first` is what a new one has to know, in order; `announce` is
    called whenever all of them take clients; `failed` hears a fault that ends the gateway."""

    def __init__(
        self,
        file: Path,
        count: int,
        owned: Owned,
        *,
        say: Say,
        first: Callable[[], Iterable[Message]],
        announce: Callable[[], None],
        failed: Callable[[OurFault], None],
    ) -> None:
        self._file = file
        self._count = count
        self._owned = owned
        self._say = say
        self._first = first
        self._announce = announce
        self._failed = failed
        self._workers: dict[int, _Worker] = {}
        self._restarts: list[float] = []
        self._leaving = False
        self.restarted = 0

    @property
    def ready(self) -> int:
        """How many take clients."""
        return sum(worker.ready for worker in self._workers.values())

    @property
    def whole(self) -> bool:
        """Whether all of them take clients."""
        return self.ready == self._count

    async def begin(self, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        """Start all of them."""
        for number in range(1, self._count + 1):
            await self._start(number, listening, tasks)

    def tell(self, message: Message) -> None:
        """Say something to everybody."""
        for worker in self._workers.values():
            worker.channel.send(message)

    def kill(self) -> None:
        """No record, no execution."""
        for worker in self._workers.values():
            worker.process.kill()

    async def drain(self, seconds: float) -> None:
        """Let sessions come to rest for so long; then end them."""
        self._leaving = True
        self.tell(Drain())
        if not await self._all_gone(seconds):
            self.tell(Cut())
            if not await self._all_gone(5):
                self.kill()

    def leave(self) -> None:
        """From here on nobody who ends is replaced."""
        self._leaving = True

    async def _start(self, number: int, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        journal, journal_there = socket.socketpair()
        control, control_there = socket.socketpair()
        theirs = (listening.fileno(), journal_there.fileno(), control_there.fileno())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "interlock.app.serve.worker",
            str(self._file),
            str(number),
            str(self._count),
            *map(str, theirs),
            pass_fds=theirs,
            stdin=asyncio.subprocess.DEVNULL,
        )
        journal_there.close()
        control_there.close()
        channel = await Channel.open(control)
        lender = Lender(self._owned.leases, self._owned.counters, channel, tasks, worker=number)
        worker = self._workers[number] = _Worker(number, process, channel, lender)
        for message in self._first():
            channel.send(message)
        tasks.create_task(self._serve_journal(journal))
        tasks.create_task(self._watch(worker, listening, tasks))

    async def _serve_journal(self, connection: socket.socket) -> None:
        try:
            await serve_journal(self._owned.journal, connection)
        except* LedgerFault as faults:
            for fault in faults.exceptions:
                self._failed(LedgerFault(str(fault)))

    async def _watch(self, worker: _Worker, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        async for message in worker.channel.messages():
            self._hear(worker, message)
        code = await worker.process.wait()
        worker.channel.close()
        worker.lender.close()
        self._owned.counters.lost(worker.number, now())
        self._owned.metrics.ended(worker.number)
        del self._workers[worker.number]
        if self._leaving:
            return
        self._say(f"worker {worker.number} ended with {code}; starting another")
        self.restarted += 1
        if self._may_restart():
            await self._start(worker.number, listening, tasks)
        else:
            self._say("workers keep ending; giving up")
            self._failed(OurFault("workers keep ending: see what they said above, then start again"))

    def _may_restart(self) -> bool:
        current = steady()
        self._restarts = [at for at in self._restarts if current - at < _RESTART_SECONDS] + [current]
        return len(self._restarts) <= _RESTARTS

    def _hear(self, worker: _Worker, message: Message) -> None:
        if isinstance(message, Asked):
            worker.lender.hear(message)
            return
        match message:
            case Ready():
                worker.ready = True
                if self.whole:
                    self._announce()
            case Counted():
                self._owned.metrics.report(worker.number, message.counts)
            case Cancel():
                meant = self._workers.get(message.pid >> 20)
                if meant is not None:
                    meant.channel.send(message)
            case _:
                pass  # what supervisors say

    async def _all_gone(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while self._workers:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True
