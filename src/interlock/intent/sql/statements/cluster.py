"""Databases, tablespaces and what rebuilds them: structure of the whole server, mostly outside of any transaction."""

from collections.abc import Callable

from interlock.intent.sql.code.planted import changes_structure, options, outside_transaction
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements.objects import database_named, named_object, role_name
from interlock.intent.sql.statements.standing import text_of
from interlock.intent.sql.tree import Node, node, word
from interlock.model import FindingCode, ObjectKind, Reach, Verb

_EMPTY_TEMPLATES = frozenset({"template0", "template1", ""})
_ON = frozenset({"true", "on", "1", ""})


def create_database(reading: Reading, inner: Node) -> Outputs:
    """CREATE DATABASE copies a whole template: one that holds data leaves for a place with other rights."""
    reading.ddl = reading.writes = True
    outside_transaction(reading, "CREATE DATABASE")
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ONE)
    given = options(inner, "options")
    template = text_of(node(given.get("template", {}), "arg") or {})
    if template not in _EMPTY_TEMPLATES:
        finding = reading.finding(FindingCode.CASCADES, "everything in the template is copied, past every right on it")
        reading.add(Verb.EXPORT, database_named(reading, template), Reach.ALL, finding)
    if "owner" in given:
        reading.add(Verb.GRANT, reading.object(ObjectKind.DATABASE, word(inner, "dbname")), Reach.ALL)
    return []


def alter_database(reading: Reading, inner: Node) -> Outputs:
    """ALTER DATABASE: who may connect, how many, and where its files lie."""
    reading.ddl = reading.writes = True
    object_ = database_named(reading, word(inner, "dbname"))
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    given = options(inner, "options")
    if "tablespace" in given:
        outside_transaction(reading, "ALTER DATABASE ... SET TABLESPACE")
    if text_of(node(given.get("is_template", {"arg": {"String": {"sval": "false"}}}), "arg") or {}).lower() in _ON:
        finding = reading.finding(FindingCode.UNPROTECTS, "whoever may create databases may copy a template whole")
        reading.add(Verb.GRANT, object_, Reach.ALL, finding)
    return []


def refresh_collation(reading: Reading, inner: Node) -> Outputs:
    """ALTER DATABASE ... REFRESH COLLATION VERSION: the warning about sorted indexes goes away."""
    reading.ddl = reading.writes = True
    reading.add(Verb.CONFIGURE, database_named(reading, word(inner, "dbname")), Reach.ONE)
    return []


def drop_database(reading: Reading, inner: Node) -> Outputs:
    """DROP DATABASE; FORCE ends the sessions in it first."""
    reading.ddl = reading.writes = True
    outside_transaction(reading, "DROP DATABASE")
    object_ = database_named(reading, word(inner, "dbname"))
    reading.add(Verb.DESTROY, object_, Reach.ALL)
    if "force" in options(inner, "options"):
        reading.note(FindingCode.CASCADES, f"FORCE ends every session in `{object_}`")
    return []


def create_tablespace(reading: Reading, inner: Node) -> Outputs:
    """CREATE TABLESPACE: a directory of the server that tables may be moved to."""
    reading.ddl = reading.writes = True
    outside_transaction(reading, "CREATE TABLESPACE")
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ONE)
    finding = reading.finding(FindingCode.DANGEROUS_FUNCTION, "rows will be stored in a directory that the text names")
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.FILE, "server"), Reach.ONE, finding)
    owner = node(inner, "owner")
    if owner is not None:
        reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, role_name(reading, owner)), Reach.ONE)
    return []


def drop_tablespace(reading: Reading, inner: Node) -> Outputs:
    """DROP TABLESPACE, which must be empty."""
    reading.ddl = reading.writes = True
    outside_transaction(reading, "DROP TABLESPACE")
    object_ = named_object(reading, "OBJECT_TABLESPACE", (word(inner, "tablespacename"),))
    reading.add(Verb.DESTROY, object_, Reach.ALL)
    return []


def alter_tablespace(reading: Reading, inner: Node) -> Outputs:
    """ALTER TABLESPACE SET or RESET: what the planner thinks of its disks."""
    reading.ddl = reading.writes = True
    object_ = named_object(reading, "OBJECT_TABLESPACE", (word(inner, "tablespacename"),))
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    return []


def move_all(reading: Reading, inner: Node) -> Outputs:
    """ALTER TABLE ALL IN TABLESPACE: every table there is locked and written anew elsewhere."""
    changes_structure(reading)
    for key in ("orig_tablespacename", "new_tablespacename"):
        reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_TABLESPACE", (word(inner, key),)), Reach.ALL)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL)
    return []


def reindex(reading: Reading, inner: Node) -> Outputs:
    """REINDEX and CLUSTER rebuild what is there, running index functions on the way."""
    reading.writes = True
    if "concurrently" in options(inner, "params"):
        outside_transaction(reading, "rebuilding CONCURRENTLY")
    holder = node(inner, "relation")
    if holder is None:
        _rebuild_many(reading, inner)
        return []
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    for by, schema, name in relation.code if relation is not None else ():
        if by == "index":
            reading.user_code(schema, name, f"an index of `{object_}`")
    return []


def _rebuild_many(reading: Reading, inner: Node) -> None:
    whole = word(inner, "kind") != "REINDEX_OBJECT_SCHEMA"
    outside_transaction(reading, f"rebuilding a whole {'database' if whole else 'schema'}")
    object_ = reading.database() if whole else reading.schema_object(word(inner, "name"))
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    for relation in reading.catalog.all_relations():
        if whole or relation.schema == word(inner, "name"):
            for by, schema, name in relation.code:
                if by == "index":
                    reading.user_code(schema, name, f"an index of `{relation.name}`")


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreatedbStmt": create_database,
    "AlterDatabaseStmt": alter_database,
    "AlterDatabaseRefreshCollStmt": refresh_collation,
    "DropdbStmt": drop_database,
    "CreateTableSpaceStmt": create_tablespace,
    "DropTableSpaceStmt": drop_tablespace,
    "AlterTableSpaceOptionsStmt": alter_tablespace,
    "AlterTableMoveAllStmt": move_all,
    "ReindexStmt": reindex,
    "ClusterStmt": reindex,
}
