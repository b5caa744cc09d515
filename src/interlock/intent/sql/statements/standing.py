"""Settings that stay: ALTER SYSTEM, ALTER DATABASE and ALTER ROLE ... SET, and the SET clause of a function.

They are held to the allow-list of SET, since what they say holds in every later session, this gateway's or not.
"""

from collections.abc import Callable

from interlock.intent.sql.reading import Outputs, Reading
from interlock.intent.sql.statements.objects import database_named, role_name
from interlock.intent.sql.statements.settings import judge_setting
from interlock.intent.sql.tree import Node, constant, node, nodes, number, unwrap, word
from interlock.model import FindingCode, Object, ObjectKind, Reach, Verb


def standing(reading: Reading, statement: Node, reach: Reach = Reach.ALL) -> None:
    """One SET or RESET that outlives the session: CONFIGURE of the setting, or a refusal."""
    kind, name = word(statement, "kind"), word(statement, "name").lower()
    location = number(statement, "location", -1)
    if kind == "VAR_RESET_ALL":
        reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, "all"), reach)
        return
    if kind == "VAR_SET_MULTI":
        message = f"`set {name}` belongs to a transaction; set `default_transaction_isolation` instead"
        reading.refuse(FindingCode.SETTING_REFUSED, message, location)
        return
    judge_setting(reading, name, _value(statement) if kind == "VAR_SET_VALUE" else None, location)
    reading.add(Verb.CONFIGURE, reading.object(ObjectKind.SETTING, name), reach)


def _value(statement: Node) -> str:
    return ", ".join(text_of(argument) for argument in nodes(statement, "args"))


def text_of(argument: Node) -> str:
    """The text of one value in a SET."""
    kind, inner = unwrap(argument)
    if kind == "TypeCast":
        return text_of(node(inner, "arg") or {})
    value = constant(argument)
    return "" if value is None else str(value)


def _altered(reading: Reading, inner: Node, verb: Verb, object_: Object) -> Outputs:
    reading.ddl = reading.writes = True
    reading.add(verb, object_, Reach.ALL)
    standing(reading, node(inner, "setstmt") or {})
    return []


def alter_system(reading: Reading, inner: Node) -> Outputs:
    """ALTER SYSTEM writes postgresql.auto.conf: every database, every session, and outside of any transaction."""
    message = "ALTER SYSTEM cannot run inside a transaction, so it cannot be measured"
    reading.transactional = False
    reading.note(FindingCode.OUTSIDE_TRANSACTION, message)
    return _altered(reading, inner, Verb.CONFIGURE, reading.object(ObjectKind.TARGET))


def alter_database_set(reading: Reading, inner: Node) -> Outputs:
    """ALTER DATABASE ... SET: every later session of it."""
    return _altered(reading, inner, Verb.CONFIGURE, database_named(reading, word(inner, "dbname")))


def alter_role_set(reading: Reading, inner: Node) -> Outputs:
    """ALTER ROLE ... SET: every later session of that role, or of all."""
    role = node(inner, "role")
    object_ = reading.object(ObjectKind.ROLE, role_name(reading, role) if role is not None else "all")
    return _altered(reading, inner, Verb.GRANT, object_)


STATEMENTS: dict[str, Callable[[Reading, Node], Outputs]] = {
    "AlterSystemStmt": alter_system,
    "AlterDatabaseSetStmt": alter_database_set,
    "AlterRoleSetStmt": alter_role_set,
}
