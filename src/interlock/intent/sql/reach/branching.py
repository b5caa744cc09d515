"""How many rows of the next round a row of a recursion makes, and how fast its columns climb, by its text."""

from collections.abc import Iterator
from typing import Final

from interlock.intent.sql.code.builtin_functions import SET_RETURNING
from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.reach.counting import called_in, elements, numbers
from interlock.intent.sql.tree import Json, Node, body, names, node, nodes, unwrap, within

_DEPTH: Final = 20
_SIGNS: Final[dict[tuple[str, ...], float]] = {("+",): 1.0, ("-",): -1.0}
_AT_LEAST: Final = 2.0  # rows of a function whose arguments are the same in every round


def branches(arm: Node) -> float:
    """The rows that one row of the round before becomes: those that FROM and the target list spell out."""
    made = 1.0
    for item in _items(arm):
        values = body(node(body(item, "RangeSubselect") or {}, "subquery"), "SelectStmt") or {}
        made *= max(len(nodes(values, "valuesLists")), 1)
        made *= max([_rows(call) for call in called_in(body(item, "RangeFunction") or {})], default=1.0)
    listed = max([_rows(call) for call in _calls(arm.get("targetList"))], default=1.0)
    return made * listed


def _calls(value: Json) -> Iterator[Node]:
    for found in within(value, "SubLink"):
        call = body(found, "FuncCall")
        if call is not None:
            yield call


def _rows(call: Node) -> float:
    """What is computed from the round before may well end: there one row is all that is known."""
    name, arguments = (names(call, "funcname") or ("",))[-1], nodes(call, "args")
    if name == "generate_series":
        return max(numbers(call), 1.0)
    if name == "unnest" and (spelled := [elements(argument) or 1 for argument in arguments]):
        return float(max(spelled))
    if name not in SET_RETURNING or any("ColumnRef" in found for found in within(call.get("args"))):
        return 1.0
    return _AT_LEAST


def _items(arm: Node) -> Iterator[Node]:
    """The items of FROM, those of joins one by one."""
    waiting = list(nodes(arm, "fromClause"))
    while waiting:
        item = waiting.pop()
        joined = body(item, "JoinExpr")
        if joined is None:
            yield item
        else:
            waiting.extend(side for key in ("larg", "rarg") if (side := node(joined, key)) is not None)


def pace(value: Node | None, column: str, arm: Node, depth: int = 0) -> float | None:
    """What it adds to this column of the round before; a summand that is not known counts as one."""
    kind, inner = unwrap(value)
    if depth > _DEPTH:
        return None
    if kind == "TypeCast":
        return pace(node(inner, "arg"), column, arm, depth + 1)
    if kind == "ColumnRef":
        named = names(inner, "fields")[-1:]
        return 0.0 if named == (column,) else _fastest(_spelled(named, arm), column, arm, depth)
    if kind == "FuncCall" and names(inner, "funcname")[-1:] == ("unnest",):
        arrays = [body(argument, "A_ArrayExpr") or {} for argument in nodes(inner, "args")]
        return _fastest([each for array in arrays for each in nodes(array, "elements")], column, arm, depth)
    sign = _SIGNS.get(names(inner, "name")[-1:]) if kind == "A_Expr" else None
    if sign is None:
        return None
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    before = pace(left, column, arm, depth + 1)
    if before is None and sign > 0:
        left, right = right, left
        before = pace(left, column, arm, depth + 1)
    return None if before is None else before + sign * _summand(right)


def _fastest(listed: list[Node], column: str, arm: Node, depth: int) -> float | None:
    """Any of these is the column's next value: the largest step leaves the fewest rounds."""
    found = [pace(each, column, arm, depth + 1) for each in listed]
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


def _summand(value: Node | None) -> float:
    known = amount(value)
    if known is not None:
        return known
    ends = [amount(argument) for argument in nodes(body(value, "FuncCall") or {}, "args")]
    return ends[1] or 1.0 if len(ends) > 1 and ends[1] is not None else 1.0


def _spelled(named: tuple[str, ...], arm: Node) -> list[Node]:
    """What a column of VALUES in FROM may be."""
    for item in _items(arm):
        subselect = body(item, "RangeSubselect") or {}
        columns = names(node(subselect, "alias") or {}, "colnames")
        values = body(node(subselect, "subquery"), "SelectStmt") or {}
        if named and named[0] in columns:
            at = columns.index(named[0])
            rows = [nodes(unwrap(row)[1], "items") for row in nodes(values, "valuesLists")]
            return [row[at] for row in rows if len(row) > at]
    return []
