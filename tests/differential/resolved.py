"""The server as resolver (design: sql.md 2): what it says a statement depends on, without running it.

A SQL function with a parsed body (PostgreSQL 14) keeps what it mentions in pg_depend: columns of stars, whole
rows, aliases, natural joins and the search_path resolved as only the server can. Views stand by name there, so their
own rules are followed. What initdb made is pinned and not shown, nor are triggers and rules.
"""

from dataclasses import dataclass
from typing import Final

import psycopg

from tests.differential.holding import Name
from tests.differential.stage import Stage

_DEPENDS: Final = """
WITH RECURSIVE deps(refclassid, refobjid, refobjsubid, depth) AS (
  SELECT d.refclassid, d.refobjid, d.refobjsubid, 0 FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = 'pg_temp.il_resolver'::regproc
UNION
  SELECT v.refclassid, v.refobjid, v.refobjsubid, 1 FROM deps
  JOIN pg_catalog.pg_rewrite r ON deps.refclassid = 'pg_catalog.pg_class'::regclass AND r.ev_class = deps.refobjid
    AND r.rulename = '_RETURN'
  JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
  JOIN pg_catalog.pg_depend v ON v.classid = 'pg_catalog.pg_rewrite'::regclass AND v.objid = r.oid
    AND v.deptype = 'n'
)
SELECT DISTINCT CASE depth WHEN 0 THEN 'relation' ELSE 'beneath' END, n.nspname, c.relname, a.attname FROM deps
  JOIN pg_catalog.pg_class c ON deps.refclassid = 'pg_catalog.pg_class'::regclass AND c.oid = deps.refobjid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = deps.refobjsubid AND a.attnum > 0
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT DISTINCT 'function', n.nspname, p.proname, NULL FROM deps
  LEFT JOIN pg_catalog.pg_operator o ON deps.refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = deps.refobjid
  JOIN pg_catalog.pg_proc p ON p.oid = CASE WHEN deps.refclassid = 'pg_catalog.pg_proc'::regclass THEN deps.refobjid
    ELSE o.oprcode END
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Columns by relation (schema, name), and the functions behind calls and operators. `beneath` are the relations
    that views name; which of their columns a column of the view needs the server does not say."""

    columns: dict[Name, frozenset[str]]
    beneath: frozenset[Name]
    functions: frozenset[Name]


def resolve(stage: Stage, text: str, *types: str) -> Resolved | None:
    """What one statement depends on; None where the server does not take it as the body of a function.

    `types` are those of its parameters. Only for texts of one statement.
    """
    stage.session.pgconn.exec_(b"BEGIN")
    made = stage.run(
        f"CREATE FUNCTION pg_temp.il_resolver({', '.join(types)}) RETURNS void LANGUAGE sql BEGIN ATOMIC\n{text}\n; END"
    )
    found = None
    if made.error is None and not made.ended:
        try:
            found = _read(stage)
        except psycopg.Error as error:
            raise AssertionError(f"the resolver could not be asked about `{text}`: {error}") from error
    stage.undo(spoilt=made.ended)
    return found


def _read(stage: Stage) -> Resolved:
    columns: dict[Name, set[str]] = {}
    functions: set[Name] = set()
    beneath: set[Name] = set()
    for what, schema, name, column in stage.rows(_DEPENDS):
        if what == "function":
            functions.add((str(schema), str(name)))
            continue
        if what == "beneath":
            beneath.add((str(schema), str(name)))
            continue
        of = columns.setdefault((str(schema), str(name)), set())
        if column is not None:
            of.add(str(column))
    return Resolved(
        columns={name: frozenset(found) for name, found in columns.items()},
        beneath=frozenset(beneath),
        functions=frozenset(functions),
    )
