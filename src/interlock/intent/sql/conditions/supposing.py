"""Conditions that hold wherever a column has a plausible value: they ask for it and select nothing.

Not what logic proves: a nullable column may be NULL, a key may be negative, a row may be older than 1900. But nobody
who means some rows of a table says so by `note = note`, `id > 0` or `placed_at < 'infinity'`.
"""

import re
from typing import Final

from interlock.intent.sql.conditions.folding import column_of, fold, whole_number
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, word, words

_MOMENTS: Final = words("date timestamp timestamptz")
_YEAR: Final = re.compile(r"\s*(\d{4,6})-\d\d?-\d\d?")
_EARLY, _LATE = 1900, 2100


def beyond(level: Level, operator: str, left: Node | None, right: Node | None) -> bool:
    """Whether `left operator right` is a bound that leaves nothing plausible out; `left` is a column."""
    found = column_of(level, left)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None:
        return False
    column = next((one for one in relation.columns if one.name == found[1]), None)
    if column is not None and column.type_schema == "pg_catalog" and column.type in _MOMENTS:
        return _far(right) == {"<": 1, "<=": 1, "<>": 1, ">": -1, ">=": -1}.get(operator) or (
            operator == "<>" and _far(right) == -1
        )
    number = fold(level, right)
    if (found[1],) not in relation.keys or whole_number(level, left) is None or type(number) is not int:
        return False
    # Keys are counted from one; the rows beside that are few, and special.
    return {">": number <= 0, ">=": number <= 1, "<>": number <= 0}.get(operator, False)


def _far(wrapped: Node | None) -> int:
    """-1 for a moment before all that is kept, 1 for one behind it, 0 for any other."""
    kind, inner = unwrap(wrapped)
    if kind == "TypeCast" and (names(node(inner, "typeName") or {}, "names") or ("",))[-1] in _MOMENTS:
        wrapped = node(inner, "arg")
    text = constant(wrapped)
    if not isinstance(text, str):
        return 0
    if text.strip().lower() in {"infinity", "-infinity"}:
        return -1 if "-" in text else 1
    year = _YEAR.match(text)
    if year is None or text.rstrip().endswith(("BC", "bc")):
        return 0 if year is None else -1
    return -1 if int(year[1]) <= _EARLY else (1 if int(year[1]) >= _LATE else 0)


def meets_itself(level: Level, select: Node) -> bool:
    """`EXISTS (SELECT ... FROM t AS o WHERE o.id = t.id)`, asked of `t`: each row meets at least itself."""
    listed, compared = nodes(select, "fromClause"), body(node(select, "whereClause"), "A_Expr")
    item = body(listed[0], "RangeVar") if len(listed) == 1 else None
    if item is None or compared is None or compared.get("kind") != "AEXPR_OP" or names(compared, "name") != ("=",):
        return False
    inner = word(node(item, "alias") or {}, "aliasname") or word(item, "relname")
    sides = [names(body(node(compared, side), "ColumnRef") or {}, "fields") for side in ("lexpr", "rexpr")]
    if not all(sides) or sides[0][-1] != sides[1][-1]:
        return False
    around = {side[-2] if len(side) > 1 else inner for side in sides} - {inner}
    target = level.range_named(around.pop()) if len(around) == 1 else None
    relation = target.relation if target is not None else None
    if relation is None or relation.name != word(item, "relname"):
        return False
    return word(item, "schemaname") in {relation.schema, ""} and not level.cte(relation.name)[0]
