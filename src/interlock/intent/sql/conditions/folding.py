"""What an expression comes to before it runs: a value, the same as another expression, or at least never NULL.

Only what PostgreSQL's own functions and operators do by definition. Recursion is bounded by `DEPTH`.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from interlock.intent.sql.queries.names import SYSTEM_COLUMNS, Level, Range, lookup
from interlock.intent.sql.tree import Json, Node, body, flag, names, node, nodes, number, unwrap, word, words

DEPTH: Final = 40


class Unfolded(Enum):
    """The value is only known when it runs; None stands for NULL."""

    UNFOLDED = "unfolded"


Value = str | int | float | bool | None | Unfolded
UNFOLDED: Final = Unfolded.UNFOLDED

_TRUE, _FALSE = words("t true y yes on 1"), words("f false n no off 0")
_INTEGERS: Final = {"int2": 15, "int4": 31, "int8": 63}
_CASTS: Final = words("bool int2 int4 int8 text varchar numeric float8 date timestamp timestamptz uuid")
# Immutable and strict: equal arguments give equal results, and NULL comes out only where it went in.
_PURE: Final = words(
    "lower upper length char_length octet_length bit_length abs btrim ltrim rtrim md5 initcap reverse sign"
)
# Never NULL where their arguments are not, though a session's time zone may decide what they give.
_STRICT: Final = words(
    """mod date_part extract date_trunc cardinality pg_column_size width_bucket num_nulls num_nonnulls floor int2 int4
    int8 isfinite pg_typeof"""
)
_COUNTS: Final = words("length char_length octet_length bit_length abs count")
_COMPARISONS: Final = words("= <> != < > <= >=")
_ARITHMETIC: Final = words("+ - * / % || & | #")


def boolean(value: Value) -> bool | None:
    """A folded value as PostgreSQL casts it to boolean; None where it does not say."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip().lower()
        return True if text in _TRUE else (False if text in _FALSE else None)
    return bool(value) if isinstance(value, int) else None


def fold(level: Level, wrapped: Node | None, depth: int = 0) -> Value:
    """The value of an expression that is the same for every row; UNFOLDED where that is not plain."""
    kind, inner = unwrap(wrapped)
    folder = _FOLDERS.get(kind)
    return UNFOLDED if folder is None or depth > DEPTH else folder(level, inner, depth + 1)


def literal(inner: Node) -> Value:
    """The value of an A_Const; integers beyond 32 bits stay exact."""
    if flag(inner, "isnull"):
        return None
    for key in ("ival", "sval", "boolval", "fval"):
        held = node(inner, key)
        if held is None:
            continue
        if key == "ival":
            return number(held, "ival")
        if key == "boolval":
            return flag(held, "boolval")
        return word(held, "sval") if key == "sval" else _decimal(word(held, "fval"))
    return UNFOLDED


def _decimal(text: str) -> Value:
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit():
        return int(text) if len(text) < 40 else UNFOLDED
    try:
        return float(text)
    except ValueError:
        return UNFOLDED


def _cast(level: Level, inner: Node, depth: int) -> Value:
    named = node(inner, "typeName") or {}
    value: Value = fold(level, node(inner, "arg"), depth)
    target = (names(named, "names") or ("",))[-1]
    if value is None or value is UNFOLDED or "arrayBounds" in named or "typmods" in named:
        return value if value is None else UNFOLDED
    if target == "bool":
        truth = boolean(value)
        return UNFOLDED if truth is None else truth
    if target in _INTEGERS:
        digits = value.strip().removeprefix("-") if isinstance(value, str) else ""
        if digits.isascii() and digits.isdigit() and len(digits) < 20:
            return int(str(value))
        return int(value) if isinstance(value, int) else UNFOLDED
    return value if target in {"text", "varchar"} and isinstance(value, str) else UNFOLDED


def _computed(level: Level, inner: Node, depth: int) -> Value:
    operator, kind = (names(inner, "name") or ("",))[-1], inner.get("kind")
    left, right = fold(level, node(inner, "lexpr"), depth), fold(level, node(inner, "rexpr"), depth)
    if kind == "AEXPR_NULLIF" and left is not UNFOLDED and right is not UNFOLDED:
        return None if left == right and type(left) is type(right) else left
    if kind != "AEXPR_OP":
        return UNFOLDED
    if "lexpr" not in inner:
        negative = operator == "-" and isinstance(right, (int, float)) and not isinstance(right, bool)
        return -right if negative and isinstance(right, (int, float)) else (right if operator == "+" else UNFOLDED)
    if operator == "||" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, int) and isinstance(right, int):
        return _integers(operator, left, right)
    return _absorbed(level, inner, operator, left, right, depth)


def _integers(operator: str, left: int, right: int) -> Value:
    if operator in {"+", "-", "*"}:
        result = left + right if operator == "+" else (left - right if operator == "-" else left * right)
        return result if abs(result) < 2**63 else UNFOLDED
    if operator not in {"/", "%"} or not right:
        return UNFOLDED
    whole = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)  # towards zero, as the server does
    return whole if operator == "/" else left - whole * right


def _absorbed(level: Level, inner: Node, operator: str, left: Value, right: Value, depth: int) -> Value:
    """`id * 0`, `id & 0`, `id % 1`, `id - id` of an integer that is never NULL: nothing, whatever it was."""
    one, other = node(inner, "lexpr"), node(inner, "rexpr")
    if operator in {"*", "&"} and (left == 0 or right == 0):
        rest = other if left == 0 and left is not False else one
        return 0 if whole_number(level, rest) is not None and never_null(level, rest, depth) else UNFOLDED
    if whole_number(level, one) is None or not never_null(level, one, depth):
        return UNFOLDED
    if operator == "%" and right in {1, -1}:
        return 0
    same = operator == "-" and (text := structure(level, one, depth)) is not None and text == structure(level, other)
    return 0 if same else UNFOLDED


def _first(level: Level, inner: Node, depth: int) -> Value:
    """COALESCE: the first that is not NULL, if everything before it is known to be."""
    for argument in nodes(inner, "args"):
        value = fold(level, argument, depth)
        if value is not None:
            return value
    return None


def _extreme(level: Level, inner: Node, depth: int) -> Value:
    values = [fold(level, argument, depth) for argument in nodes(inner, "args")]
    given = [value for value in values if value is not None]
    pick = max if inner.get("op") == "IS_GREATEST" else min
    if given and all(isinstance(value, bool) for value in given):
        return pick(bool(value) for value in given)
    numbers = [value for value in given if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return pick(numbers) if numbers and len(numbers) == len(given) else UNFOLDED


def scalar(wrapped: Node | None) -> Node | None:
    """The expression that `(SELECT expression)` without FROM stands for: its names are those around it."""
    inner = body(wrapped, "SubLink")
    select = body(node(inner, "subselect"), "SelectStmt") if inner is not None else None
    if inner is None or inner.get("subLinkType") != "EXPR_SUBLINK" or select is None:
        return None
    if any(key in select for key in _SHAPING) or len(nodes(select, "targetList")) != 1:
        return None
    value = node(body(nodes(select, "targetList")[0], "ResTarget") or {}, "val")
    return None if value is None or "FuncCall" in value else value


_SHAPING: Final = words(
    "fromClause whereClause havingClause groupClause limitCount limitOffset larg valuesLists withClause"
)


def _sub_query(level: Level, inner: Node, depth: int) -> Value:
    value = scalar({"SubLink": inner})
    return UNFOLDED if value is None else fold(level, value, depth)


_FOLDERS: Final[dict[str, Callable[[Level, Node, int], Value]]] = {
    "A_Const": lambda _level, inner, _depth: literal(inner),
    "TypeCast": _cast,
    "A_Expr": _computed,
    "CoalesceExpr": _first,
    "MinMaxExpr": _extreme,
    "SubLink": _sub_query,
}


def column_of(level: Level, wrapped: Node | None) -> tuple[Range, str] | None:
    """The range and column of a plain reference to a relation's column in this level."""
    reference = body(wrapped, "ColumnRef")
    found = lookup(level, names(reference, "fields")) if reference is not None else None
    return found if found is not None and found[0].relation is not None and found[0].columns is None else None


def whole_number(level: Level, wrapped: Node | None) -> int | None:
    """The bits of an integer column, its sign apart; None for anything else."""
    found = column_of(level, wrapped)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None or found[1] not in relation.places:
        return None
    column = relation.columns[relation.places[found[1]]]
    return _INTEGERS.get(column.type) if column.type_schema == "pg_catalog" else None


def counts(wrapped: Node | None) -> bool:
    """Whether an expression is never negative by its nature: a length, an absolute value, a count."""
    kind, inner = unwrap(wrapped)
    if kind == "SubLink":
        select = body(node(inner, "subselect"), "SelectStmt") or {}
        shaped = any(key in select for key in ("groupClause", "havingClause", "limitCount", "limitOffset", "larg"))
        listed = nodes(select, "targetList")
        value = node(body(listed[0], "ResTarget") or {}, "val") if len(listed) == 1 else None
        counted = body(value, "FuncCall")
        return not shaped and counted is not None and "over" not in counted and names(counted, "funcname") == ("count",)
    return kind == "FuncCall" and (names(inner, "funcname") or ("",))[-1] in _COUNTS


def never_null(level: Level, wrapped: Node | None, depth: int = 0) -> bool:
    """Whether an expression is proven to have a value in every row."""
    kind, inner = unwrap(wrapped)
    if depth > DEPTH:
        return False
    if kind == "A_Const":
        return not flag(inner, "isnull")
    if kind == "ColumnRef":
        found = lookup(level, names(inner, "fields"))
        if found is None or found[0].relation is None or found[0].nullable or found[0].columns is not None:
            return False
        return level.supposing or found[1] in found[0].relation.not_null or found[1] in SYSTEM_COLUMNS
    if kind in {"NullTest", "BooleanTest", "SQLValueFunction"} or (counts(wrapped) and kind == "SubLink"):
        return True
    if kind == "CoalesceExpr" or kind == "MinMaxExpr":
        return any(never_null(level, argument, depth + 1) for argument in nodes(inner, "args"))
    parts = _parts(kind, inner)
    return parts is not None and all(never_null(level, part, depth + 1) for part in parts)


def proven(level: Level, wrapped: Node | None, depth: int) -> bool:
    """`never_null` where that is what is asked about: nothing is supposed."""
    supposing, level.supposing = level.supposing, False
    try:
        return never_null(level, wrapped, depth)
    finally:
        level.supposing = supposing


def _parts(kind: str, inner: Node) -> list[Node | None] | None:
    """What a strict expression is made of; None where it is not known to be strict."""
    if kind == "BoolExpr" or (kind == "FuncCall" and (names(inner, "funcname") or ("",))[-1] in _PURE | _STRICT):
        return list(nodes(inner, "args"))
    if kind == "TypeCast":
        named = names(node(inner, "typeName") or {}, "names")
        return [node(inner, "arg")] if named and named[-1] in _CASTS else None
    if kind == "A_Expr" and inner.get("kind") == "AEXPR_OP":
        operator = (names(inner, "name") or ("",))[-1]
        strict = operator in _COMPARISONS or operator in _ARITHMETIC
        return [node(inner, side) for side in ("lexpr", "rexpr") if side in inner] if strict else None
    if kind == "CollateClause":
        return [node(inner, "arg")]
    return None


def structure(level: Level, wrapped: Node | None, depth: int = 0) -> str | None:
    """An expression as text without its places: equal texts give equal values in one row. None where it may not."""
    kind, inner = unwrap(wrapped)
    if depth > DEPTH // 4:
        return None
    if kind == "ColumnRef":
        return _reference(level, inner)
    if kind == "A_Const":
        value = literal(inner)
        return None if value is UNFOLDED else f"{type(value).__name__}:{value!r}"
    if kind == "ParamRef":
        return f"${inner.get('number')}"
    if kind == "SQLValueFunction":
        return f"{inner.get('op')}"
    if kind == "A_Expr" and (plain := _neutral(level, inner)) is not None:
        return structure(level, plain, depth + 1)
    if (value_ := scalar(wrapped)) is not None:
        return structure(level, value_, depth + 1)
    return _composed(level, kind, inner, depth)


def _composed(level: Level, kind: str, inner: Node, depth: int) -> str | None:
    if kind == "FuncCall" and ((names(inner, "funcname") or ("",))[-1] not in _PURE or "over" in inner):
        return None
    keys = _SAME.get(kind)
    if keys is None:
        return None
    own = [f"{inner.get(key)}" for key in ("kind", "boolop", "nulltesttype", "booltesttype", "op") if key in inner]
    own += [".".join(names(inner, key)) for key in ("name", "funcname") if key in inner]
    own += [".".join(names(node(inner, "typeName") or {}, "names"))]
    parts: list[str] = []
    for key in keys:
        held: Json = inner.get(key)
        for part in held if isinstance(held, list) else [held]:
            text = structure(level, part, depth + 1) if isinstance(part, dict) else ""
            if text is None:
                return None
            parts.append(text)
    return f"{kind}:{':'.join(own)}({', '.join(parts)})"


_SAME: Final = {
    "A_Expr": ("lexpr", "rexpr"),
    "TypeCast": ("arg",),
    "FuncCall": ("args",),
    "CoalesceExpr": ("args",),
    "BoolExpr": ("args",),
    "NullTest": ("arg",),
    "BooleanTest": ("arg",),
    "RowExpr": ("args",),
    "List": ("items",),
    "A_ArrayExpr": ("elements",),
}


def _reference(level: Level, inner: Node) -> str | None:
    fields = names(inner, "fields")
    found = lookup(level, fields)
    if found is not None:
        return f"column:{id(found[0])}.{found[1]}"
    whole = fields and [range_ for range_ in level.ranges if range_.name == fields[-1]]
    return f"row:{id(whole[0])}" if whole else f"outer:{'.'.join(fields)}"


def _neutral(level: Level, inner: Node) -> Node | None:
    """What `x + 0`, `x - 0`, `x * 1` and `x / 1` come to: x."""
    operator, left, right = (names(inner, "name") or ("",))[-1], node(inner, "lexpr"), node(inner, "rexpr")
    if inner.get("kind") != "AEXPR_OP" or left is None or right is None or _document(level, left):
        return None
    if operator in {"+", "-", "*", "/"} and "A_Const" in right:
        nothing = fold(level, right)
        if isinstance(nothing, int) and nothing == (operator in {"*", "/"}):
            return left
    if operator in {"+", "*"} and "A_Const" in left:
        nothing = fold(level, left)
        if isinstance(nothing, int) and nothing == (operator == "*"):
            return right
    return None


def _document(level: Level, wrapped: Node) -> bool:
    """`jsonb - 0` takes the first element away."""
    found = column_of(level, wrapped)
    relation = found[0].relation if found is not None else None
    return (
        found is not None
        and relation is not None
        and any(column.name == found[1] and column.type == "jsonb" for column in relation.columns)
    )


def plainly_open(inner: Node) -> bool:
    """`column = value` and `a.x = b.y`, by far the most common: nothing to work out."""
    if inner.get("kind") != "AEXPR_OP" or names(inner, "name") != ("=",):
        return False
    left, right = body(node(inner, "lexpr"), "ColumnRef"), node(inner, "rexpr")
    if left is None or right is None:
        return False
    other = right.get("ColumnRef")
    if isinstance(other, dict):
        return names(left, "fields")[-1:] != names(other, "fields")[-1:]
    value = right.get("A_Const")
    return "ParamRef" in right or (isinstance(value, dict) and "isnull" not in value)
