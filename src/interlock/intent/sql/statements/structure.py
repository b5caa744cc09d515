"""CREATE of what holds rows. The holder is configured: a table configures its schema, an index its table."""

from collections.abc import Callable

from interlock.intent.sql.code.planted import attach_function, changes_structure, outside_transaction
from interlock.intent.sql.queries.expressions import query, walk
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements.definitions import code_kept, constraint, definition
from interlock.intent.sql.statements.grants import grant
from interlock.intent.sql.statements.objects import named_object, object_of, role_name
from interlock.intent.sql.statements.select import add_relation
from interlock.intent.sql.statements.stored_code import create_trigger
from interlock.intent.sql.statements.utility import create_table_as
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, number, unwrap, word
from interlock.model import Object, ObjectKind, Reach, Verb


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
            read_structure(reading, node(element, "relation") or {}, number(element, "options"))
        else:
            reading.unmapped(kind)
    for wrapped in nodes(inner, "inhRelations"):
        parent = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(parent)
        reading.add(Verb.CONFIGURE, object_, Reach.ONE, relation=relation)
    partition = node(inner, "partspec")
    if partition is not None:
        before = len(reading.effects())
        for wrapped in nodes(partition, "partParams"):
            walk(reading, None, (body(wrapped, "PartitionElem") or {}).get("expr"))
        code_kept(reading, before, "a partition key")
    bounds = node(inner, "partbound")
    if bounds is not None:
        walk(reading, None, [bounds.get(key) for key in ("listdatums", "lowerdatums", "upperdatums")])
    return []


def configure_schema(reading: Reading, schema: str) -> None:
    """Something appears in a schema."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.schema_object(schema), Reach.ONE)


def _home(reading: Reading, holder: Node) -> str:
    if word(holder, "relpersistence") == "t":
        return "pg_temp"
    return reading.creation_schema(word(holder, "schemaname"))


def read_structure(reading: Reading, holder: Node, included: int) -> None:
    """LIKE reads another table's columns, not its rows; INCLUDING takes its defaults and checks over, code and all."""
    relation, object_ = reading.named(holder)
    reading.add(Verb.READ, object_, Reach.ONE, relation=relation)
    for by, schema, name in relation.code if relation is not None and included else ():
        if by in _COPIED:
            attach_function(reading, (schema, name), f"the {by} of the new table keeps it")


_COPIED = frozenset({"default", "check", "index"})


def create_schema(reading: Reading, inner: Node) -> Outputs:
    """CREATE SCHEMA, with what is made inside it."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.database(), Reach.ONE)
    name = word(inner, "schemaname") or role_name(reading, node(inner, "authrole") or {})
    new = reading.object(ObjectKind.SCHEMA, name)
    if "schemaElts" in inner:
        reading.add(Verb.CONFIGURE, new, Reach.ONE)
    made: set[str] = set()
    for wrapped in nodes(inner, "schemaElts"):
        kind, element = unwrap(wrapped)
        function = _ELEMENTS.get(kind)
        if function is None:
            reading.unmapped(kind)
            continue
        holder = next((h for key in ("relation", "view", "sequence") if (h := node(element, key)) is not None), {})
        if kind not in _UPON:
            made.add(word(holder, "relname"))
        elif made.intersection(_named(kind, element)):
            _upon_new(reading, new, kind, element)
            continue
        function(reading, {**element, **_placed(element, name)})
    return []


def _placed(element: Node, schema: str) -> Node:
    """An element of CREATE SCHEMA with its own name qualified by the new schema."""
    found: Node = {}
    for key in ("relation", "view", "sequence"):
        holder = node(element, key)
        if holder is not None and not word(holder, "schemaname"):
            found[key] = {**holder, "schemaname": schema}
    return found


def _named(kind: str, element: Node) -> set[str]:
    """The unqualified tables that an index, a trigger or a grant is about."""
    if kind == "GrantStmt":
        holders = [body(wrapped, "RangeVar") or {} for wrapped in nodes(element, "objects")]
    else:
        holders = [node(element, "relation") or {}]
    return {word(holder, "relname") for holder in holders if not word(holder, "schemaname")}


def _upon_new(reading: Reading, new: Object, kind: str, element: Node) -> None:
    """An index, a trigger or a grant on a table that the same statement makes: no catalogue knows it yet."""
    if kind == "GrantStmt":
        reading.add(Verb.GRANT, new, Reach.ALL)
        return
    before = len(reading.effects())
    for wrapped in nodes(element, "indexParams"):
        walk(reading, None, (body(wrapped, "IndexElem") or {}).get("expr"))
    walk(reading, None, [element.get("whereClause"), element.get("whenClause")])
    code_kept(reading, before, "a new table")
    attach_function(reading, names(element, "funcname"), "every write of the new table runs it")


def create_view(reading: Reading, inner: Node) -> Outputs:
    """CREATE VIEW: whoever may read the view reads what its query reads; the query is not run."""
    holder = node(inner, "view") or {}
    home = _home(reading, holder)
    configure_schema(reading, home)
    replaced = reading.catalog.relation(home, word(holder, "relname")) if flag(inner, "replace") else None
    if replaced is not None:
        reading.add(Verb.CONFIGURE, replaced.object, Reach.ALL, relation=replaced)
    before = len(reading.effects())
    query(reading, None, node(inner, "query"))
    code_kept(reading, before, "a view")
    return []


def create_index(reading: Reading, inner: Node) -> Outputs:
    """CREATE INDEX reads the whole table and runs the functions of its expressions, now and at every write."""
    holder = node(inner, "relation") or {}
    relation, object_ = reading.named(holder)
    changes_structure(reading)
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


def create_sequence(reading: Reading, inner: Node) -> Outputs:
    """CREATE SEQUENCE."""
    configure_schema(reading, _home(reading, node(inner, "sequence") or {}))
    return []


def create_statistics(reading: Reading, inner: Node) -> Outputs:
    """CREATE STATISTICS looks at a table's columns; ANALYZE runs its expressions."""
    changes_structure(reading)
    for wrapped in nodes(inner, "relations"):
        holder = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(holder)
        reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
        level = Level(None)
        add_relation(reading, level, holder, written=True)
        for element in nodes(inner, "exprs"):
            walk(reading, level, (body(element, "StatsElem") or {}).get("expr"))
    return []


def alter_statistics(reading: Reading, inner: Node) -> Outputs:
    """ALTER STATISTICS: how much ANALYZE looks at."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, named_object(reading, "OBJECT_STATISTIC_EXT", names(inner, "defnames")), Reach.ONE)
    return []


def comment(reading: Reading, inner: Node) -> Outputs:
    """COMMENT describes an object; it changes the catalogue and nothing that runs."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, object_of(reading, word(inner, "objtype"), node(inner, "object") or {}), Reach.ONE)
    return []


_UPON = frozenset({"IndexStmt", "CreateTrigStmt", "GrantStmt"})
# What CREATE SCHEMA may hold (commands/schemacmds.c).
_ELEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreateStmt": create_table,
    "ViewStmt": create_view,
    "IndexStmt": create_index,
    "CreateSeqStmt": create_sequence,
    "CreateTrigStmt": create_trigger,
    "GrantStmt": grant,
}
STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreateStmt": create_table,
    "CreateTableAsStmt": create_table_as,
    "CreateSchemaStmt": create_schema,
    "ViewStmt": create_view,
    "IndexStmt": create_index,
    "CreateSeqStmt": create_sequence,
    "CreateStatsStmt": create_statistics,
    "AlterStatsStmt": alter_statistics,
    "CommentStmt": comment,
}
