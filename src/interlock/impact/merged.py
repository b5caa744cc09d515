"""The commands of a unit as one intent: what lands together is judged together."""

from collections.abc import Sequence

from interlock.model import Effect, Finding, Intent


def merged(intents: Sequence[Intent]) -> Intent:
    """The union of what commands meant; a single one, or the same one many times, is itself."""
    distinct = list({id(intent): intent for intent in intents}.values())
    if len(distinct) == 1:
        return distinct[0]
    effects: dict[Effect, None] = {}
    findings: dict[Finding, None] = {}
    for intent in distinct:
        effects |= dict.fromkeys(intent.effects)
        findings |= dict.fromkeys(intent.findings)
    return Intent(
        effects=tuple(effects),
        returns=None,
        findings=tuple(findings),
        understood=all(intent.understood for intent in distinct),
        shape=f"{len(intents)} statements",
        fingerprint=distinct[-1].fingerprint,
    )
