"""What is still owed to the client: one entry for each message that was sent to the target, or answered by us."""

from collections.abc import Callable
from enum import Enum, auto

from interlock.gateways.postgres.answering.running import Running
from interlock.intent.sql.statement import Statement
from interlock.wire.postgres import kinds


class Show(Enum):
    """What the client sees of the answers to a message."""

    ALL = auto()  # its own message: everything
    SIMPLE = auto()  # a part of its simple Query that we sent as Parse, Bind, Describe, Execute: results only
    NOTHING = auto()  # our own message


class Due:
    """Answers owed for one message of type `kind` (a client message type).

    `running` is the command whose answer it is, `statement` what an error's position is of. `instead` replaces the
    error that the target is made to raise when a command in mid-group is refused; with `fails`, an error of that code
    alone. `done` runs when the message
    succeeded; `rows` is given the DataRows of a query of our own. `closes` is the number of the group that its
    ReadyForQuery ends, 0 for none. `wrapped` marks a Sync that ends a transaction of the gateway's own, `hidden` one
    that we sent inside a client's group.
    """

    __slots__ = (
        "closes", "done", "fails", "hidden", "instead", "kind", "rows", "running", "show", "statement", "wrapped",
    )  # fmt: skip

    def __init__(
        self,
        kind: int,
        show: Show = Show.ALL,
        *,
        running: Running | None = None,
        statement: Statement | None = None,
        done: Callable[[], None] | None = None,
        instead: bytes | None = None,
        fails: str = "",
        rows: Callable[[bytes], None] | None = None,
        closes: int = 0,
        wrapped: bool = False,
        hidden: bool = False,
    ) -> None:
        self.kind = kind
        self.show = show
        self.rows = rows
        self.running = running
        self.statement = statement
        self.done = done
        self.closes = closes
        self.hidden = hidden
        self.instead, self.fails = instead, fails
        self.wrapped = wrapped


def poison(error: bytes) -> Due:
    """What is owed for an Execute that the target must fail; the client sees `error` instead."""
    return Due(kinds.EXECUTE, instead=error)


LOCAL = 0  # not a message type: an answer of our own that only waits for its turn; `instead` holds its bytes
LOCAL_READY = -1  # ReadyForQuery of our own, with the state the session is in when its turn comes
