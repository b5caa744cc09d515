"""What a write sets off by itself: triggers, rules, cascades, code in defaults, checks and indexes."""

from enum import Enum

from interlock.intent.sql.catalog.relation import INSTEAD, ON_DELETE, ON_INSERT, ON_TRUNCATE, ON_UPDATE, Relation
from interlock.intent.sql.gathered import Gathered
from interlock.intent.sql.queries.views import view_bases
from interlock.intent.sql.reading import Reading
from interlock.model import FindingCode, Reach, Verb


class Change(Enum):
    """The ways of writing rows, with their verb and trigger event."""

    CREATE = (Verb.CREATE, ON_INSERT)
    CHANGE = (Verb.CHANGE, ON_UPDATE)
    DELETE = (Verb.DELETE, ON_DELETE)
    TRUNCATE = (Verb.DELETE, ON_TRUNCATE)

    def __init__(self, verb: Verb, event: int) -> None:
        """The verb of its effect, and its bit in pg_trigger.tgtype."""
        self.verb, self.event = verb, event


_KEEPING = (Change.CREATE, Change.CHANGE)  # they put values into columns


def consequences(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    """Add to `gathered` and beside it what writing `columns` (None: all) of `relation` sets off."""
    alone = _nothing_follows(relation, change)
    if not alone:
        _triggers(reading, gathered, relation, change)
        _rules(reading, gathered, relation, change, columns)
        _code(reading, gathered, relation, change)
    _domains(reading, relation, change, columns)
    if change is not Change.CREATE and change is not Change.TRUNCATE:
        _cascades(reading, gathered, relation, change, columns)
    _children(reading, gathered, relation, change)


def _nothing_follows(relation: Relation, change: Change) -> bool:
    return not (
        relation.triggers
        or relation.rules
        or relation.code
        or relation.children
        or relation.is_view
        or relation.parents
    )


def _triggers(reading: Reading, gathered: Gathered, relation: Relation, change: Change) -> None:
    fired = relation.triggers_on(change.event)
    if not fired:
        return
    quiet = [reading.user_code(*trigger.function, f"the trigger `{trigger.name}`") for trigger in fired]
    if all(quiet) and not relation.cascades(deleted=False, changed=None):
        # It reads at most, and a key that it changes in the row reaches no other table.
        return
    named = ", ".join(f"`{trigger.name}`" for trigger in fired)
    gathered.note(reading.finding(FindingCode.TRIGGERS, f"{named} on `{relation.name}` runs user code for it"))
    gathered.reach = Reach.UNKNOWN


def _rules(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    """Rules rewrite the statement; an updatable view passes it on to its base."""
    if relation.rules:
        message = f"rules on `{relation.name}` rewrite this into something else"
        gathered.note(reading.finding(FindingCode.TRIGGERS, message))
        gathered.reach = Reach.UNKNOWN
        for base in relation.beneath():
            _rewritten(reading, base)
        for by, schema, name in relation.code:
            if by == "rule":
                reading.user_code(schema, name, f"a rule of `{relation.name}`")
    if not relation.is_view:
        return
    gathered.reach = Reach.UNKNOWN
    view_bases(reading, relation, Verb.READ)
    if any(trigger.events & INSTEAD and trigger.events & change.event for trigger in relation.triggers):
        return
    written = dict[Relation, set[str]]((base, set()) for base in relation.beneath())
    for base, names in relation.expansion(columns, alone=True) if change in _KEEPING else ():
        written.setdefault(base, set()).update(names)
    for base, named in written.items():
        touched = reading.add(change.verb, base.object, Reach.UNKNOWN, fields=named, relation=base)
        touched.reach = Reach.UNKNOWN
        consequences(reading, touched, base, change, tuple(named) if change is Change.CHANGE else None)


def _rewritten(reading: Reading, base: Relation) -> None:
    """A rule's action may do anything to what it names, and what follows from that follows."""
    for change in (Change.CREATE, Change.CHANGE, Change.DELETE):
        met = reading.has(change.verb, base.object)
        touched = reading.add(change.verb, base.object, Reach.UNKNOWN, fields=None, relation=base)
        touched.reach = Reach.UNKNOWN
        if not met:  # rules may name each other in a circle
            consequences(reading, touched, base, change, None)


def _code(reading: Reading, gathered: Gathered, relation: Relation, change: Change) -> None:
    """Defaults run for new rows, checks and indexes for new and changed ones, policies always."""
    kinds = {
        Change.CREATE: {"default", "check", "index", "policy"},
        Change.CHANGE: {"default", "check", "index", "policy"},
        Change.DELETE: {"policy"},
        Change.TRUNCATE: set(),
    }[change]
    for by, schema, name in relation.code:
        quiet = by not in kinds or reading.user_code(schema, name, f"a {by} of `{relation.name}`")
        if not quiet:
            gathered.reach = Reach.UNKNOWN


def _domains(reading: Reading, relation: Relation, change: Change, columns: tuple[str, ...] | None) -> None:
    """Values that go into a column of a checked domain run its check."""
    if change not in _KEEPING:
        return
    held = reading.catalog.type_code
    for column in relation.columns:
        if column.type not in held or (columns is not None and column.name not in columns):
            continue
        for found in held[column.type]:
            if found.type_schema == column.type_schema:
                reading.user_code(found.schema, found.function, f"the check of type `{found.type}`")
    for cast in reading.catalog.casts:
        # A value of another type is cast on its way in, without a word.
        if cast.context == "e" or cast.extension is not None:
            continue
        into = [column.name for column in relation.columns if column.type == cast.target]
        if into if columns is None else set(into).intersection(columns):
            reading.user_code(cast.function_schema, cast.function, f"the cast to `{cast.target}`")


def _cascades(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    deleted = change is Change.DELETE
    changed = frozenset(columns) if columns is not None else None
    found = relation.cascades(deleted=deleted, changed=None if deleted else changed)
    if not found:
        return
    children = list(dict.fromkeys(child for child, _, _ in found))
    named = ", ".join(f"`{child.object}`" for child in children)
    gathered.note(reading.finding(FindingCode.CASCADES, f"foreign keys pass it on to {named}"))
    gathered.reach = Reach.ALL if gathered.reach is Reach.ALL else Reach.UNKNOWN
    for child, key, deletes in found:
        verb = Verb.DELETE if deletes else Verb.CHANGE
        touched = reading.add(
            verb, child.object, Reach.UNKNOWN, fields=() if deletes else key.child_columns, relation=child
        )
        touched.reach = Reach.UNKNOWN
        _triggers(reading, touched, child, Change.DELETE if deletes else Change.CHANGE)


def _children(reading: Reading, gathered: Gathered, relation: Relation, change: Change) -> None:
    """Rows of children are rows of the parent, and their number is no longer proven; partitions share its keys."""
    if not relation.children or change is Change.CREATE or gathered.reach is Reach.ALL:
        return
    if relation.kind != "p" or any(below.code or below.rules for below in relation.descendants()):
        gathered.reach = Reach.UNKNOWN
