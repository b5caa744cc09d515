"""Holds become requests, and approvals that hold now become part of the case (threats.md 6-8)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from interlock.access.binding import commitment, digest_of
from interlock.access.leases import MOST_WAITING, beyond, fits, other_rows
from interlock.access.spans import covering, needing
from interlock.gate.card import card_of
from interlock.gate.port import Ask, Judge
from interlock.gate.runbooks import Covered
from interlock.ledger.leaf import Entry
from interlock.model import (
    Card,
    Case,
    Content,
    Decision,
    End,
    Ground,
    Lease,
    OneCommand,
    Outcome,
    Principal,
    Reason,
    Session,
    Span,
    Status,
    Verb,
    Verdict,
)

Ends = Mapping[str, tuple[End, str]]  # lease -> how it ends, and the command that ends it
NOT_BOUND: Final = "approval-not-bound"
PREPARED: Final = "prepared-only"
CROWDED: Final = "requests-waiting"
EXCEEDED: Final = "approval-exceeded"
LEASE_NEEDED: Final = "lease-needed"


class Found(Struct, frozen=True, kw_only=True):
    """What there is for a command: a lease, asked for or granted and not over; `room` for one request more."""

    lease: Lease | None
    room: bool = True


class Leases(Protocol):
    """Whoever owns the leases of all workers. Nothing here raises for what a caller sent."""

    async def seek(self, digest: str, principal: Principal) -> Found:
        """What is bound to this command of this principal."""

    def standing(self, session: Session) -> Sequence[Lease]:
        """Leases for a while that may be in force for this session's principal on its target."""

    def used(self, lease: Lease, session: Session) -> None:
        """The session works under this lease, and ends with it."""

    async def append(self, entries: Sequence[Entry], ends: Ends, under: AbstractSet[str] = frozenset()) -> bool:
        """Make entries durable together with the ends of leases.

        False, and nothing is written, where a lease that is to be used, or that the entries are `under`, is not there
        to be used any more.
        """

    async def decided(self, lease: Lease) -> Lease:
        """Return the lease once it is no longer pending."""


class Place(Protocol):
    """Where a command is about to run, as the port knows it."""

    async def ground(self, ask: Ask) -> Ground | None:
        """What the command's meaning rests on now; None where that cannot be said."""

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        """The lease as people decided it; None after `patience` microseconds, or where somebody gave up before."""

    async def content(self) -> Content:
        """Which rows it took, where it ran and can still be undone."""


class Requester(Protocol):
    """Writes down that somebody is asked."""

    def request(self, case: Case, decision: Decision, card: Card) -> Entry:
        """The record of a request, with its card."""

    def decision(self, case: Case, decision: Decision, *, enforced: bool) -> Entry:
        """The record that a command was judged."""

    def outcome(self, outcome: Outcome, *, id: str, at: int, unit: str) -> Entry:
        """The record of what became of a command."""


@dataclass(slots=True, kw_only=True)
class Terms:
    """How long things last, in microseconds; a reload changes them. `patience` is how long a connection waits.

    `leased`: nobody does anything on this target except under a lease for a while.
    """

    asking: int
    patience: int = 0
    leased: bool = False


class Lifting(Struct, frozen=True, kw_only=True):
    """What becomes of holds. `salt` gives fresh random hex digits, `now` microseconds since the epoch."""

    leases: Leases
    judge: Judge
    scribe: Requester
    now: Callable[[], int]
    new_id: Callable[[], str]
    salt: Callable[[], str]
    terms: Terms
    runbooks: Callable[[Case], Covered] | None = None

    def under(self, case: Case) -> Case:
        """The case with the leases in force that cover all of it."""
        standing = self.leases.standing(case.command.session)
        found = covering(standing, case) if standing else ()
        for lease in found:
            self.leases.used(lease, case.command.session)
        return replace(case, leases=(*found, *case.leases)) if found else case

    def leased(self, case: Case, decision: Decision) -> Decision:
        """What is allowed, held all the same where the target asks for a lease and none covers it."""
        if not (self.terms.leased and decision.allowed and needing(case)) or spans(case):
            return decision
        return replace(decision, verdict=Verdict.HOLD, reasons=(*decision.reasons, _LEASE_NEEDED), lease=None)

    async def lift(self, ask: Ask, case: Case, decision: Decision, port: Place) -> tuple[Case, Decision]:
        """A held case, decided with what people said about it; or held still, with the request that waits."""
        if ask.prepares and not any(effect.verb is Verb.EXECUTE for effect in case.intent.effects):
            return case, _prepared(decision)
        if not ask.alone:
            return case, _unbound(decision, "send it by itself, outside a transaction block (in autocommit)")
        if self.runbooks is not None:
            covered, decision = self._covered(self.runbooks(case), case, decision)
            if decision.allowed:
                return covered, decision
        ground = await port.ground(ask)
        if ground is None:
            return case, _unbound(decision, "connect again and send it first: this session ran code or settings before")
        digest = digest_of(case.command, ground, decision.policy_version)
        found = await self.leases.seek(digest, case.command.session.principal)
        if found.lease is None and not found.room:
            return case, _crowded(decision)
        if found.lease is None or found.lease.starts_at is not None:
            case = replace(case, content=await port.content())
        lease = found.lease or self._asked(case, decision, digest)
        if lease is not None and lease.pending and self.terms.patience and not ask.explicit:
            if found.lease is None:
                lease = await self._written_down(case, decision, lease)
            lease = await port.wait(self.leases.decided(lease), self.terms.patience) or lease
        return self._with(lease, case, decision, digest)

    def _covered(self, found: Covered, case: Case, decision: Decision) -> tuple[Case, Decision]:
        """What people signed in advance, in the place of an approval; policy has the last word."""
        if found.lease is None:
            reasons = () if found.reason is None else (found.reason,)
            return case, replace(decision, reasons=(*decision.reasons, *reasons))
        again = replace(case, leases=(*case.leases, found.lease))
        decided = self.judge.decide(again)
        return (again, replace(decided, lease=found.lease)) if decided.allowed else (case, decision)

    def entries(self, case: Case, decision: Decision) -> list[Entry]:
        """What is written down beside a decision: the request that it makes."""
        lease = decision.lease
        if lease is None or decision.allowed or _command(lease) != case.command.id:
            return []
        return [self.scribe.request(case, decision, card_of(case, decision))]

    @staticmethod
    def ends(case: Case, decision: Decision) -> dict[str, tuple[End, str]]:
        """The leases that a decision ends: the one it uses, or the one that the command went beyond."""
        lease = decision.lease
        if lease is None or lease.runbook:
            return {}
        if decision.allowed:
            return {lease.id: (End.USED, case.command.id)}
        scope = lease.scope
        over = scope.replaces if isinstance(scope, OneCommand) and scope.command == case.command.id else None
        return {} if over is None else {over: (End.EXCEEDED, case.command.id)}

    def _with(self, lease: Lease | None, case: Case, decision: Decision, digest: str) -> tuple[Case, Decision]:
        if lease is None or lease.starts_at is None:
            return case, replace(decision, lease=lease)
        at = self.now()
        if not fits(lease, digest, case.command.session.principal, at):
            return case, replace(decision, lease=lease)
        if (more := beyond(case.impact, lease.ceiling) or other_rows(lease, case.content)) is not None:
            asked = self._asked(case, decision, digest, replaces=lease.id)
            held = replace(decision, reasons=(*decision.reasons, _exceeded(lease, more)), lease=asked)
            return case, held
        again = replace(case, leases=(*case.leases, lease), at=at)
        decided = self.judge.decide(again)
        return (again, replace(decided, lease=lease)) if decided.allowed else (case, replace(decision, lease=lease))

    def _asked(self, case: Case, decision: Decision, digest: str, replaces: str | None = None) -> Lease | None:
        """A request for what would lift the decision; None where no approval would."""
        ways = self.judge.ways(case, decision)
        if not ways:
            return None
        salt, at, session = self.salt(), self.now(), case.command.session
        scope = OneCommand(
            salt=salt,
            binding=commitment(salt, digest),
            fingerprint=case.intent.fingerprint,
            command=case.command.id,
            ways=ways,
            replaces=replaces,
            content=commitment(salt, case.content.keys) if case.content.keys else "",
        )
        return Lease(
            id=self.new_id(),
            principal=session.principal,
            target=session.target.name,
            scope=scope,
            purpose=session.purpose,
            asked_at=at,
            ends_at=at + self.terms.asking,
            policy_version=decision.policy_version,
            ceiling=case.impact,
        )

    async def _written_down(self, case: Case, decision: Decision, lease: Lease) -> Lease:
        """The request, under a decision of its own: people can answer while the caller waits for the second."""
        held = replace(case, command=replace(case.command, id=self.new_id()))
        assert isinstance(lease.scope, OneCommand)
        lease = replace(lease, scope=replace(lease.scope, command=held.command.id))
        said = replace(decision, lease=lease)
        refused = Outcome(command=held.command.id, status=Status.REFUSED)
        records = [
            self.scribe.decision(held, said, enforced=True),
            *self.entries(held, said),
            self.scribe.outcome(refused, id=self.new_id(), at=self.now(), unit=held.command.unit),
        ]
        await self.leases.append(records, {})
        return lease


def spans(case: Case) -> frozenset[str]:
    """The leases for a while that a case is under, by id."""
    return frozenset(lease.id for lease in case.leases if isinstance(lease.scope, Span))


def _command(lease: Lease) -> str | None:
    return lease.scope.command if isinstance(lease.scope, OneCommand) else None


_LEASE_NEEDED: Final = Reason(
    policy=LEASE_NEEDED,
    title="Nobody does this without a lease",
    severity="medium",
    message="this target lends privileges for the time of a lease, and none that is in force covers all of this",
    instead="ask for one: `interlock lease request TARGET schema.table --verb ... --for 1h --purpose ...`",
)


def _prepared(decision: Decision) -> Decision:
    """To be parsed runs nothing where no code stands in a statement; what runs it is decided by itself."""
    reason = Reason(
        policy=PREPARED,
        title="Only prepared",
        severity="info",
        message="nothing of it runs before a Bind, which is decided with its parameters",
    )
    return replace(decision, verdict=Verdict.ALLOW, reasons=(*decision.reasons, reason), obligations=())


def _crowded(decision: Decision) -> Decision:
    reason = Reason(
        policy=CROWDED,
        title="Too many requests wait",
        severity="info",
        message=f"at most {MOST_WAITING} requests of one requester may wait for people at once",
        instead="wait until some are decided, or withdraw them: `interlock approvals list`",
    )
    return replace(decision, reasons=(*decision.reasons, reason))


def _unbound(decision: Decision, instead: str) -> Decision:
    reason = Reason(
        policy=NOT_BOUND,
        title="An approval could not be bound to this",
        severity="info",
        message="an approval is for one command, alone, whose meaning nothing before it has changed",
        instead=instead,
    )
    return replace(decision, reasons=(*decision.reasons, reason))


def _exceeded(lease: Lease, more: str) -> Reason:
    return Reason(
        policy=EXCEEDED,
        title="It would do more than was approved",
        severity="high",
        message=f"{more}; approval {lease.id} is used up, and a new one is asked for",
    )
