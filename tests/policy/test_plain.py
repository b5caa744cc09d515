"""Conditions of permits in plain words; what there are none for stays in Cedar's."""

import json

import pytest
from cedarpy import policies_to_json_str

from interlock.model import Object, ObjectKind, Verb
from interlock.policy import Bundle, Judge
from interlock.policy.plain import phrase, scope_body
from interlock.policy.tree import Tree
from tests.policy.world import EVE, ZED, case, effect, pack


def parsed(text: str) -> Tree:
    (policy,) = json.loads(policies_to_json_str(text))["staticPolicies"].values()
    assert isinstance(policy, dict)
    return policy


def said(condition: str) -> str | None:
    """`when { ... }` or `unless { ... }` in words."""
    (part,) = parsed(f"permit (principal, action, resource) {condition};")["conditions"]  # type: ignore[union-attr,misc]
    return phrase(part["body"], holds=part["kind"] == "when")  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("when { principal is Agent }", "is for agents"),
        ('when { principal in Group::"dba" }', "is for members of `dba`"),
        ('when { principal in [Group::"a", Group::"b", Group::"c"] }', "is for members of `a`, `b` or `c`"),
        (
            'when { principal is Agent || principal in [Group::"a", Group::"b"] }',
            "is for agents, members of `a` or `b`",
        ),
        ("unless { principal is Person }", "is not for people"),
        ("when { !(principal is Person) }", "is not for people"),
        ("unless { !(principal is Person) }", "is for people"),
        ("when { resource is Index }", "is about indexes"),
        (
            "unless { resource is Program || resource is File || resource is Unknown }",
            "is not about programs, files or things of no known kind",
        ),
        ('when { resource in Label::"catalog" }', "is about what is labelled `catalog`"),
        ('when { resource in Environment::"dev" || resource is Setting }', "is about targets in `dev` or settings"),
        ('when { resource == Table::"shop/public/t" }', "is about the table `shop/public/t`"),
        ('when { context.reach == "one" }', "asks that reach is `one`"),
        ('unless { context.session.surface == "psql" }', "asks that session surface is not `psql`"),
        ("when { context.writes }", None),
        ("when { principal is Agent || resource is Table }", None),
        ('when { resource is Table in Schema::"s" }', None),
        ('when { context.findings.containsAny(["a"]) }', None),
    ],
)
def test_a_condition_is_said(condition: str, words: str | None) -> None:
    assert said(condition) == words


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("principal is Agent", "is for agents"),
        ('principal in Group::"dba"', "is for members of `dba`"),
        ('principal == Person::"ana"', "is for the person `ana`"),
        ('principal is Person in Group::"dba"', None),
    ],
)
def test_a_scope_is_said(scope: str, words: str | None) -> None:
    tree = parsed(f"permit ({scope}, action, resource);")
    assert phrase(scope_body("principal", tree["principal"]), holds=True) == words


@pytest.mark.parametrize("name", ["production", "development"])
def test_no_denial_of_a_shipped_pack_shows_a_policy_language(name: str) -> None:
    """Whatever a stranger, or an engineer, tries on whatever kind of thing."""
    judge = Judge(Bundle.load(pack(name)))
    things = [Object(kind=kind, path=("shop", "public", "thing")) for kind in ObjectKind]
    told = [
        reason.message
        for who in (EVE, ZED)
        for thing in things
        for verb in Verb
        for reason in judge.decide(case(who, effect(verb, thing))).reasons
        if reason.policy == "default-deny"
    ]
    assert len(told) > 30
    assert [message for message in told if "::" in message or "||" in message or "resource is" in message] == []
