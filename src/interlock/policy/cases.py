"""Deciding the cases of a pack, and saying what came out otherwise than written."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from msgspec import Struct

from interlock.model import (
    UNKNOWN_IMPACT,
    Approver,
    Case,
    Command,
    Decision,
    Effect,
    Field,
    Finding,
    FindingCode,
    Impact,
    Intent,
    Lease,
    Object,
    Obligation,
    Principal,
    Session,
    Span,
    Target,
    Touched,
    Usage,
)
from interlock.policy.casefile import CaseFile, WrittenCase, WrittenEffect, WrittenImpact, WrittenLease
from interlock.policy.judge import Judge
from interlock.policy.plan import PROMISED_BY, obligation_text
from interlock.policy.rule import steps
from interlock.policy.usage import COUNTS

Named = TypeVar("Named")
_SECOND: Final = 1_000_000
_PROMISE_KINDS: Final = {name: kind for kind, name in PROMISED_BY.items()}


class CaseResult(Struct, frozen=True, kw_only=True):
    """How one case went; it passed when nothing is in `problems`."""

    name: str
    decision: Decision
    problems: tuple[str, ...]


def run_cases(judge: Judge, written: CaseFile) -> Iterator[CaseResult]:
    """Decide every case of a file, in order. Raises ValueError where a case names what the file does not define."""
    for case in written.cases:
        granted = frozenset[str]().union(*(steps(lift) for lift in case.granted))
        decision = judge.decide_anew(_case(written, case), granted)
        yield CaseResult(name=case.name, decision=decision, problems=tuple(_problems(case, decision)))


def _problems(case: WrittenCase, decision: Decision) -> Iterator[str]:
    given = {reason.policy for reason in decision.reasons}
    if decision.verdict is not case.expect:
        yield f"expected {case.expect}, decided {decision.verdict} by {', '.join(sorted(given)) or 'nothing'}"
    for name in sorted(set(case.reasons) - given):
        yield f"expected the reason `{name}`, got {', '.join(sorted(given)) or 'none'}"
    lifts = {reason.lift for reason in decision.reasons if reason.lift is not None}
    if case.lifts is not None and set(case.lifts) != lifts:
        yield f"expected the lifts {_listed(case.lifts)}, got {_listed(lifts)}"
    promised = {obligation_text(obligation) for obligation in decision.obligations}
    if case.obligations is not None and set(case.obligations) != promised:
        yield f"expected the obligations {_listed(case.obligations)}, got {_listed(promised)}"


def _listed(names: set[str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(names)) or "none"


def _case(world: CaseFile, case: WrittenCase) -> Case:
    target = Target(
        name=world.target.name,
        kind="postgresql",
        environment=case.environment or world.target.environment,
        labels=world.target.labels,
    )
    session = Session(
        id="session",
        principal=_principal(world, case.who, frozenset()),
        target=target,
        gateway="cases",
        surface="postgres",
        purpose=case.purpose,
        opened_at=0,
    )
    intent = Intent(
        effects=tuple(_effect(world, effect) for effect in case.effects),
        returns=None,
        findings=_findings(case.findings),
        understood=case.understood,
        shape="",
        fingerprint="",
    )
    offers: frozenset[type[Obligation]] = frozenset(_PROMISE_KINDS[name] for name in case.offers)
    command = Command(id="command", session=session, language="sql", text="", unit="unit", received_at=0)
    lease = None if case.lease is None else _lease(session, case.lease)
    return Case(
        command=command,
        intent=intent,
        offers=offers,
        at=0,
        impact=_impact(world, case.impact),
        usage=_usage(case.usage),
        leases=(lease,) if lease is not None and case.lease is not None and not case.lease.asked else (),
        asked=lease if case.lease is not None and case.lease.asked else None,
    )


def _lease(session: Session, written: WrittenLease) -> Lease:
    lasts = written.seconds * _SECOND
    approver = Approver(id="approver", issuer="cases", group="", proof="", uid=0, operator=False, at=0)
    return Lease(
        id="lease",
        principal=session.principal,
        target=session.target.name,
        scope=Span(name=written.name, verbs=(), objects=(), lasts=lasts, ticket=written.ticket),
        purpose=written.purpose,
        asked_at=0,
        ends_at=lasts,
        policy_version="",
        approved_by=(approver,) * written.approvals,
        starts_at=0,
        uses=None,
    )


def _usage(written: dict[str, int]) -> Usage:
    for name, count in written.items():
        if count < 0:
            raise ValueError(f"`{name}` is {count}: a count is never less than nothing")
        _named(COUNTS, name)
    return Usage(counts=tuple(sorted(written.items())))


def _principal(world: CaseFile, name: str, above: frozenset[str]) -> Principal:
    written = _named(world.principals, name)
    if name in above:
        raise ValueError(f"`{name}` acts on behalf of itself: end the chain somewhere")
    behalf = _principal(world, written.behalf, above | {name}) if written.behalf else None
    return Principal(id=name, kind=written.kind, issuer="cases", groups=written.groups, on_behalf_of=behalf)


def _object(world: CaseFile, name: str) -> Object:
    written = _named(world.objects, name)
    path = (world.target.name, *written.path)
    return Object(kind=written.kind, path=path, labels=written.labels, known=written.known)


def _effect(world: CaseFile, written: WrittenEffect) -> Effect:
    columns = _named(world.objects, written.object).fields
    fields: tuple[Field, ...] | None = None
    if not isinstance(written.fields, str):
        fields = tuple(Field(name=name, labels=_named(columns, name)) for name in written.fields)
    return Effect(
        verb=written.verb,
        object=_object(world, written.object),
        reach=written.reach,
        fields=fields,
        findings=_findings(written.findings),
    )


def _impact(world: CaseFile, written: WrittenImpact | None) -> Impact:
    if written is None:
        return UNKNOWN_IMPACT
    touched = tuple(
        Touched(object=_object(world, part.object), verb=part.verb, rows=part.rows) for part in written.touched
    )
    return Impact(basis=written.basis, rows=written.rows, reversible=written.reversible, touched=touched)


def _findings(codes: tuple[FindingCode, ...]) -> tuple[Finding, ...]:
    return tuple(Finding(code=code, message=code.value) for code in codes)


def _named(defined: Mapping[str, Named], name: str) -> Named:
    if name not in defined:
        raise ValueError(f"`{name}` is not defined in this file: one of {', '.join(sorted(defined)) or 'nothing'}")
    return defined[name]
