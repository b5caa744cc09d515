"""What decides is what was activated, and nothing that merely stands in a file."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from interlock.ledger.leaf import Kind
from interlock.ledger.reading import read_leaf
from interlock.store.connection import open_for_reading
from interlock.store.reader import Reader
from interlock.wire.postgres.messages import build_query
from tests.attacks.wire import Wire, rows
from tests.stand import AGENT, CALLER, Stand, standing, wait_for
from tests.stories.test_observing import blocked
from tests.stories.test_operating import reload
from tests.stories.test_serving import NO_NOTES, metric, workers
from tests.stories.worlds import SMALL


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    """Production's rules, in a folder that can be edited."""
    shutil.copytree(find_pack(named_pack("production")), tmp_path / "pack")
    with standing(postgres18, tmp_path, SMALL, pack="pack") as made:
        made.start()
        yield made
        made.configure()  # whatever a test did to it: the ledger's commands read it
        made.end_well()


def policies(stand: Stand) -> list[tuple[str, str]]:
    """(`activated` or `decided`, digest) in the order of the ledger."""
    connection = open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db")
    reader = Reader(connection)
    leaves = [leaf for _, leaf in reader.leaves(0, reader.head().size)]
    connection.close()
    found: list[tuple[str, str]] = []
    for raw in leaves:
        leaf = read_leaf(raw)
        if leaf.kind is Kind.POLICY_ACTIVATE:
            found.append(("activated", json.loads(raw)["policy_activate"]["digest"]))
        elif leaf.decision is not None:
            found.append(("decided", leaf.decision.policy))
    return found


def replace_worker(stand: Stand) -> None:
    before = metric(stand, "interlock_worker_restarts_total")
    (worker,) = workers(stand)
    worker.kill()
    wait_for(lambda: metric(stand, "interlock_worker_restarts_total") == before + 1, what=lambda: stand.log)
    wait_for(lambda: metric(stand, "interlock_workers ") == 1, what=lambda: stand.log)


def test_a_restarted_worker_decides_by_what_was_activated(stand: Stand) -> None:
    """However gentle, half-written or broken the files are by then."""
    text, pack = (stand.directory / "interlock.toml").read_text(), stand.directory / "pack"
    for gentler in (
        text.replace('pack = "pack"', 'pack = "development"').replace('"prod"', '"dev"'),
        text.replace('mode = "enforce"', 'mode = "observe"'),
        "half a configurat",
    ):
        (stand.directory / "interlock.toml").write_text(gentler)
        (pack / "10-blocked.cedar").write_text("forbid (this is not Cedar")
        replace_worker(stand)
        with stand.connect() as client:
            assert blocked(client, "DELETE FROM items")
            assert client.execute("SELECT count(*) FROM items").fetchone() == (1000,)
    assert stand.ask("SELECT count(*) FROM items") == 1000
    found = policies(stand)
    assert [what for what, _ in found].count("activated") == 1
    assert len({digest for _, digest in found}) == 1


def test_a_refused_reload_leaves_everything(stand: Stand) -> None:
    with stand.connect() as client:
        stand.configure(environment="dev", mode="observe", pack="nowhere")
        reload(stand, "refused")
        (stand.directory / "interlock.toml").write_text("half a configurat")
        reload(stand, "refused")
        with stand.connect() as newcomer:
            for each in (client, newcomer):
                assert blocked(each, "DELETE FROM items")
                assert each.execute("SELECT count(*) FROM items").fetchone() == (1000,)
    stand.configure(environment="prod", mode="enforce", pack="pack")
    assert [what for what, _ in policies(stand)].count("activated") == 1


def test_a_policy_is_in_the_ledger_before_it_decides(stand: Stand) -> None:
    """Asked without a pause while reloads go on, and in between a worker dies."""
    over = threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            try:
                with stand.connect() as client:
                    while not over.is_set():
                        blocked(client, "SELECT count(*) FROM notes")
            except psycopg.OperationalError:
                pass  # its worker died: come in again

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        for rule in (NO_NOTES, NO_NOTES.replace("read items", "read something else")):
            (stand.directory / "pack" / "95-notes.cedar").write_text(rule)
            reload(stand)
            wait_for(lambda: newest_decides(stand), what=lambda: "the old policy goes on")
            replace_worker(stand)
    finally:
        over.set()
        asking.join()
    known: set[str] = set()
    for what, digest in policies(stand):
        if what == "activated":
            known.add(digest)
        assert digest in known
    assert len(known) == 3


def newest_decides(stand: Stand) -> bool:
    found = policies(stand)
    newest = [digest for what, digest in found if what == "activated"][-1]
    return ("decided", newest) in found


def test_who_is_no_longer_who_they_were_is_out(stand: Stand) -> None:
    file = stand.directory / "interlock.toml"
    text = file.read_text()
    with Wire(stand, AGENT) as agent, Wire(stand, CALLER) as caller, stand.connect() as person:
        before, _, robot = text.partition("[principals.robot]")
        file.write_text(before + "[principals.robot]" + robot.replace('["engineers"]', '["analysts"]'))
        reload(stand)
        assert agent.answers() == ["E 57P01", "closed"]
        assert rows(caller.ask(build_query("SELECT 1"))) == ["1"]

        file.write_text(file.read_text().replace("[principals.carl]", "[principals.karl]"))
        reload(stand)

        assert caller.answers() == ["E 57P01", "closed"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            stand.connect(CALLER)
        assert person.execute("SELECT count(*) FROM items").fetchone() == (1000,)
        with Wire(stand, AGENT) as again:
            assert rows(again.ask(build_query("SELECT 1"))) == ["1"]


class Hesitant(Wire):
    """Waits in the middle of its login, until `ready` returns."""

    def __init__(self, stand: Stand, user: str, ready: Callable[[], None]) -> None:
        self._ready = ready
        super().__init__(stand, user)

    def send(self, *messages: bytes) -> None:
        if messages[0].startswith(b"p") and b"SCRAM" not in messages[0]:  # its proof, not its first word
            self._ready()
        super().send(*messages)


def test_who_logs_in_while_they_are_removed_stays_out(stand: Stand) -> None:
    file = stand.directory / "interlock.toml"
    with Wire(stand, CALLER) as before:

        def remove() -> None:
            file.write_text(file.read_text().replace("[principals.carl]", "[principals.karl]"))
            reload(stand)
            assert before.answers() == ["E 57P01", "closed"]

        with pytest.raises(AssertionError, match="57P01"):
            Hesitant(stand, CALLER, remove)
