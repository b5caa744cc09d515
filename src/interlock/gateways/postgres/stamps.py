"""Whether what a write was judged by is still so: a stamp of the relations it touches, looked at before it can land.

The catalogue that texts are read by is polled, and so up to two seconds old. A trigger, a cascade or an heir that came
since would run unjudged; so every write is followed, in its own transaction, by a comparison that fails it (threats.md
12). By then the write's own lock keeps further changes out.
"""

from collections.abc import Iterable
from typing import Final

from interlock.gateways.postgres.due import Due, Show
from interlock.intent.sql.statement import Statement
from interlock.model import ObjectKind, Verb
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, build_bind, build_close, build_error, build_execute

NAME: Final = "il_fresh"

# $1 and $2 are schemas and names of relations. Everything by index: it runs with every write. Relations of the same
# name elsewhere count, since a search path may find them first.
STAMP: Final = """
WITH meant AS MATERIALIZED (
  SELECT c.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]))
      AS m(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) m.schema::pg_catalog.name
    JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
      AND c.relname OPERATOR(pg_catalog.=) m.name::pg_catalog.name
), stamps(stamp) AS (
  SELECT pg_catalog.concat_ws('.', 'class', c.oid, n.nspname, c.relname, c.relkind, c.relhasrules, c.relrowsecurity)
    FROM ROWS FROM (pg_catalog.unnest($2::pg_catalog.text[])) AS m(name)
    JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) m.name::pg_catalog.name
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      AND n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast_)?temp_'
  UNION ALL SELECT pg_catalog.concat_ws('.', 'attribute', x.attnum, x.xmin) FROM meant m
    JOIN pg_catalog.pg_attribute x ON x.attrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'default', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_attrdef x ON x.adrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'trigger', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_trigger x ON x.tgrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'constraint', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_constraint x ON x.conrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'rule', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_rewrite x ON x.ev_class OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'index', x.indexrelid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_index x ON x.indrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'policy', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_policy x ON x.polrelid OPERATOR(pg_catalog.=) m.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'heir', x.inhrelid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_inherits x ON x.inhparent OPERATOR(pg_catalog.=) m.oid
)
SELECT pg_catalog.md5(pg_catalog.string_agg(stamp, ',' ORDER BY stamp COLLATE pg_catalog."C")) AS stamp FROM stamps
"""

# Fails with a division by zero where the stamp is another.
FRESH: Final = (
    "SELECT 1 OPERATOR(pg_catalog./) CASE WHEN s.stamp OPERATOR(pg_catalog.=) $3::pg_catalog.text THEN 1 ELSE 0 END "
    f"FROM ({STAMP}) AS s"
)

CHANGED: Final = build_error(
    "ERROR",
    "40001",
    "interlock undid a write: what it touches was changed by somebody else a moment ago",
    detail="A trigger, a key, a rule or an heir may have come that the decision did not look at.",
    hint="Run it again.",
)

_WRITES: Final = frozenset({Verb.CREATE, Verb.CHANGE, Verb.DELETE})

Relations = tuple[tuple[str, ...], tuple[str, ...]]  # schemas, names
Stamp = tuple[Relations, str]


def written(statement: Statement) -> Relations:
    """Schemas and names of the relations that a statement writes. One that changes the catalogue changes its own stamp
    as well (CREATE TABLE AS), and waits for locks that keep others out: nothing is compared for it."""
    if statement.ddl:
        return (), ()
    paths = {
        effect.object.path[1:]
        for effect in statement.intent.effects
        if effect.verb in _WRITES and effect.object.kind is ObjectKind.TABLE and effect.object.known
    }
    listed = sorted(path for path in paths if len(path) == 2 and path[0] != "pg_temp")
    return tuple(schema for schema, _ in listed), tuple(name for _, name in listed)


def check(expected: Stamp) -> bytes:
    """Bind, Execute and Close of the comparison."""
    relations, stamp = expected
    schemas, names = map(_array, relations)
    bind = build_bind(NAME, NAME, [schemas, names, stamp.encode()])
    return bind + build_execute(NAME) + build_close(Part.PORTAL, NAME)


def check_dues() -> list[Due]:
    """What is owed for `check`."""
    compare = Due(kinds.EXECUTE, Show.NOTHING, instead=CHANGED)
    return [Due(kinds.BIND, Show.NOTHING), compare, Due(kinds.CLOSE, Show.NOTHING)]


def _array(texts: Iterable[str]) -> bytes:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in quoted) + "}").encode()
