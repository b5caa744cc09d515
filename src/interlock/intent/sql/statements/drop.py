"""DROP: structure that goes, with everything CASCADE takes along."""

from collections.abc import Callable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.planted import changes_structure, outside_transaction
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements.cascade import Cascade, unrefer
from interlock.intent.sql.statements.objects import PARTS, RELATIONS, named_object, object_of, qualified_name, role_name
from interlock.intent.sql.tree import Node, flag, nodes, unwrap, word
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb


def drop(reading: Reading, inner: Node) -> Outputs:
    """DROP of one kind of object, any number of them."""
    kind = word(inner, "removeType")
    changes_structure(reading)
    cascade = word(inner, "behavior") == "DROP_CASCADE"
    for wrapped in nodes(inner, "objects"):
        qualified = qualified_name(reading, wrapped)
        _dropped(reading, kind, qualified)
        if kind in PARTS:
            _drop_part(reading, kind, qualified)
            continue
        object_ = object_of(reading, kind, wrapped)
        gathered = reading.add(Verb.DESTROY, object_, Reach.ALL)
        gathered.reach = Reach.ALL
        if kind == "OBJECT_EVENT_TRIGGER":
            gathered.note(reading.finding(FindingCode.UNPROTECTS, "changes of structure no longer run it"))
        if kind == "OBJECT_SCHEMA":
            _contents(reading, qualified[-1] if qualified else "", cascade=cascade)
        elif cascade and kind in _BRINGERS:
            _brought(reading, object_, (qualified or ("",))[-1])
        elif cascade:
            _dependants(reading, object_)
        if cascade and object_.kind is ObjectKind.LINK:
            # Which foreign tables are of this server no catalogue query tells: any of them may be.
            for relation in (found for found in reading.catalog.all_relations() if found.kind == "f"):
                reading.add(Verb.DESTROY, relation.object, Reach.UNKNOWN, relation=relation)
        else:
            _partitions(reading, object_)
    if flag(inner, "concurrent"):
        outside_transaction(reading, "DROP INDEX CONCURRENTLY")
    return []


def _dropped(reading: Reading, kind: str, qualified: tuple[str, ...]) -> None:
    """Keep the schema that the name of a relation without one was found in."""
    table = qualified[:-1] if kind in PARTS else qualified if kind in RELATIONS else ()
    relation = reading.resolve("", table[0]) if len(table) == 1 else None
    reading.dropped.append((table, relation.schema if relation is not None else ""))


def _drop_part(reading: Reading, kind: str, qualified: tuple[str, ...]) -> None:
    """A trigger, rule or policy protects its table: taking it away is a change of the table."""
    object_ = named_object(reading, "OBJECT_TABLE", qualified[:-1])
    relation = reading.resolve(qualified[-3] if len(qualified) > 2 else "", qualified[-2] if len(qualified) > 1 else "")
    what = kind.removeprefix("OBJECT_").lower()
    finding = reading.finding(FindingCode.UNPROTECTS, f"`{object_}`: the {what} `{qualified[-1]}` no longer guards it")
    reading.add(Verb.DESTROY, object_, Reach.ONE, finding, relation=relation)
    reading.note(
        FindingCode.TRIGGERS,
        f"`{qualified[-1]}` of `{object_}` no longer runs: {what} dropped",
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
    """A table goes with its own foreign keys, a partitioned one with its partitions as well, without CASCADE."""
    relation = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
    unrefer(reading, relation)
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
    elif relation is None or object_.kind is ObjectKind.SEQUENCE:
        reading.note(FindingCode.CASCADES, f"CASCADE drops whatever depends on `{object_}`")
    else:
        gathered.relation(relation)
    _say(reading, gathered, gathered.gone[1:] if relation is not None else gathered.gone)


_BRINGERS = frozenset({"OBJECT_EXTENSION", "OBJECT_LANGUAGE"})


def _brought(reading: Reading, object_: Object, name: str) -> None:
    """What an extension brought, what is written in a language of that name, and what hangs on either."""
    reading.note(FindingCode.CASCADES, f"CASCADE drops whatever depends on `{object_}`")
    gathered = Cascade(reading)
    for function in (each for same in reading.catalog.functions.values() for each in same):
        if name in {function.extension, function.language}:
            reading.add(Verb.DESTROY, reading.function_object(function.schema, function.name), Reach.ALL)
            gathered.function(function.schema, function.name)
    for type_ in (each for same in reading.catalog.types.values() for each in same):
        if type_.extension == name:
            gathered.type(type_.schema, type_.name)
    _say(reading, gathered, gathered.gone)


def _say(reading: Reading, gathered: Cascade, gone: list[Relation]) -> None:
    named = [f"`{relation.object}`" for relation in gone] + gathered.lost
    if named:
        reading.note(FindingCode.CASCADES, f"CASCADE also drops {', '.join(dict.fromkeys(named))}")


def drop_role(reading: Reading, inner: Node) -> Outputs:
    """DROP ROLE."""
    reading.ddl = reading.writes = True
    for wrapped in nodes(inner, "roles"):
        _, role = unwrap(wrapped)
        reading.add(Verb.DESTROY, reading.object(ObjectKind.ROLE, role_name(reading, role)), Reach.ALL)
    return []


def drop_owned(reading: Reading, inner: Node) -> Outputs:
    """DROP OWNED drops everything of a role in this database, and its rights on the rest."""
    changes_structure(reading)
    message = "DROP OWNED drops everything that a role owns; drop the objects you mean"
    reading.add(Verb.DESTROY, reading.database(), Reach.ALL, reading.finding(FindingCode.CASCADES, message))
    for object_ in owned(reading, inner):
        reading.add(Verb.DESTROY, object_, Reach.ALL)
    return []


def owned(reading: Reading, inner: Node) -> list[Object]:
    """The tables, views, sequences and schemas of the roles that a statement names."""
    roles = {role_name(reading, unwrap(wrapped)[1]) for wrapped in nodes(inner, "roles")}
    relations = [r.object for r in reading.catalog.all_relations() if r.owner in roles and r.kind in "rpvmfS"]
    schemas = [reading.schema_object(name) for name, owner in reading.catalog.schemas.items() if owner in roles]
    system = {"pg_catalog", "information_schema"}
    return [found for found in (*schemas, *relations) if found.path[1] not in system]


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "DropStmt": drop,
    "DropRoleStmt": drop_role,
    "DropOwnedStmt": drop_owned,
}
