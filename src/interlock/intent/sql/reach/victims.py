"""Which rows a write falls on, where that is not what its text seems to say: untied targets, rows picked by chance."""

from interlock.intent.sql.conditions.truth import always
from interlock.intent.sql.queries.names import Level, Range, lookup
from interlock.intent.sql.reach.smallness import conjuncts, keyed, unique_by
from interlock.intent.sql.reading import Chosen, Reading
from interlock.intent.sql.tree import Json, Node, body, names, node, nodes
from interlock.model import FindingCode, Reach


def untied(reading: Reading, level: Level, target: Range, condition: Node | None) -> Reach | None:
    """Note a target that no condition ties to the tables beside it. ALL where nothing is asked of it at all."""
    others = [range_ for range_ in level.ranges if range_ is not target and not range_.members]
    if not others or condition is None or always(level, condition) is not None:
        return None
    if any(range_.group == target.group for range_ in others) or keyed(target) is Reach.ONE:
        return None
    shown = ", ".join(f"`{range_.name}`" for range_ in others[:3])
    if not asks(level, target, condition):
        _note(reading, target, shown, "every row of it is written as soon as there is one of those")
        return Reach.ALL
    if any(range_.weighs and keyed(range_) is not Reach.ONE for range_ in others):
        _note(reading, target, shown, "each row of it meets all of theirs, and chance says which one counts")
    return None


def asks(level: Level, target: Range, condition: Node) -> bool:
    """Whether anything is asked of the target itself: `random() < 2`, `now() > '2000-01-01'` ask nothing of a row."""
    return any(_asks(level, target, conjunct) for conjunct in conjuncts(condition))


def _note(reading: Reading, target: Range, shown: str, consequence: str) -> None:
    message = f"no condition ties `{target.name}` to {shown}: {consequence}; compare a key of `{target.name}` with them"
    reading.note(FindingCode.UNCORRELATED, message)


def _asks(level: Level, target: Range, conjunct: Node) -> bool:
    """Whether a condition that is no tautology mentions the target."""
    if always(level, conjunct) is not None:
        return False
    stack: list[tuple[Json, bool]] = [(conjunct, False)]
    while stack:
        current, inside = stack.pop()
        if isinstance(current, list):
            stack.extend((item, inside) for item in current)
        elif isinstance(current, dict):
            if "CurrentOfExpr" in current:
                return True
            reference = body(current, "ColumnRef")
            if reference is not None and _means(level, target, names(reference, "fields"), inside=inside):
                return True
            stack.extend((inner, inside or "SubLink" in current) for inner in current.values())
    return False


def _means(level: Level, target: Range, fields: tuple[str, ...], *, inside: bool) -> bool:
    if not fields:
        return True
    if len(fields) == 1:
        # Inside a sub-query it may be a column of that one: then it is taken for the target's, and no accident.
        own = lookup(level, fields)
        return target.has(fields[0]) is not False if inside else own is None or own[0] is target
    return fields[-2] == target.name


def note_chosen(reading: Reading, target: Range, before: int) -> None:
    """Note victims that a LIMIT without ORDER BY picks, in queries that were read since `before`."""
    found = reading.chosen[before:]
    names_ = ", ".join(dict.fromkeys(f"`{chosen.name}`" for chosen in found))
    message = (
        f"a LIMIT without ORDER BY picks any rows of {names_}: chance says which rows of `{target.name}` are written, "
        "and another run takes others; ORDER BY a key"
    )
    reading.note(FindingCode.ARBITRARY_ROWS, message)
    if not all(chosen.named for chosen in found):
        reading.note(FindingCode.NO_WHERE, f"nothing says which rows of {names_} are meant; give the sub-query a WHERE")


def note_chance(reading: Reading, level: Level, target: Range) -> None:
    """Note an UPDATE whose rows have several partners: one of them counts, and chance says which (docs, UPDATE)."""
    paired = [other if one is target else one for one, _, other, _ in level.pairs if target in {one, other}]
    for range_ in dict.fromkeys(paired):
        if range_.relation is not None and range_.relation.kind in {"r", "p", "m"} and not unique_by(level, range_):
            message = (
                f"several rows of `{range_.name}` may meet one of `{target.name}`, and chance says which one counts; "
                f"join on a key of `{range_.name}`, or group it first"
            )
            reading.note(FindingCode.MULTIPLYING_JOIN, message)


def choose(reading: Reading, level: Level, inner: Node, condition: Node | None) -> None:
    """Keep that a LIMIT picks rows of this query by chance; a key that fixes the row leaves it no choice."""
    tables = [range_ for range_ in level.ranges if not range_.members]
    if not tables or _ordered(nodes(inner, "sortClause")) or all(keyed(range_) is Reach.ONE for range_ in tables):
        return
    named = condition is not None and always(level, condition) is None
    reading.chosen.append(Chosen(tables[0].name, named))


def _ordered(listed: list[Node]) -> bool:
    """Whether ORDER BY names a column or a position: `ORDER BY random()` is chance itself."""
    for wrapped in listed:
        stack: list[Json] = [node(body(wrapped, "SortBy") or {}, "node")]
        while stack:
            current = stack.pop()
            if isinstance(current, list):
                stack.extend(current)
            elif isinstance(current, dict):
                if "ColumnRef" in current or "A_Const" in current:
                    return True
                stack.extend(current.values())
    return False
