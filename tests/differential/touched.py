"""What a text really touched, as the server counts it: rows written, locks held, catalogue rows changed."""

from dataclasses import dataclass
from typing import Final

import psycopg

from interlock.model import Verb
from tests.differential.holding import Name
from tests.differential.stage import Ran, Stage

# What this session wrote to each relation so far; taken before and after, inside the transaction.
_COUNTERS: Final = """
SELECT c.oid::bigint, pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),
  pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
FROM pg_catalog.pg_class c WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[])
  AND (pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) OPERATOR(pg_catalog.>) 0::bigint
    OR pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) OPERATOR(pg_catalog.>) 0::bigint
    OR pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) OPERATOR(pg_catalog.>) 0::bigint)
"""
_LOCKS: Final = """
SELECT l.relation::bigint, l.mode FROM pg_catalog.pg_locks l
WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
"""
_VERBS: Final = (Verb.CREATE, Verb.CHANGE, Verb.DELETE)
# Lock modes that only a change of the structure (or TRUNCATE, LOCK, REFRESH, CREATE INDEX) takes.
_STRONG: Final = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
_SYSTEM: Final = {"pg_catalog", "pg_toast", "information_schema"}
_KINDS: Final = {"r", "p", "v", "m", "f", "i", "I"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """By name (schema, relation): `written` with the verbs of the rows that changed, `opened` for writing whether or
    not a row was met, `locked` as a change of structure is, `read`.

    `catalogue` lists the catalogues whose rows changed, `above` gives the relations whose rows or parts a relation is.
    """

    written: dict[Name, frozenset[Verb]]
    opened: frozenset[Name]
    locked: frozenset[Name]
    read: frozenset[Name]
    catalogue: frozenset[str]
    above: dict[Name, frozenset[Name]]


def touch(stage: Stage, text: str, *before: str) -> tuple[Ran, Touched | None]:
    """Run a text in a transaction that is undone; None where the server did not take it, or where it ended ours."""
    stage.session.pgconn.exec_(b"BEGIN")
    for statement in before:
        made = stage.run(statement)
        if made.error is not None or made.ended:
            stage.undo(spoilt=made.ended)
            return made, None
    first = _counters(stage)
    held = frozenset(stage.rows(_LOCKS))
    ran = stage.run(text)
    touched = None
    if ran.error is None and not ran.ended:
        # Deferred triggers act at the end of the transaction, and count like everything else.
        settled = stage.run("RESET SESSION AUTHORIZATION; RESET ROLE; SET CONSTRAINTS ALL IMMEDIATE")
        ran = ran if settled.error is None else settled
        try:
            touched = _compare(stage, first, held) if settled.error is None else None
        except psycopg.Error as error:
            # It took the catalogue itself apart.
            ran = Ran(error=str(error), ended=True)
    stage.undo(spoilt=ran.ended)
    return ran, touched


def _counters(stage: Stage) -> dict[int, tuple[int, ...]]:
    return {int(str(oid)): tuple(int(str(count)) for count in counts) for oid, *counts in stage.rows(_COUNTERS)}


def _compare(stage: Stage, first: dict[int, tuple[int, ...]], before: frozenset[tuple[object, ...]]) -> Touched:
    written: dict[Name, frozenset[Verb]] = {}
    catalogue: set[str] = set()
    for oid, counts in _counters(stage).items():
        earlier = first.get(oid, (0, 0, 0))
        verbs = frozenset(verb for verb, old, new in zip(_VERBS, earlier, counts, strict=True) if new > old)
        # What the text made itself is no loss to anybody.
        held = stage.holding.relations.get(oid)
        if held is None or not verbs:
            continue
        if held.name[0] == "pg_catalog":
            catalogue.add(held.name[1])
        else:
            # A materialised view is filled as a whole.
            written[held.name] = verbs if held.kind != "m" else frozenset({Verb.CHANGE})
    opened: set[Name] = set()
    locked: set[Name] = set()
    read: set[Name] = set()
    for oid, mode in frozenset(stage.rows(_LOCKS)) - before:
        held = stage.holding.relations.get(int(str(oid)))
        if held is None or held.kind not in _KINDS or held.name[0] in _SYSTEM:
            continue
        index = held.kind in {"i", "I"}
        if mode in _STRONG:
            locked.add(held.name)
        elif mode == "RowExclusiveLock" and not index:
            opened.add(held.name)
        elif mode == "AccessShareLock" and not index:
            read.add(held.name)
    return Touched(
        written=written,
        opened=frozenset(opened),
        locked=frozenset(locked),
        read=frozenset(read),
        catalogue=frozenset(catalogue),
        above=stage.holding.above,
    )
