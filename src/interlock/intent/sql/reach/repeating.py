"""How a column of a recursion's next round follows from the same column of this one: it stays, moves or lengthens."""

from typing import Final

from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.tree import Json, Node, body, names, node, nodes, unwrap, within, word, words

_DEPTH: Final = 20
_NEW_EACH_TIME: Final = words("random random_normal gen_random_uuid uuidv4 uuidv7 clock_timestamp nextval timeofday")
_JOINING: Final = words("concat concat_ws array_cat")


def plain(value: Node | None) -> str:
    """The name of a mere column, "" for anything else."""
    return (names(body(value, "ColumnRef") or {}, "fields") or ("",))[-1]


def step(value: Node | None, column: str, arm: Node, depth: int = 0) -> float | None:
    """What a round adds to this column: 0 where it stays, None where that is not known.

    What shrinks or changes its sign, `n / 2`, `n % 10`, `-n`, counts as going down: no bound above stops it.
    """
    kind, inner = unwrap(value)
    if depth > _DEPTH:
        return None
    if plain(value) == column:
        return 0.0
    if kind == "TypeCast":
        return step(node(inner, "arg"), column, arm, depth + 1)
    if kind != "A_Expr" or inner.get("kind") != "AEXPR_OP":
        return None
    operator, left, right = (names(inner, "name") or ("",))[-1], node(inner, "lexpr"), node(inner, "rexpr")
    if operator == "-" and left is None:
        return -1.0 if step(right, column, arm, depth + 1) == 0.0 else None
    if operator in {"+", "*"} and amount(left) is not None:
        left, right = right, left
    return _moved(operator, step(left, column, arm, depth + 1), amount(right))


def _moved(operator: str, before: float | None, by: float | None) -> float | None:
    if before is None or by is None:
        return None
    if operator in {"+", "-"}:
        return before + (by if operator == "+" else -by)
    if before != 0 or (operator == "/" and by == 0):
        return None
    factor = {"*": by, "/": 1 / by if by else 0.0, "%": 0.0}.get(operator, 2.0)
    if abs(factor) > 1:
        return None
    return 0.0 if factor == 1 else -1.0


def lengthens(value: Node | None, column: str, arm: Node) -> float:
    """How many times as long a text or an array is in the next round: `s || s` doubles, `repeat(s, 10)` makes ten."""
    kind, inner = unwrap(value)
    while kind == "TypeCast":
        kind, inner = unwrap(node(inner, "arg"))
    called, arguments = (names(inner, "funcname") or ("",))[-1], nodes(inner, "args")
    if kind == "FuncCall" and called == "repeat" and len(arguments) > 1:
        return _mentions(arguments[0], column) * max(amount(arguments[1]) or 1.0, 1.0)
    if (kind == "FuncCall" and called in _JOINING) or (kind == "A_Expr" and names(inner, "name")[-1:] == ("||",)):
        return float(_mentions({kind: inner}, column))
    return 1.0


def _mentions(value: Json, column: str) -> int:
    return sum(plain(found) == column for found in within(value, "SubLink") if "ColumnRef" in found)


def stands(name: str, first: Node, arm: Node, columns: tuple[str, ...]) -> bool:
    """Whether each row that the arm takes from the round before comes out of it as it was, so that it comes again and
    again: whatever it is joined with, what held for it once holds for ever."""
    called = _called(name, arm)
    started = [body(target, "ResTarget") or {} for target in nodes(first, "targetList")]
    named = columns or tuple(word(target, "name") or plain(node(target, "val")) for target in started)
    listed = [node(body(target, "ResTarget") or {}, "val") for target in nodes(arm, "targetList")]
    if called is None or not listed or len(named) != len(listed) or never_twice(arm):
        return False
    return all(_same(value, column, called, arm) for value, column in zip(listed, named, strict=True))


def _same(value: Node | None, column: str, called: str, arm: Node) -> bool:
    fields = names(body(value, "ColumnRef") or {}, "fields")
    alone = len(nodes(arm, "fromClause")) == 1 and "RangeVar" in nodes(arm, "fromClause")[0]
    return column != "" and (fields == (called, column) or (alone and fields == (column,)))


def _called(name: str, arm: Node) -> str | None:
    """The alias of the round before in FROM; None where it is not there exactly once."""
    found = [
        word(node(item, "alias") or {}, "aliasname") or name
        for wrapped in within(arm.get("fromClause"), "SubLink")
        if (item := body(wrapped, "RangeVar")) and word(item, "relname") == name and "schemaname" not in item
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def never_twice(arm: Node) -> bool:
    """Whether a function gives another value in every round."""
    calls = (body(found, "FuncCall") for found in within(arm))
    return any(called is not None and names(called, "funcname")[-1:][0] in _NEW_EACH_TIME for called in calls)
