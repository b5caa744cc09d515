"""One client's session: its messages are planned, admitted, sent in order, and followed to their end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from interlock.gate import Gate
from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.answering.reporting import Reporter
from interlock.gateways.postgres.arriving.pins import Pins
from interlock.gateways.postgres.connection import Connection
from interlock.gateways.postgres.landing.rerunning import Rerun
from interlock.gateways.postgres.landing.settling import Settler, Stage
from interlock.gateways.postgres.lent.activating import activation
from interlock.gateways.postgres.lent.lending import Lending
from interlock.gateways.postgres.planning.flows import Stale
from interlock.gateways.postgres.planning.hearing import hear, read
from interlock.gateways.postgres.planning.planner import Planner
from interlock.gateways.postgres.planning.reading import Reader, stamped
from interlock.gateways.postgres.planning.steps import Send
from interlock.gateways.postgres.planning.upkeep import Upkeep
from interlock.gateways.postgres.sending.bench import Bench
from interlock.gateways.postgres.sending.outbox import Outbox
from interlock.gateways.postgres.sending.pump import Pump
from interlock.gateways.postgres.sending.queue import Parcel
from interlock.gateways.postgres.target.inquiry import Inquiry
from interlock.model import CallerFault, Session as Who, TargetFault
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import TransactionStatus, build_flush, build_terminate
from interlock.wire.postgres.states import ACT, IN_GROUP, WAIT, Conversation, Handling, Phase, Turn

LAST_SECONDS: Final = 2.0  # how long the answer to what was sent is waited for when the client is gone

_FLUSH: Final = build_flush()
_EXTENDED: Final = frozenset({kinds.PARSE, kinds.BIND, kinds.DESCRIBE, kinds.EXECUTE, kinds.CLOSE})
_READ: Final = _EXTENDED | {kinds.QUERY}
_TEXTS: Final = frozenset({kinds.QUERY, kinds.PARSE})
_COPY: Final = frozenset({kinds.COPY_DATA, kinds.COPY_DONE, kinds.COPY_FAIL})


class _ClientGone(CallerFault):
    """Nobody is left to answer."""


class Session:
    """Carries one session from its first statement to its end. `interrupt` asks the target to cancel what runs for it.

    `client` and `server` are logged in. `clock` is monotonic, in seconds; `mark` is told where a command stands.
    """

    def __init__(
        self,
        *,
        who: Who,
        client: Connection,
        server: Connection,
        gate: Gate,
        reader: Reader,
        pins: Pins,
        clock: Callable[[], float],
        mark: Callable[[str], None],
        interrupt: Callable[[], None],
        lending: Lending | None = None,
    ) -> None:
        self.who = who
        self._lending = lending
        self._interrupt = interrupt
        self._ended = False  # told to end: nothing more reaches the client
        self.commands = 0  # judged so far
        self._client = client
        self._server = server
        self._gate = gate
        self._reader = reader
        self._pins = pins
        self._mark = mark
        self._reporter = Reporter(gate=gate, pins=pins, clock=clock, mark=mark, catalog=lambda: reader.catalog)
        self._relay = Relay(self._reporter)
        self._relay.on_change = self._changed
        self._planner = Planner(who, understand=reader, now=gate.now, new_id=gate.new_id, scene=lambda: reader.scene)
        self._relay.on_group_over = self._planner.names.group_over
        inquiry = Inquiry(self._relay, server, inside=lambda: self._planner.inside, idle=self._until_idle)
        self._upkeep = Upkeep(planner=self._planner, reader=reader, pins=pins, inquiry=inquiry)
        self._bench = Bench(
            relay=self._relay, planner=self._planner, reader=reader, inquiry=inquiry, over=self._is_over
        )
        self.give_up: Final = self._bench.give_up  # stop waiting for people; False where it does not
        self._change: asyncio.Future[None] | None = None
        self._conversation = Conversation(Phase.READY)
        self._pump = self._make_pump(inquiry, clock)
        self._unsettled = False
        self._flush = False
        self._draining = False
        client.peer, server.peer = server, client
        server.sink = self._answered
        server.on_lost = self._lost
        client.on_lost = self._changed

    def _make_pump(self, inquiry: Inquiry, clock: Callable[[], float]) -> Pump:
        names, dropped = self._planner.names, self._reporter.ended
        self._outbox = Outbox(
            names=names,
            clock=clock,
            dropped=dropped,
            bench=self._bench,
            aborted=lambda: self._relay.aborted,
            lending=self._lending,
        )
        relay, client = self._relay, self._client
        lent = activation(self._lending, relay, client, inquiry, self._outbox.tray.fail, self._mark)
        rerun = Rerun(
            relay=relay, client=client, server=self._server, tray=self._outbox.tray, bench=self._bench,
            idle=self._until_idle, dropped=dropped, activation=lent,
        )  # fmt: skip
        stage = Stage(
            idle=self._until_idle,
            failed=lambda: relay.failed,
            overflowed=lambda: relay.held.overflowed,
            reader=self._reader,
            ground=partial(self._bench.ground, settling=True),
            release=self._release,
            withhold=lambda: client.write(relay.withhold()),
            undo=self._outbox.tray.undo,
            look_again=self._outbox.tray.look_again,
            blame=relay.blame,
            rerun=rerun,
        )
        return Pump(
            outbox=self._outbox,
            relay=relay,
            client=client,
            server=self._server,
            conversation=self._conversation,
            settle=Settler(gate=self._gate, stage=stage),
            until=self._until,
            go_on=self._go_on,
            mark=self._mark,
            activation=lent,
        )

    def _release(self, with_the_end: bool) -> None:
        """What was held back may be seen: at once, or once the gateway's own COMMIT has succeeded."""
        if with_the_end:
            self._relay.held.judged = True
        else:
            self._client.write(self._relay.release())

    async def run(self, greeting: bytes) -> None:
        """Until either side is gone. Whatever happens, what was admitted gets its outcome written down.

        `greeting` is what the client is told once the session can begin. Its connection is the caller's to close.
        """
        try:
            await self._upkeep.begin()
            self._client.write(greeting)
            while (frames := await self._client.receive()) is not None:
                if self._server.closed and not self._ended:
                    raise self._server.fault or TargetFault("the target closed the connection; connect again")
                for kind, frame, _ in frames:
                    if kind == kinds.TERMINATE:
                        return
                    await self._take(kind, frame)
                await self._carry_out()
                if self._draining and self._at_rest():
                    self._client.write(replies.SHUTTING_DOWN)
                    return
            if self._client.fault is not None and not self._server.closed:
                raise self._client.fault
        except _ClientGone:
            return
        finally:
            await self._follow_to_the_end()
            self._over()

    def drain(self) -> None:
        """End as soon as nothing is under way."""
        self._draining = True
        self._changed()

    def cut(self, error: bytes) -> None:
        """End now, telling the client why. What runs is cancelled; a client that does not read is not waited for."""
        if self._ended:
            return
        self._ended = True
        self._client.write(error)
        self._client.close()
        self._interrupt()
        self._changed()
        asyncio.get_running_loop().call_later(LAST_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        if not self._relay.idle and not self._server.closed:
            self._interrupt()  # the first may have come before what it was to interrupt
        self._client.abort()
        self._server.abort()

    # -- what the client sends -----------------------------------------------------------------

    async def _take(self, kind: int, frame: bytes) -> None:
        self._go_on()
        planner = self._planner
        if kind in _COPY and (planner.steps or self._outbox.queue):
            await self._carry_out()  # the COPY that this belongs to may stand among them
        handling = self._handled(kind)
        if handling is WAIT:
            await self._carry_out()
            await self._until_idle()
            self._conversation.turn(Turn.ANSWERED)
            handling = self._conversation.client(kind)
        if handling is not ACT:
            return
        if self._is_too_early(kind, frame):
            await self._catch_up(kind, frame)
        if kind in _COPY:
            await self._copy(frame)
        elif kind == kinds.SYNC:
            self._sync()
        elif kind == kinds.FLUSH:
            self._flush = True
        elif kind not in _EXTENDED or not self._void():
            if kind in _TEXTS:
                await read(planner, kind, frame)
            else:
                hear(planner, kind, frame)
        if planner.barrier or (self._unsettled and not self._taking):
            await self._carry_out()

    def _handled(self, kind: int) -> Handling:
        """By the protocol's table: what is void is dropped, as PostgreSQL does; what comes while a Query runs waits for
        its end. Raises ClientViolation for what does not belong."""
        if self._conversation.phase is IN_GROUP and self._void():
            self._conversation.turn(Turn.FAILED)
        return self._conversation.client(kind)

    def _is_too_early(self, kind: int, frame: bytes) -> bool:
        """Whether something before it has to be over, or known, before the message can be read."""
        planner = self._planner
        if planner.parted:
            return True
        return kind in _READ and (
            planner.outdated
            or (self._reader.behind and kind in _TEXTS)
            or (planner.hangs and not self._void() and planner.depends(kind, frame))
        )

    async def _catch_up(self, kind: int, frame: bytes) -> None:
        if self._reader.behind and kind in _TEXTS:
            self._planner.stale.append((None, {Stale.CATALOGUE}))
            self._unsettled = True
            await self._carry_out()
        if self._planner.parted:
            await self._until_idle()
            self._planner.rejoin()
        if kind in _READ and not self._void() and self._planner.depends(kind, frame):
            self._unsettled = True
            await self._carry_out()
        if kind in _READ:
            await self._planner.reread()

    def _void(self) -> bool:
        """Behind an error everything up to Sync is void: PostgreSQL skips it, so it is not even judged."""
        return self._planner.fallen or (self._relay.failed and self._relay.idle)

    def _sync(self) -> None:
        if self._pump.swallow:
            self._pump.swallow = False
        else:
            self._planner.sync()

    async def _copy(self, frame: bytes) -> None:
        self._server.write(frame)
        self._mark("copying")
        await self._server.drained()

    @property
    def _taking(self) -> bool:
        """True while COPY data passes from the client to the target."""
        return self._pump.taking

    # -- what becomes of it ------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Admit what was planned, send it, and where later messages depend on it wait for its end."""
        planner = self._planner
        while True:
            steps, planner.steps = planner.steps, []
            self._unsettled, planner.barrier = self._unsettled or planner.barrier, False
            if portals := stamped(steps):
                await self._reader.stamp_writes(portals, self._planner.names)
            self._outbox.plan(steps)
            asks = [step.ask for step in steps if isinstance(step, Send) and step.ask is not None]
            if asks:
                self.commands += len(asks)
                await self._gate.admit(asks, self._outbox)
            self._outbox.finish(flush=self._flush)
            self._mark("admitted")
            flush, self._flush = self._flush, False
            await self._pump(flush=flush)
            if self._taking or not self._unsettled:
                return
            await self._settle()
            await planner.go_on(failed=self._relay.failed)
            if not planner.steps:
                return

    async def _settle(self) -> None:
        """Wait for the target, then learn what may be different now."""
        if inside := self._planner.inside:
            self._server.write(_FLUSH)
        await self._until_idle()
        self._unsettled = False
        self._follow_transaction(inside)
        if self._relay.failed or self._relay.status is TransactionStatus.FAILED or self._planner.fallen:
            return  # nothing can be asked now, or is not ended; the end of group or transaction settles again
        await self._upkeep.learn()

    def _follow_transaction(self, inside: bool) -> None:
        if inside:
            return
        if self._relay.status is TransactionStatus.IDLE:
            self._planner.open = None
        elif self._planner.open is None:
            self._planner.reopen()

    # -- events ------------------------------------------------------------------------------------

    def _answered(self, frames: list[tuple[int, bytes, int]]) -> None:
        self._mark("received")
        said = self._relay.feed(frames)
        if self._lending is not None:
            said = self._lending.hold(said, idle=self._relay.idle)
        if not self._ended:
            self._client.write(said)
        if self._relay.upstream:
            self._server.write(b"".join(self._relay.upstream))
            self._relay.upstream.clear()

    def _is_over(self) -> bool:
        return self._ended or self._draining or self._client.closed or self._server.closed

    def _changed(self) -> None:
        self._bench.look()
        if self._draining:
            self._client.poke()  # it may be at rest now, though it never stops asking
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        if self._taking and not self._relay.copying:
            self._conversation.turn(Turn.FAILED)  # the target refused the data: go on with what stands behind it
            self._client.poke()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            if self._server.closed:
                raise self._server.fault or TargetFault("the target closed the connection; connect again")
            self._go_on()
            if self._client.closed:
                raise _ClientGone("the client left while it was waited for")
            self._change = asyncio.get_running_loop().create_future()
            await self._change

    def _go_on(self) -> None:
        """Nothing more is done for a session that was told to end, whatever of it still waits."""
        if self._ended:
            raise _ClientGone("the session was told to end")

    async def _until_idle(self) -> None:
        await self._until(lambda: self._relay.idle)

    def _lost(self) -> None:
        """The target is gone, or broke the protocol: `run` ends with what it was."""
        self._changed()
        self._client.poke()

    def _at_rest(self) -> bool:
        return self._relay.idle and self._relay.idle_state and not self._planner.inside and not self._taking

    async def _follow_to_the_end(self) -> None:
        """What runs when its client leaves still has an end: wait a moment for it, so that it can be written down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while not (self._relay.idle or self._server.closed or self._relay.copying):
                    self._change = asyncio.get_running_loop().create_future()
                    await self._change
        if not self._relay.idle and not self._server.closed:
            self._interrupt()

    def _over(self) -> None:
        for parcel in self._outbox.queue:
            if isinstance(parcel, Parcel):
                self._reporter.never_sent(parcel.dues)
        self._reporter.cut_off(self._relay.runs, self._planner.open)
        if not self._server.closed:
            self._server.write(build_terminate())
        self._server.close()
