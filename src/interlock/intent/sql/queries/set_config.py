"""set_config: SET as a function, also several of one statement."""

from interlock.intent.sql.queries import names as naming
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.statement import Flow
from interlock.intent.sql.statements.settings import COMPUTED, is_custom, set_setting
from interlock.intent.sql.tree import Node, body, constant, names
from interlock.model import FindingCode


def set_config(reading: Reading, level: Level | None, arguments: list[Node], location: int) -> None:
    """set_config(name, value, local) is SET; where its name or its reach is computed nobody knows of what."""
    name = _setting_name(level, arguments[0]) if arguments else None
    local = constant(arguments[-1]) if arguments else None
    if len(arguments) != 3 or name is None or not isinstance(local, bool):
        message = "`set_config` with a computed name is refused; use literals"
        reading.refuse(FindingCode.SETTING_REFUSED, message, location)
    else:
        _set_beside_others(reading, name.lower(), _setting_value(arguments[1]), local, location)


def _set_beside_others(reading: Reading, name: str, value: str | None, local: bool, location: int) -> None:
    """One of several set_config of a statement: only one may be a setting that the server reads, since one is
    followed; those of applications (`request.method`, as PostgREST sets a dozen) stand beside it."""
    first = (reading.name, reading.value, reading.local) if reading.flow is Flow.SET else None
    if first is not None and not is_custom(name) and not is_custom(first[0] or ""):
        reading.refuse(FindingCode.SETTING_REFUSED, "`set_config` more than once; set one value a statement", location)
        return
    set_setting(reading, name, value, local, location)
    if first is not None and is_custom(name):
        reading.name, reading.value, reading.local = first


def _setting_name(level: Level | None, argument: Node) -> str | None:
    """A literal, or a column that the WHERE fixes to one: pg_dump sets what it finds in pg_settings."""
    fixed = constant(argument)
    if isinstance(fixed, str):
        return fixed
    reference = body(argument, "ColumnRef")
    found = naming.lookup(level, names(reference, "fields")) if reference is not None else None
    return found[0].constants.get(found[1]) if found is not None else None


def _setting_value(argument: Node) -> str | None:
    """The text of a literal; COMPUTED for what is only known when it runs."""
    if "A_Const" not in argument:
        return COMPUTED
    value = constant(argument)
    return None if value is None else str(value)
