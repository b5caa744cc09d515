"""Killed in the middle: the target says what became of what was counted, and nothing else is guessed."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.measured.asking import records
from tests.stand import Stand, standing
from tests.stories.worlds import SMALL

UPDATE = "UPDATE items SET name = 'seen' WHERE id <= 50"  # measured: nothing proves that it is small


@pytest.fixture(params=["18", "15"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    with standing(request.getfixturevalue(f"postgres{request.param}"), tmp_path, SMALL) as made:
        yield made


def die(stand: Stand, place: str) -> None:
    stand.start(INTERLOCK_KILL_AT=place)
    with pytest.raises(psycopg.OperationalError), stand.connect() as client:
        client.execute(UPDATE.encode())
    stand.kill()


def seen(stand: Stand) -> object:
    return stand.ask("SELECT count(*) FROM items WHERE name = 'seen'")


@pytest.mark.parametrize(("place", "status", "rows"), [("settled", "undone", 0), ("sent:2", "landed", 50)])
def test_what_was_about_to_land_is_asked_for(stand: Stand, place: str, status: str, rows: int) -> None:
    """At `sent:2` the COMMIT is on its way, at `settled` nobody will ever send it."""
    die(stand, place)
    stand.start()
    assert seen(stand) == rows
    (one,) = stand.decided("UPDATE items")
    assert one.status == status
    assert "1 commands of the last run: their target knew the end" in stand.log
    (settled,) = [one["settlement"] for one in records(stand, "settlement")]
    assert settled["system"] == str(stand.ask("SELECT system_identifier FROM pg_control_system()"))
    assert settled["timeline"] == "00000001"
    stand.end_well()


@pytest.mark.parametrize("place", ["measured", "sent:1"])
def test_what_nobody_settled_stays_unknown(stand: Stand, place: str) -> None:
    die(stand, place)
    stand.start()
    (one,) = stand.decided("UPDATE items")
    assert one.status == "unknown"
    stand.end_well()


@pytest.mark.parametrize("moved", ["server", "timeline", "gone"])
def test_another_server_or_branch_of_history_is_not_believed(
    stand: Stand, moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction of that number is another one; where nobody answers nobody is believed either."""
    import asyncio

    from interlock.app.config import load_config
    from interlock.app.serve.recovering import fates_of
    from interlock.ledger.unfinished import Unfinished
    from interlock.model import Status, Transaction

    system = str(stand.ask("SELECT system_identifier FROM pg_control_system()"))
    number = str(stand.ask("SELECT pg_current_xact_id()"))
    true = Transaction(id=number, system=system, timeline="00000001")
    wrong = {
        "server": Transaction(id=number, system="1", timeline="00000001"),
        "timeline": Transaction(id=number, system=system, timeline="00000002"),
        "gone": Transaction(id=str(1 << 62), system=system, timeline="00000001"),
    }[moved]

    def left(transaction: Transaction) -> Unfinished:
        return Unfinished(
            seq=1,
            command="c",
            unit="u",
            session="s",
            target="stand",
            verdict="allow",
            forwarded=True,
            decided_at=0,
            transaction=transaction,
        )

    monkeypatch.chdir(stand.directory)
    config = load_config(stand.directory / "interlock.toml")
    assert asyncio.run(fates_of([left(true)], config)) == {"u": Status.LANDED}
    assert asyncio.run(fates_of([left(wrong)], config)) == {}
