"""A gateway's life: drained, reloaded, watched, its parts dying under it."""

import resource
import shutil
import signal
import ssl
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import psutil
import psycopg
import pytest
from psycopg import errors as pg

from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres.messages import build_query
from interlock.wire.postgres.startup import build_cancel_request, build_ssl_request
from tests.attacks.test_protocol import dial, left, waiting
from tests.attacks.wire import Wire, errors, rows
from tests.certificates import Authority
from tests.stand import AGENT, Stand, standing, wait_for
from tests.stories.worlds import SMALL

NO_NOTES: Final = """
@id("no-notes")
@title("Nobody reads notes any more")
@severity("high")
@instead("read items")
forbid (principal, action == Action::"read", resource == Table::"stand/public/notes");
"""


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, SMALL, pack="development", environment="dev") as made:
        yield made


def workers(stand: Stand) -> list[psutil.Process]:
    assert stand.process is not None
    children = psutil.Process(stand.process.pid).children()
    return [child for child in children if "interlock.app.serve.worker" in " ".join(child.cmdline())]


# -- ending ------------------------------------------------------------------------------------------


def test_a_drain_lets_what_is_under_way_end(stand: Stand) -> None:
    stand.configure(drain="30")
    stand.start()
    with stand.connect() as working, stand.connect() as idle:
        working.execute("BEGIN")
        working.execute("INSERT INTO notes VALUES (1, 'under way')")
        stand.signal(signal.SIGTERM)
        with pytest.raises(psycopg.OperationalError):  # at rest: ended at once
            wait_for(lambda: idle.execute("SELECT 1") is None, what=lambda: "the idle session goes on")
        with pytest.raises(psycopg.OperationalError):
            stand.connect()
        working.execute("INSERT INTO notes VALUES (2, 'under way')")
        working.execute("COMMIT")
        with pytest.raises(psycopg.OperationalError):
            working.execute("SELECT 1")
    assert stand.process is not None
    assert stand.process.wait(20) == 0
    assert stand.ask("SELECT count(*) FROM notes") == 2
    assert {one.status for one in stand.decided("under way")} == {"landed"}
    stand.verify()


def test_who_does_not_come_to_rest_is_cut(stand: Stand) -> None:
    stand.configure(drain="0")
    stand.start()
    with stand.connect() as working:
        working.execute("BEGIN")
        working.execute("INSERT INTO notes VALUES (1, 'cut off')")
        assert stand.stop() == 0
        with pytest.raises(pg.AdminShutdown):
            working.execute("COMMIT")
    assert stand.ask("SELECT count(*) FROM notes") == 0
    assert [one.status for one in stand.decided("cut off")] == ["undone"]
    stand.verify()


# -- changing ----------------------------------------------------------------------------------------


def test_a_policy_is_reloaded_under_running_sessions(stand: Stand) -> None:
    pack = stand.directory / "pack"
    shutil.copytree(find_pack(named_pack("development")), pack)
    stand.configure(pack="pack")
    stand.start()
    with stand.connect() as client:
        client.execute("SELECT count(*) FROM notes")
        (pack / "20-notes.cedar").write_text("forbid (this is not Cedar")
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "reload refused" in stand.log, what=lambda: stand.log)
        client.execute("SELECT count(*) FROM notes")
        (pack / "20-notes.cedar").write_text(NO_NOTES)
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded; policy" in stand.log, what=lambda: stand.log)

        def refused() -> bool:
            try:
                client.execute("SELECT count(*) FROM notes")
            except pg.InsufficientPrivilege:
                return True
            return False

        wait_for(refused, what=lambda: "the session goes on by the old policy")
        assert client.execute("SELECT count(*) FROM items").fetchone() == (1000,)
    assert stand.stop() == 0
    policies = {one.leaf.decision.policy for one in stand.decisions() if one.leaf.decision is not None}
    assert len(policies) == 2
    stand.verify()


def served_certificate(stand: Stand) -> bytes:
    """What a client is shown now."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with dial(stand) as raw:
        raw.sendall(build_ssl_request())
        assert raw.recv(1) == b"S"
        with trusting.wrap_socket(raw) as connection:
            found = connection.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_a_certificate_is_reloaded_under_running_sessions(stand: Stand, authority: Authority) -> None:
    certificate, key = stand.directory / "server.pem", stand.directory / "server.key"

    def install(*, of_rsa: bool = False, expired: bool = False) -> None:
        issued = authority.issue("localhost", "127.0.0.1", of_rsa=of_rsa, expired=expired)
        key.touch(mode=0o600)
        certificate.write_bytes(issued.certificate.read_bytes())
        key.write_bytes(issued.key.read_bytes())

    install()
    stand.configure(tls="files", gateway='certificate = "server.pem"\nkey = "server.key"')
    stand.start()
    before = served_certificate(stand)
    with stand.connect() as client:
        client.execute("SELECT 1")
        install(of_rsa=True)  # the other type of key: OpenSSL keeps one certificate for each
        stand.signal(signal.SIGHUP)
        wait_for(lambda: served_certificate(stand) != before, what=lambda: stand.log)
        assert client.execute("SELECT 2").fetchone() == (2,)
        with stand.connect() as later:
            assert later.execute("SELECT 3").fetchone() == (3,)
        key.chmod(0o644)
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "chmod 600" in stand.log, what=lambda: stand.log)
        key.chmod(0o600)
        install(expired=True)
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "HAS EXPIRED" in " ".join(stand.log.split()), what=lambda: stand.log)
        assert client.execute("SELECT 4").fetchone() == (4,)
    assert stand.stop() == 0


# -- watching ----------------------------------------------------------------------------------------


def metric(stand: Stand, line: str) -> float:
    status, text = stand.page("/metrics")
    assert status == 200
    return sum(float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(line))


def test_health_and_metrics(stand: Stand) -> None:
    stand.start()
    assert stand.page("/healthz") == (200, "ok\n")
    assert stand.page("/nowhere")[0] == 404
    with stand.connect() as client:
        client.execute("SELECT 1")
        with pytest.raises(pg.InsufficientPrivilege):
            client.execute("DO 'BEGIN END'")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(stand.dsn(password="wrong"))
        denied = 'interlock_commands_total{target="stand",verdict="deny"}'
        wait_for(lambda: metric(stand, denied) == 1, what=lambda: stand.page("/metrics")[1])
        assert metric(stand, 'interlock_commands_total{target="stand",verdict="allow"}') == 1
        assert metric(stand, 'interlock_logins_total{outcome="refused"}') == 1
        assert metric(stand, "interlock_sessions") == 1
    wait_for(lambda: metric(stand, "interlock_sessions") == 0, what=lambda: "the session is counted for ever")
    assert stand.stop() == 0


def test_a_target_that_is_only_observed(stand: Stand) -> None:
    stand.configure(mode="observe", pack="production", environment="prod")
    stand.start()
    notices: list[str] = []
    with stand.connect(AGENT, options="-c client_min_messages=warning") as client:
        with Wire(stand, AGENT) as wire:
            assert any("OBSERVES" in notice for notice in wire.notices)
        client.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        assert client.execute("DELETE FROM items").rowcount == 1000
        client.execute("DO 'BEGIN INSERT INTO notes VALUES (1, $$from a block$$); END'")
        client.execute("CREATE TABLE made (id int)")
        with client.transaction():
            client.execute("INSERT INTO made SELECT generate_series(1, 5)")
        client.execute("VACUUM notes")
        client.execute("DROP TABLE made")
    assert stand.ask("SELECT count(*) FROM items") == 0
    assert stand.ask("SELECT count(*) FROM notes") == 1
    for text in ("DELETE FROM items", "DO 'BEGIN", "DROP TABLE made", "VACUUM"):
        (recorded,) = stand.decided(text)
        assert recorded.leaf.decision is not None
        assert (recorded.leaf.decision.verdict, recorded.leaf.decision.enforced) in (("deny", False), ("hold", False))
        assert recorded.status == "landed"
    assert "OBSERVED" in stand.log
    assert stand.stop() == 0
    stand.verify()


# -- dying -------------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_replaced(stand: Stand) -> None:
    stand.start()
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("INSERT INTO notes VALUES (1, 'of a dead worker')")
        (worker,) = workers(stand)
        worker.kill()
        with pytest.raises(psycopg.OperationalError):
            client.execute("COMMIT")
    wait_for(lambda: "starting another" in stand.log, what=lambda: stand.log)
    with stand.connect() as client:
        assert client.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    assert stand.stop() == 0
    stand.start()
    assert stand.stop() == 0
    assert [one.status for one in stand.decided("of a dead worker")] == ["unknown"]
    stand.verify()


def test_workers_share_the_socket_and_their_cancels(stand: Stand) -> None:
    stand.start("--workers", "2")
    assert len(workers(stand)) == 2
    sessions: list[Wire] = []
    try:
        while {session.pid >> 20 for session in sessions} != {1, 2}:
            assert len(sessions) < 64, "one worker takes every client"
            sessions.append(Wire(stand))
        with psycopg.connect(stand.truth) as admin:
            admin.execute("LOCK TABLE notes")
            for session in sessions:
                session.send(build_query("SELECT count(*) FROM notes"))
            wait_for(lambda: waiting(stand) == len(sessions), what=lambda: "not everybody waits")
            for session in sessions:
                with dial(stand) as connection:
                    connection.sendall(build_cancel_request(session.pid, session.secret))
                    assert left(connection) == b""
                assert errors(session.answers()) == ["57014"]
        for session in sessions:
            assert rows(session.ask(build_query("SELECT 1"))) == ["1"]
    finally:
        for session in sessions:
            session.close()
    assert stand.stop() == 0
    stand.verify()


def insert_for_ever(client: "psycopg.Connection[object]") -> None:
    for n in count(2):
        client.execute(f"INSERT INTO notes VALUES ({n}, 'after its end')".encode())


def test_no_ledger_no_execution(stand: Stand) -> None:
    """The disk refuses to take another byte: nothing is forwarded any more, and the gateway ends."""
    stand.start()
    assert stand.process is not None
    with stand.connect() as client:
        client.execute("INSERT INTO notes VALUES (1, 'while there is a ledger')")
        log = stand.directory / ".interlock" / "ledger" / "records.db-wal"
        psutil.Process(stand.process.pid).rlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 65536,) * 2)
        with pytest.raises(psycopg.Error):
            insert_for_ever(client)
    assert stand.process.wait(20) != 0
    assert "nothing is let through" in stand.log
    decided = "\n".join(one.text for one in stand.decisions())
    with psycopg.connect(stand.truth) as admin:
        landed = [n for (n,) in admin.execute("SELECT id FROM notes").fetchall()]
    assert all(f"({n}, " in decided for n in landed)
    stand.process = None
    stand.start()
    assert stand.stop() == 0
    stand.verify()
