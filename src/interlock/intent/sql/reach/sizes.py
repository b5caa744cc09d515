"""How large relations are, as far as the catalogue tells, and reads that take everything of a very large one."""

from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.conditions.truth import always
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.aggregates import aggregated
from interlock.intent.sql.reach.counting import limited
from interlock.intent.sql.reach.smallness import keyed, unique_by
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, holds, node, nodes
from interlock.model import FindingCode, Reach, Verb

_PAGE: Final = 8192
_MEBIBYTE: Final = 1 << 20


def rows_of(relation: Relation) -> float | None:
    """The planner's estimate of its rows, those of its children included; None where it was never analysed."""
    if not relation.children:
        return relation.rows
    counted = [part.rows for part in relation.descendants() if part.kind != "p"]
    known = [rows for rows in counted if rows is not None]
    return sum(known) if len(known) == len(counted) else None


def mebibytes(relation: Relation) -> int | None:
    """Its size on disk as it was last seen; None where it was never analysed or vacuumed."""
    parts = [part for part in relation.descendants() if part.kind in "rm"]
    if not parts or any(part.rows is None or part.pages is None for part in parts):
        return None
    return sum(part.pages or 0 for part in parts) * _PAGE // _MEBIBYTE


def shown(number: float) -> str:
    """A large number for people: 12,000,000 or 3.1e+15."""
    return f"{number:,.0f}" if number < 1e12 else f"{number:.2g}"


def narrowed(inner: Node) -> bool:
    """Whether a query gives less than it reads: a LIMIT, groups, DISTINCT, aggregates."""
    if limited(inner) or any(key in inner for key in ("groupClause", "distinctClause", "havingClause")):
        return True
    return aggregated(inner.get("targetList"))


def note_everything(reading: Reading, level: Level, inner: Node, condition: Node | None) -> None:
    """Point at very large relations of which a query gives every row."""
    most = reading.limits.huge_table_rows
    for range_ in level.ranges:
        relation = range_.relation
        rows = None if relation is None else (rows_of(relation) if relation.children else relation.rows)
        if range_.object is None or rows is None or rows < most or not _driven(level, range_, most):
            continue
        if (
            narrowed(inner)
            or always(level, condition) is False
            or (condition is not None and not always(level, condition))
        ):
            return
        message = (
            f"every row of `{range_.name}`, about {shown(rows)}, would be read and sent; "
            "add a WHERE or a LIMIT, or count and group"
        )
        reading.add(Verb.READ, range_.object, Reach.ALL, reading.finding(FindingCode.HUGE_READ, message))


def _driven(level: Level, range_: Range, most: int) -> bool:
    """Whether each of its rows comes out: what it is joined with is only looked up by key, and it is not itself."""
    if keyed(range_) is not None:
        return False
    others = [other for other in level.ranges if other is not range_ and not other.members and other.weighs]
    if not all(unique_by(level, other) for other in others):
        return False
    return not others or not unique_by(level, range_) or all(_large(other, most) for other in others)


def _large(range_: Range, most: int) -> bool:
    rows = rows_of(range_.relation) if range_.relation is not None else None
    return rows is not None and rows >= most


def streams_through(inner: Node) -> bool:
    """Whether a query passes on every row of the queries in its FROM and WITH."""
    if "withClause" not in inner and not holds(nodes(inner, "fromClause"), "RangeSubselect"):
        return False
    condition = node(inner, "whereClause")
    return not narrowed(inner) and (condition is None or always(Level(None), condition) is True)
