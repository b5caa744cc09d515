"""Threat 18: nothing that one client sends may hold up another, nor fill the ledger."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from interlock.wire.postgres.messages import build_bind, build_parse, build_query, build_sync
from tests.attacks.wire import Wire, errors, rows
from tests.stand import Stand

LARGEST = 250_000  # characters: just below the limit of a statement
PINGS = 400

BOMBS = {
    "parentheses": "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
    "additions": "SELECT 1" + "+1" * 120_000,
    "negations": "SELECT " + "NOT " * 60_000 + "true",
    "signs": "SELECT " + "- " * 120_000 + "1",
    "conjunctions": "SELECT 1 WHERE true" + " AND true" * 25_000,
    "a long list": "SELECT 1 WHERE 1 IN (" + ",".join(["1"] * 120_000) + ")",
    "cases": "SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000,
    "sub-queries": "SELECT " + "(SELECT " * 25_000 + "1" + ")" * 25_000,
    "unions": "SELECT 1" + " UNION ALL SELECT 1" * 13_000,
    "joins": "SELECT 1 FROM items" + " NATURAL JOIN items" * 12_000,
    "arrays": "SELECT " + "ARRAY[" * 40_000 + "1" + "]" * 40_000,
    "casts": "SELECT 1" + "::int" * 45_000,
    "brackets": "SELECT a" + "[1]" * 80_000,
    "comments": "/*" * 120_000 + "*/" * 120_000 + "SELECT 1",
    "statements": "SELECT 1;" * 27_000,
    "values": "INSERT INTO notes VALUES " + ",".join(["(1, 'x')"] * 25_000),
    "expressions": "WITH " + ",".join(f"a{n} AS (SELECT 1)" for n in range(11_000)) + " SELECT 1",
    "a long name": 'SELECT "' + "a" * LARGEST + '"',
    "a long string": "SELECT '" + "a" * LARGEST + "'",
    "dollars": "SELECT " + "$a$" * 80_000,
    "quotes": "SELECT " + "'" * LARGEST,
    "columns": "SELECT " + ",".join(["id"] * 80_000) + " FROM items",
    "functions": "SELECT " + "lower(" * 40_000 + "'x'" + ")" * 40_000,
    "garbage": "SELEKT " * 35_000,
    "indirection": "SELECT " + "a." * 100_000 + "b",
}


class Pinging:
    """Another session that asks for next to nothing, all the time; `times` are seconds."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    def times(self, count: int) -> list[float]:
        """How long that many pings took, one after the other."""
        with Wire(self._stand) as wire:
            return [self._ping(wire) for _ in range(count)]

    def while_(self, done: threading.Event) -> list[float]:
        """... and as many as there is time for until something else is done."""
        taken: list[float] = []
        with Wire(self._stand) as wire:
            while not done.is_set() or len(taken) < PINGS:
                taken.append(self._ping(wire))
        return taken

    @staticmethod
    def _ping(wire: Wire) -> float:
        began = time.perf_counter()
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]
        return time.perf_counter() - began


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


@contextmanager
def bombing(stand: Stand, bomb: str) -> Iterator[threading.Event]:
    """Throws it three ways; set when the last has been answered."""
    done = threading.Event()

    def throw() -> None:
        try:
            with Wire(stand) as wire:
                wire.ask(build_query(bomb))
                wire.ask(build_parse("", bomb), build_bind("", ""), build_sync())
                wire.ask(build_query(f"PREPARE bomb AS {bomb}"))
        finally:
            done.set()

    thread = threading.Thread(target=throw)
    thread.start()
    try:
        yield done
    finally:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.alone
def test_parser_bombs_hold_nobody_up(stand: Stand) -> None:
    pinging = Pinging(stand)
    pinging.times(PINGS)
    idle = p99(pinging.times(4 * PINGS))
    slow: dict[str, float] = {}
    for name, bomb in BOMBS.items():
        with bombing(stand, bomb) as done:
            taken = p99(pinging.while_(done))
        if taken > 10 * idle:
            slow[name] = taken / idle
    assert not slow, f"idle p99 {idle * 1e3:.2f} ms, then times it: {slow}"


def test_a_bomb_is_answered_and_the_session_goes_on(stand: Stand) -> None:
    with Wire(stand) as wire:
        for name, bomb in BOMBS.items():
            said = wire.ask(build_query(bomb))
            assert said[-1].startswith("Z"), name
            assert errors(said) or rows(said), name
        assert rows(wire.ask(build_query("SELECT 1"))) == ["1"]


def test_long_texts_are_read_in_a_process_of_their_own(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query("SELECT '" + "x" * 20_000 + "'"))
        assert stand.process is not None
        commands = [" ".join(child.cmdline()) for child in psutil.Process(stand.process.pid).children(recursive=True)]
    assert any("interlock.app.serve.analyst" in command for command in commands)


def test_denied_texts_do_not_fill_the_ledger(stand: Stand) -> None:
    """A megabyte of refused text leaves some kilobytes; what ran is kept whole."""
    marker = "fills the ledger"
    with Wire(stand) as wire:
        for n in range(4):
            assert errors(wire.ask(build_query(f"DELETE FROM items /* {marker} {n} */ WHERE '{'x' * LARGEST}' = ''")))
        kept = "SELECT '" + "y" * 50_000 + f"{marker}'"
        assert rows(wire.ask(build_query(kept)))
    recorded = stand.decided(marker)
    assert len(recorded) == 5
    assert sum(one.sealed for one in recorded[:4]) < 64 * 1024
    assert all("sha256" in one.text for one in recorded[:4])
    assert recorded[4].text == kept


def test_a_session_that_reads_nothing_holds_nobody_up(stand: Stand) -> None:
    with Wire(stand) as wire, Wire(stand) as other:
        wire.send(*[build_query("SELECT repeat('x', 1000) FROM generate_series(1, 9000)")] * 20)
        for _ in range(PINGS):
            assert rows(other.ask(build_query("SELECT 1"))) == ["1"]
