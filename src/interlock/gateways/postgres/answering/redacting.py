"""Stored values in a target's errors: left out where the table has labelled columns (threats.md 15).

`Failing row contains (...)` shows every column of a row to whoever may change one of them, and a key that exists
already shows the columns beside the one that was written. Reading those was never decided.
"""

from typing import Final

from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.wire.postgres.messages import build_error_fields, parse_error

# Violations of not-null, foreign keys, unique keys, checks, exclusions and view options: their DETAIL quotes rows.
_QUOTING: Final = frozenset({"23502", "23503", "23505", "23514", "23P01", "44000"})


def without_values(frame: bytes, catalog: Catalog) -> bytes:
    """The ErrorResponse, its DETAIL replaced where it may quote what carries a label."""
    fields = parse_error(frame).fields
    if fields.get("C") not in _QUOTING or "D" not in fields or not catalog.labels.entries:
        return frame
    schema, table = fields.get("s", ""), fields.get("t", "")
    relation = catalog.relation(schema, table)
    if relation is not None and not relation.labelled:
        return frame
    where = f"`{schema}.{table}` has" if relation is not None else "its table may have"
    return build_error_fields({**fields, "D": f"Interlock leaves out the values: {where} labelled columns."})
