"""The lists of built-ins against pg_proc of each supported server."""

import psycopg
import pytest

from interlock.intent.sql.code.builtin_functions import HARMLESS, SET_RETURNING
from interlock.intent.sql.code.functions import DANGEROUS, SET_CONFIG
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


# What reaches beyond the tables it is given, by the words that PostgreSQL names such functions with; and those of them
# that only tell about it, which this table calls harmless or leaves unknown.
CLASSES = {
    "SQL as text": ("_to_xml|^cursor_to_|^ts_(stat|rewrite)$", ""),
    "files": ("^pg_(read|ls)_|^pg_stat_file|_logfile$|^lo_(im|ex)port$|_file_(rules|mappings|settings)$", ""),
    "other sessions": (
        "backend_pid|_backend_memory|^pg_(terminate|cancel)_|_(backend_)?activity$",
        "pg_backend_pid pg_stat_get_backend_pid",
    ),
    "settings": ("^set_config$|^pg_reload_conf$", ""),
    "WAL": (
        "^pg_(promote|switch_wal|create_restore_point)|^pg_wal_replay_(pause|resume)|^pg_backup_|_emit_message$",
        "",
    ),
    "replication": (
        "(logical|replication)_(slot|origin)|_(logical|physical)_replication_slot|standby_snapshot",
        """pg_replication_origin_oid pg_replication_origin_progress pg_replication_origin_session_progress
        pg_replication_origin_session_is_setup pg_show_replication_origin_status pg_stat_get_replication_slot""",
    ),
    "large objects": ("^lo_|^lo(read|write)$|^lowrite$", ""),
    "statistics": ("^pg_stat_reset|^pg_(clear|restore)_.*_stats$", ""),
    "locks": ("^pg_(try_)?advisory_(xact_)?lock", ""),
    "messages": ("^pg_notify$|^pg_export_snapshot$", ""),
    "sequences": ("^(nextval|setval|currval|lastval)$", ""),
}


@pytest.mark.parametrize("what", CLASSES)
def test_the_table_of_dangers_is_whole(database: Database, what: str) -> None:
    """Whatever a server has of a class is on it, with a reason: another version may bring more."""
    pattern, telling = CLASSES[what]
    found = built_in(database, f"proname ~ '{pattern}' AND proname !~ '^binary_upgrade_'") - words(telling)
    assert found
    assert found - DANGEROUS.keys() - {SET_CONFIG} == set()
