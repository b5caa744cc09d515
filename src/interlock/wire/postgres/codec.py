"""Cuts a byte stream into PostgreSQL's typed frames; the hot path of the gateway."""

from struct import Struct
from typing import Final

from interlock.wire.postgres.violations import ClientViolation, ProtocolViolation

Frame = tuple[int, bytes, int]

HEADER: Final = Struct(">Bi")  # type, then the length of everything but the type
SMALL: Final = 16_384  # an incomplete mergeable frame up to this size is waited for, a larger one flows through

_header_at = HEADER.unpack_from


class Frames:
    """One direction of one connection, after the start-up packet.

    `limit` is the largest frame in bytes that is held in memory; it may be raised when the peer has
    authenticated. `merge` are the types whose frames may be joined and may flow through in pieces.
    `blame` is the violation to raise. After a violation the stream is out of step and must be closed.
    """

    __slots__ = ("_awaited", "_held", "_kind", "_merge", "_passing", "blame", "limit")

    def __init__(
        self,
        *,
        limit: int,
        merge: frozenset[int] = frozenset(),
        blame: type[ProtocolViolation] = ClientViolation,
    ) -> None:
        self.limit = limit
        self.blame = blame
        self._merge = merge
        self._held = bytearray()  # the start of a frame that is not complete yet
        self._awaited = 0  # how many bytes must be held before it is worth looking again
        self._passing = 0  # how many bytes of a large mergeable frame are still to come
        self._kind = 0  # and its type

    @property
    def held(self) -> int:
        """Bytes received that belong to a frame that is not complete."""
        return len(self._held)

    @property
    def between(self) -> bool:
        """True when the last byte received was the last byte of a frame."""
        return not self._held and not self._passing

    def feed(self, data: bytes) -> list[Frame]:
        """(type, bytes with header, number of frames that start here) of what `data` completes, in order.

        Frames of one mergeable type that follow each other come as one slice. A large mergeable frame
        comes in pieces as its bytes arrive; later pieces count 0 frames and have no header.
        Raises `blame` for a length below 4 or a frame over `limit`; frames before it in `data` are lost.
        """
        if self._held:
            self._held += data
            if len(self._held) < self._awaited:
                return []
            data = bytes(self._held)
            self._held.clear()
        found: list[Frame] = []
        start = self._pass_on(data, found) if self._passing else 0
        end = len(data)
        merge = self._merge
        self._awaited = 5
        while end - start >= 5:
            kind, length = _header_at(data, start)
            if length < 4:
                raise self._too_short(kind, length)
            if kind in merge:
                start, more = self._join(data, start, kind, found)
                if more:
                    continue
                break
            stop = start + length + 1
            if stop - start > self.limit:
                raise self._too_long(kind, stop - start)
            if stop > end:
                self._awaited = stop - start
                break
            found.append((kind, data[start:stop], 1))
            start = stop
        if start < end:
            self._held += data[start:]
        return found

    def _join(self, data: bytes, start: int, kind: int, found: list[Frame]) -> tuple[int, bool]:
        """Takes the run of `kind` at `start`; returns where it ends, and whether a whole other frame may follow."""
        at = previous = start
        count = 0
        end = len(data)
        last_header = end - 5
        while at <= last_header:
            next_kind, length = _header_at(data, at)
            if next_kind != kind or length < 4:
                break
            previous = at
            at += length + 1
            count += 1
        whole = at <= end
        if not whole and at - previous > SMALL:
            self._passing = at - end
            self._kind = kind
            at = end
        elif not whole:
            self._awaited = at - previous
            at = previous
            count -= 1
        if count:
            found.append((kind, data[start:at], count))
        return at, whole

    def _pass_on(self, data: bytes, found: list[Frame]) -> int:
        """Gives on what `data` holds of the large frame that is under way; returns where it ends."""
        piece = data[: self._passing]
        self._passing -= len(piece)
        if piece:
            found.append((self._kind, piece, 0))
        return len(piece)

    def _too_short(self, kind: int, length: int) -> ProtocolViolation:
        return self.blame(f"a message of type {_show(kind)} has the impossible length {length}")

    def _too_long(self, kind: int, size: int) -> ProtocolViolation:
        return self.blame(
            f"a message of type {_show(kind)} with {size} bytes is over the limit of {self.limit} bytes",
            "send less at once, or raise the limit in the configuration",
        )


def _show(kind: int) -> str:
    """A type byte for people: its letter where it has one."""
    return f"`{chr(kind)}`" if 0x20 < kind < 0x7F else f"0x{kind:02x}"
