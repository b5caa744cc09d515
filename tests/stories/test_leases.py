"""Leases for a while: asked for, approved by policy or people, in force for commands, revoked and expired."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest

from interlock.access.faults import ApprovalRefused
from interlock.app.approvals import Desk
from interlock.app.approvals.messages import AskLease
from interlock.app.embedded import EmbeddedPostgres
from interlock.model import Lease, Verb
from tests.stand import Stand, wait_for
from tests.stories.approving import decide, ends, guarded, records

POLICY: Final = """
@id("write-leases-are-approved")
@title("Who writes for a while is approved by one of the leads")
@severity("high")
@lift("approval:dba-leads:1")
@instead("ask for reading alone")
forbid (principal, action in Action::"write", resource)
when { context.phase == "lease" }
unless { context.lifts.contains("approval:dba-leads:1") };

@id("no-long-leases")
@title("Nobody holds a lease for more than two hours")
@severity("high")
@instead("ask for two hours")
forbid (principal, action, resource)
when { context.phase == "lease" && context has lease && context.lease.seconds > 7200 };

@id("changes-need-a-lease")
@title("Rows are changed under a lease")
@severity("high")
@lift("lease:oncall")
@instead("ask for a lease named oncall")
forbid (principal, action == Action::"change", resource)
unless { context.lifts.contains("lease:oncall") };
"""
CHANGE: Final = "UPDATE items SET name = 'changed' WHERE id = 1"
SLOW: Final = "UPDATE items SET name = 'slow' WHERE id = 2"


@pytest.fixture(scope="module", params=["18", "15"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    server: EmbeddedPostgres = request.getfixturevalue(f"postgres{request.param}")
    with guarded(server, tmp_path_factory.mktemp(f"leases{request.param}")) as made:
        (made.directory / "pack" / "20-held.cedar").write_text(POLICY)
        made.start("--workers", "2")
        yield made
        assert made.stop() == 0
        assert "bug" not in made.log, made.log
        assert "Traceback" not in made.log, made.log
        made.verify()


@pytest.fixture(autouse=True)
def nothing_in_force(stand: Stand) -> None:
    for lease in leases(stand):
        assert decide(stand, "withdraw", lease.id, None) == (0, "")


@contextmanager
def desk(stand: Stand, who: str | None = None) -> Iterator[Desk]:
    with Desk(stand.directory / ".interlock" / "approvals.sock") as made:
        if who is not None:
            made.be(who, stand.secret)
        yield made


def leases(stand: Stand) -> list[Lease]:
    with desk(stand) as at:
        return at.open()


def ask(stand: Stand, *verbs: Verb, who: str = "ana", seconds: int = 3600) -> Lease:
    asked = AskLease(
        target="stand",
        name="oncall",
        verbs=[*verbs],
        objects=["public.items"],
        seconds=seconds,
        purpose="the pager went off",
        ticket="OPS-1",
    )
    with desk(stand, who) as at:
        return at.request(asked)


def in_force(stand: Stand, who: str = "ana", seconds: int = 3600) -> str:
    """A lease to change items, approved by dora."""
    asked = ask(stand, Verb.CHANGE, who=who, seconds=seconds)
    assert asked.pending
    assert decide(stand, "approve", asked.id, "dora") == (0, "")
    return asked.id


def cut_off(session: "psycopg.Connection[Any]", lease: str, how: str) -> None:
    """Returns once the gateway has ended this session, saying why."""
    with pytest.raises(psycopg.OperationalError) as ended:
        session.execute("SELECT 1")
    said = str(ended.value)
    assert session.closed
    assert f"lease {lease} is over: it was {how}" in said, said


def test_a_lease_lets_pass_what_it_covers_and_every_step_is_a_record(stand: Stand) -> None:
    with stand.connect() as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="under a lease"):
            session.execute(CHANGE)
        lease = in_force(stand)
        session.execute(CHANGE)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="under a lease"):
            session.execute("UPDATE notes SET body = '' WHERE id = 1")
    changed = stand.decided("'changed'")[-1]
    assert changed.leaf.leases == [lease]
    assert decide(stand, "revoke", lease, "ana") == (0, "")
    asked, *steps, ended = records(stand, lease)
    assert [one["kind"] for one in steps] == ["approval", "lease_grant", "approval"]
    assert (asked["verbs"], asked["objects"], asked["ticket"]) == (["change", "read"], [["public", "items"]], "OPS-1")
    assert (ended["kind"], ended["end"]) == ("lease_end", "revoked")


def test_on_the_command_line(stand: Stand) -> None:
    named = ["--as", "ana", "--secret-file", "client.secret", "--name", "oncall", "--json"]
    purpose = ["--purpose", "the pager went off", "--ticket", "OPS-1"]
    done = stand.interlock("lease", "request", "stand", "public.items", "--verb", "change", *purpose, *named)
    assert done.code == 75, done.err
    asked = json.loads(done.out)
    assert asked["state"] == "pending"
    assert decide(stand, "approve", asked["request"], "dora") == (0, "")
    (listed,) = json.loads(stand.interlock("lease", "list", "--json").out)
    assert (listed["state"], listed["verbs"], listed["ticket"]) == ("granted", ["change", "read"], "OPS-1")
    assert "oncall: change, read on public.items" in stand.interlock("lease", "list").err
    done = stand.interlock("lease", "revoke", asked["request"], "--reason", "over", "--json")
    assert (done.code, json.loads(done.out)["state"]) == (0, "revoked")
    done = stand.interlock("lease", "request", "stand", "public.items", "--verb", "grant", *purpose, *named)
    assert done.code == 77
    assert "cannot be lent" in done.err


def test_policy_grants_or_refuses_by_itself(stand: Stand) -> None:
    granted = ask(stand, Verb.READ)
    assert (granted.pending, granted.approved_by) == (False, ())
    assert [one["kind"] for one in records(stand, granted.id)] == ["approval_request", "lease_grant"]
    with pytest.raises(ApprovalRefused, match="no-long-leases"):
        ask(stand, Verb.READ, seconds=3 * 3600)


def test_nobody_in_the_chain_approves_and_a_lease_is_nobody_elses(stand: Stand) -> None:
    asked = ask(stand, Verb.CHANGE, who="helper")  # dora's agent
    assert decide(stand, "approve", asked.id, "dora")[0] == 77
    assert decide(stand, "approve", asked.id, "helper")[0] == 77
    assert decide(stand, "approve", asked.id, "dan") == (0, "")
    with stand.connect("helper") as agent, stand.connect("dora") as person:
        agent.execute(CHANGE)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            person.execute(CHANGE)
    assert decide(stand, "revoke", asked.id, "ana")[0] == 77


def test_a_revoked_lease_cuts_what_runs_at_once(stand: Stand) -> None:
    lease = in_force(stand)
    running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND strpos(query, 'slow') > 0"
    with (
        stand.connect() as session,
        stand.connect() as idle,
        stand.connect("dora") as other,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(stand.truth) as locking,
    ):
        idle.execute(CHANGE)
        locking.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        slow = pool.submit(session.execute, SLOW)
        wait_for(lambda: stand.ask(running) == 1, what=lambda: stand.log)
        assert decide(stand, "revoke", lease, None) == (0, "")
        said = str(slow.exception(20))
        assert f"lease {lease} is over: it was revoked" in said
        wait_for(lambda: stand.ask(running) == 0, what=lambda: "the command is cancelled")
        locking.rollback()
        cut_off(idle, lease, "revoked")
        assert other.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM items WHERE name = 'slow'") == 0
    with stand.connect() as again, pytest.raises(psycopg.errors.InsufficientPrivilege):
        again.execute(CHANGE)


def test_it_expires(stand: Stand) -> None:
    lease = in_force(stand, seconds=4)
    with stand.connect() as session:
        session.execute(CHANGE)
        wait_for(lambda: leases(stand) == [], what=lambda: "it expires")
        wait_for(lambda: ends(stand, lease) == [(lease, "expired")], what=lambda: "it is written down")
        cut_off(session, lease, "expired")


def test_it_survives_a_killed_gateway(stand: Stand) -> None:
    lease, waiting = in_force(stand), ask(stand, Verb.CHANGE, who="dan")
    stand.kill()
    stand.start()
    with stand.connect() as session, stand.connect("dan") as other:
        session.execute(CHANGE)
        assert decide(stand, "approve", waiting.id, "dora") == (0, "")
        other.execute(CHANGE)
        assert decide(stand, "revoke", lease, "dan") == (0, "")  # one who could have approved it
        cut_off(session, lease, "revoked")
    stand.kill()
    stand.start()
    with stand.connect() as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(CHANGE)


def test_a_new_policy_ends_what_it_would_not_grant(stand: Stand) -> None:
    lease, reading = in_force(stand), ask(stand, Verb.READ)
    held = stand.directory / "pack" / "20-held.cedar"
    with stand.connect() as session:
        session.execute(CHANGE)
        try:
            held.write_text(POLICY.replace("dba-leads:1", "dba-leads:2"))
            stand.signal(signal.SIGHUP)
            wait_for(lambda: [one.id for one in leases(stand)] == [reading.id], what=lambda: stand.log)
            cut_off(session, lease, "outdated")
        finally:
            held.write_text(POLICY)
            stand.signal(signal.SIGHUP)
