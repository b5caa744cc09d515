"""A statement by itself: its exact effect is known and judged before it lands, whatever it set off."""

import psycopg
import pytest

from interlock.wire.postgres.messages import build_query
from tests.attacks.wire import Wire
from tests.measured.asking import records, refused, touched
from tests.stand import Stand, wait_for


def test_what_is_small_lands(stand: Stand) -> None:
    with stand.connect() as client:
        done = client.execute("UPDATE customers SET note = 'small' WHERE country = 'DE' AND id <= 1000 RETURNING id")
        assert (done.rowcount, len(done.fetchall())) == (100, 100)
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'small'") == 100
    record = records(stand, "settlement")[-1]
    assert (record["settlement"]["verdict"], record["settlement"]["lands"]) == ("allow", True)
    assert touched(record) == {"change customers": 100}
    assert int(record["settlement"]["transaction"]) > 0


def test_what_is_too_much_is_undone_and_says_the_numbers(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "UPDATE customers SET note = 'much' WHERE country = 'FR' RETURNING id, name")
        assert said.state == "42501"
        assert said.message.startswith("interlock held change on public.customers: more than 1,000 rows")
        french = stand.ask("SELECT count(*) FROM customers WHERE country = 'FR'")
        assert f"nothing has changed. Counted: change {french:,} rows of public.customers." in said.detail
        assert "Change fewer rows at a time." in said.hint
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'much'") == 0
    (decision,) = stand.decided("note = 'much'")
    assert decision.status == "undone"


def test_what_the_target_lets_nobody_count_is_taken_back_and_says_so(stand: Stand) -> None:
    """Hardened servers take the control file's functions from PUBLIC."""
    what = "FUNCTION pg_control_system()"
    stand.ask(f"REVOKE EXECUTE ON {what} FROM PUBLIC")
    try:
        with stand.connect() as client:
            said = refused(client, "UPDATE customers SET note = 'uncounted' WHERE country = 'DE' AND id <= 1000")
            assert said.message == "interlock could not count what this touches, so it was taken back"
            assert "interlock doctor" in said.hint
            assert client.execute("SELECT 1").fetchone() == (1,)
    finally:
        stand.ask(f"GRANT EXECUTE ON {what} TO PUBLIC")
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'uncounted'") == 0
    (decision,) = stand.decided("note = 'uncounted'")
    assert decision.status == "undone"


def test_a_cascade_that_turns_one_row_into_a_hundred_thousand(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "DELETE FROM customers WHERE id = 1")
    counted = ("delete 50,000 rows of public.orders", "delete 50,000 rows of public.items", "delete 1 row of public.c")
    for part in counted:
        assert part in said.detail
    assert stand.ask("SELECT count(*) FROM items") == 50_000
    record = records(stand, "settlement")[-1]
    assert touched(record) == {"delete customers": 1, "delete orders": 50_000, "delete items": 50_000}
    assert record["impact"]["rows"] == 100_001


def test_a_cascade_that_stays_small_lands(stand: Stand) -> None:
    with stand.connect() as client:
        assert client.execute("DELETE FROM customers WHERE id = 2999").rowcount == 1
    assert stand.ask("SELECT count(*) FROM orders WHERE customer = 2999") == 0


def test_a_trigger_that_deletes_elsewhere_is_seen(stand: Stand) -> None:
    """Its code is text put together at run time: nobody could have known."""
    with stand.connect() as client:
        said = refused(client, "UPDATE watched SET name = 'seen' WHERE id = 1")
    assert "delete 5,000 rows of public.log" in said.detail
    assert stand.ask("SELECT count(*) FROM log") == 5_000
    assert stand.ask("SELECT count(*) FROM watched WHERE name = 'seen'") == 0


def test_a_deferred_trigger_is_forced_before_counting(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "UPDATE late SET name = 'seen' WHERE id < 3")
    assert "delete 5,000 rows of public.log" in said.detail
    assert stand.ask("SELECT count(*) FROM log") == 5_000


def test_work_that_is_put_off_again_and_again_does_not_land(stand: Stand) -> None:
    """Threat 3: a trigger that defers its own kind would run at COMMIT, behind every count."""
    with stand.connect() as client:
        said = refused(client, "UPDATE putting_off SET name = 'q' WHERE id < 3")
    assert "not-measured" in said.detail
    assert stand.ask("SELECT count(*) FROM putting_off WHERE name = 'p'") == 10


def test_code_that_gives_rights_moves_no_counter_of_a_table_and_is_seen(stand: Stand) -> None:
    """Threat 4: the catalogue's own counters show it."""
    with stand.connect() as client:
        said = refused(client, "UPDATE granting SET name = 'given' WHERE id = 1")
    assert "pg_catalog.pg_class" in said.detail
    assert stand.ask("SELECT has_table_privilege('public', 'customers', 'SELECT')") is False


def test_code_that_truncates_counts_nothing_and_is_seen(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "UPDATE emptying SET name = 'gone' WHERE id = 1")
    assert "destroy an unknown number of rows of public.precious" in said.detail
    assert stand.ask("SELECT count(*) FROM precious") == 10


def test_partitions_are_counted_one_by_one(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "UPDATE events SET what = 'x' WHERE at >= 50")
    assert "change 50 rows of public.events_1" in said.detail
    assert "change 4,900 rows of public.events_2" in said.detail


def test_data_modifying_ctes_merge_and_upserts_are_counted(stand: Stand) -> None:
    with stand.connect() as client:
        gone = "WITH gone AS (DELETE FROM customers WHERE name LIKE 'c%' RETURNING id) SELECT count(*) FROM gone"
        assert "delete 50,000 rows of public.items" in refused(client, gone).detail
        merge = (
            'MERGE INTO orders USING items ON items."order" = orders.id '
            "WHEN MATCHED AND items.amount > 10 THEN UPDATE SET status = 'merged'"
        )
        assert "change 49,990 rows of public.orders" in refused(client, merge).detail
        upsert = (
            "INSERT INTO items SELECT id, id, 0 FROM orders WHERE id < 2000 ON CONFLICT (id) DO UPDATE SET amount = 0"
        )
        assert "change 1,999 rows of public.items" in refused(client, upsert).detail
    assert stand.ask("SELECT count(*) FROM orders WHERE status = 'merged'") == 0
    assert stand.ask("SELECT count(*) FROM items WHERE amount = 0") == 0


def test_a_statement_that_fails_by_itself_fails_as_it_would(stand: Stand) -> None:
    with stand.connect() as client:
        said = refused(client, "INSERT INTO orders SELECT 1, 1, 'again' FROM customers WHERE id < 5")
        assert said.state == "23505"
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_an_answer_that_is_too_large_to_hold_is_undone(stand: Stand) -> None:
    with stand.connect() as client:
        wide = "UPDATE customers SET note = note WHERE id BETWEEN 100 AND 600 RETURNING repeat('x', 50000)"
        said = refused(client, wide)
    assert "not-measured" in said.detail
    assert "larger than what is held back" in said.detail


@pytest.mark.parametrize("text", ["VACUUM customers", "CREATE INDEX CONCURRENTLY ON customers (name)"])
def test_what_cannot_run_in_a_transaction_is_judged_by_its_effect(stand: Stand, text: str) -> None:
    with stand.connect() as client:
        assert refused(client, text).state == "42501"


def test_a_client_that_leaves_while_its_write_is_held(stand: Stand) -> None:
    """A lock keeps it from being counted; the client goes; nothing lands."""
    with psycopg.connect(stand.truth) as other:
        other.execute("LOCK TABLE customers IN SHARE MODE")
        with Wire(stand) as leaver:
            leaver.send(build_query("UPDATE customers SET note = 'left' WHERE country = 'DE'"))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            wait_for(lambda: stand.ask(waiting) == 1, what=lambda: "nobody waits for the lock")
        stand.decided("'left'")  # the lock is still there: nothing can have landed
        other.rollback()
    assert stand.ask("SELECT count(*) FROM customers WHERE note = 'left'") == 0


def test_the_ledger_shows_what_was_counted(stand: Stand) -> None:
    french = stand.ask("SELECT count(*) FROM customers WHERE country = 'FR'")
    with stand.connect() as client:
        refused(client, "UPDATE customers SET note = 'shown' WHERE country = 'FR'")
    (decision,) = stand.decided("'shown'")
    shown = stand.interlock("ledger", "show", decision.leaf.id)
    said = " ".join(shown.err.split())
    assert f"change {french:,} rows of public.customers" in said
    assert "bulk-write-is-capped" in said
    data = stand.interlock("ledger", "show", decision.leaf.id, "--json").json
    assert data["settlement"]["impact"]["rows"] == french
    assert data["settlement"]["settlement"]["verdict"] == "hold"
