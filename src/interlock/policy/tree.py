"""Reading Cedar's JSON policy form (EST): literals, context reads, conjuncts, verbs."""

from collections.abc import Iterator
from typing import TypeAlias

from interlock.policy.schema import GROUPS, VERBS

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Tree: TypeAlias = dict[str, Json]


def nodes(tree: Json) -> Iterator[Tree]:
    """Every JSON object inside `tree`, itself first."""
    waiting = [tree]
    while waiting:
        match waiting.pop():
            case dict() as node:
                yield node
                waiting.extend(node.values())
            case list() as items:
                waiting.extend(items)


def literals(policy: Tree) -> frozenset[tuple[str, str]]:
    """The entities a policy names, as (type, id)."""
    found: set[tuple[str, str]] = set()
    for node in nodes(policy):
        match node:
            case {"type": str(kind), "id": str(name)} if len(node) == 2:
                found.add((kind, name))
    return frozenset(found)


def path_of(node: Json) -> tuple[str, ...] | None:
    """("plan", "maxRows") for `context.plan.maxRows`; None for anything that is not a path into the context."""
    path: list[str] = []
    while True:
        match node:
            case {"Var": "context"}:
                return tuple(reversed(path))
            case {".": {"left": left, "attr": str(attribute)}}:
                path.append(attribute)
                node = left
            case _:
                return None


def reads(policy: Tree) -> frozenset[tuple[str, ...]]:
    """Every context path a policy looks at, with `has` or by value, prefixes included."""
    found: set[tuple[str, ...]] = set()
    for node in nodes(policy):
        for body in (node.get("."), node.get("has")):
            match body:
                case {"left": left, "attr": str(attribute)} if (prefix := path_of(left)) is not None:
                    found.add((*prefix, attribute))
    return frozenset(found)


def strings(policy: Tree) -> frozenset[str]:
    """The string values a policy compares with."""
    return frozenset(value for node in nodes(policy) if isinstance(value := node.get("Value"), str))


def conjuncts(body: Json) -> Iterator[Json]:
    """The parts of a condition joined by top-level `&&`, from left to right."""
    waiting = [body]
    while waiting:
        match waiting.pop():
            case {"&&": {"left": left, "right": right}}:
                waiting += [right, left]
            case part:
                yield part


def verbs_of(policy: Tree) -> frozenset[str]:
    """The verbs a policy's action scope reaches."""
    match policy["action"]:
        case {"op": "All"}:
            return frozenset(VERBS)
        case scope:
            names = {name for kind, name in literals({"scope": scope}) if kind == "Action"}
            return frozenset().union(*(GROUPS.get(name, frozenset({name})) for name in names))
