"""The outside memory: the newest checkpoint seen, in a file that is not part of the database or its backup.

A signature alone cannot show that a ledger was set back to an older state; somebody has to remember that it
was longer. This file does so for honest accidents (a restore from backup) and for whoever cannot write here;
a witness on another administrator's host does it against everybody (ledger.md).
"""

import os
from pathlib import Path
from time import monotonic
from typing import Final

from interlock.ledger.faults import LedgerFault
from interlock.ledger.note import Checkpoint, Verifier

WRITE_EVERY: Final = 1.0  # seconds; what happened since is not remembered after a power cut


class Memory:
    """Keeps the newest note in `path`."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._next = monotonic()

    def recall(self, verifier: Verifier) -> Checkpoint | None:
        """What was seen last; None when nothing was. Raises LedgerFault when another key signed it."""
        try:
            note = self._path.read_text()
        except FileNotFoundError:
            return None
        try:
            return Checkpoint.parse(verifier.open(note))
        except LedgerFault as fault:
            raise LedgerFault(
                f"`{self._path}` remembers a ledger of another key: {fault}; put the right signing key back, "
                "or move this file away if a new ledger is meant"
            ) from fault

    def see(self, note: str, *, now: bool = False) -> None:
        """Remember `note`, at most once a second unless `now`."""
        at = monotonic()
        if not now and at < self._next:
            return
        self._next = at + WRITE_EVERY
        temporary = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(note)
        temporary.replace(self._path)
