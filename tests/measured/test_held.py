"""Answers that wait for their judgement: whole or not at all, and in memory that is bounded."""

import threading
from typing import Any

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.wire import Wire, errors, rows
from tests.measured.asking import refused
from tests.stand import SECONDS, Stand, wait_for
from tests.stories.test_memory import MILLION, MOST, watched


def pipe(client: "psycopg.Connection[Any]", *texts: str) -> None:
    """All in one group."""
    with client.pipeline():
        for text in texts:
            client.execute(text.encode())


def copy_in(cursor: "psycopg.Cursor[Any]", piece: bytes, times: int) -> None:
    with cursor.copy("COPY log FROM STDIN") as copy:
        for _ in range(times):
            copy.write(piece)


def test_a_deferred_key_that_is_mended_within_a_pipeline_lands(stand: Stand) -> None:
    """Forced at the end of the group, not behind each of its statements."""
    with stand.connect() as client, client.pipeline():
        broken = client.execute("UPDATE children SET parent = 77 WHERE name = 'x' AND id <= %s RETURNING id", (2,))
        client.execute("INSERT INTO parents SELECT 77 WHERE %s", (True,))
    assert len(broken.fetchall()) == 2
    assert stand.ask("SELECT count(*) FROM children WHERE parent = 77") == 2
    stand.ask("UPDATE children SET parent = id WHERE parent = 77")
    stand.ask("DELETE FROM parents WHERE id = 77")


def test_a_deferred_key_that_stays_broken_ends_the_pipeline(stand: Stand) -> None:
    """At its end, as on the server itself (where psycopg cannot leave its pipeline any more)."""
    with Wire(stand) as wire:
        frames = []
        for text in (
            "UPDATE children SET parent = 78 WHERE name = 'x' AND id <= 2",
            "UPDATE children SET name = 'y' WHERE name = 'x' AND id > 8 RETURNING id",
        ):
            frames += [build_parse("", text), build_bind("", ""), build_execute("")]
        said = wire.ask(*frames, build_sync())
        assert errors(said) == ["23503"]
        assert rows(said) == []
        assert said[-1] == "Z I"
        assert errors(wire.ask(build_query("SELECT 1"))) == []
    assert stand.ask("SELECT count(*) FROM children WHERE parent = 78 OR name = 'y'") == 0


@pytest.mark.parametrize("piped", [False, True], ids=["one query", "pipeline"])
def test_where_the_second_fails_nothing_of_the_first_lands(stand: Stand, *, piped: bool) -> None:
    first, second = "UPDATE parents SET id = id WHERE id < 5", "INSERT INTO parents SELECT 1 FROM parents WHERE id = 2"
    with stand.connect() as client:
        before = stand.ask("SELECT string_agg(xmin::text, ' ' ORDER BY id) FROM parents")
        if piped:
            with pytest.raises(psycopg.errors.UniqueViolation):
                pipe(client, first, second)
        else:
            assert refused(client, f"{first}; {second}").state == "23505"
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT string_agg(xmin::text, ' ' ORDER BY id) FROM parents") == before


def test_rows_are_held_up_to_the_bound(stand: Stand) -> None:
    """15 MB of the 16 MiB that are kept back come whole; a little more, and nothing does."""
    text = "UPDATE customers SET note = note WHERE id BETWEEN 100 AND {} RETURNING repeat('x', 50000)"
    with stand.connect() as client:
        found = client.execute(text.format(399).encode()).fetchall()
        assert {len(value) for (value,) in found} == {50_000}
        assert len(found) == 300
        assert "larger than what is held back" in refused(client, text.format(449)).detail


@pytest.mark.alone
def test_a_million_rows_on_their_way_in_are_counted_in_bounded_memory(stand: Stand) -> None:
    piece = "".join(f"-40\t{n}\n" for n in range(10_000)).encode()
    with watched(stand) as peak, stand.connect() as client, client.cursor() as cursor:
        with pytest.raises(psycopg.Error, match="held create on") as caught:
            copy_in(cursor, piece, MILLION // 10_000)
        assert "create 1,000,000 rows of public.log" in (caught.value.diag.message_detail or "")
    assert peak.grown < MOST, f"{peak.grown / 2**20:.0f} MiB"
    assert stand.ask("SELECT count(*) FROM log WHERE id = -40") == 0


def test_what_others_notify_while_answers_are_held_comes_behind_them(stand: Stand) -> None:
    """The write waits for a lock while somebody notifies."""
    with psycopg.connect(stand.truth) as other, stand.connect("hub") as client:
        client.execute("LISTEN told")
        other.execute("LOCK TABLE skewed IN SHARE MODE")
        text = b"UPDATE skewed SET note = note WHERE a = 1 AND b = 2 RETURNING id"
        found: list[object] = []
        writing = threading.Thread(target=lambda: found.extend(client.execute(text).fetchall()))
        writing.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        wait_for(lambda: stand.ask(waiting) == 1, what=lambda: "nobody waits for the lock")
        stand.ask("SELECT pg_notify('told', 'held')")
        other.rollback()
        writing.join(SECONDS)
        assert len(found) == 3
        (heard,) = client.notifies(timeout=SECONDS, stop_after=1)
    assert (heard.channel, heard.payload) == ("told", "held")
