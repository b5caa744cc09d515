"""What a generator of statements has to know of a world: relations with typed columns, foreign keys, functions."""

from dataclasses import dataclass
from typing import Final

from tests.differential.stage import Stage

# Types are told apart as far as a generated expression needs it.
_FAMILIES: Final = {
    "int2": "int", "int4": "int", "int8": "int", "numeric": "num", "money_amount": "num", "float8": "num",
    "text": "text", "varchar": "text", "name": "text", "bool": "bool", "timestamptz": "time", "date": "date",
    "jsonb": "json", "_text": "array", "order_status": "status",
}  # fmt: skip
_COLUMNS: Final = """
SELECT n.nspname, c.relname, pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 = 28 OR c.relname = 'desk',
  c.relkind::text IN ('r', 'p'), a.attname, t.typname, a.attgenerated::text <> '' OR a.attidentity::text = 'a'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname IN ('public', 'hr', 'analytics', 'lab', 'app')
ORDER BY 1, 2, a.attnum
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`family` is the kind of its values; "" where nothing is generated for them."""

    name: str
    family: str
    computed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A relation to read from; `writable` where rows can be written to it, `stored` where it is no view."""

    schema: str
    name: str
    writable: bool
    stored: bool
    columns: tuple[Column, ...]

    @property
    def shown(self) -> str:
        """Its qualified name, quoted."""
        return f'{self.schema}."{self.name}"' if self.schema != "public" else f'"{self.name}"'


def tables(stage: Stage) -> list[Table]:
    """Every relation of the world, in order."""
    held: dict[tuple[str, str, bool, bool], list[Column]] = {}
    for schema, name, writable, stored, column, type_, computed in stage.rows(_COLUMNS):
        found = Column(name=str(column), family=_FAMILIES.get(str(type_), ""), computed=bool(computed))
        held.setdefault((str(schema), str(name), bool(writable), bool(stored)), []).append(found)
    return [
        Table(schema=schema, name=name, writable=writable, stored=stored, columns=tuple(columns))
        for (schema, name, writable, stored), columns in held.items()
    ]
