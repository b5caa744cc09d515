"""What an approver signs: one text for one request, one card, one group and one person (threats.md 7)."""

import json
from hashlib import sha256
from typing import Final

from interlock.model import Lease

NAMESPACE: Final = "approval@interlock"
_FIRST: Final = "interlock approval, version 1"


def approval_statement(lease: Lease, *, card: bytes, group: str, by: str) -> bytes:
    """The text for `ssh-keygen -Y sign`, UTF-8 with line ends: the same for whoever works it out.

    `card` is what is sealed beside the request, with its salt: its digest is the `commitment` of the request's record,
    which is bound to everything else that was asked for. Names are JSON strings, so that none of them adds a line.
    """
    asks = " for ".join(f"{actor.kind} {json.dumps(actor.id)}" for actor in lease.principal.chain())
    lines = (
        _FIRST,
        f"request {lease.id}",
        f"card sha256:{sha256(card).hexdigest()}",
        f"asked by {asks}",
        f"on {json.dumps(lease.target)}",
        f"approved by {json.dumps(by)}",
        f"in the name of {json.dumps(group)}",
    )
    return "".join(f"{line}\n" for line in lines).encode()
