"""INSERT, UPDATE, DELETE, MERGE: what is written, how far it reaches, and what follows from it on other tables."""

from typing import Final

from interlock.intent.sql.catalog.labels import SYSTEM_SCHEMAS
from interlock.intent.sql.code.consequences import CHANGES, CREATES, DELETES, Change, consequences
from interlock.intent.sql.conditions.truth import always, supposed
from interlock.intent.sql.queries.carrying import carry
from interlock.intent.sql.queries.expressions import QueryFunction, query, targets, walk
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.queries.views import view_bases
from interlock.intent.sql.reach.counting import rows_given
from interlock.intent.sql.reach.extent import reaches
from interlock.intent.sql.reach.multiplying import note_multiplying
from interlock.intent.sql.reach.smallness import keyed
from interlock.intent.sql.reach.victims import asks, note_chance, note_chosen, untied
from interlock.intent.sql.reading import Outputs, Reading, Source
from interlock.intent.sql.statements.select import add_relation, ctes, from_clause, where
from interlock.intent.sql.tree import Json, Node, body, node, nodes, unwrap, word
from interlock.intent.sql.vocabulary import ALL, CREATE, ONE, READ, UNKNOWN
from interlock.model import FindingCode, Reach


def insert(reading: Reading, parent: Level | None, inner: Node) -> Outputs:
    """INSERT: bounded by its text when it is VALUES; ON CONFLICT DO UPDATE also changes."""
    level = Level(parent)
    ctes(reading, level, inner)
    target = add_relation(reading, level, node(inner, "relation") or {}, written=True)
    columns = _column_names(nodes(inner, "cols"))
    source = node(inner, "selectStmt")
    reach = ONE
    if source is not None:
        reach = rows_given(source)
        outer = Level(parent)
        outer.ctes, outer.single = level.ctes, level.single
        streams, reading.streams = reading.streams, False  # they go into the table
        given = query(reading, outer, source)
        reading.streams = streams
        into = columns or tuple(target.relation.fields if target.relation is not None else ())
        carry(reading, target.relation, into, [sources for _, sources in given or ()])
    _write(reading, target, CREATES, reach, columns or None)
    conflict = node(inner, "onConflictClause")
    if conflict is not None:
        _on_conflict(reading, level, target, conflict, reach)
    outputs = _returning(reading, level, inner)
    if target.gathered is not None:
        target.gathered.at_least(reach)
    return outputs


def _on_conflict(reading: Reading, level: Level, target: Range, conflict: Node, reach: Reach) -> None:
    excluded = Range("excluded", relation=target.relation)
    excluded.columns = dict.fromkeys(target.relation.fields, ()) if target.relation is not None else None
    infer = node(conflict, "infer")
    _look_up(reading, target, infer)
    if infer is not None:
        for wrapped in nodes(infer, "indexElems"):
            element = body(wrapped, "IndexElem") or {}
            walk(reading, level, element.get("expr"))
        walk(reading, level, infer.get("whereClause"))
    if conflict.get("action") != "ONCONFLICT_UPDATE":
        return
    level.ranges.append(excluded)
    assigned = _assignments(reading, level, target, nodes(conflict, "targetList"))
    condition = node(conflict, "whereClause")
    if condition is not None:
        where(reading, level, condition, pins=False)
    # Each row given meets at most one existing row (docs, INSERT: ON CONFLICT is deterministic).
    _write(reading, target, CHANGES, reach, assigned)
    level.ranges.remove(excluded)


def _look_up(reading: Reading, target: Range, infer: Node | None) -> None:
    """Whether a row conflicts tells what stands in its key: the columns of the conflict are read (threats.md 14)."""
    relation = target.relation
    listed = nodes(infer, "indexElems") if infer is not None else []
    columns = [name for wrapped in listed if (name := word(body(wrapped, "IndexElem") or {}, "name"))]
    if not listed and relation is not None:
        columns = [column for key in relation.keys for column in key]
    for column in dict.fromkeys(columns):
        target.touch(reading, column)


def update(reading: Reading, parent: Level | None, inner: Node) -> Outputs:
    """UPDATE, with FROM."""
    level = Level(parent)
    chosen = len(reading.chosen)
    ctes(reading, level, inner)
    target = add_relation(reading, level, node(inner, "relation") or {}, written=True)
    if "fromClause" in inner:
        from_clause(reading, level, nodes(inner, "fromClause"))
    reach = _condition(reading, level, target, inner)
    if len(reading.chosen) > chosen:
        note_chosen(reading, target, chosen)
    if level.pairs:
        note_chance(reading, level, target)
    assigned = _assignments(reading, level, target, nodes(inner, "targetList"))
    outputs = _returning(reading, level, inner)
    _settle(reading, level, target, reach)
    _write(reading, target, CHANGES, reach, assigned)
    return outputs


def delete(reading: Reading, parent: Level | None, inner: Node) -> Outputs:
    """DELETE, with USING."""
    level = Level(parent)
    chosen = len(reading.chosen)
    ctes(reading, level, inner)
    target = add_relation(reading, level, node(inner, "relation") or {}, written=True)
    from_clause(reading, level, nodes(inner, "usingClause"))
    reach = _condition(reading, level, target, inner)
    if len(reading.chosen) > chosen:
        note_chosen(reading, target, chosen)
    outputs = _returning(reading, level, inner)
    _settle(reading, level, target, reach)
    _write(reading, target, DELETES, reach, ())
    return outputs


def _settle(reading: Reading, level: Level, target: Range, reach: Reach) -> None:
    """Give the relations read on the way their reach; the target is read as far as it is written."""
    reaches(reading, level, bounded=True)
    if level.pairs:
        note_multiplying(reading, level, explains=False)
    if target.gathered is not None and reach is not UNKNOWN:
        target.gathered.reach = reach


def _condition(reading: Reading, level: Level, target: Range, inner: Node) -> Reach:
    """Read WHERE and say how much of the target it leaves; a missing or hollow one leaves all."""
    condition = node(inner, "whereClause")
    if condition is None:
        done = "changed" if "targetList" in inner else "deleted"
        message = f"there is no WHERE: every row of `{target.name}` would be {done}; say which rows"
        reading.note(FindingCode.NO_WHERE, message)
        return ALL
    where(reading, level, condition)
    few = keyed(target)
    if few is ONE and "A_Expr" in condition:
        return few  # the condition is the very equation that fixes the key
    held = always(level, condition)
    if held is True:
        reading.note(FindingCode.ALWAYS_TRUE, f"the WHERE holds for every row of `{target.name}`; say which rows")
        return ALL
    if few is ONE:
        return few
    if held is None and _hollow(reading, level, target, condition):
        return ALL
    loose = untied(reading, level, target, condition) if len(level.ranges) > 1 else None
    return loose or few or UNKNOWN


def _hollow(reading: Reading, level: Level, target: Range, condition: Node) -> bool:
    """Note a WHERE that nobody would write who means some rows: it is no tautology, and selects nothing."""
    if supposed(level, condition):
        found = f"the WHERE holds for every row of `{target.name}` that has any value there; say which rows"
    elif len(level.ranges) == 1 and not asks(level, target, condition):
        found = f"the WHERE asks nothing of `{target.name}`: it holds for every row or for none; say which rows"
    else:
        return False
    reading.note(FindingCode.ALWAYS_TRUE, found)
    return True


def _assignments(reading: Reading, level: Level, written: Range, listed: list[Node]) -> tuple[str, ...]:
    """Read the right sides of SET and give the columns on the left; one shared source is read once."""
    seen: list[Json] = []
    for wrapped in listed:
        target = body(wrapped, "ResTarget") or {}
        multi = body(node(target, "val"), "MultiAssignRef")
        value: Json = multi.get("source") if multi is not None else target.get("val")
        if multi is not None and value in seen:
            continue
        if multi is not None:
            seen.append(value)
        reading.mentions = []
        walk(reading, level, value)
        if "indirection" in target:
            walk(reading, level, target["indirection"])
        if reading.mentions:
            carry(reading, written.relation, (word(target, "name"),), [reading.mentions])
    return _column_names(listed)


def _column_names(listed: list[Node]) -> tuple[str, ...]:
    return tuple([word(target, "name") for wrapped in listed if (target := body(wrapped, "ResTarget")) is not None])


def _returning(reading: Reading, level: Level, inner: Node) -> Outputs:
    clause = node(inner, "returningClause")
    if clause is None:
        return []
    target = level.ranges[0]
    renamed = [word(body(wrapped, "ReturningOption") or {}, "value") for wrapped in nodes(clause, "options")]
    # OLD and NEW (PostgreSQL 18) stand outside the level, so that a star does not count them.
    around = Level(level.parent)
    around.ctes = level.parent.ctes if level.parent is not None else {}
    around.ranges = [_shadow(name, target) for name in renamed or ("old", "new")]
    level.parent = around
    return targets(reading, level, nodes(clause, "exprs"))


def _shadow(name: str, target: Range) -> Range:
    """The written relation again, reachable by this name alone."""
    shadow = Range(name)
    shadow.members = [target]
    return shadow


def merge(reading: Reading, parent: Level | None, inner: Node) -> Outputs:
    """MERGE: one effect for each kind of action."""
    level = Level(parent)
    ctes(reading, level, inner)
    target = add_relation(reading, level, node(inner, "relation") or {}, written=True)
    source = node(inner, "sourceRelation")
    from_clause(reading, level, [source] if source is not None else [])
    condition = node(inner, "joinCondition")
    if condition is not None:
        where(reading, level, condition)
        if always(level, condition) is True or (supposed(level, condition) and _unconditional(inner)):
            reading.note(FindingCode.ALWAYS_TRUE, f"ON holds for every row of `{target.name}`; compare a key of it")
        untied(reading, level, target, condition)
    if target.relation is not None:
        view_bases(reading, target.relation, READ)  # even where no row is written, all are read
    given, met = _given(source), keyed(target) or UNKNOWN
    for wrapped in nodes(inner, "mergeWhenClauses"):
        clause = body(wrapped, "MergeWhenClause") or {}
        if clause.get("matchKind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE":
            met = UNKNOWN
        _merge_action(reading, level, target, clause, given if clause.get("commandType") == "CMD_INSERT" else met)
    outputs = _returning(reading, level, inner)
    _settle(reading, level, target, met)
    return outputs


def _unconditional(inner: Node) -> bool:
    """Whether a MERGE writes every row that it meets."""
    clauses = [body(wrapped, "MergeWhenClause") or {} for wrapped in nodes(inner, "mergeWhenClauses")]
    written = [clause for clause in clauses if clause.get("commandType") in {"CMD_DELETE", "CMD_UPDATE"}]
    return any("condition" not in clause and clause.get("matchKind") == "MERGE_WHEN_MATCHED" for clause in written)


def _given(source: Node | None) -> Reach:
    """How many rows a MERGE brings: as many as its text spells out."""
    query = node(body(source, "RangeSubselect") or {}, "subquery")
    return rows_given(query) if query is not None else UNKNOWN


def _merge_action(reading: Reading, level: Level, target: Range, clause: Node, reach: Reach) -> None:
    walk(reading, level, clause.get("condition"))
    command = clause.get("commandType")
    if command == "CMD_DELETE":
        _write(reading, target, DELETES, reach, ())
    elif command == "CMD_UPDATE":
        _write(
            reading,
            target,
            CHANGES,
            reach,
            _assignments(reading, level, target, nodes(clause, "targetList")),
        )
    elif command == "CMD_INSERT":
        columns = _column_names(nodes(clause, "targetList"))
        into = columns or tuple(target.relation.fields if target.relation is not None else ())
        carry(reading, target.relation, into, [_mentioned(reading, level, value) for value in nodes(clause, "values")])
        _write(reading, target, CREATES, reach, columns or None)
    elif command != "CMD_NOTHING":
        reading.unmapped(f"MERGE {unwrap(clause)[0]}")


def _mentioned(reading: Reading, level: Level, value: Node) -> list[Source]:
    """Walk an expression and give what it mentions."""
    reading.mentions = []
    walk(reading, level, value)
    return reading.mentions


def _write(reading: Reading, target: Range, change: Change, reach: Reach, columns: tuple[str, ...] | None) -> None:
    """Add the effect itself and everything that follows from it."""
    reading.writes = True
    if target.object is None:
        reading.unmapped("write to a computed range")
        return
    relation = target.relation
    if relation is not None and relation.schema in SYSTEM_SCHEMAS:
        message = f"`{relation.name}` belongs to the system; it is not written by hand"
        reading.refuse(FindingCode.DANGEROUS_FUNCTION, message)
    gathered = reading.add(change.verb, target.object, reach, fields=columns, relation=relation)
    if relation is None:
        gathered.reach = UNKNOWN
        return
    if gathered.verb is CREATE and columns is None:
        gathered.fields = None
    consequences(reading, gathered, relation, change, columns)
    if gathered.reach is not ALL and (relation.kind == "f" or reading.runs_loud_code()):
        # A small statement that calls code is as large as the code; a foreign server's rules are not known.
        gathered.reach = UNKNOWN


WRITES: Final[dict[str, QueryFunction]] = {
    "InsertStmt": insert,
    "UpdateStmt": update,
    "DeleteStmt": delete,
    "MergeStmt": merge,
}
