"""What would lift a hold, and what a live approval in the case does to the decision."""

import pytest
from msgspec.structs import replace

from interlock.access.leases import approve
from interlock.model import Lease, Verb, Verdict
from interlock.policy import Bundle, Judge
from interlock.policy.casefile import read_cases
from interlock.policy.cases import run_cases
from tests.access.leasing import DAN as APPROVER, DORA, MINUTE, by, request
from tests.policy.world import EVE, PERMIT_ALL, case, effect, judge_of

DELETE = case(EVE, effect(Verb.DELETE))


def held(*conditions: str, lift: str, name: str = "held") -> str:
    unless = "\n".join(f"unless {{ {condition} }}" for condition in conditions)
    head = f'@id("{name}") @title("t") @severity("high") @lift("{lift}")'
    return f'{head} forbid (principal, action == Action::"delete", resource) {unless};'


def has(*lifts: str, how: str = "containsAll") -> str:
    return f"context.lifts.{how}([{', '.join(repr(lift) for lift in lifts)}])".replace("'", '"')


A1, A2, B1 = "approval:a:1", "approval:a:2", "approval:b:1"


@pytest.mark.parametrize(
    ("policies", "ways"),
    [
        ([held(has(A2), lift=A2)], [{A2}]),
        ([held(has(A1, B1), lift=f"{A1}, {B1}")], [{A1, B1}]),
        ([held(has(A1, B1, how="containsAny"), lift=f"{A1}, {B1}")], [{A1}, {B1}]),
        ([held(has(A2, B1, how="containsAny"), lift=f"{A2}, {B1}")], [{A2}, {B1}]),
        ([held(has(A1), lift=A1), held(has(B1), lift=B1, name="other")], [{A1, B1}]),
        ([held(has(A1), lift=A1), held(has(A2), lift=A2, name="other")], [{A2}]),
        ([held(has("lease:desk"), lift="lease:desk")], []),
        ([held(has(A1), lift=A1), held(has("lease:desk"), lift="lease:desk", name="other")], []),
    ],
    ids=["two of a", "both", "either", "two or one", "two rules", "one in the other", "a lease", "also a lease"],
)
def test_the_smallest_sets_that_are_enough(policies: list[str], ways: list[set[str]]) -> None:
    judge = judge_of(PERMIT_ALL, *policies)
    decision = judge.decide(DELETE)
    assert decision.verdict is Verdict.HOLD
    assert [set(way) for way in judge.ways(DELETE, decision)] == ways


def granted(group: str, *names: str) -> Lease:
    lease = request(f"approval:{group}:{len(names)}")
    for name in names:
        who = replace(DORA if name == "dora" else APPROVER, groups=frozenset({group}))
        lease = approve(lease, who, by(who, group), lasts=MINUTE)
    return lease


def test_a_live_approval_lifts_what_waits_for_it_and_nothing_is_remembered() -> None:
    judge = judge_of(PERMIT_ALL, held(has(A2), lift=A2))
    with_two = replace(DELETE, leases=(granted("a", "dora", "dan"),))
    assert judge.decide(DELETE).verdict is Verdict.HOLD
    assert judge.decide(with_two).verdict is Verdict.ALLOW
    assert judge.decide(DELETE).verdict is Verdict.HOLD
    assert judge.decide(replace(DELETE, leases=(granted("a", "dora"),))).verdict is Verdict.HOLD
    assert judge.decide(replace(DELETE, leases=(granted("b", "dora", "dan"),))).verdict is Verdict.HOLD


def test_a_denial_stays_one_whatever_was_approved() -> None:
    deny = '@id("no") @title("t") @severity("high") forbid (principal, action == Action::"delete", resource);'
    judge = judge_of(PERMIT_ALL, held(has(A1), lift=A1), deny)
    assert judge.decide(replace(DELETE, leases=(granted("a", "dora"),))).verdict is Verdict.DENY


LEASES = """
@id("all") @title("all") permit (principal, action, resource);
@id("ask-people") @title("people") @severity("high") @instead("ask") @lift("approval:dba:1")
forbid (principal, action in Action::"write", resource)
when { context.phase == "lease" } unless { context.lifts.contains("approval:dba:1") };
@id("with-a-ticket") @title("ticket") @severity("high") @instead("name a ticket")
forbid (principal, action, resource)
when { context.phase == "lease" && !(context has lease && context.lease has ticket && context.lease.seconds <= 3600) };
@id("under-a-lease") @title("lease") @severity("high") @instead("ask for a lease") @lift("lease:oncall")
forbid (principal, action == Action::"change", resource) unless { context.lifts.contains("lease:oncall") };
"""
WORLD = """
principals: {eve: {kind: person}}
objects: {orders: {kind: table, path: [public, orders], fields: {id: []}}}
cases:
- {name: without, who: eve, effects: [CHANGE], expect: hold, lifts: ["lease:oncall"]}
- {name: under one, who: eve, effects: [CHANGE], expect: allow, lease: {name: oncall}}
- {name: under another, who: eve, effects: [CHANGE], expect: hold, lease: {name: access}}
- {name: asked for, who: eve, effects: [CHANGE], expect: hold, lifts: ["approval:dba:1"],
   lease: {name: oncall, ticket: T, asked: true}}
- {name: approved, who: eve, effects: [CHANGE], expect: allow, granted: ["approval:dba:1"],
   lease: {name: oncall, ticket: T, asked: true}}
- {name: no ticket, who: eve, effects: [READ], expect: deny, reasons: [with-a-ticket],
   lease: {name: oncall, asked: true}}
- {name: too long, who: eve, effects: [READ], expect: deny,
   lease: {name: oncall, ticket: T, seconds: 3601, asked: true}}
- {name: reading, who: eve, effects: [READ], expect: allow, lease: {name: oncall, ticket: T, asked: true}}
"""


def test_leases_in_force_and_asked_for() -> None:
    """Its name lifts, its facts are in the context, and being asked for it is judged in a phase of its own."""
    world = WORLD
    for verb in ("CHANGE", "READ"):
        world = world.replace(verb, f"{{verb: {verb.lower()}, object: orders, reach: some, fields: [id]}}")
    results = list(run_cases(Judge(Bundle.load({"leases.cedar": LEASES})), read_cases(world)))
    assert len(results) == 8
    assert {result.name: result.problems for result in results if result.problems} == {}
