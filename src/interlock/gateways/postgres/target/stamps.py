"""Whether what a statement was judged by is still so: a stamp of the relations and of the code that it touches.

The catalogue that texts are read by is polled, and so up to two seconds old. A trigger, a cascade, an heir or another
body of a function that came since would run unjudged; so every write is followed, in its own transaction, by a
comparison that fails it (threats.md 12). By then the write's own lock keeps further changes of its relations out.
A read that runs code which users wrote cannot be undone once its rows have left: there the comparison comes first.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.intent.sql.statement import Statement
from interlock.model import ObjectKind, Verb
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, build_bind, build_close, build_error, build_execute

NAME: Final = "il_fresh"

# $1 and $2 are schemas and names of relations, $3 names of functions. Everything by index: it runs with every write.
# Relations and functions of the same name elsewhere count, since a search path may find them first. What users made of
# operators and casts counts as a whole: they are few, they change with a release, and no name leads to all of them.
# Of columns not xmin: a GRANT changes nothing here.
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
  UNION ALL SELECT pg_catalog.concat_ws('.', 'attribute', x.attnum, x.attname, x.atttypid, x.atttypmod, x.attcollation,
      x.attnotnull, x.atthasdef, x.attidentity, x.attgenerated, x.attisdropped, x.attislocal) FROM meant m
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
  UNION ALL SELECT pg_catalog.concat_ws('.', 'domain', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) m.oid
      AND a.atttypid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
    JOIN pg_catalog.pg_constraint x ON x.contypid OPERATOR(pg_catalog.=) a.atttypid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'label', x.oid, x.xmin) FROM meant m
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) m.oid
      AND a.atttypid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
    JOIN pg_catalog.pg_enum x ON x.enumtypid OPERATOR(pg_catalog.=) a.atttypid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'function', x.oid, x.xmin)
    FROM ROWS FROM (pg_catalog.unnest($3::pg_catalog.text[])) AS m(name)
    JOIN pg_catalog.pg_proc x ON x.proname OPERATOR(pg_catalog.=) m.name::pg_catalog.name
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.pronamespace
      AND n.nspname OPERATOR(pg_catalog.!~) '^pg_temp_'
  UNION ALL SELECT pg_catalog.concat_ws('.', 'operators', pg_catalog.count(*), pg_catalog.sum(
      pg_catalog.hashtextextended(pg_catalog.concat_ws('.', x.oid, x.xmin), 0)))
    FROM pg_catalog.pg_operator x WHERE x.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
  UNION ALL SELECT pg_catalog.concat_ws('.', 'casts', pg_catalog.count(*), pg_catalog.sum(
      pg_catalog.hashtextextended(pg_catalog.concat_ws('.', x.oid, x.xmin), 0)))
    FROM pg_catalog.pg_cast x WHERE x.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
)
SELECT pg_catalog.md5(pg_catalog.string_agg(stamp, ',' ORDER BY stamp COLLATE pg_catalog."C")) AS stamp FROM stamps
"""

# Fails with a division by zero where the stamp is another.
FRESH: Final = (
    "SELECT 1 OPERATOR(pg_catalog./) CASE WHEN s.stamp OPERATOR(pg_catalog.=) $4::pg_catalog.text THEN 1 ELSE 0 END "
    f"FROM ({STAMP}) AS s"
)

CHANGED: Final = build_error(
    "ERROR",
    "40001",
    "interlock refused what it had let pass: what the statement touches was changed by somebody else a moment ago",
    detail="A trigger, a key, a rule, an heir or another body of a function may have come that the decision did not "
    "look at. Nothing of the statement is left.",
    hint="Run it again.",
)

_EXECUTE: Final = Verb.EXECUTE
_WRITES: Final = frozenset({Verb.CREATE, Verb.CHANGE, Verb.DELETE})


class Touched(NamedTuple):
    """Schemas and names of relations, side by side, and names of functions."""

    schemas: tuple[str, ...]
    names: tuple[str, ...]
    functions: tuple[str, ...]


Stamp = tuple[Touched, str]


def touched(statement: Statement) -> Touched | None:
    """What a statement is compared by: the relations that it writes, the views on its way, the code that it runs.

    None where nothing need be compared: for reads of tables alone, and for what changes the catalogue. That changes its
    own stamp as well (CREATE TABLE AS), and waits for locks that keep others out.
    """
    if statement.ddl:
        return None
    if not statement.writes and _EXECUTE not in [effect.verb for effect in statement.intent.effects]:
        return None
    effects = [effect for effect in statement.intent.effects if effect.object.known and len(effect.object.path) == 3]
    code = {
        effect.object.path[2]
        for effect in effects
        if effect.verb is Verb.EXECUTE
        and effect.object.kind is ObjectKind.FUNCTION
        and effect.object.path[1] not in ("pg_catalog", "pg_temp")
    }
    if not (statement.writes or code):
        return None
    paths = {
        effect.object.path[1:]
        for effect in effects
        if (effect.object.kind is ObjectKind.TABLE and effect.verb in _WRITES) or effect.object.kind is ObjectKind.VIEW
    }
    listed = sorted(path for path in paths if path[0] not in ("pg_catalog", "pg_temp"))
    if not (listed or code):
        return None
    return Touched(tuple(schema for schema, _ in listed), tuple(name for _, name in listed), tuple(sorted(code)))


def check(expected: Stamp) -> bytes:
    """Bind, Execute and Close of the comparison."""
    what, stamp = expected
    bind = build_bind(NAME, NAME, [*map(_array, what), stamp.encode()])
    return bind + build_execute(NAME) + build_close(Part.PORTAL, NAME)


def check_dues() -> list[Due]:
    """What is owed for `check`."""
    compare = Due(kinds.EXECUTE, Show.NOTHING, instead=CHANGED, fails="22012")
    return [Due(kinds.BIND, Show.NOTHING), compare, Due(kinds.CLOSE, Show.NOTHING)]


def _array(texts: Iterable[str]) -> bytes:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return ("{" + ",".join(f'"{text}"' for text in quoted) + "}").encode()
