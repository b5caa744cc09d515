"""Threat 20: the ledger says what truly happened, and what it lets wait is never a labelled read."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.conftest import WORLD
from tests.attacks.wire import Wire, errors
from tests.stand import Stand, standing


def statuses(stand: Stand, marker: str) -> list[str | None]:
    return [one.status for one in stand.decided(marker)]


def test_an_aborted_commit_is_no_landing(stand: Stand) -> None:
    """COMMIT of a failed transaction answers ROLLBACK, and no error."""
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"), build_query("INSERT INTO notes VALUES (2001, 'aborted 1')"), readies=2)
        assert errors(wire.ask(build_query("INSERT INTO notes VALUES (2001, 'aborted 2')"))) == ["23505"]
        assert wire.ask(build_query("COMMIT")) == ["C ROLLBACK", "Z I"]
    assert statuses(stand, "aborted 1") == ["undone"]
    assert statuses(stand, "aborted 2") == ["failed"]
    assert stand.ask("SELECT count(*) FROM notes WHERE id = 2001") == 0


@pytest.mark.parametrize("how", ["query", "extended", "explicit", "several"])
def test_a_constraint_that_fails_at_the_end_undoes(stand: Stand, how: str) -> None:
    """A deferred foreign key is looked at when everything has already been answered."""
    mark = {"query": 2101, "extended": 2102, "explicit": 2103, "several": 2104}[how]
    text = f"INSERT INTO deferred VALUES ({mark}, -1)"
    with Wire(stand) as wire:
        match how:
            case "query":
                said = wire.ask(build_query(text))
            case "extended":
                said = wire.ask(build_parse("", text), build_bind("", ""), build_execute(""), build_sync())
            case "explicit":
                said = wire.ask(build_query("BEGIN"), build_query(text), build_query("COMMIT"), readies=3)
            case _:
                said = wire.ask(build_query(f"SELECT 1; {text}; SELECT 2"))
        assert errors(said) == ["23503"]
        assert said[-1] == "Z I"
    assert set(statuses(stand, text)) <= {"undone", "failed"}
    assert stand.ask("SELECT count(*) FROM deferred") == 0


def test_what_the_client_never_heard_of(stand: Stand) -> None:
    """A client that leaves in the middle: open work is undone, and said to be."""
    with Wire(stand) as wire:
        wire.ask(build_query("BEGIN"), build_query("INSERT INTO notes VALUES (2201, 'left open')"), readies=2)
    assert statuses(stand, "left open") == ["undone"]
    assert stand.ask("SELECT count(*) FROM notes WHERE id = 2201") == 0


@pytest.mark.parametrize("ending", ["COMMIT", "END", "COMMIT AND CHAIN", "ROLLBACK", "ABORT", "ROLLBACK AND CHAIN"])
def test_every_ending_of_a_transaction(stand: Stand, ending: str) -> None:
    key = 2300 + sum(map(ord, ending)) % 97
    with Wire(stand) as wire:
        texts = ["BEGIN", f"INSERT INTO notes VALUES ({key}, 'ending {key}')", ending, "ROLLBACK"]
        wire.ask(*map(build_query, texts), readies=len(texts))
    landed = stand.ask("SELECT count(*) FROM notes WHERE id = %s", key) == 1
    assert landed is ending.startswith(("COMMIT", "END"))
    assert statuses(stand, f"ending {key}") == ["landed" if landed else "undone"]


@pytest.fixture
def relaxed(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    """Reads of what carries no label need not wait for the disk."""
    ledger = 'durability = "relaxed-reads"'
    with standing(postgres18, tmp_path, WORLD.read_text(), pii=["public.people.email"], ledger=ledger) as made:
        yield made


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("SELECT name FROM items WHERE id = 1", False),
        ("SELECT email FROM people WHERE id = 1", True),
        ("SELECT * FROM people", True),
        ("INSERT INTO notes VALUES (1, 'x')", True),
    ],
)
def test_only_unlabelled_reads_are_relaxed(relaxed: Stand, text: str, waits: bool) -> None:
    """Killed where it is decided: what had to wait for the disk is in the ledger, the rest was not waited for."""
    relaxed.start(INTERLOCK_KILL_AT="decided")
    with pytest.raises(psycopg.OperationalError), relaxed.connect() as client:
        client.execute(text.encode())
    relaxed.kill()
    assert [text in one.text for one in relaxed.decisions()] == [True] * waits


def test_pipelined_commands_end_each_for_itself(stand: Stand) -> None:
    """Nothing is written down as landed because something before it has."""
    texts = ["SELECT 'piped 1'", "SELECT 'piped 2', 1/0", "SELECT 'piped 3'"]
    with Wire(stand) as wire:
        wire.ask(*map(build_query, texts), readies=3)
        whole = [build_parse("", t) + build_bind("", "") + build_execute("") + build_sync() for t in texts]
        wire.ask(*whole, readies=3)
        wire.ask(*map(build_query, ["BEGIN", *texts, "COMMIT"]), readies=5)
    assert statuses(stand, "piped 1") == ["landed", "landed", "undone"]
    assert statuses(stand, "piped 2") == ["failed"] * 3
    assert statuses(stand, "piped 3") == ["landed", "landed", "failed"]
