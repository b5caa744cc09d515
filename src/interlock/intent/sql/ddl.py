"""CREATE: structure that appears. The holder is configured: a table configures its schema, an index its table."""

from collections.abc import Callable

from interlock.intent.sql import alter, drop, grants
from interlock.intent.sql.definitions import code_kept, constraint, definition, event_triggers
from interlock.intent.sql.expressions import query, walk
from interlock.intent.sql.names import Level
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.select import add_relation
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, unwrap, word
from interlock.intent.sql.utility import create_table_as
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb


def create_table(reading: Reading, inner: Node) -> Outputs:
    """CREATE TABLE, partitions and foreign keys included: what it is attached to changes too."""
    holder = node(inner, "relation") or {}
    configure_schema(reading, _home(reading, holder))
    for wrapped in nodes(inner, "tableElts"):
        kind, element = unwrap(wrapped)
        if kind == "ColumnDef":
            definition(reading, None, element)
        elif kind == "Constraint":
            constraint(reading, None, element)
        elif kind == "TableLikeClause":
            read_structure(reading, node(element, "relation") or {})
        else:
            reading.unmapped(kind)
    for wrapped in nodes(inner, "inhRelations"):
        parent = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(parent)
        reading.add(Verb.CONFIGURE, object_, Reach.ONE, relation=relation)
    partition = node(inner, "partspec")
    if partition is not None:
        for wrapped in nodes(partition, "partParams"):
            walk(reading, None, (body(wrapped, "PartitionElem") or {}).get("expr"))
    bounds = node(inner, "partbound")
    if bounds is not None:
        walk(reading, None, [bounds.get(key) for key in ("listdatums", "lowerdatums", "upperdatums")])
    return []


def configure_schema(reading: Reading, schema: str) -> None:
    """Something appears in a schema."""
    reading.ddl = reading.writes = True
    reading.add(Verb.CONFIGURE, reading.schema_object(schema), Reach.ONE)
    event_triggers(reading)


def _home(reading: Reading, holder: Node) -> str:
    if word(holder, "relpersistence") == "t":
        return "pg_temp"
    return reading.creation_schema(word(holder, "schemaname"))


def read_structure(reading: Reading, holder: Node) -> None:
    """LIKE reads another table's columns, not its rows."""
    relation, object_ = reading.named(holder)
    reading.add(Verb.READ, object_, Reach.ONE, relation=relation)


def create_schema(reading: Reading, inner: Node) -> Outputs:
    """CREATE SCHEMA, with what is made inside it."""
    reading.ddl = reading.writes = True
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ONE)
    event_triggers(reading)
    name = word(inner, "schemaname")
    if "schemaElts" in inner:
        reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SCHEMA, name), Reach.ONE)
    for wrapped in nodes(inner, "schemaElts"):
        kind, element = unwrap(wrapped)
        function = STATEMENTS.get(kind)
        if function is None or kind == "CreateSchemaStmt":
            reading.unmapped(kind)
            continue
        holder = next((h for key in ("relation", "view", "sequence") if (h := node(element, key)) is not None), None)
        if holder is not None and not word(holder, "schemaname"):
            holder["schemaname"] = name
        function(reading, element)
    return []


def create_view(reading: Reading, inner: Node) -> Outputs:
    """CREATE VIEW: whoever may read the view reads what its query reads; the query is not run."""
    holder = node(inner, "view") or {}
    home = _home(reading, holder)
    configure_schema(reading, home)
    replaced = reading.catalog.relation(home, word(holder, "relname")) if flag(inner, "replace") else None
    if replaced is not None:
        reading.add(Verb.CONFIGURE, replaced.object, Reach.ALL, relation=replaced)
    query(reading, None, node(inner, "query"))
    return []


def create_index(reading: Reading, inner: Node) -> Outputs:
    """CREATE INDEX reads the whole table and runs the functions of its expressions, now and at every write."""
    holder = node(inner, "relation") or {}
    relation, object_ = reading.named(holder)
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    level = Level(None)
    add_relation(reading, level, holder, written=True)
    before = len(reading.effects())
    for wrapped in [*nodes(inner, "indexParams"), *nodes(inner, "indexIncludingParams")]:
        walk(reading, level, (body(wrapped, "IndexElem") or {}).get("expr"))
    walk(reading, level, inner.get("whereClause"))
    code_kept(reading, before, "an index")
    if flag(inner, "concurrent"):
        outside_transaction(reading, "CREATE INDEX CONCURRENTLY")
    return []


def outside_transaction(reading: Reading, what: str) -> None:
    """It cannot run inside a transaction block, so nothing can be measured before it lands."""
    reading.transactional = False
    reading.note(FindingCode.OUTSIDE_TRANSACTION, f"{what} cannot run inside a transaction, so it cannot be measured")


def create_sequence(reading: Reading, inner: Node) -> Outputs:
    """CREATE SEQUENCE."""
    configure_schema(reading, _home(reading, node(inner, "sequence") or {}))
    return []


def _named(key: str) -> Callable[[Reading, Node], Outputs]:
    """CREATE of a type, whose name is a list under `key`."""

    def handle(reading: Reading, inner: Node) -> Outputs:
        qualified = names(inner, key)
        configure_schema(reading, reading.creation_schema(qualified[-2] if len(qualified) > 1 else ""))
        return []

    return handle


def create_composite(reading: Reading, inner: Node) -> Outputs:
    """CREATE TYPE ... AS (...)."""
    configure_schema(reading, _home(reading, node(inner, "typevar") or {}))
    for wrapped in nodes(inner, "coldeflist"):
        definition(reading, None, body(wrapped, "ColumnDef") or {})
    return []


def create_domain(reading: Reading, inner: Node) -> Outputs:
    """CREATE DOMAIN: its checks run wherever a value takes the type."""
    qualified = names(inner, "domainname")
    configure_schema(reading, reading.creation_schema(qualified[-2] if len(qualified) > 1 else ""))
    before = len(reading.effects())
    for wrapped in nodes(inner, "constraints"):
        constraint(reading, None, body(wrapped, "Constraint") or {})
    code_kept(reading, before, "a domain")
    return []


def create_function(reading: Reading, inner: Node) -> Outputs:
    """CREATE FUNCTION plants code that others will run: EXECUTE for everyone, later (threats.md 16)."""
    qualified = names(inner, "funcname")
    schema = reading.creation_schema(qualified[-2] if len(qualified) > 1 else "")
    configure_schema(reading, schema)
    message = "a new function runs for whoever calls it, as whoever it says; it wants a second pair of eyes"
    finding = reading.finding(FindingCode.USER_CODE, message)
    reading.add(Verb.EXECUTE, reading.function_object(schema, qualified[-1]), Reach.ALL, finding)
    return []


def create_trigger(reading: Reading, inner: Node) -> Outputs:
    """CREATE TRIGGER attaches code to every later write of a table."""
    holder = node(inner, "relation") or {}
    relation, object_ = reading.named(holder)
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    qualified = names(inner, "funcname")
    schema = qualified[-2] if len(qualified) > 1 else _schema_of_function(reading, qualified[-1])
    message = f"the trigger makes every later write of `{word(holder, 'relname')}` run this function"
    finding = reading.finding(FindingCode.USER_CODE, message)
    reading.add(Verb.EXECUTE, reading.function_object(schema, qualified[-1]), Reach.ALL, finding)
    return []


def _schema_of_function(reading: Reading, name: str) -> str:
    found = {function.schema for function in reading.catalog.functions.get(name, ())}
    return next((schema for schema in reading.path if schema in found), reading.creation_schema(""))


def create_statistics(reading: Reading, inner: Node) -> Outputs:
    """CREATE STATISTICS looks at a table's columns; ANALYZE runs its expressions."""
    reading.ddl = reading.writes = True
    for wrapped in nodes(inner, "relations"):
        holder = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(holder)
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        level = Level(None)
        add_relation(reading, level, holder, written=True)
        for element in nodes(inner, "exprs"):
            walk(reading, level, (body(element, "StatsElem") or {}).get("expr"))
    return []


def comment(reading: Reading, inner: Node) -> Outputs:
    """COMMENT describes an object; it changes the catalogue and nothing that runs."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    reading.add(Verb.CONFIGURE, object_of(reading, word(inner, "objtype"), node(inner, "object") or {}), Reach.ONE)
    return []


def object_of(reading: Reading, kind: str, wrapped: Node) -> Object:
    """The object that COMMENT names."""
    qualified = drop.qualified_name(wrapped)
    if kind in {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"}:
        qualified, kind = qualified[:-1], "OBJECT_TABLE"
    return drop.named_object(reading, kind, qualified)


def create_extension(reading: Reading, inner: Node) -> Outputs:
    """CREATE EXTENSION runs a script of the server, often as superuser."""
    reading.ddl = reading.writes = True
    event_triggers(reading)
    finding = reading.finding(FindingCode.USER_CODE, "an extension runs its script and brings code of its own")
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL, finding)
    reading.add(Verb.EXECUTE, reading.function_object("extension", word(inner, "extname")), Reach.ALL, finding)
    return []


def create_role(reading: Reading, inner: Node) -> Outputs:
    """CREATE ROLE: somebody new may come in."""
    reading.ddl = reading.writes = True
    reading.add(Verb.GRANT, reading.object(ObjectKind.ROLE, word(inner, "role")), Reach.ONE)
    return []


def create_database(reading: Reading, inner: Node) -> Outputs:
    """CREATE DATABASE copies a whole template."""
    reading.ddl = reading.writes = True
    outside_transaction(reading, "CREATE DATABASE")
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ONE)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreateStmt": create_table,
    "CreateTableAsStmt": create_table_as,
    "CreateSchemaStmt": create_schema,
    "ViewStmt": create_view,
    "IndexStmt": create_index,
    "CreateSeqStmt": create_sequence,
    "CreateEnumStmt": _named("typeName"),
    "CompositeTypeStmt": create_composite,
    "CreateDomainStmt": create_domain,
    "CreateFunctionStmt": create_function,
    "CreateTrigStmt": create_trigger,
    "CreateStatsStmt": create_statistics,
    "CreateExtensionStmt": create_extension,
    "CreateRoleStmt": create_role,
    "CreatedbStmt": create_database,
    "CommentStmt": comment,
    **alter.STATEMENTS,
    **drop.STATEMENTS,
    **grants.STATEMENTS,
}
