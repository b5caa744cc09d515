"""Values that a statement makes out of nothing: more than anybody needs, at once or anew for each row of a table."""

from typing import Final

from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.counting import MANY_CHARACTERS, MANY_NUMBERS, numbers, numbers_at_least
from interlock.intent.sql.reach.sizes import rows_of, shown
from interlock.intent.sql.reach.smallness import keyed
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, body, names, within, words
from interlock.model import FindingCode, Reach

_SOME_ROWS: Final = 10_000  # of a table of which no size is known
_LONG: Final = 100_000  # characters; shorter texts for each row are honest
_MOST_ALTOGETHER: Final = 5e9
_SERIES: Final = "generate_series"
_MOST_NUMBERS: Final = 10_000_000  # five times as many were sorted or told apart for a minute (measured)
_MOST_GATHERED: Final = 10_000_000
GATHERING: Final = words(
    """array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg xmlagg json_agg_strict jsonb_agg_strict
    range_agg percentile_cont percentile_disc mode"""
)


def make(reading: Reading, level: Level | None, called: Node, location: int) -> None:
    """A call that makes as many values as it is told."""
    series = names(called, "funcname")[-1] == _SERIES
    made, each = numbers(called, level.longest() if level is not None else 1), numbers(called)
    if made > (_MOST_NUMBERS if series else MANY_NUMBERS) or (not series and each > MANY_CHARACTERS):
        message = "more values or characters than anybody needs; ask for fewer"
        reading.refuse(FindingCode.OVER_LIMIT, message, location)
    elif not series and each > _LONG and each * _rows(level)[0] > _MOST_ALTOGETHER:
        message = "so long a text for each row is more than any answer holds; ask for a shorter one"
        reading.refuse(FindingCode.OVER_LIMIT, message, location)
    if series:
        largest = level.longest() if level is not None else 1.0
        reading.series = max(reading.series, made or numbers_at_least(called, largest))


def gather(reading: Reading, level: Level | None, location: int) -> None:
    """An aggregate that keeps every value: all of them stand in memory at once."""
    most = level.longest() if level is not None else 1.0
    if most > _MOST_GATHERED:
        message = f"about {shown(most)} values would become one, in memory; ask for fewer, or aggregate them otherwise"
        reading.refuse(FindingCode.OVER_LIMIT, message, location)


def refuse_gathered(reading: Reading, listed: Node) -> None:
    """The same for `ARRAY(SELECT ...)`."""
    calls = [called for found in within(listed) if (called := body(found, "FuncCall")) is not None]
    most = max([numbers(call) for call in calls if names(call, "funcname")[-1:] == (_SERIES,)], default=0.0)
    if most > _MOST_GATHERED:
        message = f"an array of about {shown(most)} values would stand in memory; ask for fewer"
        reading.refuse(FindingCode.OVER_LIMIT, message)


def _rows(level: Level | None) -> tuple[float, str]:
    """How many rows a query and those around it go through, at a guess, and the name of what has them."""
    rows, name = 1.0, ""
    while level is not None:
        for range_ in level.ranges:
            if range_.numbers is not None:
                rows, name = rows * max(range_.numbers, 1), range_.name
            elif range_.weighs and range_.object is not None and keyed(range_) is not Reach.ONE:
                known = rows_of(range_.relation) if range_.relation is not None else None
                rows, name = rows * max(known if known is not None else _SOME_ROWS, 1), range_.name
        level = level.parent
    return rows, name


def refuse_repeated(reading: Reading, level: Level | None) -> None:
    """The series met last are made anew for each row of this query, and of those around it."""
    rows, shown_name = _rows(level)
    if shown_name and rows * reading.series > MANY_NUMBERS:
        message = (
            f"a series of about {shown(reading.series)} numbers is made anew for each row of `{shown_name}`; make it "
            "once, beside the table, and join it"
        )
        reading.refuse(FindingCode.OVER_LIMIT, message)
