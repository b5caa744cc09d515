"""kill -9 at every named place, under clients that write: what changed in the target was decided durably before."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.app.killpoints import PLACES
from tests.measured.asking import records
from tests.stand import Stand, standing, wait_for

ROWS: Final = 20_000
WORLD: Final = f"""
CREATE TABLE marks (mark text PRIMARY KEY, note text, tag text);
INSERT INTO marks SELECT 'update-' || n FROM generate_series(1, {ROWS}) AS n;
INSERT INTO marks SELECT 'delete-' || n FROM generate_series(1, {ROWS}) AS n;
INSERT INTO marks SELECT 'measured-' || n, NULL, 'measured-' || n FROM generate_series(1, {ROWS}) AS n;
INSERT INTO marks SELECT 'together-' || n, NULL, 'together-' || n FROM generate_series(1, {ROWS}) AS n;
CREATE INDEX ON marks (tag);
"""
# How often a place is passed before it kills: far enough for every client to be in mid-stride.
PASSES: Final = {"copying": 7, "received": 90, "ledger.before-commit": 25, "ledger.after-commit": 25, "settling": 9}
USUALLY: Final = 40
# These are passed where privileges are lent per command alone: tests/lent/test_killed.py dies there.
LENT: Final = {"activated", "taken-back"}

Client = Callable[["Crowd", "psycopg.Connection[object]", int], None]


class Crowd:
    """Clients that write marked rows until their connection breaks, and what they were told had landed."""

    def __init__(self, stand: Stand, numbers: Iterator[int]) -> None:
        self.acknowledged: set[str] = set()
        self._stand = stand
        self._numbers = numbers
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in CLIENTS]

    def work(self) -> None:
        """Until the gateway is dead for all of them."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(120)  # a busy machine takes a while to come to the place
            assert not thread.is_alive(), self._stand.log

    def _run(self, client: Client) -> None:
        try:
            with self._stand.connect() as connection:
                while True:
                    client(self, connection, next(self._numbers))
        except psycopg.OperationalError:
            return  # the gateway is dead


def autocommit(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """Three commands, each a transaction."""
    connection.execute(f"INSERT INTO marks (mark) VALUES ('insert-{n}')".encode())
    crowd.acknowledged.add(f"insert-{n}")
    connection.execute(f"UPDATE marks SET note = 'changed' WHERE mark = 'update-{n}'".encode())
    crowd.acknowledged.add(f"update-{n}")
    connection.execute(f"DELETE FROM marks WHERE mark = 'delete-{n}'".encode())
    crowd.acknowledged.add(f"delete-{n}")


def explicit(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """Two commands in a transaction, and every third time a rollback."""
    with connection.transaction(force_rollback=n % 3 == 0):
        connection.execute(f"INSERT INTO marks (mark) VALUES ('insert-{n}')".encode())
        connection.execute(f"UPDATE marks SET note = 'changed' WHERE mark = 'update-{n}'".encode())
    if n % 3:
        crowd.acknowledged |= {f"insert-{n}", f"update-{n}"}


def pipelined(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """Several groups on their way at once."""
    with connection.pipeline() as pipeline:
        connection.execute(f"INSERT INTO marks (mark) VALUES ('insert-{n}')".encode())
        connection.execute(f"DELETE FROM marks WHERE mark = 'delete-{n}'".encode())
        pipeline.sync()
        connection.execute(f"UPDATE marks SET note = 'changed' WHERE mark = 'update-{n}'".encode())
    crowd.acknowledged |= {f"insert-{n}", f"delete-{n}", f"update-{n}"}


def copied(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """COPY: the condition carries the mark into the statement's text."""
    copying = f"COPY marks (mark, note) FROM STDIN WHERE mark <> 'nobody' AND 'insert-{n}' <> ''"
    with connection.cursor() as cursor, cursor.copy(copying.encode()) as copy:
        copy.write_row([f"insert-{n}", "copied"])
    crowd.acknowledged.add(f"insert-{n}")


def measured(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """No key names the row, so it is counted before it lands: by itself, and inside a transaction."""
    connection.execute(f"UPDATE marks SET note = 'changed' WHERE tag = 'measured-{n}'".encode())
    crowd.acknowledged.add(f"measured-{n}")
    with connection.transaction(force_rollback=n % 3 == 0):
        connection.execute(f"UPDATE marks SET note = 'changed' WHERE tag = 'together-{n}'".encode())
    if n % 3:
        crowd.acknowledged.add(f"together-{n}")


def reading(crowd: Crowd, connection: "psycopg.Connection[object]", n: int) -> None:
    """Answers in many pieces."""
    connection.execute("SELECT mark FROM marks LIMIT 5000").fetchall()


CLIENTS: Final[tuple[Client, ...]] = (autocommit, explicit, pipelined, copied, measured, reading)


def changed(stand: Stand) -> set[str]:
    """The marks of every row that is not as it was, once the target has finished what was on its way."""
    wait_for(
        lambda: stand.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", stand.role) == 0,
        what=lambda: "the target keeps sessions of a dead gateway",
    )
    with psycopg.connect(stand.truth) as admin:
        found = admin.execute("SELECT mark FROM marks WHERE mark LIKE 'insert-%' OR note IS NOT NULL").fetchall()
        gone = admin.execute(
            "SELECT 'delete-' || n FROM generate_series(1, %s) AS n EXCEPT SELECT mark FROM marks", [ROWS]
        ).fetchall()
    return {mark for (mark,) in [*found, *gone]}


def unsettled(stand: Stand) -> set[str]:
    """The marks that a transaction changed of which no durable record says that it was counted and may land."""
    may_land = [
        one["settlement"]["transaction"]
        for one in records(stand, "settlement")
        if one["settlement"]["verdict"] == "allow" and one["settlement"]["lands"]
    ]
    with psycopg.connect(stand.truth) as admin:
        found = admin.execute(
            "SELECT mark FROM marks WHERE tag IS NOT NULL AND note IS NOT NULL AND xmin::text <> ALL (%s)", [may_land]
        ).fetchall()
    return {mark for (mark,) in found}


def kill_at(stand: Stand, place: str, numbers: Iterator[int]) -> None:
    """Start (which recovers from the kill before), work until it is dead, and compare."""
    stand.start(INTERLOCK_KILL_AT=f"{place}:{PASSES.get(place, USUALLY)}")
    crowd = Crowd(stand, numbers)
    crowd.work()
    stand.kill()
    really = changed(stand)
    allowed = "\n".join(
        one.text for one in stand.decisions() if one.leaf.decision is not None and one.leaf.decision.verdict == "allow"
    )
    undecided = {mark for mark in really if f"'{mark}'" not in allowed}
    assert not undecided, place
    lost = crowd.acknowledged - really
    assert not lost, place
    assert not unsettled(stand), place


def kill_loop(stand: Stand, rounds: int) -> None:
    numbers = count(1)
    for _ in range(rounds):
        for place in [one for one in PLACES if one not in LENT]:
            kill_at(stand, place, numbers)
    stand.start()
    assert stand.stop() == 0
    assert stand.log.count("recorded as unknown") >= rounds
    stand.verify()
    assert {one.status for one in stand.decisions()} <= {"landed", "undone", "failed", "unknown"}
    assert any(one.status == "unknown" for one in stand.decisions())


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, WORLD) as made:
        yield made


def test_kill_9_at_every_place(stand: Stand) -> None:
    kill_loop(stand, 1)


@pytest.mark.nightly
def test_kill_9_at_every_place_many_times(stand: Stand) -> None:
    kill_loop(stand, 20)
