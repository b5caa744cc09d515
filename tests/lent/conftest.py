"""One gateway that lends privileges to one command at a time, before each server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from interlock.app.embedded import EmbeddedPostgres
from tests.stand import Stand, standing

WORLD = Path(__file__).with_name("world.sql")
TARGET = """access = "{access}"

[targets.stand.minter]
user = "{minter}"
password_file = "minter.secret"
owner_role = "{owner}"
"""


@contextmanager
def lending(
    server: EmbeddedPostgres, directory: Path, *, access: str = "per-command", target: str = "", **later: str
) -> Iterator[Stand]:
    """Prepared as an administrator would, by `interlock target prepare`; not started. `target` is what else its section
    says, `later` what else is configured then."""
    name = f"lent_{secrets.token_hex(4)}"
    secret = directory / "minter.secret"
    secret.touch(mode=0o600)
    secret.write_text(f"{secrets.token_hex(12)}\n")
    settings = {"user": f"{name}_reader", "pack": "development", "environment": "dev"}
    with standing(server, directory, WORLD.read_text(), **settings) as stand:
        minting = TARGET.format(access=access, minter=f"{name}_minter", owner=stand.role)
        stand.configure(target=f"{target}\n{minting}", **later)
        arguments = ["--write", "--revoke-public", "--schema", "public", "--schema", "books", "--owner", stand.role]
        done = stand.interlock(
            "target", "prepare", "stand", *arguments, "--apply", "--as-admin-url", stand.truth, "--json"
        )
        assert done.code == 0, done.out + done.err
        try:
            yield stand
        finally:
            stand.kill()
            with psycopg.connect(stand.truth, autocommit=True) as admin:
                for row in admin.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'il_')").fetchall():
                    _gone(admin, row[0])
                for role in ("reader", "minter"):
                    _gone(admin, f"{name}_{role}")


def _gone(admin: "psycopg.Connection[tuple[object, ...]]", role: str) -> None:
    admin.execute(sql.SQL("DROP OWNED BY {0}").format(sql.Identifier(role)))
    admin.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(role)))


@pytest.fixture(scope="module", params=["18", "15"])
def lent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Running, and found without a bug of its own in the end, nor anything left on the target."""
    server = request.getfixturevalue(f"postgres{request.param}")
    with lending(server, tmp_path_factory.mktemp(f"lent{request.param}")) as made:
        made.start()
        yield made
        made.end_well()
        assert made.ask("SELECT count(*)::int FROM pg_roles WHERE starts_with(rolname, 'il_')") == 0


@pytest.fixture
def stand(lent: Stand) -> Stand:
    """The same for all tests of a file."""
    return lent
