"""What a write sets off by itself: triggers, rules, cascades, code in defaults, checks and indexes."""

from typing import Final

from interlock.intent.sql.catalog.relation import INSTEAD, ON_DELETE, ON_INSERT, ON_TRUNCATE, ON_UPDATE, Relation
from interlock.intent.sql.gathered import Gathered
from interlock.intent.sql.queries.views import view_bases
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import words
from interlock.intent.sql.vocabulary import ALL, CHANGE, CREATE, DELETE, READ, UNKNOWN
from interlock.model import FindingCode, Verb


class Change:
    """A way of writing rows: the verb of its effect, its bit in pg_trigger.tgtype, which code of a table it runs."""

    __slots__ = ("event", "runs", "verb")

    def __init__(self, verb: Verb, event: int, runs: str) -> None:
        self.verb, self.event, self.runs = verb, event, words(runs)


# Defaults run for new rows, checks and indexes for new and changed ones, policies always.
CREATES: Final = Change(CREATE, ON_INSERT, "default check index policy")
CHANGES: Final = Change(CHANGE, ON_UPDATE, "default check index policy")
DELETES: Final = Change(DELETE, ON_DELETE, "policy")
TRUNCATES: Final = Change(DELETE, ON_TRUNCATE, "")
_KEEPING: Final = (CREATES, CHANGES)  # they put values into columns


def consequences(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    """Add to `gathered` and beside it what writing `columns` (None: all) of `relation` sets off."""
    if not relation.plain:
        _triggers(reading, gathered, relation, change)
        _rules(reading, gathered, relation, change, columns)
        _code(reading, gathered, relation, change)
    _domains(reading, relation, change, columns)
    if change is not CREATES and change is not TRUNCATES:
        _cascades(reading, gathered, relation, change, columns)
    _children(reading, gathered, relation, change)


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
    gathered.reach = UNKNOWN


def _rules(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    """Rules rewrite the statement; an updatable view passes it on to its base."""
    if relation.rules:
        message = f"rules on `{relation.name}` rewrite this into something else"
        gathered.note(reading.finding(FindingCode.TRIGGERS, message))
        gathered.reach = UNKNOWN
        for base in relation.beneath():
            _rewritten(reading, base)
        for by, schema, name in relation.code:
            if by == "rule":
                reading.user_code(schema, name, f"a rule of `{relation.name}`")
    if not relation.is_view:
        return
    gathered.reach = UNKNOWN
    view_bases(reading, relation, READ)
    if any(trigger.events & INSTEAD and trigger.events & change.event for trigger in relation.triggers):
        return
    written = dict[Relation, set[str]]((base, set()) for base in relation.beneath())
    for base, names in relation.expansion(columns, alone=True) if change in _KEEPING else ():
        written.setdefault(base, set()).update(names)
    for base, named in written.items():
        touched = reading.add(change.verb, base.object, UNKNOWN, fields=named, relation=base)
        touched.reach = UNKNOWN
        consequences(reading, touched, base, change, tuple(named) if change is CHANGES else None)


def _rewritten(reading: Reading, base: Relation) -> None:
    """A rule's action may do anything to what it names, and what follows from that follows."""
    for change in (CREATES, CHANGES, DELETES):
        met = reading.has(change.verb, base.object)
        touched = reading.add(change.verb, base.object, UNKNOWN, fields=None, relation=base)
        touched.reach = UNKNOWN
        if not met:  # rules may name each other in a circle
            consequences(reading, touched, base, change, None)


def _code(reading: Reading, gathered: Gathered, relation: Relation, change: Change) -> None:
    """Stored code of the table itself."""
    for by, schema, name in relation.code:
        quiet = by not in change.runs or reading.user_code(schema, name, f"a {by} of `{relation.name}`")
        if not quiet:
            gathered.reach = UNKNOWN


def _domains(reading: Reading, relation: Relation, change: Change, columns: tuple[str, ...] | None) -> None:
    """Values that go into a column of a checked domain run its check."""
    if not relation.checked or change not in _KEEPING:
        return
    for column in relation.checked:
        if columns is not None and column.name not in columns:
            continue
        for found in reading.catalog.type_code.get(column.type, ()):
            if found.type_schema == column.type_schema:
                reading.user_code(found.schema, found.function, f"a value of type `{found.type}`")
    for cast in reading.catalog.casts:
        if not cast.unspoken:
            continue
        into = [column.name for column in relation.checked if column.type == cast.target]
        if into if columns is None else set(into).intersection(columns):
            reading.user_code(cast.function_schema, cast.function, f"the cast to `{cast.target}`")


def _cascades(
    reading: Reading, gathered: Gathered, relation: Relation, change: Change, columns: tuple[str, ...] | None
) -> None:
    deleted = change is DELETES
    changed = frozenset(columns) if columns is not None else None
    found = relation.cascades(deleted=deleted, changed=None if deleted else changed)
    if not found:
        return
    children = list(dict.fromkeys(child for child, _, _ in found))
    named = ", ".join(f"`{child.object}`" for child in children)
    gathered.note(reading.finding(FindingCode.CASCADES, f"foreign keys pass it on to {named}"))
    gathered.reach = ALL if gathered.reach is ALL else UNKNOWN
    for child, key, deletes in found:
        verb = DELETE if deletes else CHANGE
        touched = reading.add(verb, child.object, UNKNOWN, fields=() if deletes else key.child_columns, relation=child)
        touched.reach = UNKNOWN
        _triggers(reading, touched, child, DELETES if deletes else CHANGES)


def _children(reading: Reading, gathered: Gathered, relation: Relation, change: Change) -> None:
    """Rows of children are rows of the parent, and their number is no longer proven; partitions share its keys."""
    if not relation.children or change is CREATES or gathered.reach is ALL:
        return
    if relation.kind != "p" or any(below.code or below.rules for below in relation.descendants()):
        gathered.reach = UNKNOWN
