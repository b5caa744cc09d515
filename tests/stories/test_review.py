"""The review of access on a gateway that was used: what it says, and a narrower policy that is tried in the open."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres
from tests.stand import Stand, wait_for
from tests.stories.approving import approve, guarded, held


@pytest.fixture(scope="module")
def stand(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with guarded(postgres18, tmp_path_factory.mktemp("review"), pii=("public.notes.body",)) as made:
        made.start()
        with made.connect() as ana, made.connect("robot") as robot, made.connect("dora") as dora:
            for _ in range(3):
                ana.execute("SELECT name FROM items WHERE id = 7")
            ana.execute("UPDATE items SET name = 'new' WHERE id = 8")
            robot.execute("SELECT count(*) FROM items")
            request = held(ana, "DELETE FROM items WHERE id = 9")
            approve(made, request["request"], "dora")
            ana.execute("DELETE FROM items WHERE id = 9")
            dora.execute("SELECT id FROM notes")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                robot.execute("DROP TABLE items")
        yield made
        assert made.stop() == 0


def reviewed(stand: Stand, *more: str) -> dict[str, Any]:
    done = stand.interlock("access", "review", "--since", "1h", "--json", *more)
    assert done.code == 0, done.out + done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def line(found: dict[str, Any], who: str, verb: str, thing: str) -> tuple[str | None, int]:
    for one in found["access"]:
        if (one["who"], one["verb"], one["object"]) == (who, verb, thing):
            return one["verdict"], one["used"]
    return None, 0


def test_who_could_who_did_and_who_did_not(stand: Stand) -> None:
    found = reviewed(stand)
    assert found["without_catalog"] == {}
    assert line(found, "ana", "read", "public.items")[0] == "allow"
    assert line(found, "ana", "read", "public.items")[1] >= 3
    assert line(found, "ana", "change", "public.items") == ("allow", 1)
    assert line(found, "ana", "delete", "public.items") == ("hold", 1)
    assert line(found, "robot for ana", "read", "public.items") == ("allow", 1)
    assert line(found, "carl", "read", "public.items") == ("allow", 0)
    unused = {(one["who"], one["verb"], one["object"]) for one in found["unused"]}
    assert ("carl", "read", "public.items") in unused
    assert ("ana", "read", "public.items") not in unused


def test_the_narrower_policy_allows_what_was_done_and_nothing_else(stand: Stand) -> None:
    place = stand.directory / "narrower"
    found = reviewed(stand, "--write", str(place))["narrower"]
    assert found["refused"] == []
    assert found["unlike"] == []
    assert found["replayed"] >= 7
    assert {file.name: file.read_text() for file in place.iterdir()} == found["files"]
    text = (stand.directory / "interlock.toml").read_text()
    (stand.directory / "interlock.toml").write_text(text.replace('pack = "pack"', 'pack = "narrower"'))
    log = stand.log.count("reloaded")
    assert stand.process is not None
    stand.process.send_signal(1)
    wait_for(lambda: stand.log.count("reloaded") > log, what=lambda: stand.log)
    with stand.connect() as ana, stand.connect("carl") as carl, stand.connect("robot") as robot:
        assert ana.execute("SELECT name FROM items WHERE id = 7").fetchone() is not None
        ana.execute("UPDATE items SET name = 'newer' WHERE id = 8")
        held(ana, "DELETE FROM items WHERE id = 10")
        robot.execute("SELECT count(*) FROM items")
        for session, statement in [
            (carl, "SELECT name FROM items WHERE id = 7"),
            (ana, "SELECT id FROM notes"),
            (ana, "INSERT INTO items VALUES (5000, 'more')"),
            (robot, "UPDATE items SET name = 'newest' WHERE id = 8"),
        ]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement.encode())


def test_for_people(stand: Stand) -> None:
    done = stand.interlock("access", "review", "--since", "1h")
    assert done.code == 0, done.err
    for part in ("robot for ana", "read stand.public.items", "never used", "a narrower policy"):
        assert part in done.err, done.err


def test_without_the_target_what_was_used_is_known(stand: Stand) -> None:
    found = reviewed(stand, "--catalog", "stand=nowhere.json")
    assert "nowhere.json" in found["without_catalog"]["stand"]
    assert line(found, "ana", "change", "public.items")[1] >= 1
