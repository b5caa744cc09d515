"""Whether a recursive query comes to an end, as far as its text says."""

from collections.abc import Callable, Iterator
from math import log

from interlock.intent.sql.conditions.truth import always
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.reach.branching import branches, pace
from interlock.intent.sql.reach.counting import MANY_NUMBERS, limited
from interlock.intent.sql.reach.repeating import lengthens, never_twice, plain, stands, step
from interlock.intent.sql.reach.smallness import conjuncts
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Json, Node, body, constant, flag, names, node, nodes, unwrap, within, word
from interlock.model import FindingCode

# How a column of the next round follows from the same column of this one, as far as that is known.
Steps = dict[str, float | None]
Measured = Callable[[Node | None, str, Node], float | None]
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TOO_MANY_ROUNDS = 10_000_000
_DEPTH = 20
_BEFORE_A_LIMIT = (
    "sortClause", "groupClause", "distinctClause", "havingClause", "windowClause", "whereClause", "limitOffset",
)  # fmt: skip


def refuse_endless(reading: Reading, name: str, inner: Node, reader: Node) -> None:
    """Refuse a WITH RECURSIVE that never ends, unless `reader`, the SELECT that follows, stops it by its LIMIT."""
    arms = body(node(inner, "ctequery"), "SelectStmt") or {}
    if endless(name, arms, names(inner, "aliascolnames")) and not streams(name, reader):
        message = f"`{name}` calls itself and no condition ends it soon; bound it inside its WITH"
        reading.refuse(FindingCode.OVER_LIMIT, message)


def endless(name: str, inner: Node, columns: tuple[str, ...]) -> bool:
    """A recursive arm that reads nothing but its last round, and that no condition stops: it gives rows for ever, or
    for longer than anybody waits. `columns` are the names that the WITH gives its columns, () for none."""
    arm, first = node(inner, "rarg") or {}, node(inner, "larg") or {}
    if "larg" in arm:
        return flag(inner, "all") and not all(_mentions(name, part) for part in _united(arm))
    if any(key in arm for key in ("havingClause", "limitCount", "groupClause")):
        return False
    if flag(inner, "all") and stands(name, first, arm, columns):
        return always(Level(None), node(arm, "whereClause")) is not False
    conditions = _sources(name, arm)
    if conditions is None:
        return False
    steps = _steps(name, first, arm, columns, step)
    if not flag(inner, "all") and not any(steps.values()) and not never_twice(arm):
        return False  # UNION keeps what is new, and nothing known to be new comes
    held = [part for condition in (*conditions, node(arm, "whereClause")) for part in conjuncts(condition)]
    if not any(_stops(condition, steps) for condition in held):
        return True
    paces = _steps(name, first, arm, columns, pace)
    longer = [times for times in _steps(name, first, arm, columns, lengthens).values() if times is not None]
    if _too_many(max(longer, default=1.0), held, paces):
        return True
    return flag(inner, "all") and _too_many(branches(arm), held, paces)


def _too_many(factor: float, held: list[Node], paces: Steps) -> bool:
    """Whether what becomes so many times as much in each round does so for more rounds than anybody waits for."""
    rounds = min([_rounds(condition, paces) for condition in held], default=0.0)
    equal = any(names(body(condition, "A_Expr") or {}, "name")[-1:] == ("=",) for condition in held)
    if factor <= 1 or equal or not 0 < rounds < float("inf"):
        return False
    return rounds * log(factor) > log(MANY_NUMBERS)


def _rounds(condition: Node, steps: Steps) -> float:
    """How many rounds a bound like `n < 1000` lets pass, from zero; without end where it says nothing of that."""
    inner = body(condition, "A_Expr") or {}
    operator, left, right = (names(inner, "name") or ("",))[-1], node(inner, "lexpr"), node(inner, "rexpr")
    if _constant(left) and not _constant(right):
        operator, left, right = _MIRRORED.get(operator, operator), right, left
    bound, each = amount(right), steps.get(plain(left))
    return bound / each if operator in {"<", "<="} and bound is not None and each and each > 0 else float("inf")


def _united(arm: Node) -> Iterator[Node]:
    """What UNION ALL puts together: what of it does not ask for the round before comes again in every round."""
    waiting = [arm]
    while waiting:
        part = waiting.pop()
        if part.get("op") == "SETOP_UNION" and flag(part, "all"):
            waiting.extend(side for key in ("larg", "rarg") if (side := node(part, key)) is not None)
        else:
            yield part


def _mentions(name: str, value: Json) -> bool:
    return any(word(found, "relname") == name for found in within(value)) or _never(value)


def _never(value: Json) -> bool:
    condition = node(value, "whereClause") if isinstance(value, dict) else None
    return condition is not None and (always(Level(None), condition) is not True)


def _sources(name: str, arm: Node) -> list[Node] | None:
    """The conditions of the joins in FROM where it holds the round before and no table; None elsewhere."""
    conditions: list[Node] = []
    waiting, again = list(nodes(arm, "fromClause")), 0
    while waiting:
        kind, inner = unwrap(waiting.pop())
        if kind == "JoinExpr":
            waiting.extend(side for key in ("larg", "rarg") if (side := node(inner, key)) is not None)
            quals = node(inner, "quals")
            conditions.extend([quals] if quals is not None else [])
        elif kind == "RangeVar" and word(inner, "relname") == name and not word(inner, "schemaname"):
            again += 1
        elif kind == "RangeSubselect" and "valuesLists" in (body(node(inner, "subquery"), "SelectStmt") or {}):
            continue
        elif kind != "RangeFunction":
            return None
    return conditions if again == 1 else None


def _steps(name: str, first: Node, arm: Node, columns: tuple[str, ...], measure: Measured) -> Steps:
    """What the arm adds to each of its columns: 0 where it stays, None where that is not known."""
    started = [body(target, "ResTarget") or {} for target in nodes(first, "targetList")]
    named = columns or tuple(word(target, "name") or plain(node(target, "val")) for target in started)
    steps: Steps = {}
    for at, (column, wrapped) in enumerate(zip(named, nodes(arm, "targetList"), strict=False)):
        value = node(body(wrapped, "ResTarget") or {}, "val")
        if column and _expands(value):
            return {}
        if column:
            again = (
                amount(value) is not None and at < len(started) and amount(value) == amount(node(started[at], "val"))
            )
            steps[column] = 0.0 if again else measure(value, column, arm)
    return steps


def _expands(value: Node | None) -> bool:
    return any("A_Star" in field for field in nodes(body(value, "ColumnRef") or {}, "fields"))


def _stops(condition: Node, steps: Steps, depth: int = 0) -> bool:
    """Whether this condition may end it: yes, unless it is known not to."""
    kind, inner = unwrap(condition)
    if depth > _DEPTH or always(Level(None), condition) is True:
        return depth > _DEPTH
    if kind == "BoolExpr" and inner.get("boolop") != "NOT_EXPR":
        held = [_stops(argument, steps, depth + 1) for argument in nodes(inner, "args")]
        return all(held) if inner.get("boolop") == "OR_EXPR" else any(held)
    if kind == "NullTest":
        return inner.get("nulltesttype") != "IS_NOT_NULL" or steps.get(plain(node(inner, "arg"))) is None
    if kind == "A_Expr" and inner.get("kind") == "AEXPR_OP":
        return _compares(inner, steps)
    return True


def _compares(inner: Node, steps: Steps) -> bool:
    operator, left, right = names(inner, "name")[-1:][0], node(inner, "lexpr"), node(inner, "rexpr")
    if _constant(left) and not _constant(right):
        operator, left, right = _MIRRORED.get(operator, operator), right, left
    if not _constant(right) or _constant(left):
        return True
    bound, each = amount(right), steps.get(plain(left))
    if each is None:
        return not (operator in {"<", "<="} and bound is not None and bound > MANY_NUMBERS) or _grows(left)
    if each == 0:
        return False
    if operator in {"<", "<="}:
        return each > 0 and (bound is None or bound / each < _TOO_MANY_ROUNDS)
    return not (operator in {">", ">="} and each > 0)


def _constant(value: Node | None) -> bool:
    return constant(value) is not None or amount(value) is not None


def _grows(left: Node | None) -> bool:
    """A bare column that is computed in another way may reach any bound soon: `n * 2` does."""
    return bool(plain(left))


def streams(name: str, inner: Node) -> bool:
    """Whether a query with a LIMIT takes rows of the WITH called `name` one by one, and stops the recursion by that:
    nothing sorts, groups, filters or skips them first, and nothing else reads them."""
    most = amount(node(inner, "limitCount"))
    listed = [word(body(item, "RangeVar") or {}, "relname") for item in nodes(inner, "fromClause")]
    return (
        limited(inner)
        and (most is None or most <= MANY_NUMBERS)
        and listed == [name]
        and not any(key in inner for key in _BEFORE_A_LIMIT)
        # An aggregate takes all rows before it gives one; besides its own arm nobody names it.
        and not any({"FuncCall", "SubLink"} & found.keys() for found in within(inner.get("targetList")))
        and sum(word(found, "relname") == name for found in within(inner.get("withClause"))) < 2
    )
