"""Sub-queries that give every row of the very relation that they are asked about: what is in them is all of it."""

from collections.abc import Callable, Iterator
from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.conditions.folding import DEPTH, column_of, never_null
from interlock.intent.sql.conditions.logic import ALWAYS, Truth
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, word

_Judge = Callable[[Level, Node | None, int], Truth]
_NARROWING: Final = ("havingClause", "groupClause", "valuesLists", "withClause")
_WHOLE: Final = 100.0  # percent of a sample


def gives_all(level: Level, left: Node | None, select: Node | None, judge: _Judge) -> bool:
    """Whether a column of each row is in what a query selects: it selects that column of every row, or every row of
    what the column refers to."""
    found = column_of(level, left)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None or not never_null(level, left):
        return False
    for source, column in _holding(relation, found[1]):
        reference = body(all_of(level, source, select, judge), "ColumnRef")
        if reference is not None and names(reference, "fields")[-1:] == (column,):
            return True
    return False


def _holding(relation: Relation, column: str) -> Iterator[tuple[Relation, str]]:
    """The relations, and columns of them, that hold every value of a column."""
    yield relation, column
    for key in relation.outgoing:
        if tuple(key.child_columns) == (column,) and key.parent in relation.family:
            yield relation.family[key.parent], key.parent_columns[0]


def end_of_all(level: Level, left: Node | None, right: Node | None, function: str, judge: _Judge) -> bool:
    """Whether `right` is the smallest or the largest (`function`) of the column that `left` is."""
    select, found = body(node(body(right, "SubLink") or {}, "subselect"), "SelectStmt"), column_of(level, left)
    relation = found[0].relation if found is not None else None
    called = body(all_of(level, relation, select, judge), "FuncCall") if relation is not None else None
    if called is None or found is None or names(called, "funcname") != (function,):
        return False
    arguments = nodes(called, "args")
    reference = body(arguments[0], "ColumnRef") if len(arguments) == 1 else None
    return reference is not None and names(reference, "fields")[-1:] == (found[1],) and never_null(level, left)


def all_of(level: Level, relation: Relation, select: Node | None, judge: _Judge, depth: int = 0) -> Node | None:
    """What a query selects from every row of this very relation; None where it does not."""
    if select is None or depth > DEPTH // 4 or _cut(select) or any(key in select for key in _NARROWING):
        return None
    if "larg" in select:
        sides = [node(select, side) for side in ("larg", "rarg")] if select.get("op") == "SETOP_UNION" else []
        return next((found for side in sides if (found := all_of(level, relation, side, judge, depth + 1))), None)
    if "whereClause" in select and judge(level, node(select, "whereClause"), DEPTH // 2) is not ALWAYS:
        return None
    selected = nodes(select, "targetList")
    value = node(body(selected[0], "ResTarget") or {}, "val") if len(selected) == 1 else None
    return value if _from_all(level, relation, select, value, judge, depth) else None


def _cut(select: Node) -> bool:
    """Whether a LIMIT or an OFFSET takes something away: `LIMIT ALL`, `LIMIT NULL` and `OFFSET 0` do not."""
    limit, offset = body(node(select, "limitCount"), "A_Const"), node(select, "limitOffset")
    limited = "limitCount" in select and (limit is None or not flag(limit, "isnull"))
    return limited or (offset is not None and amount(offset) != 0)


def _from_all(level: Level, relation: Relation, select: Node, value: Node | None, judge: _Judge, depth: int) -> bool:
    listed = nodes(select, "fromClause")
    if len(listed) != 1:
        return False
    inner = body(listed[0], "RangeSubselect")
    if inner is not None:
        within = body(node(inner, "subquery"), "SelectStmt")
        behind = body(all_of(level, relation, within, judge, depth + 1), "ColumnRef") or {}
        plain = names(behind, "fields")[-1:]
        return bool(plain) and names(body(value, "ColumnRef") or {}, "fields")[-1:] == plain
    sample = body(listed[0], "RangeTableSample")
    if sample is not None and [amount(each) for each in nodes(sample, "args")] != [_WHOLE]:
        return False
    item = body(node(sample, "relation") if sample is not None else listed[0], "RangeVar")
    if item is None or word(item, "relname") != relation.name:
        return False
    schema = word(item, "schemaname")
    return schema == relation.schema or not (schema or level.cte(relation.name)[0])
