"""Ranges and arrays that hold whatever they are asked for: `int8range(NULL, NULL) @> id`, `ARRAY[x] && ARRAY[x]`."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from interlock.intent.sql.conditions.folding import fold, structure
from interlock.intent.sql.conditions.logic import ALWAYS, OPEN, Truth, every
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, words

Compare = Callable[[Level, str, Node | None, Node | None, int], Truth]
HOLDS: Final = words("@> <@ &&")
_RANGES: Final = words("int4range int8range numrange daterange tsrange tstzrange")
_MULTIRANGES: Final = words("int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange")
_WRITTEN: Final = re.compile(r"\s*\{?\s*([\[(])\s*\"?([^,\"]*)\"?\s*,\s*\"?([^,\"]*?)\"?\s*([\])])\s*\}?\s*")
_EMPTY: Final = words("{} [] ''")
_Range = tuple[str, Node | None, Node | None, str]


def contains(level: Level, operator: str, left: Node | None, right: Node | None, compare: Compare, depth: int) -> Truth:
    """What `left operator right` comes to, where one side is written out. NULL is left to the caller."""
    holder, held = (right, left) if operator == "<@" else (left, right)
    if operator != "&&":
        if _nothing(held):
            return ALWAYS
        found = _range(holder)
        if found is not None:
            return _between(level, found, held, compare, depth)
    one, other = _elements(level, holder), _elements(level, held)
    if not one or not other:
        return OPEN
    return ALWAYS if (one & other if operator == "&&" else other <= one) else OPEN


def _nothing(value: Node | None) -> bool:
    """The empty array or document, which everything contains."""
    kind, inner = unwrap(value)
    if kind == "TypeCast":
        return _nothing(node(inner, "arg"))
    text = constant(value)
    return (isinstance(text, str) and text.strip() in _EMPTY) or (
        kind == "A_ArrayExpr" and not nodes(inner, "elements")
    )


def _between(level: Level, found: _Range, held: Node | None, compare: Compare, depth: int) -> Truth:
    opened, low, high, closed = found
    sides = [
        compare(level, ">=" if opened == "[" else ">", held, low, depth + 1) if low is not None else ALWAYS,
        compare(level, "<=" if closed == "]" else "<", held, high, depth + 1) if high is not None else ALWAYS,
    ]
    return ALWAYS if every(sides) is ALWAYS else OPEN


def _range(value: Node | None) -> _Range | None:
    """The ends of a range that is written out; None for an end that is not there."""
    kind, inner = unwrap(value)
    if kind == "TypeCast":
        named = names(node(inner, "typeName") or {}, "names")[-1:]
        text = constant(node(inner, "arg"))
        written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
        if written is None or not named or named[0] not in _RANGES | _MULTIRANGES:
            return None
        return written[1], _end(written[2]), _end(written[3]), written[4]
    called, arguments = names(inner, "funcname")[-1:], nodes(inner, "args")
    if kind != "FuncCall" or not called or called[0] not in _RANGES or not 2 <= len(arguments) <= 3:
        return None
    shape = constant(arguments[2]) if len(arguments) > 2 else "[)"
    if not isinstance(shape, str) or len(shape) != 2:
        return None
    low, high = (None if fold(Level(None), end) is None else end for end in arguments[:2])
    return shape[0], low, high, shape[1]


def _end(text: str) -> Node | None:
    text = text.strip()
    if not text:
        return None
    if text.removeprefix("-").isdigit():
        return {"A_Const": {"fval": {"fval": text}}}
    return {"A_Const": {"sval": {"sval": text}}}


def _elements(level: Level, value: Node | None) -> set[str] | None:
    """What an array that is written out holds, as text; None for any other, or where one of them is not plain."""
    listed = list(_spelled(value))
    texts = {structure(level, each) for each in listed}
    return None if not listed or None in texts else {text for text in texts if text is not None}


def _spelled(value: Node | None) -> Iterator[Node]:
    kind, inner = unwrap(value)
    if kind == "TypeCast":
        yield from _spelled(node(inner, "arg"))
    yield from nodes(body(value, "A_ArrayExpr") or {}, "elements")


def written(side: Node | None) -> bool:
    """Whether it is a range or an array that is written out: not NULL, whatever is in it."""
    kind, inner = unwrap(side)
    if kind == "FuncCall":
        return (names(inner, "funcname") or ("",))[-1].endswith("range")
    if kind == "TypeCast" and isinstance(constant(node(inner, "arg")), str):
        return True
    return kind == "A_ArrayExpr" or (kind == "TypeCast" and written(node(inner, "arg")))
