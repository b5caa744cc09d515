"""How much a command may use at most, and how much its outcome says that it used."""

from collections.abc import Mapping
from typing import Final

from interlock.model import Column, Effect, FindingCode, Intent, ObjectKind, Reach, Verb
from interlock.model.labels import SENSITIVE

# The kinds of labels that are counted, and all of them together.
CELLS: Final[Mapping[str, frozenset[str]]] = {
    "sensitiveCells": SENSITIVE,
    "piiCells": frozenset({"pii"}),
    "phiCells": frozenset({"phi"}),
    "pciCells": frozenset({"pci"}),
    "financialCells": frozenset({"financial"}),
    "secretCells": frozenset({"secret", "catalog-secret"}),
}
WRITES: Final = frozenset({Verb.CREATE, Verb.CHANGE, Verb.DELETE})
_VIOLATED: Final = ("23", "44000")  # classes and codes of SQLSTATE: keys, checks, exclusions, options of views
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


def violated(error: str | None) -> int:
    """How many constraints of the target an error says to be violated: it tells that a value is there, or is not."""
    return int(error is not None and error.startswith(_VIOLATED))


def rows_read(intent: Intent, told: int | None) -> int | None:
    """Rows that were delivered: those of a SELECT or of RETURNING; a write without answer delivers none."""
    return 0 if may_write(intent) and intent.returns == () else told


def cells_read(intent: Intent, told: int | None) -> dict[str, int | None]:
    """By class of labels the values that were delivered out of columns which carry one: rows by columns. None where
    nobody knows where the columns of the answer come from, or how many rows there were."""
    columns = [] if intent.returns is None else [_labels(intent, column) for column in intent.returns]
    read = frozenset[str]().union(*(_carried(effect) for effect in intent.effects))
    found: dict[str, int | None] = {}
    for metric, labels in CELLS.items():
        width = sum(not labels.isdisjoint(carried) for carried in columns)
        unknown = intent.returns is None and not labels.isdisjoint(read)
        found[metric] = None if unknown or (width and told is None) else width * (told or 0)
    return found


def _labels(intent: Intent, column: Column) -> frozenset[str]:
    carried = {
        (effect.object.path, field.name): field.labels | effect.object.labels
        for effect in intent.effects
        for field in effect.fields or ()
    }
    return frozenset[str]().union(*(carried.get((thing.path, name), thing.labels) for thing, name in column.sources))


def _carried(effect: Effect) -> frozenset[str]:
    return effect.object.labels.union(*(field.labels for field in effect.fields or ()))


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
