"""Leases and counters between supervisor and workers: a worker asks over its control channel, question by question."""

import asyncio
from collections.abc import Sequence, Set as AbstractSet
from itertools import count

from interlock.access.budgets import Count, Reserve, Step
from interlock.app.serve.control import (
    Answered,
    Append,
    Appended,
    Asked,
    Await,
    Channel,
    Draw,
    Drawn,
    Forget,
    Seek,
    Sought,
    Used,
)
from interlock.app.serve.counters import Counters
from interlock.app.serve.leases import Leases
from interlock.gate import Ends, Found
from interlock.ledger.faults import LedgerFull
from interlock.ledger.leaf import Entry
from interlock.model import Lease, OurFault, Principal, Session


class Lender:
    """The supervisor's end for one worker."""

    def __init__(
        self, leases: Leases, counters: Counters, channel: Channel, tasks: asyncio.TaskGroup, *, worker: int
    ) -> None:
        self._leases = leases
        self._counters = counters
        self._worker = worker
        self._channel = channel
        self._tasks = tasks
        self._waiting: dict[int, asyncio.Task[None]] = {}

    def hear(self, asked: Asked) -> None:
        """Answer as soon as there is an answer."""
        match asked:
            case Forget(number=number):
                if (task := self._waiting.pop(number, None)) is not None:
                    task.cancel()
            case Await(number=number):
                self._waiting[number] = self._tasks.create_task(self._await(asked))
            case Seek():
                self._tasks.create_task(self._seek(asked))
            case Draw():
                used = self._counters.draw(self._worker, asked.steps, asked.counts, asked.at)
                self._channel.send(Drawn(number=asked.number, used=used))
            case Used():
                self._counters.follow(self._worker, asked.steps)
            case Append():
                self._tasks.create_task(self._append(asked))

    def close(self) -> None:
        """The worker is gone."""
        for task in self._waiting.values():
            task.cancel()
        self._waiting.clear()

    async def _seek(self, asked: Seek) -> None:
        found = await self._leases.seek(asked.digest, asked.principal)
        self._channel.send(Sought(number=asked.number, lease=found.lease, room=found.room))

    async def _append(self, asked: Append) -> None:
        try:
            done = await self._leases.append(asked.entries, asked.ends, frozenset(asked.under))
        except LedgerFull as fault:
            self._channel.send(Appended(number=asked.number, done=False, full=str(fault)))
        else:
            self._channel.send(Appended(number=asked.number, done=done))

    async def _await(self, asked: Await) -> None:
        lease = await self._leases.decided(asked.lease)
        self._waiting.pop(asked.number, None)
        self._channel.send(Sought(number=asked.number, lease=lease))


class Borrower:
    """A worker's end: the gate's `Leases` and `Counters`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = count(1)
        self._owed: dict[int, asyncio.Future[Answered]] = {}
        self._standing: dict[tuple[str, str], dict[str, Lease]] = {}  # by who acts, and the target
        self._users: dict[str, set[str]] = {}

    def began(self, lease: Lease) -> None:
        """A lease for a while is in force."""
        self._standing.setdefault((lease.principal.id, lease.target), {})[lease.id] = lease

    def ended(self, lease: Lease) -> set[str]:
        """It no longer is. Gives the sessions that worked under it."""
        self._standing.get((lease.principal.id, lease.target), {}).pop(lease.id, None)
        return self._users.pop(lease.id, set())

    def standing(self, session: Session) -> Sequence[Lease]:
        """See `interlock.gate.Leases`."""
        found = self._standing.get((session.principal.id, session.target.name))
        return [*found.values()] if found else ()

    def used(self, lease: Lease, session: Session) -> None:
        """See `interlock.gate.Leases`."""
        self._users.setdefault(lease.id, set()).add(session.id)

    def hear(self, answer: Answered) -> None:
        """The supervisor answered."""
        waiter = self._owed.pop(answer.number, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def lost(self) -> None:
        """The supervisor is gone: nobody will answer."""
        for waiter in self._owed.values():
            if not waiter.done():
                waiter.set_exception(OurFault("the supervisor has gone, and leases and counters with it"))
        self._owed.clear()

    async def seek(self, digest: str, principal: Principal) -> Found:
        """See `interlock.gate.Leases`."""
        number = next(self._numbers)
        answer = await self._ask(number, Seek(number=number, digest=digest, principal=principal))
        assert isinstance(answer, Sought)
        return Found(lease=answer.lease, room=answer.room)

    async def append(self, entries: Sequence[Entry], ends: Ends, under: AbstractSet[str] = frozenset()) -> bool:
        """See `interlock.gate.Leases`. Raises LedgerFull."""
        number = next(self._numbers)
        asked = Append(number=number, entries=[*entries], ends=dict(ends), under=sorted(under))
        answer = await self._ask(number, asked)
        assert isinstance(answer, Appended)
        if answer.full is not None:
            raise LedgerFull(answer.full)
        return answer.done

    async def decided(self, lease: Lease) -> Lease:
        """See `interlock.gate.Leases`."""
        number = next(self._numbers)
        try:
            answer = await self._ask(number, Await(number=number, lease=lease.id))
        finally:
            if self._owed.pop(number, None) is not None:
                self._channel.send(Forget(number=number))
        assert isinstance(answer, Sought)
        return answer.lease or lease

    async def draw(self, steps: Sequence[Reserve], counts: Sequence[Count], *, at: int) -> list[int | None]:
        """See `interlock.gate.Counters`."""
        number = next(self._numbers)
        answer = await self._ask(number, Draw(number=number, steps=[*steps], counts=[*counts], at=at))
        assert isinstance(answer, Drawn)
        return answer.used

    def tell(self, steps: Sequence[Step]) -> None:
        """See `interlock.gate.Counters`."""
        self._channel.send(Used(steps=[*steps]))

    async def _ask(self, number: int, question: Asked) -> Answered:
        waiter: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._owed[number] = waiter
        self._channel.send(question)
        return await waiter
