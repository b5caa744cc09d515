"""The card of a held command: what an approver is shown, with secrets left out."""

from typing import Final

from interlock.model import Card, Case, Decision, Effect, ObjectKind, Verb

# What a reader wants to hear first: what would be lost, then what would leave, then what would merely be read.
WORST_FIRST: Final = {
    Verb.DESTROY: 0,
    Verb.DELETE: 1,
    Verb.CHANGE: 2,
    Verb.EXPORT: 3,
    Verb.GRANT: 4,
    Verb.EXECUTE: 5,
    Verb.CONFIGURE: 6,
    Verb.CREATE: 7,
    Verb.READ: 8,
}
_MOST_TEXT: Final = 4096
_MOST_VALUES: Final = 64
_LONGEST_VALUE: Final = 256
# Where credentials stand in a statement's own text: roles and their passwords, servers and subscriptions, settings.
_TELLING: Final = frozenset({ObjectKind.ROLE, ObjectKind.SETTING, ObjectKind.UNKNOWN, ObjectKind.PROGRAM})
_CONTENT: Final = frozenset({Verb.READ, Verb.EXPORT, Verb.CREATE, Verb.CHANGE, Verb.DELETE, Verb.DESTROY})
_PLAIN_FORMAT: Final = 0


def card_of(case: Case, decision: Decision) -> Card:
    """The card of a case that is held by `decision`."""
    command, intent = case.command, case.intent
    shown = _may_be_shown(case)
    return Card(
        target=command.session.target,
        surface=command.session.surface,
        effects=tuple(sorted(intent.effects, key=lambda effect: WORST_FIRST[effect.verb])),
        findings=intent.findings,
        reasons=decision.reasons,
        impact=case.impact,
        shape=intent.shape,
        text=command.text[:_MOST_TEXT] if shown else None,
        values=_values(case) if shown else (),
        content=case.content,
    )


def _may_be_shown(case: Case) -> bool:
    """Whether the literals can hold neither a credential nor a labelled value; where that is not known, not."""
    return case.intent.understood and bool(case.intent.effects) and all(map(_harmless, case.intent.effects))


def _harmless(effect: Effect) -> bool:
    thing = effect.object
    return (
        thing.kind not in _TELLING
        and not thing.labels
        and thing.known
        and effect.fields is not None
        and not any(field.labels for field in effect.fields)
        and (effect.verb in _CONTENT or thing.kind in (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.INDEX))
    )


def _values(case: Case) -> tuple[str | None, ...]:
    """Parameters that came as text; of binary ones only how long they are."""
    command = case.command
    formats = command.formats if len(command.formats) > 1 else command.formats * len(command.arguments)
    shown: list[str | None] = []
    for at, value in enumerate(command.arguments[:_MOST_VALUES]):
        written = formats[at] if at < len(formats) else _PLAIN_FORMAT
        if value is None:
            shown.append(None)
        elif written == _PLAIN_FORMAT:
            shown.append(value.decode("utf-8", "replace")[:_LONGEST_VALUE])
        else:
            shown.append(f"({len(value)} bytes in binary)")
    return tuple(shown)
