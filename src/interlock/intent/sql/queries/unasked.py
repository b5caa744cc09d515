"""Code that runs although no statement names it: casts and checks that come with types (ADR 0013)."""

from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, names, number


def unasked(reading: Reading) -> None:
    """Casts between types of the server that nobody has to write: `true + 1` may run one."""
    for cast in reading.catalog.everywhere:
        why = f"the cast from `{cast.source}` to `{cast.target}`, unasked,"
        reading.user_code(cast.function_schema, cast.function, why)


def type_name(reading: Reading, inner: Node, *, literal: bool = False) -> None:
    """A type named in a cast or definition: a domain with checks runs them, a cast of users its function."""
    qualified = names(inner, "names")
    if not qualified:
        return
    location = number(inner, "location", -1)
    schema = qualified[-2] if len(qualified) > 1 else None
    for found in reading.catalog.type_code.get(qualified[-1], ()):
        if found.type_schema == schema if schema is not None else found.type_schema in reading.path:
            reading.user_code(found.schema, found.function, f"a value of type `{found.type}`", location)
    for cast in reading.catalog.casts if not literal else ():
        if cast.target == qualified[-1] and cast.extension is None:
            reading.user_code(cast.function_schema, cast.function, f"the cast to `{cast.target}`", location)
