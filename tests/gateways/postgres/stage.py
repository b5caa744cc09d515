"""One session of the gateway without sockets: what the client sends, what reaches the target, what comes back.

A transcript has a line for each message: `> ` from the client, `  > ` to the target, `  < ` from it, `< ` to the
client, and `= ` for what was decided and what became of it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from interlock.gate import Gate
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.answering.reporting import Reporter
from interlock.gateways.postgres.arriving.pins import Pins
from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.planner import Planner
from interlock.gateways.postgres.planning.steps import Send
from interlock.gateways.postgres.sending.outbox import Outbox
from interlock.gateways.postgres.sending.queue import Intake, Parcel, Pause
from interlock.intent.sql import Statement, understand
from interlock.intent.sql.limits import DEFAULT_LIMITS
from interlock.ledger.leaf import Entry, Kind
from interlock.model import Case, Confine, Decision, Limit, Outcome, Session, Verb
from interlock.wire.postgres import kinds, messages
from interlock.wire.postgres.codec import Frames
from interlock.wire.postgres.messages import TransactionStatus
from tests.gate.stage import ALLOW, DENY, SESSION, allow
from tests.intent.sql.shop import CATALOG, scope

Judged = Callable[[Case], Decision]


def destroying_is_denied(case: Case) -> Decision:
    """The policy of most scenes: nobody destroys, and who reads `customers` gets two rows, confined."""
    effects = case.intent.effects
    if not case.intent.understood or any(effect.verb is Verb.DESTROY for effect in effects):
        return DENY
    if any(str(effect.object) == "public.customers" for effect in effects):
        return allow(Limit(rows=2), Confine())
    return ALLOW


@dataclass
class Stage:
    """Everything of a session but its connections. `said` is the transcript."""

    judged: Judged = destroying_is_denied
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._count = 0
        gate = Gate(judge=self, journal=self, scribe=self, now=lambda: 0, new_id=self._id)
        reporter = Reporter(
            gate=gate, pins=Pins(user="ana"), clock=lambda: 0.0, mark=lambda place: None, catalog=lambda: CATALOG
        )
        self.gate = gate
        self.relay = Relay(reporter)
        self.planner = Planner(SESSION, understand=self._understand, now=lambda: 0, new_id=self._id)
        self.relay.on_group_over = self.planner.names.group_over
        self.outbox = Outbox(names=self.planner.names, clock=lambda: 0.0, dropped=reporter.ended)

    # -- the scene -----------------------------------------------------------------------------

    def client(self, *frames: bytes) -> "Stage":
        """The client sends these together; what was decided goes to the target."""
        asyncio.run(self._client(frames))
        return self

    def target(self, *frames: bytes) -> "Stage":
        """The target answers."""
        for each in frames:
            self.said.append(f"  < {shown(each, kinds.SERVER_NAMES)}")
            self._to_client(self.relay.feed([(each[0], each, 1)]))
            upstream, self.relay.upstream = self.relay.upstream, []
            for ours in _cut(b"".join(upstream)):
                self.said.append(f"  > {shown(ours, kinds.CLIENT_NAMES)}")
        return self

    def transcript(self) -> str:
        """What was said since the last call."""
        said, self.said = self.said, []
        return "\n".join(said)

    # -- its parts -----------------------------------------------------------------------------

    async def _client(self, frames: Sequence[bytes]) -> None:
        acts = {
            kinds.PARSE: self.planner.parse,
            kinds.QUERY: self.planner.query,
            kinds.BIND: self.planner.bind,
            kinds.DESCRIBE: self.planner.describe,
            kinds.EXECUTE: self.planner.execute,
            kinds.CLOSE: self.planner.close,
        }
        for each in frames:
            self.said.append(f"> {shown(each, kinds.CLIENT_NAMES)}")
            if each[0] == kinds.SYNC:
                self.planner.sync()
                continue
            done = acts[each[0]](each)
            if done is not None:
                await done
        while self.planner.steps:
            steps, self.planner.steps = self.planner.steps, []
            self.outbox.plan(steps)
            asks = [step.ask for step in steps if isinstance(step, Send) and step.ask is not None]
            await self.gate.admit(asks, self.outbox)
            self.outbox.finish()
            while self.outbox.queue:
                self._post(self.outbox.queue.popleft())
            if self.planner.barrier:
                self.said.append("  (wait)")
            self.planner.barrier = False
            await self.planner.go_on(failed=self.relay.failed)

    def _post(self, parcel: Parcel | Pause | Intake) -> None:
        if not isinstance(parcel, Parcel):
            self.said.append(f"  ({type(parcel).__name__.lower()})")
            return
        for each in _cut(parcel.data):
            self.said.append(f"  > {shown(each, kinds.CLIENT_NAMES)}")
        parcel.group.sent = parcel.group.sent or bool(parcel.data)
        self._to_client(self.relay.expect(parcel.dues))

    def _to_client(self, data: bytes) -> None:
        for each in _cut(data):
            self.said.append(f"< {shown(each, kinds.SERVER_NAMES)}")

    async def _understand(self, text: str, names: Names) -> tuple[Statement, ...]:
        return understand(text, scope(prepared=names.statements(), cursors=names.cursors()), DEFAULT_LIMITS)

    def _id(self) -> str:
        self._count += 1
        return f"#{self._count}"

    # -- judge, scribe, journal ----------------------------------------------------------------

    def decide(self, case: Case) -> Decision:
        return self.judged(case)

    def decision(self, case: Case, decision: Decision, *, enforced: bool) -> Entry:
        text = " ".join(case.command.text.split()[:2])
        return Entry(kind=Kind.DECISION, id=f"{decision.verdict.value} {text}", head=b"", tail=b"")

    def settlement(self, case: Case, decision: Decision, *, id: str, unit: str, transaction: str, lands: bool) -> Entry:
        touched = ", ".join(f"{part.verb.value} {part.rows} {part.object}" for part in case.impact.touched)
        return Entry(kind=Kind.SETTLEMENT, id=f"{decision.verdict.value} {touched}", head=b"", tail=b"")

    def alert(
        self, alert: str, *, id: str, at: int, session: Session, unit: str, detail: Mapping[str, int | str]
    ) -> Entry:
        return Entry(kind=Kind.ALERT, id=f"alert {alert}", head=b"", tail=b"")

    def outcome(self, outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
        error = f" {outcome.error}" if outcome.error else ""
        return Entry(kind=Kind.OUTCOME, id=f"{outcome.status.value}{error}", head=b"", tail=b"")

    def unit_outcome(self, outcome: Outcome, *, id: str, at: int) -> Entry:
        return Entry(kind=Kind.OUTCOME, id=f"unit {outcome.status.value}", head=b"", tail=b"")

    async def append(self, entries: Sequence[Entry]) -> None:
        self.said += [f"= {entry.id}" for entry in entries]

    async def append_relaxed(self, entries: Sequence[Entry]) -> None:
        raise AssertionError("nothing is relaxed here")

    def note(self, entries: Sequence[Entry]) -> None:
        self.said += [f"= {entry.id}" for entry in entries]


def _cut(data: bytes) -> list[bytes]:
    return [frame for _, frame, _ in Frames(limit=1 << 20).feed(data)]


def shown(frame: bytes, names: Mapping[int, str]) -> str:
    """A message in a few words: its name and what matters of it."""
    name = names[frame[0]]
    match name:
        case "Query":
            return f"Query {messages.parse_query(frame).text}"
        case "Parse":
            parse = messages.parse_parse(frame)
            return f"Parse {parse.statement or '-'} {' '.join(parse.text.split())}"
        case "Bind":
            bind = messages.parse_bind(frame)
            return f"Bind {bind.portal or '-'} {bind.statement or '-'}"
        case "Execute" if names is kinds.CLIENT_NAMES:
            execute = messages.parse_execute(frame)
            return f"Execute {execute.portal or '-'}" + (f" {execute.rows}" if execute.rows else "")
        case "ErrorResponse":
            return f"ErrorResponse {messages.parse_error(frame).fields['C']}"
        case "CommandComplete":
            return f"CommandComplete {messages.parse_command_complete(frame).tag}"
        case "ReadyForQuery":
            return f"ReadyForQuery {chr(frame[5])}"
        case _:
            return name


# -- short names for messages, as both sides send them -----------------------------------------


def query(text: str) -> bytes:
    return messages.build_query(text)


def parse(text: str, name: str = "") -> bytes:
    return messages.build_parse(name, text)


def bind(name: str = "", portal: str = "", values: Sequence[bytes | None] = ()) -> bytes:
    return messages.build_bind(portal, name, values)


def execute(portal: str = "", rows: int = 0) -> bytes:
    return messages.build_execute(portal, rows)


def describe(name: str = "") -> bytes:
    return messages.build_describe(messages.Part.STATEMENT, name)


SYNC = messages.build_sync()
PARSED = messages.build_parse_complete()
BOUND = messages.build_bind_complete()
CLOSED = messages.build_close_complete()
NO_DATA = messages.build_no_data()
SUSPENDED = messages.build_portal_suspended()
ROW = messages.build_data_row([b"1"])
COLUMNS = messages.build_row_description([])
IDLE = messages.build_ready(TransactionStatus.IDLE)
OPEN = messages.build_ready(TransactionStatus.OPEN)
BROKEN = messages.build_ready(TransactionStatus.FAILED)


def done(tag: str) -> bytes:
    return messages.build_command_complete(tag)


def error(code: str) -> bytes:
    return messages.build_error("ERROR", code, "no")
