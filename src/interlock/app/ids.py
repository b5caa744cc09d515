"""Identifiers: UUIDv7, so that they sort by the time they were made."""

import os
import threading
import time
from typing import Final

_VERSION: Final = 7 << 12
_VARIANT: Final = 0b10 << 14
_COUNTER_BITS: Final = 48  # the last group of digits


class IdMaker:
    """Makes UUIDv7 (RFC 9562 section 5.7), each greater than the one before; safe to share between threads.

    Within a millisecond the end of the random part counts up (section 6.2, method 2). Its top bit starts at zero,
    so it cannot overflow before 2^47 identifiers.
    """

    __slots__ = ("_count", "_lock", "_millisecond", "_prefix")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._count = 0
        self._prefix = ""  # all but the part that counts

    def __call__(self) -> str:
        """The next identifier in its usual spelling, 36 characters."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin(now)
            # In the same millisecond, or with a clock that stepped back, count on from the last one.
            self._count += 1
            return f"{self._prefix}{self._count:012x}"

    def _begin(self, millisecond: int) -> None:
        random = int.from_bytes(os.urandom(10))
        self._millisecond = millisecond
        self._count = random & ((1 << (_COUNTER_BITS - 1)) - 1)
        random >>= _COUNTER_BITS
        digits, version = f"{millisecond:012x}", _VERSION | random >> 14 & 0xFFF
        self._prefix = f"{digits[:8]}-{digits[8:]}-{version:04x}-{_VARIANT | random & 0x3FFF:04x}-"

    def forget(self) -> None:
        """Start afresh: a forked worker must not count on from its parent's last identifier."""
        self._lock = threading.Lock()
        self._millisecond = 0


new_id: Final = IdMaker()
os.register_at_fork(after_in_child=new_id.forget)
