"""The classifications that a configuration gives to tables and columns, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NO_LABELS: frozenset[str] = frozenset()

# Relations of the system that hold secrets or contents of other tables, in most of their columns.
SECRET_RELATIONS = frozenset(
    {
        "pg_authid",
        "pg_shadow",
        "pg_largeobject",
        "pg_statistic",
        "pg_statistic_ext_data",
        "pg_stats_ext",
        "pg_stats_ext_exprs",
        "pg_stat_statements",
        "pg_hba_file_rules",
        "pg_ident_file_mappings",
        "pg_file_settings",
        "user_mapping_options",
    }
)
# Where one column tells a secret or other people's statements, and the others are what psql, pg_dump and whoever
# watches a server ask about. The options of foreign servers are not among them: PostgreSQL shows them to everybody,
# and its wrappers take a password in user mappings alone.
SECRET_COLUMNS = frozenset(
    {
        ("pg_stat_activity", "query"),
        ("pg_stats", "most_common_vals"),
        ("pg_stats", "most_common_elems"),
        ("pg_stats", "histogram_bounds"),
        ("pg_stats", "range_bounds_histogram"),
        ("pg_stats", "range_length_histogram"),
        ("pg_stat_wal_receiver", "conninfo"),
        ("pg_subscription", "subconninfo"),
        ("pg_user_mapping", "umoptions"),
        ("pg_user_mappings", "umoptions"),
        ("_pg_user_mappings", "umoptions"),  # information_schema's own helper; superusers may read it
    }
)
SYSTEM_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema"})


@dataclass(frozen=True, slots=True)
class LabelBook:
    """`entries` maps "schema.table" and "schema.table.column" to label sets; names are as PostgreSQL stores them."""

    entries: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of_relation(self, schema: str, name: str) -> frozenset[str]:
        """Labels of a table or view itself; system relations are `catalog`, and `catalog-secret` where they tell."""
        own = self.entries.get(f"{schema}.{name}", NO_LABELS)
        if schema in SYSTEM_SCHEMAS:
            system = {"catalog", "catalog-secret"} if name in SECRET_RELATIONS else {"catalog"}
            return own | system
        return own

    def of_column(self, schema: str, name: str, column: str) -> frozenset[str]:
        """Labels of one column, those of its table not included."""
        own = self.entries.get(f"{schema}.{name}.{column}", NO_LABELS)
        if schema in SYSTEM_SCHEMAS and (name, column) in SECRET_COLUMNS:
            return own | {"catalog-secret"}
        return own
