"""Where a held command waits: what it rests on is asked of the target, and people are waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from interlock.gate import Ask
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.planning.planner import Planner
from interlock.gateways.postgres.planning.reading import Reader
from interlock.gateways.postgres.target import owned
from interlock.gateways.postgres.target.inquiry import Inquiry
from interlock.model import Ground, Lease
from interlock.wire.postgres.messages import TransactionStatus

Decided = TypeVar("Decided")

# Everything that a session can set, and whose database this is. What names the client's program is nobody's business;
# what the gateway sets around a transaction differs between asking and running.
_UNBOUND: Final = ("application_name", "transaction_read_only", "default_transaction_read_only", *owned.MOST)
_GROUND: Final = (
    "SELECT pg_catalog.concat(s.system_identifier, '/', d.oid, E'\\x01', (SELECT pg_catalog.string_agg("
    "pg_catalog.concat(g.name, '=', g.setting), E'\\x02' ORDER BY g.name) FROM pg_catalog.pg_settings AS g "
    "WHERE g.name OPERATOR(pg_catalog.<>) ALL (ARRAY[" + ", ".join(f"'{name}'" for name in _UNBOUND) + "]))) "
    "FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_database AS d "
    "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
)


class Bench:
    """One session's. `over` tells whether there is nobody left to wait with, or nothing to wait for."""

    def __init__(
        self, *, relay: Relay, planner: Planner, reader: Reader, inquiry: Inquiry, over: Callable[[], bool]
    ) -> None:
        self._relay = relay
        self._planner = planner
        self._reader = reader
        self._inquiry = inquiry
        self._over = over
        self._change: asyncio.Future[None] | None = None
        self._given_up = self._timed_out = False
        self._attending = self._early = False
        self.cancelled = False  # the wait that was last

    async def ground(self, ask: Ask, *, settling: bool = False) -> Ground | None:
        """What the command rests on, once everything before it is over; with `settling`, asked behind it while its
        transaction is still open.

        None where the session had run code or set what cannot be listed: nobody knows then what it rests on.
        """
        await self._inquiry.rest()
        if ask.marked or self._relay.failed or self._relay.status is TransactionStatus.FAILED:
            return None
        answer = await self._inquiry.texts(_GROUND, open_group=settling)
        system, _, settings = answer[0].partition("\x01") if len(answer) == 1 else ("", "", "")
        if not system or not settings:
            return None
        catalog = self._reader.catalog
        labels = repr(sorted((name, sorted(labels)) for name, labels in catalog.labels.entries.items()))
        return Ground(system=system, catalogue=f"{catalog.epoch}\x01{labels}", settings=settings)

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """The lease as people decided it; None after `patience` microseconds, or when the client cancelled, either
        side left, or the session must end."""
        self.cancelled = self._timed_out = False
        self._given_up, self._early = self._early, False
        timer = asyncio.get_running_loop().call_later(patience / 1_000_000, self._time_out)
        try:
            async with asyncio.TaskGroup() as tasks:
                deciding = tasks.create_task(_awaited(decided))
                deciding.add_done_callback(lambda _: self.look())
                await self._until(deciding.done)
                deciding.cancel()
        finally:
            timer.cancel()
        self.cancelled = self._given_up
        return None if deciding.cancelled() else deciding.result()

    async def _until(self, done: Callable[[], bool]) -> None:
        while not (done() or self._given_up or self._timed_out or self._over()):
            self._change = asyncio.get_running_loop().create_future()
            await self._change
        self._change = None

    def _time_out(self) -> None:
        self._timed_out = True
        self.look()

    def attend(self, settling: bool) -> None:
        """Whether a unit is being judged: people may be asked any moment, and a cancel until then counts as well."""
        self._attending, self._early = settling, False

    def give_up(self) -> bool:
        """The client cancels; False where it does not wait for people."""
        waiting = self._change is not None
        self._early = self._early or (self._attending and not waiting)
        self._given_up = self._given_up or waiting
        self.look()
        return waiting

    def look(self) -> None:
        """Something may have changed."""
        if self._change is not None and not self._change.done():
            self._change.set_result(None)


async def _awaited(decided: Awaitable[Decided]) -> Decided:
    return await decided
