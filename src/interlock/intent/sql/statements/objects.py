"""What an ALTER, DROP, COMMENT or GRANT names: every kind of object of the grammar as an object of ours."""

from collections.abc import Callable

from interlock.intent.sql.reading import Reading
from interlock.intent.sql.refusals import refuse_by_name
from interlock.intent.sql.tree import Node, body, names, nodes, unwrap, word, wrapped_names
from interlock.model import Object, ObjectKind

RELATIONS = {
    "OBJECT_TABLE": ObjectKind.TABLE,
    "OBJECT_FOREIGN_TABLE": ObjectKind.TABLE,
    "OBJECT_MATVIEW": ObjectKind.TABLE,
    "OBJECT_VIEW": ObjectKind.VIEW,
    "OBJECT_INDEX": ObjectKind.INDEX,
    "OBJECT_SEQUENCE": ObjectKind.SEQUENCE,
}
# Parts of a table, named (schema, table, name): they hold its rows, guard it or act for it.
PARTS = frozenset({"OBJECT_COLUMN", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY", "OBJECT_TABCONSTRAINT"})
TYPES = frozenset({"OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_ATTRIBUTE", "OBJECT_DOMCONSTRAINT"})
CODE = frozenset({"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE", "OBJECT_OPERATOR"})
# Definitions that stand in a schema.
_IN_SCHEMA = frozenset(
    {
        "OBJECT_COLLATION", "OBJECT_CONVERSION", "OBJECT_STATISTIC_EXT", "OBJECT_OPCLASS", "OBJECT_OPFAMILY",
        "OBJECT_TSCONFIGURATION", "OBJECT_TSDICTIONARY", "OBJECT_TSPARSER", "OBJECT_TSTEMPLATE",
    }
)  # fmt: skip
# Definitions that stand in a database or a cluster: their name begins with what they are.
_AT_LARGE = {
    "OBJECT_ACCESS_METHOD": "access method",
    "OBJECT_CAST": "cast",
    "OBJECT_EVENT_TRIGGER": "event trigger",
    "OBJECT_EXTENSION": "extension",
    "OBJECT_LANGUAGE": "language",
    "OBJECT_TABLESPACE": "tablespace",
    "OBJECT_TRANSFORM": "transform",
}
_LINKS = {
    "OBJECT_FDW": "wrapper",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_PUBLICATION": "publication",
    "OBJECT_SUBSCRIPTION": "subscription",
}


def qualified_name(reading: Reading, wrapped: Node) -> tuple[str, ...]:
    """The name of a dropped or altered object, from whatever node holds it."""
    kind, inner = unwrap(wrapped)
    if kind == "RangeVar":
        return tuple(part for part in (word(inner, "schemaname"), word(inner, "relname")) if part)
    if kind == "RoleSpec":
        return (role_name(reading, inner),)
    if kind in {"Integer", "Float"}:
        return (str(inner.get("ival") or inner.get("fval") or 0),)
    if kind == "List":
        typed = [names(part, "names") for item in nodes(inner, "items") if (part := body(item, "TypeName")) is not None]
        if typed:
            # A cast or a transform: types first, then the name of a language.
            return (*(name[-1] for name in typed), *(part for part in names(inner, "items") if part))
    return wrapped_names(wrapped)


def object_of(reading: Reading, kind: str, wrapped: Node) -> Object:
    """The object of this grammar kind that a node names."""
    if kind == "OBJECT_DOMCONSTRAINT":
        _, inner = unwrap(wrapped)
        domain = next((part for item in nodes(inner, "items") if (part := body(item, "TypeName")) is not None), None)
        return named_object(reading, kind, wrapped_names(wrapped) if domain is None else names(domain, "names"))
    holder = body(wrapped, "RangeVar")
    if holder is not None and kind in RELATIONS:
        # What was found is what the target will be told to take.
        reading.named(holder)
    return named_object(reading, kind, qualified_name(reading, wrapped))


def role_name(reading: Reading, inner: Node) -> str:
    """The name in a RoleSpec; CURRENT_USER and its like are the session's own, PUBLIC is everybody."""
    kind = word(inner, "roletype").removeprefix("ROLESPEC_").lower()
    if kind in _OWN:
        return reading.scope.user or kind
    return word(inner, "rolename") or kind or "*"


_OWN = frozenset({"current_role", "current_user", "session_user"})


def named_object(reading: Reading, kind: str, qualified: tuple[str, ...]) -> Object:
    """The object of this grammar kind and name; unknown where the catalogue could know it and does not."""
    if kind in PARTS:
        kind, qualified = "OBJECT_TABLE", qualified[:-1]
    schema, name = (qualified[-2] if len(qualified) > 1 else ""), (qualified[-1] if qualified else "")
    if kind in RELATIONS:
        relation = reading.resolve(schema, name)
        if relation is not None:
            return relation.object
        return reading.object(RELATIONS[kind], reading.creation_schema(schema), name, known=False)
    if kind in TYPES:
        return _type(reading, schema, name)
    if kind in CODE:
        return _code(reading, kind, schema, name)
    if kind in _IN_SCHEMA:
        return reading.object(ObjectKind.DEFINITION, reading.creation_schema(schema), name)
    if kind in _AT_LARGE:
        return reading.object(ObjectKind.DEFINITION, f"{_AT_LARGE[kind]} {' for '.join(qualified)}")
    if kind in _LINKS:
        return link(reading, _LINKS[kind], name)
    found = _PLAIN.get(kind)
    if found is not None:
        return found(reading, name)
    refuse_by_name(reading, kind or "object")
    return reading.object(ObjectKind.UNKNOWN, reading.creation_schema(schema), name)


def link(reading: Reading, what: str, name: str) -> Object:
    """A server, wrapper, publication or subscription: its name begins with what it is."""
    return reading.object(ObjectKind.LINK, f"{what} {name}")


def database_named(reading: Reading, name: str) -> Object:
    """The database of this session, or another one of its server."""
    return reading.database() if name in {"", reading.catalog.database} else reading.object(ObjectKind.DATABASE, name)


def _large_object(reading: Reading, name: str) -> Object:
    return reading.object(ObjectKind.UNKNOWN, "pg_catalog", f"large object {name}")


_PLAIN: dict[str, Callable[[Reading, str], Object]] = {
    "OBJECT_SCHEMA": lambda reading, name: reading.schema_object(name),
    "OBJECT_DATABASE": database_named,
    "OBJECT_ROLE": lambda reading, name: reading.object(ObjectKind.ROLE, name),
    "OBJECT_PARAMETER_ACL": lambda reading, name: reading.object(ObjectKind.SETTING, name.lower()),
    "OBJECT_LARGEOBJECT": _large_object,
}
KINDS = PARTS.union(RELATIONS, TYPES, CODE, _IN_SCHEMA, _AT_LARGE, _LINKS, _PLAIN)


def _type(reading: Reading, schema: str, name: str) -> Object:
    found = [
        t.schema
        for t in reading.catalog.types.get(name, ())
        if t.schema == schema or (not schema and t.schema in reading.path)
    ]
    home = found[0] if found else reading.creation_schema(schema)
    return reading.object(ObjectKind.TYPE, home, name, known=bool(found))


def _code(reading: Reading, kind: str, schema: str, name: str) -> Object:
    held = reading.catalog.operators if kind == "OBJECT_OPERATOR" else reading.catalog.functions
    homes = [f.schema for f in held.get(name, ()) if f.schema == schema or (not schema and f.schema in reading.path)]
    return reading.function_object(homes[0] if homes else reading.creation_schema(schema), name, known=bool(homes))
