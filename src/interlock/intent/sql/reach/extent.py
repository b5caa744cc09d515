"""How much of its relations a query reads, and joins without a condition: every row meets every row."""

from math import prod
from typing import Final

from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.reach.sizes import rows_of, shown
from interlock.intent.sql.reach.smallness import keyed
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.vocabulary import ALL, ONE, UNKNOWN
from interlock.model import FindingCode

MOST_PAIRS: Final = 2e7  # plans above it were botched joins, and all botched joins were above it (design: sql.md 3)


def reaches(reading: Reading, level: Level, *, bounded: bool) -> None:
    """Give every relation read here its reach, and point at a join that multiplies."""
    heavy: set[int] = set()
    series = False
    for range_ in level.ranges:
        small = keyed(range_)
        gathered = None if range_.written else range_.gather(reading)
        if gathered is not None:
            gathered.extend(small or (UNKNOWN if bounded or len(level.ranges) > 1 else ALL))
        # A target that stands alone is untied, not multiplied: victims.py says so.
        if range_.weighs and small is not ONE and not (range_.written and _alone(level, range_)):
            heavy.add(range_.group)
        series = series or bool(range_.numbers)
    if len(heavy) > 1:
        weighing = [f"`{range_.name}`" for range_ in level.ranges if range_.weighs]
        listed = ", ".join(weighing[:5]) + (f" and {len(weighing) - 5} more" if len(weighing) > 5 else "")
        message = f"no condition joins {listed}: every row meets every row{_pairs(level)}; join them on their keys"
        reading.note(FindingCode.CARTESIAN, message)
        if all(range_.object is None and range_.columns is None for range_ in level.ranges if range_.weighs):
            # Nothing but long series: no table is read, so no effect would carry the finding to a policy.
            reading.understood = False
    elif series:
        _fuse(reading, level)
    if len(level.ranges) > 2:
        _refuse_product(reading, level)


def _alone(level: Level, range_: Range) -> bool:
    return not any(other.group == range_.group for other in level.ranges if other is not range_)


def _pairs(level: Level) -> str:
    """How many pairs that makes, where the sizes are known."""
    pairs = _product(level)
    return f", about {shown(pairs)} pairs" if pairs is not None and pairs > 1 else ""


def _product(level: Level) -> float | None:
    product = 1.0
    for range_ in level.ranges:
        rows = rows_of(range_.relation) if range_.relation is not None else range_.numbers
        if range_.weighs or range_.numbers:
            if rows is None:
                return None
            product *= 1 if keyed(range_) is ONE else max(rows, 1)
    return product


def _refuse_product(reading: Reading, level: Level) -> None:
    """Lists that stand in the text are short, and their product is not: of what is tied together the longest counts."""
    longest: dict[int, float] = {}
    for range_ in level.ranges:
        longest[range_.group] = max(longest.get(range_.group, 1.0), range_.spelled)
    rows = prod(longest.values())
    if rows > MOST_PAIRS:
        message = f"the lists in FROM multiply to about {shown(rows)} rows; join them, or ask for fewer"
        reading.refuse(FindingCode.OVER_LIMIT, message)


def _fuse(reading: Reading, level: Level) -> None:
    """Numbers that meet every row of a large table: few by themselves, too many together."""
    if len({range_.group for range_ in level.ranges if range_.relation is not None or range_.numbers}) < 2:
        return
    pairs = _product(level)
    if pairs is not None and pairs > MOST_PAIRS:
        message = f"every row meets every number: about {shown(pairs)} rows; ask for fewer numbers, or fewer rows"
        reading.note(FindingCode.CARTESIAN, message)
