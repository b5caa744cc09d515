"""Budgets on a real gateway: stopped at the limit exactly, by however many clients, and nothing washes them clean."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import errors as pg

from interlock.access.keys import load_signing_key, make_keypair
from interlock.access.tokens import mint
from interlock.app.bundles import find_pack, named_pack
from interlock.app.clock import now
from interlock.app.embedded import EmbeddedPostgres
from interlock.app.ids import new_id
from interlock.model import Principal, PrincipalKind
from tests.architecture.repository import ROOT
from tests.stand import AGENT, PERSON, Stand, standing, wait_for
from tests.stories.test_serving import metric, workers

LIMIT: Final = 300
SEED: Final = bytes(range(32))
WORLD: Final = """
CREATE TABLE items (id int PRIMARY KEY, name text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 4000) AS n;
CREATE TABLE notes (id int PRIMARY KEY, body text);
"""
MORE: Final = """
[principals.other]
kind = "agent"
groups = ["engineers"]
on_behalf_of = "ana"
secret_file = "client.secret"

[principals.stranger]
kind = "agent"
groups = ["engineers"]
on_behalf_of = "carl"
secret_file = "client.secret"

[tokens]
issuer = "stand"
audience = "stand"
keys = { k = "tokens.pub" }
"""
PORTIONS: Final = """
@id("portions") @title("Reads come in portions") @severity("low") @promise("maxRows=100")
forbid (principal, action == Action::"read", resource)
when { context.chain.actors.contains("agent") }
unless { context.plan has maxRows && context.plan.maxRows <= 100 };

@id("reads") @title("An agent reads at most 250 rows an hour") @severity("high")
forbid (principal, action == Action::"read", resource)
when { context.chain.actors.contains("agent") }
when { context has recent.hour.rowsRead && context.recent.hour.rowsRead > 250 };

@id("session") @title("A session runs at most 40 commands") @severity("high")
forbid (principal is Service, action, resource)
when { context.session has commands && context.session.commands > 40 };
"""
Session = psycopg.Connection[Any]


def budgeted(directory: Path, *, denials: int = 5) -> None:
    """A pack in which agents change so many rows an hour."""
    pack = directory / "pack"
    shutil.copytree(find_pack(named_pack("development")), pack)
    (pack / "cases.yaml").unlink()
    text = (ROOT / "policies" / "examples" / "budgets" / "40-budgets.cedar").read_text()
    text = text.replace("> 5000", f"> {LIMIT}").replace(">= 5 }", f">= {denials} }}")
    (pack / "40-budgets.cedar").write_text(text)


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    """Nobody has used anything yet."""
    budgeted(tmp_path, denials=100_000)
    (tmp_path / "tokens.pub").write_bytes(make_keypair(SEED)[1])
    settings = {"pack": "pack", "environment": "dev", "gateway": "workers = 2", "more": MORE}
    with standing(postgres18, tmp_path, WORLD, **settings) as made:
        yield made


def token(agent: str, person: str) -> str:
    """A fresh token of an agent that acts for this person."""
    groups = frozenset({"engineers"})
    root = Principal(id=person, kind=PrincipalKind.PERSON, issuer="stand", groups=groups)
    who = Principal(id=agent, kind=PrincipalKind.AGENT, issuer="stand", groups=groups, on_behalf_of=root)
    key = load_signing_key(make_keypair(SEED)[0])
    return mint(who, id=new_id(), audience="stand", now=now(), lifetime=600, key=key, kid="k")


def delete(session: Session, numbers: Iterator[int] | range) -> int:
    """Delete one row after the other until one is refused; how many were deleted."""
    done, said = 0, f"the limit is {LIMIT}"
    for number in numbers:
        try:
            done += session.execute("DELETE FROM items WHERE id = %s", (number,)).rowcount
        except pg.InsufficientPrivilege as refused:
            said = refused.diag.message_detail or ""
            break
    assert f"the limit is {LIMIT}" in said
    return done


def left(stand: Stand) -> int:
    """Rows that are still there."""
    found: int = stand.ask("SELECT count(*) FROM items")
    return found


def test_one_bulk_delete_in_a_thousand_small_ones_stops_at_the_limit(stand: Stand) -> None:
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(1, 1001)) == LIMIT
        assert left(stand) == 4000 - LIMIT
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            agent.execute("INSERT INTO notes VALUES (1, 'one more')")
        said = refused.value.diag.message_detail or ""
        assert f"{LIMIT + 1} rows changed in the last hour, this command included (the limit is {LIMIT})" in said
        assert agent.execute("SELECT count(*) FROM items").fetchone() == (4000 - LIMIT,)
    with stand.connect(PERSON) as person:
        assert person.execute("DELETE FROM items WHERE id = 2000").rowcount == 1
    with stand.connect("stranger") as stranger:
        assert delete(stranger, range(1001, 1003)) == 2
    stand.verify()


def test_two_workers_and_eight_clients_do_not_overshoot_by_one(stand: Stand) -> None:
    stand.start()
    numbers, gate = iter(range(1, 4001)), threading.Barrier(8)
    lock = threading.Lock()

    def client(number: int) -> int:
        def mine() -> Iterator[int]:
            while True:
                with lock:
                    yield next(numbers)

        with stand.connect(AGENT if number % 2 else "other") as agent:
            gate.wait(20)
            return delete(agent, mine())

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(client, range(8))) == LIMIT
    assert left(stand) == 4000 - LIMIT


def test_neither_restart_nor_kill_resets_what_was_used(stand: Stand) -> None:
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(100)) == 99
    assert stand.stop() == 0
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(100, 200)) == 100
        stand.kill()
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(200, 1000)) == LIMIT - 199
    assert left(stand) == 4000 - LIMIT


def test_neither_reconnecting_nor_another_token_washes(stand: Stand) -> None:
    stand.configure(tls="generated")
    stand.start()
    for at in range(0, LIMIT - 60, 30):
        with stand.connect(AGENT if at % 60 else "other") as agent:
            assert delete(agent, range(at + 1, at + 31)) == 30
    for at in range(LIMIT - 60, LIMIT, 30):
        with stand.connect("token", password=token(f"bot-{at}", "ANA")) as agent:
            assert delete(agent, range(at + 1, at + 31)) == 30
    for who in ({"user": AGENT}, {"user": "other"}, {"user": "token", "password": token("fresh", "ana")}):
        with stand.connect(**who) as agent:
            assert delete(agent, range(LIMIT + 1, LIMIT + 9)) == 0
    with stand.connect("token", password=token("theirs", "carl")) as agent:
        assert delete(agent, range(LIMIT + 1, LIMIT + 3)) == 2


def test_a_command_whose_end_nobody_saw_keeps_its_reservation(stand: Stand) -> None:
    stand.start()
    with psycopg.connect(stand.truth) as holder:
        holder.execute("SELECT FROM items WHERE id = 1 FOR UPDATE")
        with stand.connect(AGENT) as agent, ThreadPoolExecutor(1) as aside:
            waiting = aside.submit(agent.execute, "DELETE FROM items WHERE id = 1")
            wait_for(lambda: bool(stand.ask(WAITING, stand.database)), what=lambda: stand.log)
            stand.kill()
            assert isinstance(waiting.exception(), psycopg.OperationalError)
        stand.ask(END_WAITING, stand.database)
        wait_for(lambda: not stand.ask(WAITING, stand.database), what=lambda: stand.log)
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(2, 1000)) == LIMIT - 1
    assert left(stand) == 4000 - LIMIT + 1


WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
END_WAITING: Final = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'
"""


def test_what_was_not_used_is_given_back(stand: Stand) -> None:
    """Rows that are not there, transactions that are rolled back, statements that fail."""
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(5001, 5001 + LIMIT + 50)) == 0
        for at in range(1, LIMIT, 50):
            with agent.transaction(force_rollback=True):
                assert delete(agent, range(at, at + 50)) == 50
        for _ in range(10):
            with pytest.raises(pg.UniqueViolation):
                agent.execute("UPDATE items SET id = 2 WHERE id = 1")
        with agent.transaction():
            assert delete(agent, range(1, 101)) == 100
        with agent.pipeline():
            for number in range(101, 151):
                agent.execute("DELETE FROM items WHERE id = %s", (number,))
        assert delete(agent, range(151, 1000)) == LIMIT - 150
    assert left(stand) == 4000 - LIMIT


def test_a_transaction_is_stopped_inside_and_what_it_did_is_given_back(stand: Stand) -> None:
    stand.start()
    with stand.connect(AGENT) as agent:
        with agent.transaction(force_rollback=True):
            assert delete(agent, range(1, 1000)) == LIMIT
        assert left(stand) == 4000
        assert delete(agent, range(1, 1000)) == LIMIT


def test_five_denials_slow_an_agent_down_to_approvals(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    budgeted(tmp_path)
    more = MORE.partition("[tokens]")[0]
    with standing(postgres18, tmp_path, WORLD, pack="pack", environment="dev", more=more) as stand:
        stand.start()
        with stand.connect(AGENT) as agent, stand.connect("other") as other:
            for session in (agent, other, agent, other, agent):
                with pytest.raises(pg.InsufficientPrivilege) as refused:
                    session.execute("SELECT * FROM nowhere")
                assert "approval" not in (refused.value.diag.message_detail or "")
            with pytest.raises(pg.InsufficientPrivilege) as refused:
                other.execute("SELECT name FROM items WHERE id = 1")
            said = (refused.value.diag.message_detail or "") + (refused.value.diag.message_hint or "")
            assert "5 denials in the last ten minutes" in said
            assert '"request"' in said
        with stand.connect("stranger") as stranger, stand.connect(PERSON) as person:
            for session in (stranger, person):
                assert session.execute("SELECT name FROM items WHERE id = 1").fetchone() == ("item 1",)


def test_who_asks_by_errors_whether_a_key_is_there_is_slowed_down(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    """A new transaction, a savepoint, another agent: each error over a constraint told a value."""
    budgeted(tmp_path)
    more = MORE.partition("[tokens]")[0]
    probe = "INSERT INTO items (id, name) VALUES (1, 'is it there?')"
    late = "INSERT INTO late VALUES (1)"
    with standing(postgres18, tmp_path, WORLD, pack="pack", environment="dev", more=more) as stand:
        stand.ask("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        stand.ask(f"GRANT ALL ON late TO PUBLIC; {late}")
        stand.start()
        with stand.connect(AGENT) as agent, stand.connect("other") as other:
            for session in (agent, other) * 8:
                with pytest.raises(pg.UniqueViolation):
                    session.execute(probe)
            with agent.transaction(force_rollback=True):
                for _ in range(2):
                    with pytest.raises(pg.UniqueViolation), agent.transaction():
                        agent.execute(probe)
            for session in (agent, other):
                session.execute("BEGIN")
                session.execute(late)
                with pytest.raises(pg.UniqueViolation):
                    session.execute("COMMIT")
            with pytest.raises(pg.InsufficientPrivilege) as refused:
                other.execute(probe)
            assert "20 violated constraints in the last ten minutes" in str(refused.value.diag.message_detail)
            assert agent.execute("SELECT count(*) FROM items WHERE id = 1").fetchone() == (1,)


def test_reads_are_reserved_by_the_portion_and_charged_by_the_row(stand: Stand) -> None:
    (stand.directory / "pack" / "40-budgets.cedar").write_text(PORTIONS)
    stand.start()
    read = "SELECT id FROM items WHERE id <= %s"
    with stand.connect(AGENT) as agent:
        assert agent.execute(read, (90,)).rowcount == 90
        assert agent.execute(read, (60,)).rowcount == 60  # 90 + 100 may be, and 150 were
        assert agent.execute("SELECT id FROM items WHERE id = 1").rowcount == 1  # 151 now, and 100 more are too many
        with pytest.raises(pg.InsufficientPrivilege) as refused:
            agent.execute("SELECT id FROM items WHERE id = 1")
        assert "151 rows read in the last hour, before this command (the limit is 250)" in str(refused.value)
    with stand.connect(PERSON) as person:
        assert person.execute("SELECT id FROM items").rowcount == 4000


def test_a_session_has_counts_of_its_own(stand: Stand) -> None:
    text = PORTIONS.replace("principal is Service", "principal")
    (stand.directory / "pack" / "40-budgets.cedar").write_text(text)
    stand.start()
    for _ in range(2):
        with stand.connect(PERSON) as person:
            for number in range(40):
                person.execute("SELECT id FROM items WHERE id = %s", (number,))
                person.execute("SELECT 1")
            with pytest.raises(pg.InsufficientPrivilege) as refused:
                person.execute("SELECT id FROM items WHERE id = 1")
            assert "41 commands in this session, this command included (the limit is 40)" in str(refused.value)


def test_where_no_policy_counts_nothing_is_counted(stand: Stand) -> None:
    (stand.directory / "pack" / "40-budgets.cedar").unlink()
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(1, LIMIT + 51)) == LIMIT + 50
    assert stand.stop() == 0
    with sqlite3.connect(stand.directory / ".interlock" / "ledger" / "records.db") as ledger:
        for name in ("spent", "reserved"):
            assert ledger.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_a_worker_that_dies_takes_no_budget_along(stand: Stand) -> None:
    stand.start()
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(1, 101)) == 100
        for worker in workers(stand):
            worker.kill()
        wait_for(lambda: metric(stand, "interlock_workers ") == 2, what=lambda: stand.log)
    with stand.connect(AGENT) as agent:
        assert delete(agent, range(101, 1000)) == LIMIT - 100


def bulk(session: Session, first: int, rows: int) -> str | None:
    """Delete so many rows with one statement; the refusal, if it was undone."""
    try:
        session.execute("DELETE FROM items WHERE id BETWEEN %s AND %s", (first, first + rows - 1))
    except pg.InsufficientPrivilege as refused:
        return str(refused)
    return None


def test_what_was_counted_before_it_lands_is_what_counts(stand: Stand) -> None:
    stand.start()
    with stand.connect(AGENT) as agent:
        refused = bulk(agent, 1, LIMIT + 1)
        assert refused is not None
        assert f"{LIMIT + 1} rows changed in the last hour, this command included (the limit is {LIMIT})" in refused
        assert left(stand) == 4000
        assert bulk(agent, 1, LIMIT - 100) is None
        assert bulk(agent, 1001, 101) is not None
        with agent.transaction():
            assert bulk(agent, 1001, 60) is None
            assert delete(agent, range(1061, 1071)) == 10
            assert bulk(agent, 2001, 25) is None
        assert bulk(agent, 3001, 6) is not None
        assert bulk(agent, 3001, 5) is None
        assert delete(agent, range(3501, 3509)) == 0
    assert left(stand) == 4000 - LIMIT


def test_clients_that_are_counted_side_by_side_do_not_overshoot(stand: Stand) -> None:
    stand.start()
    gate = threading.Barrier(8)

    def client(number: int) -> int:
        with stand.connect(AGENT if number % 2 else "other") as agent:
            gate.wait(20)
            return sum(7 for turn in range(12) if bulk(agent, 1 + 500 * number + 7 * turn, 7) is None)

    with ThreadPoolExecutor(8) as clients:
        landed = sum(clients.map(client, range(8)))
    assert LIMIT - 8 * 7 < landed <= LIMIT
    assert left(stand) == 4000 - landed
