"""The comparison can fail: an effect that is taken away is missed, by the counters, by the locks or by the resolver."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from interlock.app.explaining import Explanation
from interlock.intent.sql.resolver import left_out
from tests.differential.claims import claims, untold
from tests.differential.resolved import resolve
from tests.differential.touched import touch
from tests.differential.worlds import World, serving, shop_of_corpus

# (what is taken away, the text)
CASES = (
    ("delete public.order_items", "DELETE FROM customers WHERE id = 1"),
    ("change public.payments", "DELETE FROM customers WHERE id = 1"),
    ("create public.audit_log", "UPDATE accounts SET balance = 0 WHERE id = 1"),
    ("read public.customers", "SELECT address FROM contact_cards WHERE address LIKE 'a%'"),
    ("read public.contact_book", "SELECT address FROM contact_cards WHERE address LIKE 'a%'"),
    ("execute app.vat", "SELECT n.body, app.vat(o.total) FROM notes n JOIN orders o ON o.id = n.id"),
    ("read lab.notes", "INSERT INTO tickets SELECT id, body FROM lab.notes WHERE id > 100"),
    ("create public.tickets", "INSERT INTO tickets SELECT id, body FROM lab.notes WHERE id > 100"),
    ("change public.events", "UPDATE events SET at = at + interval '400 days' WHERE id = 0"),
    ("delete public.categories", "TRUNCATE categories, tickets"),
    ("read public.staff", "CREATE TABLE copied AS SELECT name FROM staff"),
    ("delete public.tickets", "WITH gone AS (DELETE FROM tickets RETURNING id) UPDATE counters SET value = 0"),
    ("destroy public.products", "DROP DOMAIN money_amount CASCADE"),
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving(18) as server, shop_of_corpus(server, 18) as found:
        yield found


def without(explained: list[Explanation], taken: str) -> list[Explanation]:
    """The same explanation with one effect fewer."""
    intent = explained[0].statement.intent
    effects = tuple(each for each in intent.effects if f"{each.verb.value} {each.object}" != taken)
    assert len(effects) < len(intent.effects), [f"{each.verb.value} {each.object}" for each in intent.effects]
    statement = msgspec.structs.replace(explained[0].statement, intent=replace(intent, effects=effects))
    return [replace(explained[0], statement=statement)]


@pytest.mark.parametrize(("taken", "text"), CASES, ids=[f"{taken}: {text[:30]}" for taken, text in CASES])
def test_an_effect_that_is_taken_away_is_missed(world: World, taken: str, text: str) -> None:
    explained = world.explainer.explain(text)
    ran, touched = touch(world.stage, text)
    assert touched is not None, ran.error
    found = resolve(world.stage, text)

    def missing(said: list[Explanation]) -> list[str]:
        effects = said[0].statement.intent.effects
        return untold(claims(said), touched) + (left_out(effects, found) if found is not None else [])

    assert missing(explained) == []
    assert missing(without(explained, taken)) != []


@pytest.mark.parametrize("column", ["email", "country"])
def test_a_column_that_is_not_named_is_missed(world: World, column: str) -> None:
    text = "SELECT c.email FROM customers c NATURAL JOIN (SELECT 'DE' AS country) d"
    found = resolve(world.stage, text)
    assert found is not None
    effects = world.explainer.explain(text)[0].statement.intent.effects
    assert left_out(effects, found) == []
    fewer = [
        replace(effect, fields=effect.fields and tuple(field for field in effect.fields if field.name != column))
        for effect in effects
    ]
    assert left_out(fewer, found) == [f"names public.customers.{column}"]
