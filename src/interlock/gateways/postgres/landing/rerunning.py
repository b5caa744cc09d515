"""A unit that was taken back and is run once more, when people have said yes while its connection waited."""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.connection import Connection
from interlock.gateways.postgres.lent.activating import Activation, hear
from interlock.gateways.postgres.planning.steps import Unit
from interlock.gateways.postgres.sending.bench import Bench
from interlock.gateways.postgres.sending.queue import Activate, Parcel, Settle
from interlock.gateways.postgres.sending.tray import Tray
from interlock.gateways.postgres.target import owned
from interlock.model import Lease, Status
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_sync

# The counters of what was taken back go on counting until they are flushed, which happens at a Sync.
_TAKE_BACK: Final = owned.UNDO + owned.FLUSH_COUNTS + build_sync()


class Rerun(Struct, frozen=True, kw_only=True):
    """One session's. `idle` waits for everything that is owed; `dropped` hears of what will not run again; `activation`
    takes back what is lent while people are waited for."""

    relay: Relay
    client: Connection
    server: Connection
    tray: Tray
    bench: Bench
    idle: Callable[[], Awaitable[None]]
    dropped: Callable[[Running, Status], None]
    activation: Activation | None = None

    async def take_back(self, item: Settle) -> bool:
        """Roll the unit back, so that nothing is locked while people think; False where it could not be run again."""
        running = item.unit.again.running
        if running is None or not item.lands or item.unit.explicit:
            return False
        self.client.write(self.relay.withhold())
        self.relay.set_aside(running)
        dues = [*owned.bare_dues(), *owned.run_dues(), Due(kinds.SYNC, Show.NOTHING, hidden=True)]
        self.relay.expect(dues)
        self.server.write(_TAKE_BACK)
        await self.idle()
        if self.activation is not None:
            await self.activation.end()
        item.unit.again.aside = True
        return True

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """See `Bench`."""
        return await self.bench.wait(decided, patience)

    def begin(self, item: Settle, counted: Settle, data: bytes, dues: tuple[Due, ...]) -> None:
        """Queue the unit once more: what was sent for it, the questions that count it, and its second judgement."""
        again = item.unit.again
        assert again.running is not None
        again.running.start_over()
        again.aside = False
        heard, hearing = self._lent_again(again.running)
        begin = owned.BEGIN + heard + owned.LIMITS + b"".join(sent for sent, _ in again.script)
        owed = [*owned.run_dues(), *hearing, *owned.run_dues(), *(due for _, part in again.script for due in part)]
        self.tray.queue.appendleft(counted)
        self.tray.queue.appendleft(Parcel(group=item.group, data=begin + data, dues=(*owed, *dues), alone=True))
        if self.activation is not None and again.running.shape:
            self.tray.queue.appendleft(Activate(group=item.group, shape=again.running.shape))

    def _lent_again(self, running: Running) -> tuple[bytes, list[Due]]:
        """How the session hears, inside its transaction, of what it is lent once more."""
        if self.activation is None or not running.shape:
            return b"", []
        return hear(self.activation.lending, running.shape)

    def give_up(self, unit: Unit) -> bool:
        """What was taken back will not run again; whether the client said so."""
        if not unit.again.aside or unit.again.running is None:
            return False
        unit.again.aside = False
        self.dropped(unit.again.running, Status.UNDONE)
        return self.bench.cancelled
