"""A gateway on a stand: `interlock serve` before a database of its own, to be attacked, killed and started again."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError

import psycopg
from psycopg import sql

from interlock.app.embedded import EmbeddedPostgres
from interlock.ledger.reading import Leaf, read_leaf
from interlock.ledger.seal import SALT_SIZE, Sealer
from interlock.store.connection import open_for_reading
from interlock.store.keys import load
from interlock.store.reader import Reader
from tests.cli.running import INTERLOCK, Done, interlock

TARGET: Final = "stand"
PERSON, CALLER, AGENT = "ana", "carl", "robot"  # an engineer, one who may call stored code, and ana's agent
START_SECONDS, STOP_SECONDS = 120, 60
SECONDS: Final = 60  # a condition that takes longer never comes true

_serial = count(1)
_CONFIG: Final = """\
[gateway]
id = "stand"
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
tls = "{tls}"
require_tls = false
drain_seconds = {drain}
{gateway}

[limits]
{limits}

[ledger]
watermark_mb = 1
{ledger}

[policy]
pack = "{pack}"

[targets.stand]
environment = "{environment}"
mode = "{mode}"
database = "{database}"
user = "{user}"
password_file = "target.secret"
socket = "{socket}"
port = {server_port}
tls = "disable"
{target}

[principals.ana]
kind = "person"
groups = ["engineers"]
secret_file = "client.secret"

[principals.carl]
kind = "person"
groups = ["engineers", "code-callers", "dba"]
secret_file = "client.secret"

[principals.robot]
kind = "agent"
groups = ["engineers"]
on_behalf_of = "ana"
secret_file = "client.secret"

[labels]
pii = [{pii}]

{more}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision in the ledger, with its statement and what became of it (None: nothing is written down yet)."""

    leaf: Leaf
    text: str
    sealed: int  # bytes that the text takes
    status: str | None


@dataclass
class History:
    """What was read of a ledger so far. It only grows, and one that was attacked for minutes takes seconds to read."""

    size: int = 0
    statuses: dict[str, str] = field(default_factory=dict)
    found: list[tuple[Leaf, str, int]] = field(default_factory=list)

    def read_on(self, reader: Reader, data_key: bytes) -> None:
        """Read what came since."""
        sealer, size = Sealer(data_key), reader.head().size
        for seq, raw in reader.leaves(self.size, size):
            leaf = read_leaf(raw)
            if leaf.outcome is not None:
                self.statuses[leaf.outcome.of] = leaf.outcome.status
            elif leaf.decision is not None:
                sealed = reader.text(seq) or b""
                text = sealer.open(sealed, leaf.id.encode())[SALT_SIZE:].decode("utf-8", "replace") if sealed else ""
                self.found.append((leaf, text, len(sealed)))
        self.size = size

    def decisions(self) -> list[Recorded]:
        """All that was read, oldest first, with what became of it."""
        return [
            Recorded(leaf=leaf, text=text, sealed=sealed, status=self._end(leaf)) for leaf, text, sealed in self.found
        ]

    def _end(self, leaf: Leaf) -> str | None:
        status = self.statuses.get(leaf.id)
        if status in (None, "ran"):
            unit = (leaf.what.unit if leaf.what is not None else None) or ""
            status = self.statuses.get(unit, status)
        return status


@dataclass(slots=True, kw_only=True)
class Stand:
    """One database, and the gateway before it while it runs. `truth` is a superuser around the gateway."""

    server: EmbeddedPostgres
    database: str
    role: str
    password: str
    directory: Path
    settings: dict[str, str]
    secret: str = field(repr=False)
    port: int
    admin: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    history: History = field(default_factory=History, repr=False)

    @property
    def truth(self) -> str:
        """How to look at what really happened."""
        return self.server.dsn(self.database)

    def ask(self, query: str, *values: object) -> Any:
        """The first column of the first row, around the gateway."""
        with psycopg.connect(self.truth, autocommit=True) as admin:
            cursor = admin.execute(query.encode(), values)
            row = cursor.fetchone() if cursor.description is not None else None
        return None if row is None else row[0]

    def dsn(self, user: str = PERSON, **more: str) -> str:
        """Through the gateway."""
        known = {"host": "127.0.0.1", "port": str(self.port), "dbname": TARGET, "user": user, "password": self.secret}
        tls = {"sslmode": "disable"} if self.settings["tls"] == "off" else {"sslmode": "require"}
        return psycopg.conninfo.make_conninfo(**known | tls | {"connect_timeout": "20"} | more)

    def connect(self, user: str = PERSON, **more: str) -> "psycopg.Connection[Any]":
        """A session through the gateway, autocommit."""
        return psycopg.connect(self.dsn(user, **more), autocommit=True)

    # -- the process -------------------------------------------------------------------------------

    def configure(self, **settings: str) -> None:
        """Write interlock.toml, with these settings changed."""
        self.settings |= settings
        text = _CONFIG.format(
            port=self.port,
            admin=self.admin,
            database=self.database,
            socket=self.server.socket_dir,
            server_port=self.server.port,
            **self.settings,
        )
        (self.directory / "interlock.toml").write_text(text)

    def start(self, *arguments: str, **environment: str) -> None:
        """Begin to serve, and return when clients can come."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [INTERLOCK, "serve", *arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(environment),
                start_new_session=True,
            )
        wait_for(self._answers, seconds=START_SECONDS, what=lambda: self.log)

    def stop(self) -> int | None:
        """Drain; the exit code."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            _kill_group(process)

    def kill(self) -> None:
        """End supervisor and workers at once."""
        process, self.process = self.process, None
        if process is not None:
            _kill_group(process)
            process.wait()

    def signal(self, number: signal.Signals) -> None:
        """To the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        return self.page("/healthz")[0] == 200

    def page(self, path: str) -> tuple[int, str]:
        """(status, text) of the admin port; status 0 where nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, ConnectionError, TimeoutError):
            return 0, ""

    @property
    def log(self) -> str:
        """What the gateway said so far."""
        return (self.directory / "log").read_text()

    # -- the ledger --------------------------------------------------------------------------------

    def interlock(self, *arguments: str) -> Done:
        """The command line, with this configuration."""
        done: Done = interlock(*arguments, cwd=self.directory)  # type: ignore[no-untyped-call]
        return done

    def end_well(self) -> None:
        """Stop it, and find no bug of its own and a ledger that proves itself."""
        assert self.stop() == 0
        assert "bug" not in self.log, self.log
        assert "Traceback" not in self.log, self.log
        self.verify()

    def verify(self) -> None:
        """The ledger is whole."""
        done = self.interlock("ledger", "verify", "--json")
        assert done.code == 0, done.out + done.err

    def decisions(self) -> list[Recorded]:
        """Every decision so far, oldest first."""
        connection = open_for_reading(self.directory / ".interlock" / "ledger" / "records.db")
        try:
            self.history.read_on(Reader(connection), load(self.directory / ".interlock" / "keys" / "ledger-data.key"))
        finally:
            connection.close()
        return self.history.decisions()

    def decided(self, marker: str) -> list[Recorded]:
        """The decisions whose statement contains `marker`, once what became of each is written down."""

        def all_ended() -> bool:
            return all(one.status not in (None, "ran") for one in self.decisions() if marker in one.text)

        wait_for(all_ended, what=lambda: f"outcomes of {marker}")
        return [one for one in self.decisions() if marker in one.text]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INTERLOCK_", "PG"))}
    return kept | dict(more)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in it


def wait_for(true: Callable[[], bool], *, what: Callable[[], str], seconds: float = SECONDS) -> None:
    """Poll until a condition holds; fail with `what` when it does not within `seconds` of the first look at it, which
    may be long by itself."""
    if true():
        return
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


@contextmanager
def standing(
    server: EmbeddedPostgres, directory: Path, world: str, *, pii: Sequence[str] = (), **settings: str
) -> Iterator[Stand]:
    """A database made of `world`, owned by the gateway's login, and a gateway that is configured, not started."""
    name = f"stand_{os.getpid()}_{next(_serial)}"
    password, secret = secrets.token_hex(12), secrets.token_urlsafe(12)
    role, database = sql.Identifier(name), sql.Identifier(name)
    for file, text in (("target", password), ("client", secret)):
        path = directory / f"{file}.secret"
        path.touch(mode=0o600)
        path.write_text(f"{text}\n")
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, role))
        with psycopg.connect(server.dsn(name, name, password), autocommit=True) as owner:
            owner.execute(world.encode())
        port, admin_port = _free_ports()
        chosen = {
            "user": name,
            "pack": "production",
            "environment": "prod",
            "mode": "enforce",
            "tls": "off",
            "drain": "1",
            "gateway": "",
            "limits": "",
            "ledger": "",
            "target": "",
            "more": "",
            "pii": ", ".join(json.dumps(f"{TARGET}.{column}") for column in pii),
        }
        stand = Stand(
            server=server,
            database=name,
            role=name,
            password=password,
            directory=directory,
            settings=chosen | settings,
            secret=secret,
            port=port,
            admin=admin_port,
        )
        stand.configure()
        try:
            yield stand
        finally:
            stand.kill()
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
