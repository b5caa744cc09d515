"""Numbers that an expression never leaves, whatever its row holds: a rest, a sign, a month, a length."""

from typing import Final

from interlock.intent.sql.conditions.folding import Value, column_of, counts, fold, never_null, structure, whole_number
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, words

_Extent = tuple[int | None, int | None]
_NOTHING: Final[_Extent] = (None, None)
_INTEGERS: Final = words("int2 int4 int8 numeric float4 float8")
_TEXTS: Final = words("text varchar bpchar name citext char")
_PARTS: Final[dict[str, tuple[int, int]]] = {
    "month": (1, 12), "day": (1, 31), "dow": (0, 6), "isodow": (1, 7), "doy": (1, 366), "hour": (0, 23),
    "minute": (0, 59), "second": (0, 60), "quarter": (1, 4), "week": (1, 53), "year": (1900, 2100),
    "isoyear": (1900, 2100), "century": (19, 22), "decade": (190, 210), "millennium": (2, 3),
}  # fmt: skip
_SUPPOSED: Final = words("year isoyear century decade millennium")
_CALLS: Final[dict[str, _Extent]] = {
    "sign": (-1, 1), "width_bucket": (0, None), "num_nulls": (0, None), "num_nonnulls": (0, None),
    "pg_column_size": (0, None), "cardinality": (0, None), "array_length": (1, None), "ascii": (0, None),
}  # fmt: skip
_LENGTHS: Final = words("length char_length character_length octet_length bit_length")
_FEW: Final = 60


def extent(level: Level, value: Node | None) -> _Extent:
    """The least and the greatest number that an expression can be; None where there is none."""
    bits = whole_number(level, value)
    if bits is not None:
        return -(2**bits), 2**bits - 1
    kind, inner = unwrap(value)
    if kind == "TypeCast":
        named = names(node(inner, "typeName") or {}, "names")[-1:]
        return _cast(level, node(inner, "arg")) if named and named[0] in _INTEGERS else _NOTHING
    if kind == "A_Expr" and inner.get("kind") == "AEXPR_OP":
        return _computed(level, inner)
    called, arguments = (names(inner, "funcname") or ("",))[-1], nodes(inner, "args")
    if kind == "FuncCall" and arguments:
        return _called(level, called, arguments, (0, None) if counts(value) else _NOTHING)
    return (0, None) if counts(value) else _NOTHING


def _cast(level: Level, value: Node | None) -> _Extent:
    return (0, 1) if is_truth(level, value) else extent(level, value)


def is_truth(level: Level, value: Node | None) -> bool:
    """Whether an expression is a boolean column or condition."""
    kind, _ = unwrap(value)
    return kind in {"BoolExpr", "NullTest", "BooleanTest"} or _type(level, value) == "bool"


def _type(level: Level, value: Node | None) -> str:
    """The built-in type of a mere column, "" for anything else."""
    found = column_of(level, value)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None or found[1] not in relation.places:
        return ""
    column = relation.columns[relation.places[found[1]]]
    return column.type if column.type_schema == "pg_catalog" else f"{column.type_schema}.{column.type}"


def _computed(level: Level, inner: Node) -> _Extent:
    operator, left, right = (names(inner, "name") or ("",))[-1], node(inner, "lexpr"), node(inner, "rexpr")
    if operator == "%":
        return _rest(level, right)
    text = structure(level, left) if operator == "*" and left is not None else None
    return (0, None) if text is not None and text == structure(level, right) else _NOTHING


def _rest(level: Level, by: Node | None) -> _Extent:
    divisor = fold(level, by)
    return (1 - abs(divisor), abs(divisor) - 1) if type(divisor) is int and divisor else _NOTHING


def _called(level: Level, called: str, arguments: list[Node], otherwise: _Extent) -> _Extent:
    if called == "mod":
        return _rest(level, arguments[-1])
    if called in {"extract", "date_part"}:
        part = constant(arguments[0])
        named = part.lower() if isinstance(part, str) else ""
        return _PARTS.get(named, _NOTHING) if level.supposing or named not in _SUPPOSED else _NOTHING
    if called in {"int2", "int4", "int8"}:
        return _cast(level, arguments[0])
    if called in _LENGTHS and names(body(arguments[0], "FuncCall") or {}, "funcname")[-1:] == ("md5",):
        return (32, 32) if called != "bit_length" else (256, 256)
    if called in _LENGTHS and never_empty(level, arguments[0]):
        return 1, None
    return _CALLS.get(called, otherwise)


def never_empty(level: Level, value: Node | None) -> bool:
    """Whether a text has a character in it wherever it is not NULL: what a number, a moment, a truth is written as."""
    kind, inner = unwrap(value)
    if kind == "FuncCall":
        return names(inner, "funcname")[-1:] in {("md5",), ("sha256",)}
    cast = names(node(inner, "typeName") or {}, "names")[-1:] if kind == "TypeCast" else ()
    if not cast or cast[0] not in _TEXTS:
        return False
    own = _type(level, node(inner, "arg"))
    return bool(own) and own not in _TEXTS and (own in _WRITTEN or "." in own)


_WRITTEN: Final = words(
    """bool int2 int4 int8 numeric float4 float8 date time timetz timestamp timestamptz interval uuid json jsonb inet
    cidr macaddr oid xid cid tid"""
)


def within_bounds(level: Level, operator: str, value: Node | None, bound: Value) -> bool:
    """Whether `value operator bound` holds for every value that there can be.

    Compiled, a parameter that is a float makes one of every integer, and integers of 64 bits do not survive that.
    """
    if not isinstance(bound, (int, float)):
        return False
    lowest, highest = extent(level, value)
    if operator == "=":
        return lowest is not None and lowest == highest == bound
    above = lowest is not None and (
        (operator == ">=" and bound <= lowest) or (operator in {">", "<>"} and bound < lowest)
    )
    below = highest is not None and (
        (operator == "<=" and bound >= highest) or (operator in {"<", "<>"} and bound > highest)
    )
    return above or below


def all_listed(level: Level, value: Node | None, items: list[Node]) -> bool:
    """Whether a list names every number, or every truth, that there can be."""
    listed = [fold(level, item) for item in items]
    if is_truth(level, value):
        return {True, False} <= {each for each in listed if isinstance(each, bool)}
    cast = body(value, "TypeCast")
    if cast is not None and is_truth(level, node(cast, "arg")) and {"true", "false"} <= set(listed):
        return True
    lowest, highest = extent(level, value)
    if lowest is None or highest is None or highest - lowest > _FEW:
        return False
    return set(range(lowest, highest + 1)) <= {each for each in listed if type(each) is int}


def end_of_labels(level: Level, operator: str, left: Node | None, right: Node | None) -> bool:
    """An enumeration beside its own first or last label."""
    called = names(body(right, "FuncCall") or {}, "funcname")[-1:]
    return (operator, *called) in {(">=", "enum_first"), ("<=", "enum_last")} and never_null(level, left)
