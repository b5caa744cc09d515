"""The server as resolver: what it says a statement depends on, without running it, beside what the effects say.

A SQL function with a parsed body (PostgreSQL 14) keeps what it mentions in pg_depend: columns of stars, whole
rows, aliases, natural joins and the search_path resolved as only the server can. Views stand by name there, so their
own rules are followed. What initdb made is pinned and not shown, nor are triggers and rules.

Making that function is an act on the server (it may wait for locks, and event triggers see it): it is for tests, and
for `interlock explain --resolve` on a server that somebody names for it, never for the gateway.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from interlock.intent.sql.statement import Statement
from interlock.model import Effect, ObjectKind, Reach, Verb

Name = tuple[str, ...]
RESOLVABLE: Final = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
DEPENDS: Final = """
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
_PARAMETER: Final = re.compile(r"\$(\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Columns by relation (schema, name), and the functions behind calls and operators. `beneath` are the relations
    that views name; which of their columns a column of the view needs the server does not say."""

    columns: dict[Name, frozenset[str]]
    beneath: frozenset[Name]
    functions: frozenset[Name]


def resolver(text: str) -> str:
    """The statement that makes the server resolve one statement, in a transaction that is then rolled back.

    Parameters are declared as numbers: a text whose parameters are anything else is not taken.
    """
    types = ["bigint"] * max((int(number) for number in _PARAMETER.findall(text)), default=0)
    return (
        f"CREATE FUNCTION pg_temp.il_resolver({', '.join(types)}) RETURNS void LANGUAGE sql BEGIN ATOMIC\n{text}\n; END"
    )


def read_resolved(rows: Iterable[Sequence[object]]) -> Resolved:
    """The answer to DEPENDS."""
    columns: dict[Name, set[str]] = {}
    others: dict[str, set[Name]] = {"beneath": set(), "function": set()}
    for what, schema, name, column in rows:
        named = (str(schema), str(name))
        if what == "relation":
            columns.setdefault(named, set()).update({str(column)} if column is not None else ())
        else:
            others[str(what)].add(named)
    return Resolved(
        columns={name: frozenset(found) for name, found in columns.items()},
        beneath=frozenset(others["beneath"]),
        functions=frozenset(others["function"]),
    )


def left_out(effects: Iterable[Effect], resolved: Resolved) -> list[str]:
    """What the server says a text depends on and no effect names: columns, relations, functions. [] where none is."""
    fields, verbs = _claimed(effects)
    # With ON CONFLICT DO UPDATE the server names every column: EXCLUDED is a row of them.
    whole = {name for name, found in verbs.items() if {Verb.CREATE, Verb.CHANGE} <= found}
    missing: list[str] = []
    for name, columns in resolved.columns.items():
        # Without columns it is a row type, a name in a literal, or a table of which no column matters.
        if columns and name not in whole:
            missing += _unnamed(name, columns, fields)
    missing += [f"names {shown(name)}" for name in resolved.beneath if name not in fields]
    missing += [f"runs {shown(name)}" for name in resolved.functions if Verb.EXECUTE not in verbs.get(name, ())]
    return sorted(missing)


def is_opaque(statement: Statement) -> bool:
    """Whether it is not understood, or runs code that may do anything: its effects then do not claim to be all."""
    return not statement.intent.understood or any(
        (effect.verb is Verb.EXECUTE and effect.reach is not Reach.ONE) or effect.object.kind is ObjectKind.UNKNOWN
        for effect in statement.intent.effects
    )


def shown(name: Name) -> str:
    """As it is written."""
    return ".".join(name)


def _unnamed(name: Name, columns: frozenset[str], fields: dict[Name, set[str] | None]) -> list[str]:
    if name not in fields:
        return [f"names {shown(name)}"]
    named = fields[name]
    return [] if named is None else [f"names {shown(name)}.{column}" for column in columns - named]


def _claimed(effects: Iterable[Effect]) -> tuple[dict[Name, set[str] | None], dict[Name, set[Verb]]]:
    fields: dict[Name, set[str] | None] = {}
    verbs: dict[Name, set[Verb]] = {}
    for effect in effects:
        name = effect.object.path[1:]
        verbs.setdefault(name, set()).add(effect.verb)
        known = fields.setdefault(name, set())
        if effect.fields is None:
            fields[name] = None
        elif known is not None:
            known.update(field.name for field in effect.fields)
    return fields, verbs
