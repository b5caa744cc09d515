"""How well a condition over two ranges joins them."""

from enum import IntEnum
from typing import Final

from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.tree import Json, Node, constant, names, node, nodes, unwrap, words

_FOLDING_DEPTH: Final = 40


class Link(IntEnum):
    """How well a condition over two ranges joins them: a bound leaves half of all pairs, two bounds a band."""

    NONE = 0
    BOUND = 1
    WHOLE = 2


_BOUNDS: Final = frozenset({"<", ">", "<=", ">="})
_TRUTHS: Final = words("= <> != < > <= >= ~ ~* !~ !~* @> <@ && @@ @? ? ?| ?&")
_MANY_RESTS: Final = 50.0
_FEW: Final = words("sign starts_with num_nulls num_nonnulls isfinite regexp_like jsonb_typeof json_typeof pg_typeof")
_LENGTHS: Final = words("length char_length character_length octet_length cardinality array_length")
_PARTS_OF_TIME: Final = words("month day dow isodow hour minute quarter century decade millennium")


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
    if operator == "=" and left and right:
        return Link(max(_tells_apart(node(inner, "lexpr")), _tells_apart(node(inner, "rexpr"))))
    # With nothing on one side the other must hold both: `a.x - b.x = 0`, not `a.x = 5` in an OR.
    return Link.WHOLE if (left and right) or max(left, right) > 1 else Link.NONE


def _tells_apart(value: Node | None) -> Link:
    """How many rows of a table an expression tells apart: a truth, a sign or an odd number hardly any, a month some."""
    kind, inner = unwrap(value)
    while kind in {"TypeCast", "CollateClause"}:
        kind, inner = unwrap(node(inner, "arg"))
    if kind in {"BoolExpr", "NullTest", "BooleanTest"}:
        return Link.NONE
    called = (names(inner, "name" if kind == "A_Expr" else "funcname") or ("",))[-1]
    if kind == "A_Expr":
        few = called == "%" and (amount(node(inner, "rexpr")) or _MANY_RESTS) < _MANY_RESTS
        return (
            Link.NONE
            if few or called in _TRUTHS or inner.get("kind") not in {"AEXPR_OP", "AEXPR_NULLIF"}
            else Link.WHOLE
        )
    arguments = nodes(inner, "args")
    if kind != "FuncCall" or not arguments:
        return Link.WHOLE
    if called in {"extract", "date_part"}:
        return Link.BOUND if constant(arguments[0]) in _PARTS_OF_TIME else Link.WHOLE
    few = called == "mod" and (amount(arguments[-1]) or _MANY_RESTS) < _MANY_RESTS
    return Link.NONE if few or called in _FEW else (Link.BOUND if called in _LENGTHS else Link.WHOLE)


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
