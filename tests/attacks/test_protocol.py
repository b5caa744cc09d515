"""Messages that mean something else than they seem to, in an order that nobody expects."""

import socket
import struct
from contextlib import suppress

import psycopg
import pytest

from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_close,
    build_copy_data,
    build_copy_done,
    build_describe,
    build_execute,
    build_flush,
    build_function_call,
    build_parse,
    build_query,
    build_sync,
)
from interlock.wire.postgres.startup import build_cancel_request, build_gss_request, build_ssl_request, build_startup
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, PERSON, Stand, wait_for

SYNC = build_sync()
EXECUTE = build_execute("")
ALL = "SELECT id FROM items"  # 20,000 rows, of which an agent gets 10,000
LIMIT = 10_000


def run(text: str, name: str = "", portal: str = "") -> bytes:
    return build_parse(name, text) + build_bind(portal, name) + build_execute(portal)


# -- names -----------------------------------------------------------------------------------------


def test_the_gateways_own_names_are_nobody_elses(stand: Stand) -> None:
    tries = [
        [build_parse("il_begin", "SELECT 1"), SYNC],
        [build_bind("", "il_unlock"), EXECUTE, SYNC],
        [build_bind("", "il_begin"), EXECUTE, SYNC],
        [build_describe(Part.STATEMENT, "il_begin"), SYNC],
        [build_close(Part.STATEMENT, "il_begin"), SYNC],
        [build_close(Part.PORTAL, "il_begin"), SYNC],
        [build_parse("", "SELECT 1"), build_bind("il_begin", ""), SYNC],
        [build_execute("il_refused"), SYNC],
        [build_query("EXECUTE il_unlock")],
        [build_query("EXPLAIN EXECUTE il_unlock")],
        [build_query("DEALLOCATE il_begin")],
        [build_query("DEALLOCATE PREPARE il_lock")],
        [build_query("PREPARE il_begin AS SELECT 1")],
        [build_query("DECLARE il_begin CURSOR FOR SELECT 1")],
        [build_query("SAVEPOINT il_mark")],
        [build_query('SAVEPOINT "il_mark"')],
        [build_query("ROLLBACK TO SAVEPOINT il_mark")],
        [build_query("RELEASE il_mark")],
        [build_query("CLOSE il_begin")],
        [build_query("FETCH ALL FROM il_begin")],
    ]
    with Wire(stand) as wire:
        for number, messages in enumerate(tries):
            assert errors(wire.ask(*messages)), number
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
        assert "C INSERT 0 1" in wire.ask(build_query("INSERT INTO notes VALUES (901, 'still works')"))
        assert errors(wire.ask(build_query("SELECT scribble('still locked')")))


@pytest.mark.parametrize("how", ["bind", "execute"])
def test_unknown_names_and_those_of_other_sessions(stand: Stand, how: str) -> None:
    with Wire(stand) as one, Wire(stand) as other:
        one.ask(build_parse("mine", "SELECT 'mine'"), SYNC)
        one.ask(build_query("BEGIN"), build_query("DECLARE c CURSOR FOR SELECT 'mine'"), readies=2)
        if how == "bind":
            assert errors(other.ask(build_bind("", "mine"), EXECUTE, SYNC)) == ["26000"]
            assert errors(other.ask(build_execute("c"), SYNC)) == ["34000"]
        else:
            assert errors(other.ask(build_query("EXECUTE mine")))
            assert errors(other.ask(build_query("FETCH c")))
        assert rows(one.ask(build_query("FETCH c"))) == ["mine"]


def test_sql_and_protocol_share_their_names(stand: Stand) -> None:
    with Wire(stand, AGENT) as wire:
        wire.ask(build_query(f"PREPARE p AS {ALL}"))
        said = wire.ask(build_bind("", "p"), EXECUTE, SYNC)
        assert (len(rows(said)), errors(said)) == (LIMIT, ["54000"])
        wire.ask(build_parse("q", ALL), SYNC)
        said = wire.ask(build_query("EXECUTE q"))
        assert (len(rows(said)), errors(said)) == (LIMIT, ["54000"])


SWAPS = {
    # every one leaves the name with another statement than a careless reader believes
    "failed at the target": [run("SELECT 1/0", "bad") + build_parse("p", "SELECT 1") + SYNC],
    "refused": [build_parse("", "DROP TABLE items") + build_parse("p", "SELECT 1") + SYNC],
    "name is taken": [build_parse("p", "SELECT 1") + SYNC],
    "taken in SQL": [build_query("PREPARE p AS SELECT 1")],
    "closed behind an error": [
        run("SELECT 1/0", "bad") + build_close(Part.STATEMENT, "p") + build_parse("p", "SELECT 1") + SYNC
    ],
    "deallocated behind an error": [build_query("SELECT 1/0; DEALLOCATE p; PREPARE p AS SELECT 1")],
}


@pytest.mark.parametrize("name", ["p", ""])
@pytest.mark.parametrize("swap", SWAPS)
def test_a_failed_message_does_not_swap_the_judged_meaning(stand: Stand, swap: str, name: str) -> None:
    """The statement is what it was: all rows of a table, of which this principal gets 10,000."""
    failing = SWAPS[swap]
    if not name:
        failing = [message.replace(b"p\0SELECT 1\0", b"\0SELECT 1\0") for message in failing]
    with Wire(stand, AGENT) as wire:
        wire.ask(build_parse(name, ALL), SYNC)
        wire.send(*failing, build_bind("", name), EXECUTE, SYNC)
        said = wire.answers(2)
        assert len(rows(said)) <= LIMIT + 1, (swap, len(rows(said)))


@pytest.mark.parametrize("how", ["pipelined", "in SQL"])
def test_a_closed_name_takes_the_meaning_that_replaced_it(stand: Stand, how: str) -> None:
    with Wire(stand, AGENT) as wire:
        wire.ask(build_parse("p", "SELECT 1"), SYNC)
        if how == "pipelined":
            said = wire.ask(build_close(Part.STATEMENT, "p"), build_parse("p", ALL), build_bind("", "p"), EXECUTE, SYNC)
        else:
            said = wire.ask(build_query(f"DEALLOCATE p; PREPARE p AS {ALL}; EXECUTE p"))
        assert (len(rows(said)), errors(said)) == (LIMIT, ["54000"])


def test_a_query_destroys_the_unnamed_statement(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_parse("", "SELECT 'unnamed'"), SYNC)
        wire.ask(build_query("SELECT 1"))
        assert errors(wire.ask(build_bind("", ""), EXECUTE, SYNC)) == ["26000"]
        said = wire.ask(build_parse("", "SELECT 'unnamed'"), SYNC, build_query("SELECT 1"), readies=2)
        assert errors(wire.ask(build_bind("", ""), EXECUTE, SYNC)) == ["26000"], said


def test_portals_end_with_their_transaction(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_parse("", "SELECT generate_series(1, 9)"), build_bind("c", ""), build_execute("c", 2), SYNC)
        assert errors(wire.ask(build_execute("c"), SYNC)) == ["34000"]
        wire.ask(build_query("BEGIN"))
        wire.ask(build_parse("", "SELECT generate_series(1, 9)"), build_bind("c", ""), build_execute("c", 2), SYNC)
        assert rows(wire.ask(build_execute("c", 2), SYNC)) == ["3", "4"]
        wire.ask(build_query("COMMIT"))
        assert errors(wire.ask(build_execute("c"), SYNC)) == ["34000"]
        assert errors(wire.ask(build_query("FETCH c")))


# -- the row limit -----------------------------------------------------------------------------------


def delivered(wire: Wire, *messages: bytes, readies: int) -> int:
    return len(rows(wire.ask(*messages, readies=readies)))


@pytest.mark.parametrize("how", ["executes", "executes pipelined", "fetches", "fetches pipelined", "fetches in one",
                                 "declared with fetches", "executed fetches", "copied", "mixed"])  # fmt: skip
def test_a_row_limit_counts_all_pieces_together(stand: Stand, how: str) -> None:
    piece = 6000
    begin, fetch = build_query("BEGIN"), build_query(f"FETCH {piece} FROM c")
    declare = build_query(f"DECLARE c CURSOR FOR {ALL}")
    bound = build_parse("", ALL) + build_bind("c", "")
    prepared = build_parse("f", f"FETCH {piece} FROM c")
    with Wire(stand, AGENT) as wire:
        wire.ask(begin)
        match how:
            case "executes":
                got = delivered(wire, bound, build_execute("c", piece), SYNC, readies=1)
                got += sum(delivered(wire, build_execute("c", piece), SYNC, readies=1) for _ in range(3))
            case "executes pipelined":
                got = delivered(wire, bound, *[build_execute("c", piece)] * 4, SYNC, readies=1)
            case "fetches":
                wire.ask(declare)
                got = sum(delivered(wire, fetch, readies=1) for _ in range(4))
            case "fetches pipelined":
                got = delivered(wire, declare, *[fetch] * 4, readies=5)
            case "fetches in one":
                wire.ask(declare)
                got = delivered(wire, build_query(f"FETCH {piece} FROM c;" * 4), readies=1)
            case "declared with fetches":
                text = f"DECLARE c CURSOR FOR {ALL};" + f"FETCH {piece} FROM c;" * 2
                got = delivered(wire, build_query(text), fetch, fetch, readies=3)
            case "executed fetches":
                wire.ask(declare)
                got = delivered(wire, prepared, *[build_bind("", "f") + EXECUTE] * 4, SYNC, readies=1)
            case "copied":
                got = delivered(wire, build_query(f"COPY ({ALL}) TO STDOUT"), readies=1)
            case _:
                got = delivered(wire, bound, build_execute("c", piece), SYNC, fetch, fetch, readies=3)
        assert got <= LIMIT


# -- groups ------------------------------------------------------------------------------------------


def noted(stand: Stand, number: int) -> int:
    count: int = stand.ask("SELECT count(*) FROM notes WHERE id = %s", number)
    return count


REFUSED_GROUPS = {
    "refused at Parse": [run("INSERT INTO notes VALUES ({n}, 'x')"), run("DELETE FROM items"), SYNC],
    "refused at the end": [run("INSERT INTO notes VALUES ({n}, 'x')"), run("SELECT 1"), run("DROP TABLE items"), SYNC],
    "refused, then more": [run("DELETE FROM items"), run("INSERT INTO notes VALUES ({n}, 'x')"), SYNC],
    "an unknown name": [run("INSERT INTO notes VALUES ({n}, 'x')"), build_bind("", "nobody"), EXECUTE, SYNC],
    "an unknown name first": [build_bind("", "nobody"), run("INSERT INTO notes VALUES ({n}, 'x')"), SYNC],
    "a reserved name first": [build_query("DEALLOCATE il_begin; INSERT INTO notes VALUES ({n}, 'x')")],
    "a reserved name last": [build_query("INSERT INTO notes VALUES ({n}, 'x'); SAVEPOINT il_mark")],
    "two in one": [build_parse("", "SELECT 1; SELECT 2"), run("INSERT INTO notes VALUES ({n}, 'x')"), SYNC],
    "flushed": [run("INSERT INTO notes VALUES ({n}, 'x')"), build_flush(), run("DELETE FROM items"), SYNC],
    "several": [build_query("INSERT INTO notes VALUES ({n}, 'x'); DELETE FROM items")],
    "several, first": [build_query("DELETE FROM items; INSERT INTO notes VALUES ({n}, 'x')")],
    "behind a barrier": [build_query("INSERT INTO notes VALUES ({n}, 'x'); SELECT harmless(1); DELETE FROM items")],
    "garbled": [build_query("INSERT INTO notes VALUES ({n}, 'x'); SELEKT")],
    "a function by number": [run("INSERT INTO notes VALUES ({n}, 'x')"), build_function_call(1, [])],
}


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("number", range(len(REFUSED_GROUPS)), ids=list(REFUSED_GROUPS))
def test_nothing_of_a_refused_group_lands(stand: Stand, number: int, inside: bool) -> None:
    key = 400 + 2 * number + inside
    messages = [message.replace(b"{n}", b"%d" % key) for message in list(REFUSED_GROUPS.values())[number]]
    with Wire(stand) as wire:
        if inside:
            wire.ask(build_query("BEGIN"))
        assert errors(wire.ask(*messages))
        if inside:
            wire.ask(build_query("COMMIT"))
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
    assert noted(stand, key) == 0
    assert stand.ask("SELECT count(*) FROM items") == 20000


def test_a_group_that_failed_where_we_cut_it_stays_failed(stand: Stand) -> None:
    """What was prepared alone is ended by a Sync of ours. If it failed, the client's group goes on failed."""
    with psycopg.connect(stand.truth) as admin, Wire(stand) as wire:
        admin.execute("LOCK TABLE people")
        before = len(stand.decisions())
        wire.send(build_parse("", "SELECT no_such_column FROM people"))
        wait_for(lambda: len(stand.decisions()) > before, what=lambda: "the Parse was never judged")
        wait_for(lambda: waiting(stand) == 1, what=lambda: "the Parse never waited")
        wire.send(run("INSERT INTO notes VALUES (1101, 'x')"), SYNC)
        admin.rollback()
        said = wire.answers()
        assert said == ["E 42703", "Z I"]
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
    assert noted(stand, 1101) == 0


# -- transactions ------------------------------------------------------------------------------------

CONTROL = [
    "COMMIT; SELECT scribble('x')",
    "SET TRANSACTION READ WRITE; SELECT scribble('x')",
    "BEGIN; SET TRANSACTION READ WRITE; SELECT scribble('x'); COMMIT",
    "BEGIN READ WRITE; SELECT scribble('x'); COMMIT",
    "BEGIN READ ONLY; SET TRANSACTION READ WRITE; SELECT scribble('x'); COMMIT",
    "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE; SELECT scribble('x'); COMMIT",
    "BEGIN; COMMIT AND CHAIN; SELECT scribble('x'); COMMIT",
    "BEGIN; ROLLBACK AND CHAIN; SELECT scribble('x'); COMMIT",
    "BEGIN; SAVEPOINT a; SELECT scribble('x'); RELEASE a; COMMIT",
    "INSERT INTO notes VALUES (1201, 'x'); SELECT scribble('x')",
    "SELECT scribble('x'); INSERT INTO notes VALUES (1202, 'x')",
    "INSERT INTO notes VALUES (1203, 'x'); COMMIT; SELECT scribble('x')",
    "BEGIN; DECLARE c CURSOR FOR SELECT scribble('x'); FETCH c; COMMIT",
    "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT scribble('x'); COMMIT; FETCH c",
    "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT immutable_scribble('x'); COMMIT",
    "PREPARE w AS SELECT scribble('x'); EXECUTE w",
    "BEGIN; PREPARE w2 AS SELECT scribble('x'); EXECUTE w2; COMMIT",
    "BEGIN; EXPLAIN ANALYZE SELECT scribble('x'); COMMIT",
    "BEGIN; CREATE TEMP TABLE t AS SELECT scribble('x'); COMMIT",
    "BEGIN; SELECT scribble('x') INTO TEMP t2; COMMIT",
    "BEGIN; SET LOCAL transaction_read_only = off; SELECT scribble('x'); COMMIT",
    "BEGIN; SELECT set_config('transaction_read_only', 'off', true), scribble('x'); COMMIT",
    "BEGIN; ROLLBACK TO il_mark; SELECT scribble('x'); COMMIT",
    "VACUUM; SELECT scribble('x')",
    "BEGIN; TABLE items LIMIT 1; SELECT scribble('x') FROM items LIMIT 1; END",
]


@pytest.mark.parametrize("how", ["several", "one by one", "pipelined", "extended", "extended pipelined"])
@pytest.mark.parametrize("user", [PERSON, AGENT])
def test_a_reader_stays_a_reader_whatever_it_says_about_transactions(stand: Stand, user: str, how: str) -> None:
    with Wire(stand, user) as wire:
        for text in CONTROL:
            parts = text.split("; ")
            match how:
                case "several":
                    wire.ask(build_query(text))
                case "one by one":
                    for part in parts:
                        wire.ask(build_query(part))
                case "pipelined":
                    wire.ask(*map(build_query, parts), readies=len(parts))
                case "extended":
                    wire.ask(*map(run, parts), SYNC)
                case _:
                    wire.ask(*(run(part) + SYNC for part in parts), readies=len(parts))
            wire.ask(build_query("ROLLBACK"), build_query("DEALLOCATE ALL"), readies=2)
            assert stand.ask("SELECT count(*) FROM trap") == 0, text
        assert rows(wire.ask(build_query("SHOW transaction_read_only"))) == ["on"]
    stand.ask("DELETE FROM notes WHERE id BETWEEN 1201 AND 1203")


def test_a_commit_inside_a_query_lands_what_stands_before_it(stand: Stand) -> None:
    """As PostgreSQL does it: the first part lands, the failing rest is undone."""
    with Wire(stand) as wire:
        said = wire.ask(
            build_query(
                "INSERT INTO notes VALUES (1301, 'x'); COMMIT; INSERT INTO notes VALUES (1302, 'x'); SELECT 1/0"
            )
        )
        assert errors(said) == ["22012"]
    assert (noted(stand, 1301), noted(stand, 1302)) == (1, 0)
    assert {one.status for one in stand.decided("(1301, 'x')")} == {"landed"}
    assert {one.status for one in stand.decided("(1302, 'x')")} == {"undone"}


def test_an_aborted_transaction_runs_nothing(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"), build_query("SAVEPOINT a"), build_query("DELETE FROM items"), readies=3)
        assert errors(wire.ask(build_query("INSERT INTO notes VALUES (1401, 'x')"))) == ["25P02"]
        wire.ask(build_query("ROLLBACK TO a"))
        assert "C INSERT 0 1" in wire.ask(build_query("INSERT INTO notes VALUES (1402, 'x')"))
        assert wire.ask(build_query("COMMIT")) == ["C COMMIT", "Z I"]
    assert (noted(stand, 1401), noted(stand, 1402)) == (0, 1)


# -- bytes -------------------------------------------------------------------------------------------


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


GARBLED = {
    "NUL inside": message(b"Q", b"SELECT 1\0; DROP TABLE items\0"),
    "NUL in Parse": message(b"P", b"\0SELECT 1\0DROP TABLE items\0\0\0"),
    "no end": message(b"Q", b"SELECT 1"),
    "length of 3": b"Q" + struct.pack(">i", 3),
    "negative length": b"Q" + struct.pack(">i", -1),
    "negative count": message(b"B", b"\0\0\xff\xff"),
    "longer than allowed": b"Q" + struct.pack(">i", (64 << 20) + 5),
    "unknown type": message(b"!", b""),
    "a password": message(b"p", b"secret\0"),
}


@pytest.mark.parametrize("kind", GARBLED)
def test_garbled_frames_end_one_session(stand: Stand, kind: str) -> None:
    with Wire(stand) as wire, Wire(stand) as other:
        said = wire.ask(GARBLED[kind], build_query("INSERT INTO notes VALUES (1501, 'x')"))
        assert said[-1] == "closed"
        assert rows(other.ask(build_query("SELECT 1"))) == ["1"]
    assert noted(stand, 1501) == 0
    assert stand.ask("SELECT to_regclass('items') IS NOT NULL")


@pytest.mark.parametrize(
    "text", [b"SELECT '\xff'", b"SELECT '\xc0\xaf'", b"SELECT '\xed\xa0\x80'", b"DROP TABLE items --\xf8"]
)
def test_text_that_is_no_utf8_is_an_error(stand: Stand, text: bytes) -> None:
    with Wire(stand) as wire:
        assert errors(wire.ask(message(b"Q", text + b"\0")))
        assert errors(wire.ask(message(b"P", b"\0" + text + b"\0\0\0"), SYNC))
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]


def test_overlong_texts_are_refused(stand: Stand) -> None:
    with Wire(stand) as wire:
        assert errors(wire.ask(build_query("SELECT '" + "x" * 300_000 + "'"))) == ["42501"]
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]


def test_copy_data_outside_of_copy_is_dropped(stand: Stand) -> None:
    with Wire(stand) as wire:
        data = build_copy_data(b"1601\tx\n") + build_copy_done()
        assert rows(wire.ask(data, build_query("SELECT 1"))) == ["1"]
        said = wire.ask(build_query("COPY people FROM PROGRAM 'cat'"), data, build_query("SELECT 2"), readies=2)
        assert (errors(said), rows(said)) == (["42501"], ["2"])
    assert noted(stand, 1601) == 0


# -- before there is a session -------------------------------------------------------------------------


def dial(stand: Stand) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stand.port), timeout=20)


def left(connection: socket.socket) -> bytes:
    """What still comes until the other side hangs up."""
    data = b""
    try:
        while piece := connection.recv(4096):
            data += piece
    except ConnectionResetError:
        pass
    return data


@pytest.mark.parametrize("request_", [build_ssl_request(), build_gss_request()], ids=["ssl", "gss"])
def test_bytes_stuffed_behind_an_encryption_request_end_it(stand: Stand, request_: bytes) -> None:
    with dial(stand) as connection:
        connection.sendall(request_ + build_startup({"user": PERSON, "database": "stand"}))
        assert b"R" not in left(connection)[:1]


FIRST = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls without a certificate": b"\x16\x03\x01\x00\x05hello",
    "too long": struct.pack(">ii", 1 << 20, 196608),
    "too short": struct.pack(">i", 4),
    "version 2": struct.pack(">ii", 8, 131072),
    "no end": struct.pack(">ii", 13, 196608) + b"user\0",
    "a replication": build_startup({"user": PERSON, "database": "stand", "replication": "true"}),
    "query before login": build_startup({"user": PERSON, "database": "stand"}) + build_query("SELECT 1"),
    "a huge answer": build_startup({"user": PERSON, "database": "stand"}) + b"p" + struct.pack(">i", 1 << 24),
}


@pytest.mark.parametrize("kind", FIRST)
def test_strange_first_packets_end_one_connection(stand: Stand, kind: str) -> None:
    with dial(stand) as connection:
        connection.sendall(FIRST[kind])
        with suppress(OSError):  # it may be closed already
            connection.shutdown(socket.SHUT_WR)
        assert b"Z" + struct.pack(">i", 5) not in left(connection)
    with Wire(stand) as wire:
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]


def test_slow_callers_hold_nobody_up(stand: Stand) -> None:
    callers = [dial(stand) for _ in range(40)]
    try:
        for number, caller in enumerate(callers):
            caller.sendall(build_startup({"user": PERSON, "database": "stand"})[: 1 + number % 30])
        with Wire(stand) as wire:
            assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
    finally:
        for caller in callers:
            caller.close()


@pytest.mark.parametrize("wrong", [True, False])
def test_only_the_right_secret_cancels(stand: Stand, wrong: bool) -> None:
    with Wire(stand) as wire, Wire(stand) as other, psycopg.connect(stand.truth) as admin:
        admin.execute("LOCK TABLE notes")
        wire.send(build_query("SELECT count(*) FROM notes"))
        wait_for(lambda: waiting(stand) == 1, what=lambda: "no query waits")
        with dial(stand) as connection:
            secret = bytes(byte ^ 0xFF for byte in wire.secret) if wrong else wire.secret
            connection.sendall(build_cancel_request(wire.pid, secret))
            assert left(connection) == b""
        assert rows(other.ask(build_query("SELECT 1"))) == ["1"]
        if wrong:
            assert waiting(stand) == 1
            admin.rollback()
        assert errors(wire.answers()) == ([] if wrong else ["57014"])


def waiting(stand: Stand) -> int:
    """How many locks are waited for."""
    count: int = stand.ask("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return count
