"""What CASCADE takes along: views, columns, keys, defaults and triggers that hang on what is dropped."""

from collections.abc import Iterable

from interlock.intent.sql.catalog import rows
from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.reading import Reading
from interlock.model import Reach, Verb


def unrefer(
    reading: Reading, relation: Relation | None, *, column: str | None = None, named: str | None = None
) -> None:
    """Foreign keys that go (all; those of a column; that of a name) take the strongest lock on the tables that they
    refer to: their triggers stand there."""
    for key in relation.outgoing if relation is not None else ():
        parent = relation.family.get(key.parent) if relation is not None else None
        met = named == key.name if named is not None else column is None or column in key.child_columns
        if met and parent is not None and parent is not relation:
            reading.add(Verb.CONFIGURE, parent.object, Reach.ONE, relation=parent)


class Cascade:
    """Gathers, from what is dropped first, everything that goes with it (docs 5.15, Dependency Tracking).

    `gone` are relations dropped whole, in the order they are found; `lost` says what others lose.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.gone: list[Relation] = []
        self.lost: list[str] = []

    def relation(self, relation: Relation) -> None:
        """A relation goes, with its parts, the views over it, the keys that refer to it and columns of its row type."""
        waiting = [relation]
        while waiting:
            found = waiting.pop()
            if found in self.gone:
                continue
            self.gone.append(found)
            self._reading.add(Verb.DESTROY, found.object, Reach.ALL, relation=found).reach = Reach.ALL
            unrefer(self._reading, found)
            waiting.extend(found.descendants()[1:])
            waiting.extend(other for other in found.family.values() if any(oid == found.oid for oid, _ in other.bases))
            for key in found.incoming:
                self._loses(found.family.get(key.child), f"the foreign key `{key.name}`")
            self.type(found.schema, found.name)

    def column(self, relation: Relation, name: str) -> None:
        """A column goes, in the children as well, with the views that name it and the keys that refer to it."""
        for part in relation.descendants():
            self._reading.add(Verb.DESTROY, part.object, Reach.ALL, fields=(name,), relation=part).reach = Reach.ALL
            unrefer(self._reading, part, column=name)
            for other in part.family.values():
                if any(oid == part.oid and name in columns for oid, columns in other.bases):
                    self.relation(other)
            for key in part.incoming:
                if name in key.parent_columns:
                    self._loses(part.family.get(key.child), f"the foreign key `{key.name}`")

    def type(self, schema: str, name: str) -> None:
        """A type goes, with every column of it and the domains over it."""
        for relation in self._reading.catalog.all_relations():
            for column in relation.columns:
                if relation not in self.gone and (column.type_schema, column.type.removeprefix("_")) == (schema, name):
                    self.lost.append(f"the column `{column.name}` of `{relation.object}`")
                    self.column(relation, column.name)
        for domain in (each for same in self._reading.catalog.types.values() for each in same):
            if domain.base == name and domain.kind == "d":
                self.type(domain.schema, domain.name)

    def function(self, schema: str, name: str) -> None:
        """A function goes, with what calls it by itself: triggers, defaults, checks, indexes, policies, views."""
        for relation in self._reading.catalog.all_relations():
            by = {by for by, *path in relation.code if path == [schema, name]}
            by |= {"trigger" for trigger in relation.triggers if trigger.function == (schema, name)}
            if "view" in by:
                self.relation(relation)
            elif by:
                self._loses(relation, " and ".join(f"a {each}" for each in sorted(by)))

    def schema(self, name: str) -> None:
        """A schema goes, with all that stands in it and all that hangs on that."""
        catalog = self._reading.catalog
        for relation in catalog.relations.get(name, {}).values():
            if relation.kind in "rpvmf":
                self.relation(relation)
        for held in _inside(name, catalog.types.values()):
            self.type(name, held)
        for held in _inside(name, catalog.functions.values()):
            self.function(name, held)

    def _loses(self, relation: Relation | None, what: str) -> None:
        if relation is None or relation in self.gone:
            return
        self._reading.add(Verb.DESTROY, relation.object, Reach.ONE, relation=relation)
        self.lost.append(f"{what} of `{relation.object}`")


def _inside(schema: str, grouped: Iterable[tuple[rows.Type | rows.Function, ...]]) -> list[str]:
    return list(dict.fromkeys(each.name for same in grouped for each in same if each.schema == schema))
