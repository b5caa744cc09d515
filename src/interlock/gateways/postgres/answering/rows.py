"""Cutting and reading runs of DataRow frames."""

from struct import Struct

_length = Struct(">i").unpack_from
_HEADER = 5


def cut_rows(rows: bytes, count: int) -> bytes:
    """The first `count` whole frames of a run."""
    at = 0
    for _ in range(count):
        at += _length(rows, at + 1)[0] + 1
    return rows[:at]


def first_values(rows: bytes) -> list[str | None]:
    """The text of every first column in a run of DataRow frames; for the gateway's own small queries."""
    values: list[str | None] = []
    at = 0
    while at < len(rows):
        size = _length(rows, at + _HEADER + 2)[0]
        start = at + _HEADER + 6
        values.append(None if size < 0 else rows[start : start + size].decode())
        at += _length(rows, at + 1)[0] + 1
    return values
