"""What holds for every case: more forbids never allow more, promises only get stricter, memory changes nothing."""

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from msgspec.structs import replace

from interlock.model import (
    UNKNOWN_IMPACT,
    Basis,
    Case,
    Effect,
    Field,
    FindingCode,
    Impact,
    Object,
    ObjectKind,
    Principal,
    PrincipalKind,
    Reach,
    Touched,
    Verb,
    Verdict,
)
from interlock.policy import Bundle, Judge
from interlock.policy.plan import FORMS, NOTHING_PROMISED, Plan, parse_promise
from tests.policy.world import EVERYTHING, case, finding, pack

LABELS = st.frozensets(st.sampled_from(["pii", "secret", "internal", "catalog"]), max_size=2)
OBJECTS = st.builds(
    Object,
    kind=st.sampled_from(ObjectKind),
    path=st.sampled_from([("shop", "public", "a"), ("shop", "public", "b"), ("shop", "hr", "a"), ("shop", "x")]),
    labels=LABELS,
    known=st.booleans(),
)
EFFECTS = st.builds(
    Effect,
    verb=st.sampled_from(Verb),
    object=OBJECTS,
    reach=st.sampled_from(Reach),
    fields=st.none() | st.lists(st.builds(Field, name=st.sampled_from("xyz"), labels=LABELS), max_size=2).map(tuple),
    findings=st.lists(st.sampled_from(FindingCode).map(finding), max_size=1).map(tuple),
)
ACTORS = st.builds(
    Principal,
    id=st.sampled_from(["a", "b"]),
    kind=st.sampled_from(PrincipalKind),
    issuer=st.just("config"),
    groups=st.frozensets(st.sampled_from(["engineers", "analysts", "dba", "pipelines"]), max_size=2),
)
PRINCIPALS = st.lists(ACTORS, min_size=1, max_size=2).map(
    lambda actors: replace(actors[0], on_behalf_of=actors[1] if len(actors) > 1 else None)
)
IMPACTS = st.just(UNKNOWN_IMPACT) | st.builds(
    Impact,
    basis=st.sampled_from(Basis),
    rows=st.none() | st.sampled_from([0, 1, 1_000, 1_001]),
    touched=st.lists(
        st.builds(Touched, object=OBJECTS, verb=st.sampled_from(Verb), rows=st.sampled_from([0, 1, 1_000])), max_size=2
    ).map(tuple),
)
CASES = st.builds(
    lambda who, effects, understood, offers, impact: case(
        who, *effects, understood=understood, offers=offers, impact=impact
    ),
    PRINCIPALS,
    st.lists(EFFECTS, max_size=3),
    st.booleans() | st.just(True),
    st.frozensets(st.sampled_from(sorted(EVERYTHING, key=lambda kind: kind.__name__))),
    IMPACTS,
)
PLANS = st.builds(
    Plan,
    measured=st.booleans(),
    read_only=st.booleans(),
    max_rows=st.none() | st.integers(0, 2**53),
    form=st.sampled_from(FORMS),
)
FORBIDS = st.builds(
    '@id("extra") @title("t") @severity("high") forbid (principal, action{}, resource{}) {};'.format,
    st.sampled_from(["", ' == Action::"read"', ' in Action::"write"']),
    st.sampled_from(["", " is Table", ' in Label::"sensitive"', ' in Environment::"prod"']),
    st.sampled_from(
        ["", 'when { context.reach == "all" }', "unless { context.writes }", 'when { context.fields.contains("pii") }']
    ),
)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STRICTNESS = {Verdict.ALLOW: 0, Verdict.HOLD: 1, Verdict.DENY: 2}


@pytest.fixture(scope="module", params=["production", "development"])
def files(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(pack(request.param))


@pytest.fixture(scope="module")
def judge(files: dict[str, str]) -> Judge:
    return Judge(Bundle.load(files))


@FEW
@given(asked=CASES, forbid=FORBIDS)
def test_one_more_forbid_never_allows_more(files: dict[str, str], judge: Judge, asked: Case, forbid: str) -> None:
    stricter = Judge(Bundle.load({**files, "extra.cedar": forbid}))
    assert STRICTNESS[stricter.decide(asked).verdict] >= STRICTNESS[judge.decide(asked).verdict]


@FEW
@given(asked=CASES, more=EFFECTS)
def test_one_more_effect_never_allows_more(judge: Judge, asked: Case, more: Effect) -> None:
    """With every promise on offer (a write makes confinement moot), and nothing observed that it could now intend."""
    asked = replace(asked, offers=EVERYTHING, impact=UNKNOWN_IMPACT)
    intent = replace(asked.intent, effects=(*asked.intent.effects, more))
    both = judge.decide_anew(replace(asked, intent=intent)).verdict
    assert STRICTNESS[both] >= STRICTNESS[judge.decide_anew(asked).verdict]


@FEW
@given(asked=CASES, actor=ACTORS)
def test_a_longer_chain_never_allows_more(judge: Judge, asked: Case, actor: Principal) -> None:
    session = asked.command.session
    longer = replace(actor, on_behalf_of=session.principal)
    command = replace(asked.command, session=replace(session, principal=longer))
    longest = judge.decide_anew(replace(asked, command=command)).verdict
    assert STRICTNESS[longest] >= STRICTNESS[judge.decide_anew(asked).verdict]


@FEW
@given(asked=CASES)
def test_offering_less_never_allows_more(judge: Judge, asked: Case) -> None:
    everything = judge.decide_anew(replace(asked, offers=EVERYTHING)).verdict
    assert STRICTNESS[judge.decide_anew(asked).verdict] >= STRICTNESS[everything]


@FEW
@given(asked=CASES)
def test_nothing_is_promised_that_was_not_offered(judge: Judge, asked: Case) -> None:
    assert {type(obligation) for obligation in judge.decide_anew(asked).obligations} <= asked.offers


@FEW
@given(asked=CASES)
def test_memory_changes_nothing(judge: Judge, asked: Case) -> None:
    fresh = judge.decide_anew(asked)
    assert judge.decide(asked) == judge.decide(asked) == judge.decide_anew(asked) == fresh


@FEW
@given(asked=CASES)
def test_the_order_of_effects_does_not_change_the_verdict(judge: Judge, asked: Case) -> None:
    verdicts = {
        judge.decide_anew(replace(asked, intent=replace(asked.intent, effects=effects))).verdict
        for effects in permutations(asked.intent.effects)
    }
    assert len(verdicts) == 1


@FEW
@given(asked=CASES)
def test_a_refusal_says_why_and_what_is_not_understood_is_refused(judge: Judge, asked: Case) -> None:
    decision = judge.decide_anew(asked)
    assert decision.allowed or decision.reasons
    assert asked.intent.understood or decision.verdict is Verdict.DENY
    assert decision.policy_version == judge.bundle.digest


@given(PLANS, PLANS, PLANS)
def test_promises_merge_in_any_order_and_only_get_stricter(one: Plan, two: Plan, three: Plan) -> None:
    assert one.stricter(two) == two.stricter(one)
    assert one.stricter(two).stricter(three) == one.stricter(two.stricter(three))
    assert one.stricter(one) == one == one.stricter(NOTHING_PROMISED)
    both = one.stricter(two)
    assert both.kinds() == one.kinds() | two.kinds()
    assert both.stricter(one) == both == both.stricter(two)


@given(PLANS.filter(lambda plan: plan.kinds() != frozenset()))
def test_a_promise_reads_back_as_it_was_written(plan: Plan) -> None:
    assert parse_promise(str(plan)) == plan


@given(PLANS)
def test_the_text_of_an_empty_promise_is_empty(plan: Plan) -> None:
    assert (str(plan) == "") == (plan == NOTHING_PROMISED)
