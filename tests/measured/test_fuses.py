"""What is expected to be hopeless is not tried; what was let through by an estimate is counted all the same."""

import shutil
from collections.abc import Iterator

import psycopg
import pytest

from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from tests.measured.asking import records, refused, touched
from tests.measured.conftest import WORLD
from tests.stand import Stand, standing

AGENT = """
[principals.bot]
kind = "agent"
groups = ["engineers"]
secret_file = "client.secret"
"""
# By numbers at which the world's own statistics are wrong: 3 rows are taken for dozens, 900 for a few.
FUSES = """
@id("not-tried") @title("Hopeless") @severity("medium") @promise("fuseRows=20")
forbid (principal, action in [Action::"change", Action::"delete"], resource is Table)
when { context.reach != "one" && context.phase == "plan" && context.offers.contains("fuseRows") }
unless { context.plan has fuseRows && context.plan.fuseRows <= 20 };

@id("at-most-500") @title("At most 500 rows") @severity("high")
forbid (principal, action in Action::"write", resource)
when { context.phase == "commit" }
unless { context.impact has rows && context.impact.rows <= 500 };

@id("monsters") @title("Monsters") @severity("medium") @promise("fuseRows=1000000")
forbid (principal, action == Action::"read", resource is Table)
when { context.chain.actors.contains("agent") }
unless { context.plan has fuseRows && context.plan.fuseRows <= 1000000 };
"""
TAKEN_FOR_MANY = "UPDATE skewed SET note = 'seen' WHERE a = 1 AND b = 2"
TAKEN_FOR_FEW = "UPDATE skewed SET note = 'seen' WHERE a = 1 AND b = 1 AND c = 1"
MONSTER = "SELECT count(*) FROM skewed AS one JOIN skewed AS other ON one.a = other.a"


@pytest.fixture(scope="module", params=["18", "15"])
def fused(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway whose policies name what may be expected at most."""
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    directory = tmp_path_factory.mktemp(f"fused{request.param}")
    shutil.copytree(find_pack(named_pack("production")), directory / "pack")
    (directory / "pack" / "cases.yaml").unlink()
    (directory / "pack" / "40-fuses.cedar").write_text(FUSES)
    with standing(server, directory, WORLD.read_text(), pack="pack", more=AGENT) as made:
        made.ask("ANALYZE")
        made.start()
        yield made
        assert made.stop() == 0
        assert "bug" not in made.log, made.log
        made.verify()


def seen(stand: Stand) -> object:
    return stand.ask("SELECT count(*) FROM skewed WHERE note = 'seen'")


def test_what_is_expected_to_be_large_is_not_tried_and_the_estimate_may_be_wrong(fused: Stand) -> None:
    before = len(records(fused, "settlement"))
    with fused.connect() as client:
        said = refused(client, TAKEN_FOR_MANY)
        assert (said.state, "at most 20" in said.detail, "estimate" in said.detail) == ("54001", True, True)
        assert client.execute("SELECT 1").fetchone() == (1,)
        client.execute("BEGIN")
        assert refused(client, TAKEN_FOR_MANY).state == "54001"
        client.execute("ROLLBACK")
    assert len(records(fused, "settlement")) == before  # nothing ran that could be counted
    (one, other) = fused.decided("UPDATE skewed")[-2:]
    assert (one.status, other.status) == ("failed", "failed")
    assert seen(fused) == 0


def test_what_passes_a_fuse_is_counted_all_the_same(fused: Stand) -> None:
    """An estimate never allows: the planner expected next to nothing."""
    with fused.connect() as client:
        said = refused(client, TAKEN_FOR_FEW)
        assert said.state == "42501"
        assert "900 rows" in said.detail
        assert "at-most-500" in said.detail
    assert touched(records(fused, "settlement")[-1]) == {"change skewed": 900}
    assert seen(fused) == 0


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_parameters_are_weighed_as_they_are(fused: Stand, binary: bool) -> None:
    text = (
        b"UPDATE skewed SET note = 'seen' WHERE id BETWEEN %b AND %b"
        if binary
        else (b"UPDATE skewed SET note = 'seen' WHERE id BETWEEN %s AND %s")
    )
    with fused.connect() as client:
        with pytest.raises(psycopg.errors.StatementTooComplex):
            client.execute(text, (1, 9_000))
        assert client.execute(text, (1, 9)).rowcount == 9
        client.execute(b"PREPARE few AS UPDATE skewed SET note = NULL WHERE id BETWEEN $1 AND $2")
        assert refused(client, "EXECUTE few (1, 9000)").state == "54001"
        assert client.execute("EXECUTE few (1, 9)").rowcount == 9
        client.execute(b"DEALLOCATE few")
    assert seen(fused) == 0


def test_a_monster_is_not_read(fused: Stand) -> None:
    with fused.connect("bot") as client:
        assert refused(client, MONSTER).state == "54001"
        assert client.execute("SELECT count(*) FROM items").fetchone() == (50_000,)
        client.execute("BEGIN")
        client.execute(b"DECLARE c CURSOR FOR SELECT id FROM items ORDER BY id")
        assert client.execute("FETCH 1 FROM c").fetchone() == (1,)
        client.execute("ROLLBACK")


def test_what_fails_to_be_planned_fails_as_it_would(fused: Stand) -> None:
    with fused.connect() as client:
        for _ in range(2):
            assert refused(client, "UPDATE skewed SET note = 1 / 0 WHERE id < 5").state == "22012"
        assert client.execute("UPDATE skewed SET note = NULL WHERE id < 5").rowcount == 4
