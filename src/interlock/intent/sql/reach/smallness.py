"""How much of a relation a query can touch, by positive evidence alone: a whole unique key equals literals."""

from typing import Final

from interlock.intent.sql.conditions.equations import EQUALS, Equation
from interlock.intent.sql.conditions.folding import column_of
from interlock.intent.sql.queries.names import Level, Range, lookup
from interlock.intent.sql.reach.counting import rows_given
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.tree import (
    Json,
    Node,
    beside_literals,
    body,
    constant,
    names,
    node,
    nodes,
    number,
    unwrap,
    word,
    words,
)
from interlock.intent.sql.vocabulary import ONE, SOME, UNKNOWN
from interlock.model import Reach

# A cast of the right side to one of these compares as the column compares by itself. Floats do not: many integers
# equal one of them. Nor does a user type: text = 'x'::citext ignores case, nor bpchar: it ignores trailing blanks.
_FAITHFUL: Final = words("int2 int4 int8 numeric text varchar uuid date timestamp timestamptz bool oid name bytea inet")
_MAX_LISTED: Final = 1_000


def conjuncts(condition: Node | None) -> list[Node]:
    """The conditions that must all hold: the arguments of top-level ANDs."""
    if condition is not None and "BoolExpr" not in condition:
        return [condition]
    found: list[Node] = []
    waiting = [condition] if condition else []
    while waiting:
        current = waiting.pop()
        inner = body(current, "BoolExpr")
        if inner is not None and inner.get("boolop") == "AND_EXPR":
            waiting.extend(reversed(nodes(inner, "args")))
        else:
            found.append(current)
    return found


def pin(reading: Reading, level: Level, condition: Node, equal: Equation | None) -> None:
    """Note on its range that this condition fixes a column to one value, or to a list of them; `equal` is the equation
    that it is. A user's `=` over a built-in type may mean anything."""
    if reading.sight.shadowed:
        return
    if equal is None:
        _pin_listed(level, condition)
    elif equal.own and not (_pin_pair(equal.column, equal.right) or _pin_pair(equal.other, equal.left)):
        # Values are spelled out by sub-queries: a side that is a table's column has none.
        if equal.other is None:
            _pin_spelled(level, equal.column, equal.right)
        if equal.column is None:
            _pin_spelled(level, equal.other, equal.left)
        if "RowExpr" in equal.left:
            _pin_rows(level, equal.left, equal.right)
        if equal.column is not None and (asked := body(equal.right, "SubLink")) is not None:
            _pin_answer(reading, level, equal.column, asked)


def _pin_listed(level: Level, condition: Node) -> None:
    inner = body(condition, "A_Expr")
    if inner is None or inner.get("kind") != "AEXPR_IN" or names(inner, "name") not in EQUALS:
        return
    _, listed = unwrap(node(inner, "rexpr"))
    values = nodes(listed, "items")
    if len(values) <= _MAX_LISTED and all(map(is_value, beside_literals(values))):
        found = column_of(level, node(inner, "lexpr"))
        if found is not None:
            (found[0].pinned if len(values) == 1 else found[0].listed).add(found[1])


def _pin_pair(found: tuple[Range, str] | None, value: Node) -> bool:
    if found is None or not is_value(value):
        return False
    found[0].pinned.add(found[1])
    fixed = constant(value)
    if isinstance(fixed, str):
        found[0].constants[found[1]] = fixed
    return True


def _pin_spelled(level: Level, found: tuple[Range, str] | None, value: Node) -> None:
    """`t.id = v.id` where `(VALUES (1)) AS v(id)` spells the value out."""
    reference = body(value, "ColumnRef") if found is not None else None
    other = lookup(level, names(reference, "fields")) if reference is not None else None
    spelled = other[0].valued.get(other[1]) if other is not None else None
    if spelled is not None and found is not None:
        (found[0].pinned if spelled is ONE else found[0].listed).add(found[1])


def spelled_out(select: Node, outputs: Outputs) -> dict[str, Reach]:
    """The columns of which every value is a literal or a parameter, where the text counts the rows: ONE or SOME."""
    if not outputs or "fromClause" in select or "larg" in select:
        return {}
    given = rows_given({"SelectStmt": select})
    if given is UNKNOWN:
        return {}
    rows = [nodes(unwrap(row)[1], "items") for row in nodes(select, "valuesLists")] or [
        [node(body(target, "ResTarget") or {}, "val") or {} for target in nodes(select, "targetList")]
    ]
    return {
        column: given
        for at, (column, _) in enumerate(outputs)
        if all(at < len(row) and is_value(row[at]) for row in rows)
    }


def _pin_rows(level: Level, left: Node, right: Node) -> None:
    """`(a, b) = (1, 2)` pins each."""
    row, values = body(left, "RowExpr"), body(right, "RowExpr")
    if row is not None and values is not None:
        for column, value in zip(nodes(row, "args"), nodes(values, "args"), strict=False):
            _pin_pair(column_of(level, column), value)


def _pin_answer(reading: Reading, level: Level, found: tuple[Range, str], asked: Node) -> None:
    """`id = (SELECT id FROM queue ... LIMIT 1)`: the answer is worked out once and is one value, or an error, where it
    mentions nothing of the row. It compares as the column does where it comes from a column of the same type."""
    _, inner = unwrap(node(asked, "subselect"))
    targets = [body(target, "ResTarget") or {} for target in nodes(inner, "targetList")]
    outputs = reading.alone.get(id(inner)) or []
    if asked.get("subLinkType") != "EXPR_SUBLINK" or len(outputs) != 1 or len(outputs[0][1]) != 1:
        return
    object_, column = outputs[0][1][0]
    source = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
    listed = [word(body(item, "RangeVar") or {}, "relname") for item in nodes(inner, "fromClause")]
    if source is None or found[0].relation is None or "ColumnRef" not in (node(targets[0], "val") or {}):
        return
    if listed != [source.name] or "withClause" in inner or level.cte(source.name)[0]:
        return  # computed on the way: it may have another type by now
    types = [relation.type_of(name) for relation, name in ((source, column), (found[0].relation, found[1]))]
    if types[0] is not None and types[0] == types[1]:
        found[0].pinned.add(found[1])


def is_value(wrapped: Node) -> bool:
    """A literal, a parameter, or what stands still for a whole statement as `current_date` does, perhaps cast to a type
    that compares faithfully. Never a call (threats.md 12)."""
    if "A_Const" in wrapped or "ParamRef" in wrapped or "SQLValueFunction" in wrapped:
        return True
    kind, inner = unwrap(wrapped)
    if kind == "A_Expr":
        negated: Json = inner.get("rexpr")
        return (
            inner.get("kind") == "AEXPR_OP" and names(inner, "name") == ("-",) and "lexpr" not in inner
            and isinstance(negated, dict) and "A_Const" in negated
        )  # fmt: skip
    if kind != "TypeCast":
        return False
    named = node(inner, "typeName") or {}
    qualified = names(named, "names")
    faithful = bool(qualified) and qualified[-1] in _FAITHFUL and (len(qualified) == 1 or qualified[0] == "pg_catalog")
    argument = node(inner, "arg")
    # A type modifier cuts values short, an array is no value.
    return (
        faithful and "typmods" not in named and "arrayBounds" not in named and number(named, "typemod", -1) == -1
        and argument is not None and ("A_Const" in argument or "ParamRef" in argument)
    )  # fmt: skip


def keyed(range_: Range) -> Reach | None:
    """ONE or SOME where a whole unique key is fixed; None without that evidence."""
    relation = range_.relation
    pinned, listed = range_.pinned, range_.listed
    if not (pinned or listed) or relation is None or relation.kind not in {"r", "p", "m"}:
        return None
    if relation.children and relation.kind == "r":
        # An old-style child repeats its parent's keys (threats.md 12).
        return None
    for key in relation.keys:
        if pinned.issuperset(key):
            return ONE
    for key in relation.keys if listed else ():
        if (pinned | listed).issuperset(key):
            return SOME
    return None


def unique_by(level: Level, range_: Range) -> bool:
    """Whether at most one of its rows meets each row of what it is joined with, or of the values that it equals."""
    relation = range_.relation
    if relation is None or relation.kind not in {"r", "p", "m"} or (relation.children and relation.kind == "r"):
        return False
    fixed = set(range_.pinned)
    for one, column, other, same in level.pairs:
        if one is range_:
            fixed.add(column)
        if other is range_:
            fixed.add(same)
    return any(fixed.issuperset(key) for key in relation.keys)
