"""Identifiers: UUIDv7, so that they sort by the time they were made."""

import os
import threading
import time
from typing import Final

_RANDOM_BITS: Final = 74
_VARIANT: Final = 0b10 << 62
_VERSION: Final = 7 << 76


class IdMaker:
    """Makes UUIDv7 (RFC 9562 section 5.7), each greater than the one before; safe to share between threads.

    Within a millisecond the random part counts up (section 6.2, method 2). Its top bit starts at zero,
    so it cannot overflow before 2^73 identifiers.
    """

    __slots__ = ("_lock", "_millisecond", "_random")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._random = 0

    def __call__(self) -> str:
        """The next identifier in its usual spelling, 36 characters."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._millisecond = now
                self._random = int.from_bytes(os.urandom(10)) >> (81 - _RANDOM_BITS)
            else:
                # The same millisecond, or a clock that stepped back: count on from the last one.
                self._random += 1
            random, millisecond = self._random, self._millisecond
        low = _VARIANT | (random & 0x3FFF_FFFF_FFFF_FFFF)
        digits = "%032x" % (millisecond << 80 | _VERSION | (random >> 62) << 64 | low)
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def forget(self) -> None:
        """Start afresh: a forked worker must not count on from its parent's last identifier."""
        self._lock = threading.Lock()
        self._millisecond = 0


new_id: Final = IdMaker()
os.register_at_fork(after_in_child=new_id.forget)
