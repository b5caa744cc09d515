"""Real servers for every test that wants one: PostgreSQL 18 from the wheel, PostgreSQL 15 with TLS from Debian."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from interlock.app.embedded import SUPERUSER, EmbeddedPostgres
from tests.certificates import Authority

DEBIAN_15: Final = Path("/usr/lib/postgresql/15/bin")
DEBIAN_15_INSTALL: Final = "apt-get install postgresql-15 postgresql-client-15"

# Durability costs time, and no test crashes the machine; the ledger, which must be durable, is not kept here.
# What is expected of a table must not depend on whether it was analysed meanwhile.
QUICK: Final = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "autovacuum": "off"}

# What hypothesis would measure is how busy the machine is.
settings.register_profile("interlock", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("interlock")

_serial = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A fresh database of one test, dropped afterwards with whoever is still connected to it."""

    server: EmbeddedPostgres
    name: str

    @property
    def dsn(self) -> str:
        """Over the Unix socket, as superuser."""
        return self.server.dsn(self.name)

    @property
    def tcp_dsn(self) -> str:
        """Over loopback, as superuser; on PostgreSQL 15 that is TLS."""
        return self.server.dsn(self.name, tcp=True)

    def dsn_as(self, user: str, password: str, *, tcp: bool = False) -> str:
        """For a role that the test has made."""
        return self.server.dsn(self.name, user, password, tcp=tcp)


def require(installed: bool, *, what: str, install: str) -> None:
    """Skip with the line that installs what is missing; in CI, where nothing may be missing, fail."""
    if installed:
        return
    message = f"{what} is not installed: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of this test run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def postgres18() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 18 on its socket and, without TLS, on a loopback port. Shared: leave no roles behind."""
    with EmbeddedPostgres(settings=QUICK, tcp=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres15(authority: Authority) -> Iterator[EmbeddedPostgres]:
    """Debian's PostgreSQL 15 on its socket and, with TLS only, on a loopback port; `authority.root` verifies it."""
    require(DEBIAN_15.is_dir(), what="PostgreSQL 15", install=DEBIAN_15_INSTALL)
    issued = authority.issue("localhost", "127.0.0.1")
    with EmbeddedPostgres(DEBIAN_15, settings=QUICK, tls=(issued.certificate, issued.key)) as server:
        yield server


@pytest.fixture
def database18(postgres18: EmbeddedPostgres) -> Iterator[Database]:
    """An empty database on PostgreSQL 18."""
    yield from _fresh(postgres18)


@pytest.fixture
def database15(postgres15: EmbeddedPostgres) -> Iterator[Database]:
    """An empty database on PostgreSQL 15."""
    yield from _fresh(postgres15)


@pytest.fixture(params=["18", "15"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database on each of the servers in turn."""
    chosen: Database = request.getfixturevalue(f"database{request.param}")
    return chosen


def _fresh(server: EmbeddedPostgres) -> Iterator[Database]:
    name = f"test_{next(_serial)}"
    identifier = sql.Identifier(name)
    with psycopg.connect(server.dsn(user=SUPERUSER), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(identifier))
        try:
            yield Database(server=server, name=name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
