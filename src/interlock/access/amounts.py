"""How much a command may use at most, and how much its outcome says that it used."""

from typing import Final

from interlock.model import Effect, FindingCode, Intent, ObjectKind, Reach, Verb

WRITES: Final = frozenset({Verb.CREATE, Verb.CHANGE, Verb.DELETE})
# What runs beside the statement itself: the rows it touches are in no text, and in no command tag.
_BESIDE: Final = frozenset({FindingCode.CASCADES, FindingCode.TRIGGERS, FindingCode.USER_CODE, FindingCode.DYNAMIC})


def is_work(intent: Intent) -> bool:
    """Whether it counts as a command: BEGIN, COMMIT and what else touches nothing are no work."""
    return bool(intent.effects) or not intent.understood


def may_write(intent: Intent) -> bool:
    """Whether rows may be changed by it, as far as anybody knows."""
    return not intent.understood or bool(_writing(intent)) or any(map(_runs_code, intent.effects))


def rows_changed_at_most(intent: Intent) -> int | None:
    """A bound that stands in its text; None where there is none."""
    if not may_write(intent):
        return 0
    writing = _writing(intent)
    if not _plain(intent) or any(effect.reach is not Reach.ONE for effect in writing):
        return None
    return len(writing)


def rows_changed(intent: Intent, told: int | None) -> int | None:
    """What it changed, once it ran and the target `told` a number of rows; None where that number may mean others.

    A command tag counts the outermost statement alone: beside a second write, or where one is repeated in a WITH, it
    says too little, so the bound stands.
    """
    bound = rows_changed_at_most(intent)
    return min(told, bound) if bound == 1 and told is not None else bound


def rows_read(intent: Intent, told: int | None) -> int | None:
    """Rows that were delivered: those of a SELECT or of RETURNING; a write without answer delivers none."""
    return 0 if may_write(intent) and intent.returns == () else told


def _writing(intent: Intent) -> list[Effect]:
    """Sequences count, and have no rows."""
    return [e for e in intent.effects if e.verb in WRITES and e.object.kind is not ObjectKind.SEQUENCE]


def _plain(intent: Intent) -> bool:
    return (
        intent.understood
        and not any(finding.code in _BESIDE for finding in intent.all_findings())
        and not any(map(_runs_code, intent.effects))
    )


def _runs_code(effect: Effect) -> bool:
    """Code whose doings are not all listed among the effects: where it was followed (reach one), they are."""
    return effect.verb is Verb.EXECUTE and effect.reach is not Reach.ONE
