"""A measured write that is held: taken back, waited for, run and counted again by itself, and landed as approved."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from interlock.app.embedded import EmbeddedPostgres
from tests.measured.asking import records, touched
from tests.measured.conftest import WORLD
from tests.measured.test_approved import OWNER
from tests.stand import AGENT, Stand, standing, wait_for
from tests.stories.approving import approve, decide, ends, open_requests, requested

BULK = b"UPDATE customers SET note = 'bulk' WHERE country = 'FR'"
SEVERAL = b"UPDATE orders SET status = 'seen' WHERE id <= 1200 RETURNING id, status"


@pytest.fixture(scope="module", params=["18", "15"])
def waiting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Connections wait for people."""
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    directory = tmp_path_factory.mktemp(f"waiting{request.param}")
    settings = {"target": 'approval_wait = "60s"', "more": OWNER}
    with standing(server, directory, WORLD.read_text(), **settings) as made:
        made.start()
        yield made
        made.end_well()


@pytest.fixture
def stand(waiting: Stand) -> Stand:
    for request in open_requests(waiting):
        decide(waiting, "withdraw", request, None)
    waiting.ask("UPDATE customers SET note = NULL")
    waiting.ask("UPDATE orders SET status = 'new'")
    return waiting


def held(stand: Stand, before: tuple[str, ...] = ()) -> str:
    """The request that somebody waits for by now."""
    wait_for(lambda: bool(set(open_requests(stand)) - set(before)), what=lambda: stand.log)
    (request,) = set(open_requests(stand)) - set(before)
    return request


def run(
    stand: Stand, text: bytes, *, prepare: bool | None = None
) -> "tuple[Any, Future[list[Any]], ThreadPoolExecutor]":
    client = stand.connect()
    threads = ThreadPoolExecutor(1)

    def work() -> list[Any]:
        cursor = client.execute(text, prepare=prepare)
        return cursor.fetchall() if cursor.description else [cursor.rowcount]

    return client, threads.submit(work), threads


def bulk(stand: Stand) -> object:
    return stand.ask("SELECT count(*) FROM customers WHERE note = 'bulk'")


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "prepared"])
def test_it_lands_by_itself_once_it_is_approved(stand: Stand, prepare: bool) -> None:
    client, done, threads = run(stand, BULK, prepare=prepare)
    with client, threads:
        request = held(stand)
        assert bulk(stand) == 0
        stand.ask("SET lock_timeout = '2s'; UPDATE customers SET name = name WHERE id = 1")  # nothing is locked
        approve(stand, request, "olga")
        assert done.result(60) == [2_700]
        assert bulk(stand) == 2_700
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert ends(stand, request) == [(request, "used")]
    settled = records(stand, "settlement")[-2:]
    assert [one["settlement"]["verdict"] for one in settled] == ["hold", "allow"]
    assert touched(settled[-1]) == {"change customers": 2_700}
    assert settled[-1]["settlement"]["lease"] == request
    assert stand.decided("UPDATE customers")[-1].status == "landed"


def test_rows_come_once_and_after_the_approval(stand: Stand) -> None:
    client, done, threads = run(stand, SEVERAL)
    with client, threads:
        approve(stand, held(stand), "olga")
        rows = done.result(60)
    assert sorted(rows) == [(number, "seen") for number in range(1, 1_201)]


def test_denied_it_is_told_and_nothing_has_changed(stand: Stand) -> None:
    client, done, threads = run(stand, BULK)
    with client, threads:
        assert decide(stand, "deny", held(stand), "olga", "no")[0] == 0
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            done.result(60)
        assert (requested(refused.value) or {})["state"] == "denied"
        assert bulk(stand) == 0
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.decided("UPDATE customers")[-1].status == "undone"


def test_rows_that_changed_meanwhile_are_asked_for_anew(stand: Stand) -> None:
    client, done, threads = run(stand, BULK)
    with client, threads:
        first = held(stand)
        stand.ask("UPDATE customers SET country = 'DE' WHERE id = 2")
        stand.ask("UPDATE customers SET country = 'FR' WHERE id = 10")
        approve(stand, first, "olga")
        second = held(stand, (first,))
        assert bulk(stand) == 0
        approve(stand, second, "olga")
        assert done.result(60) == [2_700]
    assert ends(stand, first, second) == [(first, "exceeded"), (second, "used")]
    stand.ask("UPDATE customers SET country = CASE id %% 10 WHEN 0 THEN 'DE' ELSE 'FR' END")


def test_who_cancels_waits_no_longer(stand: Stand) -> None:
    client, done, threads = run(stand, BULK)
    with client, threads:
        request = held(stand)
        client.cancel()
        with pytest.raises(pg.QueryCanceled):
            done.result(60)
        assert client.execute("SELECT 1").fetchone() == (1,)
        assert bulk(stand) == 0
        assert open_requests(stand) == [request]  # it can still be approved, and sent again
        approve(stand, request, "olga")
        assert client.execute(BULK).rowcount == 2_700


def test_a_client_that_leaves_leaves_nothing(stand: Stand) -> None:
    client, done, threads = run(stand, BULK)
    request = held(stand)
    client.close()
    with threads, pytest.raises(psycopg.Error):
        done.result(60)
    approve(stand, request, "olga")
    assert bulk(stand) == 0


def test_inside_a_transaction_nobody_is_waited_for(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        with pytest.raises(pg.InsufficientPrivilege):
            client.execute(BULK)
        client.execute("ROLLBACK")
    assert open_requests(stand) == []


def test_an_agent_waits_too(stand: Stand) -> None:
    """Its reads are limited, and this returns nothing that could be."""
    with stand.connect(AGENT) as client, ThreadPoolExecutor(1) as threads:
        done = threads.submit(client.execute, BULK)
        approve(stand, held(stand), "olga")
        assert done.result(60).rowcount == 2_700
        assert bulk(stand) == 2_700
        assert client.execute("SELECT count(*) FROM customers WHERE note = 'bulk'").fetchone() == (2_700,)
