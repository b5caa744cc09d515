"""Locks that keep others out for as long as a large table takes: which statement takes which, and what else to write.

Levels and durations are those of the documentation (13.3, ALTER TABLE, CREATE INDEX). A lock that is held for a moment
only, such as that of a plain ADD COLUMN, is not pointed at.
"""

from collections.abc import Callable

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.reach.sizes import mebibytes, rows_of, shown
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import (
    Node,
    Parts,
    body,
    flag,
    names,
    node,
    nodes,
    number,
    option_on,
    unwrap,
    within,
    word,
    words,
)
from interlock.model import FindingCode

_SHARE, _ROW_EXCLUSIVE, _EXCLUSIVE, _ALL = "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"
# LOCK TABLE's modes by number (storage/lockdefs.h), from the first that keeps writers out.
_MODES = {5: _SHARE, 6: _ROW_EXCLUSIVE, 7: _EXCLUSIVE, 8: _ALL}
_WAITING = {_ALL: "nobody reads or writes it", _SHARE: "nobody writes it", _EXCLUSIVE: "nobody writes it"}
_REWRITES = words("AT_AlterColumnType AT_SetLogged AT_SetUnLogged AT_SetAccessMethod AT_SetTableSpace AT_SetExpression")
_VOLATILE = words(
    """random random_normal gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v4 nextval clock_timestamp
    timeofday"""
)
_SERIAL = words("serial bigserial smallserial serial2 serial4 serial8")


def _held(reading: Reading, holder: Node, lock: str, what: str, instead: str) -> None:
    relation = reading.resolve(word(holder, "schemaname"), word(holder, "relname"))
    if relation is not None:
        hold(reading, relation, lock, what, instead)


def hold(reading: Reading, relation: Relation, lock: str, what: str, instead: str) -> None:
    """Note a lock on a relation that is not known to be small."""
    size, rows = mebibytes(relation), rows_of(relation)
    if size is not None and size < reading.limits.big_table_mb:
        return
    if relation.temporary or relation.kind not in "rpmiI":
        return
    large = "of unknown size" if size is None else f"{size:,} MiB, about {shown(rows or 0)} rows"
    waiting = _WAITING.get(lock, "nobody writes it")
    message = f"{what} holds {lock} on `{relation.name}` ({large}): {waiting} until that is done; {instead}"
    reading.note(FindingCode.HEAVY_LOCK, message)


def _everything(reading: Reading, lock: str, what: str, instead: str) -> None:
    """A statement that takes one table after the other: the largest stands for all."""
    tables = [found for found in reading.catalog.all_relations() if found.kind in "rm" and found.schema not in _SYSTEM]
    large = max(tables, key=lambda found: (mebibytes(found) is None, mebibytes(found) or 0), default=None)
    if large is not None:
        hold(reading, large, lock, f"{what} of everything", instead)


_SYSTEM = words("pg_catalog information_schema pg_toast")


def _index(reading: Reading, inner: Node) -> None:
    if not flag(inner, "concurrent"):
        _held(reading, node(inner, "relation") or {}, _SHARE, "CREATE INDEX", "write CREATE INDEX CONCURRENTLY")


def _lock(reading: Reading, inner: Node) -> None:
    mode = _MODES.get(number(inner, "mode"))
    for wrapped in nodes(inner, "relations") if mode is not None else ():
        instead = "lock the rows you mean with SELECT ... FOR UPDATE"
        _held(reading, body(wrapped, "RangeVar") or {}, mode or _ALL, "LOCK TABLE", instead)


def _refresh(reading: Reading, inner: Node) -> None:
    lock = _EXCLUSIVE if flag(inner, "concurrent") else _ALL
    instead = "write REFRESH MATERIALIZED VIEW CONCURRENTLY, which lets others read"
    if lock is _EXCLUSIVE:
        return
    _held(reading, node(inner, "relation") or {}, lock, "REFRESH MATERIALIZED VIEW", instead)


def _cluster(reading: Reading, inner: Node) -> None:
    holder, instead = node(inner, "relation"), "rebuild it in a maintenance window, or with an online tool"
    if holder is None:
        _everything(reading, _ALL, "CLUSTER", instead)
    else:
        _held(reading, holder, _ALL, "CLUSTER", instead)


def _reindex(reading: Reading, inner: Node) -> None:
    if option_on(nodes(inner, "params"), "concurrently"):
        return
    holder, instead = node(inner, "relation"), "write REINDEX (CONCURRENTLY)"
    if holder is None:
        _everything(reading, _SHARE, "REINDEX", instead)
    else:
        lock = _ALL if word(inner, "kind") == "REINDEX_OBJECT_INDEX" else _SHARE
        _held(reading, holder, lock, "REINDEX", instead)


def _vacuum(reading: Reading, inner: Node) -> None:
    if not flag(inner, "is_vacuumcmd") or not option_on(nodes(inner, "options"), "full"):
        return
    instead = "plain VACUUM locks nobody out; rewrite it in a maintenance window"
    listed = nodes(inner, "rels")
    if not listed:
        _everything(reading, _ALL, "VACUUM FULL", instead)
    for wrapped in listed:
        _held(reading, node(body(wrapped, "VacuumRelation") or {}, "relation") or {}, _ALL, "VACUUM FULL", instead)


def _alter(reading: Reading, inner: Node) -> None:
    holder = node(inner, "relation") or {}
    for wrapped in nodes(inner, "cmds"):
        command = body(wrapped, "AlterTableCmd") or {}
        subtype = word(command, "subtype") or "AT_AddColumn"
        _, made = unwrap(node(command, "def"))
        if subtype in _REWRITES:
            what, instead = "rewriting every row", "add a new column, fill it in portions, and change over"
            _held(reading, holder, _ALL, what, instead)
        elif subtype == "AT_SetNotNull":
            instead = "add a CHECK (... IS NOT NULL) NOT VALID, VALIDATE it, and SET NOT NULL then reads nothing"
            _held(reading, holder, _ALL, "SET NOT NULL reads every row and", instead)
        elif subtype == "AT_AddConstraint":
            _constraint(reading, holder, made)
        elif subtype == "AT_AddColumn":
            _column(reading, holder, made)
        elif subtype == "AT_AttachPartition":
            instead = "give it a valid CHECK that says the same as the bounds first, and nothing is read"
            _held(reading, node(made, "name") or {}, _ALL, "ATTACH PARTITION reads every row and", instead)


def _constraint(reading: Reading, holder: Node, made: Node) -> None:
    kind = word(made, "contype")
    if kind in {"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"} and "indexname" not in made:
        instead = "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX"
        _held(reading, holder, _ALL, "building the index of a constraint", instead)
    if flag(made, "skip_validation"):
        return
    instead = "add it NOT VALID, and VALIDATE CONSTRAINT after that"
    if kind in {"CONSTR_CHECK", "CONSTR_NOTNULL"}:
        _held(reading, holder, _ALL, "checking every row", instead)
    elif kind == "CONSTR_FOREIGN":
        for table in (holder, node(made, "pktable") or {}):
            _held(reading, table, _ROW_EXCLUSIVE, "checking every reference", instead)


def _column(reading: Reading, holder: Node, made: Node) -> None:
    kinds = {word(body(wrapped, "Constraint") or {}, "contype") for wrapped in nodes(made, "constraints")}
    defaults = [
        (body(wrapped, "Constraint") or {}).get("raw_expr") for wrapped in nodes(made, "constraints")
        if word(body(wrapped, "Constraint") or {}, "contype") == "CONSTR_DEFAULT"
    ]  # fmt: skip
    typed = (names(node(made, "typeName") or {}, "names") or ("",))[-1]
    if typed in _SERIAL or kinds & {"CONSTR_GENERATED", "CONSTR_IDENTITY"} or _differs(reading, defaults):
        instead = "add it without the default, fill it in portions, and set the default for new rows"
        _held(reading, holder, _ALL, "a value of its own for every row rewrites the table and", instead)
    elif kinds & {"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_CHECK"}:
        instead = "add the column alone, and the constraint by NOT VALID or USING INDEX"
        _held(reading, holder, _ALL, "a constraint on the new column", instead)


def _differs(reading: Reading, value: Parts) -> bool:
    """Whether a default may give each row another value: since PostgreSQL 11 all others are stored once."""
    for current in within(value):
        called = body(current, "FuncCall")
        name = (names(called, "funcname") or ("",))[-1] if called is not None else ""
        if name in _VOLATILE or any(f.volatility == "v" for f in reading.catalog.functions.get(name, ())):
            return True
    return False


LOCKS: dict[str, Callable[[Reading, Node], None]] = {
    "IndexStmt": _index,
    "LockStmt": _lock,
    "RefreshMatViewStmt": _refresh,
    "ClusterStmt": _cluster,
    "ReindexStmt": _reindex,
    "VacuumStmt": _vacuum,
    "AlterTableStmt": _alter,
}
