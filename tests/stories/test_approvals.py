"""Held, asked for, approved by others, landed once: with real clients, and with everything that can come between."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import psycopg
import pytest
from psycopg import errors as pg
from psycopg.types.numeric import Int4, Int8

from interlock.app.embedded import EmbeddedPostgres, embedded_binaries
from tests.stand import CALLER, Stand, standing, wait_for
from tests.stories.approving import DELETE, LEADS, approve, decide, guarded, held, records, requested
from tests.stories.worlds import SMALL

LEFT: Final = "SELECT count(*) FROM items"


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with guarded(postgres18, tmp_path) as made:
        made.start()
        yield made


def kinds(stand: Stand) -> list[str]:
    return [record["kind"] for record in records(stand)]


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
        (decided,) = [one for one in stand.decided("DROP TABLE") if one.status == "landed"]
        assert decided.leaf.decision is not None
        assert decided.leaf.decision.lease == said["request"]
        assert decided.leaf.decision.lifts == ["approval:dba-leads:1", "approval:dba-leads:2"]
        stand.verify()


def test_an_approval_passes_once(stand: Stand) -> None:
    with stand.connect() as client:
        first = held(client)["request"]
        approve(stand, first)
        assert client.execute(DELETE).rowcount == 10
        again = held(client)["request"]
        assert again != first
        assert decide(stand, "approve", first, "dan")[0] == 77
    ends = records(stand, "lease_end")
    assert [(end["lease"], end["end"]) for end in ends] == [(first, "used")]
    (used,) = [one for one in stand.decided("DELETE") if one.status == "landed"]
    assert ends[0]["decision"] == used.leaf.id
    stand.verify()


def test_two_workers_race_for_one_use(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, gateway="workers = 3") as stand:
        stand.start()
        clients = [stand.connect() for _ in range(12)]
        approve(stand, held(clients[0])["request"])
        start, passed = threading.Barrier(len(clients)), []

        def run(client: "psycopg.Connection[Any]") -> None:
            start.wait()
            try:
                passed.append(client.execute(DELETE).rowcount)
            except pg.InsufficientPrivilege as refused:
                assert requested(refused) is not None

        threads = [threading.Thread(target=run, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for client in clients:
            client.close()
        assert passed == [10]
        assert [end["end"] for end in records(stand, "lease_end")] == ["used"]
        stand.verify()


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
    (stand.directory / "wrong.secret").write_text("wrong")
    (stand.directory / "wrong.secret").chmod(0o600)
    with stand.connect() as client:
        request = held(client)["request"]
    for name in ("dora", "nobody", "helper2"):
        done = stand.interlock("approvals", "approve", request, "--as", name, "--secret-file", "wrong.secret")
        assert done.code == 2, done.err
        assert "SCRAM proof was refused" in done.err
    assert kinds(stand) == ["approval_request"]


def test_the_record_says_who_sat_at_the_gateway_itself(stand: Stand) -> None:
    with stand.connect() as client:
        approve(stand, held(client)["request"])
    (approval,) = records(stand, "approval")
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


def test_another_policy_voids_what_the_old_one_asked_for(stand: Stand) -> None:
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
        policy = stand.directory / "pack" / "20-held.cedar"
        policy.write_text(policy.read_text() + "\n// another text\n")
        stand.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded; policy" in stand.log, what=lambda: stand.log)
        assert held(client)["request"] != request
    assert [(end["lease"], end["end"]) for end in records(stand, "lease_end")] == [(request, "outdated")]


@pytest.mark.parametrize(
    "before",
    ["SET app.tenant = '7'", "SELECT set_config('app.tenant', '7', false)", "SELECT touch()"],
)
def test_a_session_that_may_hold_more_than_its_settings_show_asks_nobody(stand: Stand, before: str) -> None:
    stand.ask("CREATE FUNCTION touch() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    stand.ask(f"GRANT EXECUTE ON FUNCTION touch() TO {stand.role}")
    with stand.connect(CALLER) as client:
        wait_for(lambda: knows(client, "SELECT touch()"), what=lambda: stand.log)
    with stand.connect(CALLER) as client:
        client.execute(before.encode())
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            client.execute(DELETE)
        assert requested(refused.value) is None
        assert "connect again" in (refused.value.diag.message_hint or "").lower()


def knows(client: "psycopg.Connection[Any]", statement: str) -> bool:
    try:
        client.execute(statement.encode())
    except psycopg.Error:
        return False
    return True


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


@pytest.mark.parametrize("statement", ["PREPARE p AS DELETE FROM items", "DECLARE c CURSOR FOR SELECT 1"])
def test_what_runs_under_a_name_is_not_bound_to_it(stand: Stand, statement: str) -> None:
    with stand.connect() as client, pytest.raises(psycopg.Error) as refused:
        client.execute("BEGIN")
        client.execute(statement.encode())
        client.execute("EXECUTE p" if "PREPARE" in statement else "DELETE FROM items WHERE CURRENT OF c")
    assert requested(refused.value) is None
    assert kinds(stand) == []


# -- over ---------------------------------------------------------------------------------------------


def test_a_request_expires(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, more='[approvals]\nexpire = "1s"\n') as stand:
        stand.start()
        with stand.connect() as client:
            request = held(client)["request"]
            wait_for(lambda: "lease_end" in kinds(stand), what=lambda: str(kinds(stand)))
            code, text = decide(stand, "approve", request, "dora")
            assert (code, "expired" in text) == (77, True), text
            assert held(client)["request"] != request
    assert records(stand, "lease_end")[0]["end"] == "expired"


def test_an_approval_that_nobody_uses_expires(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, more='[approvals]\nvalid = "1s"\n') as stand:
        stand.start()
        with stand.connect() as client:
            request = held(client)["request"]
            approve(stand, request)
            wait_for(lambda: "lease_end" in kinds(stand), what=lambda: str(kinds(stand)))
            assert held(client)["request"] != request
        assert stand.ask(LEFT) == 1000


@pytest.mark.parametrize(
    ("verb", "who", "end"), [("deny", "dan", "denied"), ("withdraw", "ana", "withdrawn"), ("withdraw", None, "withdrawn")]
)
def test_a_grant_is_taken_back(stand: Stand, verb: str, who: str | None, end: str) -> None:
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
        code, text = decide(stand, verb, request, who, "--reason", "not today")
        assert code == 0, text
        assert held(client)["request"] != request
    assert [(record["lease"], record["end"]) for record in records(stand, "lease_end")] == [(request, end)]
    last = records(stand, "approval")[-1]
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


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_survives_a_restart(stand: Stand, end: str) -> None:
    with stand.connect() as client:
        pending = held(client, "DELETE FROM items WHERE id = 1")["request"]
        granted = held(client)["request"]
        approve(stand, granted)
    getattr(stand, end)()
    stand.start()
    with stand.connect() as client:
        assert held(client, "DELETE FROM items WHERE id = 1")["request"] == pending
        assert client.execute(DELETE).rowcount == 10
        assert held(client)["request"] not in (pending, granted)
    stand.verify()


@pytest.mark.parametrize(("place", "used"), [("judged", False), ("decided", True), ("admitted", True)])
def test_kill_between_approval_and_use(stand: Stand, place: str, used: bool) -> None:
    """Nothing ran; the approval is used up exactly where the decision that used it is written down."""
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
    stand.stop()
    stand.start(INTERLOCK_KILL_AT=place)
    with pytest.raises(psycopg.OperationalError), stand.connect() as client:
        client.execute(DELETE)
    stand.kill()
    assert stand.ask(LEFT) == 1000
    assert [end["end"] for end in records(stand, "lease_end")] == (["used"] if used else [])
    stand.start()
    with stand.connect() as client:
        if used:
            assert held(client)["request"] != request
        else:
            assert client.execute(DELETE).rowcount == 10
    stand.verify()


@pytest.mark.parametrize("place", ["ledger.before-commit", "ledger.after-commit"])
def test_decision_and_use_are_one(stand: Stand, place: str) -> None:
    """Killed around the commit itself: both are there, or neither."""
    with stand.connect() as client:
        request = held(client)["request"]
        approve(stand, request)
    stand.stop()
    for nth in range(1, 12):  # somewhere among these is the commit of the use
        stand.start(INTERLOCK_KILL_AT=f"{place}:{nth + 3}")
        try:
            with stand.connect() as client:
                client.execute(DELETE)
        except psycopg.Error:
            pass
        stand.kill()
        used = [end["decision"] for end in records(stand, "lease_end")]
        allowed = [
            one.leaf.id for one in stand.decisions() if one.leaf.decision is not None and one.leaf.decision.lifts
        ]
        assert used == allowed
        if used:
            break
    assert len(used) == 1
    stand.start()
    stand.verify()


# -- waiting ------------------------------------------------------------------------------------------


@pytest.fixture
def patient(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with guarded(postgres18, tmp_path, target='approval_wait = "60s"') as made:
        made.start()
        yield made


def waiting(stand: Stand, number: int = 1) -> list[str]:
    """The requests that are open, once there are as many."""
    found: list[str] = []

    def there() -> bool:
        found[:] = [lease["request"] for lease in stand.interlock("approvals", "list", "--json").json]
        return len(found) == number

    wait_for(there, what=lambda: stand.log)
    return found


def test_a_connection_waits_and_goes_on_by_itself(patient: Stand) -> None:
    done: list[int] = []

    def run() -> None:
        with patient.connect() as client:
            done.append(client.execute(DELETE).rowcount)
            client.execute("SELECT 1")

    thread = threading.Thread(target=run)
    thread.start()
    (request,) = waiting(patient)
    assert not done
    approve(patient, request)
    thread.join(20)
    assert done == [10]
    assert kinds(patient) == ["approval_request", "approval", "lease_grant", "lease_end"]
    patient.verify()


def test_a_denial_ends_the_wait(patient: Stand) -> None:
    said: list[dict[str, Any]] = []

    def run() -> None:
        with patient.connect() as client:
            said.append(held(client))

    thread = threading.Thread(target=run)
    thread.start()
    (request,) = waiting(patient)
    assert decide(patient, "deny", request, "dora")[0] == 0
    thread.join(20)
    assert [one["state"] for one in said] == ["denied"]
    assert patient.ask(LEFT) == 1000


def test_a_client_that_waits_can_cancel(patient: Stand) -> None:
    ended: list[str | None] = []
    with patient.connect() as client:

        def run() -> None:
            with pytest.raises(psycopg.Error) as error:
                client.execute(DELETE)
            ended.append(error.value.sqlstate)

        thread = threading.Thread(target=run)
        thread.start()
        (request,) = waiting(patient)
        client.cancel_safe()
        thread.join(20)
        assert ended == ["57014"]
        assert client.execute("SELECT 1").fetchone() == (1,)
        approve(patient, request)
        assert client.execute(DELETE).rowcount == 10
    patient.verify()


def test_a_client_that_leaves_while_it_waits_changes_nothing(patient: Stand) -> None:
    client = patient.connect()
    thread = threading.Thread(target=lambda: pytest.raises(psycopg.Error, client.execute, DELETE))
    thread.start()
    (request,) = waiting(patient)
    client.pgconn.finish()
    thread.join(20)
    approve(patient, request)
    assert patient.ask(LEFT) == 1000
    with patient.connect() as another:
        assert another.execute(DELETE).rowcount == 10
    assert patient.stop() == 0
    patient.verify()


def test_a_transaction_does_not_wait(patient: Stand) -> None:
    with patient.connect() as client:
        client.execute("BEGIN")
        assert held(client)["state"] == "pending"
        client.execute("ROLLBACK")


def test_who_waits_too_long_is_told_what_for(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    with guarded(postgres18, tmp_path, target='approval_wait = "1s"') as stand:
        stand.start()
        with stand.connect() as client:
            assert held(client)["state"] == "pending"


def test_a_drain_ends_the_wait(patient: Stand) -> None:
    with patient.connect() as client:
        thread = threading.Thread(target=lambda: pytest.raises(psycopg.Error, client.execute, DELETE))
        thread.start()
        waiting(patient)
        assert patient.stop() == 0
        thread.join(20)
    assert patient.ask(LEFT) == 1000


# -- other clients ------------------------------------------------------------------------------------


def test_asyncpg_prepares_and_is_asked_about_what_it_runs(stand: Stand) -> None:
    text = "DELETE FROM items WHERE id = $1"

    async def run() -> tuple[str, str]:
        dsn = dict(host="127.0.0.1", port=stand.port, user="ana", password=stand.secret, database="stand", ssl=False)
        client = await asyncpg.connect(**dsn)
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
    assert [end["lease"] for end in records(stand, "lease_end")] == [request]
    stand.verify()


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
    (request,) = waiting(stand)
    approve(stand, request)
    assert run().stdout == "DELETE 10\n"
