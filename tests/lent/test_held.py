"""While idle a session holds nothing; while a command runs, exactly what that command needs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.lent.looking import held, login_of, nothing_left, waiting
from tests.lent.working import pipe_and_copy
from tests.stand import CALLER, Stand


@contextmanager
def locked(stand: Stand, lock: str) -> Iterator[None]:
    """Somebody else holds this lock, around the gateway."""
    with psycopg.connect(stand.truth) as admin:
        admin.execute(lock.encode())
        yield
        admin.rollback()


@pytest.fixture
def session(stand: Stand) -> Iterator["psycopg.Connection[Any]"]:
    with stand.connect() as connection:
        yield connection


def test_idle_it_may_do_nothing(stand: Stand, session: "psycopg.Connection[Any]") -> None:
    login = login_of(stand, session)
    assert login.startswith("il_")
    assert held(stand, login) == set()
    assert session.execute("SELECT count(*) FROM items").fetchone() == (1000,)
    assert held(stand, login) == set()
    assert stand.ask("SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole", login) == 0
    assert (
        stand.ask("SELECT count(*) FROM pg_shdepend WHERE refobjid = %s::regrole AND deptype IN ('a', 'o')", login) == 0
    )


EXACTLY = {
    "UPDATE items SET price = price + 1 WHERE id = 7": {
        "SELECT public.items.id",
        "SELECT public.items.price",
        "UPDATE public.items.price",
        "USAGE public",
    },
    "SELECT name FROM items WHERE id = 7": {
        "SELECT public.items.id",
        "SELECT public.items.name",
        "USAGE public",
    },
    "INSERT INTO notes (item, body) VALUES (7, 'new')": {
        "INSERT public.notes.item",
        "INSERT public.notes.body",
        "USAGE public.notes_id_seq",
        "USAGE public",
    },
    "DELETE FROM notes WHERE id = 7": {
        "SELECT public.notes.id",
        "DELETE public.notes",
        "USAGE public",
    },
    "SELECT count(*) FROM books.entries": {"SELECT books.entries.id", "USAGE books"},
}


@pytest.mark.parametrize("text", EXACTLY)
def test_running_it_may_do_exactly_this(stand: Stand, session: "psycopg.Connection[Any]", text: str) -> None:
    login = login_of(stand, session)
    session.execute(text.encode())  # the first time somebody needs this shape, its role is made
    table = next(name for name in ("notes", "books.entries", "items") if name in text)
    with ThreadPoolExecutor(1) as pool:
        with locked(stand, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
            running = pool.submit(session.execute, text.encode())
            waiting(stand, login)
            assert held(stand, login) == EXACTLY[text]
        running.result(20)
    assert held(stand, login) == set()


def test_after_an_error_it_holds_nothing(stand: Stand, session: "psycopg.Connection[Any]") -> None:
    login = login_of(stand, session)
    with pytest.raises(psycopg.errors.DivisionByZero):
        session.execute("SELECT price / (id - id) FROM items")
    assert held(stand, login) == set()
    assert session.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("item 1",)


def test_after_a_cancel_it_holds_nothing(stand: Stand, session: "psycopg.Connection[Any]") -> None:
    login = login_of(stand, session)
    session.execute("SELECT name FROM items WHERE id = 1")  # its shape's role is made
    with ThreadPoolExecutor(1) as pool, locked(stand, "LOCK TABLE items IN ACCESS EXCLUSIVE MODE"):
        running = pool.submit(session.execute, "SELECT name FROM items WHERE id = 1")
        waiting(stand, login)
        assert held(stand, login) != set()
        session.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            running.result(20)
        assert held(stand, login) == set()


def test_a_client_that_is_lost_leaves_no_login(stand: Stand) -> None:
    session = stand.connect()
    login = login_of(stand, session)
    session.execute("SELECT name FROM items WHERE id = 1")  # its shape's role is made
    with ThreadPoolExecutor(1) as pool, locked(stand, "LOCK TABLE items IN ACCESS EXCLUSIVE MODE"):
        running = pool.submit(session.execute, "SELECT name FROM items WHERE id = 1")
        waiting(stand, login)
        session.pgconn.finish()
        assert running.exception(20) is not None
        nothing_left(stand)


def test_a_session_that_ends_leaves_no_login(stand: Stand) -> None:
    with stand.connect() as session:
        session.execute("CREATE TEMP TABLE mine AS SELECT id FROM items")
        assert session.execute("SELECT count(*) FROM mine").fetchone() == (1000,)
        login = login_of(stand, session)
    nothing_left(stand)
    assert stand.ask("SELECT count(*) FROM pg_roles WHERE rolname = %s", login) == 0


def test_in_a_transaction_each_command_is_lent_its_own(stand: Stand, session: "psycopg.Connection[Any]") -> None:
    login = login_of(stand, session)
    with session.transaction():
        assert session.execute("SELECT name FROM items WHERE id = 5").fetchone() == ("item 5",)
        assert held(stand, login) == set()
        session.execute("UPDATE items SET price = 6 WHERE id = 5")
        assert held(stand, login) == set()
        session.execute("INSERT INTO books.entries (amount) VALUES (1)")
        assert session.execute("SELECT amount FROM books.entries").fetchall() == [(1,)]
        assert held(stand, login) == set()
    assert stand.ask("SELECT price FROM items WHERE id = 5") == 6


def test_structures_are_changed_as_the_owner_for_one_command(stand: Stand) -> None:
    with stand.connect(CALLER) as session:
        login = login_of(stand, session)
        session.execute("CREATE TABLE made (id int)")
        assert stand.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'made'") == stand.role
        assert held(stand, login) == set()
        with session.transaction():
            session.execute("ALTER TABLE made ADD COLUMN more int")
            assert session.execute("SELECT current_user").fetchone() == (login,)
            assert held(stand, login) == set()
        session.execute("DROP TABLE made")
        assert held(stand, login) == set()


def test_clients_work_as_they_do_elsewhere(stand: Stand, session: "psycopg.Connection[Any]") -> None:
    pipe_and_copy(session)
    with session.cursor().copy("COPY (SELECT id FROM items WHERE name = 'copied') TO STDOUT") as copy:
        assert len(list(copy.rows())) == 10
    assert session.execute("SELECT count(*) FROM cheap").fetchone() is not None
    cursor = session.execute("SELECT name FROM items WHERE id = %s", (3001,), prepare=True)
    assert cursor.fetchone() == ("copied",)
    session.execute("SELECT 1; SELECT count(*) FROM items; SELECT count(*) FROM notes")
    session.execute("DELETE FROM items WHERE id BETWEEN 2001 AND 2100")
