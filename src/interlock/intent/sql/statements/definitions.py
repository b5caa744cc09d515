"""Columns and constraints as they are defined: the code they keep, the tables they refer to."""

from interlock.intent.sql.queries.expressions import operator, walk
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.queries.unasked import type_name
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, body, names, node, nodes, word
from interlock.model import FindingCode, Reach, Verb

_PLAIN = frozenset(
    {
        "CONSTR_NULL", "CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_IDENTITY", "CONSTR_ATTR_DEFERRABLE",
        "CONSTR_ATTR_NOT_DEFERRABLE", "CONSTR_ATTR_DEFERRED", "CONSTR_ATTR_IMMEDIATE",
        "CONSTR_ATTR_ENFORCED", "CONSTR_ATTR_NOT_ENFORCED",
    }
)  # fmt: skip
_KEEPING = frozenset({"CONSTR_DEFAULT", "CONSTR_CHECK", "CONSTR_GENERATED"})


def definition(reading: Reading, level: Level | None, inner: Node) -> None:
    """One column: its type, its default, its constraints."""
    named = node(inner, "typeName")
    before = len(reading.effects())
    if named is not None:
        type_name(reading, named)
    walk(reading, level, inner.get("raw_default"))
    code_kept(reading, before, "a default")
    for wrapped in nodes(inner, "constraints"):
        constraint(reading, level, body(wrapped, "Constraint") or {})


def constraint(reading: Reading, level: Level | None, inner: Node) -> None:
    """One constraint: a foreign key touches the other table, an expression keeps the code it names."""
    kind = word(inner, "contype")
    if kind == "CONSTR_FOREIGN":
        parent = node(inner, "pktable") or {}
        relation, object_ = reading.named(parent)
        if relation is not None or word(parent, "relname"):
            reading.add(Verb.CONFIGURE, object_, Reach.ONE, relation=relation)
    elif kind in _KEEPING:
        before = len(reading.effects())
        walk(reading, level, inner.get("raw_expr"))
        code_kept(reading, before, "a constraint")
    elif kind == "CONSTR_EXCLUSION":
        _exclusion(reading, level, inner)
    elif kind not in _PLAIN:
        reading.unmapped(f"Constraint {kind}")


def _exclusion(reading: Reading, level: Level | None, inner: Node) -> None:
    """EXCLUDE compares every new row with the others by operators, over expressions, where a condition holds."""
    before = len(reading.effects())
    for wrapped in nodes(inner, "exclusions"):
        for part in nodes(body(wrapped, "List") or {}, "items"):
            element, operators = body(part, "IndexElem"), body(part, "List")
            if element is not None:
                walk(reading, level, element.get("expr"))
            elif operators is not None:
                operator(reading, names(operators, "items"))
    walk(reading, level, inner.get("where_clause"))
    code_kept(reading, before, "a constraint")


def code_kept(reading: Reading, before: int, where: str) -> None:
    """User code that a definition names will run for everyone who touches it later (threats.md 16)."""
    for gathered in reading.gathered_after(before):
        if gathered.verb is Verb.EXECUTE:
            gathered.reach = Reach.ALL
            message = f"{where} keeps `{gathered.object}`: it runs for everyone who touches the table"
            gathered.note(reading.finding(FindingCode.USER_CODE, message))


def event_triggers(reading: Reading) -> None:
    """Changes of structure fire event triggers, which run user code with the rights of whoever made the change."""
    for trigger in reading.catalog.event_triggers:
        if trigger.event != "login":
            reading.user_code(trigger.schema, trigger.function, f"the event trigger `{trigger.name}`")
