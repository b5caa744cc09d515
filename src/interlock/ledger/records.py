"""The rarer records: how sessions, policies, settings and the ledger itself leave their trace."""

from collections.abc import Mapping, Sequence

from interlock.ledger.groups import MAX_LIFTS, MAX_OBJECTS, MAX_TOUCHED_BY_UNIT, judged, measured, where, who, why
from interlock.ledger.leaf import Entry, Kind, clip, make_entry
from interlock.model import UNCOUNTED, Case, Decision, Session, Transaction


def genesis_entry(*, gateway: str, vkey: str, version: str, id: str, at: int) -> Entry:
    """The first record: whose log this is, and the key that signs it."""
    return make_entry(Kind.GENESIS, {"genesis": {"gateway": gateway, "version": version, "vkey": vkey}}, id=id, at=at)


def session_start_entry(session: Session, *, id: str, at: int, client: str | None = None) -> Entry:
    """A principal came in. `client` is what its software calls itself."""
    groups = {
        "session_start": {"client": None if client is None else clip(client, 64)},
        "what": where(session),
        "who": who(session),
        "why": why(session),
    }
    return make_entry(Kind.SESSION_START, groups, id=id, at=at)


def session_end_entry(session: Session, *, id: str, at: int, reason: str, commands: int) -> Entry:
    """A conversation ended. `reason` is a short word of ours, never text of a peer."""
    groups = {
        "session_end": {"commands": commands, "reason": clip(reason, 64)},
        "who": {"session": session.id, "subject": clip(session.principal.id, 128)},
    }
    return make_entry(Kind.SESSION_END, groups, id=id, at=at)


def settlement_entry(
    case: Case, decision: Decision, *, id: str, unit: str, transaction: Transaction, lands: bool
) -> Entry:
    """A unit was judged on what it touched. `transaction` is the target's name for it; `lands` is False where it
    goes on and only its answers so far were released or withheld; `of` is its last command that wrote."""
    session = case.command.session
    group = {
        "lands": lands,
        "of": case.command.id,
        "system": clip(transaction.system, 64),
        "timeline": clip(transaction.timeline, 64),
        "transaction": clip(transaction.id, 64),
        "unit": unit,
        **judged(decision),
    }
    groups = {
        "impact": measured(case.impact, MAX_TOUCHED_BY_UNIT),
        "settlement": group,
        "what": where(session),
        "who": {"session": session.id, "subject": clip(session.principal.id, 128)},
    }
    if case.leases:
        groups["leases"] = [lease.id for lease in case.leases][:MAX_LIFTS]
    if case.usage is not UNCOUNTED:
        groups["usage"] = dict(case.usage.counts)
    return make_entry(Kind.SETTLEMENT, groups, id=id, at=case.at)


def alert_entry(*, id: str, at: int, alert: str, session: Session, unit: str, detail: Mapping[str, int | str]) -> Entry:
    """Something was not as the gateway had seen it: `landed-more`, where more rows were touched than were counted."""
    group = {"alert": clip(alert, 64), "detail": {clip(k, 128): detail[k] for k in sorted(detail)[:MAX_OBJECTS]}}
    groups = {
        "alert": {**group, "unit": unit},
        "what": where(session),
        "who": {"session": session.id, "subject": clip(session.principal.id, 128)},
    }
    return make_entry(Kind.ALERT, groups, id=id, at=at)


def policy_activate_entry(
    *, id: str, at: int, by: str, digest: str, semantic_digest: str, previous: str | None, files: Sequence[str] = ()
) -> Entry:
    """From here on another bundle decides. Digests are `sha256:<hex>`; `by` is who activated it."""
    group = {
        "by": clip(by, 128),
        "digest": digest,
        "files": [clip(name, 128) for name in files[:MAX_OBJECTS]],
        "previous": previous,
        "semantic_digest": semantic_digest,
    }
    return make_entry(Kind.POLICY_ACTIVATE, {"policy_activate": group}, id=id, at=at)


def config_change_entry(*, id: str, at: int, by: str, digest: str, changed: Mapping[str, str]) -> Entry:
    """The configuration in force changed. `changed` maps setting names to their new values; never secrets."""
    group = {
        "by": clip(by, 128),
        "changed": {clip(key, 128): clip(changed[key], 128) for key in sorted(changed)[:MAX_OBJECTS]},
        "digest": digest,
    }
    return make_entry(Kind.CONFIG_CHANGE, {"config_change": group}, id=id, at=at)


def ledger_fault_entry(*, id: str, at: int, fault: str, detail: Mapping[str, int | str]) -> Entry:
    """Something was wrong with the ledger and is over: `restored`, `space-low`, `space-back`, `unclean-stop`."""
    group = {"detail": {key: detail[key] for key in sorted(detail)}, "fault": fault}
    return make_entry(Kind.LEDGER_FAULT, {"ledger_fault": group}, id=id, at=at)


def ledger_access_entry(*, id: str, at: int, by: str, records: Sequence[str]) -> Entry:
    """Somebody is about to read sealed texts; written before they are shown."""
    group = {"by": clip(by, 128), "count": len(records), "records": [*records[:MAX_OBJECTS]]}
    return make_entry(Kind.LEDGER_ACCESS, {"ledger_access": group}, id=id, at=at)


def export_entry(*, id: str, at: int, by: str, size: int, root: str, texts: bool) -> Entry:
    """The log up to `size` leaves left the house."""
    group = {"by": clip(by, 128), "root": root, "size": size, "texts": texts}
    return make_entry(Kind.EXPORT, {"export": group}, id=id, at=at)


def erasure_entry(*, id: str, at: int, by: str, reason: str, records: Sequence[str]) -> Entry:
    """The texts and salts of `records` (at most 64) are deleted in this record's transaction; proofs stay valid."""
    if not 0 < len(records) <= MAX_OBJECTS:
        raise ValueError(f"an erasure names 1 to {MAX_OBJECTS} records, not {len(records)}")
    group = {"by": clip(by, 128), "reason": clip(reason), "records": [*records]}
    return make_entry(Kind.ERASURE, {"erasure": group}, id=id, at=at, erases=tuple(records))


def runbook_entry(
    *, id: str, at: int, runbook: str, digest: str, verdict: str, by: str, uid: int, reason: str | None = None
) -> Entry:
    """A statement was approved in advance, or that was taken back: `verdict` is `signed` or `revoked`."""
    group = {
        "by": clip(by, 128),
        "digest": digest,
        "reason": None if reason is None else clip(reason, 256),
        "runbook": clip(runbook, 128),
        "uid": uid,
        "verdict": verdict,
    }
    return make_entry(Kind.RUNBOOK, {"runbook": group}, id=id, at=at)


def heartbeat_entry(*, id: str, at: int) -> Entry:
    """Nothing happened, and the ledger was there to say so."""
    return make_entry(Kind.HEARTBEAT, {}, id=id, at=at)
