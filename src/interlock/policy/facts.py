"""The facts of a case in the words of the schema: what a policy sees as `context`."""

from collections.abc import Iterable
from typing import Final

from interlock.model import Basis, Case
from interlock.policy.plan import PROMISED_BY, Plan
from interlock.policy.question import Question, effects_of, writes
from interlock.policy.tree import Json, Tree
from interlock.policy.usage import reading, with_counts

# Cedar's integers are signed 64-bit; a count beyond them is still a large count.
_LARGEST: Final = 2**63 - 1


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
    return {
        "phase": "commit" if case.impact.basis is Basis.MEASURED else "plan",
        "writes": writes(effects_of(case)),
        "impact": impact,
        **with_counts(about, case.usage),
        "chain": {"depth": len(chain), "actors": _set(actor.kind.value for actor in chain)},
        "offers": _set(PROMISED_BY[kind] for kind in case.offers),
    }


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
