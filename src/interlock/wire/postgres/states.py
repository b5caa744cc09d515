"""What a client may send when: the protocol's order as one table, and the tiny class that walks it.

PostgreSQL documentation, "Message Flow", and what its server really does (src/backend/tcop/postgres.c,
src/backend/commands/copyfromparse.c) where the documentation is silent. The answers a server owes are
in answers.py; the page docs/reference/postgres-protocol.md is drawn from both.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from interlock.model.faults import OurFault
from interlock.wire.postgres.kinds import (
    AUTHENTICATION_ANSWER,
    BIND,
    CLIENT_NAMES,
    CLOSE,
    COPY_DATA,
    COPY_DONE,
    COPY_FAIL,
    DESCRIBE,
    EXECUTE,
    FLUSH,
    FUNCTION_CALL,
    PARSE,
    QUERY,
    SYNC,
    TERMINATE,
)
from interlock.wire.postgres.violations import ClientViolation


class Phase(StrEnum):
    """Where a client's side of the conversation stands."""

    STARTUP = "startup"
    AUTHENTICATION = "authentication"
    READY = "ready"
    SIMPLE = "simple"  # a Query or FunctionCall runs
    EXTENDED = "extended"  # a group is open: it ends at Sync
    SKIP = "skip"  # the group failed: everything up to Sync is void
    COPY_IN = "copy-in"
    COPY_IN_EXTENDED = "copy-in-extended"
    COPY_OUT = "copy-out"
    COPY_BOTH = "copy-both"
    CLOSED = "closed"


class Turn(StrEnum):
    """What happened on our or the server's side that changes what the client may send next.

    It is named for what the client sees: a gateway may run a Query as an extended group of its own.
    """

    STARTED = "start-up accepted"
    WELCOMED = "authenticated"
    ANSWERED = "ReadyForQuery of what runs"
    FAILED = "ErrorResponse in the open group"
    COPY_IN_BEGAN = "CopyInResponse"
    COPY_OUT_BEGAN = "CopyOutResponse"
    COPY_BOTH_BEGAN = "CopyBothResponse"
    COPY_ENDED = "CopyDone of the server"
    LEFT = "connection lost or ended"


class Handling(StrEnum):
    """What to do with a message that is allowed."""

    ACT = "act"
    DROP = "drop"  # read and drop it, as PostgreSQL does
    WAIT = "wait"  # leave it unread until the phase changes, as PostgreSQL does


# For whoever asks with every message: on Python 3.11 a member costs a fifth of a microsecond to find in its class.
ACT: Final = Handling.ACT
WAIT: Final = Handling.WAIT
IN_GROUP: Final = Phase.EXTENDED


class Step(NamedTuple):
    """An arrow of the diagram."""

    phase: Phase
    handling: Handling = Handling.ACT


_REQUESTS: Final = (PARSE, BIND, DESCRIBE, EXECUTE, CLOSE, FLUSH)
_COPY: Final = (COPY_DATA, COPY_DONE, COPY_FAIL)
_ALL: Final = (QUERY, FUNCTION_CALL, *_REQUESTS, SYNC, *_COPY, TERMINATE)

Row = dict[int | Turn, Step]


def _each(events: Iterable[int | Turn], phase: Phase, handling: Handling = Handling.ACT) -> Row:
    return dict.fromkeys(events, Step(phase, handling))


# Late pieces of a COPY that failed arrive after its error: they are dropped wherever no COPY runs.
PHASES: Final[Mapping[Phase, Row]] = MappingProxyType(
    {
        Phase.STARTUP: {
            Turn.STARTED: Step(Phase.AUTHENTICATION),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.AUTHENTICATION: {
            AUTHENTICATION_ANSWER: Step(Phase.AUTHENTICATION),
            TERMINATE: Step(Phase.CLOSED),
            Turn.WELCOMED: Step(Phase.READY),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        # Answers to earlier groups may still be under way: a client need not wait for them.
        Phase.READY: {
            **_each((QUERY, FUNCTION_CALL), Phase.SIMPLE),
            **_each(_REQUESTS, Phase.EXTENDED),
            SYNC: Step(Phase.READY),
            **_each(_COPY, Phase.READY, Handling.DROP),
            TERMINATE: Step(Phase.CLOSED),
            **_each((Turn.COPY_OUT_BEGAN, Turn.COPY_ENDED), Phase.READY),
            # The Sync that brought us here was sent before the client saw the COPY begin: it is void.
            Turn.COPY_IN_BEGAN: Step(Phase.COPY_IN_EXTENDED),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.SIMPLE: {
            **_each(_ALL, Phase.SIMPLE, Handling.WAIT),
            Turn.ANSWERED: Step(Phase.READY),
            Turn.FAILED: Step(Phase.SIMPLE),
            Turn.COPY_IN_BEGAN: Step(Phase.COPY_IN),
            Turn.COPY_OUT_BEGAN: Step(Phase.COPY_OUT),
            Turn.COPY_BOTH_BEGAN: Step(Phase.COPY_BOTH),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        # asyncpg prepares with Parse, Describe, Flush and goes on with a Query: it ends the group as Sync does.
        Phase.EXTENDED: {
            **_each((QUERY, FUNCTION_CALL), Phase.SIMPLE),
            **_each(_REQUESTS, Phase.EXTENDED),
            SYNC: Step(Phase.READY),
            **_each(_COPY, Phase.EXTENDED, Handling.DROP),
            TERMINATE: Step(Phase.CLOSED),
            **_each((Turn.COPY_OUT_BEGAN, Turn.COPY_ENDED), Phase.EXTENDED),
            Turn.FAILED: Step(Phase.SKIP),
            Turn.COPY_IN_BEGAN: Step(Phase.COPY_IN_EXTENDED),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.SKIP: {
            **_each((QUERY, FUNCTION_CALL, *_REQUESTS, *_COPY), Phase.SKIP, Handling.DROP),
            SYNC: Step(Phase.READY),
            TERMINATE: Step(Phase.CLOSED),
            **_each((Turn.FAILED, Turn.COPY_OUT_BEGAN, Turn.COPY_ENDED), Phase.SKIP),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.COPY_IN: {
            COPY_DATA: Step(Phase.COPY_IN),
            **_each((COPY_DONE, COPY_FAIL), Phase.SIMPLE),
            **_each((FLUSH, SYNC), Phase.COPY_IN, Handling.DROP),
            TERMINATE: Step(Phase.CLOSED),
            Turn.FAILED: Step(Phase.SIMPLE),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.COPY_IN_EXTENDED: {
            COPY_DATA: Step(Phase.COPY_IN_EXTENDED),
            **_each((COPY_DONE, COPY_FAIL), Phase.EXTENDED),
            **_each((FLUSH, SYNC), Phase.COPY_IN_EXTENDED, Handling.DROP),
            TERMINATE: Step(Phase.CLOSED),
            Turn.FAILED: Step(Phase.SKIP),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.COPY_OUT: {
            **_each(_ALL, Phase.COPY_OUT, Handling.WAIT),
            **_each((Turn.COPY_ENDED, Turn.FAILED), Phase.SIMPLE),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        # Replication: both sides send until one says CopyDone, then the other goes on alone.
        Phase.COPY_BOTH: {
            COPY_DATA: Step(Phase.COPY_BOTH),
            COPY_DONE: Step(Phase.COPY_OUT),
            COPY_FAIL: Step(Phase.SIMPLE),
            **_each((FLUSH, SYNC), Phase.COPY_BOTH, Handling.DROP),
            TERMINATE: Step(Phase.CLOSED),
            Turn.COPY_ENDED: Step(Phase.COPY_IN),
            Turn.FAILED: Step(Phase.SIMPLE),
            Turn.LEFT: Step(Phase.CLOSED),
        },
        Phase.CLOSED: {Turn.LEFT: Step(Phase.CLOSED)},
    }
)

# What a client is told that sends something else: where it is, and what to do instead.
TEACHING: Final[Mapping[Phase, tuple[str, str]]] = MappingProxyType(
    {
        Phase.STARTUP: ("before the start-up packet", "send a StartupMessage first"),
        Phase.AUTHENTICATION: ("before authentication is complete", "answer the server's authentication request first"),
        Phase.READY: ("after authentication is complete", "send it only when the server asks for it"),
        Phase.SIMPLE: ("while a query runs", "send it only when the server asks for it"),
        Phase.EXTENDED: ("in an extended query", "send it only when the server asks for it"),
        Phase.SKIP: ("after an error in an extended query", "send Sync to go on"),
        Phase.COPY_IN: ("during COPY FROM STDIN", "end the COPY with CopyDone or CopyFail first"),
        Phase.COPY_IN_EXTENDED: ("during COPY FROM STDIN", "end the COPY with CopyDone or CopyFail first"),
        Phase.COPY_OUT: ("during COPY TO STDOUT", "send it only when the server asks for it"),
        Phase.COPY_BOTH: ("during replication", "end the COPY with CopyDone or CopyFail first"),
        Phase.CLOSED: ("after the end of the session", "open a new connection"),
    }
)


class Conversation:
    """The client's side of one connection; `phase` is where it stands."""

    __slots__ = ("phase",)

    def __init__(self, phase: Phase = Phase.STARTUP) -> None:
        self.phase = phase

    def client(self, kind: int) -> Handling:
        """Takes the type of the client's next message. Raises ClientViolation where it may not be sent.

        After WAIT the same message is to be offered again when the phase has changed.
        """
        step = PHASES[self.phase].get(kind)
        if step is None:
            raise _teach(self.phase, kind)
        self.phase = step.phase
        return step.handling

    def turn(self, turn: Turn) -> None:
        """Takes what happened on the other side; answers.py has already refused what a server may not send.

        Raises OurFault for a turn that cannot happen in this phase.
        """
        step = PHASES[self.phase].get(turn)
        if step is None:
            raise OurFault(f"`{turn}` cannot happen in the phase {self.phase}; report this with the client's name")
        self.phase = step.phase


def _teach(phase: Phase, kind: int) -> ClientViolation:
    name = CLIENT_NAMES.get(kind)
    if name is None:
        return ClientViolation(f"no message of a client has the type 0x{kind:02x}")
    where, instead = TEACHING[phase]
    return ClientViolation(f"a {name} message does not belong {where}", instead)
