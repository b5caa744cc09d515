"""One relation of the catalogue, with everything that may happen because it is touched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from interlock.intent.sql.catalog import rows
from interlock.intent.sql.catalog.allowed import Allowed, Confining
from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.intent.sql.catalog.lineage import ROW, lineage
from interlock.model import Effect, Field, Object, Reach, Verb

# pg_trigger.tgtype bits (catalog/pg_trigger.h).
ON_INSERT, ON_DELETE, ON_UPDATE, ON_TRUNCATE, INSTEAD = 4, 8, 16, 32, 64

_CASCADING: Final = frozenset("cnd")
# What a view reads, worked out for so many choices of its columns.
_MOST_KEPT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """An enabled trigger; `events` is pg_trigger.tgtype, `function` its (schema, name)."""

    name: str
    events: int
    function: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """`child` refers to `parent` (oids). The actions are those of pg_constraint: a r c n d."""

    name: str
    child: int
    parent: int
    child_columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    on_delete: str
    on_update: str

    @classmethod
    def of(cls, row: rows.ForeignKey) -> "ForeignKey":
        """The key that a catalogue row describes."""
        return cls(
            name=row.name,
            child=row.child,
            parent=row.parent,
            child_columns=row.child_columns,
            parent_columns=row.parent_columns,
            on_delete=row.on_delete,
            on_update=row.on_update,
        )


# An effect on a relation without findings, but for its object: its columns, None for all.
EffectKey = tuple[Verb, Reach | None, frozenset[str] | None]
_MOST_EFFECTS: Final = 256
NOTHING_CONFINED: Final = Confining((), ())


@dataclass(eq=False, slots=True, kw_only=True)
class Relation:
    """A table, view, index or sequence; `link` completes it once, then it does not change.

    `kind` is pg_class.relkind. `keys` prove a row unique. `code` lists user functions that run because of it, as
    (by, schema, name). `bases` are the relations a view or a rule reads, with the columns it names; `tree` is the query
    of a view. `is_view` marks plain views: reading them reads their bases now. `plain` says that writing it sets off
    nothing but casts, checks of types and foreign keys; `checked` are the columns whose types run user code. `confined`
    are columns that cannot hold every value of a large type.
    """

    oid: int
    object: Object
    kind: str
    owner: str
    temporary: bool
    row_security: bool
    rules: int
    columns: tuple[rows.Column, ...]
    checked: tuple[rows.Column, ...] = ()
    fields: Mapping[str, Field]
    keys: tuple[tuple[str, ...], ...]
    triggers: tuple[Trigger, ...]
    code: tuple[tuple[str, str, str], ...]
    parents: tuple[int, ...]
    children: tuple[int, ...]
    bases: tuple[tuple[int, tuple[str, ...]], ...]
    outgoing: tuple[ForeignKey, ...]
    incoming: tuple[ForeignKey, ...]
    rows: float | None
    pages: int | None
    tree: str | None = None
    confining: Confining = NOTHING_CONFINED
    confined: frozenset[str] = frozenset()
    all_fields: tuple[Field, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()
    is_view: bool = False
    plain: bool = False
    effects: dict[EffectKey, Effect] = field(default_factory=dict)
    family: "Mapping[int, Relation]" = field(default_factory=dict)
    expanded: "dict[tuple[frozenset[str] | None, bool], Expansion]" = field(default_factory=dict)
    known_allowed: Allowed | None = None

    def link(self, family: "Mapping[int, Relation]") -> None:
        """Give it the other relations by oid, so that edges can be followed."""
        self.family = family
        self.all_fields = tuple(self.fields.values())
        self.places = {column.name: place for place, column in enumerate(self.columns)}
        self.not_null = frozenset(column.name for column in self.columns if column.not_null)
        self.is_view = self.kind == "v"
        follows = self.triggers or self.rules or self.code or self.children or self.parents or self.is_view
        self.plain = not follows

    def keep(self, key: EffectKey, effect: Effect) -> Effect:
        """Remember an effect on it, so that the next one like it is the same value."""
        if len(self.effects) >= _MOST_EFFECTS:
            self.effects.clear()
        self.effects[key] = effect
        return effect

    @property
    def schema(self) -> str:
        """The schema it stands in."""
        return self.object.path[1]

    @property
    def name(self) -> str:
        """Its name without schema."""
        return self.object.path[2]

    @property
    def labelled(self) -> bool:
        """Whether it, or a column of it, carries a label."""
        return bool(self.object.labels) or any(field.labels for field in self.all_fields)

    def allowed(self) -> Allowed:
        """What its columns can hold."""
        if self.known_allowed is None:
            self.known_allowed = self.confining.allowed(self.oid, self.columns, inherited=bool(self.children))
        return self.known_allowed

    def ancestors(self) -> "list[Relation]":
        """Itself, then every partition or inheritance parent."""
        return self._closure("parents")

    def descendants(self) -> "list[Relation]":
        """Itself, then every partition or inheritance child."""
        return self._closure("children")

    def _closure(self, edge: str) -> "list[Relation]":
        found: list[Relation] = [self]
        for relation in found:
            oids = relation.parents if edge == "parents" else relation.children
            found.extend(r for oid in oids if (r := self.family.get(oid)) is not None and r not in found)
        return found

    def type_of(self, name: str) -> tuple[str, str] | None:
        """Schema and name of a column's type; None for a column that it has not."""
        place = self.places.get(name)
        return None if place is None else (self.columns[place].type_schema, self.columns[place].type)

    def triggers_on(self, event: int) -> list[Trigger]:
        """Triggers that fire for this event on it or below it."""
        return [t for relation in self.descendants() for t in relation.triggers if t.events & event]

    def expansion(self, columns: Iterable[str] | None = None, *, alone: bool = False) -> "Expansion":
        """What reading these columns of a view (None: all) reads, through views of views: (relation, its columns).

        `alone` is what the columns themselves come from, without what decides which rows there are.
        """
        key = (None if columns is None else frozenset(columns), alone)
        known = self.expanded.get(key)
        if known is None:
            if len(self.expanded) >= _MOST_KEPT:
                self.expanded.clear()
            known = self.expanded[key] = self._expand(*key)
        return known

    def _expand(self, columns: frozenset[str] | None, alone: bool) -> "Expansion":
        found: list[tuple[Relation, tuple[str, ...]]] = []
        waiting: list[tuple[Relation, frozenset[str] | None]] = [(self, columns)]
        seen = set(waiting)
        while waiting:
            view, asked = waiting.pop()
            for base, needed in view.needs(asked, alone=alone):
                found.append((base, needed))
                if base.is_view and (below := (base, frozenset(needed))) not in seen:
                    seen.add(below)
                    waiting.append(below)
        return found

    def beneath(self) -> "list[Relation]":
        """Every relation that this view or the rules of it mention, through views of views."""
        found: list[Relation] = []
        waiting = [self]
        while waiting:
            for base in (self.family[oid] for oid, _ in waiting.pop().bases if oid in self.family):
                if base not in found:
                    found.append(base)
                    waiting.extend([base] if base.is_view else [])
        return found

    def needs(self, columns: frozenset[str] | None, *, alone: bool = False) -> "list[tuple[Relation, tuple[str, ...]]]":
        """What these columns of a view or materialised view (None: all) need of the relations right below it.

        Everything of everything below where its query is not of a form that is known, or lacks what the server says
        that it depends on.
        """
        below = {oid: named for oid, named in self.bases if oid in self.family}
        known = lineage(self.tree) if self.tree is not None else None
        whole = _columns_by_relation(known.of(None)) if known is not None else {}
        if known is None or (
            not self.rules
            and not all(
                self.family[oid].schema in SYSTEM_SCHEMAS or self.family[oid].covers(whole.get(oid), named)
                for oid, named in below.items()
            )
        ):
            return [(self.family[oid], tuple(self.family[oid].fields)) for oid in below]
        numbers = None if columns is None else [c.number for c in self.columns if c.name in columns]
        asked = _columns_by_relation(known.of(numbers, alone=alone))
        order = [oid for oid in below if oid in asked] + [oid for oid in asked if oid not in below]
        return [(base, base.named(asked[oid])) for oid in order if (base := self.family.get(oid, self)) is not self]

    def named(self, numbers: set[int]) -> tuple[str, ...]:
        """The columns with these numbers, in order; all of them for a whole row."""
        return tuple(c.name for c in self.columns if ROW in numbers or c.number in numbers)

    def covers(self, numbers: set[int] | None, columns: tuple[str, ...]) -> bool:
        """Whether these numbers stand for these columns at least."""
        return numbers is not None and set(columns) <= set(self.named(numbers))

    def cascades(self, *, deleted: bool, changed: frozenset[str] | None) -> "list[tuple[Relation, ForeignKey, bool]]":
        """Foreign keys that pass a delete, or a change of these columns (None: any), on to other tables.

        Each comes as (child, key, deletes): a cascade of a delete deletes, everything else changes the child.
        Follows cascades of cascades; partitions pass on what their parents' keys say.
        """
        if not self.incoming and not self.parents and not self.children:
            return []
        found: list[tuple[Relation, ForeignKey, bool]] = []
        waiting = [(self, deleted, changed)]
        seen: set[tuple[int, bool, frozenset[str] | None]] = set()
        while waiting:
            relation, gone, columns = waiting.pop()
            if (relation.oid, gone, columns) in seen:
                continue
            seen.add((relation.oid, gone, columns))
            touched = dict.fromkeys([*relation.ancestors(), *relation.descendants()])
            for key in dict.fromkeys(k for r in touched for k in r.incoming):
                action = key.on_delete if gone else key.on_update
                child = self.family.get(key.child)
                if child is None or action not in _CASCADING or not (gone or _touches(columns, key.parent_columns)):
                    continue
                deletes = gone and action == "c"
                found.append((child, key, deletes))
                waiting.append((child, deletes, None if deletes else frozenset(key.child_columns)))
        return found


Expansion: TypeAlias = list[tuple[Relation, tuple[str, ...]]]


def _columns_by_relation(origins: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for oid, number in sorted(origins):
        found.setdefault(oid, set()).add(number)
    return found


def _touches(columns: frozenset[str] | None, key: tuple[str, ...]) -> bool:
    return columns is None or not columns.isdisjoint(key)
