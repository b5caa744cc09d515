"""The lists of built-ins against pg_proc of each supported server."""

import psycopg

from interlock.intent.sql.builtin_functions import HARMLESS, SET_RETURNING
from interlock.intent.sql.functions import DANGEROUS
from interlock.intent.sql.tree import words
from tests.conftest import Database

# Volatile and yet harmless: they give random values, times, sizes, or take nothing but their own session's locks away.
VOLATILE = words(
    """random random_normal setseed clock_timestamp timeofday gen_random_uuid uuidv4 uuidv7 array_sample array_shuffle
    pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
    pg_relation_size pg_table_size pg_total_relation_size pg_indexes_size pg_database_size pg_tablespace_size
    pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_xact_replay_timestamp
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_current_wal_lsn pg_current_wal_insert_lsn pg_current_wal_flush_lsn
    pg_xact_status txid_status pg_last_committed_xact pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
    pg_partition_tree pg_partition_ancestors pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids
    pg_jit_available pg_notification_queue_usage pg_collation_actual_version pg_database_collation_actual_version
    pg_sequence_last_value pg_get_sequence_data pg_get_wait_events
    pg_stat_clear_snapshot pg_stat_force_next_flush pg_stat_have_stats"""
)


def built_in(database: Database, where: str) -> set[str]:
    own = "pronamespace = 'pg_catalog'::regnamespace AND oid < 16384"
    query = f"SELECT DISTINCT proname FROM pg_proc WHERE {own} AND {where}"
    with psycopg.connect(database.dsn) as connection:
        return {row[0] for row in connection.execute(query.encode())}


def test_what_is_volatile_was_chosen(database: Database) -> None:
    volatile = built_in(database, "provolatile = 'v'") & HARMLESS
    assert {name for name in volatile if not name.startswith("pg_stat_get_xact")} - VOLATILE == set()


def test_a_harmless_name_has_no_dangerous_meaning() -> None:
    assert HARMLESS & DANGEROUS.keys() == set()


def test_functions_that_act_have_a_reason(database: Database) -> None:
    """A new server version's volatile functions are not on the list by accident."""
    assert (
        built_in(database, "provolatile = 'v' AND proname ~ '^(lo_|pg_read|pg_ls|dblink|pg_logical)'")
        <= DANGEROUS.keys()
    )


def test_what_gives_many_rows_is_known(database: Database) -> None:
    assert built_in(database, "proretset") & HARMLESS <= SET_RETURNING


def test_every_harmless_function_exists_somewhere(database18: Database, database15: Database) -> None:
    assert HARMLESS - built_in(database18, "true") - built_in(database15, "true") == set()
