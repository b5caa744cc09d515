"""Sends what was decided, in order, and waits where something has to be seen first."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, assert_never

from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.connection import Connection
from interlock.gateways.postgres.lent.activating import Activation
from interlock.gateways.postgres.sending.outbox import Outbox
from interlock.gateways.postgres.sending.queue import Activate, Intake, Item, Parcel, Pause, Settle, Weigh, ends
from interlock.wire.postgres.messages import build_flush
from interlock.wire.postgres.states import Conversation, Phase, Turn

_FLUSH: Final = build_flush()
_COPY_PHASES: Final = (Phase.COPY_IN, Phase.COPY_IN_EXTENDED)


class Until(Protocol):
    """Waits until something is true, and raises once nobody is left to wait for."""

    def __call__(self, true: Callable[[], bool], /) -> Awaitable[None]: ...


class Pump:
    """Empties one session's outbox. `go_on` raises once the session was told to end."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        relay: Relay,
        client: Connection,
        server: Connection,
        conversation: Conversation,
        settle: Callable[[Settle], Awaitable[None]],
        until: Until,
        go_on: Callable[[], None],
        mark: Callable[[str], None],
        activation: Activation | None = None,
    ) -> None:
        self.swallow = False  # the Sync behind COPY data was already sent, before the client saw the COPY begin
        self._outbox = outbox
        self._relay = relay
        self._client = client
        self._server = server
        self._conversation = conversation
        self._settle = settle
        self._until = until
        self._go_on = go_on
        self._mark = mark
        self._activation = activation

    @property
    def taking(self) -> bool:
        """True while COPY data passes from the client to the target."""
        return self._conversation.phase in _COPY_PHASES

    async def __call__(self, *, flush: bool) -> None:
        """Send everything that may leave; with `flush` the target is asked to answer at once."""
        out: list[bytes] = []
        while self._outbox.queue and not self.taking:
            self._go_on()
            item = self._outbox.queue.popleft()
            if isinstance(item, Parcel):
                self._post(item, out)
                continue
            self._write(out, _FLUSH)
            await self._wait(item)
        lent = self._activation is not None and self._activation.lending.active
        self._write(out, _FLUSH if flush or lent else b"")
        if self._activation is not None and not self.taking:
            await self._activation.end()

    async def _wait(self, item: Item) -> None:
        match item:
            case Pause():
                await self._until(lambda: self._relay.idle)
                if item.running.exceeded and not item.group.fallen:
                    self._outbox.tray.cut(item.group)
            case Intake():
                await self._begin_intake(item)
            case Weigh():
                await self._until(lambda: self._relay.idle)
                if not self._relay.failed:
                    self._outbox.tray.weigh(item)
            case Settle():
                await self._settle(item)
            case Activate() if self._activation is not None:
                await self._activation.begin(item)
            case Parcel() | Activate():
                pass
            case _:
                assert_never(item)

    def _post(self, parcel: Parcel, out: list[bytes]) -> None:
        relay, data = self._relay, parcel.data
        if data and (parcel.ends or not (relay.failed and relay.idle)):
            out.append(data)
            parcel.group.sent = True
        if said := relay.expect(parcel.dues):
            self._client.write(said)

    def _write(self, out: list[bytes], last: bytes) -> None:
        data = b"".join(out) + last
        out.clear()
        if data:
            self._server.write(data)
            self._mark("sent")

    async def _begin_intake(self, intake: Intake) -> None:
        relay = self._relay
        await self._until(lambda: relay.copying or relay.idle)
        if relay.copying:
            self._conversation.turn(Turn.COPY_IN_BEGAN)
        if relay.copying and not intake.group.simple:
            # libpq sends Sync before it knows that the command is COPY, and again behind the data; the
            # server ignores the first. Ours is still in the queue, so it is the second that is dropped.
            self.swallow = any(ends(item) and item.group is intake.group for item in self._outbox.queue)
