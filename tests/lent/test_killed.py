"""Gateways that are killed leave nothing behind: no login, no grant, no credential, no role of the pool."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.lent.conftest import lending
from tests.lent.looking import LOGINS, OURS, nothing_left
from tests.stand import Stand, wait_for


@pytest.fixture(params=["18", "15"])
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway of its own for each test."""
    server = request.getfixturevalue(f"postgres{request.param}")
    with lending(server, tmp_path_factory.mktemp(f"killed{request.param}")) as made:
        yield made


def swept(stand: Stand) -> None:
    """Stops the gateway in good order; then nothing of it is left."""
    assert stand.stop() == 0
    assert stand.ask(OURS) == ""
    left = "SELECT count(*) FROM pg_class, aclexplode(relacl) a WHERE a.grantee <> 0"
    assert stand.ask(f"{left} AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = a.grantee)") == 0


@pytest.mark.parametrize(
    ("turns", "together"), [(3, 12), pytest.param(25, 40, marks=pytest.mark.nightly)], ids=["few", "a thousand"]
)
def test_sessions_and_their_gateway_killed_again_and_again(killed: Stand, turns: int, together: int) -> None:
    """Each with a login of its own and a privilege that it was lent, when everything is killed."""
    for turn in range(turns):
        killed.start()
        sessions = [killed.connect() for _ in range(together)]
        for session in sessions:
            session.execute("UPDATE items SET price = price WHERE id = %s", (turn + 1,))
        wait_for(lambda: killed.ask(LOGINS) == together, what=lambda: str(killed.ask(OURS)))
        killed.kill()
        for session in sessions:
            with pytest.raises(psycopg.Error):
                session.execute("SELECT 1")
    killed.start()
    with killed.connect() as session:
        assert session.execute("SELECT count(*) FROM items").fetchone() == (1000,)
    swept(killed)


def read_on(stand: Stand) -> None:
    """Until the gateway is gone."""
    with stand.connect() as session:
        for _ in range(3):
            session.execute("SELECT count(*) FROM items WHERE price > 5")


@pytest.mark.parametrize("place", ["decided", "activated", "taken-back", "received"])
def test_killed_at_each_step_of_a_command(killed: Stand, place: str) -> None:
    killed.start(INTERLOCK_KILL_AT=place)
    with pytest.raises(psycopg.Error):
        read_on(killed)
    killed.kill()
    killed.start()
    nothing_left(killed)
    swept(killed)
