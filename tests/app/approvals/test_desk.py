"""The approvals socket: who speaks, what is told, and what is refused, without a gateway around it."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest
from msgspec.structs import replace

from interlock.access.faults import ApprovalRefused
from interlock.access.keys import SEED_BYTES, load_signing_key, make_keypair
from interlock.access.tokens import mint
from interlock.app.approvals.client import Desk, GatewaySilent
from interlock.app.approvals.desk import Room, require_place, serve_approvals
from interlock.app.approvals.leasing import Leasing
from interlock.app.bundles import load_judge
from interlock.app.clock import now
from interlock.app.config import parse_config
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal
from interlock.app.serve.in_force import InForce
from interlock.app.serve.leases import Leases
from interlock.ledger.leases import request_entry
from interlock.ledger.scribe import Scribe
from interlock.model import (
    Basis,
    Card,
    Case,
    Decision,
    End,
    Impact,
    Lease,
    OurFault,
    Principal,
    PrincipalKind,
    Touched,
    Verb,
    Verdict,
)
from interlock.store.sqlite import SqliteLedger
from tests.access.leasing import CARL, DORA, request
from tests.app.journals import stop
from tests.ledger.values import ORDERS, case
from tests.store.ledgers import replayed, settings

Said = TypeVar("Said")
SECRET: Final = "dora's secret"
CONFIG: Final = """
[targets.shop]
environment = "dev"
host = "localhost"
database = "d"
user = "u"
password_env = "P"

[principals.dora]
kind = "person"
groups = ["dba-leads"]
secret_env = "DORA"

[tokens]
issuer = "interlock:test"
audience = "interlock:test"
keys = { k1 = "public.pem" }
"""
MEASURED: Final = Impact(
    basis=Basis.MEASURED,
    rows=100_001,
    reversible=True,
    touched=(Touched(object=ORDERS, verb=Verb.DELETE, rows=100_000), Touched(object=ORDERS, verb=Verb.CHANGE, rows=1)),
)
ISSUED: Final = replace(DORA, issuer="interlock:test")


def asked(command: Case, lease: Lease) -> tuple[Decision, Card]:
    decision = Decision(
        verdict=Verdict.HOLD, reasons=(), obligations=(), policy_version=lease.policy_version, lease=lease
    )
    session = command.command.session
    card = Card(
        target=session.target,
        surface=session.surface,
        effects=command.intent.effects,
        findings=(),
        reasons=(),
        impact=command.impact,
        shape=command.intent.shape,
        text="DELETE FROM orders",
    )
    return decision, card


@pytest.fixture
def speaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], Said]], Said]:
    """Serve a desk with one request that waits for a dba-lead, and speak to it from a thread."""
    monkeypatch.setenv("DORA", SECRET)
    private, public = make_keypair(os.urandom(SEED_BYTES))
    (tmp_path / "private.pem").write_bytes(private)
    (tmp_path / "public.pem").write_bytes(public)
    config = parse_config(CONFIG, base=tmp_path)

    async def run(speak: Callable[[Path], Said]) -> Said:
        journal = LocalJournal(SqliteLedger(settings(tmp_path), new_id=new_id, now=now), on_death=stop)
        leases = Leases(journal.leases, journal, new_id=new_id, now=now)
        await leases.begin("sha256:v")
        lease = replace(request("approval:dba-leads:1"), ends_at=now() + 60_000_000, asked_at=now(), ceiling=MEASURED)
        held = replace(case("decision-1"), impact=MEASURED)
        assert await leases.append([request_entry(held, *asked(held, lease), salt=b"s" * 32)], {})
        judge = load_judge(config)
        in_force = InForce(text=CONFIG, config=config, pack={}, judge=judge, runbooks={})
        leasing = Leasing(in_force=lambda: in_force, scribe=Scribe(os.urandom), new_id=new_id, now=now)
        room = Room(
            leases=leases,
            leasing=leasing,
            journal=journal,
            ledger=settings(tmp_path),
            config=lambda: config,
            new_id=new_id,
            now=now,
        )
        path = tmp_path / "approvals.sock"
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(serve_approvals(room, path))
            while not path.exists():
                await asyncio.sleep(0)
            assert path.stat().st_mode & 0o077 == 0
            said = await asyncio.to_thread(speak, path)
            serving.cancel()
        await journal.close()
        assert not path.exists()
        return said

    return lambda speak: asyncio.run(run(speak))


def token(folder: Path, who: Principal) -> str:
    key = load_signing_key((folder / "private.pem").read_bytes())
    issued = replace(who, issuer="interlock:test")
    return mint(issued, id=new_id(), audience="interlock:test", now=now(), lifetime=60, key=key, kid="k1")


def test_a_secret_proves_who_decides(speaking: Callable[..., Lease], tmp_path: Path) -> None:
    def speak(path: Path) -> Lease:
        with Desk(path) as desk:
            assert desk.be("dora", SECRET).groups == ["dba-leads"]
            return desk.decide("request-1", "approve")

    lease = speaking(speak)
    assert not lease.pending
    (approver,) = lease.approved_by
    assert (approver.id, approver.proof, approver.uid, approver.operator) == ("dora", "scram", os.getuid(), True)
    assert replayed(tmp_path).intact


def test_a_token_proves_it_too(speaking: Callable[..., Lease], tmp_path: Path) -> None:
    def speak(path: Path) -> Lease:
        with Desk(path) as desk:
            desk.present(token(tmp_path, DORA))
            return desk.decide("request-1", "approve")

    assert speaking(speak).approved_by[0].proof == "token"


@pytest.mark.parametrize("who", [CARL, Principal(id="x", kind=PrincipalKind.AGENT, issuer="", on_behalf_of=ISSUED)])
def test_a_token_of_the_chain_or_of_an_agent_decides_nothing(
    speaking: Callable[..., None], tmp_path: Path, who: Principal
) -> None:
    def speak(path: Path) -> None:
        with Desk(path) as desk:
            desk.present(token(tmp_path, replace(who, groups=frozenset({"dba-leads"}))))
            with pytest.raises(ApprovalRefused, match=r"in the chain|no person"):
                desk.decide("request-1", "approve")

    speaking(speak)


def test_who_says_nothing_decides_nothing(speaking: Callable[..., Lease]) -> None:
    def speak(path: Path) -> Lease:
        with Desk(path) as desk:
            for verdict in ("approve", "deny"):
                with pytest.raises(ApprovalRefused, match="say who you are"):
                    desk.decide("request-1", verdict)  # type: ignore[arg-type]
            return desk.decide("request-1", "withdraw")  # as the gateway's operator

    lease = speaking(speak)
    assert (lease.end, lease.approved_by) == (End.WITHDRAWN, ())


def test_one_attempt_for_each_connection(speaking: Callable[..., None]) -> None:
    def speak(path: Path) -> None:
        with Desk(path) as desk:
            with pytest.raises(ApprovalRefused):
                desk.be("dora", "wrong")
            with pytest.raises(ApprovalRefused, match="one attempt"):
                desk.be("dora", SECRET)

    speaking(speak)


def test_a_card_comes_out_of_the_ledger_and_leaves_a_record(
    speaking: Callable[..., Card | None], tmp_path: Path
) -> None:
    def speak(path: Path) -> Card | None:
        with Desk(path) as desk:
            return desk.show("st-1").card  # the end of its id

    card = speaking(speak)
    assert card is not None
    assert (card.text, card.impact) == ("DELETE FROM orders", MEASURED)
    assert replayed(tmp_path).kinds["ledger_access"] == 1


def test_a_watcher_hears_every_step(speaking: Callable[..., list[str]]) -> None:
    def speak(path: Path) -> list[str]:
        with Desk(path) as watcher, Desk(path) as desk:
            steps = watcher.watch()
            desk.be("dora", SECRET)
            desk.decide("request-1", "approve")
            desk.decide("request-1", "deny", reason="after all")
            return [next(steps).what, next(steps).what]

    assert speaking(speak) == ["granted", "denied"]


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"type":"decide"}\n', b'{"type":"welcome","id":"x","groups":[]}\n'])
def test_what_is_no_question_is_refused(speaking: Callable[..., bytes], line: bytes) -> None:
    def speak(path: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(os.fspath(path))
            connection.sendall(line)
            return connection.recv(4096)

    assert b'"refused"' in speaking(speak)


def test_a_path_that_no_socket_can_have_is_refused_before_anything_begins(tmp_path: Path) -> None:
    require_place(tmp_path / "approvals.sock")
    with pytest.raises(OurFault, match=r"set \[approvals\] socket"):
        require_place(tmp_path / ("x" * 104))


def test_no_gateway_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(GatewaySilent, match="no gateway answers"):
        Desk(tmp_path / "nothing.sock")
