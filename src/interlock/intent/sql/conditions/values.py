"""Values that a column can have, and what comparing them gives; what nobody can say without the server stays unsaid.

Numbers and moments (seconds) are fractions, texts are compared for being the same alone: their order is a collation's.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from fractions import Fraction
from typing import Final

from interlock.intent.sql.conditions.folding import boolean


class Unsaid(Enum):
    """None stands for NULL."""

    UNSAID = "unsaid"


class Other:
    """Some text that is none of those that are written anywhere."""


class Label:
    """A value of an enumeration: it compares by its place."""

    __slots__ = ("places", "text")

    def __init__(self, text: str, places: Mapping[str, int]) -> None:
        self.text, self.places = text, places


UNSAID: Final = Unsaid.UNSAID
Single = Fraction | str | bool | Label | Other | Unsaid | None
Held = Single | tuple[Single, ...]
_NUMBER: Final = re.compile(r"\s*[+-]?\d{1,30}(\.\d{0,30})?\s*", re.ASCII)
_PLAIN: Final = re.compile(r"[\w ^$|()-]*", re.ASCII)
_ORDERS: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})
_MOST_GAPS: Final = 4


def compare(operator: str, left: Held, right: Held) -> bool | Unsaid | None:
    """What `left operator right` comes to by PostgreSQL's own operators."""
    if left is None or right is None:
        return None
    if operator == "!=":
        operator = "<>"
    if operator not in _ORDERS:
        return _matched(operator, left, right)
    if isinstance(left, Label) or isinstance(right, Label):
        one, other = _place(left, right), _place(right, left)
    elif isinstance(left, bool) or isinstance(right, bool):
        one, other = _truth(left), _truth(right)
    elif isinstance(left, Fraction) or isinstance(right, Fraction):
        one, other = quantity(left), quantity(right)
    else:
        return _texts(operator, left, right)
    return UNSAID if one is None or other is None else _ordered(operator, one, other)


def _ordered(operator: str, one: Fraction, other: Fraction) -> bool:
    return {
        "=": one == other, "<>": one != other, "<": one < other,
        ">": one > other, "<=": one <= other, ">=": one >= other,
    }[operator]  # fmt: skip


def _place(value: Held, beside: Held) -> Fraction | None:
    """Where a label stands in its enumeration; a text beside one means one."""
    if isinstance(value, Label):
        return Fraction(value.places[value.text])
    place = beside.places.get(value) if isinstance(beside, Label) and isinstance(value, str) else None
    return None if place is None else Fraction(place)


def _truth(value: Held) -> Fraction | None:
    held = boolean(value) if isinstance(value, (bool, str)) else None
    return None if held is None else Fraction(int(held))


def quantity(value: Held) -> Fraction | None:
    """A number, or a moment in seconds; texts are read as either. None for anything else."""
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, str):
        return None
    if _NUMBER.fullmatch(value):
        return Fraction(value.strip())
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    since = (read if read.tzinfo else read.replace(tzinfo=UTC)) - datetime(2000, 1, 1, tzinfo=UTC)
    return Fraction(since.days * 86_400 + since.seconds) + Fraction(since.microseconds, 1_000_000)


def _texts(operator: str, left: Held, right: Held) -> bool | Unsaid:
    if not isinstance(left, (str, Other)) or not isinstance(right, (str, Other)):
        return UNSAID
    same = left is right if isinstance(left, Other) or isinstance(right, Other) else left == right
    if isinstance(left, Other) and isinstance(right, Other) and not same:
        return UNSAID
    if operator in {"=", "<>"}:
        return same == (operator == "=")
    if same:
        return operator in {"<=", ">="}
    # Nothing stands before the empty text, whatever the collation.
    return True if operator == ">=" and right == "" else UNSAID


def _matched(operator: str, text: Held, pattern: Held) -> bool | Unsaid:
    """LIKE and the plainest regular expressions, of a text that is known."""
    positive, plain = not operator.startswith("!"), operator.removeprefix("!")
    if not isinstance(text, str) or not isinstance(pattern, str) or not text.isascii():
        return UNSAID
    flags = re.IGNORECASE if plain.endswith("*") else re.NOFLAG
    if plain in {"~~", "~~*"}:
        if "\\" in pattern or len(re.findall("%+", pattern)) > _MOST_GAPS:
            return UNSAID
        made = "".join(".*" if each == "%" else "." if each == "_" else re.escape(each) for each in pattern)
        found = re.fullmatch(re.sub(r"(\.\*)+", ".*", made), text, flags | re.DOTALL)
        return (found is not None) == positive
    if plain in {"~", "~*"} and _PLAIN.fullmatch(pattern):
        try:
            return (re.search(pattern, text, flags) is not None) == positive
        except re.error:
            return UNSAID
    return UNSAID
