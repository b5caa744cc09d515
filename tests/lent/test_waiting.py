"""A measured write that waits for people holds nothing meanwhile, and is lent what it needs once more to run again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors as pg

from interlock.app.embedded import EmbeddedPostgres
from tests.lent.conftest import lending
from tests.lent.looking import held, login_of
from tests.measured.test_approved import OWNER
from tests.stand import Stand, wait_for
from tests.stories.approving import approve, decide, ends, open_requests

BULK = "UPDATE items SET price = 5 WHERE price > 10"
LEFT = "SELECT count(*)::int FROM items WHERE price = 5"


@pytest.fixture(params=["18", "15"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    more = {"target": 'approval_wait = "60s"', "pack": "production", "environment": "prod", "more": OWNER}
    with lending(server, tmp_path_factory.mktemp(f"waits{request.param}"), **more) as made:
        made.ask("INSERT INTO items SELECT n, 'more ' || n, 20 FROM generate_series(1001, 2500) AS n")
        made.start()
        yield made
        made.end_well()


def request_of(stand: Stand) -> str:
    wait_for(lambda: bool(open_requests(stand)), what=lambda: stand.log)
    return open_requests(stand)[0]


def test_it_lands_by_itself_and_holds_nothing_while_it_waits(stand: Stand) -> None:
    with stand.connect() as session, ThreadPoolExecutor(1) as pool:
        login = login_of(stand, session)
        done = pool.submit(session.execute, BULK)
        request = request_of(stand)
        wait_for(lambda: held(stand, login) == set(), what=lambda: str(held(stand, login)))
        stand.ask("SET lock_timeout = '2s'; UPDATE items SET name = name WHERE id = 1500")  # nothing is locked
        assert stand.ask(LEFT) == 1
        approve(stand, request, "olga")
        assert done.result(60).rowcount == 2_490
        assert held(stand, login) == set()
        assert session.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("item 1",)
    assert ends(stand, request) == [(request, "used")]
    assert stand.ask(LEFT) == 2_491


def test_denied_it_is_told_and_its_session_goes_on(stand: Stand) -> None:
    with stand.connect() as session, ThreadPoolExecutor(1) as pool:
        login = login_of(stand, session)
        done = pool.submit(session.execute, BULK)
        assert decide(stand, "deny", request_of(stand), "olga", "no")[0] == 0
        with pytest.raises(pg.InsufficientPrivilege):
            done.result(60)
        assert held(stand, login) == set()
        assert session.execute("UPDATE items SET price = 6 WHERE id = 1").rowcount == 1
    assert stand.ask(LEFT) == 1


def test_what_cannot_be_lent_any_more_is_an_error_and_nothing_lands(stand: Stand) -> None:
    with stand.connect() as session, ThreadPoolExecutor(1) as pool:
        done = pool.submit(session.execute, BULK)
        request = request_of(stand)
        stand.ask("ALTER TABLE items RENAME TO things")
        approve(stand, request, "olga")
        with pytest.raises(psycopg.Error):
            done.result(60)
    assert stand.ask("SELECT count(*)::int FROM things WHERE price = 5") == 1
