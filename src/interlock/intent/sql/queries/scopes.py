"""Sub-queries whose names mean something else than they seem to: the honest accident that deletes a whole table.

A name that the tables of a sub-query lack is looked for outside (docs, SELECT: sub-queries see the columns around
them), silently. `IN (SELECT order_id FROM customers)` then asks every row whether it equals itself.
"""

from typing import Final

from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.smallness import conjuncts
from interlock.intent.sql.reading import Reading, Stray
from interlock.intent.sql.tree import Json, Node, body, names, node, nodes, within
from interlock.model import FindingCode

EXISTS: Final = "EXISTS_SUBLINK"


def blind(reading: Reading, level: Level) -> bool:
    """Whether FROM and WHERE of a query mention names from outside, and none of its own."""
    return _own(reading, level) != [] and bool(level.ranges) and not any(range_.touched for range_ in level.ranges)


def judge(reading: Reading, level: Level, inner: Node, within: str, *, was_blind: bool) -> None:
    """Note names of the query of a sub-link that cannot mean what they say; `was_blind` is from before its targets."""
    tables = [range_ for range_ in level.ranges if not range_.members]
    if not tables:
        return
    strays = {stray.name: stray for stray in _own(reading, level)} if reading.strays else {}
    if strays and within != EXISTS:
        found = _output(nodes(inner, "targetList"), strays)
        if found is not None:
            _note(reading, found, tables, f"the sub-query gives back each row's own `{found.name}`")
            return
    if was_blind and strays and (within == EXISTS or not any(range_.touched for range_ in tables)):
        _note(reading, next(iter(strays.values())), tables, "the sub-query asks its own table nothing")
    elif (condition := node(inner, "whereClause")) is not None and level.parent is not None:
        _itself(reading, level, condition)


def _own(reading: Reading, level: Level) -> list[Stray]:
    return [stray for stray in reading.strays if stray.inside is level]


def _output(listed: list[Node], strays: dict[str, Stray]) -> Stray | None:
    """The stray that a column of the answer consists of."""
    for wrapped in listed:
        mentioned = _references((body(wrapped, "ResTarget") or {}).get("val"))
        if mentioned and all(len(fields) == 1 and fields[0] in strays for fields in mentioned):
            return strays[mentioned[0][0]]
    return None


def _references(value: Json) -> list[tuple[str, ...]]:
    """The columns that an expression names, those of queries inside it apart."""
    references = (body(current, "ColumnRef") for current in within(value, "SubLink", "ColumnRef"))
    return [names(reference, "fields") for reference in references if reference is not None]


def _note(reading: Reading, stray: Stray, tables: list[Range], consequence: str) -> None:
    shown = ", ".join(f"`{range_.name}`" for range_ in tables[:3])
    message = (
        f"`{stray.name}` is no column of {shown}: it is `{stray.outer}.{stray.name}`, so {consequence}; "
        f"write `{tables[0].name}.` and the column you mean"
    )
    reading.note(FindingCode.WRONG_SCOPE, message)


def _itself(reading: Reading, level: Level, condition: Node) -> None:
    """`WHERE customer_id = customer_id`: both are the inner one, though a table outside has such a column."""
    for conjunct in conjuncts(condition):
        inner = body(conjunct, "A_Expr")
        if inner is None or names(inner, "name") != ("=",):
            continue
        left, right = (body(node(inner, side), "ColumnRef") for side in ("lexpr", "rexpr"))
        fields = names(left, "fields") if left is not None else ()
        if len(fields) != 1 or right is None or names(right, "fields") != fields:
            continue
        own = [range_ for range_ in level.ranges if range_.has(fields[0])]
        outer = _outside(level, fields[0])
        if len(own) == 1 and outer is not None:
            message = (
                f"both sides of `{fields[0]} = {fields[0]}` are columns of `{own[0].name}`: nothing ties it to "
                f"`{outer.name}`; write `{outer.name}.{fields[0]}` on one side"
            )
            reading.note(FindingCode.WRONG_SCOPE, message)


def _outside(level: Level, name: str) -> Range | None:
    at = level.parent
    while at is not None:
        for range_ in at.ranges:
            if range_.has(name):
                return range_
        at = at.parent
    return None
