"""Which settings a session may change: an allow-list, since some of them change what text means.

transform_null_equals turned a DELETE of no row into one of 5,000, without a ParameterStatus (threats.md 10); roles and
read-only flags belong to the gateway.
"""

import re

from interlock.intent.sql.reading import Reading
from interlock.intent.sql.statement import Flow
from interlock.intent.sql.tree import words
from interlock.model import FindingCode, ObjectKind, Reach, Verb

# What a value is called that is known only when the statement runs: a parameter, an expression.
COMPUTED = "?"

# They change how values look, how long things may take, how plans are made; never what a statement touches.
# row_security off makes a query fail where a policy would hide rows; it never shows more (docs 19.11.1).
ALLOWED = words("""
    application_name bytea_output client_encoding client_min_messages datestyle default_text_search_config
    extra_float_digits geqo idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit lc_messages
    lc_monetary lc_numeric lc_time lock_timeout maintenance_work_mem random_page_cost seq_page_cost effective_cache_size
    search_path statement_timeout synchronize_seqscans timezone tcp_keepalives_idle tcp_keepalives_interval
    tcp_keepalives_count tcp_user_timeout transaction_timeout work_mem xmloption quote_all_identifiers
    enable_async_append enable_bitmapscan enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort
    enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop
    enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
    enable_partitionwise_join enable_seqscan enable_sort enable_tidscan from_collapse_limit join_collapse_limit
    max_parallel_workers_per_gather parallel_setup_cost parallel_tuple_cost plan_cache_mode cursor_tuple_fraction
    backslash_quote escape_string_warning standard_conforming_strings constraint_exclusion row_security
    restrict_nonsystem_relation_kind
    default_tablespace synchronous_commit
    default_transaction_isolation transaction_isolation transaction_deferrable default_transaction_deferrable
    """)
# The only values that leave the meaning of text, the place of tables and what a commit promises alone.
ONLY = {
    "client_encoding": frozenset({"utf8", "utf-8", "unicode"}),
    "standard_conforming_strings": frozenset({"on", "true", "1", "yes"}),
    "backslash_quote": frozenset({"safe_encoding"}),
    "default_tablespace": frozenset({""}),  # the database's own: pg_dump says so
    "synchronous_commit": frozenset({"on", "true", "1", "yes", "remote_apply"}),
}
_MEMORY = frozenset({"work_mem", "maintenance_work_mem"})
_MOST_MEMORY = 2 * 1024 * 1024
_SIZE = re.compile(r"\s*+\+?(\d+(?:\.\d+)?)\s*+(kb|mb|gb|tb|b)?\s*+", re.IGNORECASE)
_KILOBYTES = {"b": 1 / 1024, "kb": 1, "mb": 1024, "gb": 1024**2, "tb": 1024**3}
# Refused with their own reason; every other name outside the list is refused as unknown.
_REASONS = {
    "role": "the session keeps the role that the gateway gave it",
    "session_authorization": "the session keeps the role that the gateway gave it",
    "session_replication_role": "it switches triggers and foreign keys off",
    "transform_null_equals": "it changes what `= NULL` means",
    "default_transaction_read_only": "the gateway decides which transactions may write",
    "transaction_read_only": "the gateway decides which transactions may write; say BEGIN READ ONLY instead",
    "track_counts": "the gateway measures by these counters",
    "array_nulls": "it changes what a literal means",
    "default_table_access_method": "it changes how tables are stored",
    "check_function_bodies": "it lets functions in that nobody read",
    "synchronous_commit": "it lets a commit be lost",
    "default_tablespace": "it changes where tables are stored",
}
# Values that may hold a password; the server shows them to few, the gateway to nobody.
SHOWABLE_SECRETS = words(
    """primary_conninfo ssl_passphrase_command archive_command restore_command archive_cleanup_command
    recovery_end_command"""
)


def set_setting(reading: Reading, name: str, value: str | None, local: bool, location: int = -1) -> None:
    """SET name = value (None: DEFAULT), also as set_config: CONFIGURE on the setting, or a refusal."""
    reading.flow, reading.name, reading.value, reading.local = Flow.SET, name, value, local
    judge_setting(reading, name, value, location)
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, name), Reach.ONE)


def judge_setting(reading: Reading, name: str, value: str | None, location: int = -1) -> None:
    """Refuse a setting that is not on the list, or a value that changes what text means."""
    allowed = name in ALLOWED and (value is None or name not in ONLY or value.strip().lower() in ONLY[name])
    if name in _MEMORY and value is not None and _kilobytes(value) > _MOST_MEMORY:
        reading.refuse(FindingCode.SETTING_REFUSED, f"`{name}` cannot be set beyond 2GB here: others need memory too")
    if value == COMPUTED and name in {"search_path", *ONLY}:
        allowed = False
    if not allowed and not is_custom(name):
        reason = _REASONS.get(name) or (
            "this value may change what text means" if name in ALLOWED else "it is not on the list"
        )
        reading.refuse(FindingCode.SETTING_REFUSED, f"`{name}` cannot be set here: {reason}", location)


def reset_setting(reading: Reading, name: str) -> None:
    """RESET name: back to the gateway's pin, so any setting may be reset, except an identity."""
    if name in {"role", "session_authorization"}:
        reading.refuse(FindingCode.SETTING_REFUSED, f"`{name}` cannot be reset here: {_REASONS[name]}")
    reading.flow, reading.name = Flow.RESET, name
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, name), Reach.ONE)


def show_setting(reading: Reading, name: str) -> None:
    """SHOW name; "all" shows every setting."""
    reading.flow, reading.name = Flow.SHOW, None if name == "all" else name
    if name in SHOWABLE_SECRETS:
        reading.note(FindingCode.SETTING_REFUSED, f"`{name}` can hold credentials")
    reach = Reach.ALL if name == "all" else Reach.ONE
    reading.add(Verb.READ, reading.object(ObjectKind.SETTING, name), reach)


def _kilobytes(value: str) -> float:
    """A size as the server reads it, kB where it says no unit; beyond any where it is not plain."""
    found = _SIZE.fullmatch(value)
    return float(found[1]) * _KILOBYTES[(found[2] or "kb").lower()] if found is not None else float("inf")


def is_custom(name: str) -> bool:
    """`app.tenant`: a session variable that no built-in code reads. Extensions' own prefixes are not."""
    prefix, dot, rest = name.partition(".")
    return bool(dot and rest) and prefix not in _EXTENSION_PREFIXES


_EXTENSION_PREFIXES = words(
    "plpgsql plperl plpython pltcl auto_explain pg_stat_statements pg_trgm pgaudit pg_hint_plan postgres_fdw "
    "session_preload postgis pglogical timescaledb citus cron pgcrypto sepgsql anon supautils"
)
