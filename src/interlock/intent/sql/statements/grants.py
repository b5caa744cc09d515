"""GRANT and REVOKE, roles, owners, security labels: who may do what from now on."""

from collections.abc import Callable

from interlock.intent.sql.code.planted import changes_structure, options
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import refuse_by_name
from interlock.intent.sql.statements.drop import owned
from interlock.intent.sql.statements.objects import CODE, object_of, qualified_name, role_name
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, word, words
from interlock.model import FindingCode, ObjectKind, Reach, Verb

# What GRANT ... ON ALL ... IN SCHEMA falls on, as pg_class.relkind; routines are not relations.
_ALL_OF = {"OBJECT_TABLE": frozenset("rpvmf"), "OBJECT_SEQUENCE": frozenset("S")}
# The options of CREATE and ALTER ROLE. With the first a role is above the rules of one database.
_ABOVE = words("superuser isreplication bypassrls createrole createdb")
_MEMBERSHIPS = words("addroleto rolemembers adminmembers")
ROLE_OPTIONS = _ABOVE | _MEMBERSHIPS | words("inherit canlogin connectionlimit password validuntil sysid")


def grant(reading: Reading, inner: Node) -> Outputs:
    """GRANT or REVOKE on objects; on all objects of a schema it falls on the schema and on each of them."""
    changes_structure(reading)
    kind = word(inner, "objtype")
    whole_schema = word(inner, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA"
    columns = [c for w in nodes(inner, "privileges") for c in names(body(w, "AccessPriv") or {}, "cols")]
    for wrapped in nodes(inner, "objects"):
        if whole_schema:
            _all_in_schema(reading, kind, (qualified_name(reading, wrapped) or ("",))[-1])
            continue
        object_ = object_of(reading, kind, wrapped)
        relation = reading.catalog.relation(*object_.path[1:]) if len(object_.path) == 3 else None
        reading.add(Verb.GRANT, object_, Reach.ALL, fields=columns, relation=relation)
    return []


def _all_in_schema(reading: Reading, kind: str, schema: str) -> None:
    reading.add(Verb.GRANT, reading.schema_object(schema), Reach.ALL)
    for relation in reading.catalog.relations.get(schema, {}).values():
        if relation.kind in _ALL_OF.get(kind, ()):
            reading.add(Verb.GRANT, relation.object, Reach.ALL, relation=relation)
    for functions in reading.catalog.functions.values() if kind in CODE else ():
        for function in functions:
            if function.schema == schema:
                reading.add(Verb.GRANT, reading.function_object(schema, function.name), Reach.ALL)


def grant_role(reading: Reading, inner: Node) -> Outputs:
    """GRANT role TO role: membership."""
    reading.ddl = reading.writes = True
    for wrapped in nodes(inner, "granted_roles"):
        role = reading.object(ObjectKind.ROLE, word(body(wrapped, "AccessPriv") or {}, "priv_name"))
        reading.add(Verb.GRANT, role, Reach.ONE)
    return []


def create_role(reading: Reading, inner: Node) -> Outputs:
    """CREATE ROLE: somebody new may come in."""
    reading.ddl = reading.writes = True
    reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, word(inner, "role")), Reach.ONE)
    _role_options(reading, inner)
    return []


def alter_role(reading: Reading, inner: Node) -> Outputs:
    """ALTER ROLE changes what a role may do or how it comes in; ALTER GROUP who belongs to it."""
    reading.ddl = reading.writes = True
    reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, role_name(reading, node(inner, "role") or {})), Reach.ALL)
    _role_options(reading, inner)
    return []


def _role_options(reading: Reading, inner: Node) -> None:
    """Attributes that reach beyond one database, and memberships that come along."""
    given = options(inner, "options")
    for name, option in given.items():
        if name not in ROLE_OPTIONS:
            refuse_by_name(reading, f"role option {name}")
        elif name in _ABOVE and constant(node(option, "arg")):
            message = f"{name.upper().removeprefix('IS')} reaches beyond what any GRANT in this database says"
            finding = reading.finding(FindingCode.UNPROTECTS, message)
            reading.add(Verb.GRANT, reading.object(ObjectKind.TARGET), Reach.ALL, finding)
        elif name in _MEMBERSHIPS:
            for wrapped in nodes(unwrap(node(option, "arg"))[1], "items"):
                member = reading.object(ObjectKind.ROLE, role_name(reading, unwrap(wrapped)[1]))
                reading.add(Verb.GRANT, member, Reach.ONE)


def default_privileges(reading: Reading, inner: Node) -> Outputs:
    """ALTER DEFAULT PRIVILEGES: what is made later is open to others from the start."""
    changes_structure(reading)
    schemas = options(inner, "options").get("schemas")
    listed = nodes(unwrap(node(schemas, "arg"))[1], "items") if schemas is not None else []
    for wrapped in listed:
        reading.add(Verb.GRANT, reading.schema_object(qualified_name(reading, wrapped)[-1]), Reach.ALL)
    if not listed:
        reading.add(Verb.GRANT, reading.database(), Reach.ALL)
    return []


def reassign_owned(reading: Reading, inner: Node) -> Outputs:
    """REASSIGN OWNED hands over everything of a role: a GRANT of each thing that is known to be its."""
    changes_structure(reading)
    message = "REASSIGN OWNED hands over everything that a role owns; change the owner of what you mean"
    reading.add(Verb.GRANT, reading.database(), Reach.ALL, reading.finding(FindingCode.CASCADES, message))
    for object_ in owned(reading, inner):
        reading.add(Verb.GRANT, object_, Reach.ALL)
    heir = role_name(reading, node(inner, "newrole") or {})
    reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, heir), Reach.ONE)
    return []


def change_owner(reading: Reading, inner: Node) -> Outputs:
    """OWNER TO hands over every right on an object."""
    changes_structure(reading)
    kind, holder = word(inner, "objectType"), node(inner, "relation")
    wrapped: Node = {"RangeVar": holder} if holder is not None else node(inner, "object") or {}
    reading.add(Verb.GRANT, object_of(reading, kind, wrapped), Reach.ALL)
    return []


def label(reading: Reading, inner: Node) -> Outputs:
    """SECURITY LABEL: a module of the server decides by it who may do what, or what is masked."""
    changes_structure(reading)
    reading.add(Verb.GRANT, object_of(reading, word(inner, "objtype"), node(inner, "object") or {}), Reach.ALL)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "GrantStmt": grant,
    "GrantRoleStmt": grant_role,
    "CreateRoleStmt": create_role,
    "AlterRoleStmt": alter_role,
    "AlterDefaultPrivilegesStmt": default_privileges,
    "ReassignOwnedStmt": reassign_owned,
    "AlterOwnerStmt": change_owner,
    "SecLabelStmt": label,
}
