"""Where data goes out or comes in by itself: foreign wrappers, servers and tables, publications, subscriptions."""

from collections.abc import Callable, Iterable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.planted import attach_options, changes_structure, options, outside_transaction
from interlock.intent.sql.queries.expressions import walk
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import refuse_by_name
from interlock.intent.sql.statements.objects import link
from interlock.intent.sql.statements.select import add_relation
from interlock.intent.sql.statements.standing import text_of
from interlock.intent.sql.statements.structure import create_table
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, word, words
from interlock.model import FindingCode, Reach, Verb

_WRAPPER_CODE = words("handler validator")
_PUBLISHED = frozenset("rp")
_OFF = frozenset({"false", "off", "0"})


def _wrapper(reach: Reach) -> Callable[[Reading, Node], Outputs]:
    def handle(reading: Reading, inner: Node) -> Outputs:
        changes_structure(reading)
        name = word(inner, "fdwname")
        reading.add(Verb.CONFIGURE, link(reading, "wrapper", name), reach)
        attach_options(
            reading, options(inner, "func_options"), _WRAPPER_CODE, f"every server of `{name}` is reached through it"
        )
        return []

    return handle


def _server(reach: Reach) -> Callable[[Reading, Node], Outputs]:
    def handle(reading: Reading, inner: Node) -> Outputs:
        changes_structure(reading)
        message = "what is written to tables of a foreign server leaves this database, past every counter here"
        finding = reading.finding(FindingCode.OUTSIDE_TRANSACTION, message)
        reading.add(Verb.CONFIGURE, link(reading, "server", word(inner, "servername")), reach, finding)
        return []

    return handle


def user_mapping(reading: Reading, inner: Node) -> Outputs:
    """CREATE, ALTER and DROP USER MAPPING: as whom somebody of here is known there."""
    changes_structure(reading)
    reading.add(Verb.GRANT, link(reading, "server", word(inner, "servername")), Reach.ONE)
    return []


def create_foreign_table(reading: Reading, inner: Node) -> Outputs:
    """CREATE FOREIGN TABLE: a table here whose rows are elsewhere."""
    create_table(reading, node(inner, "base") or {})
    reading.add(Verb.CONFIGURE, link(reading, "server", word(inner, "servername")), Reach.ONE)
    return []


IMPORTED = {
    "FDW_IMPORT_SCHEMA_ALL": Reach.ALL,
    "FDW_IMPORT_SCHEMA_EXCEPT": Reach.ALL,
    "FDW_IMPORT_SCHEMA_LIMIT_TO": Reach.SOME,
}


def import_schema(reading: Reading, inner: Node) -> Outputs:
    """IMPORT FOREIGN SCHEMA makes foreign tables of whatever the server lists."""
    changes_structure(reading)
    reach = IMPORTED.get(word(inner, "list_type"))
    if reach is None:
        refuse_by_name(reading, word(inner, "list_type"))
        return []
    reading.add(Verb.READ, link(reading, "server", word(inner, "server_name")), reach)
    reading.add(Verb.CONFIGURE, reading.schema_object(word(inner, "local_schema")), reach)
    return []


def create_publication(reading: Reading, inner: Node) -> Outputs:
    """CREATE PUBLICATION: what is written to these tables goes to every subscriber."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, link(reading, "publication", word(inner, "pubname")), Reach.ONE)
    if flag(inner, "for_all_tables"):
        _leaves_all(reading)
    for wrapped in nodes(inner, "pubobjects"):
        _leaves(reading, body(wrapped, "PublicationObjSpec") or {})
    return []


PUBLICATION_CHANGES = frozenset({"AP_AddObjects", "AP_SetObjects", "AP_DropObjects"})


def alter_publication(reading: Reading, inner: Node) -> Outputs:
    """ALTER PUBLICATION: other tables leave, or other changes of them; dropped ones go stale at every subscriber."""
    changes_structure(reading)
    action = word(inner, "action")
    if action not in PUBLICATION_CHANGES:
        refuse_by_name(reading, action)
    adds = action == "AP_AddObjects" and "pubobjects" in inner
    reading.add(Verb.CONFIGURE, link(reading, "publication", word(inner, "pubname")), Reach.ONE if adds else Reach.ALL)
    if action != "AP_DropObjects":
        if flag(inner, "for_all_tables"):
            _leaves_all(reading)
        for wrapped in nodes(inner, "pubobjects"):
            _leaves(reading, body(wrapped, "PublicationObjSpec") or {})
    return []


def _leaves_all(reading: Reading) -> None:
    reading.add(Verb.EXPORT, reading.database(), Reach.ALL)
    _export(reading, (r for schema in reading.catalog.schemas for r in _held(reading, schema)))


def _held(reading: Reading, schema: str) -> list[Relation]:
    return [r for r in reading.catalog.relations.get(schema, {}).values() if r.kind in _PUBLISHED]


def _export(reading: Reading, relations: Iterable[Relation]) -> None:
    for relation in relations:
        if relation.schema not in {"pg_catalog", "information_schema"}:
            reading.add(Verb.EXPORT, relation.object, Reach.ALL, fields=None, relation=relation)


def _leaves(reading: Reading, spec: Node) -> None:
    """One table or one schema of a publication."""
    kind = word(spec, "pubobjtype")
    if kind == "PUBLICATIONOBJ_TABLES_IN_SCHEMA" or kind == "PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA":
        schema = word(spec, "name") or reading.creation_schema("")
        reading.add(Verb.EXPORT, reading.schema_object(schema), Reach.ALL)
        _export(reading, _held(reading, schema))
        return
    if kind != "PUBLICATIONOBJ_TABLE":
        refuse_by_name(reading, kind)
        return
    table = node(spec, "pubtable") or {}
    holder = node(table, "relation") or {}
    relation, object_ = reading.named(holder)
    for found in relation.descendants() if relation is not None else ():
        reading.add(Verb.EXPORT, found.object, Reach.ALL, fields=names(table, "columns") or None, relation=found)
    if relation is None:
        reading.add(Verb.EXPORT, object_, Reach.ALL, fields=None)
    if "whereClause" in table:
        level = Level(None)
        add_relation(reading, level, holder, written=True)
        walk(reading, level, table["whereClause"])


def _comes_in(reading: Reading) -> None:
    message = "its worker writes whatever the publisher sends, at any time and past this gateway"
    finding = reading.finding(FindingCode.OUTSIDE_TRANSACTION, message)
    reading.add(Verb.CHANGE, reading.database(), Reach.UNKNOWN, finding)


def _off(inner: Node, name: str) -> bool:
    option = options(inner, "options").get(name)
    return option is not None and text_of(node(option, "arg") or {}).lower() in _OFF


def create_subscription(reading: Reading, inner: Node) -> Outputs:
    """CREATE SUBSCRIPTION connects to another server and lets it write here."""
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, link(reading, "subscription", word(inner, "subname")), Reach.ONE)
    _comes_in(reading)
    if not _off(inner, "connect") and not _off(inner, "create_slot"):
        outside_transaction(reading, "CREATE SUBSCRIPTION with a new slot")
    return []


# Which changes of a subscription let something else come in; the others only steer it.
SUBSCRIPTION_CHANGES = {
    "ALTER_SUBSCRIPTION_OPTIONS": False,
    "ALTER_SUBSCRIPTION_CONNECTION": True,
    "ALTER_SUBSCRIPTION_SET_PUBLICATION": True,
    "ALTER_SUBSCRIPTION_ADD_PUBLICATION": True,
    "ALTER_SUBSCRIPTION_DROP_PUBLICATION": False,
    "ALTER_SUBSCRIPTION_REFRESH": True,
    "ALTER_SUBSCRIPTION_ENABLED": True,
    "ALTER_SUBSCRIPTION_SKIP": False,
}
_REFRESHES = frozenset(
    {
        "ALTER_SUBSCRIPTION_SET_PUBLICATION", "ALTER_SUBSCRIPTION_ADD_PUBLICATION",
        "ALTER_SUBSCRIPTION_DROP_PUBLICATION", "ALTER_SUBSCRIPTION_REFRESH",
    }
)  # fmt: skip


def alter_subscription(reading: Reading, inner: Node) -> Outputs:
    """ALTER SUBSCRIPTION: from where rows come, or which of them are skipped."""
    changes_structure(reading)
    kind = word(inner, "kind")
    object_ = link(reading, "subscription", word(inner, "subname"))
    if kind not in SUBSCRIPTION_CHANGES:
        refuse_by_name(reading, kind)
    if kind == "ALTER_SUBSCRIPTION_SKIP":
        reading.add(Verb.DESTROY, object_, Reach.ONE)
        return []
    reading.add(Verb.CONFIGURE, object_, Reach.ALL)
    if SUBSCRIPTION_CHANGES.get(kind, True) and not _off(inner, "enabled"):
        _comes_in(reading)
    if kind in _REFRESHES and not _off(inner, "refresh"):
        outside_transaction(reading, "ALTER SUBSCRIPTION that refreshes its tables")
    return []


def drop_subscription(reading: Reading, inner: Node) -> Outputs:
    """DROP SUBSCRIPTION ends it, and its slot on the other server."""
    changes_structure(reading)
    reading.add(Verb.DESTROY, link(reading, "subscription", word(inner, "subname")), Reach.ALL)
    outside_transaction(reading, "DROP SUBSCRIPTION with a slot")
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CreateFdwStmt": _wrapper(Reach.ONE),
    "AlterFdwStmt": _wrapper(Reach.ALL),
    "CreateForeignServerStmt": _server(Reach.ONE),
    "AlterForeignServerStmt": _server(Reach.ALL),
    "CreateUserMappingStmt": user_mapping,
    "AlterUserMappingStmt": user_mapping,
    "DropUserMappingStmt": user_mapping,
    "CreateForeignTableStmt": create_foreign_table,
    "ImportForeignSchemaStmt": import_schema,
    "CreatePublicationStmt": create_publication,
    "AlterPublicationStmt": alter_publication,
    "CreateSubscriptionStmt": create_subscription,
    "AlterSubscriptionStmt": alter_subscription,
    "DropSubscriptionStmt": drop_subscription,
}
