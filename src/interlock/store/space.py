"""Disk space: where new work is refused, and what is kept back so that operators can still act."""

import os
from pathlib import Path
from typing import Final

from msgspec import Struct

CHECK_EVERY: Final = 64 * 1024  # bytes written between two looks at the disk
_ZEROS: Final = bytes(1024 * 1024)


class SpaceLimits(Struct, frozen=True, kw_only=True):
    """`watermark`: below so many free bytes new commands are refused. `reserve`: bytes held in a file of their own
    and given back at that moment, so that outcomes and what operators do still find room (threats.md 18)."""

    watermark: int = 256 * 1024 * 1024
    reserve: int = 32 * 1024 * 1024


class Space:
    """Watches the file system that holds `ledger`."""

    def __init__(self, ledger: Path, limits: SpaceLimits) -> None:
        self._directory: Final = ledger.parent
        self._reserve: Final = ledger.with_name(ledger.name + ".reserve")
        self._limits: Final = limits
        self._unseen = 0
        self.low = False
        self.look()

    def wrote(self, count: int) -> None:
        """`count` more bytes were written; looks again when that may matter, always while space is low."""
        self._unseen += count
        if self.low or self._unseen >= CHECK_EVERY:
            self.look()

    def is_low(self) -> bool:
        """Whether space is short right now; cheap, and changes nothing."""
        return self._free() < self._limits.watermark

    def look(self) -> None:
        """Compare what is free with the watermark, and give back or take up the reserve."""
        self._unseen = 0
        free = self._free()
        if free < self._limits.watermark:
            self._reserve.unlink(missing_ok=True)
            self.low = True
        elif free >= self._limits.watermark + self._limits.reserve:  # between the two nothing changes: no flapping
            self.low = False
            self._take()

    def _free(self) -> int:
        stat = os.statvfs(self._directory)
        return stat.f_bavail * stat.f_frsize

    def _take(self) -> None:
        if self._reserve.exists():
            return
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for _ in range(self._limits.reserve // len(_ZEROS)):
                file.write(_ZEROS)
