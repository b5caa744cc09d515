"""What touching a view touches: the relations below it and the code in between."""

from interlock.intent.sql.catalog.relation import Relation
from interlock.intent.sql.reading import Reading
from interlock.model import Reach, Verb

SETTINGS = "pg_settings"


def view_bases(reading: Reading, relation: Relation, verb: Verb) -> None:
    """Add this verb on every relation that a view reads, with the columns that decide which rows there are, and EXECUTE
    for code inside. What the view's own columns come from is added once it is known which of them are read."""
    reading.shows = reading.shows or relation.name == SETTINGS
    if relation.row_security or relation.is_view:
        _code(reading, relation, {"policy", "view"})
    if not relation.is_view:
        return
    for base, columns in relation.expansion(()):
        reading.shows = reading.shows or base.name == SETTINGS
        gathered = reading.add(verb, base.object, Reach.UNKNOWN, fields=columns, relation=base)
        gathered.reach = Reach.UNKNOWN
        _code(reading, base, {"policy", "view"} if base.is_view else {"policy"})


def _code(reading: Reading, relation: Relation, kinds: set[str]) -> None:
    for by, schema, name in relation.code:
        if by in kinds:
            reading.user_code(schema, name, f"the {by} of `{relation.name}`")
