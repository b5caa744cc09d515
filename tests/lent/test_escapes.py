"""Ways out that were tried: each gains nothing, because the login behind a session holds nothing (threats.md 13)."""

from typing import Any

import psycopg
import pytest

from tests.lent.looking import held, login_of
from tests.stand import CALLER, Stand


def still_powerless(stand: Stand, session: "psycopg.Connection[Any]", login: str) -> None:
    """Whatever was tried, nothing is held now; a session that the gateway ended holds nothing either."""
    assert held_or_gone(stand, login) == set()
    if not session.closed:
        assert session.execute("SELECT session_user, current_user").fetchone() == (login, login)


def held_or_gone(stand: Stand, login: str) -> set[str]:
    """What a login holds; one that was dropped holds nothing."""
    try:
        return held(stand, login)
    except psycopg.errors.UndefinedObject:
        return set()


@pytest.mark.parametrize(
    "text",
    [
        "SET ROLE {owner}",
        "SET LOCAL ROLE {owner}",
        "SET SESSION AUTHORIZATION {owner}",
        "SELECT set_config('role', '{owner}', false)",
        "SELECT escape()",
        "SELECT reset_all()",
        "RESET ROLE; SELECT count(*) FROM items",
        "RESET ALL; SELECT count(*) FROM items",
        "DISCARD ALL",
        "DO $$ BEGIN SET ROLE {owner}; END $$",
        "CREATE TABLE mine AS SELECT * FROM items; DROP TABLE mine",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "GRANT {owner} TO {login}",
        "GRANT SELECT ON items TO {login}",
        "ALTER ROLE {login} SUPERUSER",
        "ALTER TABLE items OWNER TO {login}",
        "CREATE OR REPLACE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON items TO SESSION_USER",
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
def test_it_gains_nothing(stand: Stand, text: str, inside: bool) -> None:
    with psycopg.connect(stand.dsn(CALLER), autocommit=True) as session:
        login = login_of(stand, session)
        try:
            if inside:
                session.execute("BEGIN")
            session.execute(text.format(owner=stand.role, login=f'"{login}"').encode())
            if inside:
                assert held(stand, login) == set()
                session.execute("COMMIT")
        except psycopg.Error:
            if not session.closed:
                session.execute("ROLLBACK")
        still_powerless(stand, session, login)
    owned = (
        "SELECT count(*) FROM pg_class WHERE starts_with(pg_get_userbyid(relowner), 'il_') AND relpersistence <> 't'"
    )
    assert stand.ask(owned) == 0


def test_a_temporary_view_reads_nothing_by_itself(stand: Stand) -> None:
    """It belongs to the login, and is as powerless: what it reads is lent to whoever may read that, or not at all."""
    with stand.connect() as session:
        login = login_of(stand, session)
        session.execute("CREATE TEMP VIEW peek AS SELECT secret FROM items")
        assert held(stand, login) == set()
        with psycopg.connect(stand.truth, autocommit=True) as admin:
            admin.execute(f'SET SESSION AUTHORIZATION "{login}"'.encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute("SELECT secret FROM public.items")
        still_powerless(stand, session, login)


def test_a_cursor_is_fetched_from_by_commands_of_their_own(stand: Stand) -> None:
    with stand.connect() as session:
        login = login_of(stand, session)
        with session.transaction():
            session.execute("DECLARE kept CURSOR FOR SELECT id FROM items ORDER BY id")
            assert session.execute("FETCH 2 FROM kept").fetchall() == [(1,), (2,)]
            assert held(stand, login) == set()
            assert session.execute("FETCH 1 FROM kept").fetchall() == [(3,)]
        still_powerless(stand, session, login)


def test_its_password_is_nobodys_and_opens_nothing_later(stand: Stand) -> None:
    with stand.connect() as session:
        login = login_of(stand, session)
        asked = "SELECT rolconnlimit, rolvaliduntil < now() + interval '31 s', rolsuper OR rolcreaterole OR rolcreatedb"
        with psycopg.connect(stand.truth) as admin:
            row = admin.execute(f"{asked} FROM pg_roles WHERE rolname = %s".encode(), (login,)).fetchone()
        assert row == (1, True, False)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(stand.server.dsn(stand.database, login, stand.password, tcp=True))


def test_what_the_minter_may_not_pass_on_is_refused_in_words(stand: Stand) -> None:
    """Nothing is sent that could not be lent what it needs, and the session goes on."""
    with stand.connect(CALLER) as session:
        login = login_of(stand, session)
        stand.ask("CREATE TABLE public.foreign_made (id int)")  # by the superuser: the minter may not grant it
        try:
            wait_and_read(session)
            assert session.execute("SELECT count(*) FROM notes").fetchone() is not None
            still_powerless(stand, session, login)
        finally:
            stand.ask("DROP TABLE public.foreign_made")


def wait_and_read(session: "psycopg.Connection[Any]") -> None:
    """What is read as nobody's is refused; what is not lent is refused as well, in words."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        session.execute("SELECT id FROM public.foreign_made")
    assert "interlock" in str(refused.value)
