"""A transaction of the client's: judged while it runs, and as a whole before its COMMIT."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.wire import Wire, errors
from tests.measured.asking import records, refused, touched
from tests.stand import Stand


def test_it_is_judged_while_it_runs_and_fails_as_postgresqls_do(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        assert client.execute("UPDATE orders SET status = 'one' WHERE id BETWEEN 1 AND 600").rowcount == 600
        said = refused(client, "UPDATE orders SET status = 'two' WHERE id BETWEEN 601 AND 1200")
        assert "change 1,200 rows of public.orders" in said.detail
        assert refused(client, "SELECT 1").state == "25P02"
        client.execute("ROLLBACK")
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM orders WHERE status IN ('one', 'two')") == 0


def test_what_stays_within_bounds_lands_as_a_whole(stand: Stand) -> None:
    with stand.connect() as client, client.transaction():
        client.execute("UPDATE orders SET status = 'whole' WHERE id BETWEEN 1 AND 300")
        client.execute("INSERT INTO log VALUES (-1, 'whole')")
        client.execute("UPDATE customers SET note = 'whole' WHERE id BETWEEN 1000 AND 1100")
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'whole'") == 300
    record = records(stand, "settlement")[-1]
    assert record["settlement"]["lands"] is True
    assert touched(record) == {"change orders": 300, "create log": 1, "change customers": 101}
    stand.ask("DELETE FROM log WHERE id = -1")


def test_a_deferred_trigger_is_judged_at_commit(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("UPDATE late SET name = 'later' WHERE id < 5")
        said = refused(client, "COMMIT")
        assert "delete 5,000 rows of public.log" in said.detail
        assert client.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM log") >= 5_000
    (decision,) = stand.decided("name = 'later'")
    assert decision.status == "undone"


def test_a_deferred_key_that_is_mended_in_time_lands(stand: Stand) -> None:
    """Constraints are forced once, at the end: an order of statements that PostgreSQL takes is taken here."""
    with stand.connect() as client, client.transaction():
        client.execute("UPDATE children SET parent = 77 WHERE id < 3 AND name = 'x'")
        client.execute("INSERT INTO parents VALUES (77)")
    assert stand.ask("SELECT count(*) FROM children WHERE parent = 77") == 2


def test_a_deferred_key_that_stays_broken_ends_the_transaction(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("UPDATE children SET parent = 88 WHERE id > 8 AND name = 'x'")
        said = refused(client, "COMMIT")
        assert said.state == "23503"
        assert client.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM children WHERE parent = 88") == 0


def test_savepoints_and_rollbacks_in_between(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("UPDATE orders SET status = 'kept' WHERE id BETWEEN 2001 AND 2100")
        client.execute("SAVEPOINT here")
        client.execute("UPDATE orders SET status = 'not kept' WHERE id BETWEEN 2101 AND 2200")
        client.execute("ROLLBACK TO here")
        client.execute("UPDATE orders SET status = 'kept' WHERE id BETWEEN 2201 AND 2300")
        client.execute("COMMIT")
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'kept'") == 200
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'not kept'") == 0


def test_a_savepoint_does_not_wash_a_refusal_away(stand: Stand) -> None:
    """What was rolled back to a savepoint ran all the same: it counts."""
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("SAVEPOINT here")
        refused(client, "UPDATE orders SET status = 'washed' WHERE id > 100")
        client.execute("ROLLBACK TO here")
        said = refused(client, "UPDATE orders SET status = 'washed' WHERE id BETWEEN 1 AND 10")
        assert "59,9" in said.detail
        client.execute("ROLLBACK")
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'washed'") == 0


@pytest.mark.parametrize("wrong", ["SELECT * FROM nowhere", "PREPARE TRANSACTION 'x'", "DROP TABLE log"])
def test_a_refusal_behind_a_measured_write_can_be_rolled_back(stand: Stand, wrong: str) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("UPDATE orders SET status = 'stuck' WHERE id BETWEEN 1 AND 10")
        client.execute("SAVEPOINT here")
        refused(client, wrong)
        client.execute("ROLLBACK TO here")
        client.execute("UPDATE orders SET status = 'stuck' WHERE id BETWEEN 11 AND 20")
        refused(client, wrong)
        client.execute("ROLLBACK")
        assert client.execute("SELECT count(*) FROM orders WHERE status = 'stuck'").fetchone() == (0,)


def test_limits_of_time_hold_behind_a_rollback_to_a_savepoint(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("BEGIN")
        client.execute("SAVEPOINT here")
        client.execute("UPDATE orders SET status = 'slow' WHERE id BETWEEN 1 AND 10")
        client.execute("ROLLBACK TO here")
        client.execute("UPDATE orders SET status = 'slow' WHERE id BETWEEN 11 AND 20")
        assert client.execute("SELECT current_setting('lock_timeout')").fetchone() == ("10s",)
        client.execute("ROLLBACK TO here")
        refused(client, "ROLLBACK TO nowhere")
        client.execute("ROLLBACK")
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_rows_of_what_is_undone_by_an_error_are_not_shown(stand: Stand) -> None:
    """A RETURNING that is never judged would be an export."""
    with stand.connect() as client:
        text = "DELETE FROM customers WHERE id BETWEEN 2000 AND 2010 RETURNING name; SELECT 1 / (id - id) FROM log"
        pg = client.pgconn
        pg.send_query(text.encode())
        seen = []
        while (result := pg.get_result()) is not None:
            seen.append((result.status, result.ntuples))
        assert psycopg.pq.ExecStatus.FATAL_ERROR in [status for status, _ in seen]
        assert sum(rows for _, rows in seen) == 0
    assert stand.ask("SELECT count(*) FROM customers WHERE id BETWEEN 2000 AND 2010") == 11


@pytest.mark.parametrize("end", ["ROLLBACK", "ROLLBACK TO here", "COMMIT"])
def test_rows_are_judged_before_what_undoes_them(stand: Stand, end: str) -> None:
    """BEGIN, RETURNING of everything, ROLLBACK in one string: no row of it leaves."""
    with stand.connect() as client:
        pg = client.pgconn
        pg.send_query(
            b"BEGIN; SAVEPOINT here; UPDATE customers SET note = 'out' WHERE country = 'FR' RETURNING name; "
            + end.encode()
        )
        rows = 0
        while (result := pg.get_result()) is not None:
            rows += result.ntuples
        assert rows == 0
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'out'") == 0


def test_several_statements_of_one_query_land_together(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(
            client,
            "UPDATE orders SET status = 'q1' WHERE id BETWEEN 1 AND 600; "
            "UPDATE orders SET status = 'q2' WHERE id BETWEEN 601 AND 1200",
        )
        assert "change 1,200 rows" in said.detail
        client.execute(
            "UPDATE orders SET status = 'q3' WHERE id BETWEEN 1 AND 60; "
            "UPDATE orders SET status = 'q4' WHERE id BETWEEN 61 AND 99"
        )
    assert stand.ask("SELECT count(*) FROM orders WHERE status IN ('q1', 'q2')") == 0
    assert stand.ask("SELECT count(*) FROM orders WHERE status IN ('q3', 'q4')") == 99


def test_limits_of_time_are_set_for_measured_work_and_a_tighter_one_stays(stand: Stand) -> None:
    with stand.connect() as client:
        client.execute("SET lock_timeout = '3s'")
        with client.transaction():
            client.execute("UPDATE orders SET status = 'timed' WHERE id BETWEEN 1 AND 5")
            assert client.execute("SHOW lock_timeout").fetchone() == ("3s",)
            assert client.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
            assert client.execute("SHOW statement_timeout").fetchone() == ("5min",)
        assert client.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_counts_of_one_transaction_are_not_held_against_the_next(stand: Stand) -> None:
    """The server's counters go on for a while (sql.md 3); each unit begins at zero all the same."""
    with stand.connect() as client:
        for _ in range(3):
            client.execute("UPDATE orders SET status = 'again' WHERE id BETWEEN 1 AND 600")
        for _ in range(3):
            with client.transaction():
                client.execute("UPDATE orders SET status = 'again' WHERE id BETWEEN 1 AND 600")


def test_a_commit_in_the_extended_protocol_is_counted_too(stand: Stand) -> None:
    """BEGIN, the write and COMMIT in one group: the COMMIT's Execute comes behind the Bind that ended it."""
    with Wire(stand) as wire:
        frames = []
        for text in ("BEGIN", "UPDATE customers SET note = 'extended' WHERE country = 'FR'", "COMMIT"):
            frames += [build_parse("", text), build_bind("", ""), build_execute("")]
        said = wire.ask(*frames, build_sync())
        assert errors(said) == ["42501"]
        assert said[-1] == "Z I"
        assert errors(wire.ask(build_query("SELECT 1"))) == []
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'extended'") == 0
