"""How well a condition over two ranges joins them."""

from enum import IntEnum
from typing import Final

from interlock.intent.sql.tree import Json, Node, names, node, nodes, unwrap

_FOLDING_DEPTH: Final = 40


class Link(IntEnum):
    """How well a condition over two ranges joins them: a bound leaves half of all pairs, two bounds a band."""

    NONE = 0
    BOUND = 1
    WHOLE = 2


_BOUNDS: Final = frozenset({"<", ">", "<=", ">="})


def link(condition: Node | None, depth: int = 0) -> Link:
    """How well a condition that mentions two ranges joins them. Recursion is bounded."""
    kind, inner = unwrap(condition)
    if kind == "NullTest" or depth > _FOLDING_DEPTH:
        return Link.NONE
    if kind == "BooleanTest":
        return link(node(inner, "arg"), depth + 1) if inner.get("booltesttype") == "IS_TRUE" else Link.NONE
    if kind == "BoolExpr":
        links = [link(argument, depth + 1) for argument in nodes(inner, "args")]
        if inner.get("boolop") == "AND_EXPR":
            return Link(min(sum(links), Link.WHOLE))
        return min(links) if inner.get("boolop") == "OR_EXPR" else Link.NONE
    return _link(inner) if kind == "A_Expr" else Link.WHOLE


def _link(inner: Node) -> Link:
    operator, kind = (names(inner, "name") or ("",))[-1], inner.get("kind")
    left, right = _mentions(inner.get("lexpr")), _mentions(inner.get("rexpr"))
    if kind in {"AEXPR_DISTINCT", "AEXPR_NOT_BETWEEN", "AEXPR_NOT_BETWEEN_SYM"} or operator in {"<>", "!="}:
        return Link.NONE
    if kind in {"AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR"}:
        return Link.WHOLE if left and right else Link.NONE
    if kind == "AEXPR_OP" and operator in _BOUNDS:
        return Link.BOUND
    # With nothing on one side the other must hold both: `a.x - b.x = 0`, not `a.x = 5` in an OR.
    return Link.WHOLE if (left and right) or max(left, right) > 1 else Link.NONE


def _mentions(value: Json) -> int:
    """Columns that an expression mentions, up to two; a sub-query counts as both."""
    found, stack = 0, [value]
    while stack and found < 2:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(current)
        elif isinstance(current, dict):
            found += ("ColumnRef" in current) + 2 * ("SubLink" in current)
            stack.extend(current.values())
    return found
