"""A check before anything is decided: a forbid denies here, and an error comes back as an error."""

import json
from typing import Final

from interlock.model import OurFault, Principal, PrincipalKind, Reach
from interlock.policy.engine import Answer, ask, prepare
from interlock.policy.facts import context_of
from interlock.policy.plan import NOTHING_PROMISED
from interlock.policy.question import Question
from interlock.policy.rule import Rule
from interlock.policy.schema import VERBS
from interlock.policy.tree import Json, Tree
from interlock.policy.world import Resource, slice_text

CANARY: Final = "canary"
_ROWS: Final[Json] = {".": {"left": {".": {"left": {"Var": "context"}, "attr": "impact"}}, "attr": "rows"}}
_PERMIT: Final[Tree] = {
    "effect": "permit",
    "principal": {"op": "All"},
    "action": {"op": "All"},
    "resource": {"op": "All"},
    "conditions": [],
}
_FORBID: Final[Tree] = _PERMIT | {"effect": "forbid"}
# The canary's facts hold no `impact.rows`: Cedar errs, skips this forbid, and would allow.
_ERRING: Final[Tree] = _FORBID | {
    "conditions": [{"kind": "when", "body": {"<": {"left": _ROWS, "right": {"Value": 0}}}}]
}
_FACTS: Final[Tree] = {
    "phase": "plan",
    "writes": False,
    "impact": {"basis": "unknown"},
    "session": {"surface": CANARY, "gateway": CANARY},
    "chain": {"depth": 1, "actors": [PrincipalKind.PERSON.value]},
    "offers": [],
}


def sing(rules: tuple[Rule, ...]) -> None:
    """Try the very policies that will decide, each verb with a permit and a forbid of everything beside them.

    Raises OurFault when the forbid does not deny, or an erring forbid is passed over in silence.
    """
    for verb in VERBS:
        live = {rule.id: rule.tree for rule in rules if verb in rule.verbs}
        answer = _ask(verb, live | {"canary-permit": _PERMIT, CANARY: _FORBID})
        if answer.allowed or CANARY not in answer.ids:
            raise OurFault(
                f"a forbid of everything does not stop `{verb}`: do not start, and check the cedarpy version"
            )
    if _ask(VERBS[0], {"canary-permit": _PERMIT, CANARY: _ERRING}).error is None:
        raise OurFault("cedar hides that a forbid could not be evaluated: do not start, and check the cedarpy version")


def _ask(verb: str, policies: dict[str, Tree]) -> Answer:
    question = Question(
        verb=verb,
        actor=Principal(id=CANARY, kind=PrincipalKind.PERSON, issuer=CANARY),
        resource=Resource(uid=("Target", CANARY), parents=(), given=frozenset(), labels=frozenset(), shown=CANARY),
        reach=Reach.UNKNOWN,
        findings=(),
        labels=frozenset(),
        here=None,
    )
    context = json.dumps(context_of(question, _FACTS, NOTHING_PROMISED, frozenset()))
    return ask(prepare(policies), question, context, slice_text(question.actor, question.resource))
