"""Conditions that hold wherever a column has a plausible value: they ask for it and select nothing.

Not what logic proves: a nullable column may be NULL, a key may be negative, a row may be older than 1900. But nobody
who means some rows of a table says so by `note = note`, `id > 0` or `placed_at < 'infinity'`.
"""

import re
from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.conditions.folding import column_of, fold, whole_number
from interlock.intent.sql.queries.names import SYSTEM_COLUMNS, Level
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, within, word, words

_MOMENTS: Final = words("date timestamp timestamptz")
_YEAR: Final = re.compile(r"\s*(\d{4,6})-\d\d?-\d\d?")
_EARLY, _LATE = 1900, 2100


def beyond(level: Level, operator: str, left: Node | None, right: Node | None) -> bool:
    """Whether `left operator right` is a bound that leaves nothing plausible out; `left` is a column."""
    found = column_of(level, left)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None:
        return _says_nothing(level, operator, left, right)
    if found[1] in SYSTEM_COLUMNS:
        return _says_nothing(level, operator, left, right)
    other = column_of(level, right)
    if other is not None and other[0] is not found[0] and other[0].relation is relation:
        return operator == "=" and other[1] == found[1]  # each row meets at least itself
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


def _says_nothing(level: Level, operator: str, left: Node | None, right: Node | None) -> bool:
    """Whether a bound on a column of the system leaves no row out: the table it is in, a transaction, a first page."""
    kind, inner = unwrap(left)
    while kind == "TypeCast":
        left = node(inner, "arg")
        kind, inner = unwrap(left)
    found = column_of(level, left)
    relation = found[0].relation if found is not None else None
    if found is None or relation is None or found[1] not in SYSTEM_COLUMNS:
        return False
    if found[1] == "tableoid":
        return not relation.children and operator not in {"<", "<="} and not _columns(right)
    while right is not None and "TypeCast" in right:
        right = node(body(right, "TypeCast") or {}, "arg")
    text = str(constant(right) if constant(right) is not None else "")
    if found[1] == "ctid":
        first, last = text.replace(" ", "").startswith("(0,"), text.replace(" ", "").startswith("(4294967295,")
        return (first and operator in {">", ">=", "<>"}) or (last and operator in {"<", "<=", "<>"})
    return text.strip() in {"0", "-1"} and operator in {">", ">=", "<>"}


def _columns(value: Node | None) -> bool:
    return any("ColumnRef" in found for found in within(value))


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


def whole_row(level: Level, argument: Node | None) -> Relation | None:
    """The relation of which an argument is a whole row."""
    fields = names(body(argument, "ColumnRef") or {}, "fields")
    if len(fields) != 1 or column_of(level, argument) is not None:
        return None
    return next((range_.relation for range_ in level.ranges if range_.name == fields[0]), None)
