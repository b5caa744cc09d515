"""What a decision depends on, as a key: equal signatures mean equal decisions, whatever the text."""

from typing import TypeAlias

from interlock.model import Case, Effect, Finding, Impact, Principal, Target
from interlock.policy.facts import lease_of
from interlock.policy.usage import Sides

Signature: TypeAlias = tuple[object, ...]


def signature(case: Case, sides: Sides) -> Signature:
    """Everything the judge and its messages look at. Spans, literals, text, ids and the time are not among it.

    Impact enters with its exact numbers: they are part of the message, and measured writes are not the hot path. Counts
    enter by the side of the policies' constants on which they fall: they differ each time.
    """
    session, intent = case.command.session, case.intent
    principal: Principal = session.principal
    target: Target = session.target
    impact: Impact = case.impact
    return (
        principal,
        target,
        session.surface,
        session.gateway,
        session.purpose,
        case.offers,
        intent.understood,
        _said(intent.findings),
        tuple(_effect(effect) for effect in intent.effects),
        impact,
        sides(case.usage),
        _under(case) if case.leases or case.asked else (),
    )


def _under(case: Case) -> tuple[object, ...]:
    """What leases amount to for policies; equal for two that no policy could tell apart."""
    facts = lease_of(case) or {}
    granted = frozenset[str]().union(*(lease.lifts() for lease in case.leases))
    return (case.asked is not None, tuple(sorted((name, str(value)) for name, value in facts.items())), granted)


def _effect(effect: Effect) -> tuple[object, ...]:
    fields = effect.fields
    return (
        effect.verb,
        effect.object,
        effect.reach,
        None if fields is None else frozenset([field.labels for field in fields]),
        _said(effect.findings) if effect.findings else (),
    )


def _said(findings: tuple[Finding, ...]) -> tuple[tuple[str, str], ...]:
    return tuple([(finding.code, finding.message) for finding in findings])
