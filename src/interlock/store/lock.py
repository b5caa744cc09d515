"""One writer at a time, also across processes."""

import fcntl
import os
from pathlib import Path

from interlock.ledger.faults import LedgerFault


class LedgerBusy(LedgerFault):
    """Another process writes this ledger."""


def hold_alone(path: Path) -> int:
    """Take the writer's lock of the ledger at `path`; it ends with the returned descriptor, or the process."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LedgerBusy(f"another process writes `{path}`; stop that gateway first") from None
    return descriptor
