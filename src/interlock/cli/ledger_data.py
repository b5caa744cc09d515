"""How records look to scripts: what is asked for most at the top, the records themselves below it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from interlock.ledger.reading import Leaf, What

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def record_data(seq: int, leaf: Leaf, raw: bytes) -> dict[str, object]:
    """Any record: `seq`, `id`, `kind`, `at` (ISO 8601, UTC), and the leaf as it is in the log."""
    return {
        "seq": seq,
        "id": leaf.id,
        "kind": leaf.kind,
        "at": (_EPOCH + timedelta(microseconds=leaf.ts)).isoformat(timespec="microseconds"),
        "record": msgspec.Raw(raw),
    }


def decision_data(
    seq: int, leaf: Leaf, raw: bytes, outcome: Leaf | None, raw_outcome: bytes | None
) -> dict[str, object]:
    """A decision. `who` acts, `on_behalf_of` are those it answers to, nearest first; `what` is `delete shop.public.t`
    for each effect that the record holds; `status` is what became of it, None while nothing is written down."""
    decided, ended = leaf.decision, None if outcome is None else outcome.outcome
    chain = [actor.id for actor in reversed(leaf.who.chain)] if leaf.who is not None else []
    data = record_data(seq, leaf, raw)
    del data["record"]
    return data | {
        "verdict": None if decided is None else decided.verdict,
        "enforced": None if decided is None else decided.enforced,
        "who": None if leaf.who is None else leaf.who.subject,
        "on_behalf_of": chain[1:],
        "target": None if leaf.what is None else leaf.what.target.name,
        "what": _effects(leaf.what),
        "policies": [] if decided is None else [reason.policy for reason in decided.reasons],
        "status": None if ended is None else ended.status,
        "decision": msgspec.Raw(raw),
        "outcome": None if raw_outcome is None else msgspec.Raw(raw_outcome),
    }


def _effects(what: What | None) -> list[str]:
    if what is None or what.intent is None:
        return []
    if not what.intent.understood:
        return ["not understood"]
    return [f"{effect.verb} {'.'.join(effect.object)}" for effect in what.intent.effects]
