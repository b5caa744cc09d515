"""What the doctor finds at a minter: one that is prepared, one that lacks something, one that may too much."""

import json
from collections.abc import Iterator

import pytest

from tests.lent.conftest import lending
from tests.stand import Stand


@pytest.fixture(scope="module", params=["18", "15"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stand, str]]:
    """Not started, and the name of its minter."""
    server = request.getfixturevalue(f"postgres{request.param}")
    with lending(server, tmp_path_factory.mktemp(f"doctor{request.param}")) as made:
        text = (made.directory / "interlock.toml").read_text()
        yield made, text.split('minter]\nuser = "')[1].split('"')[0]


def found(stand: Stand) -> list[tuple[str, str]]:
    """(grade, what was found) of every check of the minter."""
    done = stand.interlock("doctor", "--json")
    return [
        (check["grade"], check["found"]) for check in json.loads(done.out)["checks"] if check["about"] == "minter stand"
    ]


def test_a_minter_that_is_prepared_and_then_is_not(prepared: tuple[Stand, str]) -> None:
    stand, minter = prepared
    well = found(stand)
    assert len(well) == 4, well
    # Before 16 membership is all or nothing: who may lend the owner has its rights.
    newer = stand.ask("SELECT current_setting('server_version_num')::int >= 160000")
    assert [one for one in well if one[0] != "ok"] == ([] if newer else [well[1]])
    stand.ask(f'ALTER ROLE "{minter}" NOCREATEROLE CREATEDB')
    stand.ask("CREATE TABLE public.nobodys (id int)")
    stand.ask(f'CREATE ROLE "il_{minter}" NOLOGIN')
    stand.ask(f'GRANT pg_read_all_data TO "{minter}"')
    try:
        failed = [text for grade, text in found(stand) if grade == "fail"]
        warned = [text for grade, text in found(stand) if grade == "warn"]
        assert any("cannot make logins" in text for text in failed)
        assert any("is CREATEDB" in text for text in failed)
        assert any("`pg_read_all_data`" in text for text in failed)
        assert any("public.nobodys" in text for text in warned)
        assert not any(f"il_{minter}" in text for text in warned)  # it bears another gateway's name
    finally:
        stand.ask(f'REVOKE pg_read_all_data FROM "{minter}"')
        stand.ask(f'DROP ROLE "il_{minter}"')
        stand.ask("DROP TABLE public.nobodys")
        stand.ask(f'ALTER ROLE "{minter}" CREATEROLE NOCREATEDB')


def test_what_a_killed_gateway_left_is_named(prepared: tuple[Stand, str]) -> None:
    stand, _ = prepared
    stand.start()
    with stand.connect() as session:
        session.execute("SELECT count(*) FROM items")
        assert ("ok", "a gateway works with it now, and sweeps up after itself") in found(stand)
        stand.kill()
    assert any(grade == "warn" and "of a gateway that is gone" in text for grade, text in found(stand))
    stand.start()
    assert stand.stop() == 0
    assert ("ok", "nothing of a gateway is left over") in found(stand)
