"""What a filled world holds before anything runs in it: its relations by oid, and which stand above which."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import psycopg

Name = tuple[str, ...]
_RELATIONS: Final = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind <> 't'
"""
# From a partition, a child, an index or an owned sequence to the table it belongs to.
_ABOVE: Final = """
SELECT i.inhrelid::bigint, i.inhparent::bigint FROM pg_catalog.pg_inherits i
UNION ALL SELECT x.indexrelid::bigint, x.indrelid::bigint FROM pg_catalog.pg_index x
UNION ALL SELECT d.objid::bigint, d.refobjid::bigint FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One relation: (schema, name) and pg_class.relkind."""

    name: Name
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`above` gives, for a name, all that it is a part of."""

    relations: dict[int, Held]
    above: dict[Name, frozenset[Name]]


def holding(connection: "psycopg.Connection[tuple[object, ...]]") -> Holding:
    """Everything that is there now."""
    relations = {
        int(str(oid)): Held(name=(str(schema), str(name)), kind=str(kind))
        for oid, schema, name, kind in connection.execute(_RELATIONS.encode())
    }
    return Holding(relations=relations, above=_above(relations, connection.execute(_ABOVE.encode())))


def _above(relations: dict[int, Held], pairs: Iterable[tuple[object, ...]]) -> dict[Name, frozenset[Name]]:
    edges: dict[int, set[int]] = {}
    for below, above in pairs:
        edges.setdefault(int(str(below)), set()).add(int(str(above)))
    found: dict[Name, frozenset[Name]] = {}
    for oid in edges.keys() & relations.keys():
        waiting, seen = [oid], {oid}
        while waiting:
            new = edges.get(waiting.pop(), set()) - seen
            seen |= new
            waiting.extend(new)
        found[relations[oid].name] = frozenset(relations[one].name for one in seen - {oid} if one in relations)
    return found
