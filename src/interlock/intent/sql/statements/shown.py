"""Settings that are read in other ways than SHOW: pg_settings, pg_show_all_settings(), current_setting().

A secret is refused by its name however it is asked for. Of these the server leaves connections and passphrases out of
lists for everybody but superusers and members of pg_read_all_settings; the commands that archive and restore it shows
to all. Where the target's login is one of those, or such a command is set, a list has to say which names it is of.
"""

import re
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
_MOST_GAPS: Final = 3  # of a pattern of LIKE: each is tried at every place


def sees_hidden(reading: Reading) -> bool:
    """Whether the server would show this login what it hides from others."""
    return reading.scope.user in reading.catalog.settings_readers


def sees_secrets(reading: Reading) -> bool:
    """Whether a list would show it one of `SHOWABLE_SECRETS`: those, or commands that are set, shown to everybody."""
    return reading.catalog.commands_hold or sees_hidden(reading)


def refuse_list(reading: Reading, location: int) -> None:
    """A list of every setting, where some of them may hold credentials."""
    message = (
        "a list of all settings shows this login some that may hold credentials (commands that archive and restore, "
        "connections of standbys); name those you want (`WHERE name = ...`)"
    )
    reading.refuse(FindingCode.SETTING_REFUSED, message, location)


def judge_current(reading: Reading, arguments: list[Node], location: int) -> None:
    """current_setting(name): a name that is computed may be any."""
    asked = fold(_NAMELESS, arguments[0]) if arguments else None
    if isinstance(asked, str):
        if asked.lower() in SHOWABLE_SECRETS:
            reading.refuse(FindingCode.SETTING_REFUSED, "this setting can hold credentials; leave it out", location)
    elif not _custom(arguments) and (sees_hidden(reading) or (sees_secrets(reading) and not _parameter(arguments))):
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


def _custom(arguments: list[Node]) -> bool:
    """`'app.' || x`: whatever follows a dot, it is a variable of the session."""
    joined = body(arguments[0], "A_Expr") if arguments else None
    if joined is None or names(joined, "name") != ("||",):
        return False
    begin = fold(_NAMELESS, node(joined, "lexpr"))
    return isinstance(begin, str) and "." in begin


def _parameter(arguments: list[Node]) -> bool:
    """A driver asks for one setting by its name, as a parameter: what the server shows to everybody, it may show it."""
    kind, inner = unwrap(arguments[0] if arguments else None)
    while kind == "TypeCast":
        kind, inner = unwrap(node(inner, "arg"))
    return kind == "ParamRef"


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
    kind, column = word(inner, "kind"), names(body(node(inner, "lexpr"), "ColumnRef") or {}, "fields")[-1:]
    if column != ("name",):
        return False
    if names(inner, "name") in {("~~",), ("~~*",)}:
        pattern = fold(_NAMELESS, node(inner, "rexpr"))
        return kind in {"AEXPR_LIKE", "AEXPR_ILIKE"} and isinstance(pattern, str) and _spares(pattern)
    if kind not in {"AEXPR_OP", "AEXPR_IN"} or names(inner, "name") != ("=",):
        return False
    _, listed = unwrap(node(inner, "rexpr"))
    values = nodes(listed, "items") if kind == "AEXPR_IN" else [node(inner, "rexpr") or {}]
    return all(isinstance(fold(_NAMELESS, value), str) for value in values)


def _spares(pattern: str) -> bool:
    """Whether a pattern of LIKE, of either case, matches no secret."""
    parts = [".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern]
    written = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    plain = "\\" not in pattern and pattern.count("%") <= _MOST_GAPS
    return plain and not any(written.fullmatch(secret) for secret in SHOWABLE_SECRETS)
