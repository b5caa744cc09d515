"""Dying on purpose, at a named place: how crash tests reach the moments between two steps."""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Final

from interlock.model import OurFault

VARIABLE = "INTERLOCK_KILL_AT"

# A write that the gateway wraps leaves with its BEGIN in front and its COMMIT behind in one piece: `sent` is between
# COMMIT sent and answered, `received` between any two of the answers.
PLACES: Final[Mapping[str, str]] = {
    "judged": "a worker has decided, and nothing is written down",
    "decided": "the decisions are durable, and nothing of them is queued for the target",
    "admitted": "everything that is allowed is queued, and nothing is sent",
    "activated": "what a command needs has just been lent, and the command is not sent (access per command)",
    "taken-back": "what a command was lent has just been taken back, and the client has not heard its end",
    "sent": "bytes are on their way to the target, which may finish them without us",
    "measured": "a transaction was counted and judged, nothing of that is written down, and its end is not sent",
    "settled": "what a transaction was judged to be is durable, and neither COMMIT nor ROLLBACK is queued",
    "copying": "a piece of a client's COPY data is on its way to the target",
    "received": "answers of the target have come, and the client has not seen them",
    "answered": "what became of a command is known, and not written down",
    "settling": "what became of a transaction is known, and not written down",
    "ledger.before-commit": "the writer has a group of records, and SQLite has not committed them",
    "ledger.after-commit": "the records are durable, and nobody has been told",
}


def kill_point(environment: Mapping[str, str]) -> Callable[[str], None] | None:
    """A hook that ends this process with SIGKILL at `INTERLOCK_KILL_AT=place[:nth time]`; None where it is not set.

    Raises OurFault for a place that is not in PLACES.
    """
    wanted = environment.get(VARIABLE)
    if not wanted:
        return None
    place, _, nth = wanted.partition(":")
    if place not in PLACES:
        raise OurFault(f"`{VARIABLE}` names no place `{place}`; there are {', '.join(PLACES)}")
    left = int(nth or 1)

    def reached(name: str) -> None:
        nonlocal left
        if name == place:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached
