"""What a session holds for the time of a lease: the privileges of its scope, in the catalogue as it is now."""

from collections.abc import Iterator
from typing import Final

from interlock.access.privileges import Privilege, Shape
from interlock.access.spans import within
from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.model import Span, Verb

_TABLES: Final = frozenset("rvmpf")
_SEQUENCE: Final = "S"
_ON_ROWS: Final = {
    Verb.READ: "SELECT",
    Verb.CREATE: "INSERT",
    Verb.CHANGE: "UPDATE",
    Verb.DELETE: "DELETE",
}


def shape_of_scope(scope: Span, catalog: Catalog) -> Shape:
    """Its shape. Ownership and code are not lent for longer than a command, whatever the lease says."""
    return Shape(privileges=frozenset(_privileges(scope, catalog)), lasting=True)


def implies(held: Shape, needed: Shape) -> bool:
    """Whether whoever holds the one can do all that the other is for."""
    whole = {(one.right, one.what, one.on) for one in held.privileges if not one.columns}
    return all(one in held.privileges or (one.right, one.what, one.on) in whole for one in needed.privileges)


def _privileges(scope: Span, catalog: Catalog) -> Iterator[Privilege]:
    for relation in catalog.all_relations():
        on = (relation.schema, relation.name)
        if relation.schema in SYSTEM_SCHEMAS or not within(scope, on):
            continue
        rights = _rights(relation.kind, scope)
        what = "SEQUENCE" if relation.kind == _SEQUENCE else "TABLE"
        yield from (Privilege(right=right, what=what, on=on) for right in rights)
        if rights:
            yield Privilege(right="USAGE", what="SCHEMA", on=(relation.schema,))


def _rights(kind: str, scope: Span) -> list[str]:
    if kind in _TABLES:
        return [right for verb, right in _ON_ROWS.items() if verb in scope.verbs]
    if kind == _SEQUENCE:
        return ["USAGE"] if Verb.CHANGE in scope.verbs else []
    return []
