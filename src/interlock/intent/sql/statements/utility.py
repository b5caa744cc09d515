"""COPY, EXPLAIN, TRUNCATE, LOCK, CALL, DO and the upkeep commands."""

from collections.abc import Callable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.code.consequences import CREATES, TRUNCATES, consequences
from interlock.intent.sql.queries.expressions import QUERIES, call, query, walk
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.queries.views import view_bases
from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.refusals import REFUSED
from interlock.intent.sql.statement import Flow
from interlock.intent.sql.statements.select import create_filled
from interlock.intent.sql.statements.session import execute
from interlock.intent.sql.tree import Node, body, flag, names, node, nodes, number, option_on, unwrap, word
from interlock.model import FindingCode, ObjectKind, Reach, Verb


def copy(reading: Reading, inner: Node) -> Outputs:
    """COPY: out is EXPORT beside READ, in is CREATE; files and programs of the server are objects of their own."""
    incoming = flag(inner, "is_from")
    place = word(inner, "filename")
    if place:
        _server_side(reading, place, program=flag(inner, "is_program"), incoming=incoming)
    else:
        reading.flow = Flow.COPY_IN if incoming else Flow.COPY_OUT
    if "query" in inner:
        query(reading, None, node(inner, "query"))
        _export_reads(reading)
        return []
    holder = node(inner, "relation") or {}
    relation, object_ = reading.named(holder)
    columns = names(inner, "attlist") or None
    if incoming:
        _copy_in(reading, inner, relation, object_.path, columns)
        return []
    for verb in (Verb.READ, Verb.EXPORT):
        reading.add(verb, object_, Reach.ALL, fields=columns, relation=relation)
    if relation is not None:
        view_bases(reading, relation, Verb.READ)
        view_bases(reading, relation, Verb.EXPORT)
    return []


def _server_side(reading: Reading, place: str, *, program: bool, incoming: bool) -> None:
    if program:
        reading.refuse(FindingCode.DANGEROUS_FUNCTION, f"`COPY PROGRAM` is refused: {REFUSED['COPY PROGRAM']}")
        reading.add(Verb.EXECUTE, reading.object(ObjectKind.PROGRAM, "server"), Reach.UNKNOWN)
        return
    finding = reading.finding(FindingCode.DANGEROUS_FUNCTION, "COPY touches a file of the server; use STDIN or STDOUT")
    reading.add(Verb.READ if incoming else Verb.CHANGE, reading.object(ObjectKind.FILE, "server"), Reach.ONE, finding)


def _export_reads(reading: Reading) -> None:
    """What a copied query reads leaves with it."""
    for effect in reading.effects():
        if effect.verb is Verb.READ:
            relation = reading.catalog.relation(*effect.object.path[1:]) if len(effect.object.path) == 3 else None
            columns = None if effect.fields is None else [field.name for field in effect.fields]
            reading.add(Verb.EXPORT, effect.object, effect.reach, fields=columns, relation=relation)


def _copy_in(
    reading: Reading, inner: Node, relation: Relation | None, path: tuple[str, ...], columns: tuple[str, ...] | None
) -> None:
    reading.writes = True
    object_ = relation.object if relation is not None else reading.unknown_relation(*path[1:])
    gathered = reading.add(Verb.CREATE, object_, Reach.UNKNOWN, fields=columns, relation=relation)
    condition = node(inner, "whereClause")
    if relation is not None:
        consequences(reading, gathered, relation, CREATES, columns)
        if condition is not None:
            level = Level(None)
            range_ = Range(relation.name, relation=relation)
            range_.columns = dict.fromkeys(relation.fields, ())
            level.ranges.append(range_)
            walk(reading, level, condition)


def explain(reading: Reading, inner: Node) -> Outputs:
    """EXPLAIN plans, and planning runs IMMUTABLE user code (threats.md 1); with ANALYZE it runs the statement."""
    kind, statement = unwrap(node(inner, "query"))
    analyzes = option_on(nodes(inner, "options"), "analyze")
    before = reading.writes
    if kind == "ExecuteStmt":
        execute(reading, statement)
        reading.flow, reading.name = Flow.PLAIN, None
    elif kind in QUERIES:
        QUERIES[kind](reading, None, statement)
    elif kind == "CreateTableAsStmt":
        create_table_as(reading, statement)
    elif kind == "DeclareCursorStmt":
        query(reading, None, node(statement, "query"))
    else:
        reading.unmapped(f"EXPLAIN {kind}")
    if not analyzes:
        _only_planned(reading)
        reading.writes, reading.ddl = before, False
    return [("QUERY PLAN", ())]


def _only_planned(reading: Reading) -> None:
    """Plans read statistics and names: every effect becomes a READ; code stays EXECUTE, and what it does stays too,
    since the planner runs functions that call themselves immutable or stable."""
    planned = reading.gathered_after(0)
    reading.forget()
    for was in planned:
        effect, relation = was.effect(), was.relation
        stays = was.by_code or effect.verb is Verb.EXECUTE
        made = effect.verb is Verb.CREATE and relation is None and effect.object.known
        if not stays and (made or effect.verb is Verb.CONFIGURE):
            continue
        verb = effect.verb if stays else Verb.READ
        gathered = reading.gather(verb, effect.object, relation)
        gathered.by_code = gathered.by_code or was.by_code
        gathered.at_least(effect.reach)
        gathered.note(*(found for found in effect.findings if found.code is not FindingCode.HUGE_READ))
        if gathered.fields is not None:
            gathered.fields = None if effect.fields is None else gathered.fields | {f.name for f in effect.fields}


def truncate(reading: Reading, inner: Node) -> Outputs:
    """TRUNCATE empties tables without counting a row; CASCADE takes every table that refers to them."""
    reading.writes = True
    cascade = word(inner, "behavior") == "DROP_CASCADE"
    for wrapped in nodes(inner, "relations"):
        holder = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(holder)
        finding = reading.finding(
            FindingCode.NO_WHERE,
            f"TRUNCATE empties `{word(holder, 'relname')}`; delete the rows you mean",
            number(holder, "location", -1),
        )
        gathered = reading.add(Verb.DELETE, object_, Reach.ALL, finding, relation=relation)
        if relation is None:
            continue
        consequences(reading, gathered, relation, TRUNCATES, None)
        gathered.reach = Reach.ALL
        if cascade:
            _truncate_children(reading, relation)
    return []


def _truncate_children(reading: Reading, relation: Relation) -> None:
    found = [relation]
    for parent in found:
        for key in parent.incoming:
            child = parent.family.get(key.child)
            if child is not None and child not in found:
                found.append(child)
    for child in found[1:]:
        finding = reading.finding(FindingCode.CASCADES, f"TRUNCATE CASCADE empties `{child.object}` too")
        gathered = reading.add(Verb.DELETE, child.object, Reach.ALL, finding, relation=child)
        consequences(reading, gathered, child, TRUNCATES, None)
        gathered.reach = Reach.ALL


_ACCESS_SHARE, _ROW_EXCLUSIVE = 1, 3  # storage/lockdefs.h


def lock(reading: Reading, inner: Node) -> Outputs:
    """LOCK TABLE: ACCESS SHARE is what any read takes, ROW SHARE and ROW EXCLUSIVE what any write of a row does;
    stronger ones keep others out."""
    mode = number(inner, "mode")
    for wrapped in nodes(inner, "relations"):
        holder = body(wrapped, "RangeVar") or {}
        relation, object_ = reading.named(holder)
        reading.writes = reading.writes or mode > _ACCESS_SHARE
        if mode <= _ACCESS_SHARE:
            reading.add(Verb.READ, object_, Reach.ONE, relation=relation)
        elif mode <= _ROW_EXCLUSIVE:
            reading.add(Verb.CHANGE, object_, Reach.ONE, relation=relation)
        else:
            reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    return []


def call_procedure(reading: Reading, inner: Node) -> Outputs:
    """CALL runs user code that may also commit."""
    called = node(inner, "funccall") or {}
    walk(reading, None, called.get("args"))
    call(reading, None, called, names(called, "funcname"))
    reading.writes = True
    return None


def do(reading: Reading, inner: Node) -> Outputs:
    """DO runs text decided by the client in a language of the server: opaque."""
    reading.writes = True
    reading.refuse(FindingCode.DYNAMIC, REFUSED["DoStmt"])
    block = reading.add(Verb.EXECUTE, reading.function_object("pg_temp", "do", known=False), Reach.UNKNOWN)
    block.findings.clear()  # no catalogue could know it: there is no name to check
    return None


def create_table_as(reading: Reading, inner: Node) -> Outputs:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW: CONFIGURE on the schema, CREATE of what is read into it."""
    into = node(inner, "into") or {}
    holder = node(into, "rel") or {}
    kind, statement = unwrap(node(inner, "query"))
    if kind == "ExecuteStmt":
        execute(reading, statement)
        reading.flow, reading.name = Flow.PLAIN, None
    else:
        query(reading, None, node(inner, "query"))
    temporary = word(holder, "relpersistence") == "t"
    create_filled(reading, word(holder, "schemaname"), word(holder, "relname"), temporary=temporary)
    return []


def vacuum(reading: Reading, inner: Node) -> Outputs:
    """VACUUM and ANALYZE run index functions as their owners; FULL rewrites under the strongest lock."""
    vacuums = flag(inner, "is_vacuumcmd")
    reading.transactional = not vacuums
    reading.writes = True
    listed = nodes(inner, "rels")
    if vacuums:
        reading.note(
            FindingCode.OUTSIDE_TRANSACTION, "VACUUM cannot run inside a transaction, so it cannot be measured"
        )
    if not listed:
        reading.add(Verb.CONFIGURE, reading.database(), Reach.ALL)
    for wrapped in listed:
        holder = node(body(wrapped, "VacuumRelation") or {}, "relation") or {}
        _upkeep(reading, holder)
    return []


def _upkeep(reading: Reading, holder: Node) -> None:
    relation, object_ = reading.named(holder)
    reading.add(Verb.CONFIGURE, object_, Reach.ALL, relation=relation)
    if relation is not None:
        for by, schema, name in relation.code:
            if by == "index":
                reading.user_code(schema, name, f"an index of `{relation.name}`")


def refresh(reading: Reading, inner: Node) -> Outputs:
    """REFRESH MATERIALIZED VIEW runs its query and replaces its rows."""
    holder = node(inner, "relation") or {}
    relation, object_ = reading.named(holder)
    reading.writes = True
    reading.add(Verb.CHANGE, object_, Reach.ALL, fields=None, relation=relation)
    for base, columns in relation.expansion() if relation is not None else ():
        reading.add(Verb.READ, base.object, Reach.UNKNOWN, fields=columns, relation=base)
    for by, schema, name in relation.code if relation is not None else ():
        reading.user_code(schema, name, f"the {by} of `{object_}`")
    return []


def checkpoint(reading: Reading, inner: Node) -> Outputs:
    """CHECKPOINT works the whole server."""
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.TARGET), Reach.ALL)
    return []


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "CopyStmt": copy,
    "ExplainStmt": explain,
    "TruncateStmt": truncate,
    "LockStmt": lock,
    "CallStmt": call_procedure,
    "DoStmt": do,
    "CreateTableAsStmt": create_table_as,
    "VacuumStmt": vacuum,
    "RefreshMatViewStmt": refresh,
    "CheckPointStmt": checkpoint,
}
