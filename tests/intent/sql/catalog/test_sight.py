"""What names without a schema mean along a search path, and what is kept so that it is worked out once."""

from itertools import combinations
from typing import Final

from interlock.intent.sql import Catalog, understand
from tests.intent.sql.shop import CATALOG, LABELS, SNAPSHOT, meaning, scope

_COLUMNS: Final = ("id", "email", "name", "ssn", "country", "email_domain", "created_at")


def fresh() -> Catalog:
    """The shop's catalogue, asked about nothing yet."""
    return Catalog.from_json(SNAPSHOT.read_bytes(), labels=LABELS)


def test_the_first_schema_of_the_path_that_has_the_name_wins() -> None:
    known = fresh()
    name = next(name for name in known.relations["public"] if name not in known.relations["pg_catalog"])
    there = known.relation("public", name)
    assert known.sight(("pg_catalog", "public")).relation(name) is there
    assert known.sight(("pg_catalog",)).relation(name) is None
    assert known.sight(("pg_catalog", "public")).relation("nothing_of_the_kind") is None


def test_a_path_is_looked_along_once() -> None:
    known = fresh()
    assert known.sight(("pg_catalog", "public")) is known.sight(("pg_catalog", "public"))
    assert known.sight(("public", "pg_catalog")) is not known.sight(("pg_catalog", "public"))


def test_clients_that_set_ever_new_paths_fill_no_memory() -> None:
    known = fresh()
    first = known.sight(("first", "public"))
    for number in range(300):
        known.sight((f"schema_{number}", "public"))
    assert known.sight(("first", "public")) is not first
    assert known.sight(("first", "public")).relation("customers") is known.relation("public", "customers")


def test_equal_effects_without_findings_are_one_value() -> None:
    one, other = meaning("SELECT name FROM customers WHERE id = 1"), meaning("SELECT name FROM customers WHERE id = 2")
    assert one.intent.effects[0] is other.intent.effects[0]
    (wider,) = meaning("SELECT name, country FROM customers WHERE id = 1").intent.effects
    assert [field.name for field in wider.fields or ()] == ["id", "name", "country"]


def test_the_effects_that_a_relation_keeps_are_bounded() -> None:
    for condition in [f"{column} {asks}" for column in _COLUMNS for asks in ("= '7'", "IN ('7', '8')")]:
        for size in range(1, len(_COLUMNS) + 1):
            for chosen in combinations(_COLUMNS, size):
                (statement,) = understand(f"SELECT {', '.join(chosen)} FROM customers WHERE {condition}", scope())
                names = {field.name for field in statement.intent.effects[0].fields or ()}
                assert names == {*chosen, condition.split()[0]}
    held = CATALOG.relation("public", "customers")
    assert held is not None
    assert 0 < len(held.effects) <= 256
