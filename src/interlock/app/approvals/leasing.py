"""Leases for a while, as the supervisor judges them: by the policy that judges commands, in a phase of its own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from interlock.access.faults import ApprovalRefused
from interlock.access.spans import ALL, span_of
from interlock.app.approvals.messages import AskLease
from interlock.app.serve.in_force import InForce
from interlock.gate.card import card_of
from interlock.ledger.leaf import Entry
from interlock.ledger.scribe import Scribe
from interlock.model import (
    Case,
    Command,
    Decision,
    Effect,
    Field,
    Intent,
    Lease,
    Object,
    ObjectKind,
    Principal,
    Reach,
    Session,
    Span,
    Verb,
    Verdict,
)
from interlock.policy.plan import PROMISED_BY

SURFACE: Final = "lease"
_SECOND: Final = 1_000_000
# A promise is kept for each command by the gateway that runs it; here it must only not stand in the way.
_OFFERS: Final = frozenset(PROMISED_BY)
_CLEAR: Final = Field(name=ALL)


class Leasing(Struct, frozen=True, kw_only=True):
    """Judges requests by what is in force. `now` gives microseconds since the epoch, UTC."""

    in_force: Callable[[], InForce]
    scribe: Scribe
    new_id: Callable[[], str]
    now: Callable[[], int]

    def request(self, who: Principal, said: AskLease) -> tuple[Lease, Entry]:
        """The lease that somebody asks for, and its record; what it waits for stands in its scope.

        Raises ApprovalRefused where policy would never let it pass.
        """
        in_force, at = self.in_force(), self.now()
        span = span_of(said.name, said.verbs, said.objects, lasts=said.seconds * _SECOND, ticket=said.ticket)
        lease = Lease(
            id=self.new_id(),
            principal=who,
            target=said.target,
            scope=span,
            purpose=said.purpose,
            asked_at=at,
            ends_at=at + in_force.config.approvals.expire * _SECOND,
            policy_version=in_force.bundle.digest,
            uses=None,
        )
        case = _case(in_force, lease)
        decision = in_force.judge.decide(case)
        ways = in_force.judge.ways(case, decision) if decision.verdict is Verdict.HOLD else ()
        if not (decision.allowed or ways):
            raise ApprovalRefused(_refusal(decision))
        lease = replace(lease, scope=span._replace(ways=ways))
        decision = replace(decision, lease=lease)
        return lease, self.scribe.request(case, decision, card_of(case, decision))

    def still(self, in_force: InForce, lease: Lease) -> bool:
        """Whether this policy would grant it, too, with the approvals that it has."""
        if lease.target not in in_force.config.targets:
            return False
        return in_force.judge.decide_anew(_case(in_force, lease), lease.given()).allowed


def _case(in_force: InForce, lease: Lease) -> Case:
    config, scope = in_force.config, lease.scope
    target = config.target(lease.target)
    if target is None or not isinstance(scope, Span):
        raise ApprovalRefused(f"there is no target `{lease.target}`; there are: {', '.join(config.targets)}")
    session = Session(
        id=lease.id,
        principal=lease.principal,
        target=target,
        gateway=config.gateway.id,
        surface=SURFACE,
        purpose=lease.purpose,
        opened_at=lease.asked_at,
    )
    labels = config.labels_of(lease.target)
    text = words(scope)
    intent = Intent(
        effects=tuple(_effect(verb, lease.target, parts, labels) for verb in scope.verbs for parts in scope.objects),
        returns=None,
        findings=(),
        understood=True,
        shape=text,
        fingerprint=f"lease:{scope.name}",
    )
    command = Command(
        id=lease.id, session=session, language=SURFACE, text=text, unit=lease.id, received_at=lease.asked_at
    )
    return Case(command=command, intent=intent, offers=_OFFERS, at=lease.asked_at, asked=lease)


def words(scope: Span) -> str:
    """`lease oncall: read, change on public.items, books.* for 3600 s`."""
    objects = ", ".join(ALL if parts == (ALL, ALL) else ".".join(parts) for parts in scope.objects)
    return f"lease {scope.name}: {', '.join(scope.verbs)} on {objects} for {scope.lasts // _SECOND} s"


def _effect(verb: Verb, target: str, parts: tuple[str, str], labels: Mapping[str, frozenset[str]]) -> Effect:
    """One verb on everything that a pattern means: with the labels of all that is known below it."""
    kind = ObjectKind.FUNCTION if verb is Verb.EXECUTE else ObjectKind.TABLE
    below = [(name.split("."), given) for name, given in sorted(labels.items())]
    own = [given for name, given in below if len(name) == len(parts) and _within(name, parts)]
    columns = [Field(name=name[-1], labels=given) for name, given in below if len(name) > 2 and _within(name, parts)]
    thing = Object(kind=kind, path=(target, *parts), labels=frozenset[str]().union(*own))
    fields = (_CLEAR, *columns) if kind is ObjectKind.TABLE else ()
    return Effect(verb=verb, object=thing, reach=Reach.SOME, fields=fields)


def _within(name: list[str], parts: tuple[str, str]) -> bool:
    return all(wanted in (ALL, part) for part, wanted in zip(name, parts, strict=False))


def _refusal(decision: Decision) -> str:
    return "; ".join(_said(decision)) or "no policy lets this be lent"


def _said(decision: Decision) -> Iterator[str]:
    for reason in decision.reasons[:3]:
        yield f"{reason.message} (policy `{reason.policy}`)" + (f"; {reason.instead}" if reason.instead else "")
