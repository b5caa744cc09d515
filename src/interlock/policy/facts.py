"""The facts of a case in the words of the schema: what a policy sees as `context`."""

from collections.abc import Iterable
from typing import Final

from interlock.model import Basis, Case, Lease, Span
from interlock.policy.plan import PROMISED_BY, Plan
from interlock.policy.question import Question, effects_of, writes
from interlock.policy.tree import Json, Tree
from interlock.policy.usage import reading, with_counts

# Cedar's integers are signed 64-bit; a count beyond them is still a large count.
_LARGEST: Final = 2**63 - 1
_SECOND: Final = 1_000_000


def facts_of(case: Case) -> Tree:
    """The part of the context that is the same for every question of a case. Unknown numbers are absent."""
    session = case.command.session
    about: Tree = {"surface": session.surface, "gateway": session.gateway}
    if session.purpose is not None:
        about["purpose"] = session.purpose
    impact: Tree = {"basis": case.impact.basis.value}
    if case.impact.rows is not None:
        impact["rows"] = min(case.impact.rows, _LARGEST)
    if case.impact.reversible is not None:
        impact["reversible"] = case.impact.reversible
    chain = tuple(session.principal.chain())
    lease = lease_of(case)
    return {
        "phase": _phase(case),
        "writes": writes(effects_of(case)),
        "impact": impact,
        **with_counts(about, case.usage),
        "chain": {"depth": len(chain), "actors": _set(actor.kind.value for actor in chain)},
        "offers": _set(PROMISED_BY[kind] for kind in case.offers),
        **({} if lease is None else {"lease": lease}),
    }


def lease_of(case: Case) -> Tree | None:
    """The lease for a while that is asked for, or the one of those that cover the case that ends last."""
    held = (lease for lease in case.leases if isinstance(lease.scope, Span))
    lease = case.asked or max(held, key=lambda lease: (lease.ends_at, lease.id), default=None)
    return None if lease is None or not isinstance(lease.scope, Span) else _lease(lease, lease.scope)


def _lease(lease: Lease, scope: Span) -> Tree:
    approvals = len(lease.approved_by)
    about: Tree = {"name": scope.name, "seconds": scope.lasts // _SECOND, "approvals": approvals}
    said = {"purpose": lease.purpose, "ticket": scope.ticket}
    return about | {name: text for name, text in said.items() if text is not None}


def _phase(case: Case) -> str:
    if case.asked is not None:
        return "lease"
    return "commit" if case.impact.basis is Basis.MEASURED else "plan"


def context_of(question: Question, facts: Tree, plan: Plan, lifts: frozenset[str]) -> Tree:
    """`context` of one request, as the schema has it."""
    changing: Tree = {
        "reach": question.reach.value,
        "findings": _set(question.codes),
        "fields": _set(question.labels),
        "plan": {**plan.facts()},
        "lifts": _set(lifts),
    }
    context = reading(facts, plan.max_rows) | changing
    if question.here is not None and isinstance(impact := facts["impact"], dict):
        context["impact"] = {**impact, "here": min(question.here, _LARGEST)}
    return context


def _set(members: Iterable[str]) -> list[Json]:
    return [*sorted(set(members))]
