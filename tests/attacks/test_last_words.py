"""Whoever breaks a session, its client hears why before the end."""

from typing import Final

import psycopg
import pytest

from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_describe,
    build_execute,
    build_parse,
    build_query,
    build_sync,
    parse_error,
)
from tests.attacks.test_protocol import GARBLED, message, waiting
from tests.attacks.wire import Wire, errors, rows
from tests.stand import Stand, wait_for

SYNC: Final = build_sync()
CURSOR: Final = "DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id"

# what the client did, and what it is told of it
BROKEN: Final = {
    "longer than allowed": (GARBLED["longer than allowed"], "67108870 bytes is over the limit of 67108864 bytes"),
    "unknown type": (GARBLED["unknown type"], "type 0x21"),
    "length of 3": (GARBLED["length of 3"], "the impossible length 3"),
    "malformed Bind": (message(b"B", b"\0\0\0\x01"), "malformed message (bind): it ends too early"),
    "NUL inside": (GARBLED["NUL inside"], "malformed message (query): 19 bytes follow the last field"),
    "a password": (GARBLED["a password"], "a PasswordMessage message does not belong"),
    "behind a Parse": (build_parse("", "SELECT 1") + message(b"Q", b"SELECT 1"), "a text has no end"),
}


def last_words(wire: Wire) -> list[dict[str, str]]:
    """The fields of the errors that came up to the end."""
    told: list[dict[str, str]] = []
    while (read := wire.frame()) and read[0]:
        if read[0] == kinds.ERROR_RESPONSE:
            told.append(dict(parse_error(read[1]).fields))
    return told


@pytest.mark.parametrize("kind", BROKEN)
def test_who_breaks_the_protocol_is_told_what_was_wrong(stand: Stand, kind: str) -> None:
    data, words = BROKEN[kind]
    with Wire(stand) as wire:
        wire.send(data)
        (told,) = last_words(wire)
    assert (told["S"], told["C"]) == ("FATAL", "08P01")
    assert words in told["M"]
    assert "; " in told["M"], "it says what to do next"


@pytest.mark.parametrize("under_way", [False, True])
def test_a_target_that_is_lost(stand: Stand, under_way: bool) -> None:
    mark = f"lost target {under_way}"
    with psycopg.connect(stand.truth) as admin, Wire(stand) as wire:
        wire.ask(build_query(f"SELECT '{mark}'"))
        if under_way:
            admin.execute("LOCK TABLE notes")
            wire.send(build_query(f"SELECT count(*), '{mark}' FROM notes"))
            wait_for(lambda: waiting(stand) == 1, what=lambda: "no query waits")
        find = "FROM pg_stat_activity WHERE strpos(query, %s) > 0 AND pid <> pg_backend_pid()"
        assert stand.ask(f"SELECT pg_terminate_backend(pid) {find}", mark) is True
        targets, ours = last_words(wire)
    assert targets["C"] == "57P01"
    assert (ours["S"], ours["C"]) == ("FATAL", "08006")
    assert ours["M"] == "the target closed the connection; connect again"


# -- cursors of SQL's, executed by the protocol ------------------------------------------------------------


def test_a_cursor_of_sql_is_read_in_sql(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"), build_query(CURSOR), readies=2)
        wire.send(build_execute("c", 3), SYNC)
        kind, frame = wire.frame()
        assert kind == kinds.ERROR_RESPONSE
        told = parse_error(frame).fields
        assert (told["S"], told["C"], told["H"]) == ("ERROR", "0A000", 'Read it in SQL as well: FETCH FROM "c".')
        assert wire.answers() == ["Z E"]
        wire.ask(build_query("ROLLBACK"), build_query("BEGIN"), build_query(CURSOR), readies=3)
        assert rows(wire.ask(build_query("FETCH 2 FROM c"))) == ["1", "2"]
        wire.ask(build_query("ROLLBACK"))


def test_a_bound_declare_runs(stand: Stand) -> None:
    """Drivers declare their cursors by Parse, Bind, Execute in one go."""
    declare = build_parse("", CURSOR) + build_bind("", "") + build_describe(Part.PORTAL, "") + build_execute("")
    fetch = build_parse("", "FETCH 2 FROM c") + build_bind("", "") + build_execute("")
    with Wire(stand) as wire:
        said = wire.ask(build_query("BEGIN"), declare, SYNC, fetch, SYNC, readies=3)
        assert (errors(said), rows(said)) == ([], ["1", "2"])
        wire.ask(build_query("ROLLBACK"))
