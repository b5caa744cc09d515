"""GRANT and REVOKE: who may do what from now on."""

from collections.abc import Callable

from interlock.intent.sql.definitions import event_triggers
from interlock.intent.sql.drop import named_object, qualified_name
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.tree import Node, body, names, nodes, unwrap, word
from interlock.model import ObjectKind, Reach, Verb


def grant(reading: Reading, inner: Node) -> Outputs:
    """GRANT or REVOKE on objects; on all objects of a schema it falls on the schema."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    kind = word(inner, "objtype")
    whole_schema = word(inner, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA"
    columns = [c for w in nodes(inner, "privileges") for c in names(body(w, "AccessPriv") or {}, "cols")]
    for wrapped in nodes(inner, "objects"):
        qualified = qualified_name(wrapped)
        object_ = named_object(reading, "OBJECT_SCHEMA" if whole_schema else kind, qualified)
        if (holder := body(wrapped, "RangeVar")) is not None:
            reading.named(holder)
        relation = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
        reading.add(Verb.GRANT, object_, Reach.ALL, fields=columns, relation=relation)
    return []


def grant_role(reading: Reading, inner: Node) -> Outputs:
    """GRANT role TO role: membership."""
    reading.ddl = reading.writes = True
    for wrapped in nodes(inner, "granted_roles"):
        role = reading.object(ObjectKind.ROLE, word(body(wrapped, "AccessPriv") or {}, "priv_name"))
        reading.add(Verb.GRANT, role, Reach.ONE)
    return []


def alter_role(reading: Reading, inner: Node) -> Outputs:
    """ALTER ROLE changes what a role may do or how it comes in."""
    reading.ddl = reading.writes = True
    _, role = unwrap({"RoleSpec": inner.get("role")})
    reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, word(role, "rolename") or "*"), Reach.ALL)
    return []


def default_privileges(reading: Reading, inner: Node) -> Outputs:
    """ALTER DEFAULT PRIVILEGES: what is made later is open to others from the start."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.GRANT, reading.database(), Reach.ALL)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "GrantStmt": grant,
    "GrantRoleStmt": grant_role,
    "AlterRoleStmt": alter_role,
    "AlterDefaultPrivilegesStmt": default_privileges,
}
