"""Which ranges of a FROM a condition ties together: what is tied by nothing multiplies."""

from typing import Final

from interlock.intent.sql.conditions.equations import Equation
from interlock.intent.sql.conditions.folding import column_of
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.links import Link
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import body, nodes

_SURROUNDINGS: Final = -1


class Joined(Range):
    """A join behind an alias, `(a JOIN b ON ...) AS j (x, y)`: its columns are those of its sides, by other names."""

    __slots__ = ("behind",)

    def __init__(self, name: str, sides: list[Range], used: tuple[str, ...], renamed: tuple[str, ...]) -> None:
        super().__init__(name)
        self.members, self.group = sides, sides[0].group
        self.behind: dict[str, list[tuple[Range, str]]] = {}
        seen = [range_ for range_ in sides if not range_.hidden]
        merged = [(column, [(side, column) for side in seen if side.has(column) is not False]) for column in used]
        listed = [(side, side.outputs()) for side in seen]
        if all(outputs is not None for _, outputs in listed):
            own = [(column, [(side, column)]) for side, outputs in listed for column, _ in outputs or ()]
            columns = [*merged, *(each for each in own if each[0] not in used)]
            called = [*renamed, *(column for column, _ in columns[len(renamed) :])][: len(columns)]
            self.name_columns([(name, ()) for name in called])
            for name, (_, behind) in zip(called, columns, strict=True):
                self.behind.setdefault(name, []).extend(behind)
        for side in seen:
            side.hidden = True

    def touch(self, reading: Reading, column: str) -> None:
        """A column of it is one of its sides'; any of theirs where they are not known."""
        if column not in self.behind:
            self.touch_all(reading)
            return
        self.touched = True
        for side, name in self.behind[column]:
            reading.hits.add(id(side))
            side.touch(reading, name)


def common(sides: list[Range]) -> tuple[str, ...]:
    """Columns that at least two sides share; with unknown columns all of the known ones count."""
    listed = [{name for name, _ in columns} for range_ in sides if (columns := range_.outputs()) is not None]
    if len(listed) < len(sides):
        return tuple(sorted(set().union(*listed)))
    return tuple(sorted({name for at, one in enumerate(listed) for other in listed[at + 1 :] for name in one & other}))


def merge_groups(ranges: list[Range]) -> None:
    """Tie all of these together."""
    if len(ranges) > 1:
        first = ranges[0].group
        for range_ in ranges[1:]:
            old = range_.group
            for other in ranges:
                if other.group == old:
                    other.group = first


def join(level: Level, hits: set[int], found: Link) -> None:
    """Join the ranges of a condition; between whole tables one bound alone leaves too many pairs."""
    if found is Link.BOUND:
        hit = [range_ for range_ in level.ranges if id(range_) in hits]
        tables = len(hit) == len(hits) and all(
            r.relation is not None or (r.weighs and r.numbers is not None) for r in hit
        )
        seen = frozenset(hits)
        if tables and seen not in level.bounds:
            level.bounds.add(seen)
            return
    if found is not Link.NONE:
        tie(level, hits)


def tie(level: Level, hits: set[int]) -> None:
    """Tie the ranges that a condition mentions, those around the query included."""
    own = [range_ for range_ in level.ranges if id(range_) in hits]
    groups = {range_.group for range_ in own}
    if len(hits) > len(own):
        # Correlated: the surrounding row stands for a value here, and joins all that are tied to it.
        groups.add(_SURROUNDINGS)
    if len(groups) > 1:
        first = min(groups)
        for range_ in level.ranges:
            if range_.group in groups:
                range_.group = first


def equate(level: Level, equal: Equation | None) -> None:
    """Keep which columns of two relations a comparison of rows makes equal: `(a.x, a.y) = (b.x, b.y)`."""
    rows = (body(equal.left, "RowExpr"), body(equal.right, "RowExpr")) if equal is not None else (None, None)
    if rows[0] is None or rows[1] is None:
        return
    for one, other in zip(nodes(rows[0], "args"), nodes(rows[1], "args"), strict=False):
        first, second = column_of(level, one), column_of(level, other)
        if first is not None and second is not None and first[0] is not second[0]:
            level.pairs.append((*first, *second))


def equate_used(level: Level, sides: list[Range], used: tuple[str, ...]) -> None:
    """The same for USING and NATURAL."""
    for name in used:
        holding = [
            range_ for range_ in sides if range_.relation is not None and range_.columns is None and range_.has(name)
        ]
        level.pairs += ((one, name, holding[-1], name) for one in holding[:-1])
