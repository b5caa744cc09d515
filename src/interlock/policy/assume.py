"""Three-valued reading of a condition: what follows from a plan and from lifts alone, all else not known."""

from typing import TypeAlias

from msgspec import Struct

from interlock.policy.plan import Plan
from interlock.policy.tree import Json, Tree, path_of

Value: TypeAlias = "bool | int | str | frozenset[str] | None"  # None: not known


class Assumption(Struct, frozen=True, kw_only=True):
    """The two parts of the context that somebody can still change: the promises and what is granted from outside."""

    plan: Plan
    lifts: frozenset[str]

    def value(self, path: tuple[str, ...]) -> Value:
        """The value of a context path under this assumption."""
        match path:
            case ("plan", name):
                return self.plan.facts().get(name)
            case ("lifts",):
                return self.lifts
        return None

    def has(self, path: tuple[str, ...]) -> bool | None:
        """Whether a context path is present; None where that is not ours to say."""
        match path:
            case ("plan", name):
                return name in self.plan.facts()
            case ("lifts",) | ("plan",):
                return True
        return None


def lifted(policy: Tree, before: Assumption, after: Assumption) -> bool:
    """Whether a forbid that holds under `before` can cease to hold under `after`."""
    held = _conditions(policy, before)
    then = _conditions(policy, after)
    if any(value is False for value in held):
        return False
    return any(
        (new is False and old is not False) or (new is None and old is True)
        for old, new in zip(held, then, strict=True)
    )


def _conditions(policy: Tree, given: Assumption) -> list[bool | None]:
    values: list[bool | None] = []
    conditions = policy["conditions"]
    for condition in conditions if isinstance(conditions, list) else []:
        match condition:
            case {"kind": kind, "body": body}:
                value = _truth(evaluate(body, given))
                values.append(_negated(value) if kind == "unless" else value)
    return values


def evaluate(node: Json, given: Assumption) -> Value:
    """The value of an expression, or None where it depends on more than the assumption."""
    if (path := path_of(node)) is not None:
        return given.value(path)
    match node:
        case {"Value": bool() | int() | str() as literal}:
            return literal
        case {"Set": list() as items}:
            return _set([evaluate(item, given) for item in items])
        case {"has": {"left": left, "attr": str(attribute)}} if (path := path_of(left)) is not None:
            return given.has((*path, attribute))
        case {"!": {"arg": arg}}:
            return _negated(_truth(evaluate(arg, given)))
        case {"&&": {"left": left, "right": right}}:
            return _both(_truth(evaluate(left, given)), right, given)
        case {"||": {"left": left, "right": right}}:
            return _either(_truth(evaluate(left, given)), right, given)
        case dict():
            return _compare(node, given)
    return None


def _both(left: bool | None, right: Json, given: Assumption) -> bool | None:
    if left is False:
        return False
    value = _truth(evaluate(right, given))
    return False if value is False else (None if left is None else value)


def _either(left: bool | None, right: Json, given: Assumption) -> bool | None:
    if left is True:
        return True
    value = _truth(evaluate(right, given))
    return True if value is True else (None if left is None else value)


def _compare(node: Tree, given: Assumption) -> bool | None:
    for operator, operands in node.items():
        match operands:
            case {"left": left, "right": right}:
                return _relation(operator, evaluate(left, given), evaluate(right, given))
    return None


def _relation(operator: str, left: Value, right: Value) -> bool | None:
    match operator, left, right:
        case (_, None, _) | (_, _, None):
            return None
        case "==", _, _:
            return left == right
        case "!=", _, _:
            return left != right
        case "contains", frozenset(), str():
            return right in left
        case "containsAny", frozenset(), frozenset():
            return bool(left & right)
        case "containsAll", frozenset(), frozenset():
            return left >= right
        case "<", int(), int():
            return left < right
        case "<=", int(), int():
            return left <= right
        case ">", int(), int():
            return left > right
        case ">=", int(), int():
            return left >= right
    return None


def _set(values: list[Value]) -> Value:
    members = [value for value in values if isinstance(value, str)]
    return frozenset(members) if len(members) == len(values) else None


def _truth(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value
