"""What an expression comes to in a row of which some values are given."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from interlock.intent.sql.conditions.folding import DEPTH, boolean
from interlock.intent.sql.conditions.values import UNSAID, Held, Label, Single, Unsaid, compare, quantity
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, number, unwrap, word, words

_NUMERIC: Final = words("int2 int4 int8 numeric float4 float8")
_TEXTS: Final = words("text varchar bpchar name")
_MOMENTS: Final = words("date timestamp timestamptz")
_LENGTHS: Final = words("length char_length character_length")
_PATTERNS: Final = {"AEXPR_LIKE", "AEXPR_ILIKE"}
_MOST_ELEMENTS: Final = 1_000


class Row:
    """`slots` says which of `values` a node of the expression has, by the identity of its body; `enums` are the labels
    of enumerations by the names of their types."""

    __slots__ = ("enums", "slots", "values")

    def __init__(self, enums: Mapping[str, tuple[Single, ...]]) -> None:
        self.enums, self.slots = enums, dict[int, int]()
        self.values: Sequence[Single] = ()


def evaluate(row: Row, wrapped: Node | None, depth: int = 0) -> Held:
    """The value of an expression in this row."""
    kind, inner = unwrap(wrapped)
    judge = _JUDGES.get(kind)
    if depth > DEPTH or judge is None:
        return UNSAID
    found = judge(row, inner, depth + 1)
    slot = row.slots.get(id(inner)) if found is UNSAID else None
    return found if slot is None else row.values[slot]


def literal(inner: Node) -> Single:
    """The value of an A_Const, exactly."""
    if flag(inner, "isnull"):
        return None
    for key in ("ival", "boolval", "sval"):
        if (held := node(inner, key)) is not None:
            value = Fraction(number(held, "ival")) if key == "ival" else flag(held, "boolval")
            return word(held, "sval") if key == "sval" else value
    written = word(node(inner, "fval") or {}, "fval")
    try:
        return Fraction(written) if 0 < len(written) < 60 and "e" not in written.lower() else UNSAID
    except ValueError:
        return UNSAID


def _single(row: Row, wrapped: Node | None, depth: int) -> Single:
    found = evaluate(row, wrapped, depth)
    return UNSAID if isinstance(found, tuple) else found


def _column(row: Row, inner: Node, _depth: int) -> Held:
    slot = row.slots.get(id(inner))
    return UNSAID if slot is None else row.values[slot]


def _cast(row: Row, inner: Node, depth: int) -> Held:
    named, value = node(inner, "typeName") or {}, evaluate(row, node(inner, "arg"), depth)
    if "arrayBounds" in named:
        return elements(value)
    if value is None or isinstance(value, (tuple, Unsaid)) or "typmods" in named:
        return value if not isinstance(value, Fraction) else UNSAID
    return _cast_to((names(named, "names") or ("",))[-1], value)


def _cast_to(target: str, value: Single) -> Held:
    if target in _TEXTS:
        if isinstance(value, (bool, Label)):
            return value.text if isinstance(value, Label) else str(value).lower()
        whole = isinstance(value, Fraction) and value.denominator == 1
        return str(value) if whole else (UNSAID if isinstance(value, Fraction) else value)
    if target in _NUMERIC or target in _MOMENTS:
        found = quantity(value) if not isinstance(value, bool) else None
        exact = found is not None and (found.denominator == 1 or target in {"numeric", "float8", "timestamptz"})
        return found if exact else UNSAID
    if target == "bool":
        held = boolean(value) if isinstance(value, (bool, str)) else None
        return UNSAID if held is None else held
    # Another type's text, as of a label: it only ever means something beside a value of that type.
    return value if isinstance(value, (str, Label)) else UNSAID


def elements(value: Held) -> Held:
    """An array that is written as a text: `{a,b}`, without quotes and NULL in it."""
    if isinstance(value, str):
        inside = value.strip()
        plain = inside.startswith("{") and inside.endswith("}") and not any(each in inside for each in '"\\')
        parts = [each.strip() for each in inside[1:-1].split(",")] if plain else []
        known = parts and "" not in parts and "null" not in (each.lower() for each in parts)
        return tuple(parts) if known and len(parts) <= _MOST_ELEMENTS else UNSAID
    return value if isinstance(value, tuple) or value is None else UNSAID


def _truth(value: Held) -> bool | Unsaid | None:
    held = boolean(value) if isinstance(value, str) else value
    return held if held is None or isinstance(held, bool) else UNSAID


def _every(held: Sequence[bool | Unsaid | None]) -> bool | Unsaid | None:
    if any(each is False for each in held):
        return False
    return UNSAID if UNSAID in held else (None if None in held else True)


def _negated(held: bool | Unsaid | None) -> bool | Unsaid | None:
    return not held if isinstance(held, bool) else held


def _some(held: Sequence[bool | Unsaid | None]) -> bool | Unsaid | None:
    return _negated(_every([_negated(each) for each in held]))


def _logic(row: Row, inner: Node, depth: int) -> Held:
    held = [_truth(evaluate(row, argument, depth)) for argument in nodes(inner, "args")]
    if inner.get("boolop") == "NOT_EXPR":
        return _negated(held[0])
    return _every(held) if inner.get("boolop") == "AND_EXPR" else _some(held)


def _null_test(row: Row, inner: Node, depth: int) -> Held:
    value = evaluate(row, node(inner, "arg"), depth)
    return UNSAID if value is UNSAID else (value is None) == (inner.get("nulltesttype") == "IS_NULL")


def _boolean_test(row: Row, inner: Node, depth: int) -> Held:
    held, test = _truth(evaluate(row, node(inner, "arg"), depth)), word(inner, "booltesttype") or "IS_TRUE"
    wanted = {"TRUE": True, "FALSE": False}.get(test.rpartition("_")[2])
    return UNSAID if held is UNSAID else (held is wanted) != ("NOT" in test)


def _comparison(row: Row, inner: Node, depth: int) -> Held:
    qualified, kind = names(inner, "name"), str(inner.get("kind"))
    if not qualified or (len(qualified) > 1 and qualified[0] != "pg_catalog"):
        return UNSAID
    left, operator = evaluate(row, node(inner, "lexpr"), depth), qualified[-1]
    if kind == "AEXPR_IN":
        listed = nodes(body(node(inner, "rexpr"), "List") or {}, "items")
        return _among(operator, left, [_single(row, each, depth) for each in listed], every=operator == "<>")
    right = evaluate(row, node(inner, "rexpr"), depth)
    if kind in {"AEXPR_OP_ANY", "AEXPR_OP_ALL"}:
        held = elements(right)
        return _among(operator, left, held, every=kind.endswith("ALL")) if isinstance(held, tuple) else held
    if kind in {"AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"}:
        return _distinct(left, right, wanted=kind == "AEXPR_DISTINCT")
    if "BETWEEN" in kind:
        return _between(row, kind, left, nodes(body(node(inner, "rexpr"), "List") or {}, "items"), depth)
    return compare(operator, left, right) if kind == "AEXPR_OP" or kind in _PATTERNS else UNSAID


def _among(operator: str, left: Held, listed: Sequence[Single], *, every: bool) -> Held:
    held = [compare(operator, left, each) for each in listed]
    return _every(held) if every else _some(held)


def _distinct(left: Held, right: Held, *, wanted: bool) -> Held:
    if left is None or right is None:
        same: bool | Unsaid | None = UNSAID if UNSAID in {left, right} else left is right
    else:
        same = compare("=", left, right)
    return same if not isinstance(same, bool) else same != wanted


def _between(row: Row, kind: str, left: Held, ends: list[Node], depth: int) -> Held:
    if len(ends) != 2:
        return UNSAID
    one, other = (evaluate(row, end, depth) for end in ends)
    inside = _every([compare(">=", left, one), compare("<=", left, other)])
    if "SYM" in kind:
        inside = _some([inside, _every([compare(">=", left, other), compare("<=", left, one)])])
    return _negated(inside) if "NOT" in kind else inside


def _case(row: Row, inner: Node, depth: int) -> Held:
    tested = evaluate(row, node(inner, "arg"), depth) if "arg" in inner else None
    for wrapped in nodes(inner, "args"):
        branch = body(wrapped, "CaseWhen") or {}
        when = evaluate(row, node(branch, "expr"), depth)
        taken = compare("=", tested, when) if "arg" in inner else _truth(when)
        if taken is UNSAID:
            return UNSAID
        if taken:
            return evaluate(row, node(branch, "result"), depth)
    return evaluate(row, node(inner, "defresult"), depth) if "defresult" in inner else None


def _first(row: Row, inner: Node, depth: int) -> Held:
    for argument in nodes(inner, "args"):
        value = evaluate(row, argument, depth)
        if value is not None:
            return value
    return None


def _called(row: Row, inner: Node, depth: int) -> Held:
    called, listed = names(inner, "funcname"), nodes(inner, "args")
    name = called[-1] if called and (len(called) == 1 or called[0] == "pg_catalog") else ""
    if name in {"enum_range", "enum_first", "enum_last"}:
        return _enumerated(row, name, listed, depth)
    value = evaluate(row, listed[0], depth) if len(listed) == 1 else UNSAID
    if value is None or not isinstance(value, str) or not value.isascii():
        return None if value is None and name in _LENGTHS | {"lower", "upper"} else UNSAID
    if name in _LENGTHS:
        return Fraction(len(value))
    return value.lower() if name == "lower" else (value.upper() if name == "upper" else UNSAID)


def _enumerated(row: Row, name: str, listed: list[Node], depth: int) -> Held:
    """`enum_range(NULL::t)` and its kin: the labels of a type from one to another."""
    cast = body(listed[0], "TypeCast") if listed else None
    labels = row.enums.get((names(node(cast or {}, "typeName") or {}, "names") or ("",))[-1])
    if labels is None or len(listed) > 2:
        return UNSAID
    if name != "enum_range":
        return labels[0 if name == "enum_first" else -1] if labels else None
    ends = [evaluate(row, argument, depth) for argument in listed]
    low = ends[0] if len(ends) == 2 else None
    high = ends[1] if len(ends) == 2 else None
    within = [
        _every([low is None or compare(">=", each, low), high is None or compare("<=", each, high)]) for each in labels
    ]
    return UNSAID if UNSAID in within else tuple(each for each, held in zip(labels, within, strict=True) if held)


def _array(row: Row, inner: Node, depth: int) -> Held:
    listed = nodes(inner, "elements")
    return tuple(_single(row, each, depth) for each in listed) if len(listed) <= _MOST_ELEMENTS else UNSAID


def _sub_query(row: Row, inner: Node, depth: int) -> Held:
    """`IN (VALUES ...)`, `IN (SELECT 'a' UNION SELECT 'b')`, `= ANY (SELECT unnest(...))`, `ARRAY(...)` of the same."""
    listed = _spelled(row, body(node(inner, "subselect"), "SelectStmt"), depth)
    if listed is None:
        return UNSAID
    kind = inner.get("subLinkType")
    if kind == "ARRAY_SUBLINK":
        return tuple(listed)
    operator = (names(inner, "operName") or ("=",))[-1]
    if kind not in {"ANY_SUBLINK", "ALL_SUBLINK"}:
        return listed[0] if kind == "EXPR_SUBLINK" and len(listed) == 1 else UNSAID
    return _among(operator, evaluate(row, node(inner, "testexpr"), depth), listed, every=kind == "ALL_SUBLINK")


def _spelled(row: Row, select: Node | None, depth: int) -> list[Single] | None:
    """The values of a query without FROM; None for any other."""
    if select is None or depth > DEPTH or any(key in select for key in _SHAPING):
        return None
    if "larg" in select:
        arms = [_spelled(row, node(select, side), depth + 1) for side in ("larg", "rarg")]
        whole = select.get("op") == "SETOP_UNION" and None not in arms
        return [each for arm in arms for each in arm or ()] if whole else None
    lists = [nodes(unwrap(each)[1], "items") for each in nodes(select, "valuesLists")]
    if not lists:
        lists = [[node(body(each, "ResTarget") or {}, "val") or {} for each in nodes(select, "targetList")]]
    if any(len(each) != 1 for each in lists):
        return None
    made = body(lists[0][0], "FuncCall")
    if made is not None and names(made, "funcname")[-1:] == ("unnest",) and len(nodes(made, "args")) == 1:
        held = elements(evaluate(row, nodes(made, "args")[0], depth + 1))
        return list(held) if isinstance(held, tuple) and len(lists) == 1 else None
    return [_single(row, each[0], depth + 1) for each in lists]


_SHAPING: Final = words("fromClause whereClause havingClause groupClause limitCount limitOffset withClause")

_JUDGES: Final[dict[str, Callable[[Row, Node, int], Held]]] = {
    "A_Const": lambda _row, inner, _depth: literal(inner),
    "ColumnRef": _column,
    "TypeCast": _cast,
    "CollateClause": lambda row, inner, depth: evaluate(row, node(inner, "arg"), depth),
    "A_ArrayExpr": _array,
    "BoolExpr": _logic,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "A_Expr": _comparison,
    "CaseExpr": _case,
    "CoalesceExpr": _first,
    "FuncCall": _called,
    "SubLink": _sub_query,
}
