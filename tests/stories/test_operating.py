"""Operating a gateway: what a reload leaves in the ledger, what it cannot do, and what can be watched."""

import json
import signal
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.ledger.leaf import Kind
from interlock.ledger.reading import read_leaf
from interlock.store.connection import open_for_reading
from interlock.store.reader import Reader
from tests.stand import SECONDS, Stand, standing, wait_for
from tests.stories.test_serving import metric, workers
from tests.stories.worlds import SMALL


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, SMALL, pack="development", environment="dev") as made:
        yield made


def changes(stand: Stand) -> list[dict[str, Any]]:
    """The config_change groups in the ledger, oldest first."""
    connection = open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db")
    reader = Reader(connection)
    leaves = [leaf for _, leaf in reader.leaves(0, reader.head().size)]
    connection.close()
    return [json.loads(leaf)["config_change"] for leaf in leaves if read_leaf(leaf).kind is Kind.CONFIG_CHANGE]


def said(stand: Stand) -> str:
    """The log, without the line ends of a terminal."""
    return " ".join(stand.log.split())


def reload(stand: Stand, outcome: str = "done") -> None:
    line = f'interlock_reloads_total{{outcome="{outcome}"}}'
    before = metric(stand, line)
    stand.signal(signal.SIGHUP)
    wait_for(lambda: metric(stand, line) == before + 1, what=lambda: stand.log)


def in_the_file(stand: Stand) -> str:
    return "sha256:" + sha256((stand.directory / "interlock.toml").read_bytes()).hexdigest()


def test_every_configuration_in_force_is_in_the_ledger(stand: Stand) -> None:
    stand.start()
    (begun,) = changes(stand)
    assert begun["digest"] == in_the_file(stand)
    assert begun["changed"]["targets.stand.mode"] == "enforce"
    assert begun["changed"]["principals.robot.on_behalf_of"] == "ana"
    stand.configure(mode="observe")
    reload(stand)
    assert changes(stand)[1:] == [
        {"by": begun["by"], "changed": {"targets.stand.mode": "observe"}, "digest": in_the_file(stand)}
    ]
    assert "changed: targets.stand.mode" in said(stand)
    (stand.directory / "interlock.toml").write_text("this is no configuration")
    reload(stand, "refused")
    assert len(changes(stand)) == 2
    stand.configure()
    assert stand.stop() == 0
    stand.verify()


def test_what_needs_a_restart_says_so(stand: Stand) -> None:
    stand.start()
    port = stand.port
    stand.port = 1
    stand.configure()
    stand.port = port
    reload(stand)
    assert changes(stand)[1]["changed"] == {}
    assert f"gateway.listen = 127.0.0.1:1 needs a restart; until then it stays 127.0.0.1:{port}" in said(stand)
    with stand.connect() as client:
        client.execute("SELECT 1")
    assert stand.stop() == 0


@pytest.mark.parametrize("setting", ["listen", "admin"])
def test_a_port_that_somebody_has_is_named(stand: Stand, setting: str) -> None:
    port = stand.port if setting == "listen" else stand.admin
    with socket.create_server(("127.0.0.1", port)):
        done = stand.interlock("serve")
    assert done.code == 78
    said = " ".join(done.err.split())
    assert f"cannot listen on `127.0.0.1:{port}`" in said
    assert said.endswith(f"choose another in [gateway] {setting}")


def test_what_an_operator_can_watch(stand: Stand) -> None:
    stand.start()
    status, text = stand.page("/metrics")
    assert status == 200
    assert 'interlock_policy_info{digest="sha256:' in text
    assert metric(stand, "interlock_workers ") == 1
    assert metric(stand, "interlock_ledger_space_low") == 0
    records = metric(stand, "interlock_ledger_records")
    with stand.connect() as client:
        client.execute("SELECT 1")
    wait_for(lambda: metric(stand, "interlock_ledger_records") > records, what=lambda: stand.page("/metrics")[1])
    assert metric(stand, "interlock_ledger_bytes") > 4096
    (worker,) = workers(stand)
    worker.kill()
    wait_for(lambda: metric(stand, "interlock_worker_restarts_total") == 1, what=lambda: stand.log)
    wait_for(lambda: metric(stand, "interlock_workers ") == 1, what=lambda: stand.log)
    assert stand.stop() == 0


def test_a_migration_runs_in_development(stand: Stand) -> None:
    """It drops what is not there, makes it, and tells who waits for it."""
    stand.start()
    with stand.connect() as waiting, stand.connect() as client:
        waiting.execute("LISTEN migrated")
        with client.transaction():
            client.execute("DROP TABLE IF EXISTS later")
            client.execute("ALTER TABLE IF EXISTS later ADD COLUMN name text")
            client.execute("CREATE TABLE later (id int)")
            client.execute("NOTIFY migrated, 'later'")
        (heard,) = waiting.notifies(timeout=SECONDS, stop_after=1)
    assert (heard.channel, heard.payload) == ("migrated", "later")
    assert stand.ask("SELECT count(*) FROM later") == 0
    assert {one.status for one in stand.decided("later")} == {"landed"}
    assert stand.stop() == 0
    stand.verify()
