"""What the gate needs from a surface, a judge and a ledger: small protocols."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from interlock.ledger.leaf import Entry
from interlock.model import (
    Case,
    Command,
    Content,
    Decision,
    Ground,
    Intent,
    Lease,
    Obligation,
    Outcome,
    Session,
    Transaction,
)


class Ask(Struct, frozen=True, kw_only=True):
    """One command, understood, that waits for its decision.

    Asks with the same `group` fall together: once one of them is refused, those behind it are never run,
    so they are not judged either. `offers` are the obligations the surface can honour for this command. `alone`: all
    it means stands in its own text, and nothing before it in its unit had an effect, so an approval can be bound to it.
    `explicit`: it runs inside a transaction of the client's, which must not wait for people. `prepares`: it is only to
    be parsed; running it will be another ask. `marked`: code had run in its session before, or a setting was made that
    nobody lists, so nobody knows what its meaning rests on.
    """

    command: Command
    intent: Intent
    group: int
    offers: frozenset[type[Obligation]]
    alone: bool = False
    explicit: bool = False
    prepares: bool = False
    marked: bool = False


class Port(Protocol):
    """A surface's way to say yes and no. Both only queue; what is queued leaves when `admit` has returned."""

    def send(self, ask: Ask, decision: Decision) -> None:
        """Pass the command on and keep the decision's obligations while it runs."""

    def refuse(self, ask: Ask, decision: Decision) -> None:
        """Tell the caller what was blocked, why, what to do instead and how to ask."""

    async def ground(self, ask: Ask) -> Ground | None:
        """What the command's meaning rests on now, once everything before it is over; None where nobody can say."""

    async def content(self) -> Content:
        """Which rows it took: none, before it runs."""

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """The lease as people decided it; None after `patience` microseconds, or where somebody gave up before."""


class Judge(Protocol):
    """Policy, seen from the gate."""

    def decide(self, case: Case) -> Decision:
        """The judgement of a case. Never raises for what a caller sent."""

    def ways(self, case: Case, decision: Decision) -> tuple[frozenset[str], ...]:
        """Sets of approvals, each of which alone would lift a hold and none of which could be smaller."""


class Journal(Protocol):
    """The ledger's writer, seen from the gate. Any error is fatal: nothing may be sent after one."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Return when all entries are durable."""

    async def append_relaxed(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are on their way to the disk, and not faster than it takes them."""

    def note(self, entries: Sequence[Entry]) -> None:
        """Write with the next group commit, in order behind everything appended or noted before."""


class Scribe(Protocol):
    """Turns what happened into ledger entries. Times are microseconds since the epoch, UTC."""

    def decision(self, case: Case, decision: Decision, *, enforced: bool) -> Entry:
        """The record that a command was judged. `enforced` is False for a target that is only observed."""

    def settlement(
        self, case: Case, decision: Decision, *, id: str, unit: str, transaction: Transaction, lands: bool
    ) -> Entry:
        """The record that a unit was judged on its measured effect, before it lands or is undone."""

    def alert(
        self, alert: str, *, id: str, at: int, session: Session, unit: str, detail: Mapping[str, int | str]
    ) -> Entry:
        """The record that something was not as the gateway had seen it."""

    def outcome(self, outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
        """The record of what became of a command."""

    def unit_outcome(self, outcome: Outcome, *, id: str, at: int) -> Entry:
        """The record of what became of a unit, named by `outcome.command`: it ends every command in it."""
