"""What is compared: one PostgreSQL 18 on loopback, and every way to it, all up at once."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
import psycopg

from demo.stage import Stage, free_port, gateway, private
from interlock.app.embedded import LOOPBACK, EmbeddedPostgres

DATABASE, OWNER, CALLER = "bench", "bench_owner", "dana"
SCALE = 10  # a million accounts
SERVER = {"fsync": "off", "autovacuum": "off", "max_connections": "700", "shared_buffers": "512MB"}
PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"

_PGBOUNCER_INI = """\
[databases]
{database} = host={loopback} port={server} dbname={database} user={owner} password={server_password}
[pgbouncer]
listen_addr = {loopback}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = session
max_client_conn = 600
default_pool_size = 300
ignore_startup_parameters = extra_float_digits
"""

# The production pack, and a person who may read. Not "prod": there every export needs an approval, and COPY is one.
_INTERLOCK_TOML = """\
[gateway]
id = "bench-{name}"
listen = "{loopback}:{port}"
admin = "{loopback}:{admin}"
tls = "{tls}"
require_tls = false
max_connections = 600
drain_seconds = 1
[policy]
pack = "production"
[ledger]
durability = "{durability}"
[targets.{database}]
environment = "staging"
host = "{loopback}"
port = {server}
database = "{database}"
user = "{owner}"
password_file = "owner.secret"
tls = "disable"
{access}
[principals.{caller}]
kind = "person"
groups = ["engineers"]
secret_file = "caller.secret"
[labels]
pii = ["{database}.public.pgbench_tellers.filler"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the database. `processes` stand in the middle; `authority` is set where TLS is spoken."""

    name: str
    port: int
    user: str
    password: str
    processes: tuple[psutil.Process, ...] = ()
    authority: Path | None = None

    def cpu(self) -> float:
        """Seconds that the middle has used so far, user and system."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)

    def resident(self) -> int:
        """Bytes of RAM that the middle holds."""
        return sum(process.memory_info().rss for process in self.processes)

    def own_memory(self) -> int:
        """Bytes that the middle shares with nobody."""
        return sum(process.memory_full_info().uss for process in self.processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that runs. `plain` are the ways without TLS, in the order of the tables."""

    directory: Path
    server: EmbeddedPostgres
    plain: tuple[Way, ...]
    tls: Way
    quick: bool

    def way(self, name: str) -> Way:
        """A way without TLS by its name."""
        return next(way for way in self.plain if way.name == name)


@contextmanager
def bench(*, quick: bool) -> Iterator[Bench]:
    """The server with a million rows, PgBouncer, and a gateway for each durability and for TLS."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(settings=SERVER, tcp=True))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-bench-")))
        directory.chmod(0o755)  # PgBouncer runs as somebody else
        password = fill(server)
        direct = Way(name="direct", port=server.port, user=OWNER, password=password)
        pgbouncer = stack.enter_context(_pgbouncer(directory, direct))
        strict = stack.enter_context(interlock(directory, server, password, "strict"))
        relaxed = stack.enter_context(interlock(directory, server, password, "relaxed-reads"))
        tls = stack.enter_context(interlock(directory, server, password, "relaxed-reads", tls="generated"))
        ways = (direct, pgbouncer, strict, relaxed)
        yield Bench(directory=directory, server=server, plain=ways, tls=tls, quick=quick)


def fill(server: EmbeddedPostgres, *, scale: int = SCALE) -> str:
    """Make the owner and its accounts, 100,000 for each of `scale`; returns the owner's password."""
    password = secrets.token_hex(12)
    with psycopg.connect(server.dsn(), autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{password}'")
        superuser.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    dsn = server.dsn(DATABASE, OWNER, password, tcp=True)
    pgbench: list[str | Path] = [
        server.binary("pgbench"),
        "--initialize",
        "--quiet",
        f"--scale={scale}",
        "-I",
        "dtGvp",
        dsn,
    ]
    subprocess.run(pgbench, check=True, capture_output=True)
    return password


@contextmanager
def _pgbouncer(directory: Path, server: Way) -> Iterator[Way]:
    password, port = secrets.token_hex(12), free_port(0)
    users, settings = directory / "users.txt", directory / "pgbouncer.ini"
    users.write_text(f'"{CALLER}" "{password}"\n', encoding="utf-8")
    settings.write_text(
        _PGBOUNCER_INI.format(
            database=DATABASE, loopback=LOOPBACK, server=server.port, owner=OWNER,
            server_password=server.password, port=port, users=users,
        ),
        encoding="utf-8",
    )  # fmt: skip
    account = ["-u", "postgres"] if getpass.getuser() == "root" else []
    process = subprocess.Popen([PGBOUNCER, "-q", *account, settings], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        middle = (psutil.Process(process.pid),)
        yield Way(name="pgbouncer", port=port, user=CALLER, password=password, processes=middle)
    finally:
        process.send_signal(signal.SIGTERM)  # at once, sessions or not
        process.wait()


@contextmanager
def interlock(
    directory: Path,
    server: EmbeddedPostgres,
    server_password: str,
    durability: Literal["strict", "relaxed-reads"],
    tls: Literal["off", "generated"] = "off",
    name: str = "",
    via: int = 0,
    access: str = "",
) -> Iterator[Way]:
    """A gateway before a server, which it reaches by the port `via` where one is given. `access` is what its target
    says about that; the files it names lie in the gateway's directory already."""
    name = name or (durability.partition("-")[0] if tls == "off" else "TLS")
    place = directory / name
    place.mkdir(mode=0o700, exist_ok=True)
    stage = Stage(
        directory=place, server=server, port=free_port(0), admin_port=free_port(0), password=secrets.token_hex(12)
    )
    private(place / "owner.secret", server_password)
    private(place / "caller.secret", stage.password)
    stage.config.write_text(
        _INTERLOCK_TOML.format(
            name=name, loopback=LOOPBACK, port=stage.port, admin=stage.admin_port, tls=tls,
            durability=durability, database=DATABASE, server=via or server.port, owner=OWNER, caller=CALLER,
            access=access,
        ),
        encoding="utf-8",
    )  # fmt: skip
    with gateway(stage):
        yield Way(
            name=f"interlock {name}",
            port=stage.port,
            user=CALLER,
            password=stage.password,
            processes=_serving(stage.config),
            authority=None if tls == "off" else stage.authority,
        )


def _serving(config: Path) -> tuple[psutil.Process, ...]:
    """The supervisor and its workers: those of our descendants that were started for this configuration."""
    family = psutil.Process(os.getpid()).children(recursive=True)
    return tuple(process for process in family if str(config) in process.cmdline())


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((LOOPBACK, port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
