"""Access for the time of a lease: its scope and nothing else, from its first command until it ends."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from interlock.app.approvals import Desk
from interlock.app.approvals.messages import AskLease
from interlock.app.embedded import EmbeddedPostgres
from interlock.model import Verb
from tests.lent.conftest import lending
from tests.lent.looking import held as all_held, login_of, nothing_left, waiting
from tests.lent.working import pipe_and_copy
from tests.stand import Stand

CHANGE = "UPDATE items SET price = price + 1 WHERE id = 7"
COLUMNS = ("id", "name", "price", "secret")


@pytest.fixture(scope="module", params=["18", "15"])
def leased(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    with lending(server, tmp_path_factory.mktemp(f"leased{request.param}"), access="per-lease") as made:
        made.start()
        yield made
        assert made.stop() == 0
        assert "bug" not in made.log, made.log
        assert "Traceback" not in made.log, made.log
        made.verify()
        assert made.ask("SELECT count(*)::int FROM pg_roles WHERE starts_with(rolname, 'il_')") == 0


@pytest.fixture
def stand(leased: Stand) -> Iterator[Stand]:
    yield leased
    with Desk(leased.directory / ".interlock" / "approvals.sock") as desk:
        for lease in desk.open():
            desk.decide(lease.id, "revoke")


def lend(stand: Stand, *verbs: Verb, objects: str = "public.items") -> str:
    """A lease that policy grants by itself."""
    asked = AskLease(
        target="stand", name="access", verbs=[*verbs], objects=[objects], seconds=3600, purpose="a test", ticket=None
    )
    with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
        desk.be("ana", stand.secret)
        lease = desk.request(asked)
    assert not lease.pending
    return lease.id


def revoke(stand: Stand, lease: str) -> None:
    with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
        desk.decide(lease, "revoke")


def held(stand: Stand, login: str) -> set[str]:
    """What a login holds, without the system columns that come with a whole table."""
    system = ("ctid", "cmin", "cmax", "xmin", "xmax", "tableoid")
    return {one for one in all_held(stand, login) if one.rpartition(".")[2] not in system}


def scope(*rights: str) -> set[str]:
    """What it is to hold these rights on all of public.items."""
    columns = {f"{right} public.items.{name}" for right in rights if right != "DELETE" for name in COLUMNS}
    return {"USAGE public", *(f"{right} public.items" for right in rights), *columns}


def test_without_a_lease_nothing_is_done_nor_held(stand: Stand) -> None:
    with stand.connect() as session:
        login = login_of(stand, session)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="lease"):
            session.execute("SELECT name FROM items WHERE id = 7")
        assert held(stand, login) == set()
        assert session.execute("SELECT count(*) FROM pg_class").fetchone() is not None


def test_its_scope_is_held_from_the_first_command_until_it_is_revoked(stand: Stand) -> None:
    lease = lend(stand, Verb.CHANGE)
    with stand.connect() as session, stand.connect() as other:
        login, idle = login_of(stand, session), login_of(stand, other)
        assert held(stand, login) == set()
        session.execute(CHANGE)
        assert held(stand, login) == scope("SELECT", "UPDATE")
        assert held(stand, idle) == set()
        for text in ("SELECT count(*) FROM notes", "DELETE FROM items WHERE id = 7", "DROP TABLE items"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="interlock"):
                session.execute(text.encode())
        assert session.execute("SELECT name FROM items WHERE id = 7").fetchone() == ("item 7",)
        with session.transaction():
            session.execute(CHANGE)
            session.execute("CREATE TEMP TABLE mine AS SELECT id FROM items WHERE id < 3")
            session.execute(CHANGE)
            assert session.execute("SELECT count(*) FROM mine").fetchone() == (2,)
        assert held(stand, login) <= scope("SELECT", "UPDATE")
        revoke(stand, lease)
        with pytest.raises(psycopg.OperationalError, match="revoked"):
            session.execute("SELECT 1")
        assert other.execute("SELECT 1").fetchone() == (1,)  # it never worked under it
    nothing_left(stand)


def test_a_running_command_ends_with_it_and_so_does_its_login(stand: Stand) -> None:
    lease = lend(stand, Verb.CHANGE)
    with (
        stand.connect() as session,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(stand.truth) as locking,
    ):
        session.execute(CHANGE)
        login = login_of(stand, session)
        locking.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        running = pool.submit(session.execute, CHANGE)
        waiting(stand, login)
        revoke(stand, lease)
        assert "revoked" in str(running.exception(20))
        nothing_left(stand)


def test_clients_work_as_they_do_elsewhere(stand: Stand) -> None:
    lend(stand, Verb.READ, Verb.CHANGE, Verb.CREATE, Verb.DELETE, objects="public.*")
    with stand.connect() as session:
        pipe_and_copy(session)
        session.execute("INSERT INTO notes (item, body) VALUES (7, 'new')")
        session.execute("SELECT 1; SELECT count(*) FROM items; SELECT count(*) FROM notes")
        cursor = session.execute("SELECT name FROM items WHERE id = %s", (3001,), prepare=True)
        assert cursor.fetchone() == ("copied",)
        session.execute("DELETE FROM items WHERE id BETWEEN 2001 AND 2100")
        with pytest.raises(psycopg.errors.DivisionByZero):
            session.execute("SELECT price / (id - id) FROM items")
        assert session.execute("SELECT name FROM items WHERE id = 8").fetchone() == ("item 8",)


def test_a_killed_gateway_leaves_the_lease_and_no_privilege(stand: Stand) -> None:
    lend(stand, Verb.CHANGE)
    with stand.connect() as session:
        session.execute(CHANGE)
        stand.kill()
    stand.start()
    nothing_left(stand)
    with stand.connect() as session:
        session.execute(CHANGE)
        assert held(stand, login_of(stand, session)) == scope("SELECT", "UPDATE")
