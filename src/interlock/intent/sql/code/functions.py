"""What calling a function means: harmless by allow-list, dangerous by table, user code by catalogue, else unknown."""

from dataclasses import dataclass
from typing import Final

from interlock.intent.sql.catalog.rows import Function
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.code.builtin_functions import HARMLESS
from interlock.intent.sql.tree import words
from interlock.model import ObjectKind, Verb


@dataclass(frozen=True, slots=True)
class Danger:
    """A built-in that acts. `refused` means it is not understood, whatever it is called with; `writes` that it
    needs a READ WRITE transaction, `honest` that it is an effect and no finding."""

    reason: str
    verb: Verb = Verb.EXECUTE
    kind: ObjectKind = ObjectKind.FUNCTION
    refused: bool = False
    writes: bool = False
    honest: bool = False


_SQL_TEXT = Danger("runs SQL that it is given as text; send the statement itself", refused=True)
_FILE_READ = Danger("reads files of the server", Verb.READ, ObjectKind.FILE)
_FILE_WRITE = Danger("writes files of the server", Verb.CHANGE, ObjectKind.FILE, writes=True)
_LARGE_READ = Danger("reads large objects, which no table privilege guards", Verb.READ, ObjectKind.UNKNOWN)
_LARGE_WRITE = Danger("changes large objects", Verb.CHANGE, ObjectKind.UNKNOWN, writes=True)
_OTHERS = Danger("acts on other sessions", Verb.CONFIGURE, ObjectKind.TARGET)
_SERVER = Danger("steers the whole server", Verb.CONFIGURE, ObjectKind.TARGET)
_WAL = Danger("writes to the write-ahead log or to replication, where no rollback takes it back", refused=True)
_NETWORK = Danger("opens connections of its own", refused=True)
_STATISTICS = Danger("changes or discards statistics", Verb.CONFIGURE, ObjectKind.TARGET, writes=True)
_SPY = Danger("shows what other sessions do or how the server is set up", Verb.READ, ObjectKind.TARGET)
_LOCK = Danger("takes a lock that others may wait for")
_NOTIFY = Danger("sends a message to other sessions", Verb.CREATE, ObjectKind.UNKNOWN)
_SLEEP = Danger("keeps the session busy for as long as it is told")
_SEQUENCE_READ = Danger("reads a sequence", Verb.READ, ObjectKind.SEQUENCE, honest=True)
_SEQUENCE_STEP = Danger(
    "takes the next value of a sequence", Verb.CHANGE, ObjectKind.SEQUENCE, writes=True, honest=True
)
_SEQUENCE_WRITE = Danger("moves a sequence, also past a rollback", Verb.CHANGE, ObjectKind.SEQUENCE, writes=True)
_TYPE_TEXT = Danger("runs the checks of a type that it is given as text", refused=True)
_SNAPSHOT = Danger("lets other sessions read what this one sees")

_TABLE: dict[Danger, str] = {
    _SQL_TEXT: """query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
        table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
        schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
        ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table xpath_nodeset""",
    _FILE_READ: """pg_read_file pg_read_file_old pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir
        pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir
        pg_ls_summariesdir pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
        pg_file_read pg_logdir_ls""",
    _FILE_WRITE: "pg_file_write pg_file_rename pg_file_unlink pg_file_sync lo_export",
    _LARGE_READ: "lo_get lo_open lo_lseek lo_lseek64 lo_tell lo_tell64 loread",
    _LARGE_WRITE: """lo_put lo_creat lo_create lo_from_bytea lo_truncate lo_truncate64 lo_unlink lowrite lo_close
        lo_import""",
    _OTHERS: "pg_terminate_backend pg_cancel_backend pg_log_backend_memory_contexts",
    _SERVER: """pg_reload_conf pg_rotate_logfile pg_promote pg_wal_replay_pause pg_wal_replay_resume pg_backup_start
        pg_backup_stop pg_start_backup pg_stop_backup pg_import_system_collations pg_extension_config_dump
        brin_summarize_new_values brin_summarize_range brin_desummarize_range gin_clean_pending_list
        pg_stop_making_pinned_objects pg_set_master_key pg_rotate_logfile_old""",
    _WAL: """pg_logical_emit_message pg_switch_wal pg_create_restore_point pg_create_logical_replication_slot
        pg_create_physical_replication_slot pg_copy_logical_replication_slot pg_copy_physical_replication_slot
        pg_drop_replication_slot pg_replication_slot_advance pg_logical_slot_get_changes pg_logical_slot_peek_changes
        pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes pg_sync_replication_slots
        pg_log_standby_snapshot pg_replication_origin_advance pg_replication_origin_create pg_replication_origin_drop
        pg_replication_origin_session_reset pg_replication_origin_session_setup pg_replication_origin_xact_reset
        pg_replication_origin_xact_setup""",
    _NETWORK: """dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_fetch dblink_close
        dblink_send_query
        dblink_get_result dblink_disconnect dblink_cancel_query dblink_build_sql_insert dblink_build_sql_update
        dblink_build_sql_delete dblink_get_connections dblink_get_notify postgres_fdw_disconnect
        postgres_fdw_disconnect_all http http_get http_post http_put http_delete http_patch""",
    _STATISTICS: """pg_stat_reset pg_stat_reset_shared pg_stat_reset_single_table_counters pg_stat_reset_backend_stats
        pg_stat_reset_single_function_counters pg_stat_reset_slru pg_stat_reset_replication_slot
        pg_stat_reset_subscription_stats pg_clear_attribute_stats pg_clear_relation_stats pg_restore_attribute_stats
        pg_restore_relation_stats pg_stat_statements_reset""",
    _SPY: """pg_stat_get_activity pg_stat_get_backend_activity pg_get_replication_slots pg_stat_get_wal_senders
        pg_stat_get_wal_receiver pg_stat_get_subscription pg_mcv_list_items pg_get_backend_memory_contexts
        pg_get_loaded_modules pg_get_shmem_allocations pg_get_shmem_allocations_numa pg_get_aios pg_stat_statements
        pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system get_raw_page heap_page_items
        heap_page_item_attrs pg_buffercache_pages pgrowlocks""",
    _LOCK: """pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
        pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared""",
    _NOTIFY: "pg_notify",
    _SLEEP: "pg_sleep pg_sleep_for pg_sleep_until",
    _SEQUENCE_READ: "currval lastval",
    _SEQUENCE_STEP: "nextval",
    _SEQUENCE_WRITE: "setval",
    _TYPE_TEXT: "pg_input_is_valid pg_input_error_info",
    _SNAPSHOT: "pg_export_snapshot",
}
DANGEROUS: Final[dict[str, Danger]] = {name: danger for danger, listed in _TABLE.items() for name in listed.split()}
SET_CONFIG: Final = "set_config"
# What no stored expression may call unseen.
ACTING: frozenset[str] = frozenset({SET_CONFIG, *(name for name, danger in DANGEROUS.items() if not danger.honest)})


@dataclass(frozen=True, slots=True)
class Callee:
    """What a called name can be: user functions of that name, a danger, or harmless. All empty means unknown.

    `home` is the one schema that all of it stands in, None where there are several or none.
    """

    user: tuple[Function, ...] = ()
    danger: Danger | None = None
    harmless: bool = False
    home: str | None = None


# What information_schema's own views are made of; drivers call the first (JDBC's primary keys).
_OF_THE_STANDARD = words(
    """_pg_expandarray _pg_index_position _pg_truetypid _pg_truetypmod _pg_char_max_length _pg_char_octet_length
    _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_datetime_precision _pg_interval_type"""
)
_HARMLESS_CALLEE: Final = Callee(harmless=True, home="pg_catalog")


def callee(catalog: Catalog, path: tuple[str, ...], name: tuple[str, ...]) -> Callee:
    """Look up a called name as the server would: every user function the path reaches counts, of any volatility.

    Argument types are not resolved: a user function of a built-in's name may win by them (threats.md 11), so it counts
    beside the built-in. `path` holds the schemas searched, pg_catalog included.
    """
    last = name[-1]
    schema = name[-2] if len(name) > 1 else None
    if schema == "information_schema":
        return Callee(harmless=last in _OF_THE_STANDARD)
    user = tuple(
        f for f in catalog.functions.get(last, ()) if (f.schema == schema if schema is not None else f.schema in path)
    )
    if not user and schema in {None, "pg_catalog"} and last in HARMLESS:
        return _HARMLESS_CALLEE
    danger = DANGEROUS.get(last) if schema in {None, "pg_catalog"} or user else None
    harmless = schema in {None, "pg_catalog"} and last in HARMLESS
    homes = {f.schema for f in user} | ({"pg_catalog"} if harmless or danger is not None else set())
    return Callee(user=user, danger=danger, harmless=harmless, home=homes.pop() if len(homes) == 1 else None)
