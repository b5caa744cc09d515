"""Dying on purpose, at a named place: how crash tests reach the moments between two steps."""

import os
import signal
from collections.abc import Callable, Mapping

VARIABLE = "INTERLOCK_KILL_AT"


def kill_point(environment: Mapping[str, str]) -> Callable[[str], None] | None:
    """A hook that ends this process with SIGKILL at `INTERLOCK_KILL_AT=place[:nth time]`; None where it is not set."""
    wanted = environment.get(VARIABLE)
    if not wanted:
        return None
    place, _, nth = wanted.partition(":")
    left = int(nth or 1)

    def reached(name: str) -> None:
        nonlocal left
        if name == place:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached
