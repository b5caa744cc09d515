"""Unmodified clients, measured: pipelines, COPY, prepared statements, cursors, psql."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from tests.stand import PERSON, Stand

PSQL = Path("/usr/lib/postgresql/15/bin/psql")


def copy_in(cursor: "psycopg.Cursor[Any]", mark: int, rows: int) -> None:
    with cursor.copy("COPY log FROM STDIN") as copy:
        for number in range(rows):
            copy.write_row((mark, f"row {number}"))


def pipe(client: "psycopg.Connection[Any]", text: str, rows: int) -> None:
    """Five hundred times in one pipeline."""
    with client.pipeline():
        for _ in range(500):
            client.execute(text.encode(), (rows,))


def test_copy_from_lands_or_is_undone(stand: Stand) -> None:
    with stand.connect() as client, client.cursor() as cursor:
        copy_in(cursor, -10, 500)
        assert cursor.rowcount == 500
        with pytest.raises(psycopg.Error, match="held create on") as caught:
            copy_in(cursor, -11, 1_500)
        assert "create 1,500 rows of public.log" in (caught.value.diag.message_detail or "")
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM log WHERE id = -10") == 500
    assert stand.ask("SELECT count(*) FROM log WHERE id = -11") == 0
    stand.ask("DELETE FROM log WHERE id < 0")


def test_a_pipeline_of_measured_inserts_is_counted_as_one(stand: Stand) -> None:
    text = "INSERT INTO log SELECT -20, 'piped' FROM customers WHERE id <= %s"
    with stand.connect() as client:
        pipe(client, text, 1)
        assert stand.ask("SELECT count(*) FROM log WHERE id = -20") == 500
        with pytest.raises(psycopg.Error):
            pipe(client, text, 4)
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM log WHERE id = -20") == 500
    stand.ask("DELETE FROM log WHERE id < 0")


def test_a_pipeline_that_fetches_in_between_is_judged_so_far(stand: Stand) -> None:
    """A Flush without Sync: the answers so far are judged and released, the unit goes on."""
    with stand.connect() as client, client.pipeline():
        first = client.execute("UPDATE orders SET status = 'flush' WHERE id BETWEEN 1 AND %s RETURNING id", (7,))
        assert len(first.fetchall()) == 7
        second = client.execute("UPDATE orders SET status = 'flush' WHERE id BETWEEN 11 AND %s RETURNING id", (20,))
        assert len(second.fetchall()) == 10
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'flush'") == 17


def test_asyncpg_prepared_and_many(stand: Stand) -> None:
    async def work() -> None:
        client = await asyncpg.connect(
            host="127.0.0.1", port=stand.port, user=PERSON, password=stand.secret, database="stand", ssl=False
        )
        try:
            update = await client.prepare("UPDATE orders SET status = $1 WHERE id BETWEEN 1 AND $2 RETURNING id")
            assert len(await update.fetch("asyncpg", 50)) == 50
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="more than 1,000 rows"):
                await update.fetch("asyncpg-much", 5_000)
            assert len(await update.fetch("asyncpg", 60)) == 60
            many = "INSERT INTO log SELECT -30, $1 FROM customers WHERE id <= 3"
            await client.executemany(many, [(str(number),) for number in range(100)])
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await client.executemany(many, [(str(number),) for number in range(400)])
            async with client.transaction():
                await client.execute("UPDATE orders SET status = 'asyncpg-tx' WHERE id BETWEEN 100 AND 199")
            assert await client.fetchval("SELECT count(*) FROM orders WHERE status = 'asyncpg-tx'") == 100
        finally:
            await client.close()

    asyncio.run(work())
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'asyncpg-much'") == 0
    assert stand.ask("SELECT count(*) FROM log WHERE id = -30") == 300
    stand.ask("DELETE FROM log WHERE id < 0")


def test_psql_sees_an_ordinary_error(stand: Stand) -> None:
    if not PSQL.exists():
        pytest.skip("psql 15 is not installed")
    done = subprocess.run(
        [PSQL, "-X", "-v", "ON_ERROR_STOP=0", stand.dsn()],
        input="UPDATE customers SET note = 'psql' WHERE country = 'FR';\n"
        "UPDATE customers SET note = 'psql' WHERE country = 'DE' AND id < 100;\n",
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
    )
    assert "ERROR:  interlock held change on public.customers" in done.stderr
    assert "DETAIL:  It ran, was counted and was taken back; nothing has changed." in done.stderr
    assert "UPDATE 9" in done.stdout
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'psql'") == 9


def test_prepared_in_sql_and_executed(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("PREPARE much AS UPDATE orders SET status = 'prepared' WHERE id BETWEEN 1 AND $1")
        assert client.execute("EXECUTE much (20)").rowcount == 20
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("EXECUTE much (20000)")
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'prepared'") == 20
