"""Settings that hold credentials, and what a login that may see them all is shown."""

import json

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.intent.sql import Catalog, Scope, understand
from tests.conftest import Database
from tests.intent.sql.catalog.test_catalog import load, read
from tests.intent.sql.shop import CATALOG

# (text, whether a login that sees every setting may send it)
LISTS = (
    ("SELECT name, setting FROM pg_settings", False),
    ("SELECT * FROM pg_settings WHERE name LIKE 'primary%'", False),
    ("SELECT setting FROM pg_settings WHERE name = $1", False),
    ("SELECT setting FROM pg_settings WHERE name = 'work_mem' OR true", False),
    ("SELECT setting FROM pg_settings AS s(x, name) WHERE name = 'on'", False),
    ("SELECT s.setting FROM pg_settings s, pg_settings t WHERE t.name = 'work_mem' AND s.pending_restart", False),
    ("SELECT name, current_setting(name) FROM pg_settings", False),
    ("SELECT current_setting($1)", False),
    ("SELECT pg_show_all_settings()", False),
    ("SELECT * FROM pg_show_all_settings()", False),
    ("SHOW ALL", False),
    ("SELECT setting FROM pg_settings WHERE name LIKE 'archive%'", False),
    ("SELECT setting FROM pg_settings WHERE name ILIKE '%\\_COMMAND'", False),
    ("SELECT setting FROM pg_settings WHERE name NOT LIKE 'work%'", False),
    ("SELECT setting FROM pg_settings WHERE name LIKE $1", False),
    ("SELECT setting FROM pg_settings WHERE category LIKE 'Auto%'", False),
    ("SELECT name, setting FROM pg_settings WHERE name LIKE 'autovacuum%'", True),
    ("SELECT setting FROM pg_settings WHERE name ILIKE 'MAX_%' AND unit IS NOT NULL", True),
    ("SELECT setting FROM pg_settings WHERE name = 'work_mem'", True),
    ("SELECT name, setting FROM pg_settings s WHERE s.name IN ('work_mem', 'jit') AND s.setting <> ''", True),
    ("SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'", True),
    ("SELECT name, context, short_desc FROM pg_settings", True),
    ("SELECT current_setting('work_mem'), current_setting('app.' || $1)", True),
    ("SHOW work_mem", True),
)


def understood(text: str, user: str, catalog: Catalog = CATALOG) -> bool:
    (statement,) = understand(text, Scope(catalog=catalog, target="shop", user=user))
    return statement.intent.understood


@pytest.mark.parametrize(("text", "allowed"), LISTS)
def test_a_list_of_settings_says_which_where_the_login_sees_them_all(text: str, allowed: bool) -> None:
    assert CATALOG.settings_readers == {"postgres"}
    assert understood(text, "app_user")
    assert understood(text, "postgres") is allowed


@pytest.mark.parametrize(("text", "allowed"), LISTS)
def test_commands_that_are_set_are_shown_by_the_server_to_everybody(text: str, allowed: bool) -> None:
    """A driver that asks for one setting by a parameter gets it even so: SQLAlchemy reflects tables like that."""
    saved = json.loads(CATALOG.to_json())
    saved["rows"]["server"][0]["commands_hold"] = True
    archiving = Catalog.from_json(json.dumps(saved).encode())
    assert understood(text, "app_user", archiving) is (allowed or text == "SELECT current_setting($1)")


def test_whether_a_command_is_set_is_known_from_the_server() -> None:
    settings = {"archive_cleanup_command": "aws s3 rm --key AKIA"}
    with EmbeddedPostgres(settings=settings) as server, psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE ROLE il_blind; SET ROLE il_blind")
        assert connection.execute("SHOW archive_cleanup_command").fetchone() == ("aws s3 rm --key AKIA",)
        assert read(connection).commands_hold
    assert not CATALOG.commands_hold


def test_who_sees_every_setting_is_known_from_the_server(database: Database) -> None:
    with load(database) as connection:
        connection.execute(
            "CREATE ROLE il_watching; GRANT pg_monitor TO il_watching; CREATE ROLE il_inner IN ROLE il_watching"
        )
        connection.execute("CREATE ROLE il_blind")
        try:
            readers = read(connection).settings_readers
        finally:
            connection.execute("DROP ROLE il_watching, il_inner, il_blind")
    assert readers >= {"postgres", "il_watching", "il_inner"}
    assert "il_blind" not in readers
