"""Whether a condition holds for every row, by three-valued logic alone: nothing is guessed about the data."""

from collections.abc import Callable
from typing import Final

from interlock.intent.sql.conditions import folding
from interlock.intent.sql.conditions.bounds import all_listed, end_of_labels, is_truth, never_empty, within_bounds
from interlock.intent.sql.conditions.containment import HOLDS, contains, written
from interlock.intent.sql.conditions.cover import OPPOSITE, covered, opposed
from interlock.intent.sql.conditions.everything import end_of_all, gives_all
from interlock.intent.sql.conditions.exhausting import exhausts
from interlock.intent.sql.conditions.folding import DEPTH, UNFOLDED, Value, boolean, fold, never_null, proven, structure
from interlock.intent.sql.conditions.logic import ALWAYS, NEVER, NOT, NULL, OPEN, Truth, every, some
from interlock.intent.sql.conditions.patterns import PATTERNS, matches
from interlock.intent.sql.conditions.shifts import moved
from interlock.intent.sql.conditions.supposing import beyond, meets_itself, whole_row
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.aggregates import is_aggregate
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, word

_MIRRORED: Final = {"=": "=", "<>": "<>", "!=": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def always(level: Level, condition: Node | None) -> bool | None:
    """Whether a condition always holds (True), never holds (False), or depends (None)."""
    held = truth(level, condition)
    if held is OPEN:
        return True if condition is not None and _leaves_nothing(level, condition) else None
    return held is ALWAYS


def supposed(level: Level, condition: Node | None) -> bool:
    """Whether a condition holds wherever its columns have plausible values, so that it selects nothing."""
    level.supposing = True
    try:
        return condition is not None and _leaves_nothing(level, condition)
    finally:
        level.supposing = False


def _leaves_nothing(level: Level, condition: Node) -> bool:
    """Whether each of its conjuncts holds by logic, or by all the values there are."""
    inner = body(condition, "BoolExpr")
    if inner is not None and inner.get("boolop") == "AND_EXPR":
        return all(_leaves_nothing(level, each) for each in nodes(inner, "args"))
    held = truth(level, condition)
    return held is ALWAYS or (held is OPEN and exhausts(level, condition))


def truth(level: Level, wrapped: Node | None, depth: int = 0) -> Truth:
    """What a condition comes to in every row."""
    kind, inner = unwrap(wrapped)
    if depth > DEPTH or (kind == "A_Expr" and not level.supposing and folding.plainly_open(inner)):
        return OPEN
    judge = _JUDGES.get(kind)
    return judge(level, inner, depth + 1) if judge is not None else _plain(fold(level, wrapped, depth))


def _plain(value: Value) -> Truth:
    if value is None:
        return NULL
    held = boolean(value) if isinstance(value, (bool, str)) else None
    return OPEN if held is None else (ALWAYS if held else NEVER)


def _logic(level: Level, inner: Node, depth: int) -> Truth:
    arguments, operation = nodes(inner, "args"), inner.get("boolop")
    folded = [truth(level, argument, depth) for argument in arguments]
    if operation == "NOT_EXPR":
        return NOT[folded[0]]
    if operation == "AND_EXPR":
        found = every(folded)
        return NEVER if found is OPEN and opposed(level, arguments) else found
    found = NOT[every([NOT[held] for held in folded])]
    return ALWAYS if found is OPEN and covered(level, arguments) else found


def _null_test(level: Level, inner: Node, depth: int) -> Truth:
    argument = node(inner, "arg")
    row = body(argument, "RowExpr")
    if (whole := whole_row(level, argument)) is not None:
        # All of a row's columns are NULL where a key is not; that each has a value is what is supposed.
        asked = inner.get("nulltesttype") == "IS_NOT_NULL"
        return (ALWAYS if level.supposing else OPEN) if asked else (NEVER if whole.not_null else OPEN)
    # A row IS NOT NULL when each of its fields is (docs 9.2); `row IS NULL` is not the opposite.
    parts = nodes(row, "args") if row is not None else [argument]
    wanted = inner.get("nulltesttype") == "IS_NOT_NULL"
    if row is None and fold(level, argument, depth) is None:
        return NEVER if wanted else ALWAYS
    present = [part is not None and proven(level, part, depth) for part in parts]
    if wanted:
        return ALWAYS if present and all(present) else OPEN
    return NEVER if any(present) else OPEN


def _boolean_test(level: Level, inner: Node, depth: int) -> Truth:
    argument, test = node(inner, "arg"), word(inner, "booltesttype") or "IS_TRUE"
    held = truth(level, argument, depth)
    negated, wanted = "NOT" in test, {"TRUE": ALWAYS, "FALSE": NEVER, "UNKNOWN": NULL}.get(test.rpartition("_")[2])
    if held is OPEN:
        if wanted is not NULL or not proven(level, argument, depth):
            return OPEN
        return ALWAYS if negated else NEVER
    return ALWAYS if (held is wanted) != negated else NEVER


def _case(level: Level, inner: Node, depth: int) -> Truth:
    """The answer of every branch that can be taken, where they all agree."""
    tested, answers = node(inner, "arg"), []
    for wrapped in nodes(inner, "args"):
        branch = body(wrapped, "CaseWhen") or {}
        when = node(branch, "expr")
        taken = truth(level, when, depth) if tested is None else compare(level, "=", tested, when, depth)
        if taken in {NEVER, NULL}:
            continue
        answers.append(truth(level, node(branch, "result"), depth))
        if taken is ALWAYS:
            break
    else:
        otherwise = node(inner, "defresult")
        answers.append(NULL if otherwise is None else truth(level, otherwise, depth))
    return answers[0] if len(set(answers)) == 1 else OPEN


def _first(level: Level, inner: Node, depth: int) -> Truth:
    for argument in nodes(inner, "args"):
        held = truth(level, argument, depth)
        if held is not NULL:
            return held
    return NULL


def _comparison(level: Level, inner: Node, depth: int) -> Truth:
    qualified, kind = names(inner, "name"), inner.get("kind")
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    if len(qualified) > 1 and qualified[0] != "pg_catalog":
        return OPEN
    operator = qualified[-1] if qualified else ""
    if kind == "AEXPR_OP":
        if left is None or right is None:
            return OPEN
        return compare(level, operator, left, right, depth)
    judge = _KINDS.get(str(kind))
    return (
        judge(level, operator, left, right, depth)
        if judge is not None
        else _plain(folding.fold(level, {"A_Expr": inner}))
    )


def compare(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    """What `left operator right` comes to."""
    if operator in PATTERNS:
        return _pattern(level, operator, left, right, depth)
    if operator in HOLDS and all(never_null(level, side, depth) or written(side) for side in (left, right)):
        return contains(level, operator, left, right, compare, depth)
    if operator not in _MIRRORED or depth > DEPTH:
        return OPEN
    operator = "<>" if operator == "!=" else operator
    if level.supposing:
        for holds, asked in ((ALWAYS, operator), (NEVER, OPPOSITE[operator])):
            if beyond(level, asked, left, right) or beyond(level, _MIRRORED[asked], right, left):
                return holds
    one, other = fold(level, left, depth), fold(level, right, depth)
    if one is None or other is None:
        return NULL
    if one is not UNFOLDED and other is not UNFOLDED:
        return _folded(operator, one, other)
    if (level.supposing and moved(level, operator, left, right)) or end_of_labels(level, operator, left, right):
        return ALWAYS
    rows = body(left, "RowExpr"), body(right, "RowExpr")
    if rows[0] is not None and rows[1] is not None:
        return _rows(level, operator, rows[0], rows[1], depth)
    if one is UNFOLDED and other is UNFOLDED:
        return _alike(level, operator, left, right, depth)
    if one is UNFOLDED:
        return _bounded(level, operator, left, other, depth)
    return _bounded(level, _MIRRORED[operator], right, one, depth)


def _folded(operator: str, left: Value, right: Value) -> Truth:
    same = (isinstance(left, str) and isinstance(right, str)) or (isinstance(left, bool) and isinstance(right, bool))
    if same:
        held = {"=": left == right, "<>": left != right}.get(operator)
    elif isinstance(left, (int, float)) and isinstance(right, (int, float)) and bool not in {type(left), type(right)}:
        held = {
            "=": left == right, "<>": left != right, "<": left < right,
            ">": left > right, "<=": left <= right, ">=": left >= right,
        }[operator]  # fmt: skip
    else:
        held = None
    return OPEN if held is None else (ALWAYS if held else NEVER)


def _rows(level: Level, operator: str, left: Node, right: Node, depth: int) -> Truth:
    pairs = list(zip(nodes(left, "args"), nodes(right, "args"), strict=False))
    if len(nodes(left, "args")) != len(nodes(right, "args")):
        return OPEN
    if operator not in {"=", "<>"}:
        return _ordered(level, operator, pairs, depth)
    equal = every([compare(level, "=", one, other, depth + 1) for one, other in pairs])
    return equal if operator == "=" else NOT[equal]


def _ordered(level: Level, operator: str, pairs: list[tuple[Node, Node]], depth: int) -> Truth:
    """Rows are compared from the left: the first fields that differ decide (docs 9.25)."""
    for one, other in pairs:
        if compare(level, "=", one, other, depth + 1) is not ALWAYS:
            return compare(level, operator[0], one, other, depth + 1)
    return ALWAYS if operator.endswith("=") else NEVER


def _alike(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    """An expression beside itself; a column beside the smallest or largest of all of it."""
    text = structure(level, left)
    if text is None:
        return OPEN
    if text == structure(level, right):
        if not (text.startswith("row:") or never_null(level, left, depth)):
            return OPEN
        return ALWAYS if operator in {"=", "<=", ">="} else NEVER
    wanted = {">=": "min", "<=": "max"}.get(operator)
    return ALWAYS if wanted is not None and end_of_all(level, left, right, wanted, truth) else OPEN


def _bounded(level: Level, operator: str, left: Node | None, bound: Value, depth: int) -> Truth:
    """A length is never negative, and an integer column holds no more than its type."""
    if not isinstance(bound, (bool, int, float, str)) or not never_null(level, left, depth):
        return OPEN
    for holds, asked in ((ALWAYS, operator), (NEVER, OPPOSITE[operator])):
        if isinstance(bound, bool):
            found = is_truth(level, left) and (asked, bound) in {(">=", False), ("<=", True)}
        elif isinstance(bound, str):
            found = not bound and asked in {"<>", ">", ">="} and never_empty(level, left)
        else:
            found = within_bounds(level, asked, left, bound)
        if found:
            return holds
    return OPEN


def _pattern(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    matched = matches(operator, right) if never_null(level, left, depth) else None
    return OPEN if matched is None else (ALWAYS if matched else NEVER)


def _similar(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    escaped, named = nodes(body(right, "FuncCall") or {}, "args"), "!~~" if operator.startswith("!") else "~~"
    return _pattern(level, named, left, escaped[0], depth) if len(escaped) == 1 else OPEN


def _listed(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    """IN is `=` with one of them, NOT IN `<>` with all; the same with ANY and ALL of an array that is written out."""
    _, held = unwrap(right)
    items = nodes(held, "items" if "items" in held else "elements")
    if len(items) > 100:
        return OPEN
    folded = [compare(level, operator, left, item, depth + 1) for item in items]
    if operator == "<>":
        return every(folded)
    found = some(folded)
    if found is OPEN and all_listed(level, left, items) and never_null(level, left, depth):
        return ALWAYS
    return ALWAYS if found is OPEN and covered(level, [_pair(operator, left, item) for item in items]) else found


def _pair(operator: str, left: Node | None, right: Node) -> Node:
    return {"A_Expr": {"kind": "AEXPR_OP", "name": [{"String": {"sval": operator}}], "lexpr": left, "rexpr": right}}


def _every(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    if constant(right) == "{}":
        return ALWAYS
    elements = nodes(body(right, "A_ArrayExpr") or {}, "elements")
    if right is None or "A_ArrayExpr" not in right or len(elements) > 100:
        return OPEN
    return every([compare(level, operator, left, element, depth + 1) for element in elements])


def _one_of(level: Level, operator: str, left: Node | None, right: Node | None, depth: int) -> Truth:
    if right is not None and "A_ArrayExpr" in right and operator == "=":
        return _listed(level, operator, left, right, depth)
    ranged = body(right, "FuncCall") or {}
    if operator == "=" and names(ranged, "funcname")[-1:] == ("enum_range",) and len(nodes(ranged, "args")) == 1:
        return ALWAYS if never_null(level, left, depth) else OPEN
    argument = body(right, "SubLink")
    if operator == "=" and argument is not None and argument.get("subLinkType") == "ARRAY_SUBLINK":
        return _among(level, left, body(node(argument, "subselect"), "SelectStmt"), depth)
    return OPEN


def _distinct(level: Level, left: Node | None, right: Node | None, depth: int) -> Truth:
    one, other = fold(level, left, depth), fold(level, right, depth)
    if one is not UNFOLDED and other is not UNFOLDED:
        if one is None or other is None:
            return NEVER if one is other else ALWAYS
        return NOT[_folded("=", one, other)]
    if one is None or other is None:
        rest = left if other is None else right
        return ALWAYS if proven(level, rest, depth) else OPEN
    text = structure(level, left)
    return NEVER if text is not None and text == structure(level, right) else OPEN


def _between(level: Level, left: Node | None, right: Node | None, depth: int) -> Truth:
    _, held = unwrap(right)
    items = nodes(held, "items")
    if len(items) != 2:
        return OPEN
    found = every([compare(level, ">=", left, items[0], depth), compare(level, "<=", left, items[1], depth)])
    low, high = fold(level, items[0], depth), fold(level, items[1], depth)
    crossed = isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high
    return NEVER if found is OPEN and crossed and never_null(level, left, depth) else found


def _between_either(level: Level, left: Node | None, right: Node | None, depth: int) -> Truth:
    _, held = unwrap(right)
    text, ends = structure(level, left), nodes(held, "items")
    itself = text is not None and any(structure(level, end) == text for end in ends)
    if itself and all(never_null(level, part, depth) for part in (left, *ends)):
        return ALWAYS
    return some([_between(level, left, {"List": {"items": order}}, depth) for order in (ends, ends[::-1])])


_KINDS: Final[dict[str, Callable[[Level, str, Node | None, Node | None, int], Truth]]] = {
    "AEXPR_LIKE": _pattern,
    "AEXPR_ILIKE": _pattern,
    "AEXPR_SIMILAR": _similar,
    "AEXPR_IN": _listed,
    "AEXPR_OP_ANY": _one_of,
    "AEXPR_OP_ALL": _every,
    "AEXPR_DISTINCT": lambda level, _, left, right, depth: _distinct(level, left, right, depth),
    "AEXPR_NOT_DISTINCT": lambda level, _, left, right, depth: NOT[_distinct(level, left, right, depth)],
    "AEXPR_BETWEEN": lambda level, _, left, right, depth: _between(level, left, right, depth),
    "AEXPR_NOT_BETWEEN": lambda level, _, left, right, depth: NOT[_between(level, left, right, depth)],
    "AEXPR_BETWEEN_SYM": lambda level, _, left, right, depth: _between_either(level, left, right, depth),
    "AEXPR_NOT_BETWEEN_SYM": lambda level, _, left, right, depth: NOT[_between_either(level, left, right, depth)],
}


def _sub_query(level: Level, inner: Node, depth: int) -> Truth:
    kind, select = inner.get("subLinkType"), body(node(inner, "subselect"), "SelectStmt")
    if select is None:
        return OPEN
    if kind == "EXISTS_SUBLINK":
        return _exists(level, select, depth)
    if kind == "ANY_SUBLINK" and names(inner, "operName") in {(), ("=",)}:
        return _among(level, node(inner, "testexpr"), select, depth)
    value = folding.scalar({"SubLink": inner})
    return OPEN if value is None else truth(level, value, depth)


def _among(level: Level, left: Node | None, select: Node | None, depth: int) -> Truth:
    """`x IN (SELECT x FROM all of them)`, `x IN (VALUES (x))`, `x IN (SELECT x)`."""
    if select is None or left is None:
        return OPEN
    rows = nodes(select, "valuesLists")
    if rows and len(rows) <= 100 and not any(key in select for key in ("limitCount", "limitOffset", "withClause")):
        firsts = [items[0] for row in rows if len(items := nodes(unwrap(row)[1], "items")) == 1]
        return some([compare(level, "=", left, first, depth + 1) for first in firsts]) if firsts else OPEN
    as_scalar: Node = {"SubLink": {"subLinkType": "EXPR_SUBLINK", "subselect": {"SelectStmt": select}}}
    if (value := folding.scalar(as_scalar)) is not None:
        return compare(level, "=", left, value, depth + 1)
    row, selected = body(left, "RowExpr"), nodes(select, "targetList")
    if row is None or len(nodes(row, "args")) != len(selected):
        return ALWAYS if gives_all(level, left, select, truth) else OPEN
    columns = [{**select, "targetList": [target]} for target in selected]
    each = [gives_all(level, part, one, truth) for part, one in zip(nodes(row, "args"), columns, strict=True)]
    return ALWAYS if all(each) else OPEN


def _exists(level: Level, select: Node, depth: int) -> Truth:
    """Whether a query gives a row: without FROM its WHERE says so, an aggregate alone always does."""
    if any(key in select for key in ("havingClause", "limitCount", "limitOffset", "larg", "groupClause", "withClause")):
        return OPEN
    if "valuesLists" in select:
        return ALWAYS
    targets = [node(t, "val") for w in nodes(select, "targetList") if (t := body(w, "ResTarget")) is not None]
    if any(is_aggregate(target) for target in targets):
        return ALWAYS
    condition = node(select, "whereClause")
    if level.supposing and meets_itself(level, select):
        return ALWAYS
    # Its own names are not those of this level: with a FROM only constants can be judged.
    around = level if "fromClause" not in select else Level(None)
    held = ALWAYS if condition is None else truth(around, condition, depth)
    if held in {NEVER, NULL}:
        return NEVER
    return held if "fromClause" not in select else OPEN


_JUDGES: Final[dict[str, Callable[[Level, Node, int], Truth]]] = {
    "BoolExpr": _logic,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "CaseExpr": _case,
    "CoalesceExpr": _first,
    "A_Expr": _comparison,
    "SubLink": _sub_query,
}
