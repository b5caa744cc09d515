"""The only clock: microseconds since the epoch for what is recorded, a steady one for durations."""

import re
import time
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(?P<count>[1-9][0-9]{0,6})(?P<unit>[smhd])")


def now() -> int:
    """Microseconds since the epoch, UTC. May step back when the machine's clock is corrected."""
    return time.time_ns() // 1000


def steady() -> float:
    """Seconds that never step back; only differences mean anything."""
    return time.monotonic()


def parse_duration(text: str) -> int:
    """Seconds of `45s`, `15m`, `12h` or `2d`; ValueError for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"`{text}` is not a duration: write it like 45s, 15m, 12h or 2d")
    return int(found["count"]) * _UNITS[found["unit"]]
