"""What the core values promise: they do not change, what is not known is not small, and only yes means yes."""

import inspect

import pytest
from msgspec import Struct

from interlock import model
from interlock.model import (
    UNKNOWN_IMPACT,
    Basis,
    Decision,
    Effect,
    Finding,
    FindingCode,
    Intent,
    Object,
    ObjectKind,
    Principal,
    PrincipalKind,
    Reach,
    Verb,
    Verdict,
)

PERSON = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config")
SERVICE = Principal(id="planner", kind=PrincipalKind.SERVICE, issuer="config", on_behalf_of=PERSON)
AGENT = Principal(id="coder", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=SERVICE)

VALUES = [found for _, found in inspect.getmembers(model, inspect.isclass) if issubclass(found, Struct)]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_takes_no_new_attribute(value: type[Struct]) -> None:
    assert value.__struct_config__.frozen
    assert value.__dictoffset__ == 0


def test_a_value_does_not_change() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        AGENT.id = "root"  # type: ignore[misc]


def test_a_chain_goes_from_the_hand_to_the_human() -> None:
    assert list(AGENT.chain()) == [AGENT, SERVICE, PERSON]
    assert AGENT.root is PERSON
    assert PERSON.root is PERSON


@pytest.mark.parametrize(("verdict", "allowed"), [(Verdict.ALLOW, True), (Verdict.HOLD, False), (Verdict.DENY, False)])
def test_only_allow_lets_pass(verdict: Verdict, allowed: bool) -> None:
    decision = Decision(verdict=verdict, reasons=(), obligations=(), policy_version="sha256:0")
    assert decision.allowed is allowed


def test_nothing_is_known_of_an_impact_until_somebody_counts() -> None:
    assert UNKNOWN_IMPACT.basis is Basis.UNKNOWN
    assert (UNKNOWN_IMPACT.rows, UNKNOWN_IMPACT.bytes, UNKNOWN_IMPACT.reversible) == (None, None, None)


def test_an_object_reads_as_its_path_inside_the_target() -> None:
    assert str(Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"))) == "public.orders"
    assert str(Object(kind=ObjectKind.TARGET, path=("shop",))) == "shop"


def test_findings_of_the_command_come_before_those_of_its_effects() -> None:
    first, second, third = (
        Finding(code=code, message=code.value)
        for code in (FindingCode.MALFORMED, FindingCode.NO_WHERE, FindingCode.CASCADES)
    )
    orders = Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"))
    effects = tuple(
        Effect(verb=Verb.DELETE, object=orders, reach=Reach.ALL, findings=(finding,)) for finding in (second, third)
    )
    intent = Intent(
        effects=effects, returns=None, findings=(first,), understood=True, shape="DELETE FROM orders", fingerprint="f"
    )
    assert intent.all_findings() == (first, second, third)


def test_the_vocabulary_is_closed() -> None:
    """A tenth verb is a decision for every policy that exists, not a line in one language."""
    assert {verb.value for verb in Verb} == {
        "read", "export", "create", "change", "delete", "destroy", "configure", "grant", "execute",
    }  # fmt: skip
