"""Settings that are read in other ways than SHOW: pg_settings, pg_show_all_settings(), current_setting().

A secret is refused by its name however it is asked for. The server leaves it out of lists for everybody but superusers
and members of pg_read_all_settings; where the target's login is one of those, a list has to say which names it is of.
"""

from typing import Final

from interlock.intent.sql.conditions.folding import fold
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.smallness import conjuncts
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.statements.settings import SHOWABLE_SECRETS
from interlock.intent.sql.tree import Node, body, constant, names, node, nodes, unwrap, within, word
from interlock.model import FindingCode, Verb

VIEW: Final = "pg_settings"
FUNCTION: Final = "pg_show_all_settings"
_VALUES: Final = frozenset({"setting", "boot_val", "reset_val"})
_NAMELESS: Final = Level(None)


def sees_secrets(reading: Reading) -> bool:
    """Whether the server would show this login what it hides from others."""
    return reading.scope.user in reading.catalog.settings_readers


def judge_current(reading: Reading, arguments: list[Node], location: int) -> None:
    """current_setting(name): a name that is computed may be any."""
    asked = fold(_NAMELESS, arguments[0]) if arguments else None
    if isinstance(asked, str):
        if asked.lower() in SHOWABLE_SECRETS:
            reading.refuse(FindingCode.SETTING_REFUSED, "this setting can hold credentials; leave it out", location)
    elif sees_secrets(reading) and not _custom(arguments):
        refuse_list(reading, location)


def judge_shown(reading: Reading, statement: Node) -> None:
    """A statement that reads pg_settings or calls pg_show_all_settings()."""
    path = (reading.target, "pg_catalog", VIEW)
    held = next((g for g in reading.gathered_after(0) if g.verb is Verb.READ and g.object.path == path), None)
    called = any(names(inside, "funcname")[-1:] == (FUNCTION,) for inside in within(statement))
    if not called and (held is None or (held.fields is not None and held.fields.isdisjoint(_VALUES))):
        return
    if any(str(constant({"A_Const": inside["A_Const"]})).lower() in SHOWABLE_SECRETS
           for inside in within(statement) if "A_Const" in inside):  # fmt: skip
        reading.refuse(FindingCode.SETTING_REFUSED, "this setting can hold credentials; leave it out")
    elif sees_secrets(reading) and not _named(statement):
        refuse_list(reading, -1)


def _note_call(reading: Reading, arguments: list[Node], location: int) -> None:
    reading.shows = True


# Called with the arguments of a call and its place.
SHOWING: Final = {"current_setting": judge_current, FUNCTION: _note_call}


def refuse_list(reading: Reading, location: int) -> None:
    """A list of every setting, for a login that sees them all."""
    message = (
        "this login of the target sees settings that hold credentials; name those you want (`WHERE name = ...`), or "
        "take pg_read_all_settings from the login"
    )
    reading.refuse(FindingCode.SETTING_REFUSED, message, location)


def _custom(arguments: list[Node]) -> bool:
    """`'app.' || x`: whatever follows a dot, it is a variable of the session."""
    joined = body(arguments[0], "A_Expr") if arguments else None
    if joined is None or names(joined, "name") != ("||",):
        return False
    begin = fold(_NAMELESS, node(joined, "lexpr"))
    return isinstance(begin, str) and "." in begin


def _named(statement: Node) -> bool:
    """Whether every query that takes rows of the list says by literals which names it wants."""
    listing = 0
    for inside in within(statement):
        if not any(map(_lists, nodes(inside, "fromClause"))):
            continue
        listing += 1
        if not any(map(_picks, conjuncts(node(inside, "whereClause")))):
            return False
    mentioned = sum(word(inside, "relname") == VIEW for inside in within(statement))
    mentioned += sum(names(inside, "funcname")[-1:] == (FUNCTION,) for inside in within(statement))
    return listing == mentioned > 0


def _lists(item: Node) -> bool:
    """The list itself, under no other names of its columns."""
    kind, inner = unwrap(item)
    if "colnames" in (node(inner, "alias") or {}) or "coldeflist" in inner:
        return False
    if kind == "RangeVar":
        return word(inner, "relname") == VIEW
    parts = [each for part in nodes(inner, "functions") for each in nodes(unwrap(part)[1], "items")]
    called = [body(each, "FuncCall") or {} for each in parts]
    return kind == "RangeFunction" and any(names(each, "funcname")[-1:] == (FUNCTION,) for each in called)


def _picks(condition: Node) -> bool:
    inner = body(condition, "A_Expr") or {}
    column = names(body(node(inner, "lexpr"), "ColumnRef") or {}, "fields")
    if inner.get("kind") not in {"AEXPR_OP", "AEXPR_IN"} or names(inner, "name") != ("=",) or column[-1:] != ("name",):
        return False
    _, listed = unwrap(node(inner, "rexpr"))
    values = nodes(listed, "items") if inner.get("kind") == "AEXPR_IN" else [node(inner, "rexpr") or {}]
    return all(isinstance(fold(_NAMELESS, value), str) for value in values)
