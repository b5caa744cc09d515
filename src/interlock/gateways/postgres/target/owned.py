"""The gateway's own statements on a client's upstream session: named `il_*`, prepared once, never the client's."""

from collections.abc import Callable, Set as AbstractSet
from typing import Final

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.target import stamps
from interlock.impact import postgres as count
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_close,
    build_error,
    build_execute,
    build_parse,
    build_sync,
)

PREFIX: Final = "il_"

# Settings that change what text means and that nobody may change behind our back (threats.md 10). Each is
# compared with the value it had when the session began, after any code that is not built in has run.
WATCHED: Final = (
    "standard_conforming_strings",
    "transform_null_equals",
    "backslash_quote",
    "array_nulls",
    "default_transaction_read_only",
    "session_replication_role",
    "role",
    "session_authorization",
    "client_encoding",
    "lo_compat_privileges",
    "track_counts",
    "local_preload_libraries",
)

_PATH: Final = "pg_catalog.current_setting('search_path')"
_TEMP_LAST: Final = (
    f"CASE WHEN {_PATH} OPERATOR(pg_catalog.=) '' THEN 'pg_temp' ELSE pg_catalog.concat({_PATH}, ', pg_temp') END"
)

# What measured work may take: a client's own limit holds where it is tighter (postgres.md, "Session").
MOST: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "1min",
}


def _at_most(name: str, most: str) -> str:
    own = f"pg_catalog.current_setting('{name}')"
    span = f"{own}::pg_catalog.interval"
    tighter = f"{span} OPERATOR(pg_catalog.>) '0'::pg_catalog.interval AND {span} OPERATOR(pg_catalog.<) '{most}'"
    return f"pg_catalog.set_config('{name}', CASE WHEN {tighter} THEN {own} ELSE '{most}' END, true)"


GUARD: Final = "SELECT " + ", ".join(_at_most(name, most) for name, most in MOST.items())

_STATEMENTS: Final = {
    "il_begin": "BEGIN READ WRITE",
    "il_commit": "COMMIT",
    "il_rollback": "ROLLBACK",
    "il_mark": "SAVEPOINT il_mark",
    "il_confine": "SET LOCAL transaction_read_only = on",
    "il_release": "RELEASE SAVEPOINT il_mark",
    "il_path": f"SELECT {_PATH}",
    "il_temp_last": f"SELECT pg_catalog.set_config('search_path', {_TEMP_LAST}, false)",
    "il_temp_last_here": f"SELECT pg_catalog.set_config('search_path', {_TEMP_LAST}, true)",
    "il_pins": "SELECT pg_catalog.concat_ws(E'\\x01', "
    + ", ".join(f"pg_catalog.current_setting('{name}', true)" for name in WATCHED)
    + ")",
    stamps.NAME: stamps.FRESH,
    # Statements and cursors by name, each with the text it was made of.
    "il_names": "SELECT pg_catalog.concat('s', p.name, E'\\x01', p.statement) "
    "FROM pg_catalog.pg_prepared_statements AS p UNION ALL "
    "SELECT pg_catalog.concat('c', c.name, E'\\x01', c.statement) FROM pg_catalog.pg_cursors AS c",
    "il_count": count.COUNT,
    "il_count_all": count.COUNT_ALL,
    "il_recount": count.RECOUNT,
    "il_flush": count.FLUSH,
    "il_immediate": "SET CONSTRAINTS ALL IMMEDIATE",
    "il_guard": GUARD,
    # After a change of roles: a lock taken anew hears of it, and the path is worked out again. In a transaction that is
    # open PostgreSQL does neither by itself, and 15 does not do the second even in the next one.
    "il_hear": f"SELECT pg_catalog.set_config('search_path', {_PATH}, true), "
    "pg_catalog.pg_relation_size(3596::pg_catalog.regclass)",
    "il_become": "SELECT pg_catalog.set_config('role', $1, true)",
    # Not for the transaction alone: code that ran with the role may have taken it on for good (threats.md 13).
    "il_put_down": "SELECT pg_catalog.set_config('role', 'none', false)",
    "il_unlock": "SET default_transaction_read_only = off",
    "il_lock": "SET default_transaction_read_only = on",
}

_WITHHELD: Final = "42501"
NOT_COUNTED: Final = build_error(
    "ERROR",
    _WITHHELD,
    "interlock could not count what this touches, so it was taken back",
    detail="The target withholds a function or a view of pg_catalog that counting asks. Nothing has changed.",
    hint="Ask the gateway's operator to run `interlock doctor`: it names what the target's administrator has to grant.",
)

# What a client of the simple protocol sees when its Query was sent as an extended group.
SIMPLE_SHOWS: Final = frozenset({kinds.ROW_DESCRIPTION, kinds.EMPTY_QUERY_RESPONSE})

HELD: Final = "SELECT p.name FROM pg_catalog.pg_prepared_statements AS p"


def prepare(held: AbstractSet[str] = frozenset()) -> tuple[bytes, list[Due]]:
    """Parse of each statement of ours that is not `held`, and what is owed for it."""
    wanted = [build_parse(name, text) for name, text in _STATEMENTS.items() if name not in held]
    return b"".join(wanted), [Due(kinds.PARSE, Show.NOTHING) for _ in wanted]


def run(name: str) -> bytes:
    """Bind, Execute and Close of one of our statements, in a portal of the same name."""
    return build_bind(name, name) + build_execute(name) + build_close(Part.PORTAL, name)


def become(role: str) -> bytes:
    """Take on a role until the transaction ends. Owes what `run` owes."""
    bound = build_bind("il_become", "il_become", [role.encode()])
    return bound + build_execute("il_become") + build_close(Part.PORTAL, "il_become")


def run_dues(rows: Callable[[bytes], None] | None = None, *, done: Callable[[], None] | None = None) -> list[Due]:
    """What is owed for `run`; `rows` is given the DataRows, `done` is told when it has run."""
    execute = Due(kinds.EXECUTE, Show.NOTHING, rows=rows, done=done)
    return [Due(kinds.BIND, Show.NOTHING), execute, Due(kinds.CLOSE, Show.NOTHING)]


def count_dues(rows: Callable[[bytes], None]) -> list[Due]:
    """What is owed for a count; where the target withholds what it asks, the client is told that and not what."""
    bind = Due(kinds.BIND, Show.NOTHING, instead=NOT_COUNTED, fails=_WITHHELD)  # privileges are looked at here
    execute = Due(kinds.EXECUTE, Show.NOTHING, rows=rows, instead=NOT_COUNTED, fails=_WITHHELD)
    return [bind, execute, Due(kinds.CLOSE, Show.NOTHING)]


def bare_dues() -> list[Due]:
    """What is owed for COMMIT, and for UNDO."""
    return [Due(kind, Show.NOTHING) for kind in (kinds.BIND, kinds.EXECUTE)]


BEGIN: Final = run("il_begin")
# COMMIT and ROLLBACK destroy their own portal with all others: nothing to close.
COMMIT: Final = build_bind("il_commit", "il_commit") + build_execute("il_commit")
UNLOCK: Final = run("il_unlock") + build_sync()
LOCK: Final = run("il_lock") + build_sync()
IMMEDIATE: Final = run("il_immediate")
FLUSH_COUNTS: Final = run("il_flush")
FLUSH_NOW: Final = FLUSH_COUNTS + build_sync()
LIMITS: Final = run("il_guard")
CONFINE: Final = run("il_mark") + run("il_confine")
RELEASE: Final = run("il_release")
HEAR: Final = run("il_hear")
UNDO: Final = build_bind("il_rollback", "il_rollback") + build_execute("il_rollback")
ROLL_BACK: Final = UNDO + build_sync()

# The Execute that fails a group without running anything: no such portal can exist (postgres.md, "Refusing").
POISON: Final = build_execute("il_refused")
