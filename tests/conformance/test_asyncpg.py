"""asyncpg: prepared statements and the queries it asks about types, cursors, COPY, pools, denials and timeouts."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

import asyncpg
import pytest

from tests.conformance.clients import counting_to
from tests.conformance.gateway import AGENT, Gateway

Work = Callable[[asyncpg.Connection], Awaitable[object]]
REFUSED = "DO 'BEGIN END'"  # what no pack lets run, and does no harm
_serial = count(1_000)


@pytest.fixture
def key() -> int:
    """An id of `notes` and `loads` that no other test uses."""
    return 50_000_000 + next(_serial) * 1_000


def connected(gateway: Gateway, work: Work, user: str = "ana", **options: object) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(gateway.url(user), timeout=30, **options)
        try:
            return await work(connection)
        finally:
            await connection.close(timeout=10)

    return asyncio.run(run())


def test_every_type_comes_as_without_the_gateway(development: Gateway) -> None:
    """Enums, composites, domains, ranges and arrays make it ask the catalogue about them first."""

    async def read(url: str) -> tuple[list[object], ...]:
        connection = await asyncpg.connect(url)
        statement = await connection.prepare("SELECT *, ARRAY[home, home] AS homes FROM kinds ORDER BY id")
        rows = [list(row) for row in await statement.fetch()]
        columns = [(column.name, column.type.name) for column in statement.get_attributes()]
        await connection.close()
        return columns, *rows

    direct, through = asyncio.run(read(development.shop.owner)), asyncio.run(read(development.url()))
    assert through == direct
    assert len(through) == 3


def test_parameters_are_encoded(development: Gateway) -> None:
    values = [
        7,
        "☃",
        b"\0\xff",
        Decimal("1.50"),
        date(2026, 1, 2),
        datetime(2026, 1, 2, tzinfo=UTC),
        [1, None],
        "glad",
        None,
    ]
    casts = ["int", "text", "bytea", "numeric", "date", "timestamptz", "int[]", "mood", "uuid"]
    query = "SELECT " + ", ".join(f"${n}::{cast}" for n, cast in enumerate(casts, 1))

    async def work(connection: asyncpg.Connection) -> None:
        for _ in range(3):
            assert list(await connection.fetchrow(query, *values)) == values

    connected(development, work)


def test_fetch_in_every_way(development: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        assert len(await connection.fetch("SELECT n FROM numbers")) == 5000
        assert await connection.fetchval("SELECT square FROM numbers WHERE n = $1", 9) == 81
        assert await connection.fetchrow("SELECT n FROM numbers WHERE n < 0") is None
        assert await connection.execute("SELECT 1; SELECT 2") == "SELECT 1"
        statement = await connection.prepare("SELECT n, square FROM numbers WHERE n = ANY($1::int[]) ORDER BY n")
        assert [tuple(row) for row in await statement.fetch([2, 3])] == [(2, 4), (3, 9)]
        assert (await statement.explain([2]))[0]["Plan"]

    connected(development, work)


def test_writes_and_executemany(development: Gateway, key: int) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        rows = [(key + n, f"{n}") for n in range(300)]
        await connection.executemany("INSERT INTO notes (id, body) VALUES ($1, $2)", rows)
        updated = await connection.fetch("UPDATE notes SET body = $2 WHERE id = $1 RETURNING body", key, "new")
        assert [tuple(row) for row in updated] == [("new",)]
        if hasattr(connection, "fetchmany"):
            found = await connection.fetchmany(
                "UPDATE notes SET body = 'x' WHERE id = $1 RETURNING id", [(key,), (key + 1,)]
            )
            assert [row["id"] for row in found] == [key, key + 1]
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.executemany("INSERT INTO notes (id) VALUES ($1)", [(key + 900,), (key,)])
        assert await connection.execute("DELETE FROM notes WHERE id BETWEEN $1 AND $2", key, key + 999) == "DELETE 300"

    connected(development, work)


def test_cursors(development: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            seen = [row["n"] async for row in connection.cursor("SELECT n FROM numbers ORDER BY n", prefetch=70)]
            assert seen == list(range(1, 5001))
            cursor = await connection.cursor("SELECT n FROM numbers WHERE n > $1 ORDER BY n", 10)
            assert [row["n"] for row in await cursor.fetch(3)] == [11, 12, 13]
            assert await cursor.forward(5) == 5
            assert (await cursor.fetchrow())["n"] == 19

    connected(development, work)


def test_transactions_and_savepoints(development: Gateway, key: int) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction(isolation="serializable"):
            await connection.execute("INSERT INTO notes (id) VALUES ($1)", key)
            for failure, statement in (
                (asyncpg.UniqueViolationError, f"INSERT INTO notes (id) VALUES ({key})"),
                (asyncpg.InsufficientPrivilegeError, REFUSED),
            ):
                with pytest.raises(failure):  # noqa: PT012 - it is told at the end
                    async with connection.transaction():
                        await connection.execute("INSERT INTO notes (id) VALUES ($1)", key + 1)
                        await connection.execute(statement)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with connection.transaction(readonly=True):
                await connection.execute("INSERT INTO notes (id) VALUES ($1)", key + 2)
        assert await connection.fetchval("DELETE FROM notes WHERE id >= $1 AND id < $1 + 10 RETURNING id", key) == key

    connected(development, work)


def test_copy(development: Gateway, key: int) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        records = [(key + n, f"w{n}", Decimal(n), None) for n in range(200)]
        assert await connection.copy_records_to_table("loads", records=records) == "COPY 200"
        out = io.BytesIO()
        query = "SELECT id, word FROM loads WHERE id >= $1 AND id < $1 + 3 ORDER BY id"
        assert await connection.copy_from_query(query, key, output=out, format="csv") == "COPY 3"
        assert out.getvalue().decode().split() == [f"{key + n},w{n}" for n in range(3)]
        assert (await connection.copy_from_table("numbers", output=io.BytesIO(), format="binary")) == "COPY 5000"
        again = io.BytesIO(out.getvalue())
        assert await connection.copy_to_table("loads", source=again, columns=["id", "word"], format="csv") == "COPY 3"
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await connection.copy_to_table("loads", source=io.BytesIO(b"x\n" * 9000), columns=["id"])
        assert await connection.execute("DELETE FROM loads WHERE id >= $1 AND id < $1 + 999", key) == "DELETE 203"

    connected(development, work)


def test_a_denial_leaves_the_connection_usable(development: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        for attempt in (connection.execute, connection.fetch, connection.prepare):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="interlock blocked") as told:
                await attempt(REFUSED)
            assert told.value.sqlstate == "42501"
            assert "olicy" in told.value.detail
            assert "Decision " in told.value.hint
            assert await connection.fetchval("SELECT $1::int", 5) == 5
        await connection.add_listener("nobody", print)
        await connection.remove_listener("nobody", print)
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await connection.fetch("SELEC 1")
        assert await connection.fetchval("SELECT 6") == 6

    connected(development, work)


def test_production_blocks_an_agent(production: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        assert await connection.fetchval("SELECT count(*) FROM orders WHERE total > $1", 0) == 3
        for harm in ("DELETE FROM orders", "DROP TABLE orders", "SELECT email FROM customers"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(harm)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.copy_from_table("orders", output=io.BytesIO())
        assert await connection.fetchval("SELECT count(*) FROM orders") == 3

    connected(production, work, AGENT)


def test_a_pool_resets_and_survives_denials(development: Gateway, key: int) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(development.url(), min_size=1, max_size=3, timeout=30) as pool:

            async def worker(number: int) -> int:
                async with pool.acquire() as connection:
                    await connection.execute("SET statement_timeout = '9s'")
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(REFUSED)
                    await connection.execute("INSERT INTO notes (id) VALUES ($1)", key + number)
                async with pool.acquire() as connection:
                    assert await connection.fetchval("SHOW statement_timeout") == "0"
                    return await connection.fetchval("DELETE FROM notes WHERE id = $1 RETURNING id", key + number)

            assert sorted(await asyncio.gather(*map(worker, range(12)))) == [key + n for n in range(12)]

    asyncio.run(run())


def test_a_timeout_cancels_and_the_connection_goes_on(development: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(TimeoutError):
            await connection.fetchval(counting_to(123456789012), timeout=0.3)
        assert await connection.fetchval("SELECT 1") == 1
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(connection.fetchval(counting_to(223456789012)))
            await asyncio.to_thread(development.wait_until_active, "223456789012")
            task.cancel()
        assert task.cancelled()
        assert await connection.fetchval("SELECT 2") == 2

    connected(development, work)


def test_prepared_statements_survive_changes_of_structure(development: Gateway, key: int) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        table = f"shifting_{key}"
        await connection.execute(f"CREATE TABLE {table} (a int)")
        assert await connection.fetch(f"SELECT * FROM {table}") == []
        await connection.execute(f"ALTER TABLE {table} ADD b mood DEFAULT 'sad'")
        await connection.execute(f"INSERT INTO {table} VALUES (1)")
        assert [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table}")] == [(1, "sad")]
        await connection.reload_schema_state()
        await connection.execute(f"DROP TABLE {table}")

    connected(development, work)


def test_without_a_statement_cache(development: Gateway) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        for n in range(5):
            assert await connection.fetchval("SELECT square FROM numbers WHERE n = $1", n + 1) == (n + 1) ** 2

    connected(development, work, statement_cache_size=0)
