"""One effect while it is put together: touches add up, and equal ones end as one value."""

from collections.abc import Iterable
from typing import Final

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.vocabulary import ALL, ONE, SOME, UNKNOWN
from interlock.model import Effect, Field, Finding, Object, Reach, Verb

MOST_FINDINGS: Final = 100
_RANK: Final = {ONE: 0, SOME: 1, UNKNOWN: 2, ALL: 3}


class Gathered:
    """One effect while it is put together. `names` of None means all columns."""

    __slots__ = ("by_code", "fields", "findings", "object", "reach", "relation", "verb")

    def __init__(self, verb: Verb, object_: Object, relation: Relation | None) -> None:
        self.verb, self.object, self.relation = verb, object_, relation
        self.reach: Reach | None = None
        self.fields: set[str] | None = set()
        self.findings: list[Finding] = []
        self.by_code = False  # stored code does it: the planner may run that code too

    def note(self, *findings: Finding) -> None:
        """Keep findings that are not kept yet; of one code only so many, however long the text that says them."""
        for found in findings:
            full = len(self.findings) >= MOST_FINDINGS and any(found.code is kept.code for kept in self.findings)
            if not full and found not in self.findings:
                self.findings.append(found)

    def name(self, columns: Iterable[str]) -> None:
        """Count more of its columns."""
        if self.fields is not None:
            self.fields.update(columns)

    def extend(self, reach: Reach) -> None:
        """Count one more touch of this reach: the larger wins, two single rows are some."""
        if self.reach is None:
            self.reach = reach
        elif reach is self.reach is ONE:
            self.reach = SOME
        elif _RANK[reach] > _RANK[self.reach]:
            self.reach = reach

    def at_least(self, reach: Reach) -> None:
        """The same touch seen again: the larger reach wins, and one stays one."""
        if self.reach is None or _RANK[reach] > _RANK[self.reach]:
            self.reach = reach

    def effect(self) -> Effect:
        """The finished effect; fields stand in the order of the table, so that equal meanings are equal values. The
        relation keeps those without findings: there are few."""
        relation = self.relation
        if relation is None or self.findings or self.object is not relation.object:
            return self._made()
        key = (self.verb, self.reach, None if self.fields is None else frozenset(self.fields))
        kept = relation.effects.get(key)
        return kept if kept is not None else relation.keep(key, self._made())

    def _made(self) -> Effect:
        return Effect(
            verb=self.verb,
            object=self.object,
            reach=self.reach or UNKNOWN,
            fields=self._fields(),
            findings=tuple(self.findings),
        )

    def _fields(self) -> tuple[Field, ...] | None:
        relation = self.relation
        if self.fields is None:
            return relation.all_fields if relation is not None else None
        if not self.fields:
            return ()
        if relation is None:
            return tuple(Field(name=name) for name in sorted(self.fields))
        places, every = relation.places, relation.all_fields
        if places.keys() >= self.fields:
            return tuple([every[place] for place in sorted([places[name] for name in self.fields])])
        ordered = sorted(self.fields, key=lambda name: places.get(name, 1_000_000))
        return tuple(relation.fields.get(name) or Field(name=name) for name in ordered)
