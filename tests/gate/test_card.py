"""What an approver sees of a statement's own values: nothing where they may be secrets."""

import pytest
from msgspec.structs import replace

from interlock.gate.card import card_of
from interlock.model import Card, Case, Command, Effect, Field, Intent, Object, ObjectKind, Reach, Verb
from tests.gate.stage import HOLD, ORDERS, SECRETS, SESSION

ROLE = Object(kind=ObjectKind.ROLE, path=("shop", "eve"))
PLAIN = Effect(verb=Verb.DELETE, object=ORDERS, reach=Reach.SOME, fields=(Field(name="id"),))
COMMAND = Command(
    id="c",
    session=SESSION,
    language="postgresql",
    text="DELETE FROM orders WHERE id = 7 OR id = $1 OR id = $2",
    unit="u",
    received_at=0,
    arguments=(b"8", b"\x00\x09", None),
    formats=(0, 1, 0),
)


def card(*effects: Effect, understood: bool = True) -> Card:
    intent = Intent(effects=effects, returns=None, findings=(), understood=understood, shape="SHAPE", fingerprint="f")
    return card_of(Case(command=COMMAND, intent=intent, offers=frozenset(), at=0), HOLD)


def test_harmless_values_are_shown() -> None:
    assert card(PLAIN).text == COMMAND.text
    assert card(PLAIN).values == ("8", "(2 bytes in binary)", None)


@pytest.mark.parametrize(
    "effect",
    [
        replace(PLAIN, object=SECRETS),
        replace(PLAIN, fields=(Field(name="email", labels=frozenset({"pii"})),)),
        replace(PLAIN, fields=None),
        replace(PLAIN, object=replace(ORDERS, known=False)),
        Effect(verb=Verb.CONFIGURE, object=ROLE, reach=Reach.ONE),
        Effect(verb=Verb.GRANT, object=ROLE, reach=Reach.ONE),
        Effect(verb=Verb.EXECUTE, object=replace(ORDERS, kind=ObjectKind.FUNCTION), reach=Reach.UNKNOWN),
    ],
)
def test_what_may_hold_a_secret_shows_its_shape_alone(effect: Effect) -> None:
    shown = card(PLAIN, effect)
    assert (shown.text, shown.values, shown.shape) == (None, (), "SHAPE")


def test_so_does_what_is_not_understood() -> None:
    assert card(PLAIN, understood=False).text is None
    assert card().text is None
