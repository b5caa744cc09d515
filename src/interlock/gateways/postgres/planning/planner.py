"""From a client's messages to steps: what each one means, and which decision it waits for. Nothing is sent here."""

from collections.abc import Awaitable, Callable, Set as AbstractSet
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from interlock.gate import Ask
from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.planning import rewriting
from interlock.gateways.postgres.planning.asking import Asker
from interlock.gateways.postgres.planning.dependence import depends
from interlock.gateways.postgres.planning.flows import (
    AFTER_CODE,
    EMPTY_STATEMENT,
    ENDING,
    SETTLING,
    Stale,
    changes_meaning,
    made_stale,
    marks,
    prepared,
    reserved,
    runs_code,
    stands_alone,
)
from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.steps import End, Group, Portal, Reject, Run, Scene, Send, Step, Unit, rides
from interlock.gateways.postgres.target import owned
from interlock.intent.sql.memory import depends_on_names
from interlock.intent.sql.statement import Flow, Statement
from interlock.model import Session
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    Part,
    build_parse,
    build_query,
    parse_bind,
    parse_close,
    parse_describe,
    parse_execute,
    parse_parse,
    parse_query,
)


class Understand(Protocol):
    """Text to statements as this session would read it now; never raises for what a client sent."""

    def __call__(self, text: str, names: Names) -> Awaitable[tuple[Statement, ...]]: ...


class Planner:
    """Plans for one session.

    `scene` tells by what names are read now: another value, another meaning of the same text. `open` is the client's
    transaction that is under way, as far as what was planned goes. `barrier` is set when what comes next depends on
    what was planned: carry that out, clear it, and `go_on`.
    """

    def __init__(
        self,
        session: Session,
        *,
        understand: Understand,
        now: Callable[[], int],
        new_id: Callable[[], str],
        scene: Callable[[], Scene | None] = lambda: None,
    ) -> None:
        self.names = Names()
        self.steps: list[Step] = []
        self.open: Unit | None = None
        self.barrier = False
        self.stale: list[tuple[Group | None, AbstractSet[Stale]]] = []  # and by what, which may not have been sent
        self._rest: tuple[str, int] | None = None  # of a simple Query, and where it began there
        self._asker = Asker(session=session, now=now, new_id=new_id, marked=lambda: self.marked)
        self._understand = understand
        self._new_id = new_id
        self._groups = 0
        self._group: Group | None = None
        self._unit: Unit | None = None
        self._begun: Unit | None = None  # the client's last transaction, whether or not its end was planned
        self._scene = scene
        self._read_in = scene()
        self._coder: Statement | None = None  # its code may have run, when it was prepared or bound
        self.marked = False  # the session holds what no list of its settings shows: code ran, or a setting of its own

    def depends(self, kind: int, frame: bytes) -> bool:
        """Whether a message can only be read once everything before it is over.

        That is so where code may have changed a setting, and where it hangs on an earlier group what a name means.
        """
        group = self._group.id if self._group is not None else 0
        return depends(kind, frame, names=self.names, group=group, coder=self._coder)

    @property
    def hangs(self) -> bool:
        """Whether there is anything that a message could depend on."""
        return self._coder is not None or self.names.uncertain(self._group.id if self._group is not None else 0)

    @property
    def outdated(self) -> bool:
        """Whether names may mean something else than when prepared statements were read."""
        return self._scene() != self._read_in

    def settled(self) -> None:
        """Everything planned is over, and what it may have changed is known."""
        self._coder = None

    def reopen(self) -> None:
        """The target is still inside a transaction whose end was planned: what stood before the end failed."""
        self.open = self._begun or Unit(id=self._new_id(), explicit=True)

    @property
    def parted(self) -> bool:
        """True when the open group was cut by a Sync of ours: whether it failed must be known before it goes on."""
        return self._group is not None and self._group.parted

    def rejoin(self) -> None:
        """What the Sync of ours ended is known."""
        if self._group is not None:
            self._group.parted = False

    @property
    def inside(self) -> bool:
        """True while a group is open: its end has not been planned."""
        return self._group is not None

    @property
    def fallen(self) -> bool:
        """True when the open group was refused: what follows up to Sync is void."""
        return self._group is not None and (self._group.fallen or self._group.rejected)

    async def reread(self) -> None:
        """Where names mean something else by now, prepared statements do too: the target parses them again."""
        scene = self._scene()
        if scene == self._read_in:
            return
        self._read_in = scene
        for name, statement in self.names.all_statements().items():
            if statement is not EMPTY_STATEMENT:
                again, *_ = await self._understand(statement.text, self.names)
                again = prepared(again) if again.flow is Flow.PREPARE else again
                self.names.reread_statement(name, replace(again, span=statement.span))

    # -- what the client says ------------------------------------------------------------------

    async def query(self, frame: bytes) -> None:
        """A simple Query: all its statements are one group, and refused together."""
        text = parse_query(frame).text
        self.names.drop_unnamed()
        if self._group is not None and self._unit is not None and not self._unit.statements:
            # asyncpg prepares without Sync and goes on with a Query
            self.steps.append(End(group=self._group, unit=self._unit, hidden=True))
            self._group = None
        if self._group is None:
            self._extended().simple = True
        await self._statements(text)

    async def go_on(self, *, failed: bool = False) -> None:
        """After a barrier inside a simple Query: the statements behind it, read with what is there now.

        Where the group was refused, or has `failed` at the target, they will never run: only its end is left.
        """
        rest, self._rest = self._rest, None
        if rest is None:
            return
        if failed or self.fallen:
            self._end()
        else:
            await self._statements(*rest)

    async def _statements(self, text: str, start: int = 0) -> None:
        statements = await self._understand(text, self.names)
        if not statements:
            self._reject(replies.EMPTY)
        named = False
        for at, statement in enumerate(statements):
            end = statement.span[1]
            if named and depends_on_names(statement):
                statement = replace((await self._understand(statement.text, self.names))[0], span=statement.span)
            if start:
                statement = replace(statement, span=(start + statement.span[0], start + end))
            if reserved(statement):
                self._reject(replies.reserved(statement.name or ""))
                break
            self._simple(statement, alone=len(statements) == 1)
            if at < len(statements) - 1 and changes_meaning(statement):
                self._rest = text[end:], start + end
                self.barrier = True
                return
            named = named or statement.flow in (Flow.PREPARE, Flow.DECLARE)
        self._end()

    async def parse(self, frame: bytes) -> None:
        """Parse is an act: a decision of its own, unless the Bind behind it brings one (threats.md 1)."""
        message = parse_parse(frame)
        group = self._extended()
        statements = await self._understand(message.text, self.names)
        if message.statement.startswith(owned.PREFIX):
            return self._reject(replies.reserved(message.statement))
        if len(statements) > 1:
            return self._reject(replies.SEVERAL)
        if statements and reserved(statements[0]):
            return self._reject(replies.reserved(statements[0].name or ""))
        statement = statements[0] if statements else EMPTY_STATEMENT
        types = rewriting.declared(message.types, self._scene())
        self.names.send_statement(group.id, message.statement, statement, types)
        held = partial(self.names.hold_statement, message.statement, statement)
        due = Due(kinds.PARSE, statement=statement, done=held)
        data = build_parse(message.statement, rewriting.forwarded(statement), types)
        ask = None if statement is EMPTY_STATEMENT else self._asker.to_parse(statement, group, self._current())
        self._watch(statement, group)
        self.steps.append(Send(group=group, unit=self._current(), data=data, dues=(due,), ask=ask))
        return None

    def bind(self, frame: bytes) -> None:
        """The decision of what will run: the statement is known, and so are its parameters."""
        message = parse_bind(frame)
        group = self._extended()
        statement = self.names.statement(message.statement)
        if statement is None:
            return self._reject(replies.no_statement(message.statement))
        if message.portal.startswith(owned.PREFIX):
            return self._reject(replies.reserved(message.portal))
        unit = self._current()
        portal = Portal(statement=statement, read_in=self._scene(), unit=unit)
        ask = None
        if statement is not EMPTY_STATEMENT:
            types = self.names.types(message.statement)
            ask = self._asker.to_run(statement, group, unit, message.values, message.formats, types)
            if self.steps:
                self._cover(statement, ask)
            self._follow(statement)
            self._watch(statement, group)
        data, dues = self.names.again(message.statement)
        self.names.send_portal(group.id, message.portal, portal)
        due = Due(kinds.BIND, statement=statement, done=partial(self.names.hold_portal, message.portal, portal))
        self.steps.append(Send(group=group, unit=unit, data=data + frame, dues=(*dues, due), ask=ask, portal=portal))
        return None

    def describe(self, frame: bytes) -> None:
        """Answered from what was already decided."""
        message = parse_describe(frame)
        self._extended()
        portal = self.names.portal(message.name) if message.part is Part.PORTAL else None
        if portal is None and (message.part is Part.PORTAL or self.names.statement(message.name) is None):
            return self._reject(replies.no_name(message.part, message.name))
        return self._pass(frame, Due(kinds.DESCRIBE), portal)

    def execute(self, frame: bytes) -> None:
        """Only continues a decided portal."""
        message = parse_execute(frame)
        group = self._extended()
        portal = self.names.portal(message.portal)
        if portal is None:
            return self._reject(replies.no_name(Part.PORTAL, message.portal))
        if portal.declared:
            return self._reject(replies.declared_in_sql(message.portal))
        # Its Bind has ended the transaction, as far as what was planned goes: COMMIT and ROLLBACK still run in it.
        unit = (portal.unit if portal.statement.flow in ENDING else None) or self._current()
        run = Run(group=group, unit=unit, name=message.portal, portal=portal, rows=message.rows)
        self.steps.append(run)
        if changes_meaning(portal.statement):
            self.barrier = True
        return None

    def close(self, frame: bytes) -> None:
        """Close of a statement or portal; a name that does not exist is no error."""
        message = parse_close(frame)
        self._extended()
        if message.name.startswith(owned.PREFIX):
            return self._reject(replies.reserved(message.name))
        if message.part is Part.STATEMENT:
            drop, send = self.names.drop_statement, self.names.send_close_statement
        else:
            drop, send = self.names.drop_portal, self.names.send_close_portal
        send(self._extended().id, message.name)
        return self._pass(frame, Due(kinds.CLOSE, done=partial(drop, message.name)))

    def sync(self) -> None:
        """The end of an extended group."""
        self._extended()
        self._end()

    def reject(self, error: bytes, *, ends: bool) -> None:
        """A message that is refused whatever it says; `ends` where it would have been a group of its own."""
        if ends and self._group is None:
            self._extended().simple = True
        self._reject(error)
        if ends:
            self._end()

    # -- what it becomes -----------------------------------------------------------------------

    def _extended(self) -> Group:
        if self._group is None:
            self._groups += 1
            self._group = Group(id=self._groups)
        return self._group

    def _current(self) -> Unit:
        unit = self.open or self._unit
        if unit is None:
            unit = self._unit = Unit(id=self._new_id())
        return unit

    def _cover(self, statement: Statement, ask: Ask | None) -> None:
        """One decision for a Parse and the Bind right behind it."""
        for step in reversed(self.steps):
            if isinstance(step, Send) and step.portal is None and step.ask is not None:
                parsed = step.ask
                same = parsed.intent is statement.intent and parsed.command.text == statement.text
                if step.group is self._group and same:
                    step.ask, step.covered = None, ask
                return

    def _follow(self, statement: Statement) -> None:
        """What the statement does to its transaction and to names, as the message behind it will find them."""
        group, unit, name = self._extended(), self._current(), statement.name
        understood = statement.intent.understood
        unit.touched = unit.touched or bool(statement.intent.effects) or not understood
        self.marked = self.marked or marks(statement)
        stale = made_stale(statement)
        if stale:
            self.stale.append((group, stale))
        group.settles = group.settles or statement.flow in SETTLING or bool(stale) or not understood
        match statement.flow:
            case Flow.PLAIN if understood and not statement.writes:
                pass
            case Flow.BEGIN:
                unit.writes = unit.writes or (not unit.explicit and unit.statements > 0)
                unit.explicit = True
                self.open = self._begun = unit
            case Flow.COMMIT | Flow.ROLLBACK | Flow.PREPARE_TRANSACTION:
                self._unit = None
                self.open = Unit(id=self._new_id(), explicit=True) if statement.chain else None
                self._begun = self.open or self._begun
            case Flow.SET if statement.read_only is False and not unit.explicit:
                unit.writes = True  # it makes an implicit transaction READ WRITE: one of ours, with confinement in it
            case Flow.DEALLOCATE if name is not None:
                self.names.send_close_statement(group.id, name)
            case Flow.CLOSE if name is not None:
                self.names.send_close_portal(group.id, name)
            case Flow.PREPARE if name is not None:
                self.names.send_statement(group.id, name, prepared(statement))
            case Flow.DECLARE if name is not None:
                self.names.send_portal(group.id, name, Portal(statement=statement, declared=True))
            case _ if (statement.writes or not understood) and not unit.explicit:
                unit.writes = True
                if not unit.statements:
                    # What is not understood only runs where nothing is blocked: put nothing around it. Behind
                    # others, what cannot run in a transaction fails as it would at the target.
                    unit.autonomous = not (statement.transactional and understood)
            case _:
                pass
        unit.statements += 1

    def _watch(self, statement: Statement, group: Group) -> None:
        """Being prepared or bound, it may run code; the next command is read when it is known what that left."""
        if runs_code(statement):
            self.marked = True
            self._coder = statement
            self.stale.append((group, AFTER_CODE))
            group.settles = True

    def _simple(self, statement: Statement, *, alone: bool) -> None:
        """One statement of a Query as Parse, Bind, Describe, Execute; alone, it may also go as it came."""
        group, unit = self._extended(), self._current()
        portal = Portal(statement=statement, read_in=self._scene(), unit=unit)
        ask = self._asker.to_run(statement, group, unit)
        self._follow(statement)
        if alone and stands_alone(statement, unit):
            direct = build_query(rewriting.forwarded(statement))
            send = Send(group=group, unit=unit, data=b"", dues=(), ask=ask, portal=portal, direct=direct)
        else:
            data, dues = rewriting.spelled_out(statement)
            send = Send(group=group, unit=unit, data=data, dues=dues, ask=ask, portal=portal)
        self.steps.append(send)
        self.steps.append(Run(group=group, unit=unit, name="", portal=portal, rows=0, show=Show.SIMPLE))

    def _pass(self, frame: bytes, due: Due, portal: Portal | None = None) -> None:
        group, unit = self._extended(), self._current()
        if portal is None or not rides(self.steps, portal, frame, due):
            self.steps.append(Send(group=group, unit=unit, data=frame, dues=(due,), portal=portal))

    def _reject(self, error: bytes) -> None:
        self._extended().rejected = error is not replies.EMPTY
        self.steps.append(Reject(group=self._extended(), unit=self._current(), error=error))

    def _end(self) -> None:
        group, unit = self._extended(), self._current()
        group.whole = True
        self.steps.append(End(group=group, unit=unit))
        # The gateway's own COMMIT may fail and be followed by its ROLLBACK: nothing may be on its way then.
        self.barrier = self.barrier or group.settles or unit.writes or unit.begun
        self._group = self._unit = None
