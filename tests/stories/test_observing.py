"""A target that is only observed: nothing is blocked or narrowed, until a reload says otherwise to all who are in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import errors as pg

from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_query, parse_error
from tests.attacks.wire import Wire, errors, rows
from tests.stand import AGENT, Stand, standing, wait_for
from tests.stories.test_operating import reload

ROWS: Final = 12_000  # an agent gets 10,000 where the policy is enforced
WORLD: Final = f"""
CREATE TABLE notes (id int PRIMARY KEY, body text);
CREATE TABLE items (id int PRIMARY KEY, name text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, {ROWS}) AS n;
CREATE FUNCTION note() RETURNS int LANGUAGE sql VOLATILE AS
  'INSERT INTO public.notes VALUES (1, $$noted$$) RETURNING id';
"""


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, WORLD, mode="observe") as made:
        made.start()
        yield made
        made.end_well()


def blocked(client: "psycopg.Connection[object]", text: str) -> bool:
    try:
        client.execute(text.encode())
    except pg.InsufficientPrivilege:
        return True
    return False


def test_observing_and_then_not(stand: Stand) -> None:
    query = build_query("SELECT id FROM items")
    with stand.connect() as person, Wire(stand, AGENT) as agent, Wire(stand, AGENT) as other:
        # No limit: the answer is whole, and a transaction goes on behind it.
        said = agent.ask(build_query("BEGIN"), query, build_query("COMMIT"), readies=3)
        assert (len(rows(said)), errors(said), said[-2:]) == (ROWS, [], ["C COMMIT", "Z I"])
        # Not confined: a read of an agent's runs read only where the policy is enforced.
        assert rows(agent.ask(build_query("SELECT note()"))) == ["1"]
        assert stand.ask("SELECT body FROM notes") == "noted"
        person.execute("SELECT lo_create(0)")

        # A pin that is lost ends its session, and says so.
        other.send(build_query("SET client_encoding = latin1"))
        kind, frame = 0, b""
        while kind != kinds.ERROR_RESPONSE:
            kind, frame = other.frame()
        told = parse_error(frame).fields
        assert (told["S"], told["C"]) == ("FATAL", "08006")
        assert told["M"].startswith("client_encoding became LATIN1")

        # Enforced from now on, for those who are in, too.
        stand.configure(mode="enforce")
        reload(stand)
        wait_for(lambda: blocked(person, "SELECT lo_create(0)"), what=lambda: "who is in is still only observed")
        assert person.execute("SELECT count(*) FROM items").fetchone() == (ROWS,)
        said = agent.ask(query)
        assert (len(rows(said)), errors(said)) == (10_000, ["54000"])
        assert errors(agent.ask(build_query("SELECT note()")))
    told_apart = ("FROM items", "lo_create")
    recorded = [one.leaf.decision for one in stand.decisions() if any(words in one.text for words in told_apart)]
    assert {(one.verdict, one.enforced) for one in recorded if one is not None} >= {
        ("allow", False), ("deny", False), ("allow", True), ("deny", True),
    }  # fmt: skip
