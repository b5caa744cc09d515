"""What roles hold, seen from a second connection: every user relation, column, sequence, function and schema."""

from typing import Any, Final

import psycopg

from tests.stand import Stand, wait_for

_USERS: Final = "nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%%'"
_HELD: Final = f"""
    WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE {_USERS}),
    things AS (SELECT c.oid, relkind, nspname || '.' || relname AS name FROM pg_class c JOIN ours n
        ON n.oid = relnamespace WHERE relkind IN ('r', 'v', 'm', 'p', 'f', 'S'))
    SELECT p || ' ' || name FROM things, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
        'REFERENCES', 'TRIGGER']) p WHERE relkind <> 'S' AND has_table_privilege(%(login)s, oid, p)
    UNION ALL SELECT p || ' ' || name || '.' || attname FROM things JOIN pg_attribute ON attrelid = oid,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
        WHERE relkind <> 'S' AND NOT attisdropped AND has_column_privilege(%(login)s, oid, attnum, p)
    UNION ALL SELECT p || ' ' || name FROM things, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) p
        WHERE relkind = 'S' AND has_sequence_privilege(%(login)s, oid, p)
    UNION ALL SELECT 'EXECUTE ' || nspname || '.' || proname FROM pg_proc JOIN ours n ON n.oid = pronamespace
        WHERE has_function_privilege(%(login)s, pg_proc.oid, 'EXECUTE')
    UNION ALL SELECT p || ' ' || nspname FROM ours, unnest(ARRAY['USAGE', 'CREATE']) p
        WHERE has_schema_privilege(%(login)s, oid, p)
"""
LOGINS: Final = "SELECT count(*)::int FROM pg_roles WHERE starts_with(rolname, 'il_') AND rolname ~ '_s_'"
OURS: Final = "SELECT coalesce(string_agg(rolname, ' '), '') FROM pg_roles WHERE starts_with(rolname, 'il_')"


def login_of(stand: Stand, connection: Any) -> str:
    """Whom a session of the gateway's is on the target, as it says itself."""
    return str(connection.execute("SELECT session_user").fetchone()[0])


def held(stand: Stand, login: str) -> set[str]:
    """Every privilege that a login has now, however it came to it."""
    with psycopg.connect(stand.truth, autocommit=True) as admin:
        return {row[0] for row in admin.execute(_HELD.encode(), {"login": login}).fetchall()}


def waiting(stand: Stand, login: str) -> None:
    """Returns once a command of this login waits for a lock."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'"
    wait_for(lambda: bool(stand.ask(blocked, login)), what=lambda: f"{login} waits for a lock")


def nothing_left(stand: Stand) -> None:
    """Returns once no login of a session is there any more."""
    wait_for(lambda: stand.ask(LOGINS) == 0, what=lambda: str(stand.ask(OURS)), seconds=60)
