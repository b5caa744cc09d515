"""An expression beside itself, moved: `id + 1 > id`, `date_trunc('day', at) <= at`, `GREATEST(id, 0) >= id`."""

from typing import Final

from interlock.intent.sql.conditions.folding import column_of, never_null, structure, whole_number
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.amounts import amount, span
from interlock.intent.sql.tree import Node, names, node, nodes, unwrap, words

_DEPTH: Final = 8
_MEASURES: Final = words("int2 int4 int8 numeric float4 float8 date timestamp timestamptz time")


def moved(level: Level, operator: str, left: Node | None, right: Node | None) -> bool:
    """Whether `left operator right` holds because both are the same, one of them moved by something known."""
    one, other = _shift(level, left), _shift(level, right)
    if one is not None and other is not None and one[0] == other[0] and _measures(level, one[2]):
        apart = one[1] - other[1]
        return {"<": apart < 0, "<=": apart <= 0, ">": apart > 0, ">=": apart >= 0, "=": not apart, "<>": bool(apart)}[
            operator
        ]
    return (operator == "<=" and _below(level, left, right)) or (operator == ">=" and _below(level, right, left))


def _measures(level: Level, value: Node | None) -> bool:
    """Whether it is a number or a moment with a value: `jsonb - 0` takes an element away."""
    found = column_of(level, value)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None or found[1] not in relation.places or not never_null(level, value):
        return False
    column = relation.columns[relation.places[found[1]]]
    return column.type_schema == "pg_catalog" and column.type in _MEASURES


def _shift(level: Level, value: Node | None, depth: int = 0) -> tuple[str, float, Node | None] | None:
    """What an expression moves, as text, by how much, and the thing itself."""
    kind, inner = unwrap(value)
    if kind == "TypeCast" and whole_number(level, node(inner, "arg")) is not None:
        named = names(node(inner, "typeName") or {}, "names")[-1:]
        return _shift(level, node(inner, "arg"), depth + 1) if named in {("int8",), ("numeric",)} else None
    if kind == "A_Expr" and inner.get("kind") == "AEXPR_OP" and depth < _DEPTH:
        operator, left, right = (names(inner, "name") or ("",))[-1], node(inner, "lexpr"), node(inner, "rexpr")
        if operator == "+" and amount(left) is not None:
            left, right = right, left
        by = amount(right) if amount(right) is not None else span(right)
        base = _shift(level, left, depth + 1) if operator in {"+", "-"} and by is not None and left else None
        if base is not None and by is not None:
            return base[0], base[1] + (by if operator == "+" else -by), base[2]
    text = structure(level, value)
    return None if text is None else (text, 0.0, value)


def _below(level: Level, less: Node | None, more: Node | None) -> bool:
    """Whether one is never above the other: a part of it, the least of it and others; or the other the greatest."""
    kind, inner = unwrap(less)
    called, arguments = names(inner, "funcname")[-1:], nodes(inner, "args")
    if kind == "FuncCall" and called in {("date_trunc",), ("floor",)} and arguments:
        return _same(level, arguments[-1 if called == ("floor",) else 1 % len(arguments)], more)
    if kind == "MinMaxExpr" and inner.get("op") == "IS_LEAST":
        return any(_same(level, each, more) for each in nodes(inner, "args"))
    kind, inner = unwrap(more)
    if kind == "MinMaxExpr" and inner.get("op") == "IS_GREATEST":
        return any(_same(level, each, less) for each in nodes(inner, "args"))
    return False


def _same(level: Level, one: Node | None, other: Node | None) -> bool:
    text = structure(level, one)
    return text is not None and text == structure(level, other) and never_null(level, one)
