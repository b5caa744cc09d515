"""A decision as PostgreSQL tells it: what was blocked, why, what to do instead, how to ask."""

from collections.abc import Sequence
from typing import Final

from interlock.gate import Ask, Settled
from interlock.gate.card import WORST_FIRST
from interlock.gateways.postgres.answering import requests
from interlock.model import Decision, Finding, FindingCode, Impact, Intent, Reason, Verb, Verdict
from interlock.wire.postgres.messages import build_error

BLOCKED: Final = "42501"  # insufficient_privilege: what every driver already maps to a permission error
MALFORMED: Final = "42601"  # syntax_error
CANCELLED: Final = "57014"  # query_canceled: the client gave up waiting for people

_MOST_EFFECTS: Final = 4
_MOST_REASONS: Final = 3
_PUZZLED: Final = "not-understood"


def error(ask: Ask, decision: Decision, *, cancelled: bool = False) -> bytes:
    """The ErrorResponse for a refused command; `cancelled` while it waited for people."""
    malformed = _malformed(ask.intent)
    if malformed is not None:
        return _syntax_error(ask, malformed)
    held = decision.verdict is Verdict.HOLD
    return build_error(
        "ERROR",
        CANCELLED if cancelled and held else BLOCKED,
        f"interlock {'held' if held else 'blocked'} {what(ask.intent)}: {_title(decision)}",
        detail=why(ask.intent, decision),
        hint=instead(ask, decision),
        position=_position(ask.intent),
    )


def undone(settled: Settled, *, cancelled: bool = False) -> bytes:
    """The ErrorResponse for a unit that ran, was counted, and was taken back; `cancelled` while people were asked."""
    decision, intent = settled.decision, settled.case.intent
    anew = any(effect.verb is Verb.EXECUTE for effect in intent.effects)  # its code ran, and marked the session
    held = decision.verdict is Verdict.HOLD
    return build_error(
        "ERROR",
        CANCELLED if cancelled and held else BLOCKED,
        f"interlock {'held' if held else 'undid'} {what(intent)}: {_title(decision)}",
        detail=f"{counted(settled.case.impact)}\n{why(intent, decision, anew=anew)}",
        hint=instead(settled.ran[-1], decision, anew=anew),
    )


def counted(impact: Impact) -> str:
    """What a unit touched before it was taken back, table by table and the most first."""
    parts = sorted(impact.touched, key=lambda part: -(part.rows or 0))
    shown = [f"{part.verb.value} {_rows(part.rows)} of {part.object}" for part in parts[:_MOST_EFFECTS]]
    more = f" and {len(parts) - _MOST_EFFECTS} more" if len(parts) > _MOST_EFFECTS else ""
    said = ", ".join(shown) or "nothing"
    return f"It ran, was counted and was taken back; nothing has changed. Counted: {said}{more}."


def _rows(rows: int | None) -> str:
    return "an unknown number of rows" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'}"


def what(intent: Intent) -> str:
    """What would have happened, in a few words and the worst first: `delete on public.orders, ...`. What is also read
    on the way is only said where nothing else happens."""
    acts = [effect for effect in intent.effects if effect.verb is not Verb.READ] or intent.effects
    effects = sorted(acts, key=lambda effect: WORST_FIRST[effect.verb])
    shown = list(dict.fromkeys(f"{effect.verb.value} on {effect.object}" for effect in effects))
    more = len(shown) - _MOST_EFFECTS
    text = ", ".join(shown[:_MOST_EFFECTS]) or "a statement"
    return f"{text} and {more} more" if more > 0 else text


def why(intent: Intent, decision: Decision, *, anew: bool = False) -> str:
    """The deciding policies with the facts they looked at, then what else the analyser found."""
    reasons = telling(decision.reasons)
    lines = [f"Policy {reason.policy}: {reason.message}." for reason in reasons[:_MOST_REASONS]]
    told = {reason.policy for reason in reasons[:_MOST_REASONS]}
    if more := dict.fromkeys(reason.policy for reason in reasons if reason.policy not in told):
        lines.append(f"So say, too: {', '.join(more)}.")
    said = " ".join(lines)
    found = dict.fromkeys(finding.message for finding in intent.all_findings())
    lines += [f"Found: {message}." for message in found if message not in said]
    if decision.lease is not None:
        lines.append(requests.as_json(decision.lease, anew=anew))
    return "\n".join(lines)


def instead(ask: Ask, decision: Decision, *, anew: bool = False) -> str:
    """What to do now, and whom to ask with which number."""
    lines = [_sentence(hint) for hint in ways_out(telling(decision.reasons)[:_MOST_REASONS])]
    lifts = list(dict.fromkeys(reason.lift for reason in decision.reasons if reason.lift))
    if decision.lease is not None:
        lines += requests.as_words(decision.lease, anew=anew)
    elif lifts:
        lines.append(f"It can be lifted by {', '.join(map(_lift, lifts))}.")
    lines.append(f"Decision {ask.command.id}: quote it when you ask.")
    return "\n".join(lines)


def telling(reasons: Sequence[Reason]) -> list[Reason]:
    """Without the policies that another reason already names: `unmet-promise` says whose promise it was. Behind what
    nobody understands only guesses follow: reasons come with what weighs most first."""
    messages = " ".join(reason.message for reason in reasons)
    told = [reason for reason in reasons if f"(policy `{reason.policy}`)" not in messages]
    puzzled = [at for at, reason in enumerate(told) if reason.policy == _PUZZLED]
    return told[: puzzled[-1] + 1] if puzzled else told


def ways_out(reasons: Sequence[Reason]) -> list[str]:
    """What to do instead, each once: not also in the words of one that begins alike and says more."""
    hints = list(dict.fromkeys(reason.instead for reason in reasons if reason.instead))
    return [hint for hint in hints if not any(other.startswith(hint) and other != hint for other in hints)]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _title(decision: Decision) -> str:
    reasons = telling(decision.reasons)
    if not reasons:
        return "no policy allows it"
    reason = reasons[0]
    return reason.title[:1].lower() + reason.title[1:]


def _lift(lift: str) -> str:
    """`approval:dba-leads:2` as people say it."""
    kind, *rest = lift.split(":")
    if kind == "approval" and len(rest) == 2:
        return f"{rest[1]} approval{'s' if rest[1] != '1' else ''} of {rest[0]}"
    return f"a {kind}"


def _malformed(intent: Intent) -> Finding | None:
    return next((f for f in intent.findings if f.code is FindingCode.MALFORMED), None)


def _syntax_error(ask: Ask, finding: Finding) -> bytes:
    return build_error(
        "ERROR",
        MALFORMED,
        finding.message,
        detail="interlock does not forward what it cannot read.",
        hint=f"Correct the statement and send it again. Decision {ask.command.id}.",
        position=None if finding.span is None else finding.span[0] + 1,
    )


def _position(intent: Intent) -> int | None:
    spans = [finding.span for finding in intent.all_findings() if finding.span is not None]
    return spans[0][0] + 1 if spans else None
