"""What became of a command."""

from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """RAN: executed inside a unit that is still open. UNKNOWN: sent, and nobody saw the end of it."""

    RAN = "ran"
    LANDED = "landed"
    UNDONE = "undone"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outcome(Struct, frozen=True, kw_only=True):
    """The end of one command. `error` is the target's SQLSTATE (or own code) alone: messages may hold values.

    `rows` are those delivered or changed as the target reported them, `bytes` those of the answer sent to the
    client; None where not known. `milliseconds` is from admission to the last byte.
    """

    command: str
    status: Status
    rows: int | None = None
    bytes: int | None = None
    milliseconds: float | None = None
    error: str | None = None


class Transaction(Struct, frozen=True, kw_only=True):
    """What a target calls the transaction of a unit, so that it can be asked later what became of it.

    `id` is its number there, with the epoch, "" where it has none yet; `system` is the target's name for itself,
    `timeline` the branch of its history: after a failover the same number may be another transaction.
    """

    id: str = ""
    system: str = ""
    timeline: str = ""


NO_TRANSACTION = Transaction()
