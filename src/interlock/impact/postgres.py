"""What a PostgreSQL transaction has touched, by the server's own counters.

`pg_stat_get_xact_tuples_*` are exact per table through cascades, triggers, rules, functions and partitions (sql.md 3).
They carry a session's earlier transactions until those are flushed, which FLUSH asks for: it is said behind everything
that writes, so every unit begins at zero. TRUNCATE, DROP and rewrites count nothing; their locks show them.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from interlock.impact.counted import Counted, opaque
from interlock.intent.sql import Catalog
from interlock.model import Basis, Effect, Impact, Intent, Object, ObjectKind, Reach, Touched, Transaction, Verb

_SEPARATOR: Final = "\x01"
_COUNTERS: Final = ", ".join(
    f"pg_catalog.pg_stat_get_xact_tuples_{change}({{oid}})" for change in ("inserted", "updated", "deleted")
)
_ROW: Final = (
    "SELECT pg_catalog.concat_ws(E'\\x01', {oid}, pg_catalog.coalesce(n.nspname, ''), {name}, {kind}, {held}, "
    f"{_COUNTERS}) "
).replace("pg_catalog.coalesce", "COALESCE")
_LOCKED: Final = (
    _ROW.format(
        oid="l.relation", name="COALESCE(c.relname, '')", kind="COALESCE(c.relkind::pg_catalog.text, '')", held="l.held"
    )
    + "FROM (SELECT k.relation, pg_catalog.max(CASE k.mode WHEN 'AccessExclusiveLock' THEN 'x' ELSE 'w' END) AS held "
    "FROM pg_catalog.pg_locks AS k WHERE k.locktype OPERATOR(pg_catalog.=) 'relation' "
    "AND k.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() "
    "AND k.mode OPERATOR(pg_catalog.=) ANY (ARRAY['RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
    "'AccessExclusiveLock']) GROUP BY k.relation) AS l "
    "LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relation "
    "LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE c.relkind IS NULL OR (c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'm', 'f', 'S']"
    '::pg_catalog."char"[]) AND c.relnamespace OPERATOR(pg_catalog.<>) 11::pg_catalog.oid)'
)
# 11 is pg_catalog (pg_namespace.dat). Opaque code can grant, drop or replace and move no counter of a user's table:
# the catalogue's own counters saw all of that (threats.md 4). Statistics are the exception: ANALYZE writes them.
_CATALOGUE: Final = (
    _ROW.format(oid="c.oid", name="c.relname", kind="'C'", held="'w'")
    + "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE c.relnamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid AND c.relkind OPERATOR(pg_catalog.=) 'r' "
    "AND c.relname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_statistic', 'pg_statistic_ext_data']::pg_catalog.name[]) "
    "AND pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) OPERATOR(pg_catalog.+) "
    "pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) OPERATOR(pg_catalog.+) "
    "pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) OPERATOR(pg_catalog.>) 0"
)
_TRANSACTION: Final = (
    "SELECT pg_catalog.concat_ws(E'\\x01', 'xid', COALESCE(pg_catalog.pg_current_xact_id_if_assigned()"
    "::pg_catalog.text, ''), c.system_identifier, pg_catalog.left(pg_catalog.pg_walfile_name("
    "pg_catalog.pg_current_wal_lsn()), 8)) FROM pg_catalog.pg_control_system() AS c"
)
COUNT: Final[str] = f"{_LOCKED} UNION ALL {_TRANSACTION}"
COUNT_ALL: Final[str] = f"{_LOCKED} UNION ALL {_CATALOGUE} UNION ALL {_TRANSACTION}"
# $1 are relations: what they show right behind the COMMIT, before the server flushes them (threats.md 3).
RECOUNT: Final[str] = (
    "SELECT pg_catalog.concat_ws(E'\\x01', o.oid, " + _COUNTERS.format(oid="o.oid") + ") "
    "FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o(oid)"
)
FLUSH: Final[str] = "SELECT pg_catalog.pg_stat_force_next_flush()"
# What of pg_catalog these ask that an administrator may have taken from PUBLIC: without it nothing can be counted.
FUNCTIONS: Final[tuple[str, ...]] = (
    "pg_backend_pid",
    "pg_control_system",
    "pg_current_wal_lsn",
    "pg_current_xact_id_if_assigned",
    "pg_lock_status",  # behind pg_locks
    "pg_stat_force_next_flush",
    "pg_stat_get_xact_tuples_deleted",
    "pg_stat_get_xact_tuples_inserted",
    "pg_stat_get_xact_tuples_updated",
    "pg_walfile_name",
)
RELATIONS: Final[tuple[str, ...]] = ("pg_class", "pg_locks", "pg_namespace")

_VERBS: Final = (Verb.CREATE, Verb.CHANGE, Verb.DELETE)
_STRUCTURAL: Final = frozenset({Verb.CONFIGURE, Verb.DESTROY})
_RIGHTS: Final = frozenset({"pg_authid", "pg_auth_members", "pg_default_acl", "pg_init_privs", "pg_db_role_setting"})


class Line(Struct, frozen=True, kw_only=True):
    """One relation as the server counted it. `kind` is pg_class.relkind, `C` for the catalogue's own tables and ""
    for one that is gone; `exclusive` says that it is locked against everybody."""

    oid: int
    schema: str
    name: str
    kind: str
    exclusive: bool
    rows: tuple[int, int, int]


def counts(answer: Iterable[str]) -> tuple[tuple[Line, ...], Transaction]:
    """The relations of a COUNT or COUNT_ALL, and the transaction. Raises ValueError for what is no answer."""
    lines: list[Line] = []
    transaction = None
    for row in answer:
        parts = row.split(_SEPARATOR)
        if parts[0] == "xid" and len(parts) == 4:
            transaction = Transaction(id=parts[1], system=parts[2], timeline=parts[3])
            continue
        oid, schema, name, kind, held, *rows = parts
        inserted, updated, deleted = map(int, rows)
        counted = (inserted, updated, deleted)
        lines.append(Line(oid=int(oid), schema=schema, name=name, kind=kind, exclusive=held == "x", rows=counted))
    if transaction is None:
        raise ValueError("the counters did not come")
    return tuple(lines), transaction


def recounts(answer: Iterable[str]) -> dict[int, tuple[int, int, int]]:
    """The relations of a RECOUNT."""
    found: dict[int, tuple[int, int, int]] = {}
    for row in answer:
        oid, inserted, updated, deleted = map(int, row.split(_SEPARATOR))
        found[oid] = (inserted, updated, deleted)
    return found


def impact_of(lines: Sequence[Line], intents: Sequence[Intent], catalog: Catalog) -> Impact:
    """The exact effect of a unit that meant `intents`. What the counters cannot see has None for its rows."""
    declared = _Declared(intents, catalog)
    touched = [part for line in lines for part in declared.touched(line)]
    content = [part.rows for part in touched if part.verb in _VERBS]
    known = [rows for rows in content if rows is not None]
    return Impact(
        basis=Basis.MEASURED,
        rows=sum(known) if len(known) == len(content) else None,
        reversible=_reversible(lines, intents),
        touched=tuple(touched),
    )


def counted(answer: Iterable[str], intents: Sequence[Intent], catalog: Catalog) -> Counted:
    """An answer to COUNT or COUNT_ALL as the effect of the unit."""
    lines, transaction = counts(answer)
    return Counted(impact=impact_of(lines, intents, catalog), transaction=transaction)


def needs_catalogue(intents: Sequence[Intent]) -> bool:
    """Whether COUNT_ALL has to be asked: code ran whose effects nobody listed."""
    return opaque(intents)


class _Declared:
    """What the unit's commands said they would do, by object."""

    def __init__(self, intents: Sequence[Intent], catalog: Catalog) -> None:
        self._catalog = catalog
        self._effects: dict[tuple[str, ...], list[Effect]] = {}
        for intent in intents:
            for effect in intent.effects:
                self._effects.setdefault(effect.object.path, []).append(effect)
        self._destroys = any(effect.verb is Verb.DESTROY for held in self._effects.values() for effect in held)

    def touched(self, line: Line) -> list[Touched]:
        """What one relation's line says."""
        if line.kind == "S":
            return []
        if line.kind == "C":
            verb = Verb.GRANT if line.name in _RIGHTS else Verb.CONFIGURE
            return [Touched(object=self._object(line), verb=verb, rows=sum(line.rows))]
        if line.kind == "":
            gone = Object(kind=ObjectKind.UNKNOWN, path=(self._catalog.target, str(line.oid)), known=False)
            undeclared = line.exclusive and not self._destroys
            return [Touched(object=gone, verb=Verb.DESTROY, rows=None)] if undeclared else []
        thing = self._object(line)
        found = [
            Touched(object=thing, verb=verb, rows=rows) for verb, rows in zip(_VERBS, line.rows, strict=True) if rows
        ]
        if line.kind == "f":
            found = [Touched(object=thing, verb=Verb.CHANGE, rows=None)]
        return found + self._unseen(line, thing)

    def _unseen(self, line: Line, thing: Object) -> list[Touched]:
        """What an exclusive lock tells that no counter does: TRUNCATE, or a change of structure nobody declared."""
        if not line.exclusive:
            return []
        said = self._effects.get(thing.path, [])
        if any(effect.verb is Verb.DELETE and effect.reach is Reach.ALL for effect in said):
            return [Touched(object=thing, verb=Verb.DELETE, rows=None)]
        home = self._effects.get(thing.path[:-1], [])
        if any(effect.verb in _STRUCTURAL for effect in (*said, *home)):
            return []
        return [Touched(object=thing, verb=Verb.DESTROY, rows=None)]

    def _object(self, line: Line) -> Object:
        schema = "pg_temp" if line.schema.startswith("pg_temp_") else line.schema
        relation = self._catalog.relation(schema, line.name)
        if relation is not None:
            return relation.object
        path = (self._catalog.target, schema, line.name)
        said = self._effects.get(path, ())
        known = schema == "pg_temp" or line.kind == "C" or any(effect.object.known for effect in said)
        labels = frozenset({"catalog"}) if line.kind == "C" else frozenset[str]()
        return Object(kind=ObjectKind.TABLE, path=path, known=known, labels=labels)


def _reversible(lines: Sequence[Line], intents: Sequence[Intent]) -> bool | None:
    """Whether undoing would leave nothing behind; None where code ran that nobody followed.

    A sequence keeps what was taken from it, a message is sent, a file written (threats.md 9).
    """
    outside = {ObjectKind.PROGRAM, ObjectKind.FILE}
    loud = any(
        effect.object.kind in outside or effect.object.path[1:2] == ("channel",)
        for intent in intents
        for effect in intent.effects
        if effect.verb is not Verb.READ
    )
    if loud or any(line.kind == "S" for line in lines):
        return False
    return None if opaque(intents) else True
