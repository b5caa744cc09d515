"""What it costs that a session holds nothing: privileges that stand, against those lent to a command or for a lease."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from statistics import quantiles

import psycopg

from benchmarks.measured import connect, timed
from benchmarks.stage import CALLER, DATABASE, OWNER, Bench, Way, fill, interlock
from benchmarks.table import Table
from demo.stage import private
from interlock.access.verifier import derive_verifier
from interlock.app.approvals import Desk
from interlock.app.approvals.messages import AskLease
from interlock.app.embedded import EmbeddedPostgres
from interlock.gateways.postgres.target.admin import Lender, Wish, preparation
from interlock.model import Verb

ACCESS = ("standing", "per-command", "per-lease")
COLUMNS = ("select_us", "select", "update_us", "update", "login_ms", "login")
NOTES = """\
one client in autocommit, by key, fsync off, strict; us that a tenth of the statements
stay below. The ratios are to standing access in the same run. per-command: membership
granted before and revoked after each; per-lease: once, when the first command needs
it. A login is minted for each session where access does not stand."""

_MINTER = "bench_minter"
_TEXTS = {
    "select": "SELECT abalance FROM pgbench_accounts WHERE aid = 4711",
    "update": "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = 4711",
}
_SECTION = """access = "{access}"
[targets.{database}.minter]
user = "{minter}"
password_file = "minter.secret"
"""


def measure(bench: Bench) -> Table:
    """On a server of its own: it is prepared as for a minter."""
    table = Table(title="Privileges that stand, and privileges that are lent", columns=COLUMNS, notes=NOTES)
    with EmbeddedPostgres(settings={"fsync": "off", "autovacuum": "off"}, tcp=True) as server, ExitStack() as stack:
        ways = stack.enter_context(_ways(bench, server))
        found = _side_by_side(ways, rounds=5 if bench.quick else 9, times=40 if bench.quick else 100)
    base = found[ACCESS[0]]
    for access in ACCESS:
        of = found[access]
        table.add(
            access, select_us=of["select"], select=of["select"] / base["select"], update_us=of["update"],
            update=of["update"] / base["update"], login_ms=of["login"] / 1e3, login=of["login"] / base["login"],
        )  # fmt: skip
    return table


@contextmanager
def _ways(bench: Bench, server: EmbeddedPostgres) -> Iterator[dict[str, Way]]:
    password, lent = fill(server, scale=1), secrets.token_hex(12)
    _prepare(server, lent)
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        for access in ACCESS:
            section = "" if access == "standing" else _SECTION.format(access=access, database=DATABASE, minter=_MINTER)
            name = f"lent-{access}"
            (bench.directory / name).mkdir(mode=0o700)
            private(bench.directory / name / "minter.secret", lent)
            made = interlock(bench.directory, server, password, "strict", name=name, access=section)
            ways[access] = stack.enter_context(made)
            if access == "per-lease":
                _lease(bench, name, ways[access])
        yield ways


def _prepare(server: EmbeddedPostgres, password: str) -> None:
    """The minter as an administrator makes it: the owner reads the catalogue, and logs in nowhere else."""
    lender = Lender(role=_MINTER, verifier=derive_verifier(password, salt=secrets.token_bytes(16)))
    wish = Wish(database=DATABASE, role=OWNER, schemas=["public"], write=True, lender=lender)
    with psycopg.connect(server.dsn(DATABASE), autocommit=True) as admin:
        for statement in preparation(wish):
            admin.execute(statement.encode())


def _lease(bench: Bench, name: str, way: Way) -> None:
    asked = AskLease(
        target=DATABASE, name="access", verbs=[Verb.READ, Verb.CHANGE], objects=["public.*"], seconds=3600,
        purpose="a benchmark",
    )  # fmt: skip
    with Desk(bench.directory / name / ".interlock" / "approvals.sock") as desk:
        desk.be(CALLER, way.password)
        lease = desk.request(asked)
        assert not lease.pending, "the pack of the benchmarks grants it by itself"


def _side_by_side(ways: dict[str, Way], *, rounds: int, times: int) -> dict[str, dict[str, float]]:
    """The ways take turns, so that a busy moment falls on all of them."""
    spans: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        clients = {access: stack.enter_context(connect(way)) for access, way in ways.items()}
        for _ in range(rounds):
            for access, what in product(ways, _TEXTS):
                found = spans.setdefault((access, what), [])
                found += [timed(partial(clients[access].execute, _TEXTS[what].encode())) for _ in range(times)]
            for access, way in ways.items():
                found = spans.setdefault((access, "login"), [])
                found += [timed(partial(_log_in, way)) for _ in range(4)]
    return {access: {what: _quiet(spans[access, what]) for what in (*_TEXTS, "login")} for access in ways}


def _log_in(way: Way) -> None:
    connect(way).close()


def _quiet(spans: list[float]) -> float:
    return quantiles(spans, n=10)[0] * 1e6
