"""What an expert would point at: conditions that always hold, joins that multiply."""

from enum import IntEnum

from interlock.intent.sql.names import Level, lookup
from interlock.intent.sql.tree import Json, Node, body, constant, flag, names, node, nodes, unwrap

_FOLDING_DEPTH = 40
_MIRRORED = frozenset({"=", ">=", "<="})
_OPPOSITES = {("=", "<>"), ("<>", "="), ("<", ">="), (">=", "<"), (">", "<="), ("<=", ">")}


def always(level: Level, condition: Node | None, depth: int = 0) -> bool | None:
    """Whether a condition always holds (True), never holds (False), or depends (None). Recursion is bounded."""
    kind, inner = unwrap(condition)
    if depth > _FOLDING_DEPTH or condition is None:
        return None
    if kind == "A_Const":
        value = constant(condition)
        return False if flag(inner, "isnull") else _truth(value)
    if kind == "TypeCast":
        named = names(node(inner, "typeName") or {}, "names")
        return _truth(constant(node(inner, "arg"))) if named[-1:] == ("bool",) else None
    if kind == "BoolExpr":
        return _logic(level, inner, depth)
    if kind == "NullTest":
        present = _never_null(level, node(inner, "arg"))
        return None if not present else inner.get("nulltesttype") == "IS_NOT_NULL"
    if kind == "BooleanTest":
        held = always(level, node(inner, "arg"), depth + 1)
        tests = {"IS_TRUE": True, "IS_NOT_FALSE": True, "IS_FALSE": False, "IS_NOT_TRUE": False}
        wanted = tests.get(str(inner.get("booltesttype")))
        return None if held is None or wanted is None else held is wanted
    if kind == "SubLink":
        return _exists(inner)
    return _comparison(level, inner) if kind == "A_Expr" else None


def _truth(value: str | int | float | bool | None) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"t": True, "true": True, "yes": True, "on": True, "1": True, "f": False, "false": False}.get(
            value.lower()
        )
    return bool(value) if isinstance(value, int) else None


def _logic(level: Level, inner: Node, depth: int) -> bool | None:
    arguments = nodes(inner, "args")
    folded = [always(level, argument, depth + 1) for argument in arguments]
    operation = inner.get("boolop")
    if operation == "NOT_EXPR":
        return None if folded[0] is None else not folded[0]
    decisive = operation == "OR_EXPR"
    if decisive in folded:
        return decisive
    if all(value is not None for value in folded):
        return not decisive
    return True if decisive and _tautology(level, arguments) else None


def _tautology(level: Level, arguments: list[Node]) -> bool:
    """`x IS NULL OR x IS NOT NULL`; `x = 1 OR x <> 1` where x is never null."""
    nulls: dict[str, set[Json]] = {}
    compared: list[tuple[str, str, Json]] = []
    for argument in arguments[:100]:
        kind, inner = unwrap(argument)
        if kind == "NullTest":
            nulls.setdefault(_bare(node(inner, "arg")), set()).add(inner.get("nulltesttype"))
        elif kind == "A_Expr" and inner.get("kind") == "AEXPR_OP" and _never_null(level, node(inner, "lexpr")):
            operator = names(inner, "name")[-1]
            compared.append((_bare(node(inner, "lexpr")), operator, _bare(node(inner, "rexpr"))))
    if any(len(tests) == 2 for tests in nulls.values()):
        return True
    return any(
        (a[1], b[1]) in _OPPOSITES and a[0] == b[0] and a[2] == b[2]
        for at, a in enumerate(compared)
        for b in compared[at + 1 :]
    )


def _bare(wrapped: Node | None) -> str:
    """An expression as text without its places, to compare two of them; only small ones."""
    kind, inner = unwrap(wrapped)
    if kind == "ColumnRef":
        return f"{kind}:{'.'.join(names(inner, 'fields'))}"
    if kind == "A_Const":
        return f"{kind}:{constant(wrapped)!r}"
    if kind == "ParamRef":
        return f"{kind}:{inner.get('number')}"
    return f"{kind}:{id(wrapped)}"


def _never_null(level: Level, wrapped: Node | None) -> bool:
    kind, inner = unwrap(wrapped)
    if kind == "A_Const":
        return not flag(inner, "isnull")
    if kind != "ColumnRef":
        return False
    found = lookup(level, names(inner, "fields"))
    return found is not None and found[0].relation is not None and found[1] in found[0].relation.not_null


def _comparison(level: Level, inner: Node) -> bool | None:
    operator = (names(inner, "name") or ("",))[-1]
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    kind = inner.get("kind")
    if kind in {"AEXPR_LIKE", "AEXPR_ILIKE"}:
        return (
            True if operator in {"~~", "~~*"} and constant(right) in {"%", "%%"} and _never_null(level, left) else None
        )
    if kind == "AEXPR_IN":
        _, listed = unwrap(right)
        value = constant(left)
        return (
            True if operator == "=" and value is not None and value in map(constant, nodes(listed, "items")) else None
        )
    if kind == "AEXPR_NOT_DISTINCT":
        return True if _bare(left) == _bare(right) else None
    if kind != "AEXPR_OP" or left is None or right is None:
        return None
    if "A_Const" in left and "A_Const" in right:
        return _fold(operator, constant(left), constant(right))
    same = "ColumnRef" in left and _bare(left) == _bare(right)
    return True if same and operator in _MIRRORED and _never_null(level, left) else None


def _fold(operator: str, left: Json, right: Json) -> bool | None:
    if isinstance(left, str) and isinstance(right, str):
        return {"=": left == right, "<>": left != right}.get(operator)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return {
            "=": left == right,
            "<>": left != right,
            "<": left < right,
            ">": left > right,
            "<=": left <= right,
            ">=": left >= right,
        }.get(operator)
    return None


def _exists(inner: Node) -> bool | None:
    """EXISTS over a query without FROM and WHERE gives a row, always."""
    select = body(node(inner, "subselect"), "SelectStmt")
    if inner.get("subLinkType") != "EXISTS_SUBLINK" or select is None:
        return None
    plain = not any(
        key in select for key in ("fromClause", "whereClause", "havingClause", "limitCount", "limitOffset", "larg")
    )
    return True if plain and ("targetList" in select or "valuesLists" in select) else None


class Link(IntEnum):
    """How well a condition over two ranges joins them: a bound leaves half of all pairs, two bounds a band."""

    NONE = 0
    BOUND = 1
    WHOLE = 2


_BOUNDS = frozenset({"<", ">", "<=", ">="})


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
