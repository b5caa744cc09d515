"""Code that is made or attached now and runs for others later: each piece is an EXECUTE of its own (threats.md 16)."""

from interlock.intent.sql.code.functions import ACTING
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.statements.definitions import event_triggers
from interlock.intent.sql.tree import Node, body, names, node, nodes, word, wrapped_names
from interlock.model import FindingCode, Object, Reach, Verb


def attach(reading: Reading, object_: Object, message: str) -> None:
    """EXECUTE of `object_` for everyone whom `message` tells of."""
    reading.add(Verb.EXECUTE, object_, Reach.ALL, reading.finding(FindingCode.USER_CODE, message))


def function_named(reading: Reading, qualified: tuple[str, ...]) -> Object:
    """The function of this name: the user's own where the path reaches one, else the server's."""
    name = qualified[-1] if qualified else "?"
    schema = qualified[-2] if len(qualified) > 1 else ""
    found = {function.schema for function in reading.catalog.functions.get(name, ())}
    home = schema or next((searched for searched in reading.path if searched in found), "pg_catalog")
    return reading.function_object(home, name)


def attach_function(reading: Reading, qualified: tuple[str, ...], message: str) -> None:
    """A function that something new will call; one that acts beyond tables is told apart."""
    if not qualified:
        return
    object_ = function_named(reading, qualified)
    attach(reading, object_, message)
    if object_.path[1] == "pg_catalog" and qualified[-1] in ACTING:
        beyond = f"`{qualified[-1]}` acts beyond tables; nothing that runs unseen may call it"
        reading.add(Verb.EXECUTE, object_, Reach.ALL, reading.finding(FindingCode.DANGEROUS_FUNCTION, beyond))


def options(holder: Node, key: str) -> dict[str, Node]:
    """The DefElems of a list by their lower-cased names; of several the last one counts."""
    found = [body(wrapped, "DefElem") or {} for wrapped in nodes(holder, key)]
    return {word(option, "defname").lower(): option for option in found}


def argument_names(option: Node) -> tuple[str, ...]:
    """The qualified name that an option gives, however the grammar wrapped it; () for NONE."""
    wrapped = node(option, "arg")
    return wrapped_names(wrapped) if wrapped is not None else ()


def attach_options(reading: Reading, given: dict[str, Node], keys: frozenset[str], message: str) -> None:
    """Every function that the options of a definition name."""
    for key, option in given.items():
        if key in keys:
            attach_function(reading, argument_names(option), message)


def changes_structure(reading: Reading) -> None:
    """A change of the catalogue: it needs a transaction that writes and fires event triggers."""
    reading.ddl = reading.writes = True
    event_triggers(reading)


def created_in(reading: Reading, holder: Node, key: str) -> tuple[str, str]:
    """(schema, name) of something new; its schema is configured."""
    qualified = names(holder, key)
    schema = reading.creation_schema(qualified[-2] if len(qualified) > 1 else "")
    changes_structure(reading)
    reading.add(Verb.CONFIGURE, reading.schema_object(schema), Reach.ONE)
    return schema, qualified[-1] if qualified else "?"


def outside_transaction(reading: Reading, what: str) -> None:
    """It cannot run inside a transaction block, so nothing can be measured before it lands."""
    reading.transactional = False
    reading.note(FindingCode.OUTSIDE_TRANSACTION, f"{what} cannot run inside a transaction, so it cannot be measured")
