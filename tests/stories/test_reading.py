"""Readers run READ ONLY (ADR 0005): a read that writes meets a wall on 15 and 18, clients' transactions stay theirs."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import pq

from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_describe,
    build_execute,
    build_flush,
    build_parse,
    build_query,
    build_sync,
)
from tests.attacks.wire import Wire, errors
from tests.stand import AGENT, CALLER, PERSON, Stand, standing

BLOCKED, READ_ONLY, ABORTED = "42501", "25006", {"25P01", "25P02", "34000", "26000"}
SYNC = build_sync()
WORLD = """
CREATE TABLE trap (by text);
CREATE TABLE items (id int PRIMARY KEY, name text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 100) AS n;
CREATE FUNCTION opaque(by text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'INSERT INTO public.trap VALUES ($1)' USING by; RETURN 1; END $$;
CREATE FUNCTION turned(by text) RETURNS int LANGUAGE sql STABLE AS 'SELECT bit_length(by)';
CREATE FUNCTION quiet(by text) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
"""
# A built-in that the owner of the server has replaced (those written in C cannot be): no stamp covers it.
TURNING = """
CREATE OR REPLACE FUNCTION pg_catalog.bit_length(text) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE n int; BEGIN SELECT public.opaque($1) INTO n; RETURN n; END $$;
"""


@pytest.fixture(scope="module", params=["18", "15"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Not prod: there every export needs an approval, and COPY is one."""
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    with standing(server, tmp_path_factory.mktemp("reading"), WORLD, environment="staging") as made:
        with psycopg.connect(made.truth, autocommit=True) as admin:
            admin.execute(TURNING)
        made.start()
        yield made
        made.end_well()


def parsed(text: str, *more: bytes) -> list[bytes]:
    return [build_parse("", text), build_bind("", ""), *more, SYNC]


# Each way to run a read, as groups of messages that end in one ReadyForQuery each; {f} is a call.
WAYS: dict[str, Callable[[str], list[list[bytes]]]] = {
    "simple": lambda f: [[build_query(f"SELECT {f}")]],
    "several": lambda f: [[build_query(f"SELECT 1; SELECT {f}; SELECT 2")]],
    "parsed": lambda f: [[build_parse("", f"SELECT {f} FROM items"), SYNC]],
    "bound": lambda f: [parsed(f"SELECT {f}")],
    "described": lambda f: [parsed(f"SELECT {f}", build_describe(Part.PORTAL, ""))],
    "executed": lambda f: [parsed(f"SELECT {f}", build_execute(""))],
    "flushed": lambda f: [[build_parse("", f"SELECT {f}"), build_flush(), build_bind("", ""), build_execute(""), SYNC]],
    "in portions": lambda f: [parsed(f"SELECT {f} FROM items", build_execute("", 1), build_execute("", 1))],
    "pipelined": lambda f: [
        [*parsed("SELECT 1", build_execute("")), *parsed(f"SELECT {f}", build_execute("")), build_query("SELECT 3")]
    ],
    "named": lambda f: [
        [build_parse("p", f"SELECT {f} FROM items"), SYNC], [build_bind("", "p"), build_execute(""), SYNC],
    ],
    "prepared": lambda f: [[build_query(f"PREPARE q AS SELECT {f}")], [build_query("EXECUTE q")]],
    "explained": lambda f: [[build_query(f"EXPLAIN ANALYZE SELECT {f}")]],
    "planned": lambda f: [[build_query(f"EXPLAIN SELECT * FROM items WHERE id = {f}")]],
    "copied": lambda f: [[build_query(f"COPY (SELECT {f}) TO STDOUT")]],
    "held": lambda f: [[build_query(f"DECLARE h CURSOR WITH HOLD FOR SELECT {f}")], [build_query("FETCH ALL FROM h")]],
    "fetched": lambda f: [
        [build_query(f"DECLARE c CURSOR FOR SELECT {f} FROM items")], [build_query("FETCH 3 FROM c")],
        [build_query("MOVE ALL IN c")],
    ],
    "sorted": lambda f: [[build_query(f"SELECT id FROM items ORDER BY {f}")]],
    "compared": lambda f: [[build_query(f"SELECT id FROM items WHERE {f} = id")]],
    "valued": lambda f: [[build_query(f"VALUES ({f})")]],
    "joined": lambda f: [[build_query(f"WITH w AS (SELECT {f} AS n) SELECT * FROM items, w WHERE id = n")]],
}  # fmt: skip
NOT_RUN = {"parsed", "bound", "described", "planned", "fetched"}  # without a transaction there is no cursor
BEGINS = ["", "BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN; SAVEPOINT s", "BEGIN READ ONLY"]


@pytest.mark.parametrize("begin", BEGINS)
@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_a_read_that_writes_meets_the_wall(stand: Stand, user: str, begin: str) -> None:
    """The code below a function is not what the gateway knows it as: it was judged a read, and nothing else may run."""
    with Wire(stand, user) as wire:
        for way, groups in WAYS.items():
            wire.ask(build_query("ROLLBACK"))
            wire.ask(build_query("DISCARD ALL"))
            for text in filter(None, begin.split("; ")):
                assert not errors(wire.ask(build_query(text)))
            said = run(wire, groups(f"turned('{way}')"))
            wire.ask(build_query("COMMIT"))
            assert set(errors(said)) <= {BLOCKED, READ_ONLY, *ABORTED}, (way, said)
            assert stand.ask("SELECT count(*) FROM trap") == 0, (way, said)
            assert READ_ONLY in errors(said) or way in {*NOT_RUN, "held"}, (way, said)


def run(wire: Wire, groups: list[list[bytes]]) -> list[str]:
    """What came of all groups."""
    said: list[str] = []
    for group in groups:
        said += wire.ask(*group, readies=sum(message[:1] in {b"S", b"Q"} for message in group))
    return said


def test_code_that_may_do_anything_reads_outside_transactions(stand: Stand) -> None:
    """Who is trusted with code still reads in a transaction that cannot write, unless it began one that can."""
    with Wire(stand, CALLER) as wire:
        for way, groups in WAYS.items():
            said = run(wire, groups(f"opaque('{way}')"))
            assert set(errors(said)) <= {BLOCKED, READ_ONLY, *ABORTED}, (way, said)
            assert errors(said) or way in NOT_RUN, (way, said)
            wire.ask(build_query("DISCARD ALL"))
    assert stand.ask("SELECT count(*) FROM trap") == 0


READ = "SELECT count(*) FROM items WHERE quiet('a') = 1"
SHOWN = ["SHOW transaction_isolation", "SHOW transaction_deferrable", "SHOW transaction_read_only"]
WRITE = "INSERT INTO items VALUES (1001, 'mine')"
LOOK = "SELECT name FROM items WHERE id = 1001"
# What a client may do with its transactions; each line is one simple Query.
SCRIPTS: dict[str, list[str]] = {
    "plain": ["BEGIN", READ, *SHOWN, WRITE, READ, LOOK, *SHOWN, "ROLLBACK", LOOK],
    "serializable": ["BEGIN ISOLATION LEVEL SERIALIZABLE", READ, *SHOWN, WRITE, LOOK, "ROLLBACK", LOOK],
    "read only": ["BEGIN READ ONLY", READ, *SHOWN, WRITE, READ, "ROLLBACK", LOOK],
    "deferrable": ["BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE", READ, *SHOWN, "COMMIT"],
    "begun otherwise": ["START TRANSACTION ISOLATION LEVEL REPEATABLE READ", *SHOWN, READ, "END"],
    "set later": ["BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", READ, *SHOWN, "COMMIT"],
    "set too late": ["BEGIN", READ, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT 1", "ROLLBACK"],
    "made read only": ["BEGIN", "SET TRANSACTION READ ONLY", READ, *SHOWN, WRITE, "ROLLBACK"],
    "savepoints": [
        "BEGIN", "SAVEPOINT a", WRITE, READ, LOOK, "SAVEPOINT b", READ, "ROLLBACK TO a", LOOK, READ, "ROLLBACK TO b",
        "ROLLBACK TO a", "RELEASE a", READ, "RELEASE a", "ROLLBACK",
    ],
    "errors": ["BEGIN", READ, "SELECT 1 / 0", READ, "SAVEPOINT x", "COMMIT", READ],
    "forgiven errors": ["BEGIN", "SAVEPOINT a", "SELECT 1 / 0", READ, "ROLLBACK TO a", READ, WRITE, "ROLLBACK"],
    "chains": [
        "BEGIN ISOLATION LEVEL REPEATABLE READ", READ, "COMMIT AND CHAIN", *SHOWN, READ, "ROLLBACK AND CHAIN", *SHOWN,
        "ROLLBACK", *SHOWN[:2],
    ],
    "read only chains": ["BEGIN READ ONLY", "COMMIT AND CHAIN", *SHOWN, WRITE, "ROLLBACK AND CHAIN", *SHOWN, "END"],
    "out of place": ["COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "BEGIN", "BEGIN", READ, "COMMIT"],
    "in one string": [f"BEGIN; {READ}; COMMIT", f"SELECT 1; {READ}; SELECT 2", f"BEGIN; {READ}", READ, "END; SELECT 3"],
    "cursors": [
        "BEGIN", "DECLARE c SCROLL CURSOR FOR SELECT id FROM items ORDER BY id", "FETCH 2 FROM c", READ, "FETCH 2 c",
        "SAVEPOINT a", "FETCH 2 FROM c", "ROLLBACK TO a", "FETCH PRIOR FROM c", "MOVE 3 IN c", "FETCH c", "CLOSE c",
        READ, "ROLLBACK",
    ],
    "settings": [
        "BEGIN", "SET LOCAL statement_timeout = '3s'", READ, "SHOW statement_timeout", "ROLLBACK",
        "BEGIN", "SAVEPOINT a", "SET work_mem = '5MB'", READ, "SHOW work_mem", "ROLLBACK TO a", "SHOW work_mem",
        "COMMIT",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_transactions_of_a_client_stay_what_they_were(stand: Stand, user: str, name: str) -> None:
    """Statement by statement what a server without a gateway answers, and the same state of the transaction."""
    with psycopg.connect(stand.truth, autocommit=True) as direct:
        expected = [(text, answers(direct, text)) for text in SCRIPTS[name]]
    with stand.connect(user) as through:
        assert [(text, answers(through, text)) for text in SCRIPTS[name]] == expected
    assert stand.ask("SELECT count(*) FROM items") == 100


def answers(connection: "psycopg.Connection[object]", text: str) -> object:
    """Tag, rows and error of each statement of a string, and how the transaction stands."""
    server = connection.pgconn
    server.send_query(text.encode())
    found = []
    while (result := server.get_result()) is not None:
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        values = [[result.get_value(row, at) for at in range(result.nfields)] for row in range(result.ntuples)]
        found.append((result.status, result.command_status, values, state))
    return found, server.transaction_status


def test_a_snapshot_is_not_taken_anew(stand: Stand) -> None:
    """A confined read stands between savepoints: REPEATABLE READ still sees what its first statement saw."""
    with stand.connect(AGENT) as through:
        through.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert through.execute(READ.encode()).fetchone() == (100,)
        stand.ask("INSERT INTO items VALUES (2001, 'of another')")
        try:
            assert through.execute(READ.encode()).fetchone() == (100,)
            through.execute("COMMIT")
            assert through.execute(READ.encode()).fetchone() == (101,)
        finally:
            stand.ask("DELETE FROM items WHERE id = 2001")
