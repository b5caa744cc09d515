"""The request that a held command waits for, as its client is told: in words, and as one line of JSON for agents."""

import json
from typing import Final

from interlock.access.leases import groups_asked, missing
from interlock.model import End, Lease

# Code has run in this session, so nobody knows any more what the meaning of what it sends rests on.
_WHERE: Final = " on a new connection"
_OVER: Final = {
    End.USED: "was approved, and used by another session before this one",
    End.EXCEEDED: "was approved for less than this does",
    End.EXPIRED: "has expired before it was decided",
    End.DENIED: "was denied",
    End.WITHDRAWN: "was withdrawn",
    End.OUTDATED: "is void: another policy decides now",
}


def as_words(lease: Lease, *, anew: bool = False) -> list[str]:
    """What becomes of it and what to do, a sentence a line; `anew` where this session cannot send it again."""
    if lease.end is not None:
        return [f"Request {lease.id} {_OVER[lease.end]}. Send the statement again to ask anew."]
    if not lease.pending:
        return [f"Request {lease.id} is approved. Send the same statement again on a new connection."]
    wanted = " and ".join(f"{count} approval{'s' * (count > 1)} of {group}" for group, count in missing(lease))
    return [
        f"Request {lease.id} waits for {wanted}: interlock approvals show {lease.id}",
        f"Once it is approved, send the same statement again{_WHERE if anew else ''}: it passes once.",
    ]


def as_json(lease: Lease, *, anew: bool = False) -> str:
    """`interlock: {...}`: ids, state and whom to ask."""
    state = lease.end.value if lease.end is not None else "pending" if lease.pending else "granted"
    said = {
        "request": lease.id,
        "state": state,
        "may_approve": list(groups_asked(lease)),
        "missing": dict(missing(lease)) if lease.pending else {},
        "expires_at": lease.ends_at // 1_000_000,
        "command": f"interlock approvals show {lease.id}",
        "retry": ("send the same statement again once it is approved" if lease.pending else "send it again")
        + (_WHERE if anew else ""),
        "new_connection": anew,
    }
    return f"interlock: {json.dumps(said)}"
