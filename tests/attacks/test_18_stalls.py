"""Threat 18: nothing that one client sends may hold up another, nor fill the ledger."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
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

# Short enough to be read between two pings, by the worker itself: nothing about them may grow faster than they do.
SHORT = {
    "dashes behind a string": "SELECT 'a'" + "-" * 15_000,
    "dashes between strings": "SELECT 'a'" + "- " * 7_000 + "\n'b'",
    "signs in a row": "SELECT 1 " + "+-" * 7_500 + " 1",
    "short comments": "/**/" * 3_900 + "SELECT 1",
    "copied assignments": "UPDATE notes SET (" + "body," * 800 + "id) = (SELECT " + "body," * 800 + "1 FROM notes)",
    "blanks in a setting": "SET work_mem = '1" + " " * 15_000 + "x'",
    "unheard of": "SELECT " + ",".join(["unheard_of()"] * 1_200),
    "the same table": "TRUNCATE " + ",".join(["items"] * 2_600),
    "wide answers": "SELECT " + ",".join(["id"] * 1_600) + " FROM items WHERE id = 1",
    "unicode escapes": "SELECT U&'" + "\\0041" * 3_100 + "'",
    "deep JSON": "SELECT '" + "[" * 15_000 + "'::jsonb",
    "deep code": "DO $$ " + "BEGIN " * 1_300 + "END; " * 1_300 + "$$",
    "a large parameter": "SELECT $2147483647, $99999999999999999999",
    "large numbers": "SELECT 1e999999999, 1e-999999999, " + "9" * 15_000,
    "open dollars": "SELECT " + "".join(f"$a{n}$" for n in range(2_500)),
}
BOMBS |= SHORT


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


LONG = "SELECT '" + "x" * 20_000 + "'"

HEAVY = "SELECT id FROM items WHERE id IN (1" + ", 1" * 20_000 + ")"


def analysts(stand: Stand) -> list[psutil.Process]:
    """The processes that read long texts."""
    assert stand.process is not None
    children = psutil.Process(stand.process.pid).children(recursive=True)
    return [child for child in children if "interlock.app.serve.analyst" in " ".join(child.cmdline())]


def test_long_texts_are_read_in_a_process_of_their_own(stand: Stand) -> None:
    with Wire(stand) as wire:
        wire.ask(build_query(LONG))
        assert analysts(stand)


def hang(process: psutil.Process) -> None:
    process.suspend()


def starve(process: psutil.Process) -> None:
    """No byte more than it has."""
    held = process.memory_info().vms
    process.rlimit(psutil.RLIMIT_AS, (held, held))


@pytest.mark.parametrize("befalls", [hang, starve, psutil.Process.kill], ids=["hung", "out of memory", "killed"])
def test_what_befalls_the_reader_of_one_text_befalls_no_other(
    stand: Stand, befalls: Callable[[psutil.Process], None]
) -> None:
    """That statement is refused with a reason; the session, its neighbours and the next long text go on."""
    with Wire(stand) as wire, Wire(stand) as other:
        assert rows(wire.ask(build_query(HEAVY))) == ["1"]
        for process in analysts(stand):
            befalls(process)
        wire.send(build_query(HEAVY.replace("(1", "(2")))
        for _ in range(20):
            assert rows(other.ask(build_query("SELECT 1"))) == ["1"]
        said = wire.answers()
        # Who was killed while nobody asked may have been replaced in time.
        assert errors(said) == ["42501"] or (befalls is psutil.Process.kill and rows(said)), said
        assert said[-1] == "Z I"
        assert rows(wire.ask(build_query("SELECT 2"))) == ["2"]
        assert rows(wire.ask(build_query(HEAVY.replace("(1", "(-3")))) == ["1"]


def test_denied_texts_do_not_fill_the_ledger(stand: Stand) -> None:
    """A megabyte of refused text leaves some kilobytes; what ran is kept whole."""
    marker = "fills the ledger"
    with Wire(stand) as wire:
        for n in range(4):
            assert errors(wire.ask(build_query(f"DROP TABLE items /* {marker} {n} {'x' * LARGEST} */")))
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


def test_what_is_refused_costs_the_target_nothing(stand: Stand) -> None:
    """Not a look at the catalogue either: whoever is refused a DROP again and again makes nobody read it anew."""

    def last_asked() -> object:
        return stand.ask("SELECT query_start FROM pg_stat_activity WHERE application_name = 'refused'")

    with stand.connect(application_name="refused") as client:
        client.execute("SELECT 1")
        before = last_asked()
        for _ in range(3):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                client.execute("DROP TABLE items")
        assert last_asked() == before
        assert client.execute("SELECT 2").fetchone() == (2,)
        assert last_asked() != before
