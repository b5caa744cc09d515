"""What waits to leave for the target, in order: bytes, and the places where something has to be seen first."""

from collections.abc import Iterable
from dataclasses import dataclass

from interlock.access.privileges import Shape
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.planning.steps import Group, Unit
from interlock.intent.sql.statement import Flow


@dataclass(slots=True, kw_only=True)
class Parcel:
    """Bytes for the target and what is owed for them; `ends` marks the end of its group.

    What follows in its group grows it, unless it `ends` or stands `alone`.
    """

    group: Group
    data: bytes
    dues: tuple[Due, ...]
    ends: bool = False
    alone: bool = False


@dataclass(slots=True, kw_only=True)
class Pause:
    """Nothing behind this may leave before the answer of `running` is seen: it may go over its limit."""

    group: Group
    running: Running


@dataclass(slots=True, kw_only=True)
class Intake:
    """Nothing behind this may leave before the client has sent its COPY data: the target would take it for data."""

    group: Group


@dataclass(slots=True, kw_only=True)
class Settle:
    """Nothing behind this may leave before `unit` was counted and judged. `counts` fill with the DataRows of the count;
    where code ran, of two: deferred work may put off more (threats.md 3). `lands` where the end of the unit follows."""

    group: Group
    unit: Unit
    counts: tuple[list[bytes], ...]
    lands: bool


@dataclass(slots=True, kw_only=True)
class Weigh:
    """Nothing behind this may leave before the target said, in `pieces`, how many rows it expects of `running`."""

    group: Group
    running: Running
    pieces: list[bytes]


@dataclass(slots=True, kw_only=True)
class Activate:
    """What follows needs this shape, and nothing that was lent to a command before it may stay."""

    group: Group
    shape: Shape


Item = Parcel | Pause | Intake | Settle | Activate | Weigh


def ends(item: Item) -> bool:
    """Whether it is the end of its group."""
    return isinstance(item, Parcel) and item.ends


def behind_commit(queue: Iterable[Item], group: Group) -> int | None:
    """The place of the end of a group that nothing but a COMMIT stands before; None where anything else does."""
    for at, item in enumerate(queue):
        if item.group is not group or not isinstance(item, Parcel):
            return None
        if item.ends:
            return at
        if any(due.running is not None and due.running.flow is not Flow.COMMIT for due in item.dues):
            return None
    return None
