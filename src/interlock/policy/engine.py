"""Asking Cedar: prepared policies sliced by verb, small entity slices, and no answer that an error could bend."""

import json
from collections.abc import Mapping
from typing import Final

from cedarpy import Decision, Entities, PolicySet, is_authorized
from msgspec import Struct

from interlock.model import Principal
from interlock.policy.facts import context_of
from interlock.policy.memo import Memo
from interlock.policy.plan import Plan
from interlock.policy.question import Question
from interlock.policy.rule import Rule, policy_text
from interlock.policy.schema import SCHEMA, VERBS
from interlock.policy.tree import Tree
from interlock.policy.world import Resource, principal_uid, reference, slice_text

# The largest context an honest command makes is about 1 KiB.
_MOST_CONTEXT: Final = 16_384
_SLICES: Final = 4_096


class Answer(Struct, frozen=True, kw_only=True):
    """What Cedar said: whether it permits, the ids that decided in order, and why it could not say."""

    allowed: bool
    ids: tuple[str, ...]
    error: str | None = None


class Engine:
    """Rules prepared for asking, one policy set for each verb."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._sets = {verb: prepare({rule.id: rule.tree for rule in rules if verb in rule.verbs}) for verb in VERBS}
        self._slices: Memo[tuple[Principal, Resource], Entities] = Memo(_SLICES)

    def ask(self, question: Question, facts: Tree, plan: Plan, lifts: frozenset[str]) -> Answer:
        """Ask one question under these promises and with these things granted from outside.

        Cedar skips a policy that errors, also a forbid: so any diagnostic error is an error of the whole answer.
        """
        context = json.dumps(context_of(question, facts, plan, lifts))
        if len(context) > _MOST_CONTEXT:
            return Answer(allowed=False, ids=(), error=f"the facts take {len(context)} bytes")
        return ask(self._sets[question.verb], question, context, self._entities(question))

    def probe(self, policies: PolicySet, question: Question, facts: Tree, plan: Plan) -> frozenset[str]:
        """The ids of the permits that hold; one that errs does not."""
        context = json.dumps(context_of(question, facts, plan, frozenset()))
        return frozenset(ask(policies, question, context, self._entities(question)).ids)

    def _entities(self, question: Question) -> str | Entities:
        key = (question.actor, question.resource)
        prepared = self._slices.get(key)
        if prepared is None:
            text = slice_text(question.actor, question.resource)
            try:
                prepared = Entities.from_json_str(text, SCHEMA)
            except ValueError:
                return text  # Cedar refuses it again when asked, and that answer is an error
            self._slices.put(key, prepared)
        return prepared


def ask(policies: PolicySet, question: Question, context: str, entities: str | Entities) -> Answer:
    """One request to Cedar. Never raises for what the request holds: an answer that cannot be had is an error."""
    request = {
        "principal": reference(principal_uid(question.actor)),
        "action": {"type": "Action", "id": question.verb},
        "resource": reference(question.resource.uid),
        "context": context,
    }
    try:
        result = is_authorized(request, policies, entities, SCHEMA)
    except (ValueError, TypeError, RuntimeError) as error:
        return Answer(allowed=False, ids=(), error=str(error))
    ids = tuple(sorted(result.diagnostics.reasons))  # Cedar gives them in random order
    if result.diagnostics.errors or result.decision is Decision.NoDecision:
        return Answer(allowed=False, ids=ids, error="; ".join(result.diagnostics.errors) or "no decision")
    return Answer(allowed=result.allowed, ids=ids)


def prepare(policies: Mapping[str, Tree]) -> PolicySet:
    """Policies by id, parsed once: the reason of an answer IS the id."""
    return PolicySet.from_json_str(policy_text(policies))
