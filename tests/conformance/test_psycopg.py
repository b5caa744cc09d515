"""psycopg 3: sync and async, pipelines, both formats, COPY, cursors, savepoints, denials in every place."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from uuid import UUID

import psycopg
import pytest
from psycopg import errors, pq
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.conformance.clients import counting_to
from tests.conformance.gateway import AGENT, TOKEN, Gateway

REFUSED = "DO 'BEGIN END'"  # what no pack lets run, and does no harm
_serial = count(1_000)


@pytest.fixture
def connection(development: Gateway) -> Iterator[psycopg.Connection]:
    with psycopg.connect(development.dsn(), autocommit=True) as made:
        yield made


@pytest.fixture
def key() -> int:
    """An id of `notes` that no other test uses."""
    return next(_serial) * 1_000


def stored(gateway: Gateway, key: int) -> list[tuple[object, ...]]:
    """The notes of a test, as the database has them."""
    return gateway.ask(f"SELECT id, body FROM notes WHERE id >= {key} AND id < {key} + 1000 ORDER BY id")


def refused(error: psycopg.Error) -> bool:
    """A denial as drivers see it: a class of its own, why, what to do, and the decision's number."""
    told = error.diag
    return (
        isinstance(error, errors.InsufficientPrivilege)
        and error.sqlstate == "42501"
        and (told.message_primary or "").startswith("interlock blocked")
        and "olicy" in (told.message_detail or "")
        and "Decision " in (told.message_hint or "")
    )


# -- types and formats -----------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_every_type_comes_as_without_the_gateway(development: Gateway, binary: bool) -> None:
    rows = []
    for dsn in (development.shop.owner, development.dsn()):
        with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor(binary=binary) as cursor:
            rows.append(cursor.execute("SELECT * FROM kinds ORDER BY id").fetchall())
    assert rows[1] == rows[0]
    assert rows[1][0][3] == 9007199254740993


@pytest.mark.parametrize("format", ["%s", "%b", "%t"])
def test_parameters_in_both_formats(connection: psycopg.Connection, format: str) -> None:
    values = [
        7,
        "Ada's ☃",
        b"\x00\xff",
        Decimal("12.50"),
        date(2026, 2, 28),
        datetime(2026, 2, 28, 12, tzinfo=UTC),
        UUID(int=5),
        [1, None, 3],
        Jsonb({"a": [1, None]}),
        True,
        None,
    ]
    casts = ["int", "text", "bytea", "numeric", "date", "timestamptz", "uuid", "int[]", "jsonb", "bool", "text"]
    query = "SELECT " + ", ".join(f"{format}::{cast}" for cast in casts)
    expected = [value.obj if isinstance(value, Jsonb) else value for value in values]
    for binary in (False, True):
        row = connection.cursor(binary=binary).execute(query, values).fetchone()
        assert list(row) == expected


def test_rows_know_their_columns(connection: psycopg.Connection) -> None:
    cursor = connection.cursor(row_factory=dict_row)
    cursor.execute("SELECT id, name FROM customers WHERE id = %s", [1])
    assert cursor.fetchall() == [{"id": 1, "name": "Ada"}]
    assert (cursor.rowcount, cursor.statusmessage) == (1, "SELECT 1")
    assert [column.type_display for column in cursor.description or ()] == ["int8", "text"]


def test_an_empty_query_and_several_at_once(connection: psycopg.Connection) -> None:
    assert connection.execute("").pgresult.status == pq.ExecStatus.EMPTY_QUERY
    cursor = connection.execute("SELECT 1; SELECT 2 WHERE false; SELECT 'three'")
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    assert found == [[(1,)], [], [("three",)]]


def test_the_session_looks_like_the_target(development: Gateway) -> None:
    with psycopg.connect(development.dsn(application_name="conformance", options="-c statement_timeout=4s")) as made:
        assert made.info.server_version // 10_000 == int(development.shop.server_version)
        assert made.info.encoding == "utf-8"
        assert made.info.parameter_status("application_name") == "conformance"
        assert made.info.parameter_status("session_authorization") == made.info.user
        assert made.info.parameter_status("default_transaction_read_only") in (None, "off")
        assert made.execute("SHOW statement_timeout").fetchone() == ("4s",)


def test_a_standby_is_not_mistaken(development: Gateway) -> None:
    for wanted in ("read-write", "primary", "any"):
        with psycopg.connect(development.dsn(target_session_attrs=wanted)) as made:
            assert made.execute("SELECT 1").fetchone() == (1,)


# -- prepared statements and pipelines ---------------------------------------------------------------


def test_prepared_from_the_first_time(development: Gateway) -> None:
    with psycopg.connect(development.dsn(), autocommit=True, prepare_threshold=0) as connection:
        for n in range(1, 20):
            row = connection.execute("SELECT square FROM numbers WHERE n = %s", [n]).fetchone()
            assert row == (n * n,)
        connection.prepared_max = 3
        for n in range(10):  # old ones are closed or deallocated on the way
            assert connection.execute(f"SELECT {n} + %s::int", [1]).fetchone() == (n + 1,)
        connection.execute("DEALLOCATE ALL")
        assert connection.execute("SELECT square FROM numbers WHERE n = 3", prepare=False).fetchone() == (9,)


def test_a_prepared_statement_outlives_a_change_of_its_table(connection: psycopg.Connection, key: int) -> None:
    table = f"changing_{key}"
    connection.execute(f"CREATE TABLE {table} (a int)")
    connection.execute(f"INSERT INTO {table} VALUES (1)", prepare=True)
    assert connection.execute(f"SELECT a FROM {table}", prepare=True).fetchall() == [(1,)]
    connection.execute(f"ALTER TABLE {table} ADD b int")
    assert connection.execute(f"SELECT a FROM {table}", prepare=True).fetchall() == [(1,)]
    connection.execute(f"DROP TABLE {table}")


def test_five_hundred_inserts_in_a_pipeline(development: Gateway, connection: psycopg.Connection, key: int) -> None:
    with connection.pipeline(), connection.cursor() as cursor:
        for n in range(500):
            cursor.execute("INSERT INTO notes (id, body) VALUES (%s, %s)", [key + n, str(n)])
    assert len(stored(development, key)) == 500
    assert connection.execute("DELETE FROM notes WHERE id BETWEEN %s AND %s", [key, key + 999]).rowcount == 500


def test_a_pipeline_reads_what_it_wrote(connection: psycopg.Connection, key: int) -> None:
    with connection.pipeline() as pipeline:
        written = connection.execute("INSERT INTO notes (id, body) VALUES (%s, 'x') RETURNING id", [key])
        read = connection.execute("SELECT body FROM notes WHERE id = %s", [key])
        pipeline.sync()
        removed = connection.execute("DELETE FROM notes WHERE id = %s", [key])
    assert (written.fetchall(), read.fetchall(), removed.rowcount) == ([(key,)], [("x",)], 1)


def test_a_pipeline_that_comes_in_pieces(development: Gateway, key: int) -> None:
    """Each message leaves by itself, and is judged by itself, before the end of the group is in sight."""
    parameters = development.parameters(sslmode="disable")
    with psycopg.connect(**parameters, autocommit=True) as connection:
        lower = connection.pgconn
        lower.enter_pipeline_mode()
        lower.nonblocking = 1
        lower.send_prepare(b"writes", b"INSERT INTO notes (id) VALUES ($1)")
        for n in range(20):
            while lower.flush():
                pass
            lower.send_query_prepared(b"writes", [str(key + n).encode()])
        lower.pipeline_sync()
        while lower.flush():
            pass
        lower.nonblocking = 0
        results = []
        while not results or results[-1] != pq.ExecStatus.PIPELINE_SYNC:
            result = lower.get_result()
            if result is not None:
                results.append(pq.ExecStatus(result.status))
        assert results == [pq.ExecStatus.COMMAND_OK] * 21 + [pq.ExecStatus.PIPELINE_SYNC]
        lower.exit_pipeline_mode()
        assert connection.execute("DELETE FROM notes WHERE id >= %s AND id < %s", [key, key + 20]).rowcount == 20


def test_executemany_with_and_without_returning(connection: psycopg.Connection, key: int) -> None:
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO notes (id, body) VALUES (%s, %s)", [(key + n, "many") for n in range(50)])
    assert cursor.rowcount == 50
    cursor.executemany(
        "UPDATE notes SET body = %s WHERE id = %s RETURNING id", [("new", key), ("new", key + 1)], returning=True
    )
    found = [cursor.fetchone()]
    while cursor.nextset():
        found.append(cursor.fetchone())
    assert found == [(key,), (key + 1,)]
    cursor.execute("DELETE FROM notes WHERE id >= %s AND id < %s", [key, key + 1000])


def test_an_error_in_a_pipeline_undoes_its_group(
    development: Gateway, connection: psycopg.Connection, key: int
) -> None:
    with pytest.raises(errors.UniqueViolation), connection.pipeline():  # noqa: PT012 - it is told at the end
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 1])
    assert stored(development, key) == []
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_denial_in_a_pipeline_undoes_its_group(
    development: Gateway, connection: psycopg.Connection, key: int
) -> None:
    with pytest.raises(errors.InsufficientPrivilege) as told, connection.pipeline() as pipeline:  # noqa: PT012 - it is told at the end
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        pipeline.sync()
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 1])
        connection.execute(REFUSED)
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 2])
    assert refused(told.value)
    assert stored(development, key) == [(key, None)]
    assert connection.execute("DELETE FROM notes WHERE id = %s", [key]).rowcount == 1


# -- COPY ----------------------------------------------------------------------------------------------


def test_copy_in_and_out_as_text(connection: psycopg.Connection, key: int) -> None:
    rows = [(key + n, f"word\t{n}\n☃", Decimal(n) / 4, datetime(2026, 1, 1, tzinfo=UTC)) for n in range(300)]
    with connection.cursor() as cursor:
        with cursor.copy("COPY loads FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        assert cursor.rowcount == 300
        query = f"COPY (SELECT * FROM loads WHERE id >= {key} AND id < {key} + 1000 ORDER BY id) TO STDOUT"
        with cursor.copy(query) as copy:
            copy.set_types(["int4", "text", "numeric", "timestamptz"])
            assert list(copy.rows()) == rows
        assert cursor.execute("DELETE FROM loads WHERE id >= %s AND id < %s", [key, key + 1000]).rowcount == 300


def test_copy_in_and_out_as_binary(connection: psycopg.Connection, key: int) -> None:
    types = ["int4", "text", "numeric", "timestamptz"]
    rows = [
        (key + n, None if n % 7 == 0 else "x" * n, Decimal(n), datetime(2026, 1, 1, tzinfo=UTC)) for n in range(300)
    ]
    with connection.cursor() as cursor:
        with cursor.copy("COPY loads FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        query = (
            f"COPY (SELECT * FROM loads WHERE id >= {key} AND id < {key} + 1000 ORDER BY id) TO STDOUT (FORMAT BINARY)"
        )
        with cursor.copy(query) as copy:
            copy.set_types(types)
            assert list(copy.rows()) == rows
        cursor.execute("DELETE FROM loads WHERE id >= %s AND id < %s", [key, key + 1000])


def test_copy_that_fails_or_is_given_up(development: Gateway, connection: psycopg.Connection, key: int) -> None:
    with connection.cursor() as cursor:
        with pytest.raises(errors.InvalidTextRepresentation), cursor.copy("COPY loads (id) FROM STDIN") as copy:  # noqa: PT012 - it is told at the end
            for _ in range(1000):
                copy.write("not a number\n")
        with pytest.raises(ZeroDivisionError), cursor.copy("COPY loads (id) FROM STDIN") as copy:  # noqa: PT012 - it is told at the end
            copy.write(f"{key}\n")
            raise ZeroDivisionError
        assert cursor.execute("SELECT 1").fetchone() == (1,)
    assert development.ask(f"SELECT count(*) FROM loads WHERE id = {key}") == [(0,)]


def test_copy_between_two_connections(connection: psycopg.Connection, development: Gateway, key: int) -> None:
    with psycopg.connect(development.dsn(), autocommit=True) as other:
        into = f"CREATE TABLE copied_{key} (n int, square bigint)"
        other.execute(into)
        with (
            connection.cursor().copy("COPY (SELECT * FROM numbers) TO STDOUT (FORMAT BINARY)") as source,
            other.cursor().copy(f"COPY copied_{key} FROM STDIN (FORMAT BINARY)") as sink,
        ):
            for piece in source:
                sink.write(piece)
        assert other.execute(f"SELECT count(*), sum(square) FROM copied_{key}").fetchone() == (5000, 41679167500)
        other.execute(f"DROP TABLE copied_{key}")


# -- cursors and transactions ------------------------------------------------------------------------------


def test_a_cursor_on_the_server(connection: psycopg.Connection) -> None:
    with connection.transaction():
        with connection.cursor("walking", scrollable=True) as cursor:
            cursor.execute("SELECT n FROM numbers WHERE n > %s ORDER BY n", [10])
            cursor.itersize = 100
            assert cursor.fetchmany(3) == [(11,), (12,), (13,)]
            cursor.scroll(-2)
            assert cursor.fetchone() == (12,)
            assert sum(1 for _ in cursor) == 4988
        with closing(connection.cursor("other")) as other:
            assert other.execute("SELECT 1").fetchall() == [(1,)]


def test_a_cursor_with_hold(connection: psycopg.Connection) -> None:
    with connection.cursor("held", withhold=True) as cursor:
        cursor.execute("SELECT n FROM numbers ORDER BY n")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert connection.execute("SELECT 'between'").fetchone() == ("between",)
        assert cursor.fetchone() == (3,)


def test_rows_in_chunks_and_one_by_one(connection: psycopg.Connection) -> None:
    assert sum(1 for _ in connection.cursor().stream("SELECT n FROM numbers")) == 5000
    assert sum(1 for _ in connection.cursor().stream("SELECT n FROM numbers", size=100)) == 5000


def test_transactions_and_savepoints(development: Gateway, connection: psycopg.Connection, key: int) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        with pytest.raises(errors.UniqueViolation), connection.transaction():
            connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        with pytest.raises(errors.InsufficientPrivilege), connection.transaction():  # noqa: PT012 - it is told at the end
            connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 1])
            connection.execute(REFUSED)
        with connection.transaction():
            connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 2])
    assert stored(development, key) == [(key, None), (key + 2, None)]
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM notes WHERE id >= %s AND id < %s", [key, key + 1000])
    assert len(stored(development, key)) == 2
    connection.execute("DELETE FROM notes WHERE id >= %s AND id < %s", [key, key + 1000])


def test_a_transaction_that_only_begins_by_itself(development: Gateway, key: int) -> None:
    """Not autocommit: psycopg sends BEGIN before the first statement, as most programs have it."""
    with psycopg.connect(development.dsn()) as connection:
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        connection.rollback()
        connection.execute("INSERT INTO notes (id, body) VALUES (%s, 'stays')", [key + 1])
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        connection.read_only = True
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO notes (id) VALUES (%s)", [key + 2])
        connection.rollback()
        connection.read_only = False
        assert connection.execute("DELETE FROM notes WHERE id = %s RETURNING body", [key + 1]).fetchone() == ("stays",)
    assert stored(development, key) == []


def test_a_deferred_constraint_fails_the_commit(connection: psycopg.Connection, key: int) -> None:
    with pytest.raises(errors.ForeignKeyViolation), connection.transaction():
        connection.execute("INSERT INTO children VALUES (%s, %s)", [key, key])
    with pytest.raises(errors.ForeignKeyViolation):
        connection.execute("INSERT INTO children VALUES (%s, %s)", [key, key])
    assert connection.info.transaction_status == pq.TransactionStatus.IDLE
    with connection.transaction():
        connection.execute("INSERT INTO children VALUES (%s, %s)", [key, key])
        connection.execute("INSERT INTO parents VALUES (%s)", [key])
    assert connection.execute("DELETE FROM children WHERE id = %s", [key]).rowcount == 1
    assert connection.execute("DELETE FROM parents WHERE id = %s", [key]).rowcount == 1


def test_structures_made_in_a_transaction_are_known_in_it(connection: psycopg.Connection, key: int) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(f"CREATE TABLE made_{key} (id int PRIMARY KEY, body text)")
        connection.execute(f"INSERT INTO made_{key} VALUES (1, 'x') ON CONFLICT (id) DO NOTHING")
        assert connection.execute(f"SELECT * FROM made_{key}").fetchall() == [(1, "x")]
    with pytest.raises(psycopg.Error):
        connection.execute(f"SELECT * FROM made_{key}")
    connection.execute(f"CREATE TEMP TABLE passing_{key} (id int)")
    connection.execute(f"INSERT INTO passing_{key} VALUES (1)")
    assert connection.execute(f"SELECT * FROM passing_{key}").fetchall() == [(1,)]


# -- denials, notices, resets, cancels -----------------------------------------------------------------------


@pytest.mark.parametrize("prepare", [False, True])
def test_a_denial_leaves_the_connection_usable(connection: psycopg.Connection, prepare: bool) -> None:
    for _ in range(2):
        with pytest.raises(errors.InsufficientPrivilege) as told:
            connection.execute(REFUSED, prepare=prepare)
        assert refused(told.value)
        assert connection.info.transaction_status == pq.TransactionStatus.IDLE
        assert connection.execute("SELECT %s::int", [5]).fetchone() == (5,)


@pytest.mark.parametrize("prepare", [False, True])
def test_a_denial_fails_its_transaction(development: Gateway, key: int, prepare: bool) -> None:
    with psycopg.connect(development.dsn()) as connection:
        connection.execute("INSERT INTO notes (id) VALUES (%s)", [key])
        with pytest.raises(errors.InsufficientPrivilege) as told:
            connection.execute(REFUSED, prepare=prepare)
        assert refused(told.value)
        assert connection.info.transaction_status == pq.TransactionStatus.INERROR
        with pytest.raises(errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert stored(development, key) == []


def test_production_blocks_and_explains(production: Gateway) -> None:
    with psycopg.connect(production.dsn(AGENT), autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        for harm in ("DELETE FROM orders", "DROP TABLE orders", "TRUNCATE orders", "SELECT email FROM customers"):
            with pytest.raises(errors.InsufficientPrivilege) as told:
                connection.execute(harm)
            assert refused(told.value), harm
        assert connection.execute("UPDATE notes SET body = 'x' WHERE id = %s", [-1]).rowcount == 0
    assert production.ask("SELECT count(*) FROM orders") == [(3,)]


def test_an_agents_answer_ends_at_its_limit(production: Gateway) -> None:
    many = "SELECT n FROM numbers UNION ALL SELECT n FROM numbers UNION ALL SELECT n FROM numbers"
    with psycopg.connect(production.dsn(AGENT), autocommit=True) as connection:
        for cursor in (connection.cursor(), connection.cursor(binary=True)):
            with pytest.raises(errors.ProgramLimitExceeded, match="10000 rows"):
                cursor.execute(many)
        assert len(connection.execute(f"{many} LIMIT 10000").fetchall()) == 10_000
        with connection.transaction(), connection.cursor("walk") as walking:
            walking.execute(many)
            with pytest.raises(errors.ProgramLimitExceeded):  # noqa: PT012 - it is told at the end
                while walking.fetchmany(3000):
                    pass
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_token_is_a_password(development: Gateway) -> None:
    token = development.mint("--sub", "ana", "--group", "engineers", "--act", "bot", "--purpose", "testing")
    parameters = development.parameters() | {"user": TOKEN, "password": token}
    with psycopg.connect(**parameters, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        with pytest.raises(errors.InsufficientPrivilege, match=r"sensitive|personal"):
            connection.execute("SELECT email FROM customers")


def test_notices_and_warnings_arrive(connection: psycopg.Connection) -> None:
    heard: list[str | None] = []
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    connection.execute("CREATE TABLE IF NOT EXISTS notes (id bigint)")
    connection.execute("ROLLBACK")
    assert heard == ['relation "notes" already exists, skipping', "there is no transaction in progress"]


def test_discard_all_resets_a_session_for_a_pool(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = '3s'")
    connection.execute("SET search_path = pg_catalog")
    connection.execute("SELECT n FROM public.numbers WHERE n = 1", prepare=True)
    connection.execute("DISCARD ALL")
    assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
    assert connection.execute("SELECT count(*) FROM orders WHERE id = %s", [1]).fetchone() == (1,)
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT nonsense FROM nowhere")
    assert connection.execute("INSERT INTO notes (id) VALUES (%s) ON CONFLICT DO NOTHING", [1]).rowcount in (0, 1)
    connection.execute("DELETE FROM notes WHERE id = 1")


def test_search_path_is_followed(connection: psycopg.Connection, key: int) -> None:
    connection.execute(f"CREATE SCHEMA side_{key}")
    connection.execute(f"CREATE TABLE side_{key}.orders (only_here int)")
    for setting in (f"SET search_path = side_{key}, public", f"SELECT set_config('search_path', 'side_{key}', false)"):
        connection.execute(setting)
        assert connection.execute("SELECT only_here FROM orders").fetchall() == []
        assert connection.execute("SHOW search_path").fetchone()[0].endswith("pg_temp")
        connection.execute("RESET search_path")
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    with connection.transaction():
        connection.execute(f"SET LOCAL search_path = side_{key}")
        assert connection.execute("SELECT only_here FROM orders").fetchall() == []
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    with connection.transaction():
        connection.execute(f"SELECT set_config('search_path', 'side_{key}', false)")
        assert connection.execute("SELECT only_here FROM orders").fetchall() == []
    assert connection.execute("SHOW search_path").fetchone()[0].endswith("pg_temp")
    assert connection.execute("SELECT only_here FROM orders").fetchall() == []
    connection.execute("RESET search_path")
    connection.execute(f"DROP SCHEMA side_{key} CASCADE")


def test_cancel_reaches_only_its_own_session(development: Gateway, connection: psycopg.Connection) -> None:
    with psycopg.connect(development.dsn(), autocommit=True) as other:
        marker = "123456789012"
        cancelled: list[str | None] = []

        def run_for_ever() -> None:
            try:
                connection.execute(counting_to(marker))
            except psycopg.Error as error:
                cancelled.append(error.sqlstate)

        running = threading.Thread(target=run_for_ever)
        running.start()
        development.wait_until_active(marker)
        other.cancel_safe(timeout=5)  # nothing runs there, and nothing else may stop
        assert other.execute("SELECT 2").fetchone() == (2,)
        assert running.is_alive()
        connection.cancel_safe(timeout=5)
        running.join(30)
        assert cancelled == ["57014"]
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_timeout_of_the_client_is_the_targets(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = '30ms'")
    with pytest.raises(errors.QueryCanceled):
        connection.execute(counting_to(123456789012))
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_large_answer_and_a_large_parameter(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT length(%s::text)", ["x" * 5_000_000]).fetchone() == (5_000_000,)
    row = connection.execute("SELECT repeat('y', 5000000)").fetchone()
    assert len(row[0]) == 5_000_000


# -- asynchronous -----------------------------------------------------------------------------------------------


def test_asynchronous_connections(development: Gateway, key: int) -> None:
    async def work(number: int) -> int:
        async with await psycopg.AsyncConnection.connect(development.dsn(), autocommit=True) as connection:
            async with connection.pipeline(), connection.cursor() as cursor:
                for n in range(20):
                    await cursor.execute("INSERT INTO notes (id) VALUES (%s)", [key + number * 100 + n])
            with pytest.raises(errors.InsufficientPrivilege):
                await connection.execute(REFUSED)
            async with connection.transaction(), connection.cursor("walk") as cursor:
                await cursor.execute("SELECT n FROM numbers ORDER BY n")
                assert await cursor.fetchmany(2) == [(1,), (2,)]
            async with connection.cursor() as cursor, cursor.copy("COPY (SELECT n FROM numbers) TO STDOUT") as copy:
                assert sum([1 async for _ in copy.rows()]) == 5000
            low = key + number * 100
            cursor = await connection.execute("DELETE FROM notes WHERE id >= %s AND id < %s", [low, low + 100])
            return cursor.rowcount

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*map(work, range(5)))

    assert asyncio.run(all_of_them()) == [20] * 5


def test_an_abandoned_wait_cancels_its_query(development: Gateway) -> None:
    async def work() -> tuple[object, ...] | None:
        async with await psycopg.AsyncConnection.connect(development.dsn(), autocommit=True) as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await connection.execute(counting_to(123456789012))
            return await (await connection.execute("SELECT 1")).fetchone()

    assert asyncio.run(work()) == (1,)
