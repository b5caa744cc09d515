"""Whether the arms of an OR leave nothing out, or two of an AND exclude each other: `x < 5 OR x >= 5`."""

from dataclasses import dataclass

from interlock.intent.sql.conditions.folding import UNFOLDED, Value, fold, never_null, structure
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.tree import Node, body, names, node, nodes, unwrap

_MOST = 100
OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_NEGATED_KINDS = {
    "AEXPR_NOT_DISTINCT": "AEXPR_DISTINCT",
    "AEXPR_NOT_BETWEEN": "AEXPR_BETWEEN",
    "AEXPR_NOT_BETWEEN_SYM": "AEXPR_BETWEEN_SYM",
}
# Pairs of bounds at one and the same value that leave nothing out.
_WHOLE = ({"=", "<>"}, {"<", ">="}, {"<=", ">"}, {"<=", ">="}, {"<>", "<="}, {"<>", ">="})
_NEGATED_NAMES = {"!~~": "~~", "!~~*": "~~*", "!~": "~", "!~*": "~*"}


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm: its text without NOT, and the same as a bound on something where it is one."""

    text: str
    positive: bool
    present: bool  # it is never NULL
    subject: str = ""
    operator: str = ""
    bound: Value = UNFOLDED
    other: str = ""


def covered(level: Level, arguments: list[Node]) -> bool:
    """Whether at least one of the arms of an OR holds whatever the row is."""
    flat = _flat(arguments, "OR_EXPR")
    absent = {
        text for argument in flat
        if (test := body(argument, "NullTest")) is not None and test.get("nulltesttype") == "IS_NULL"
        and (text := structure(level, node(test, "arg"))) is not None
    }  # fmt: skip
    arms = [arm for argument in flat for arm in _arms(level, argument, absent, positive=True)]
    if any(_complete(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :]):
        return True
    bounds = [arm for arm in arms if arm.subject and arm.present]
    return any(_meet(one, other) for at, one in enumerate(bounds) for other in bounds[at + 1 :])


def opposed(level: Level, arguments: list[Node]) -> bool:
    """Whether two arms of an AND are each other's opposite, so that it never holds."""
    flat = [argument for argument in _flat(arguments, "AND_EXPR") if not _only_bounds(argument)]
    if len(flat) < 2:
        return False
    arms = [arm for argument in flat for arm in _arms(level, argument, set(), positive=True)]
    return any(_complete(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :])


def _only_bounds(wrapped: Node) -> bool:
    """Whether it compares a column with another or with a number: a bound on it, and nobody's opposite."""
    inner = body(wrapped, "A_Expr")
    if inner is None or inner.get("kind") != "AEXPR_OP" or (names(inner, "name") or ("",))[-1] not in OPPOSITE:
        return False
    left, right = node(inner, "lexpr"), node(inner, "rexpr")
    if left is None or right is None or "ColumnRef" not in left:
        return False
    value = body(right, "A_Const")
    return "ColumnRef" in right or (value is not None and "boolval" not in value)


def _flat(arguments: list[Node], operation: str) -> list[Node]:
    found: list[Node] = []
    waiting = list(reversed(arguments))
    while waiting and len(found) < _MOST:
        current = waiting.pop()
        inner = body(current, "BoolExpr")
        if inner is not None and inner.get("boolop") == operation:
            waiting.extend(reversed(nodes(inner, "args")))
        else:
            found.append(current)
    return found


def _arms(level: Level, wrapped: Node, absent: set[str], *, positive: bool) -> list[_Arm]:
    kind, inner = unwrap(wrapped)
    while kind == "BoolExpr" and inner.get("boolop") == "NOT_EXPR":
        positive = not positive
        wrapped = nodes(inner, "args")[0]
        kind, inner = unwrap(wrapped)
    if kind == "NullTest":
        return _null_arm(level, inner, positive=positive)
    if kind == "BooleanTest":
        test = str(inner.get("booltesttype", "IS_TRUE"))
        wrapped = {kind: {**inner, "booltesttype": test.replace("IS_NOT_", "IS_")}}
        positive = positive != test.startswith("IS_NOT_")
    if kind != "A_Expr":
        text = structure(level, wrapped)
        return [] if text is None else [_Arm(text, positive, _present(level, wrapped, text, absent))]
    if inner.get("kind") == "AEXPR_OP":
        return _bound_arm(level, inner, absent, positive=positive)
    return _other_arm(level, inner, absent, positive=positive)


def _null_arm(level: Level, inner: Node, *, positive: bool) -> list[_Arm]:
    """`IS NOT NULL` of a row is not the opposite of its `IS NULL` (docs 9.2): rows stay out."""
    text = structure(level, node(inner, "arg"))
    if text is None or text.startswith(("RowExpr", "row:")):
        return []
    return [_Arm(f"null:{text}", positive == (inner.get("nulltesttype") == "IS_NULL"), True)]


def _other_arm(level: Level, inner: Node, absent: set[str], *, positive: bool) -> list[_Arm]:
    """IN, LIKE, BETWEEN, DISTINCT: each as the positive form of itself."""
    kind, operator = str(inner.get("kind")), (names(inner, "name") or ("",))[-1]
    left = node(inner, "lexpr")
    if kind == "AEXPR_DISTINCT" or kind == "AEXPR_NOT_DISTINCT":
        present = True
    else:
        present = left is not None and _all_present(level, [left, *_values(inner)], absent)
    negative = kind in _NEGATED_KINDS or operator in _NEGATED_NAMES or (kind == "AEXPR_IN" and operator == "<>")
    plain = {key: value for key, value in inner.items() if key not in {"kind", "name"}}
    text = structure(level, {"A_Expr": plain})
    if text is None:
        return []
    named = _NEGATED_KINDS.get(kind, kind) + _NEGATED_NAMES.get(operator, "" if kind == "AEXPR_IN" else operator)
    if "BETWEEN" in kind:
        named = _NEGATED_KINDS.get(kind, kind)
    arms = [_Arm(f"{named}{text}", positive != negative, present)]
    if kind == "AEXPR_IN" and positive != negative:
        subject = structure(level, left)
        arms += [
            _Arm("", True, _present(level, left, subject, absent), subject, "=", value)
            for item in _values(inner)[:_MOST]
            if subject and left is not None and (value := fold(level, item)) is not None and value is not UNFOLDED
        ]
    return arms


def _values(inner: Node) -> list[Node]:
    right = node(inner, "rexpr")
    listed = body(right, "List")
    return nodes(listed, "items") if listed is not None else ([right] if right is not None else [])


def _bound_arm(level: Level, inner: Node, absent: set[str], *, positive: bool) -> list[_Arm]:
    left, right, operator = node(inner, "lexpr"), node(inner, "rexpr"), (names(inner, "name") or ("",))[-1]
    operator = "<>" if operator == "!=" else operator
    if left is None or right is None:
        return []
    if operator not in OPPOSITE:
        return _other_arm(level, inner, absent, positive=positive)
    if "A_Const" in left or "ParamRef" in left:
        left, right, operator = right, left, _MIRRORED[operator]
    subject, bound, other = structure(level, left), fold(level, right), structure(level, right)
    if subject is None or other is None or bound is None:
        return []
    if isinstance(bound, bool):
        return [_Arm(subject, positive == (bound == (operator == "=")), _present(level, left, subject, absent))]
    operator = operator if positive else OPPOSITE[operator]
    present = _all_present(level, [left, right], absent)
    return [_Arm("", True, present, subject, operator, bound, other)]


def _present(level: Level, wrapped: Node | None, text: str | None, absent: set[str]) -> bool:
    return text in absent or never_null(level, wrapped)


def _all_present(level: Level, parts: list[Node], absent: set[str]) -> bool:
    return all("ParamRef" in part or _present(level, part, structure(level, part), absent) for part in parts)


def _complete(one: _Arm, other: _Arm) -> bool:
    return bool(one.text) and one.text == other.text and one.positive != other.positive and one.present


def _meet(one: _Arm, other: _Arm) -> bool:
    """Whether two bounds on one thing leave no value between them."""
    if one.subject != other.subject:
        return False
    if one.other and one.other == other.other:
        return {one.operator, other.operator} in _WHOLE
    if not _ordered(one.bound, other.bound):
        return {one.operator, other.operator} == {"<>"} and _differ(one.bound, other.bound)
    return _span(one, other) or _span(other, one)


def _differ(one: Value, other: Value) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one != other


def _ordered(one: Value, other: Value) -> bool:
    return isinstance(one, (int, float)) and isinstance(other, (int, float))


def _span(low: _Arm, high: _Arm) -> bool:
    """`x < 200 OR x > 100`, `x <> 1 OR x <> 2`, `x <> 1 OR x < 5`."""
    first, second = low.bound, high.bound
    if not isinstance(first, (int, float)) or not isinstance(second, (int, float)):
        return False
    if low.operator == "<>":
        holds = {"=": first == second, "<>": first != second, "<": first < second, "<=": first <= second}
        holds |= {">": first > second, ">=": first >= second}
        return holds[high.operator]
    if low.operator in {"<", "<="} and high.operator in {">", ">="}:
        return second < first or (second == first and "=" in low.operator + high.operator)
    return False
