"""The gate's port for PostgreSQL: what was decided becomes bytes for the target, with the wrapper they need."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, assert_never

from interlock.access.privileges import Shape
from interlock.gate import Ask
from interlock.gateways.postgres.answering import denial, replies
from interlock.gateways.postgres.answering.due import LOCAL, LOCAL_READY, Due, Show, poison
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.landing.settling import Counting, counting
from interlock.gateways.postgres.lent.activating import hear
from interlock.gateways.postgres.lent.lending import Lending
from interlock.gateways.postgres.planning.flows import ENDING
from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.rewriting import spelled_out
from interlock.gateways.postgres.planning.steps import (
    Again,
    End,
    Group,
    Portal,
    Reject,
    Run,
    Send,
    Step,
    Unit,
    only_prepared,
)
from interlock.gateways.postgres.sending.bench import Bench
from interlock.gateways.postgres.sending.queue import (
    Activate,
    Intake,
    Pause,
    Settle,
    Weigh,
)
from interlock.gateways.postgres.sending.starting import changed_by, confined_here, start
from interlock.gateways.postgres.sending.tray import Tray
from interlock.gateways.postgres.sending.weighing import question, weighs
from interlock.gateways.postgres.target import owned, stamps
from interlock.intent.sql.statement import Flow
from interlock.model import UNSEEN, Content, Decision, Ground, Lease, Status
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_execute, build_sync

_BEGIN: Final = Flow.BEGIN
_COMMIT: Final = Flow.COMMIT
_ROLLBACK_TO: Final = Flow.ROLLBACK_TO
_COPY_IN: Final = Flow.COPY_IN
_SYNC: Final = build_sync()
_RUN_UNNAMED: Final = build_execute("")


class Outbox:
    """Decided steps on their way to the target. The session empties `queue` in order.

    `clock` is monotonic, in seconds; `dropped` hears of commands that were allowed and then never sent,
    because one behind them in the same simple Query was refused. `aborted` tells whether the target's transaction has
    failed, as far as its answers have come. Without `lending` the session holds its privileges anyway.
    """

    def __init__(
        self,
        *,
        names: Names,
        clock: Callable[[], float],
        dropped: Callable[[Running, Status], None],
        bench: Bench | None = None,
        aborted: Callable[[], bool] = lambda: False,
        lending: Lending | None = None,
    ) -> None:
        self.tray = Tray(dropped)
        self.queue = self.tray.queue
        self._steps: deque[Step] = deque()
        self._last: Step | None = None  # of what was planned together
        self._covered: list[Step] = []  # from a Parse that its Bind decides, what stands before that Bind
        self._unjudged: tuple[Group, Unit] | None = None  # what ran measured, and was not judged since
        self._counted = False  # whether the target's counters hold something of a unit that is over
        self._names = names
        self._clock = clock
        self._dropped = dropped
        self._bench = bench
        self._aborted = aborted
        self._lending = lending
        self._asked_for: Shape | None = None  # what is lent at the end of the queue
        self._attuned: tuple[Shape, Unit] | None = None  # for what the session was last told to look again

    def plan(self, steps: Iterable[Step]) -> None:
        """What the gate is asked about next, in order, with what needs no decision in between."""
        self._steps.extend(steps)
        self._last = self._steps[-1] if self._steps else None
        self._asked_for = self._attuned = None

    def send(self, ask: Ask, decision: Decision) -> None:
        """Queue everything up to and with this command."""
        step = self._advance(ask)
        running = start(ask, step, decision, names=self._names, clock=self._clock)
        if self._lending is not None:
            running.shape = self._lending.shape(ask, step.portal)
        if decision.lease is not None:
            step.unit.leases.append(decision.lease)
        if step.group.fallen:
            self._covered.clear()
            self._dropped(running, Status.UNDONE)  # an error of ours stands before it: PostgreSQL skips it too
            return
        if running.measured:
            step.unit.measured = step.unit.writes = True
        stamped = step.portal is not None and step.portal.stamp is not None
        if stamped and step.portal is not None and not step.portal.statement.writes:
            self._open(step.unit, step.group)
            self._compare(step, step.portal)  # rows that have left cannot be undone
        self._weigh(ask, step, running)
        for covered in self._covered:
            self._pass_on(covered, running)  # being parsed it may act, so it is confined like the rest (threats.md 1)
        self._covered.clear()
        if step.portal is not None:
            step.portal.running = running
        if running.flow is _BEGIN:
            self._at_zero(step.group)
        bare = (
            running.limit is None
            and running.fuse is None
            and not step.unit.measured
            and not confined_here(step.unit, running)
        )
        if step.direct is not None and not (stamped or running.shape) and bare:
            self._note(step.group, step.unit, running)
            step.group.direct = True
            statement = step.portal.statement if step.portal is not None else None
            due = Due(kinds.QUERY, running=running, statement=statement, closes=step.group.id)
            self.tray.parcel(step.group, step.direct, due)
            return
        if step.direct is not None and step.portal is not None:
            step.data, step.dues = spelled_out(step.portal.statement)
        for due in step.dues:
            due.running = running
        if self._repeatable(ask, step, running):
            quiet = tuple(Due(due.kind, Show.NOTHING, running=running, statement=due.statement) for due in step.dues)
            step.unit.again = Again(running=running, script=[(step.data, quiet)])
        self._forward(step, running)
        self._note(step.group, step.unit, running)  # being bound it may act already (threats.md 1)

    def _repeatable(self, ask: Ask, step: Send, running: Running) -> bool:
        """Whether its unit can be taken back and run again by itself: it is all of it, and no answer of it is cut."""
        plain = (running.limit is None or ask.intent.returns == ()) and not running.confined
        return plain and running.measured and ask.alone and not ask.prepares and not step.unit.explicit

    def refuse(self, ask: Ask, decision: Decision) -> None:
        """Queue everything up to this command, and its refusal in its place."""
        step = self._advance(ask)
        self._covered.clear()
        cancelled = self._bench is not None and self._bench.cancelled
        self._fall(step.group, step.unit, denial.error(ask, decision, cancelled=cancelled))

    async def ground(self, ask: Ask) -> Ground | None:
        """See `Bench`."""
        return None if self._bench is None else await self._bench.ground(ask)

    async def content(self) -> Content:
        """Nothing has run."""
        return UNSEEN

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """See `Bench`."""
        return None if self._bench is None else await self._bench.wait(decided, patience)

    def finish(self, *, flush: bool = False) -> None:
        """Queue what stands behind the last command. With `flush` the client waits for what has run so far."""
        last, self._last = self._last, None
        while self._steps:
            self._pass_on(self._steps.popleft())
        if flush and self._unjudged is not None:
            self._settle(*self._unjudged, lands=False)
        if last is not None and only_prepared(last):
            # What was prepared outlives its implicit transaction; ended here, the rest of the group is free to
            # begin a READ WRITE one of the gateway's.
            self._end(End(group=last.group, unit=last.unit, hidden=True))

    # -- steps ---------------------------------------------------------------------------------

    def _advance(self, ask: Ask) -> Send:
        while True:
            step = self._steps.popleft()
            if isinstance(step, Send) and step.ask is ask:
                return step
            if self._covered or (isinstance(step, Send) and step.covered is ask):
                self._covered.append(step)
            else:
                self._pass_on(step)

    def _pass_on(self, step: Step, running: Running | None = None) -> None:
        match step:
            case End():
                self._end(step)
            case Send() if not step.group.fallen and step.ask is None:
                self._forward(step, step.portal.running if step.portal is not None else running)
            case Run() if not step.group.fallen and not step.group.direct:
                self._run(step)
            case Reject() if not step.group.fallen:
                self._reject(step)
            case Send() | Run() | Reject():
                pass  # its group fell before it: PostgreSQL skips it too
            case _:
                assert_never(step)

    def _forward(self, step: Send, running: Running | None) -> None:
        self._open(step.unit, step.group)
        self._lend(step.group, step.unit, running)
        if running is not None and running.measured and not step.unit.guarded:
            step.unit.guarded = True
            self.tray.parcel(step.group, owned.LIMITS, *owned.run_dues())
        self._bracketed(step.group, step.unit, running, step.data, *step.dues)

    def _run(self, step: Run) -> None:
        portal, running = step.portal, step.portal.running
        self._lend(step.group, step.unit, running)
        rows, unit = step.rows, step.unit
        commits = portal.statement.flow is _COMMIT
        step.group.commits = commits and unit.measured and not self._aborted()
        if self._to_be_judged(unit, portal.statement.flow):
            self._settle(step.group, unit, lands=commits)
        if running is not None and running.limit is not None:
            most = max(running.limit - running.delivered, 0) + 1  # one more than may pass shows that there is more
            rows = min(rows, most) if rows else most
        done = changed_by(portal, self._names)
        due = Due(kinds.EXECUTE, step.show, running=running, statement=portal.statement, done=done)
        data = build_execute(step.name, rows) if step.name or rows else _RUN_UNNAMED
        if running is not None and running is unit.again.running:
            owed = Due(kinds.EXECUTE, step.show, running=running, statement=portal.statement)
            unit.again.script.append((data, (owed,)))
        self._bracketed(step.group, unit, running, data, due)
        if portal.statement.flow is _ROLLBACK_TO:
            unit.guarded = False  # limits that were set behind the savepoint are gone with it
        if running is None:
            return
        self._note(step.group, unit, running)
        if portal.statement.flow is _COPY_IN:
            self.queue.append(Intake(group=step.group))
        if portal.statement.writes:
            self._compare(step, portal)
        if running.limit is not None and not self._ends_harmlessly(step):
            self.queue.append(Pause(group=step.group, running=running))

    def _compare(self, step: Send | Run, portal: Portal) -> None:
        """Fail the group where what the portal touches is no longer what it was judged by."""
        if portal.stamp is not None and not step.unit.autonomous:
            data, dues = stamps.check(portal.stamp), tuple(stamps.check_dues())
            self.tray.parcel(step.group, data, *dues)
            if step.unit.again.running is not None:
                step.unit.again.script.append((data, tuple(stamps.check_dues())))

    def _ends_harmlessly(self, step: Run) -> bool:
        """Behind it stands only the end of an implicit transaction of reads: nothing more could happen."""
        behind = self._steps[0] if self._steps else None
        return isinstance(behind, End) and behind.group is step.group and not step.unit.explicit and not step.unit.begun

    def _reject(self, step: Reject) -> None:
        if step.error is replies.EMPTY:
            self.tray.parcel(step.group, b"", Due(LOCAL, instead=step.error))
            step.group.local = step.group.fallen = True
        else:
            self._fall(step.group, step.unit, step.error)

    def _fall(self, group: Group, unit: Unit, error: bytes) -> None:
        """Refuse in mid-group: where nothing was sent we answer ourselves, else the target must fail the group."""
        group.fallen = True
        if group.simple and not group.sent:
            self.tray.drop_queued(group)
            unit.begun = unit.explicit and unit.begun  # a client's transaction stands since a group before this one
        if unit.explicit or unit.begun or group.sent or any(parcel.group is group for parcel in self.queue):
            self.tray.parcel(group, owned.POISON, poison(error))
        else:
            group.local = True
            self.tray.parcel(group, b"", Due(LOCAL, instead=error))

    # -- what has to be counted ----------------------------------------------------------------

    def _to_be_judged(self, unit: Unit, flow: Flow) -> bool:
        """Whether a unit must be judged before this ends it or undoes a part of it. One that has failed cannot land:
        its COMMIT is a ROLLBACK."""
        if not unit.measured or flow not in ENDING or self._aborted():
            return False
        return unit.unjudged or flow is Flow.COMMIT

    def _note(self, group: Group, unit: Unit, running: Running) -> None:
        """Something ran that counts: its unit is judged before it lands, where a decision asks for that."""
        if not (running.writes or running.measured) or not (unit.begun or unit.explicit):
            return  # nothing of it can land: sessions are READ ONLY by themselves
        self._counted = True
        unit.ran[id(running.ask.intent)] = running.ask
        if unit.measured:
            unit.unjudged = True
            self._unjudged = (group, unit)

    def _settle(self, group: Group, unit: Unit, *, lands: bool) -> None:
        """Ask for the counters, and let nothing pass until they were judged."""
        unit.unjudged, self._unjudged = False, None
        asked: Counting = counting([ask.intent for ask in unit.ran.values()], lands=lands)
        self.tray.parcel(group, asked.data, *asked.dues)
        self.queue.append(Settle(group=group, unit=unit, counts=asked.counts, lands=lands))

    def _at_zero(self, group: Group) -> None:
        """Before a unit that may be counted: its counters begin at zero (impact/postgres.py). Once something of its
        group has left it is too late for that, and what was touched before counts as well."""
        if self._counted and not group.sent and not any(item.group is group for item in self.queue):
            self._counted = False
            self.tray.parcel(group, owned.FLUSH_NOW, *owned.run_dues(), Due(kinds.SYNC, Show.NOTHING))

    def _end(self, step: End) -> None:
        group, unit = step.group, step.unit
        if group.direct:
            return
        if group.local:
            self.tray.parcel(group, b"", Due(LOCAL_READY, closes=group.id), ends=True)
            return
        own = unit.begun and not unit.explicit and not unit.autonomous
        if not group.fallen and (unit.unjudged or (own and unit.measured)):
            self._settle(group, unit, lands=own)
        if own and not group.fallen:
            self.tray.parcel(group, owned.COMMIT, *owned.bare_dues())
        if step.hidden:
            group.parted = True
            if self._counted:
                self._counted = False
                self.tray.parcel(group, owned.FLUSH_COUNTS, *owned.run_dues())
            self.tray.parcel(group, _SYNC, Due(kinds.SYNC, Show.NOTHING, hidden=True))
            return
        wrapped = own or (group.commits and not unit.explicit)
        self.tray.parcel(group, _SYNC, Due(kinds.SYNC, wrapped=wrapped, closes=group.id), ends=True)
        if unit.begun and unit.autonomous:
            self.tray.parcel(group, owned.LOCK, *owned.run_dues(), Due(kinds.SYNC, Show.NOTHING), ends=True)

    # -- bytes ---------------------------------------------------------------------------------

    def _open(self, unit: Unit, group: Group) -> None:
        """The gateway's own BEGIN, before the first message of a unit that writes or whose end is not in sight."""
        if unit.begun or not (unit.writes or (unit.statements and not unit.explicit and not group.whole)):
            return
        unit.begun = True
        if unit.measured:
            self._at_zero(group)
        if unit.autonomous:
            self.tray.parcel(group, owned.UNLOCK, *owned.run_dues(), Due(kinds.SYNC, Show.NOTHING))
        else:
            self.tray.parcel(group, owned.BEGIN, *owned.run_dues())

    def _weigh(self, ask: Ask, step: Send, running: Running) -> None:
        """Ask what is expected of it, inside whatever it will run in: planning may run code (threats.md 1)."""
        if running.fuse is None or step.portal is None or not weighs(step.portal.statement, ask):
            return
        pieces: list[bytes] = []
        data, dues = question(ask, step.portal.statement, running, pieces)
        self._open(step.unit, step.group)
        self._lend(step.group, step.unit, running)
        self._bracketed(step.group, step.unit, running, data, *dues)
        self.queue.append(Weigh(group=step.group, running=running, pieces=pieces))

    def _lend(self, group: Group, unit: Unit, running: Running | None) -> None:
        """Before anything of a command: its shape in the place of another's. Once in each unit, inside its transaction,
        the session must hear of the change, and take on the owner where the command needs one."""
        shape, lending = running.shape if running is not None else None, self._lending
        if lending is None or not shape:
            return
        if shape != self._asked_for:
            self._asked_for = shape
            self.queue.append(Activate(group=group, shape=shape))
        if unit.autonomous or self._attuned == (shape, unit):
            return
        self._attuned = shape, unit
        data, dues = hear(lending, shape)
        self.tray.parcel(group, data, *dues)

    def _bracketed(self, group: Group, unit: Unit, running: Running | None, data: bytes, *dues: Due) -> None:
        """Inside a transaction that may write, a confined command runs between SAVEPOINT and RELEASE, read only."""
        if running is None or not confined_here(unit, running):
            self.tray.parcel(group, data, *dues)
            return
        if self.queue and self.queue[-1] is running.released:
            self.queue.pop()  # the bracket of its last message is still open to this one
        else:
            self.tray.parcel(group, owned.CONFINE, *owned.run_dues(), *owned.run_dues())
        self.tray.parcel(group, data, *dues)
        self.tray.parcel(group, owned.RELEASE, *owned.run_dues(), alone=True)
        running.released = self.queue[-1]
