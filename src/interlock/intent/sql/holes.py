"""What fills the holes of a template: `$1` may stand there bound, or as a literal of the statement's own."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from interlock.intent.sql.shape import literals_of, shape_of

Value: TypeAlias = str | int | None  # None: cannot be compared

_MARK: Final = re.compile(r"(?<![\w$])\$([0-9]{1,3})(?!\w)|\?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_QUOTED: Final = re.compile(r"'((?:[^'\\]|'')*)'")
_TEXTS: Final = frozenset({25, 1042, 1043})  # text, bpchar, varchar (pg_type.dat)
_WHOLES: Final = {21: 2, 23: 4, 20: 8}  # int2, int4, int8, and their bytes
_BINARY: Final = 1


def holes_of(template: str) -> int | None:
    """How many holes it has, numbered from 1 without a gap; None where they cannot be told from what stands around."""
    shape, literals = shape_of(template), literals_of(template)
    marks = _MARK.findall(shape)
    numbers = {int(number) for number in marks if number}
    told = '"' not in template and shape.count("?") == len(literals) and shape.count("$") == sum(map(bool, marks))
    return len(numbers) if told and numbers == set(range(1, len(numbers) + 1)) else None


def fill(
    template: str, text: str, values: Sequence[bytes | None], types: Sequence[int], formats: Sequence[int]
) -> tuple[Value, ...] | None:
    """What `text` puts into the holes of `template`; None where it is another statement.

    A hole that stands twice must be filled alike.
    """
    holes = holes_of(template)
    if holes is None:
        return None
    shape, fixed = shape_of(template), iter(literals_of(template))
    if values:
        same = shape_of(text) == shape and literals_of(text) == tuple(fixed)
        return tuple(_bound(values, types, formats)) if same and len(values) == holes else None
    literals = literals_of(text)
    if shape_of(text) != _MARK.sub("?", shape) or '"' in text:
        return None
    filled: dict[int, Value] = {}
    for number, literal in zip(_MARK.findall(shape), literals, strict=True):
        if not number and literal != next(fixed):
            return None
        value = _said(literal)
        if number and filled.setdefault(int(number), value) != value:
            return None
    return tuple(filled[number] for number in range(1, holes + 1))


def _said(literal: str) -> Value:
    """A literal by its value, where it is plain: a quoted number is a text, and no number."""
    if _WHOLE.fullmatch(literal):
        return int(literal)
    quoted = _QUOTED.fullmatch(literal)
    return None if quoted is None else quoted[1].replace("''", "'")


def _bound(values: Sequence[bytes | None], types: Sequence[int], formats: Sequence[int]) -> Iterator[Value]:
    written = formats if len(formats) > 1 else [*formats] * len(values)
    for at, value in enumerate(values):
        kind = types[at] if at < len(types) else 0
        yield None if value is None else _decoded(value, kind, at < len(written) and written[at] == _BINARY)


def _decoded(value: bytes, kind: int, binary: bool) -> Value:
    """By the type that the client declared; without one a text is what it is written as."""
    if binary:
        if _WHOLES.get(kind) == len(value):
            return int.from_bytes(value, "big", signed=True)
        return value.decode("utf-8", "replace") if kind in _TEXTS else None
    said = value.decode("utf-8", "replace")
    if kind in _WHOLES or (kind == 0 and _WHOLE.fullmatch(said)):
        return int(said) if _WHOLE.fullmatch(said) else None
    return said if kind in _TEXTS or kind == 0 else None
