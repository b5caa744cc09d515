"""The records of a lease: asked for, approved, granted, ended. Each carries the lease's state from then on."""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.groups import (
    MAX_APPROVERS,
    MAX_LIFTS,
    MAX_NAME,
    MAX_OBJECTS,
    MAX_WAYS,
    impact_group,
    on_behalf,
    where,
    who,
    why,
)
from interlock.ledger.leaf import JSON, Entry, Kind, canonical, clip, digest, make_entry
from interlock.model import Approver, Card, Case, Decision, Lease, OneCommand, Span

_leases: Final = msgspec.json.Decoder(Lease)
_cards: Final = msgspec.json.Decoder(Card)
MAX_CARD: Final = 64 * 1024  # bytes; a card that is longer shows fewer effects


def lease_bytes(lease: Lease) -> bytes:
    """A lease as it is kept and sent."""
    return canonical(lease)


def read_lease(data: bytes) -> Lease:
    """The inverse of `lease_bytes`; raises LedgerDamaged."""
    try:
        return _leases.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerDamaged(f"the state of a lease cannot be read: {error}; restore the ledger") from None


def card_bytes(card: Card) -> bytes:
    """A card as it is sealed."""
    data = canonical(card)
    return (
        data
        if len(data) <= MAX_CARD
        else canonical(
            replace(card, effects=card.effects[:64], text=None, values=(), content=replace(card.content, samples=()))
        )
    )


def read_card(data: bytes) -> Card:
    """The inverse of `card_bytes`; raises LedgerDamaged."""
    try:
        return _cards.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerDamaged(f"a card cannot be read: {error}; restore the ledger") from None


def request_entry(case: Case, decision: Decision, card: Card, *, salt: bytes) -> Entry:
    """The record that a lease is asked for; its id is the lease's. The card is sealed beside it."""
    lease = decision.lease
    assert lease is not None
    session, scope = case.command.session, lease.scope
    salted = salt + card_bytes(card)
    group: dict[str, JSON] = _scope(scope) | {
        "expires_at": lease.ends_at,
        "lease": lease.id,
        "policies": [clip(reason.policy, MAX_NAME) for reason in decision.reasons[:MAX_WAYS]],
        "policy": clip(lease.policy_version, MAX_NAME),
        "ways": [[clip(lift, MAX_NAME) for lift in sorted(way)[:MAX_LIFTS]] for way in scope.ways[:MAX_WAYS]],
    }
    groups: dict[str, object] = {
        "approval_request": group | {"state": digest(lease_bytes(lease))},
        "impact": msgspec.Raw(impact_group(case.impact)[len('"impact":') : -1]),
        "what": where(session) | {"commitment": sha256(salted).hexdigest()},
        "who": who(session),
        "why": why(session) if lease.purpose is None else {"purpose": clip(lease.purpose, 256)},
    }
    entry = make_entry(Kind.APPROVAL_REQUEST, groups, id=lease.id, at=case.at)
    return _keeping(entry, lease, secret=salted)


def _scope(scope: OneCommand | Span) -> dict[str, JSON]:
    if isinstance(scope, OneCommand):
        return {
            "binding": scope.binding,
            "content": scope.content,
            "fingerprint": clip(scope.fingerprint, MAX_NAME),
            "of": scope.command,
            "replaces": scope.replaces,
        }
    return {
        "name": clip(scope.name, MAX_NAME),
        "objects": [[clip(part, MAX_NAME) for part in parts] for parts in scope.objects[:MAX_OBJECTS]],
        "ticket": None if scope.ticket is None else clip(scope.ticket, MAX_NAME),
        "us": scope.lasts,
        "verbs": [verb.value for verb in scope.verbs],
    }


def approval_entry(lease: Lease, approver: Approver, *, verdict: str, reason: str | None, id: str, at: int) -> Entry:
    """Somebody decided: `verdict` is `approve`, `deny`, `withdraw` or `revoke`; `lease` is its state from here on."""
    group: dict[str, JSON] = _approver(approver) | {
        "lease": lease.id,
        "reason": None if reason is None else clip(reason, 256),
        "signature": clip(approver.signature),
        "state": digest(lease_bytes(lease)),
        "verdict": verdict,
    }
    return _keeping(make_entry(Kind.APPROVAL, {"approval": group}, id=id, at=at), lease)


def lease_grant_entry(lease: Lease, *, id: str, at: int) -> Entry:
    """From here on the lease may be used."""
    group: dict[str, JSON] = {
        "approved_by": [_approver(one) for one in lease.approved_by[:MAX_APPROVERS]],
        "ends_at": lease.ends_at,
        "lease": lease.id,
        "starts_at": lease.starts_at,
        "state": digest(lease_bytes(lease)),
        "target": clip(lease.target, MAX_NAME),
        "uses": lease.uses,
    }
    groups = {"lease_grant": group, "who": on_behalf(lease.principal) | {"session": ""}}
    return _keeping(make_entry(Kind.LEASE_GRANT, groups, id=id, at=at), lease)


def break_glass_entry(lease: Lease, approver: Approver, *, reason: str, id: str, at: int) -> Entry:
    """Somebody put a reason in the place of approvals; it has to be reviewed."""
    return _glass(Kind.BREAK_GLASS, lease, approver, reason, id, at)


def break_glass_review_entry(lease: Lease, approver: Approver, *, finding: str, id: str, at: int) -> Entry:
    """Somebody else looked at it, and this is what they found."""
    return _glass(Kind.BREAK_GLASS_REVIEW, lease, approver, finding, id, at)


def _glass(kind: Kind, lease: Lease, approver: Approver, reason: str, id: str, at: int) -> Entry:
    said: dict[str, JSON] = {"lease": lease.id, "reason": clip(reason), "state": digest(lease_bytes(lease))}
    return _keeping(make_entry(kind, {kind.value: _approver(approver) | said}, id=id, at=at), lease)


def lease_end_entry(lease: Lease, *, id: str, at: int, by: str, decision: str | None = None) -> Entry:
    """The lease is over. `by` says who or what ended it, `decision` which command used it up."""
    group: dict[str, JSON] = {
        "by": clip(by, MAX_NAME),
        "decision": decision,
        "end": lease.end,
        "lease": lease.id,
        "state": digest(lease_bytes(lease)),
    }
    return _keeping(make_entry(Kind.LEASE_END, {"lease_end": group}, id=id, at=at), lease)


def _approver(approver: Approver) -> dict[str, JSON]:
    return {
        "at": approver.at,
        "by": clip(approver.id, MAX_NAME),
        "group": clip(approver.group, MAX_NAME),
        "issuer": clip(approver.issuer, MAX_NAME),
        "key": clip(approver.key, MAX_NAME),
        "mfa": approver.mfa,
        "operator": approver.operator,
        "presence": clip(approver.presence, 32),
        "proof": clip(approver.proof, 32),
        "uid": approver.uid,
    }


def _keeping(entry: Entry, lease: Lease, *, secret: bytes = b"") -> Entry:
    return msgspec.structs.replace(entry, lease_id=lease.id, lease=lease_bytes(lease), secret=secret)
