"""A step of a request as others read it: a CloudEvents 1.0 envelope, and a message for Slack-compatible chats."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from interlock.access.leases import groups_asked, missing
from interlock.model import Basis, Card, Lease, OneCommand

TYPE: Final = "dev.interlock.approval"  # and what happened: CloudEvents 1.0, "type"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_EFFECTS: Final = 8
_INSTEAD: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "*": "∗", "_": "＿", "`": "ʼ", "~": "∼"})
_LONGEST: Final = 2_900  # characters in one block of text; Slack cuts at 3,000


class Step(Struct, frozen=True, kw_only=True):
    """What happened to a lease, and when (microseconds since the epoch, UTC). `card` is there while it is new."""

    id: str
    what: str
    lease: Lease
    at: int
    gateway: str
    card: Card | None = None


Format = Callable[[Step], bytes]


def cloud_event(step: Step) -> bytes:
    """Structured mode (CloudEvents 1.0, JSON format). Holds no literal of the statement: shape and objects alone."""
    lease = step.lease
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": step.id,
            "source": f"/interlock/{step.gateway}",
            "type": f"{TYPE}.{step.what}",
            "subject": lease.id,
            "time": (_EPOCH + timedelta(microseconds=step.at)).isoformat(),
            "datacontenttype": "application/json",
            "data": {
                "request": lease.id,
                "who": lease.principal.id,
                "on_behalf_of": [actor.id for actor in lease.principal.chain()][1:],
                "target": lease.target,
                "may_approve": list(groups_asked(lease)),
                "missing": dict(missing(lease)) if lease.pending else {},
                "approved_by": [one.id for one in lease.approved_by],
                "expires_at": lease.ends_at // 1_000_000,
                "decision": lease.scope.command if isinstance(lease.scope, OneCommand) else None,
                "effects": [] if step.card is None else _effects(step.card),
                "shape": None if step.card is None else step.card.shape,
                "impact": None if step.card is None else _impact(step.card),
            },
        }
    )


def chat_message(step: Step) -> bytes:
    """`text` and `blocks` as Slack's incoming webhooks take them; others read `text`."""
    lease = step.lease
    who = " for ".join(f"{actor.kind} {_plain(actor.id)}" for actor in lease.principal.chain())
    wanted = " and ".join(f"{count} of {_plain(group)}" for group, count in missing(lease))
    head = f"{step.what}: {who} on {_plain(lease.target)}" + (f", waits for {wanted}" if lease.pending else "")
    lines = [f"*{head}*"]
    if step.card is not None:
        lines += [f"would {_plain(effect)}" for effect in _effects(step.card)]
        lines.append(f"impact: {_plain(_impact(step.card))}")
    if lease.pending:
        lines.append(f"`interlock approvals show {lease.id}`")
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)[:_LONGEST]}}
    return msgspec.json.encode({"text": head, "blocks": [block]})


def _effects(card: Card) -> list[str]:
    """How far they reach by the text alone stands with them where nobody counted, and a count beside them."""
    counted = card.impact.basis is Basis.MEASURED
    shown = [
        f"{effect.verb} {effect.object.kind} {effect.object}" + ("" if counted else f" ({effect.reach})")
        for effect in card.effects
    ]
    return shown[:_MOST_EFFECTS] + ([f"and {len(shown) - _MOST_EFFECTS} more"] if len(shown) > _MOST_EFFECTS else [])


def _impact(card: Card) -> str:
    impact = card.impact
    if impact.basis is Basis.UNKNOWN or impact.rows is None:
        return "not measured"
    of = ", ".join(f"{part.verb} {part.object} {part.rows:,}" for part in impact.touched[:_MOST_EFFECTS] if part.rows)
    return f"{impact.rows:,} rows, {impact.basis}" + (f": {of}" if of else "")


def _plain(text: str) -> str:
    """Names come from requesters and targets: none of them links, mentions or formats (Slack, "Escaping text")."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text.translate(_INSTEAD)
