"""The shape of a command: exactly the GRANTs that its effects need."""

import pytest

from interlock.access.privileges import Shape, shape_of
from interlock.intent.sql import Scope, understand
from tests.corpus.blocks import blocks
from tests.corpus.world import HERE, catalog

CATALOG = catalog()
SCHEMA = 'USAGE ON SCHEMA "public"'


def shape(text: str) -> Shape:
    (statement,) = understand(text, Scope(catalog=CATALOG, target=CATALOG.target, search_path=("public",), user="app"))
    return shape_of(statement.intent, statement, CATALOG)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("SELECT email FROM customers WHERE id = 1", {'SELECT ("email", "id") ON TABLE "public"."customers"', SCHEMA}),
        ("SELECT count(*) FROM customers", {'SELECT ("id") ON TABLE "public"."customers"', SCHEMA}),
        (
            "UPDATE customers SET email = 'x' WHERE id = 3",
            {'UPDATE ("email") ON TABLE "public"."customers"', 'SELECT ("id") ON TABLE "public"."customers"', SCHEMA},
        ),
        ("INSERT INTO orders (id) VALUES (1)", {'INSERT ("id") ON TABLE "public"."orders"', SCHEMA}),
        ("TRUNCATE orders", {'TRUNCATE ON TABLE "public"."orders"', SCHEMA}),
        ("BEGIN", set()),
        ("DISCARD ALL", set()),
        ("SELECT 1", set()),
    ],
)
def test_a_command_needs_exactly_this(text: str, needed: set[str]) -> None:
    found = shape(text)
    assert (found.owner, {str(one) for one in found.privileges}) == (False, needed)


@pytest.mark.parametrize(
    "text", ["ALTER TABLE orders ADD COLUMN more int", "DO $$ BEGIN END $$", "SELECT * FROM nowhere", "VACUUM orders"]
)
def test_what_is_ownership_or_unknown_takes_the_owner(text: str) -> None:
    assert shape(text).owner


def test_what_cannot_run_in_a_transaction_is_marked() -> None:
    assert not shape("VACUUM orders").inside
    assert shape("ALTER TABLE orders ADD COLUMN more int").inside


@pytest.mark.parametrize(
    "text", ["GRANT SELECT ON orders TO app", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"]
)
def test_what_gives_privileges_that_stay_is_marked(text: str) -> None:
    assert shape(text).stays


def test_equal_needs_are_one_shape_whatever_the_text() -> None:
    one, other = shape("SELECT email FROM customers WHERE id = 1"), shape("SELECT id FROM customers WHERE email = 'x'")
    assert (one, one.digest) == (other, other.digest)
    assert shape("SELECT id FROM customers").digest != one.digest


@pytest.mark.parametrize("name", ["evasions.txt", "lookalikes.txt", "migrations.txt"])
def test_the_corpus_is_never_lent_more_than_its_effects(name: str) -> None:
    for block in blocks(HERE / name):
        scope = Scope(catalog=CATALOG, target=CATALOG.target, search_path=("public",), user="app")
        for statement in understand(block.text, scope):
            touched = {effect.object.path[1:] for effect in statement.intent.effects}
            found = shape_of(statement.intent, statement, CATALOG)
            tables = {one.on for one in found.privileges if one.what == "TABLE"}
            assert tables <= touched, block.title
