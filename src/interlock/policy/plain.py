"""Conditions of permits in plain words, for whoever was not permitted: `is for members of `dba``."""

from collections.abc import Sequence
from typing import Final

from interlock.policy.schema import UNKNOWN
from interlock.policy.tree import Json, path_of

_PEOPLE: Final = {"Person": "people", "Agent": "agents", "Pipeline": "pipelines", "Service": "services"}
_THINGS: Final = {
    UNKNOWN: "things of no known kind",
    "Index": "indexes",
    "Columns": "columns",
}


def scope_body(variable: str, scope: Json) -> Json:
    """The scope of a policy (`principal in Group::"dba"`) as the condition that says the same; None: it cannot be."""
    left: Json = {"Var": variable}
    match scope:
        case {"op": "is", "entity_type": str(kind), **rest} if not rest:
            return {"is": {"left": left, "entity_type": kind}}
        case {"op": "in" | "==" as op, "entity": dict(entity)}:
            return {str(op): {"left": left, "right": {"Value": {"__entity": entity}}}}
    return None


def phrase(body: Json, *, holds: bool) -> str | None:
    """What a permit with this condition `is for` or `is about`, or what it `asks that`; None: no plain words for it.

    `holds` is False for `unless`.
    """
    match body:
        case {"!": {"arg": inner}}:
            return phrase(inner, holds=not holds)
    negation = "" if holds else "not "
    if people := _named(body, "principal"):
        return f"is {negation}for {_or(_with_members(people))}"
    if things := _named(body, "resource"):
        return f"is {negation}about {_or(things)}"
    match body:
        case {"==": {"left": left, "right": {"Value": str(value)}}} if path := path_of(left):
            return f"asks that {' '.join(path)} is {negation}`{value}`"
    return None


def _named(body: Json, variable: str) -> list[str]:
    """The alternatives of a condition that is about `variable` alone; empty: it is not, or there are no words."""
    match body:
        case {"||": {"left": left, "right": right}}:
            one, other = _named(left, variable), _named(right, variable)
            return one + other if one and other else []
        case {"is": {"left": {"Var": str(name)}, "entity_type": str(kind), **rest}} if name == variable and not rest:
            return [_plural(kind)]
        case {"in": {"left": {"Var": str(name)}, "right": {"Set": list(entities)}}} if name == variable:
            return [_entity(entity) for entity in entities]
        case {"in": {"left": {"Var": str(name)}, "right": entity}} if name == variable:
            return [_entity(entity)]
        case {"==": {"left": {"Var": str(name)}, "right": entity}} if name == variable:
            return [_entity(entity)]
    return []


def _plural(kind: str) -> str:
    return _PEOPLE.get(kind) or _THINGS.get(kind) or f"{kind.lower()}s"


_MEMBERS: Final = "members of "


def _entity(value: Json) -> str:
    match value:
        case {"Value": {"__entity": {"type": "Group", "id": str(name)}}}:
            return f"{_MEMBERS}`{name}`"
        case {"Value": {"__entity": {"type": "Label", "id": str(name)}}}:
            return f"what is labelled `{name}`"
        case {"Value": {"__entity": {"type": "Environment", "id": str(name)}}}:
            return f"targets in `{name}`"
        case {"Value": {"__entity": {"type": str(kind), "id": str(name)}}}:
            return f"the {kind.lower()} `{name}`"
    return ""


def _with_members(people: Sequence[str]) -> list[str]:
    """Groups said together: `agents, members of `a` or `b``."""
    first = next((at for at, name in enumerate(people) if name.startswith(_MEMBERS)), None)
    return [name if at == first else name.removeprefix(_MEMBERS) for at, name in enumerate(people)]


def _or(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
