"""Answers of commands that have run and were not judged yet: kept back, then released or withheld together."""

from typing import Final

from interlock.wire.postgres import kinds

MOST_BYTES: Final = 16 * 1024 * 1024

# They belong to no command and may come at any time (docs, 55.2.7): nobody waits for them in vain.
_ASYNCHRONOUS: Final = frozenset({kinds.NOTIFICATION_RESPONSE, kinds.PARAMETER_STATUS})
_TELLING: Final = frozenset({kinds.DATA_ROW, kinds.NOTICE_RESPONSE})


class Held:
    """At most `most` bytes. `on` while answers are kept back; `judged` once they may leave with the end of their unit.

    `overflowed` says that there were more: rows are then thrown away, and the unit cannot land.
    """

    __slots__ = ("_kept", "_most", "_size", "judged", "on", "overflowed")

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._clear()

    def _clear(self) -> None:
        self.on = self.judged = self.overflowed = False
        self._kept: list[tuple[int, bytes]] = []
        self._size = 0

    def take(self, kind: int, shown: bytes) -> None:
        """Keep what the client would have been shown."""
        self._size += len(shown)
        self.overflowed = self.overflowed or self._size > self._most
        if not (self.overflowed and kind in _TELLING):
            self._kept.append((kind, shown))

    def release(self) -> bytes:
        """Everything, in order: it was judged and may be seen."""
        kept = self._kept
        self._clear()
        return b"".join(shown for _, shown in kept)

    def without_rows(self) -> bytes:
        """What may be seen of a unit that failed by itself: that its commands ran, not what they returned."""
        kept = self._kept
        self._clear()
        return b"".join(shown for kind, shown in kept if kind not in _TELLING)

    def withhold(self) -> bytes:
        """Nothing but what belongs to no command."""
        kept = self._kept
        self._clear()
        return b"".join(shown for kind, shown in kept if kind in _ASYNCHRONOUS)
