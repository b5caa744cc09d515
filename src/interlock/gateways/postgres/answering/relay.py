"""The answering half of a session: server frames in, client bytes out, outcomes told. No sockets."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from interlock.gateways.postgres.answering.due import LOCAL, LOCAL_READY, Due, Show
from interlock.gateways.postgres.answering.held import Held
from interlock.gateways.postgres.answering.rows import cut_rows
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.planning.rewriting import relocated
from interlock.gateways.postgres.target import owned
from interlock.intent.sql.statement import Flow
from interlock.model import OurFault, Status
from interlock.wire.postgres import kinds
from interlock.wire.postgres.answers import ANSWERS
from interlock.wire.postgres.codec import Frame
from interlock.wire.postgres.messages import (
    TransactionStatus,
    build_ready,
    parse_command_complete,
    parse_error,
    parse_ready_for_query,
    parse_tag,
)
from interlock.wire.postgres.violations import ServerViolation

REFUSED: Final = "42501"
_LOCAL: Final = frozenset({LOCAL, LOCAL_READY})
# What ends the answers to a message, but for ReadyForQuery: there is more to that.
_ENDS: Final = {kind: rule.ends - {kinds.READY_FOR_QUERY} for kind, rule in ANSWERS.items()}

# Members by name: on Python 3.11 finding one in its class costs a fifth of a microsecond, and every answer asks.
_ALL: Final = Show.ALL
_NOTHING: Final = Show.NOTHING
_COMMIT: Final = Flow.COMMIT
_ROLLBACK: Final = Flow.ROLLBACK
_LANDED: Final = Status.LANDED
IDLE, OPEN, FAILED = TransactionStatus.IDLE, TransactionStatus.OPEN, TransactionStatus.FAILED


class Told(Protocol):
    """Who hears what became of commands, units and the connection's parameters."""

    def ended(self, running: Running, status: Status) -> None:
        """One command is over, as far as its unit lets it be."""

    def settled(self, unit: str, status: Status, error: str | None = None) -> None:
        """A unit that spanned several commands landed or was undone."""

    def parameter(self, frame: bytes) -> bytes:
        """A ParameterStatus; returns what the client is told, or raises to end the session."""

    def exceeded(self, running: Running) -> bytes:
        """The error for a client whose answer was cut at its limit."""

    def error(self, frame: bytes) -> bytes:
        """An error of the target on its way to the client."""


class Relay:
    """Knows what is owed in which order, and turns the target's answers into the client's.

    `status` is the transaction state of the last ReadyForQuery. `failed` is True from an error until the Sync
    that ends its group: the target skips everything in between, and so do we. `upstream` collects
    bytes that the target must be sent at once.
    """

    def __init__(self, told: Told) -> None:
        self.status: TransactionStatus = IDLE
        self.failed = False
        self.copying = False
        self.upstream: list[bytes] = []
        self.held = Held()
        self._measures = False  # whether answers that must be kept back are owed
        self.on_change: Callable[[], None] = lambda: None
        self.on_group_over: Callable[[int, bool], None] = lambda group, idle: None
        self._told = told
        self._dues: deque[Due] = deque()
        self._runs: list[Running] = []
        self._answers = {
            kinds.DATA_ROW: self._row,
            kinds.COPY_DATA: self._copy_data,
            kinds.COMMAND_COMPLETE: self._complete,
            kinds.READY_FOR_QUERY: self._ready,
            kinds.ERROR_RESPONSE: self._error,
            kinds.NOTICE_RESPONSE: self._notice,
            kinds.PARAMETER_STATUS: lambda frame, _: self._told.parameter(frame),
            kinds.NOTIFICATION_RESPONSE: lambda frame, _: frame,
            kinds.COPY_IN_RESPONSE: self._copy_in,
            kinds.COPY_OUT_RESPONSE: self._result,
            kinds.COPY_DONE: self._result,
            kinds.PORTAL_SUSPENDED: self._suspended,
        }

    @property
    def idle(self) -> bool:
        """True when nothing is owed any more."""
        return not self._dues

    @property
    def idle_state(self) -> bool:
        """True when the target was last outside a transaction."""
        return self.status is IDLE

    @property
    def aborted(self) -> bool:
        """True when the target's transaction had failed when it was last ready."""
        return self.status is FAILED

    @property
    def runs(self) -> list[Running]:
        """Commands that were sent and whose outcome is not written down."""
        return self._runs

    def expect(self, dues: Iterable[Due]) -> bytes:
        """Queue what is owed, in order; returns what can be answered at once because nothing is owed before it."""
        owed = self._dues
        for due in dues:
            if self.failed and not owed and due.kind not in (kinds.SYNC, LOCAL_READY):
                self._skip(due)  # the target throws away what follows an error until Sync
                continue
            running = due.running
            if running is not None and not running.listed:
                running.listed = True
                self._runs.append(running)
                self._measures = self._measures or running.measured
            owed.append(due)
        return self._local() if owed and owed[0].kind in _LOCAL else b""

    def feed(self, frames: Iterable[Frame]) -> bytes:
        """What the client is to be sent for these frames of the target's."""
        out: list[bytes] = []
        owed, answers, plain = self._dues, self._answers, self._plain
        for kind, frame, count in frames:
            holds = self._measures and self._holds(kind)
            said = answers.get(kind, plain)(frame, count)
            out.append(self._kept_back(kind, said) if holds else said)
            if owed and kind in _ENDS[owed[0].kind]:
                self._over(owed[0])
                if owed and owed[0].kind in _LOCAL:
                    out.append(self._local())
        return b"".join(out)

    def release(self) -> bytes:
        """What was kept back, now that it was judged."""
        self._measures = False
        return self.held.release()

    def withhold(self) -> bytes:
        """Nothing of what was kept back, but for what belongs to no command."""
        self._measures = False
        return self.held.withhold()

    def set_aside(self, running: Running) -> None:
        """What was sent for it is taken back, and its end is not known yet."""
        running.listed = False
        self._runs = [one for one in self._runs if one is not running]

    def blame(self, unit: str) -> None:
        """The COMMIT of a unit was refused: it is what failed, and the unit is undone."""
        for running in self._runs:
            if running.flow is Flow.COMMIT and running.ask.command.unit == unit:
                running.error = REFUSED

    # -- answers that wait for a judgement ---------------------------------------------------

    def _holds(self, kind: int) -> bool:
        """Whether an answer is kept back: from the first that a measured command gives while it runs."""
        if not self.held.on and self._dues and kind != kinds.COPY_IN_RESPONSE:
            due = self._dues[0]
            self.held.on = due.kind == kinds.EXECUTE and due.running is not None and due.running.measured
        return self.held.on

    def _kept_back(self, kind: int, said: bytes) -> bytes:
        if kind == kinds.ERROR_RESPONSE:
            self._measures = False
            return self.held.without_rows() + said
        if kind != kinds.READY_FOR_QUERY:
            self.held.take(kind, said)
            return b""
        if not self.held.judged:
            raise OurFault("a unit ended before it was judged; report this")
        return self.release() + said

    # -- answers of a message that is owed ---------------------------------------------------

    def _head(self, kind: int) -> Due:
        if not self._dues:
            raise ServerViolation(f"the target sent a `{chr(kind)}` message that nothing asked for; reconnect")
        return self._dues[0]

    def _plain(self, frame: bytes, count: int) -> bytes:
        due = self._head(frame[0])
        rule = ANSWERS[due.kind]
        if frame[0] not in rule.may and frame[0] not in rule.ends:
            raise ServerViolation(f"the target answered with `{chr(frame[0])}` out of turn; reconnect")
        if due.show is _ALL:
            return frame
        return frame if due.show is Show.SIMPLE and frame[0] in owned.SIMPLE_SHOWS else b""

    def _result(self, frame: bytes, count: int) -> bytes:
        return b"" if self._head(frame[0]).show is Show.NOTHING else frame

    def _row(self, rows: bytes, count: int) -> bytes:
        due = self._head(kinds.DATA_ROW)
        running = due.running
        if due.show is _NOTHING:
            if due.rows is not None:
                due.rows(rows)
            return b""
        if running is None:
            raise ServerViolation("the target sent rows that no command of the client's asked for; reconnect")
        if running.exceeded:
            return b""  # also the later pieces of a large row behind the cut: they count none and have no header
        if running.limit is not None and running.delivered + count > running.limit:
            running.exceeded = True
            count = max(running.limit - running.delivered, 0)
            rows = cut_rows(rows, count)
        running.count(count)
        running.bytes += len(rows)
        return rows

    def _copy_data(self, data: bytes, count: int) -> bytes:
        running = self._head(kinds.COPY_DATA).running
        if running is not None:
            running.rows += count
            running.bytes += len(data)
        return data

    def _copy_in(self, frame: bytes, count: int) -> bytes:
        self.copying = True
        self.on_change()
        return frame

    def _suspended(self, frame: bytes, count: int) -> bytes:
        due = self._head(kinds.PORTAL_SUSPENDED)
        running = due.running
        if running is not None and running.exceeded:
            return self._cut(running)
        return self._plain(frame, count)

    def _cut(self, running: Running) -> bytes:
        running.error = "54000"
        running.finished = True
        return self._told.exceeded(running)

    def _complete(self, frame: bytes, count: int) -> bytes:
        due = self._head(kinds.COMMAND_COMPLETE)
        self.copying = False
        running = due.running
        if running is None:
            return b"" if due.show is Show.NOTHING else frame
        if running.exceeded:
            return self._cut(running)
        running.finished = True
        tag, running.tag_rows = parse_tag(parse_command_complete(frame).tag)
        if running.flow in (_COMMIT, _ROLLBACK):
            self._unit_over(running, Status.LANDED if tag == "COMMIT" else Status.UNDONE)
        return frame

    # -- ends ------------------------------------------------------------------------------------

    def _over(self, due: Due) -> None:
        self._dues.popleft()
        if due.done is not None:
            due.done()
        if due.closes:
            self.on_group_over(due.closes, self.status is IDLE)
        if not self._dues:
            self.on_change()

    def _local(self) -> bytes:
        """Answers of our own whose turn has come."""
        out: list[bytes] = []
        while self._dues and self._dues[0].kind in (LOCAL, LOCAL_READY):
            due = self._dues.popleft()
            if due.kind == LOCAL_READY:
                self.failed = False
                self.on_group_over(due.closes, self.status is IDLE)
                out.append(build_ready(self.status))
            else:
                out.append(due.instead or b"")
            if not self._dues:
                self.on_change()
        return b"".join(out)

    def _ready(self, frame: bytes, count: int) -> bytes:
        due = self._head(kinds.READY_FOR_QUERY)
        if due.kind not in (kinds.SYNC, kinds.QUERY):
            raise ServerViolation("the target says it is ready while answers are owed; reconnect")
        failed = self.failed
        self.status = parse_ready_for_query(frame).status
        self.copying = False
        self.failed = failed and due.hidden  # the client's own group goes on, and stays failed
        if due.wrapped and self.status == FAILED:
            return self._roll_back(due)
        self._write_down(failed, due.wrapped)
        self._over(due)
        shown = b"" if due.show is _NOTHING else frame
        return shown + self._local() if self._dues else shown

    def _roll_back(self, due: Due) -> bytes:
        """The gateway's own transaction failed: end it before the client hears that it is ready."""
        self._write_down(True, True)
        self._dues.popleft()
        again = Due(kinds.SYNC, due.show, closes=due.closes)
        self._dues.extendleft((again, Due(kinds.EXECUTE, Show.NOTHING), Due(kinds.BIND, Show.NOTHING)))
        self.upstream.append(owned.ROLL_BACK)
        return b""

    def _error(self, frame: bytes, count: int) -> bytes:
        self.copying = False
        if not self._dues:
            return frame  # the server says why it ends the connection
        due = self._dues[0]
        self.failed = due.kind != kinds.QUERY or self.failed
        code = parse_error(frame).fields.get("C")
        told = self._told.error(frame)
        shown = told if due.instead is None or code != (due.fails or code) else due.instead
        if due.statement is not None and due.instead is None:
            shown = relocated(told, due.statement)
        # Nobody's own error: COMMIT or Sync failed, over a deferred constraint, say. The last command gets it.
        failed = due.running or (self._last_of_group() if due.instead is None else None)
        if failed is not None:
            failed.error = code
        while self._dues and self._dues[0].kind not in (kinds.SYNC, kinds.QUERY):
            self._skip(self._dues.popleft())
        self.on_change()
        return shown

    def _notice(self, frame: bytes, count: int) -> bytes:
        return b"" if self._dues and self._dues[0].show is Show.NOTHING else frame

    def _skip(self, due: Due) -> None:
        """Never answered: the target skips it. Its command did not run."""
        running = due.running
        if running is not None and not running.listed:
            self._told.ended(running, Status.UNDONE)

    # -- what became of it -------------------------------------------------------------------------

    def _unit_over(self, last: Running, status: Status) -> None:
        """COMMIT or ROLLBACK was answered; the tag says what truly happened (threats.md 20)."""
        unit = last.ask.command.unit
        for running in self._runs:
            if running.ask.command.unit == unit:
                self._end(running, Status.RAN)  # the unit's end is theirs, and that of COMMIT itself
        self._told.settled(unit, status)
        self._runs = [running for running in self._runs if running.listed]

    def _first_behind(self) -> Running | None:
        """The first command that is owed behind the end of the group that is being answered."""
        ended = False
        for due in self._dues:
            if ended and due.running is not None:
                return due.running
            ended = ended or due.kind in (kinds.SYNC, kinds.QUERY)
        return None

    def _last_of_group(self) -> Running | None:
        behind = self._first_behind()
        end = self._runs.index(behind) if behind in self._runs else len(self._runs)
        return self._runs[end - 1] if end else None

    def _write_down(self, failed: bool, wrapped: bool) -> None:
        """Everything up to this ReadyForQuery, which still stands first in what is owed, has come to its end."""
        behind = self._first_behind()
        while self._runs and self._runs[0] is not behind:
            running = self._runs.pop(0)
            self._end(running, self._fate(running, failed, wrapped))
            if running.flow is _COMMIT and running.error is not None and (wrapped or self.status == IDLE):
                unit = running.ask.command.unit
                self._told.settled(unit, Status.UNDONE, running.error)  # a deferred constraint, say

    def _end(self, running: Running, status: Status) -> None:
        running.listed = False  # a portal that is continued later is listed, and written down, again
        self._told.ended(running, status)

    def _fate(self, running: Running, failed: bool, wrapped: bool) -> Status:
        if running.error is not None:
            return Status.FAILED
        if failed and (self.status == IDLE or wrapped):
            return Status.UNDONE
        if self.status == IDLE or wrapped:
            return _LANDED
        return Status.RAN if running.finished or not failed else Status.UNDONE
