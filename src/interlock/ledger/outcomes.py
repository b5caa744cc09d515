"""What became of commands and units, as records: the other half of the hot path."""

from typing import Final

from msgspec import Struct
from msgspec.json import encode

from interlock.ledger.leaf import VERSION, Entry, Kind, clip
from interlock.model import Outcome, Status

_RAN: Final = Status.RAN
_KIND: Final = Kind.OUTCOME


class _Ended(Struct):
    """The outcome group; fields stand in sorted order. `us` is microseconds from admission to the last byte."""

    bytes: int | None
    error: str | None
    of: str
    rows: int | None
    status: Status
    unit: str
    us: int | None


class _OutcomeRecord(Struct):
    """All of an outcome's record; fields stand in sorted order, the gw group would come first."""

    id: str
    kind: Kind
    outcome: _Ended
    ts: int
    v: int


def outcome_entry(outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
    """What became of the command `outcome.command` of `unit`. RAN closes nothing: its unit is still open."""
    closes = "" if outcome.status is _RAN else outcome.command
    return _ended(outcome, id, at, unit, closes)


def unit_outcome_entry(outcome: Outcome, *, id: str, at: int) -> Entry:
    """What became of the unit `outcome.command`: every command of it that is still open ended so."""
    return _ended(outcome, id, at, outcome.command, outcome.command)


def _ended(outcome: Outcome, id: str, at: int, unit: str, closes: str) -> Entry:
    milliseconds = outcome.milliseconds
    group = _Ended(
        outcome.bytes,
        outcome.error and clip(outcome.error, 64),
        outcome.command,
        outcome.rows,
        outcome.status,
        unit,
        None if milliseconds is None else round(milliseconds * 1000),
    )
    record = _OutcomeRecord(id, _KIND, group, at, VERSION)
    return Entry(kind=_KIND, id=id, head=b"", tail=encode(record)[1:], closes=closes)
