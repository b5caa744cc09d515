"""DROP: structure that goes, with everything CASCADE takes along."""

from collections.abc import Callable

from interlock.intent.sql.cascade import Cascade
from interlock.intent.sql.definitions import event_triggers
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.relation import Relation
from interlock.intent.sql.tree import Node, flag, node, nodes, unwrap, word, wrapped_names
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb

_RELATIONS = {
    "OBJECT_TABLE": ObjectKind.TABLE,
    "OBJECT_FOREIGN_TABLE": ObjectKind.TABLE,
    "OBJECT_MATVIEW": ObjectKind.TABLE,
    "OBJECT_VIEW": ObjectKind.VIEW,
    "OBJECT_INDEX": ObjectKind.INDEX,
    "OBJECT_SEQUENCE": ObjectKind.SEQUENCE,
}
_TYPES = frozenset({"OBJECT_TYPE", "OBJECT_DOMAIN"})
_CODE = frozenset({"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE", "OBJECT_OPERATOR"})
# Dropped from a table: (schema, table, name).
_PARTS = frozenset({"OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"})
_OTHERS = frozenset({"OBJECT_STATISTIC_EXT", "OBJECT_COLLATION", "OBJECT_CONVERSION", "OBJECT_EXTENSION"})


def qualified_name(wrapped: Node) -> tuple[str, ...]:
    """The name of a dropped or altered object, from whatever node holds it."""
    if "RangeVar" in wrapped:
        _, inner = unwrap(wrapped)
        return tuple(part for part in (word(inner, "schemaname"), word(inner, "relname")) if part)
    return wrapped_names(wrapped)


def named_object(reading: Reading, kind: str, qualified: tuple[str, ...]) -> Object:
    """The object of this grammar kind and name; unknown where the catalogue lacks it."""
    schema, name = (qualified[-2] if len(qualified) > 1 else ""), (qualified[-1] if qualified else "")
    if kind in _RELATIONS or kind == "OBJECT_COLUMN":
        relation = reading.resolve(schema, name)
        shape = _RELATIONS.get(kind, ObjectKind.TABLE)
        return (
            relation.object
            if relation is not None
            else reading.object(shape, reading.creation_schema(schema), name, known=False)
        )
    if kind == "OBJECT_SCHEMA":
        return reading.schema_object(name)
    if kind == "OBJECT_DATABASE":
        return reading.database()
    if kind == "OBJECT_ROLE":
        return reading.object(ObjectKind.ROLE, name)
    if kind in _TYPES:
        found = [
            t.schema
            for t in reading.catalog.types.get(name, ())
            if t.schema == schema or (not schema and t.schema in reading.path)
        ]
        return reading.object(
            ObjectKind.TYPE, found[0] if found else reading.creation_schema(schema), name, known=bool(found)
        )
    if kind in _CODE:
        homes = [
            f.schema
            for f in reading.catalog.functions.get(name, ())
            if f.schema == schema or (not schema and f.schema in reading.path)
        ]
        return reading.function_object(homes[0] if homes else reading.creation_schema(schema), name, known=bool(homes))
    if kind not in _OTHERS:
        reading.unmapped(kind.removeprefix("OBJECT_").lower() or "object")
    return reading.object(ObjectKind.UNKNOWN, reading.creation_schema(schema), name)


def drop(reading: Reading, inner: Node) -> Outputs:
    """DROP of one kind of object, any number of them."""
    kind = word(inner, "removeType") or "OBJECT_ACCESS_METHOD"
    reading.ddl = reading.writes = True
    event_triggers(reading)
    cascade = word(inner, "behavior") == "DROP_CASCADE"
    for wrapped in nodes(inner, "objects"):
        qualified = qualified_name(wrapped)
        _dropped(reading, kind, qualified)
        if kind in _PARTS:
            _drop_part(reading, kind, qualified)
            continue
        object_ = named_object(reading, kind, qualified)
        gathered = reading.add(Verb.DESTROY, object_, Reach.ALL)
        gathered.reach = Reach.ALL
        if kind == "OBJECT_SCHEMA":
            _contents(reading, qualified[-1] if qualified else "", cascade=cascade)
        elif cascade:
            _dependants(reading, object_)
        else:
            _partitions(reading, object_)
    if flag(inner, "concurrent"):
        reading.transactional = False
        message = "DROP INDEX CONCURRENTLY cannot run inside a transaction, so it cannot be measured"
        reading.note(FindingCode.OUTSIDE_TRANSACTION, message)
    return []


def _dropped(reading: Reading, kind: str, qualified: tuple[str, ...]) -> None:
    """Keep the schema that the name of a relation without one was found in."""
    table = qualified[:-1] if kind in _PARTS else qualified if kind in _RELATIONS else ()
    relation = reading.resolve("", table[0]) if len(table) == 1 else None
    reading.dropped.append((table, relation.schema if relation is not None else ""))


def _drop_part(reading: Reading, kind: str, qualified: tuple[str, ...]) -> None:
    """A trigger, rule or policy protects its table: taking it away is a change of the table."""
    object_ = named_object(reading, "OBJECT_TABLE", qualified[:-1])
    relation = reading.resolve(qualified[-3] if len(qualified) > 2 else "", qualified[-2] if len(qualified) > 1 else "")
    reading.add(Verb.DESTROY, object_, Reach.ONE, relation=relation)
    reading.note(
        FindingCode.TRIGGERS,
        f"`{qualified[-1]}` of `{object_}` no longer runs: {kind.removeprefix('OBJECT_').lower()} dropped",
    )


def _contents(reading: Reading, schema: str, *, cascade: bool) -> None:
    """What a schema takes with it."""
    if not cascade:
        return
    held = [r for r in reading.catalog.relations.get(schema, {}).values() if r.kind in "rpvmf"]
    if held:
        reading.note(
            FindingCode.CASCADES,
            f"CASCADE drops {len(held)} tables and views of `{schema}` and all that depends on them",
        )
    gathered = Cascade(reading)
    gathered.schema(schema)
    _say(reading, gathered, [r for r in gathered.gone if r not in held])


def _partitions(reading: Reading, object_: Object) -> None:
    """A partitioned table goes with its partitions, without CASCADE."""
    relation = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
    for other in relation.descendants()[1:] if relation is not None and relation.kind == "p" else ():
        reading.add(Verb.DESTROY, other.object, Reach.ALL, relation=other).reach = Reach.ALL


def _dependants(reading: Reading, object_: Object) -> None:
    """Views, partitions, columns, foreign keys and code that CASCADE drops with an object."""
    path = object_.path[1:]
    gathered = Cascade(reading)
    relation = reading.catalog.relation(*path) if len(path) == 2 else None
    if object_.kind is ObjectKind.TYPE and object_.known:
        gathered.type(*path)
    elif object_.kind is ObjectKind.FUNCTION and object_.known:
        gathered.function(*path)
    elif relation is None:
        reading.note(FindingCode.CASCADES, f"CASCADE drops whatever depends on `{object_}`")
    else:
        gathered.relation(relation)
    _say(reading, gathered, gathered.gone[1:] if relation is not None else gathered.gone)


def _say(reading: Reading, gathered: Cascade, gone: list[Relation]) -> None:
    named = [f"`{relation.object}`" for relation in gone] + gathered.lost
    if named:
        reading.note(FindingCode.CASCADES, f"CASCADE also drops {', '.join(dict.fromkeys(named))}")


def drop_role(reading: Reading, inner: Node) -> Outputs:
    """DROP ROLE."""
    reading.ddl = reading.writes = True
    for wrapped in nodes(inner, "roles"):
        _, role = unwrap(wrapped)
        reading.add(Verb.DESTROY, reading.object(ObjectKind.ROLE, word(role, "rolename") or "*"), Reach.ALL)
    return []


def drop_database(reading: Reading, inner: Node) -> Outputs:
    """DROP DATABASE."""
    reading.ddl = reading.writes = True
    reading.transactional = False
    message = "DROP DATABASE cannot run inside a transaction, so it cannot be measured"
    reading.note(FindingCode.OUTSIDE_TRANSACTION, message)
    reading.add(Verb.DESTROY, reading.database(), Reach.ALL)
    return []


def drop_owned(reading: Reading, inner: Node) -> Outputs:
    """DROP OWNED drops everything of a role, in this database and of its rights elsewhere."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    message = "DROP OWNED drops everything that a role owns; drop the objects you mean"
    reading.add(Verb.DESTROY, reading.database(), Reach.ALL, reading.finding(FindingCode.CASCADES, message))
    return []


def reindex(reading: Reading, inner: Node) -> Outputs:
    """REINDEX and CLUSTER rebuild what is there, running index functions on the way."""
    reading.writes = True
    holder = node(inner, "relation")
    if holder is None:
        reading.transactional = False
        message = "rebuilding a whole database cannot run inside a transaction, so it cannot be measured"
        reading.note(FindingCode.OUTSIDE_TRANSACTION, message)
        reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL)
        return []
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    for by, schema, name in relation.code if relation is not None else ():
        if by == "index":
            reading.user_code(schema, name, f"an index of `{object_}`")
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "DropStmt": drop,
    "DropRoleStmt": drop_role,
    "DropdbStmt": drop_database,
    "DropOwnedStmt": drop_owned,
    "ReindexStmt": reindex,
    "ClusterStmt": reindex,
}
