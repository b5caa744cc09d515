"""Preparing a target and looking at it, on real servers."""

import asyncio

import psycopg
import pytest
from psycopg import sql

from interlock.access.verifier import derive_verifier
from interlock.app.certificates import client_context
from interlock.gateways.postgres.target.admin import (
    Login,
    PreparationFailed,
    TargetUnreachable,
    Wish,
    apply,
    look,
    preparation,
    quote_name,
    quote_text,
)
from tests.conftest import Database

ROLE, PASSWORD = "gate\"way$do$'", "pencil"


@pytest.fixture
def roles(database: Database):
    """Drops what the tests grant, whichever server it is on."""
    yield
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        for role in (ROLE, "owner_of_all"):
            if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                admin.execute(sql.SQL("DROP OWNED BY {0}").format(sql.Identifier(role)))
                admin.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(role)))


def login(at, **changes):
    known = {
        "host": str(at.server.socket_dir),
        "port": at.server.port,
        "database": at.name,
        "user": ROLE,
        "password": PASSWORD,
        "tls": None,
    }
    return Login(**known | changes)


def wish(database, **changes):
    verifier = derive_verifier(PASSWORD, salt=b"s" * 16)
    return Wish(**{"database": database.name, "role": ROLE, "schemas": ["public"], "verifier": verifier} | changes)


def prepare(database, **changes):
    asyncio.run(apply(database.dsn, preparation(wish(database, **changes))))


def allowed(database, query):
    with psycopg.connect(database.dsn_as(ROLE, PASSWORD)) as connection:
        try:
            connection.execute(query)
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True


@pytest.mark.usefixtures("roles")
def test_a_prepared_role_reads_and_nothing_else(database: Database):
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE t (id serial, n int); CREATE SCHEMA hidden; CREATE TABLE hidden.t ()")
    prepare(database)
    prepare(database)  # a second time does no harm
    assert allowed(database, "SELECT * FROM t")
    for refused in ("INSERT INTO t VALUES (1)", "DELETE FROM t", "SELECT * FROM hidden.t", "DROP TABLE t"):
        assert not allowed(database, refused)
    standing = asyncio.run(look(login(database)))
    assert standing.powers == ()
    assert standing.owns == 0
    assert standing.openings is None
    assert standing.settings["track_counts"] == "on"
    assert standing.major in (15, 18)


@pytest.mark.usefixtures("roles")
def test_writing_and_the_future_are_granted_when_asked_for(database: Database):
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE owner_of_all; GRANT ALL ON SCHEMA public TO owner_of_all")
        prepare(database, write=True, owners=["owner_of_all"])
        admin.execute("SET ROLE owner_of_all; CREATE TABLE t (id serial, n int)")
    assert allowed(database, "INSERT INTO t (n) VALUES (1)")
    assert not allowed(database, "TRUNCATE t")


@pytest.mark.usefixtures("roles")
def test_public_loses_its_defaults_only_when_asked(database: Database):
    query = "SELECT has_database_privilege('public', current_database(), 'CONNECT')"
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        prepare(database)
        assert admin.execute(query).fetchone() == (True,)
        prepare(database, revoke_public=True)
        assert admin.execute(query).fetchone() == (False,)
    assert allowed(database, "SELECT 1")


@pytest.mark.usefixtures("roles")
def test_what_the_target_refuses_leaves_nothing_behind(database: Database):
    with pytest.raises(PreparationFailed, match=r'schema "missing" does not exist'):
        prepare(database, schemas=["public", "missing"])
    with psycopg.connect(database.dsn) as admin:
        assert admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None


@pytest.mark.usefixtures("roles")
def test_powers_possessions_and_company_are_seen(database: Database):
    prepare(database)
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        role = sql.Identifier(ROLE)
        admin.execute(sql.SQL("ALTER ROLE {} CREATEROLE BYPASSRLS").format(role))
        admin.execute(sql.SQL("CREATE TABLE mine (); ALTER TABLE mine OWNER TO {}").format(role))
        standing = asyncio.run(look(login(database)))
    assert standing.powers == ("BYPASSRLS", "CREATEROLE")
    assert standing.owns == 1
    assert standing.others == {"postgres": 1}


def test_an_administrator_sees_who_is_let_in(database: Database):
    user, password = "postgres", database.server.password
    standing = asyncio.run(look(login(database, user=user, password=password)))
    assert "SUPERUSER" in standing.powers
    assert [(opening.users, opening.address) for opening in standing.openings] == [(("all",), "127.0.0.1")]


def test_tls_is_verified_and_seen(database15: Database, authority):
    tls = client_context(verify_name=True, authority=authority.root)
    known = {"host": "127.0.0.1", "user": "postgres", "password": database15.server.password}
    assert asyncio.run(look(login(database15, **known, tls=tls))).encrypted
    with pytest.raises(TargetUnreachable, match="set `ca`"):
        asyncio.run(look(login(database15, **known, tls=client_context(verify_name=True, authority=None))))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "wrong"}, "check user and password"),
        ({"database": "nowhere"}, "check `database`"),
        ({"host": "127.0.0.1", "port": 1}, "that the server runs"),
        ({"host": "/nowhere"}, "that the server runs"),
    ],
)
def test_a_target_that_lets_nobody_in_says_why(database18: Database, changes, says):
    known = {"user": "postgres", "password": database18.server.password}
    with pytest.raises(TargetUnreachable, match=says):
        asyncio.run(look(login(database18, **known | changes)))


def test_a_target_without_tls_is_told_apart(database18: Database):
    known = {"user": "postgres", "password": database18.server.password, "host": "127.0.0.1"}
    with pytest.raises(TargetUnreachable, match="no TLS"):
        asyncio.run(look(login(database18, **known, tls=client_context(verify_name=False, authority=None))))


@pytest.mark.parametrize("text", ["it's", "back\\slash", "\\'; DROP TABLE t; --", 'quo"te', "$do$"])
def test_names_and_texts_are_quoted(database18: Database, text):
    with psycopg.connect(database18.dsn) as connection:
        for setting in ("on", "off"):
            connection.execute(f"SET standard_conforming_strings = {setting}".encode())
            query = f"SELECT {quote_text(text)} AS {quote_name(text)}".encode()
            cursor = connection.execute(query)
            assert (cursor.description[0].name, cursor.fetchone()) == (text, (text,))


@pytest.mark.parametrize("session", [None, "public"])
def test_what_counting_asks_and_sessions_may_not(database: Database, roles, session):
    prepare(database)
    assert asyncio.run(look(login(database), session=session)).withheld == ()
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC")
        admin.execute("REVOKE SELECT ON pg_locks FROM PUBLIC")
    withheld = asyncio.run(look(login(database), session=session)).withheld
    assert [what.partition("(")[0] for what in withheld] == [
        "FUNCTION pg_catalog.pg_walfile_name",
        "TABLE pg_catalog.pg_locks",
    ]
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        for what in withheld:
            right = "EXECUTE" if what.startswith("FUNCTION") else "SELECT"
            admin.execute(f"GRANT {right} ON {what} TO PUBLIC".encode())  # as the doctor says it
    assert asyncio.run(look(login(database), session=session)).withheld == ()
