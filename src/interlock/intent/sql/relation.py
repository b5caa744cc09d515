"""One relation of the catalogue, with everything that may happen because it is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.intent.sql import catalog_rows as rows
from interlock.model import Field, Object

# pg_trigger.tgtype bits (catalog/pg_trigger.h).
ON_INSERT, ON_DELETE, ON_UPDATE, ON_TRUNCATE, INSTEAD = 4, 8, 16, 32, 64

_CASCADING = frozenset("cnd")


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


@dataclass(eq=False, slots=True, kw_only=True)
class Relation:
    """A table, view, index or sequence; `link` completes it once, then it does not change.

    `kind` is pg_class.relkind. `keys` prove a row unique. `code` lists user functions that run because of it, as
    (by, schema, name). `bases` are the relations a view reads, with the columns it names.
    """

    oid: int
    object: Object
    kind: str
    owner: str
    temporary: bool
    row_security: bool
    rules: int
    columns: tuple[rows.Column, ...]
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
    all_fields: tuple[Field, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    not_null: frozenset[str] = frozenset()
    family: "Mapping[int, Relation]" = field(default_factory=dict)

    def link(self, family: "Mapping[int, Relation]") -> None:
        """Give it the other relations by oid, so that edges can be followed."""
        self.family = family
        self.all_fields = tuple(self.fields.values())
        self.places = {column.name: place for place, column in enumerate(self.columns)}
        self.not_null = frozenset(column.name for column in self.columns if column.not_null)

    @property
    def schema(self) -> str:
        """The schema it stands in."""
        return self.object.path[1]

    @property
    def name(self) -> str:
        """Its name without schema."""
        return self.object.path[2]

    @property
    def is_view(self) -> bool:
        """True for plain views: reading them reads their bases now."""
        return self.kind == "v"

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
        return next(((c.type_schema, c.type) for c in self.columns if c.name == name), None)

    def triggers_on(self, event: int) -> list[Trigger]:
        """Triggers that fire for this event on it or below it."""
        return [t for relation in self.descendants() for t in relation.triggers if t.events & event]

    def expansion(self) -> "list[tuple[Relation, tuple[str, ...]]]":
        """What reading this view reads, through views of views: (relation, columns it names)."""
        found: list[tuple[Relation, tuple[str, ...]]] = []
        waiting, seen = [self], {self.oid}
        while waiting:
            for oid, columns in waiting.pop().bases:
                base = self.family.get(oid)
                if base is None:
                    continue
                found.append((base, columns))
                if base.is_view and oid not in seen:
                    seen.add(oid)
                    waiting.append(base)
        return found

    def cascades(self, *, deleted: bool, changed: frozenset[str] | None) -> "list[tuple[Relation, ForeignKey, bool]]":
        """Foreign keys that pass a delete, or a change of these columns (None: any), on to other tables.

        Each comes as (child, key, deletes): a cascade of a delete deletes, everything else changes the child.
        Follows cascades of cascades; partitions pass on what their parents' keys say.
        """
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


def _touches(columns: frozenset[str] | None, key: tuple[str, ...]) -> bool:
    return columns is None or not columns.isdisjoint(key)
