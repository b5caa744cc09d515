"""What the play runs on: an embedded PostgreSQL with the shop in it, and a gateway process in front of it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from demo import shop
from interlock.app.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
AGENT, TARGET, OWNER = "shop-agent", "shop", "shop_owner"
LENT = "lent"  # the same shop, with access per command
ENGINEER, DATA_OWNER = "nina", "olga"
WIDTH = 78  # columns that a program may fill: the screen indents what it prints
PORT, ADMIN_PORT = 6432, 6433
INTERLOCK = Path(sys.executable).with_name("interlock")
QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
START_SECONDS, STOP_SECONDS = 60, 10  # of a machine that does much else


class StageFault(Exception):
    """The stage could not be set; the text says which part and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a program wrote: to standard output, and to standard error."""

    printed: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything stands. `directory` holds configuration, ledger and log, and goes away with the stage."""

    directory: Path
    server: EmbeddedPostgres
    port: int
    admin_port: int
    password: str

    @property
    def config(self) -> Path:
        """The gateway's interlock.toml."""
        return self.directory / "interlock.toml"

    @property
    def authority(self) -> Path:
        """What clients trust: the certificate that the gateway made for itself."""
        return self.directory / ".interlock" / "tls" / "ca.pem"

    @property
    def url(self) -> str:
        """What the agent is given: the gateway, verified, and never the database."""
        return self.url_of(AGENT)

    def url_of(self, name: str, target: str = TARGET) -> str:
        """The same for somebody else, and for another target."""
        return (
            f"postgresql://{name}:{self.password}@localhost:{self.port}/{target}"
            f"?sslmode=verify-full&sslrootcert={self.authority}"
        )

    @property
    def log(self) -> Path:
        """What the gateway said."""
        return self.directory / "gateway.log"

    def last_words(self) -> str:
        """The end of the log, which goes away with the stage."""
        return f"the gateway said: {self.log.read_text(errors='replace')[-2000:].strip() or 'nothing'}"

    def run(self, *command: str | Path, code: int = 0) -> Ran:
        """Run a program in `directory`. Raises StageFault when it ends with another code."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=os.environ | {"COLUMNS": str(WIDTH)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != code:
            said = done.stderr.strip() or done.stdout.strip()
            raise StageFault(f"`{Path(command[0]).name}` ended with {done.returncode}: {said}")
        return Ran(printed=done.stdout, said=done.stderr)


@contextmanager
def database() -> Iterator[Stage]:
    """A server with an empty database `shop`, on its private socket alone, and a directory for the rest."""
    with EmbeddedPostgres(settings=QUICK) as server, tempfile.TemporaryDirectory(prefix="interlock-demo-") as name:
        yield Stage(
            directory=Path(name),
            server=server,
            port=free_port(PORT),
            admin_port=free_port(ADMIN_PORT),
            password=secrets.token_urlsafe(12),
        )


async def fill(stage: Stage) -> int:
    """Make the owner and the shop that it owns; returns the rows in it."""
    owner_password = secrets.token_urlsafe(24)
    superuser = await asyncpg.connect(stage.server.dsn())
    await superuser.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{owner_password}'")
    await superuser.execute(f"CREATE DATABASE {TARGET} OWNER {OWNER}")
    await superuser.close()
    private(stage.directory / "owner.secret", owner_password)
    for name in (AGENT, ENGINEER, DATA_OWNER):
        private(stage.directory / f"{name}.secret", stage.password)
    owner = await asyncpg.connect(stage.server.dsn(TARGET, OWNER, owner_password))
    await shop.load(owner)
    rows = sum((await shop.count(owner)).values())
    await owner.close()
    return rows


def configure(stage: Stage) -> None:
    """Write interlock.toml."""
    text = Path(__file__).with_name("interlock.toml").read_text(encoding="utf-8")
    values = {"LISTEN": stage.port, "ADMIN": stage.admin_port, "SOCKET": stage.server.socket_dir}
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", str(value))
    stage.config.write_text(text, encoding="utf-8")


def prepare(stage: Stage) -> None:
    """What an administrator does once for a target with access per command. Raises StageFault."""
    for name in ("catalogue", "minter"):
        private(stage.directory / f"{name}.secret", secrets.token_urlsafe(24))
    words = ("target", "prepare", LENT, "--revoke-public", "--schema", "public")
    stage.run(INTERLOCK, *words, "--apply", "--as-admin-url", stage.server.dsn(TARGET))


@contextmanager
def gateway(stage: Stage) -> Iterator[None]:
    """`interlock serve` as a process of its own, ready when this is entered and drained when it is left."""
    with stage.log.open("wb") as log:
        process = subprocess.Popen(
            [INTERLOCK, "serve", "--config", stage.config],
            cwd=stage.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_ready(stage, process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(stage: Stage, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(stage.admin_port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StageFault(f"the gateway did not start; {stage.last_words()}")
        time.sleep(0.02)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port(wanted: int) -> int:
    """The port everybody expects where it is free, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise StageFault("there is no free port on 127.0.0.1; end what holds them and try again")


def private(path: Path, text: str) -> None:
    """A secret's file, for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
