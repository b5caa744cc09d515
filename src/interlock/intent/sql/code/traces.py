"""Code that cannot be tried out: what it does beyond tables stays when it is rolled back (threats.md 9)."""

from typing import Final

from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.tree import words

# What these languages do goes through SQL, and so through the transaction; what they call is judged by itself.
_THROUGH_SQL: Final = frozenset({"sql", "plpgsql"})
# Extensions of PostgreSQL's own contrib, and two that everybody has: their C code computes, and reaches nothing.
_COMPUTING: Final = words(
    """btree_gin btree_gist citext cube earthdistance fuzzystrmatch hstore intarray isn ltree pg_trgm pgcrypto postgis
    seg tsm_system_rows tsm_system_time unaccent uuid-ossp vector"""
)
_AGGREGATE: Final = "a"


def leaves_traces(catalog: Catalog, schema: str, name: str) -> bool:
    """Whether a function of this name is written in a language that can reach around the transaction."""
    return any(
        function.schema == schema
        and function.kind != _AGGREGATE
        and function.language not in _THROUGH_SQL
        and function.extension not in _COMPUTING
        for function in catalog.functions.get(name, ())
    )
