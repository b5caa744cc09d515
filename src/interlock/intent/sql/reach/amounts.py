"""What an expression comes to by its literals alone: numbers, moments and spans of time. Nothing is looked up."""

import re
from datetime import UTC, datetime

from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, words

_DEPTH = 20
_NUMERIC = words("int2 int4 int8 numeric float4 float8")
_MOMENTS = words("date timestamp timestamptz")
_NOW = words("now current_timestamp transaction_timestamp statement_timestamp clock_timestamp")
# "Now" is only ever compared with what a text says: some day of these years will do, and no clock is asked.
_SOME_NOW = datetime(2028, 1, 1, tzinfo=UTC).timestamp()
_NAMED = {
    "infinity": float("inf"), "-infinity": float("-inf"), "epoch": 0.0,
    "now": _SOME_NOW, "today": _SOME_NOW, "yesterday": _SOME_NOW, "tomorrow": _SOME_NOW,
}  # fmt: skip
_SPAN = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_SECONDS = {
    "microsecond": 1e-6, "us": 1e-6, "millisecond": 1e-3, "ms": 1e-3, "second": 1.0, "sec": 1.0, "s": 1.0,
    "minute": 60.0, "min": 60.0, "m": 60.0, "hour": 3_600.0, "h": 3_600.0, "day": 86_400.0, "d": 86_400.0,
    "week": 604_800.0, "w": 604_800.0, "month": 2_592_000.0, "mon": 2_592_000.0, "year": 31_536_000.0,
    "y": 31_536_000.0, "decade": 315_360_000.0, "century": 3.1536e9, "centurie": 3.1536e9, "millennium": 3.1536e10,
}  # fmt: skip


def amount(wrapped: Node | None, depth: int = 0, *, column: float | None = None) -> float | None:
    """The number that an expression of literals gives; None where anything in it is not known. A column stands for
    `column`."""
    kind, inner = unwrap(wrapped)
    if depth > _DEPTH:
        return None
    if kind == "ColumnRef":
        return column
    if kind == "SubLink":
        return amount(_alone(inner), depth + 1, column=column)
    if kind == "A_Const":
        value = constant(wrapped)
        return _number(value) if not isinstance(value, bool) else None
    if kind == "TypeCast":
        numeric = names(node(inner, "typeName") or {}, "names")[-1:]
        return amount(node(inner, "arg"), depth + 1, column=column) if numeric and numeric[0] in _NUMERIC else None
    if kind == "FuncCall" and names(inner, "funcname")[-1:] in {("power",), ("pow",)}:
        return _apply("^", [amount(argument, depth + 1, column=column) for argument in nodes(inner, "args")])
    if kind == "A_Expr" and inner.get("kind") == "AEXPR_OP":
        sides = [node(inner, key) for key in ("lexpr", "rexpr") if key in inner]
        return _apply(names(inner, "name")[-1:][0], [amount(side, depth + 1, column=column) for side in sides])
    return None


def _alone(asked: Node) -> Node | None:
    """The one value of `(SELECT 10)` or `(VALUES (10))`."""
    select = body(node(asked, "subselect"), "SelectStmt") or {}
    if asked.get("subLinkType") != "EXPR_SUBLINK" or "fromClause" in select or "larg" in select:
        return None
    rows = nodes(select, "valuesLists")
    listed = nodes(unwrap(rows[0])[1], "items") if rows else nodes(select, "targetList")
    value = listed[0] if len(listed) == 1 else None
    target = body(value, "ResTarget")
    return node(target, "val") if target is not None else value


def _number(value: str | float | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None


def _apply(operator: str, values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not values or len(known) < len(values):
        return None
    left, right = (0.0, known[0]) if len(known) == 1 else (known[0], known[1])
    try:
        return _compute(operator, left, right)
    except ZeroDivisionError:
        return None
    except OverflowError:
        return float("inf")


def _compute(operator: str, left: float, right: float) -> float | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "^":
            raised: float | complex = left**right
            return raised if isinstance(raised, float) else None
        case _:
            return None


def moment(wrapped: Node | None, depth: int = 0) -> float | None:
    """A point in time as seconds, of literals, `now()` and spans added to either; None where it is not known."""
    kind, inner = unwrap(wrapped)
    if depth > _DEPTH:
        return None
    if kind == "SQLValueFunction":
        return _SOME_NOW
    if kind == "A_Const":
        return _written(constant(wrapped))
    if kind == "TypeCast":
        named = names(node(inner, "typeName") or {}, "names")[-1:]
        return moment(node(inner, "arg"), depth + 1) if named and named[0] in _MOMENTS else None
    if kind == "FuncCall":
        called, arguments = names(inner, "funcname")[-1:], nodes(inner, "args")
        if called == ("date_trunc",) and len(arguments) > 1:
            return moment(arguments[1], depth + 1)
        return _SOME_NOW if called and called[0] in _NOW else None
    if kind == "A_Expr" and names(inner, "name")[-1:] in {("+",), ("-",)}:
        base, added = moment(node(inner, "lexpr"), depth + 1), span(node(inner, "rexpr"))
        sign = 1 if names(inner, "name")[-1] == "+" else -1
        return base + sign * added if base is not None and added is not None else None
    return None


def _written(value: str | float | None) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        return _NAMED.get(value.strip().lower())
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def span(wrapped: Node | None) -> float | None:
    """The seconds of an interval that is written out, a month being 30 days; None where it is not plain."""
    cast = body(wrapped, "TypeCast")
    if cast is not None:
        named = node(cast, "typeName") or {}
        if names(named, "names")[-1:] != ("interval",) or "typmods" in named:
            return None
        wrapped = node(cast, "arg")
    value = constant(wrapped)
    if not isinstance(value, str):
        return None
    total, at = 0.0, 0
    while at < len(value):
        found = _SPAN.match(value, at)
        unit = _SECONDS.get(found[2].lower()) or _SECONDS.get(found[2].lower().removesuffix("s")) if found else None
        if found is None or unit is None:
            return None
        total, at = total + float(found[1]) * unit, found.end()
    return total if value.strip() else None
