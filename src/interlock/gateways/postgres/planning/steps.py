"""A client's messages as steps towards the target, before anything is decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from interlock.gate import Ask
from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.target.stamps import Stamp
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.statement import Statement
from interlock.model import Lease

Scene = tuple[Catalog, tuple[str, ...]]  # by what texts are read: a catalogue, and a search path


@dataclass(slots=True, kw_only=True, eq=False)
class Again:
    """What a unit is run again with: its one command, and what was sent for that, with what is owed for it. `aside`
    while it is taken back and nobody knows yet whether it will run again."""

    running: Running | None = None
    script: list[tuple[bytes, tuple[Due, ...]]] = field(default_factory=list)
    aside: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Unit:
    """What lands together: a transaction of the client's (`explicit`), or the implicit one of a group.

    `writes` asks for the gateway's own BEGIN READ WRITE in front; `begun` says that it was sent. An
    `autonomous` statement cannot run inside a transaction: the session is unlocked for it instead. `touched` once a
    statement of it has an effect.

    `measured` says that a decision in it asks for measuring, `guarded` that its limits were set for that, `unjudged`
    that something ran in it since it was last judged on what it touched; `ran` are its commands that may have written,
    the last of each meaning, and `leases` the approvals that commands of it were let pass with.
    """

    id: str
    explicit: bool = False
    writes: bool = False
    begun: bool = False
    autonomous: bool = False
    touched: bool = False
    statements: int = 0
    measured: bool = False
    guarded: bool = False
    unjudged: bool = False
    ran: dict[int, Ask] = field(default_factory=dict)
    leases: list[Lease] = field(default_factory=list)
    again: Again = field(default_factory=Again)


@dataclass(slots=True, kw_only=True, eq=False)
class Group:
    """What fails together: everything up to one Sync, or one simple Query.

    `sent` says that some of it is on its way to the target, `rejected` that a message of it is an error whatever is
    decided, `fallen` that the group was refused for that or by a decision, `local` that we answer it without the
    target, `direct` that it went as one Query, `whole` that its end is known. `settles` marks a group after which the
    session waits before it reads on: transaction state, catalogue or settings will have changed. `commits` says that
    the last that runs in it is a COMMIT of what has to be counted first.
    `parted` says that a Sync of ours ended what it had prepared so far; the client's group goes on.
    """

    id: int
    simple: bool = False
    sent: bool = False
    rejected: bool = False
    fallen: bool = False
    local: bool = False
    direct: bool = False
    whole: bool = False
    parted: bool = False
    settles: bool = False
    commits: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Portal:
    """A bound statement, or a cursor: `rows` of it were delivered so far, by whatever command fetched them.

    `read_in` is by what it was read; `stamp` what it touches must still look like: after it wrote, before it reads.
    `unit` is what it was bound in. `declared` marks a cursor of SQL's DECLARE, not a portal that runs one.
    """

    statement: Statement
    declared: bool = False
    read_in: Scene | None = None
    stamp: Stamp | None = None
    running: Running | None = None
    unit: Unit | None = None
    rows: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Send:
    """Bytes for the target. With `ask`, only after its decision; with `portal`, its command runs in that portal.

    `direct` is a whole simple Query, for where nothing need be put around its one statement; else that is spelled
    out in the extended protocol.
    """

    group: Group
    unit: Unit
    data: bytes
    dues: tuple[Due, ...]
    ask: Ask | None = None
    portal: Portal | None = None
    covered: Ask | None = None  # a Parse that is decided together with this Bind behind it
    direct: bytes | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """Execute of a portal: at most `rows` rows, 0 for all."""

    group: Group
    unit: Unit
    name: str
    portal: Portal
    rows: int
    show: Show = Show.ALL


@dataclass(slots=True, kw_only=True, eq=False)
class Reject:
    """An error of the gateway's own that needs no decision: a message that is never allowed here."""

    group: Group
    unit: Unit
    error: bytes


@dataclass(slots=True, kw_only=True, eq=False)
class End:
    """Sync, or the end of a simple Query. A `hidden` one is ours: the client's group goes on behind it."""

    group: Group
    unit: Unit
    hidden: bool = False


Step = Send | Run | Reject | End


def rides(steps: Sequence[Step], portal: Portal, frame: bytes, due: Due) -> bool:
    """Whether a message about a portal travels with the Bind that it stands right behind: it is added to that then."""
    last = steps[-1] if steps else None
    if not isinstance(last, Send) or last.portal is not portal or last.ask is None:
        return False
    last.data += frame
    last.dues += (due,)
    return True


def only_prepared(last: Step) -> bool:
    """Whether a batch broke off inside a group that has prepared and described so far, and run nothing."""
    group, unit = last.group, last.unit
    return not (group.whole or group.fallen or unit.explicit or unit.begun or unit.statements)
