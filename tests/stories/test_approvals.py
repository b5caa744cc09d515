"""Held, asked for, approved by others, landed once: with real clients, and with everything that can come between."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import asyncpg
import psycopg
import pytest
from psycopg import errors as pg
from psycopg.types.numeric import Int4, Int8

from interlock.access.keys import load_signing_key, make_keypair
from interlock.access.tokens import mint
from interlock.app.approvals.messages import Verdict
from interlock.app.clock import now
from interlock.app.embedded import EmbeddedPostgres, embedded_binaries
from interlock.app.ids import new_id
from interlock.model import Principal, PrincipalKind
from tests.stand import CALLER, PERSON, TARGET, Stand, standing, wait_for
from tests.stories.approving import (
    DELETE,
    LEADS,
    approve,
    clean,
    decide,
    ends,
    guarded,
    held,
    open_requests,
    records,
    requested,
)
from tests.stories.worlds import SMALL

TOKENS: Final = """
[tokens]
issuer = "stand"
audience = "stand"
keys = { k = "tokens.pub" }

"""
LEFT: Final = "SELECT count(*) FROM items"


@pytest.fixture(scope="module")
def standing_still(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """For whoever does not end it: starting one takes longer than a story."""
    with guarded(postgres18, tmp_path_factory.mktemp("still"), gateway="workers = 2") as made:
        made.ask("CREATE FUNCTION touch() RETURNS int LANGUAGE internal AS 'pg_backend_pid'")
        made.start()
        yield made


@pytest.fixture
def stand(standing_still: Stand) -> Stand:
    clean(standing_still)
    return standing_still


@pytest.fixture
def own(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    """One that a test may end and start again."""
    with guarded(postgres18, tmp_path) as made:
        made.start()
        yield made


def kinds(stand: Stand, *requests: str) -> list[str]:
    return [record["kind"] for record in records(stand, *requests)]


# -- approved, and once -------------------------------------------------------------------------------


def test_two_approvers_by_the_pack_of_production(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with standing(postgres18, tmp_path, SMALL, more=LEADS) as stand:
        stand.start()
        with stand.connect(CALLER) as client:
            said = held(client, "DROP TABLE notes")
            assert said["state"] == "pending"
            assert said["missing"] == {"dba-leads": 2}
            assert held(client, "DROP TABLE notes")["request"] == said["request"]
            assert decide(stand, "approve", said["request"], "dora")[0] == 75
            assert held(client, "DROP TABLE notes")["missing"] == {"dba-leads": 1}
            assert decide(stand, "approve", said["request"], "dora")[0] == 77
            approve(stand, said["request"], "dan")
            client.execute("DROP TABLE notes")
            assert stand.ask("SELECT to_regclass('notes')") is None
        assert kinds(stand) == ["approval_request", "approval", "approval", "lease_grant", "lease_end"]
        stand.verify()
        (decided,) = [one for one in stand.decided("DROP TABLE") if one.status == "landed"]
        assert decided.leaf.decision is not None
        assert decided.leaf.decision.lease == said["request"]
        assert decided.leaf.decision.lifts == ["approval:dba-leads:1", "approval:dba-leads:2"]


def test_planted_code_needs_another_person(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    """What an index or a trigger runs, it runs for everybody later (threats.md 16)."""
    planted = "ALTER TABLE items ADD CONSTRAINT c CHECK (length(name) > 0)"
    with standing(postgres18, tmp_path, SMALL, more=LEADS) as stand:
        stand.start()
        with stand.connect(CALLER) as client:
            for statement in ("CREATE INDEX ON items ((upper(name)))", planted):
                request = held(client, statement)["request"]
                assert decide(stand, "approve", request, CALLER)[0] == 77
                approve(stand, request)
                client.execute(statement.encode())
        assert [record["end"] for record in records(stand) if record["kind"] == "lease_end"] == ["used", "used"]


def test_an_approval_passes_once(stand: Stand) -> None:
    with stand.connect() as client:
        first = held(client)["request"]
        approve(stand, first)
        assert client.execute(DELETE).rowcount == 10
        again = held(client)["request"]
        assert again != first
        assert decide(stand, "approve", first, "dan")[0] == 77
    assert ends(stand, first, again) == [(first, "used")]
    used = [one.leaf.id for one in stand.decisions() if one.leaf.decision is not None and one.leaf.decision.lifts]
    assert records(stand, first)[-1]["decision"] == used[-1]


def test_two_workers_race_for_one_use(stand: Stand) -> None:
    clients = [stand.connect() for _ in range(12)]
    request = held(clients[0])["request"]
    approve(stand, request)
    start = threading.Barrier(len(clients))
    passed: list[int] = []
    asked: list[dict[str, Any] | None] = []

    def run(client: "psycopg.Connection[Any]") -> None:
        start.wait()
        try:
            passed.append(client.execute(DELETE).rowcount)
        except pg.InsufficientPrivilege as refused:
            asked.append(requested(refused))

    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(run, clients))
    for client in clients:
        client.close()
    assert passed == [10]
    assert len(asked) == 11
    assert {one["state"] for one in asked if one is not None} == {"pending"}
    assert ends(stand, request) == [(request, "used")]


# -- by whom ------------------------------------------------------------------------------------------


def test_nobody_in_the_chain_approves(stand: Stand) -> None:
    with stand.connect("helper") as client:  # an agent of dora's
        request = held(client)["request"]
        code, text = decide(stand, "approve", request, "dora")
        assert (code, "in the chain" in text) == (77, True), text
        code, text = decide(stand, "approve", request, "helper")
        assert (code, "no person" in text) == (77, True), text
        code, text = decide(stand, "approve", request, "ana")
        assert (code, "may not approve" in text) == (77, True), text
        assert held(client)["request"] == request
        approve(stand, request, "dan")
        assert client.execute(DELETE).rowcount == 10


def test_a_wrong_secret_and_an_unknown_name_are_told_alike(stand: Stand) -> None:
    (stand.directory / "wrong.secret").touch(0o600)
    (stand.directory / "wrong.secret").write_text("wrong")
    with stand.connect() as client:
        request = held(client)["request"]
    said = {
        stand.interlock("approvals", "approve", request, "--as", name, "--secret-file", "wrong.secret").err
        for name in ("dora", "nobody")
    }
    assert len(said) == 1
    assert "SCRAM proof was refused" in said.pop()
    assert kinds(stand, request) == ["approval_request"]


def test_the_record_says_who_sat_at_the_gateway_itself(stand: Stand) -> None:
    with stand.connect() as client:
        request = held(client)["request"]
    approve(stand, request)
    (approval,) = [one for one in records(stand, request) if one["kind"] == "approval"]
    assert (approval["by"], approval["proof"], approval["uid"]) == ("dora", "scram", os.getuid())
    assert approval["operator"] is True


# -- bound --------------------------------------------------------------------------------------------


def test_another_text_parameter_type_setting_or_principal_is_another_request(stand: Stand) -> None:
    text = "DELETE FROM items WHERE id = %s"
    with stand.connect() as client, stand.connect("dan") as other:
        first = held(client, text, [Int4(7)])["request"]
        approve(stand, first)
        seen = {
            held(client, text, [Int4(8)])["request"],
            held(client, text, [Int8(7)])["request"],
            held(client, text + " AND true", [Int4(7)])["request"],
            held(other, text, [Int4(7)])["request"],
        }
        client.execute("SET datestyle = 'German'")
        seen.add(held(client, text, [Int4(7)])["request"])
        assert len(seen | {first}) == 6
        client.execute("RESET datestyle")
        assert client.execute(text, [Int4(7)]).rowcount == 1


def test_another_catalogue_is_another_request(stand: Stand) -> None:
    with stand.connect() as client:
        first = held(client)["request"]
        approve(stand, first)
        client.execute("CREATE TABLE more (id int)")
        assert held(client)["request"] != first


def test_another_policy_voids_what_the_old_one_asked_for(own: Stand) -> None:
    stand = own
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
        policy = stand.directory / "pack" / "20-held.cedar"
        policy.write_text(policy.read_text() + "\n// another text\n")
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded; policy" in stand.log, what=lambda: stand.log)
        assert held(client)["request"] != request
    assert ends(stand, request) == [(request, "outdated")]


@pytest.mark.parametrize(
    "before",
    ["SET app.tenant = '7'", "SELECT set_config('app.tenant', '7', false)", "SELECT touch()"],
)
def test_a_session_that_may_hold_more_than_its_settings_show_asks_nobody(stand: Stand, before: str) -> None:
    with stand.connect(CALLER) as client:
        client.execute(before.encode())
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            client.execute(DELETE)
        assert requested(refused.value) is None
        assert "connect again" in (refused.value.diag.message_hint or "").lower()


def test_it_runs_first_in_its_transaction_or_not_at_all(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        request = held(client)["request"]
        client.execute("ROLLBACK")
        approve(stand, request)
        client.execute("BEGIN")
        client.execute("INSERT INTO notes VALUES (1, 'before')")
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            client.execute(DELETE)
        assert requested(refused.value) is None
        client.execute("ROLLBACK")
        with pytest.raises(pg.InsufficientPrivilege):
            client.execute("INSERT INTO notes VALUES (1, 'before'); " + DELETE)
        client.execute("BEGIN")
        client.execute(DELETE)
        client.execute("COMMIT")
    assert stand.ask(LEFT) == 990


def test_what_runs_under_a_name_is_not_bound_to_it(stand: Stand) -> None:
    with stand.connect() as client:
        for statement in ("PREPARE p AS DELETE FROM items", "DECLARE c CURSOR WITH HOLD FOR DELETE FROM items"):
            with pytest.raises(psycopg.Error) as refused:
                client.execute(statement)
            assert requested(refused.value) is None
    assert open_requests(stand) == []


# -- nobody to ask ------------------------------------------------------------------------------------


def test_the_glass_is_broken_loudly_and_reviewed_by_another(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    private, public = make_keypair(os.urandom(32))
    (tmp_path / "tokens.pub").write_bytes(public)
    more = TOKENS + '[approvals]\nbreak_glass = "oncall"\n'

    def token(*amr: str) -> str:
        ana = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="stand", groups=frozenset({"oncall"}))
        key = load_signing_key(private)
        return mint(ana, id=new_id(), audience="stand", now=now(), lifetime=600, key=key, kid="k", amr=amr)

    with guarded(postgres18, tmp_path, count=2, more=more) as stand:
        stand.start()
        with stand.connect("helper") as client:
            robots = held(client)["request"]
        with stand.connect() as client:
            request = held(client)["request"]
            why = ("--reason", "the shop is down")
            weak = stand.interlock("approvals", "break-glass", request, "--token", token("pwd"), *why)
            assert (weak.code, "second factor" in weak.err) == (77, True)
            machine = stand.interlock("approvals", "break-glass", robots, "--token", token("mfa"), *why)
            assert (machine.code, "machine" in machine.err) == (77, True)
            done = stand.interlock("approvals", "break-glass", request, "--token", token("mfa"), *why)
            assert (done.code, "GLASS BROKEN" in done.err) == (0, True), done.err
            assert f"GLASS BROKEN by `ana` for request {request}" in stand.log
            assert client.execute(DELETE).rowcount == 10
            assert held(client)["request"] != request  # once
        stand.kill()
        stand.start()
        waits = stand.interlock("approvals", "review")
        assert (waits.code, request in waits.err, "used" in waits.err) == (75, True, True)
        assert decide(stand, "review", request, "ana", "fine")[0] == 77
        assert decide(stand, "review", request, "dora", None)[0] == 77
        assert decide(stand, "review", request, "dora", "it was, and it is up again") == (0, "")
        assert stand.interlock("approvals", "review").code == 0
        said = records(stand, request)
        assert [record["kind"] for record in said] == [
            "approval_request", "break_glass", "lease_grant", "lease_end", "break_glass_review",
        ]  # fmt: skip
        assert (said[1]["reason"], said[1]["proof"], said[-1]["by"]) == ("the shop is down", "token", "dora")
        used = [one.leaf.decision for one in stand.decisions() if one.leaf.decision is not None]
        assert [decision.lifts[-1] for decision in used if decision.lifts] == ["break-glass"]
        stand.verify()


# -- over ---------------------------------------------------------------------------------------------


def test_time_ends_requests_and_grants(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, more='[approvals]\nexpire = "2s"\nvalid = "1s"\n') as stand:
        stand.start()
        with stand.connect() as client:
            first = held(client)["request"]
            wait_for(lambda: ends(stand) == [(first, "expired")], what=lambda: str(records(stand)))
            code, text = decide(stand, "approve", first, "dora")
            assert (code, "expired" in text) == (77, True), text
            second = held(client)["request"]
            assert second != first
            approve(stand, second)
            wait_for(lambda: (second, "expired") in ends(stand), what=lambda: str(records(stand)))
            assert held(client)["request"] not in (first, second)
        assert stand.ask(LEFT) == 1000


@pytest.mark.parametrize(
    ("verb", "who", "end"),
    [("deny", "dan", "denied"), ("withdraw", "ana", "withdrawn"), ("withdraw", None, "withdrawn")],
)
def test_a_grant_is_taken_back(stand: Stand, verb: Verdict, who: str | None, end: str) -> None:
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
        assert decide(stand, verb, request, who, "not today") == (0, "")
        assert held(client)["request"] != request
    assert ends(stand, request) == [(request, end)]
    last = [one for one in records(stand, request) if one["kind"] == "approval"][-1]
    assert (last["verdict"], last["reason"]) == (verb, "not today")
    assert last["by"] == (who or f"uid:{os.getuid()}")


def test_too_many_requests_of_one_requester_ask_nobody(stand: Stand) -> None:
    with stand.connect() as client:
        for number in range(20):
            held(client, f"DELETE FROM items WHERE id = {number}")
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            client.execute("DELETE FROM items WHERE id = 21")
        assert requested(refused.value) is None
        assert "requests-waiting" in (refused.value.diag.message_detail or "")
    listed = stand.interlock("approvals", "list")
    assert "and 19 more alike" in listed.err


# -- through restarts ---------------------------------------------------------------------------------


def test_it_survives_a_restart_and_kill_9(own: Stand) -> None:
    with own.connect() as client:
        pending = held(client, "DELETE FROM items WHERE id = 1")["request"]
        granted = held(client)["request"]
        approve(own, granted)
    own.stop()
    own.start()
    own.kill()
    own.start()
    with own.connect() as client:
        assert held(client, "DELETE FROM items WHERE id = 1")["request"] == pending
        assert client.execute(DELETE).rowcount == 10
        assert held(client)["request"] not in (pending, granted)
    own.verify()


@pytest.mark.parametrize(("place", "used"), [("judged", False), ("decided", True), ("admitted", True)])
def test_kill_between_approval_and_use(own: Stand, place: str, used: bool) -> None:
    """Nothing ran; the approval is used up exactly where the decision that used it is written down."""
    with own.connect() as client:
        request = held(client)["request"]
        approve(own, request)
    own.kill()
    own.start(INTERLOCK_KILL_AT=place)
    with pytest.raises(psycopg.OperationalError), own.connect() as client:
        client.execute(DELETE)
    own.kill()
    assert own.ask(LEFT) == 1000
    assert ends(own) == ([(request, "used")] if used else [])
    own.start()
    with own.connect() as client:
        if used:
            assert held(client)["request"] != request
        else:
            assert client.execute(DELETE).rowcount == 10
    own.verify()


# -- waiting ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standing_patiently(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with guarded(postgres18, tmp_path_factory.mktemp("wait"), target='approval_wait = "60s"') as made:
        made.start()
        yield made


@pytest.fixture
def patient(standing_patiently: Stand) -> Stand:
    clean(standing_patiently)
    return standing_patiently


def waiting(stand: Stand) -> str:
    """The one request that is open, once there is one."""
    found: list[str] = []

    def there() -> bool:
        found[:] = open_requests(stand)
        return len(found) == 1

    wait_for(there, what=lambda: stand.log)
    return found[0]


def sqlstate(client: "psycopg.Connection[Any]", statement: str) -> str | None:
    """What the statement fails with; None where it does not."""
    try:
        client.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate or "gone"
    return None


def test_a_connection_waits_and_goes_on_by_itself(patient: Stand) -> None:
    with patient.connect() as client, ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.execute, DELETE)
        request = waiting(patient)
        assert not running.done()
        approve(patient, request)
        assert running.result(20).rowcount == 10
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert kinds(patient, request) == ["approval_request", "approval", "lease_grant", "lease_end"]


def test_a_denial_ends_the_wait(patient: Stand) -> None:
    with patient.connect() as client, ThreadPoolExecutor(1) as threads:
        running = threads.submit(held, client)
        request = waiting(patient)
        assert decide(patient, "deny", request, "dora")[0] == 0
        assert running.result(20)["state"] == "denied"
    assert patient.ask(LEFT) == 1000


def test_a_client_that_waits_can_cancel(patient: Stand) -> None:
    with patient.connect() as client, ThreadPoolExecutor(1) as threads:
        running = threads.submit(sqlstate, client, DELETE)
        request = waiting(patient)
        client.cancel_safe()
        assert running.result(20) == "57014"
        assert client.execute("SELECT 1").fetchone() == (1,)
        approve(patient, request)
        assert client.execute(DELETE).rowcount == 10


def test_a_client_that_leaves_while_it_waits_changes_nothing(patient: Stand) -> None:
    client = subprocess.Popen(
        [embedded_binaries() / "psql", "-X", "-c", DELETE, patient.dsn()], stderr=subprocess.DEVNULL
    )
    request = waiting(patient)
    client.kill()
    client.wait()
    approve(patient, request)
    assert patient.ask(LEFT) == 1000
    with patient.connect() as another:
        assert another.execute(DELETE).rowcount == 10


def test_a_transaction_does_not_wait(patient: Stand) -> None:
    with patient.connect() as client:
        client.execute("BEGIN")
        assert held(client)["state"] == "pending"


def test_a_drain_ends_the_wait(patient: Stand) -> None:
    """The last of these: it ends the gateway."""
    with patient.connect() as client, ThreadPoolExecutor(1) as threads:
        running = threads.submit(sqlstate, client, DELETE)
        waiting(patient)
        assert patient.stop() == 0
        assert running.result(20) is not None
    assert patient.ask(LEFT) == 1000
    patient.verify()


def test_who_waits_too_long_is_told_what_for(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, target='approval_wait = "1s"') as stand:
        stand.start()
        with stand.connect() as client:
            assert held(client)["state"] == "pending"


# -- other clients ------------------------------------------------------------------------------------


def test_asyncpg_prepares_and_is_asked_about_what_it_runs(stand: Stand) -> None:
    text = "DELETE FROM items WHERE id = $1"

    async def run() -> tuple[str, str]:
        client = await asyncpg.connect(
            host="127.0.0.1", port=stand.port, user=PERSON, password=stand.secret, database=TARGET, ssl=False
        )
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
                await client.execute(text, 7)
            said = json.loads(refused.value.detail.splitlines()[-1].removeprefix("interlock: "))
            await asyncio.to_thread(approve, stand, said["request"])
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await client.execute(text, 8)
            return said["request"], await client.execute(text, 7)
        finally:
            await client.close()

    request, done = asyncio.run(run())
    assert done == "DELETE 1"
    assert stand.ask("SELECT count(*) FROM items WHERE id = 7") == 0
    assert ends(stand, request) == [(request, "used")]


def test_psql(stand: Stand) -> None:
    def run() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [embedded_binaries() / "psql", "-X", "-v", "VERBOSITY=verbose", "-c", DELETE, stand.dsn()],
            capture_output=True,
            text=True,
            check=False,
        )

    refused = run()
    assert refused.returncode != 0
    assert "interlock held delete on public.items" in refused.stderr
    assert "interlock approvals show" in refused.stderr
    approve(stand, waiting(stand))
    assert run().stdout == "DELETE 10\n"
