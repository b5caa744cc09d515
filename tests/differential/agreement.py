"""One text on a real server beside its effects: where they say less than is true."""

from dataclasses import dataclass
from typing import Final

from interlock.app.explaining import Explanation
from interlock.intent.sql.resolver import RESOLVABLE, left_out
from interlock.model import Verb
from tests.differential.claims import claims, untold
from tests.differential.resolved import resolve
from tests.differential.touched import touch
from tests.differential.worlds import World

_TAKEN_KEY: Final = "23505"
# A difference that a text with these words may have, and why nothing is left out.
ACCEPTED: Final = {
    "pg_get_viewdef": "the server opens the tables of a view to print its text; no row is read",
    "view_definition": "the same, asked of information_schema",
    "definition FROM pg_views": "the same, asked of pg_views",
    "pg_get_functiondef": "the text of a function is printed; it does not run",
    "OWNED BY": "a table is opened to look at its owner; no row is read",
    "NULL::vouchers": "the type of a row is mentioned, not the table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A text, whether the server ran and resolved it, and what its effects leave out."""

    text: str
    allowed: bool
    ran: bool
    resolved: bool
    error: str | None
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'ALLOWED ' if self.allowed else ''}{self.text}\n    leaves out: {'; '.join(self.missing)}"


def compare(world: World, text: str, *before: str) -> Compared:
    """Run a text, resolve it where it is one statement that reads or writes rows, and compare both with its effects.

    `before` are statements that the text builds on; their own effects are not looked at.
    """
    every = world.explainer.explain(";\n".join([*before, text]))
    explained = every[len(before) :]
    claimed = claims(explained)
    ran, touched = touch(world.stage, text, *before)
    if ran.error is not None and ran.error.startswith(_TAKEN_KEY):
        ran, touched = touch(world.stage, text, *before, *_making_room(world, explained))
    missing = untold(claimed, touched) if touched is not None else []
    found = None
    if len(explained) == 1 and explained[0].statement.node in RESOLVABLE and not before:
        found = resolve(world.stage, text)
        if found is not None and not claimed.opaque:
            missing += left_out(explained[0].statement.intent.effects, found)
    if any(words in text for words in ACCEPTED):
        missing = []
    return Compared(
        text=text,
        allowed=claimed.allowed,
        ran=touched is not None,
        resolved=found is not None,
        error=ran.error,
        missing=tuple(missing),
    )


def _making_room(world: World, explained: list[Explanation]) -> list[str]:
    """Take away the rows whose keys stand in the way of new ones, without anything following from it."""
    stored = {held.name for held in world.stage.holding.relations.values() if held.kind in "rp"}
    into = {
        ".".join(f'"{part}"' for part in effect.object.path[1:])
        for each in explained for effect in each.statement.intent.effects
        if effect.verb is Verb.CREATE and effect.object.path[1:] in stored
    }  # fmt: skip
    emptied = [f"DELETE FROM {name}" for name in sorted(into)]
    return ["SET session_replication_role = replica", *emptied, "SET session_replication_role = origin"]
