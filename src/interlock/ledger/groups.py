"""The named groups of a record, made of the values that pass through; capped, and without literals."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import assert_never

from interlock.ledger.leaf import JSON, canonical, clip, digest
from interlock.model import (
    Confine,
    Decision,
    Effect,
    Finding,
    Fuse,
    Impact,
    Intent,
    Lease,
    Limit,
    Mask,
    Measure,
    Object,
    Obligation,
    Principal,
    Reason,
    Session,
    Usage,
)

# Sizes are in encoded bytes. Together the groups stay below a leaf's 16 KiB whatever a caller sends;
# a test builds the worst case.
MAX_OBJECTS = 64  # with count and digest of all; one LOCK TABLE of pg_dump names 800 (ledger.md)
MAX_EFFECTS_SIZE = 6 * 1024
MAX_FIELDS = 32
MAX_FINDINGS = 6
MAX_REASONS = 6
MAX_OBLIGATIONS = 4
MAX_CHAIN = 6
MAX_LABELS = 8
MAX_SHAPE = 1536
MAX_MESSAGE = 200
MAX_NAME = 96
MAX_TOUCHED = 8
MAX_LIFTS = 16
MAX_WAYS = 4
MAX_APPROVERS = 8
MAX_TOUCHED_BY_UNIT = 16
MAX_ARGUMENT = 4096


def session_groups(session: Session) -> tuple[bytes, bytes]:
    """What a session adds to every decision: (`"surface":...,"target":...,` , `"who":...,"why":...}`)."""
    what = canonical(where(session))[1:-1] + b","
    return what, canonical({"who": who(session), "why": why(session)})[1:]


def where(session: Session) -> dict[str, JSON]:
    """The surface and the target, for the `what` group."""
    target = session.target
    return {
        "surface": session.surface,
        "target": {
            "env": target.environment,
            "kind": target.kind,
            "labels": _names(target.labels),
            "name": target.name,
        },
    }


def why(session: Session) -> dict[str, JSON]:
    """What the session was opened for, as its principal claims it."""
    return {"purpose": session.purpose and clip(session.purpose, 256)}


def who(session: Session) -> dict[str, JSON]:
    """Who acts: the session, the acting principal, and the whole chain from the root human to it."""
    chain = [*session.principal.chain()][::-1]
    acting: JSON = [_actor(actor) for actor in chain]
    if len(chain) > MAX_CHAIN:
        acting = [_actor(actor) for actor in (chain[0], *chain[1 - MAX_CHAIN :])]
    return {
        "chain": acting,
        "depth": len(chain),
        "kind": session.principal.kind,
        "session": session.id,
        "subject": clip(session.principal.id, MAX_NAME),
    }


def on_behalf(principal: Principal) -> dict[str, JSON]:
    """The acting principal and its chain, where there is no session to name."""
    chain = [*principal.chain()][::-1]
    kept = chain if len(chain) <= MAX_CHAIN else [chain[0], *chain[1 - MAX_CHAIN :]]
    return {"chain": [_actor(actor) for actor in kept], "subject": clip(principal.id, MAX_NAME)}


def _actor(principal: Principal) -> JSON:
    return {
        "groups": _names(principal.groups),
        "id": clip(principal.id, MAX_NAME),
        "issuer": clip(principal.issuer, MAX_NAME),
        "kind": principal.kind,
    }


def _names(names: Iterable[str]) -> JSON:
    return [clip(name, 48) for name in sorted(names)[:MAX_LABELS]]


def intent_group(intent: Intent, room: int = MAX_EFFECTS_SIZE) -> tuple[bytes, bytes]:
    """(`"intent":{...},` , the full list of effects where it took more than `room` bytes, else nothing)."""
    effects = [canonical(_effect(effect)) for effect in intent.effects]
    kept = _fitting(effects, room)
    group: dict[str, JSON] = {
        "effect_count": len(effects),
        "findings": [_finding(finding) for finding in intent.findings[:MAX_FINDINGS]],
        "fingerprint": clip(intent.fingerprint, MAX_NAME),
        "shape": clip(intent.shape, MAX_SHAPE),
        "understood": intent.understood,
    }
    rest = b""
    if kept < len(effects):
        rest = b"[" + b",".join(effects) + b"]"
        group["effect_digest"] = digest(rest)
    # `effect_count` and `effect_digest` sort before `effects`, the other keys behind it.
    before = canonical({key: value for key, value in group.items() if key < "effects"})[1:-1]
    after = canonical({key: value for key, value in group.items() if key > "effects"})[1:]
    return b'"intent":{%b,"effects":[%b],%b,' % (before, b",".join(effects[:kept]), after), rest


def _fitting(effects: Sequence[bytes], room: int) -> int:
    for count, effect in enumerate(effects):
        room -= len(effect)
        if count == MAX_OBJECTS or room < 0:
            return count
    return len(effects)


def _effect(effect: Effect) -> JSON:
    """Labels of fields are kept for every field, names only of the first ones: evidence asks for classes."""
    thing = effect.object
    leaf: dict[str, JSON] = {
        "kind": thing.kind,
        "object": _path(thing),
        "reach": effect.reach,
        "verb": effect.verb,
    }
    if thing.labels:
        leaf["labels"] = _names(thing.labels)
    if not thing.known:
        leaf["known"] = False
    if effect.fields is None:
        leaf["fields"] = None
    elif effect.fields:
        leaf["field_count"] = len(effect.fields)
        leaf["fields"] = [clip(field.name, MAX_NAME) for field in effect.fields[:MAX_FIELDS]]
        if labels := {label for field in effect.fields for label in field.labels}:
            leaf["field_labels"] = _names(labels)
    if effect.findings:
        leaf["findings"] = [finding.code.value for finding in effect.findings[:MAX_FINDINGS]]
    return leaf


def _path(thing: Object) -> JSON:
    return [clip(part, MAX_NAME) for part in thing.path[:4]]


def _finding(finding: Finding) -> JSON:
    return {"code": finding.code, "message": clip(finding.message, MAX_MESSAGE)}


def decision_group(decision: Decision, *, enforced: bool = True) -> bytes:
    """`"decision":{...},`: verdict, policies, obligations, and whether the gateway enforced it or only watched."""
    return b'"decision":%b,' % canonical({"enforced": enforced, **judged(decision)})


def judged(decision: Decision) -> dict[str, JSON]:
    """A verdict with its policies and obligations."""
    group: dict[str, JSON] = {
        "obligations": [_obligation(obligation) for obligation in decision.obligations[:MAX_OBLIGATIONS]],
        "policy": clip(decision.policy_version, MAX_NAME),
        "reason_count": len(decision.reasons),
        "reasons": [_reason(reason) for reason in decision.reasons[:MAX_REASONS]],
        "verdict": decision.verdict,
    }
    if decision.lease is not None:
        group["lease"] = decision.lease.id
        if decision.allowed:
            group["lifts"] = [clip(lift, MAX_NAME) for lift in sorted(decision.lease.lifts())[:MAX_LIFTS]]
    return group


def _reason(reason: Reason) -> JSON:
    said: dict[str, JSON] = {
        "message": clip(reason.message, MAX_MESSAGE),
        "policy": clip(reason.policy, MAX_NAME),
        "severity": clip(reason.severity, 32),
    }
    if reason.lift is not None:
        said["lift"] = clip(reason.lift, 64)
    return said


def _obligation(obligation: Obligation) -> JSON:
    match obligation:
        case Mask(labels=labels, form=form):
            return {"form": clip(form, 32), "kind": "mask", "labels": _names(labels)}
        case Limit(rows=rows):
            return {"kind": "limit", "rows": rows}
        case Confine():
            return {"kind": "confine"}
        case Fuse(rows=rows):
            return {"kind": "fuse", "rows": rows}
        case Measure():
            return {"kind": "measure"}
        case _:
            assert_never(obligation)


def impact_group(impact: Impact) -> bytes:
    """`"impact":{...},`: the numbers a decision was made on, with where they come from."""
    return b'"impact":%b,' % canonical(measured(impact))


def measured(impact: Impact, most: int = MAX_TOUCHED) -> dict[str, JSON]:
    """How much a unit touches, table by table, and how that is known."""
    return {
        "basis": impact.basis,
        "bytes": impact.bytes,
        "reversible": impact.reversible,
        "rows": impact.rows,
        "touched": [{"object": _path(one.object), "rows": one.rows, "verb": one.verb} for one in impact.touched[:most]],
        "touched_count": len(impact.touched),
    }


def leases_group(leases: Iterable[Lease]) -> bytes:
    """`"leases":[...],`: those that a case was under, whether or not its decision needed them."""
    return b'"leases":%b,' % canonical([lease.id for lease in leases][:MAX_LIFTS])


def usage_group(usage: Usage) -> bytes:
    """`"usage":{...},`: the counts that a decision was made on, by the names that policies know them by."""
    return b'"usage":%b,' % canonical(dict(usage.counts))


def arguments_text(arguments: tuple[bytes | None, ...]) -> bytes:
    """The bound parameters as they follow the text in its sealed form: NUL, then a JSON list.

    Each is null, {"base64"} or, over 4 KiB, {"bytes", "sha256"}.
    """
    return b"\x00" + canonical([_argument(argument) for argument in arguments])


def _argument(argument: bytes | None) -> JSON:
    if argument is None:
        return None
    if len(argument) > MAX_ARGUMENT:
        return {"bytes": len(argument), "sha256": sha256(argument).hexdigest()}
    return {"base64": b64encode(argument).decode()}
