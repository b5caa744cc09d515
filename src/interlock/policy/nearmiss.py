"""Why nothing permits: each permit taken apart, and which of its parts does not hold."""

from collections.abc import Iterator
from typing import Final

from cedarpy import policies_from_json_str
from msgspec import Struct

from interlock.policy.engine import Engine, prepare
from interlock.policy.plain import phrase, scope_body
from interlock.policy.plan import Plan
from interlock.policy.question import Question
from interlock.policy.rule import Rule, policy_text
from interlock.policy.tree import Json, Tree, conjuncts, reads

_ANYONE: Final[Tree] = {"op": "All"}
# What a requester claims about itself must not be explained to it: it would only claim better (threats.md 15).
_CLAIMED: Final = frozenset({("session", "purpose")})
_MOST_NAMED: Final = 2


class _Part(Struct, frozen=True, kw_only=True):
    """One part of a permit: `text` says it for people, after the rule's name."""

    rule: str
    text: str
    tree: Tree


class NearMisses:
    """Permits, each split into the parts that must all hold, prepared for asking about all parts at once."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        permits = tuple(rule for rule in rules if not rule.forbids and not rule.permits_unknown)
        self._parts = {f"{rule.id}#{number}": part for rule in permits for number, part in enumerate(_parts(rule))}
        self._verbs = {rule.id: rule.verbs for rule in permits}
        self._probe = prepare({name: part.tree for name, part in self._parts.items()})

    def explain(self, engine: Engine, question: Question, facts: Tree, plan: Plan) -> str | None:
        """What the nearest permits lack, for people; None when no permit is about this verb."""
        held = engine.probe(self._probe, question, facts, plan)
        lacking: dict[str, list[str]] = {}
        for name, part in self._parts.items():
            if name not in held and question.verb in self._verbs[part.rule]:
                lacking.setdefault(part.rule, []).append(part.text)
        nearest = sorted(lacking, key=lambda rule: (len(lacking[rule]), rule))[:_MOST_NAMED]
        return "; ".join(f"`{rule}` {lacking[rule][0]}" for rule in nearest) or None


def _parts(rule: Rule) -> Iterator[_Part]:
    for name in ("principal", "resource"):
        if (scope := rule.tree[name]) != _ANYONE:
            tree = _permit() | {name: scope}
            said = phrase(scope_body(name, scope), holds=True) or f"asks that {_scope_text(tree)}"
            yield _Part(rule=rule.id, text=said, tree=tree)
    conditions = rule.tree["conditions"]
    for condition in conditions if isinstance(conditions, list) else []:
        match condition:
            case {"kind": "when", "body": body}:
                for part in conjuncts(body):
                    yield _condition(rule, "when", part)
            case {"kind": "unless", "body": body}:
                yield _condition(rule, "unless", body)


def _condition(rule: Rule, kind: str, body: Json) -> _Part:
    tree = _permit() | {"conditions": [{"kind": kind, "body": body}]}
    if reads(tree) & _CLAIMED:
        return _Part(rule=rule.id, text="asks for something about the session that is not said here", tree=tree)
    return _Part(rule=rule.id, text=phrase(body, holds=kind == "when") or _in_cedar(kind, tree), tree=tree)


def _in_cedar(kind: str, tree: Tree) -> str:
    """What there are no plain words for, as its author wrote it."""
    shown = _rendered(tree).partition("{")[2].rpartition("}")[0].strip()
    return f"asks that {shown}" if kind == "when" else f"asks that not ({shown})"


def _scope_text(tree: Tree) -> str:
    head = _rendered(tree).partition("(")[2].rpartition(")")[0]
    return next(part.strip() for part in head.split(", ") if " " in part.strip())


def _rendered(tree: Tree) -> str:
    return " ".join(policies_from_json_str(policy_text({"part": tree})).split())


def _permit() -> Tree:
    return {
        "effect": "permit",
        "principal": _ANYONE,
        "action": _ANYONE,
        "resource": _ANYONE,
        "conditions": [],
    }
