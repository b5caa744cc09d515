"""`interlock serve` as people run it: a process, a configuration, a database behind it, and how clients reach it."""

import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from interlock.app.embedded import EmbeddedPostgres
from tests.cli.running import INTERLOCK, interlock

TARGET: Final = "shop"
ROLE: Final = "conformance_gateway"
PERSON, AGENT, TOKEN = "ana", "robot", "token"
WORLD: Final = Path(__file__).with_name("world.sql")
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20

_CONFIG: Final = """\
[gateway]
id = "conformance"
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
drain_seconds = 1
require_tls = {require_tls}

[policy]
pack = "{pack}"

[targets.{target}]
environment = "{environment}"
database = "{database}"
user = "{role}"
password_file = "target.secret"
{where}

[principals.{person}]
kind = "person"
groups = ["engineers", "dba"]
secret_file = "ana.secret"

[principals.{agent}]
kind = "agent"
groups = ["engineers"]
on_behalf_of = "{person}"
secret_file = "robot.secret"

[labels]
pii = ["{target}.public.customers.email", "{target}.public.customers.born"]

[tokens]
issuer = "https://tokens.example.com"
audience = "conformance"
signing_key = "minting.key"

[tokens.keys]
minting = "minting.pub"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One server's database, owned by the role that the gateway logs in with; `root` verifies its certificate."""

    server: EmbeddedPostgres
    server_version: str
    database: str
    password: str
    root: Path | None

    @property
    def direct(self) -> str:
        """Around the gateway, as superuser: to look at what really happened."""
        return self.server.dsn(self.database)

    @property
    def owner(self) -> str:
        """Around the gateway, as the role that the gateway logs in with."""
        return self.server.dsn(self.database, ROLE, self.password)

    @property
    def where(self) -> str:
        """The target's place in interlock.toml: TLS with verification where the server has it, else the socket."""
        if self.root is None:
            return f'socket = "{self.server.socket_dir}"\nport = {self.server.port}\ntls = "disable"'
        return f'host = "localhost"\nport = {self.server.port}\ntls = "verify-full"\nca = "{self.root}"'


@contextmanager
def shop(server: EmbeddedPostgres, version: str, root: Path | None) -> Iterator[Shop]:
    """The world of world.sql in a database of its own."""
    made = Shop(
        server=server, server_version=version, database="conformance", password=secrets.token_hex(12), root=root
    )
    role, database = sql.Identifier(ROLE), sql.Identifier(made.database)
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, made.password))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, role))
        with psycopg.connect(server.dsn(made.database, ROLE, made.password), autocommit=True) as owner:
            owner.execute(WORLD.read_bytes())
        try:
            yield made
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway in front of one shop, and how clients reach it."""

    shop: Shop
    directory: Path
    port: int
    admin: int
    secrets: dict[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def authority(self) -> Path:
        """What clients trust."""
        return self.directory / ".interlock" / "tls" / "ca.pem"

    @property
    def log(self) -> str:
        """What the gateway said so far."""
        return (self.directory / "log").read_text()

    def parameters(self, user: str = PERSON, **more: str) -> dict[str, str]:
        """libpq's keywords for this user: verified TLS."""
        return {
            "host": "localhost",
            "port": str(self.port),
            "dbname": TARGET,
            "user": user,
            "password": self.secrets[user],
            "sslmode": "verify-full",
            "sslrootcert": str(self.authority),
            "connect_timeout": "20",
        } | more

    def dsn(self, user: str = PERSON, **more: str) -> str:
        """The same as a connection string."""
        return psycopg.conninfo.make_conninfo(**self.parameters(user, **more))

    def url(self, user: str = PERSON, scheme: str = "postgresql", **more: str) -> str:
        """The same as a URL, for asyncpg and SQLAlchemy."""
        tls = {"sslmode": "verify-full", "sslrootcert": str(self.authority)} | more
        secret = quote(self.secrets[user], safe="")
        return f"{scheme}://{user}:{secret}@localhost:{self.port}/{TARGET}?{urlencode(tls)}"

    def trust(self) -> ssl.SSLContext:
        """The same for clients that take a context."""
        return ssl.create_default_context(cafile=self.authority)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """What the database itself says."""
        with psycopg.connect(self.shop.direct, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def wait_until_active(self, words: str) -> None:
        """Return once the target runs a query with these words in it."""
        looking = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        deadline = time.monotonic() + START_SECONDS
        while self.ask(f"{looking} AND query LIKE '%{words}%'") == [(0,)]:
            assert time.monotonic() < deadline, f"nothing with `{words}` ever ran"

    def mint(self, *arguments: str) -> str:
        """A token for user `token`, its password."""
        done = interlock("token", "mint", *arguments, "--json", cwd=self.directory)
        assert done.code == 0, done.err
        token: str = done.json["token"]
        return token

    def metric(self, name: str) -> float:
        """The sum of a counter over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@contextmanager
def serving(shop: Shop, directory: Path, *, pack: str) -> Iterator[Gateway]:
    """A gateway with this pack; drained afterwards, and checked to have met no bug of its own.

    Production requires TLS; development does not, because the wheel's psql 18 was built without it.
    """
    known = {PERSON: secrets.token_urlsafe(9), AGENT: secrets.token_urlsafe(9)}
    port, admin = _free_ports()
    for name, secret in {**known, "target": shop.password}.items():
        _private(directory / f"{name}.secret", secret)
    assert interlock("token", "keygen", "minting", cwd=directory).code == 0
    text = _CONFIG.format(
        port=port,
        admin=admin,
        require_tls="true" if pack == "production" else "false",
        pack=pack,
        target=TARGET,
        environment="dev" if pack == "development" else "prod",
        database=shop.database,
        role=ROLE,
        where=shop.where,
        person=PERSON,
        agent=AGENT,
    )
    (directory / "interlock.toml").write_text(text)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [INTERLOCK, "serve"], cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        gateway = Gateway(shop=shop, directory=directory, port=port, admin=admin, secrets=known, process=process)
        _wait_until_ready(gateway)
        yield gateway
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "bug" not in gateway.log, gateway.log


def _wait_until_ready(gateway: Gateway) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(gateway.admin):
        assert gateway.process.poll() is None, gateway.log
        assert time.monotonic() < deadline, gateway.log
        time.sleep(0.05)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _private(path: Path, secret: str) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{secret}\n")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what it says to libpq."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | more
