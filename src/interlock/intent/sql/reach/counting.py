"""How many rows a query gives, as far as its text says: one, as many as it spells out, or without end."""

import re
from math import prod
from typing import Final

from interlock.intent.sql.code.builtin_functions import HARMLESS, SET_RETURNING
from interlock.intent.sql.code.functions import DANGEROUS
from interlock.intent.sql.reach.aggregates import is_aggregate
from interlock.intent.sql.reach.amounts import amount, moment, span
from interlock.intent.sql.tree import (
    Json,
    Node,
    beside_literals,
    body,
    constant,
    flag,
    holds,
    names,
    node,
    nodes,
    number,
    unwrap,
    within,
    words,
)
from interlock.intent.sql.vocabulary import ONE, SOME, UNKNOWN
from interlock.model import Reach

MANY_NUMBERS: Final = 50_000_000
MANY_CHARACTERS: Final = 10_000_000  # or elements of an array: memory, not only time
MANY_GROUPINGS: Final = 256
_MOST_LOCKED: Final = 10_000
_WIDTH: Final = re.compile(r"%(?:\d+\$)?-?(\d+)")
_SIZES: Final = re.compile(r"\d{1,9}")
_DEPTH: Final = 20


MAKING: Final = words("generate_series lpad rpad repeat array_fill factorial format")


def numbers(inner: Node, times: float = 1) -> float:
    """How many numbers (or characters) a call gives by its literals, when a text is made so many times; 0 where they
    do not say."""
    called, arguments = (names(inner, "funcname") or ("",))[-1], nodes(inner, "args")
    if called == "generate_series":
        return _steps(arguments)
    if called in {"lpad", "rpad", "repeat"} and len(arguments) > 1:
        return _size({"FuncCall": inner}) * times
    if called == "array_fill" and len(arguments) > 1:
        written = constant(arguments[1])
        if isinstance(written, str):
            return prod(int(size) for size in _SIZES.findall(written))
        dimensions = nodes(body(arguments[1], "A_ArrayExpr") or {}, "elements")
        return prod(amount(dimension) or 1 for dimension in dimensions)
    if called == "factorial" and arguments:
        return (amount(arguments[0]) or 0) ** 2  # so many digits are multiplied
    return _widest(arguments) if called == "format" else 0


def numbers_at_least(inner: Node, column: float) -> float:
    """How many numbers a series may well give whose ends are computed from columns, were they all as large as this."""
    arguments = nodes(inner, "args")
    ends = [amount(argument, column=column) for argument in arguments[:3]]
    if not 2 <= len(arguments) <= 3 or any(end is None for end in ends):
        return 0
    first, last, *step = (end or 0.0 for end in ends)
    return max((last - first) / (step[0] if step and step[0] else 1.0) + 1, 0)


def _steps(arguments: list[Node]) -> float:
    """The numbers or moments of a series."""
    if not 2 <= len(arguments) <= 4:
        return 0
    first, last = amount(arguments[0]), amount(arguments[1])
    step = amount(arguments[2]) if len(arguments) > 2 else 1.0
    if first is None or last is None or step is None:
        first, last = moment(arguments[0]), moment(arguments[1])
        step = span(arguments[2]) if len(arguments) > 2 else None
    if first is None or last is None or step is None:
        return 0
    return max((last - first) / step + 1, 0) if step else float("inf")


def _size(wrapped: Node | None, depth: int = 0) -> float:
    """The characters of a text, at least: those of its literals, repeated as often as they say."""
    text, inner = constant(wrapped), body(wrapped, "FuncCall") or {}
    arguments = nodes(inner, "args")
    if isinstance(text, str) or depth > _DEPTH or len(arguments) < 2:
        return max(len(text) if isinstance(text, str) else 1, 1)
    called, length = names(inner, "funcname")[-1:], amount(arguments[1]) or 0
    if called == ("repeat",):
        return max(length, 0) * _size(arguments[0], depth + 1)
    return max(length, 0) if called in {("lpad",), ("rpad",)} else 1


def _widest(arguments: list[Node]) -> float:
    """The widest field of a format; `*` takes its width from the next argument."""
    text = constant(arguments[0]) if arguments else None
    if not isinstance(text, str):
        return 0
    written = [int(width) for width in _WIDTH.findall(text)]
    given = [amount(argument) or 0 for argument in arguments[1:]] if "*" in text else []
    return max([*written, *given], default=0)


LIGHT: Final = 10_000  # numbers that may meet every row of something else


def series(inner: Node) -> float:
    """How many numbers a generate_series in FROM gives, or how many rows a function makes of a text or an array that
    another has made, as far as the text says."""
    return max([_made(call) for call in called_in(inner)], default=0)


def called_in(inner: Node) -> list[Node]:
    """The functions of an item of FROM."""
    return [
        call for wrapped in nodes(inner, "functions") for item in nodes(unwrap(wrapped)[1], "items")
        if (call := body(item, "FuncCall")) is not None
    ]  # fmt: skip


_APART = words("unnest generate_subscripts string_to_table regexp_split_to_table regexp_matches")
_TO_ARRAY = words("string_to_array regexp_split_to_array")


def _made(call: Node) -> float:
    if (names(call, "funcname") or ("",))[-1] not in _APART:
        return numbers(call)
    held = body(next(iter(nodes(call, "args")), None), "FuncCall") or {}
    if (names(held, "funcname") or ("",))[-1] in _TO_ARRAY:
        held = body(next(iter(nodes(held, "args")), None), "FuncCall") or {}
    return numbers(held) if (names(held, "funcname") or ("",))[-1] in MAKING else 0


def limited(inner: Node) -> bool:
    """Whether a query has a LIMIT that limits: `LIMIT ALL` and `LIMIT NULL` do not."""
    if "limitCount" not in inner:
        return False
    limit = body(node(inner, "limitCount"), "A_Const")
    return limit is None or not flag(limit, "isnull")


def few(inner: Node) -> bool:
    """Whether a LIMIT leaves what one transaction may keep locked; one that is not known counts as small."""
    return limited(inner) and (amount(node(inner, "limitCount")) or 0) <= _MOST_LOCKED


def cubed(grouped: list[Node]) -> int:
    """In how many ways the CUBEs of a GROUP BY combine their columns."""
    sets = [body(item, "GroupingSet") or {} for item in grouped]
    return 1 << sum(len(nodes(each, "content")) for each in sets if each.get("kind") == "GROUPING_SET_CUBE")


def single_row(inner: Node) -> bool:
    """A query that gives few rows whatever it reads: VALUES, LIMIT 1, an aggregate without GROUP BY."""
    if "valuesLists" in inner:
        return True
    if "fromClause" not in inner and "larg" not in inner:
        return not _gives_many(inner.get("targetList"))
    limit = body(node(inner, "limitCount"), "A_Const")
    if limit is not None and number(node(limit, "ival") or {}, "ival", 0) <= 1 and "ival" in limit:
        return True
    if "groupClause" in inner or "larg" in inner:
        return False
    listed = nodes(inner, "targetList")
    return holds(listed, "ResTarget") and all(map(_aggregates, listed))


def listed_rows(inner: Node) -> float:
    """The rows of a VALUES list; 1 for any other query."""
    return float(max(len(nodes(inner, "valuesLists")), 1))


def spelled_rows(inner: Node) -> float:
    """How many rows a function in FROM makes of the texts and arrays that stand in it, at most; 1 where none do."""
    rows = 1.0
    for call in called_in(inner):
        if (names(call, "funcname") or ("",))[-1] in SET_RETURNING:
            for argument in nodes(call, "args"):
                written = constant(argument)
                # Of a text each second character may part two elements.
                made = len(written) / 2 if isinstance(written, str) else (elements(argument) or 1)
                rows = max(rows, made)
    return rows


def _gives_many(value: Json) -> bool:
    """Whether a target list calls a function that gives many rows."""
    calls = (body(current, "FuncCall") for current in within(value, "SubLink"))
    return any(called is not None and (names(called, "funcname") or ("",))[-1] in SET_RETURNING for called in calls)


def _aggregates(wrapped: Node) -> bool:
    target = body(wrapped, "ResTarget") or {}
    kind, inner = unwrap(node(target, "val"))
    while kind in {"TypeCast", "CoalesceExpr"}:
        kind, inner = unwrap(node(inner, "arg") if kind == "TypeCast" else next(iter(nodes(inner, "args")), None))
    return is_aggregate({kind: inner})


def rows_given(source: Node) -> Reach:
    """ONE or SOME for rows spelled out in the text, UNKNOWN for those of a query or of a function that gives many."""
    given = _spelled(body(source, "SelectStmt") or {})
    if given is None:
        return UNKNOWN
    return ONE if given <= 1 else SOME


_MOST_SPELLED: Final = 1_000  # a LIMIT beyond it is no small number


def _spelled(select: Node, depth: int = 0) -> int | None:
    """The most rows that a query gives by its text alone: VALUES, a SELECT of constants or from either, a LIMIT."""
    limit = constant(node(select, "limitCount"))
    if isinstance(limit, int) and not isinstance(limit, bool) and limit <= _MOST_SPELLED:
        return limit if select.get("limitOption") != "LIMIT_OPTION_WITH_TIES" else None
    values, listed = nodes(select, "valuesLists"), nodes(select, "fromClause")
    if values:
        return None if _may_multiply(select.get("valuesLists")) else len(values)
    if "larg" in select or len(listed) > 1 or depth > 8 or _may_multiply(select.get("targetList")):
        return None
    if not listed:
        return 1
    function = body(listed[0], "RangeFunction")
    if function is not None:
        return unnested(function)
    inner = node(body(listed[0], "RangeSubselect") or {}, "subquery")
    return _spelled(body(inner, "SelectStmt") or {"larg": {}}, depth + 1) if inner is not None else None


def unnested(function: Node) -> int | None:
    """The most rows of `unnest` over arrays that stand in the text; ORMs insert many rows so."""
    calls = [body(item, "FuncCall") for wrapped in nodes(function, "functions") for item in _items(wrapped)]
    called = calls[0] if len(calls) == 1 else None
    if called is None or (names(called, "funcname") or ("",))[-1] != "unnest":
        return None
    lengths = [elements(argument) for argument in nodes(called, "args")]
    known = [length for length in lengths if length is not None]
    longest = max(known, default=0)
    return longest if len(known) == len(lengths) and longest <= _MOST_SPELLED else None


def _items(wrapped: Node) -> list[Node]:
    return [item for item in nodes(unwrap(wrapped)[1], "items") if item]


def elements(argument: Node) -> int | None:
    """How many elements an array that is spelled out holds at most."""
    kind, inner = unwrap(argument)
    while kind == "TypeCast":
        kind, inner = unwrap(node(inner, "arg"))
    if kind == "A_ArrayExpr":
        listed = [elements(element) or 1 for element in nodes(inner, "elements")]
        return sum(listed)
    value = constant({kind: inner})
    return value.count(",") + 1 if isinstance(value, str) else None


def _may_multiply(values: Json) -> bool:
    """Whether a VALUES list calls anything that is not known to give one value."""
    stack = [values]
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(beside_literals(current))
        elif isinstance(current, dict) and "A_Const" not in current:
            called = body(current, "FuncCall")
            if called is not None:
                name = (names(called, "funcname") or ("",))[-1]
                if name in SET_RETURNING or (name not in HARMLESS and name not in DANGEROUS):
                    return True
            stack.extend([value for key, value in current.items() if key != "SubLink"])
    return False
