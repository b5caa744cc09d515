"""The judge: strictest answer wins, promises are kept or denied, and errors deny."""

from importlib.metadata import version

import pytest
from msgspec.structs import replace

from interlock.model import (
    Basis,
    Confine,
    Decision,
    FindingCode,
    Impact,
    Limit,
    Mask,
    Measure,
    Object,
    ObjectKind,
    OurFault,
    Principal,
    PrincipalKind,
    Reach,
    Target,
    Touched,
    Verb,
    Verdict,
)
from interlock.policy import Bundle, Judge, bundle, canary
from interlock.policy.engine import Answer
from tests.policy.world import (
    BOT,
    CUSTOMERS,
    DAN,
    EMAIL,
    EVE,
    EVERYTHING,
    ID,
    LOST,
    ORDERS,
    PERMIT_ALL,
    SHOP,
    ZED,
    case,
    effect,
    finding,
    judge_of,
    pack,
    table,
)

FORBID = '@id("f") @title("t") @severity("high") '
MEASURED = '@id("m") @title("t") @severity("high") @promise("measured") '


@pytest.fixture(scope="module")
def production() -> Judge:
    return Judge(Bundle.load(pack("production")))


def names(decision: Decision) -> list[str]:
    return [reason.policy for reason in decision.reasons]


# ---- the dangers of policy.md ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        "9223372036854775807 + context.chain.depth > 0",  # overflow
        'Person::"nobody".issuer == "x"',  # dangling entity
        "context.chain.depth * 9223372036854775807 > 5 && context.chain.depth + 9223372036854775807 > 0",
    ],
)
def test_a_forbid_that_errs_denies(condition: str) -> None:
    """Danger 1: Cedar skips a policy that errs, and would allow."""
    judge = judge_of(PERMIT_ALL, FORBID + f"forbid (principal, action, resource) when {{ {condition} }};")
    decision = judge.decide(case(EVE, effect(Verb.READ)))
    assert decision.verdict is Verdict.DENY
    assert names(decision) == ["engine-error"]


def test_the_error_text_of_the_engine_does_not_quote_what_was_sent() -> None:
    strange = Principal(id="eve\ud800", kind=PrincipalKind.PERSON, issuer="config")
    decision = judge_of(PERMIT_ALL).decide(case(strange, effect(Verb.READ)))
    assert names(decision) == ["engine-error"]


def test_facts_beyond_any_honest_size_are_an_error() -> None:
    labels = frozenset(f"label-{number}" for number in range(3_000))
    wide = replace(EMAIL, labels=labels)
    assert names(judge_of(PERMIT_ALL).decide(case(EVE, effect(Verb.CREATE, fields=(wide,))))) == ["engine-error"]


def test_the_canary_stops_a_start_on_an_engine_that_skips_a_forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*_: object) -> Answer:
        return Answer(allowed=True, ids=("canary-permit",))

    monkeypatch.setattr(canary, "ask", forgetful)
    with pytest.raises(OurFault, match="does not stop"):
        judge_of(PERMIT_ALL)


def test_the_canary_stops_a_start_on_an_engine_that_hides_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*arguments: object) -> Answer:
        answer = canary_ask(*arguments)  # type: ignore[arg-type]
        return replace(answer, allowed=True, error=None) if answer.error else answer

    canary_ask = canary.ask
    monkeypatch.setattr(canary, "ask", silent)
    with pytest.raises(OurFault, match="hides"):
        judge_of(PERMIT_ALL)


@pytest.mark.parametrize(
    "scope", ['resource in Environment::"prod"', 'resource in Label::"unclassified"', 'resource in Label::"sensitive"']
)
def test_an_unknown_object_has_the_strictest_parents(scope: str) -> None:
    """Danger 3: without parents a forbid on an environment or a label would silently not match."""
    judge = judge_of(PERMIT_ALL, FORBID + f"forbid (principal, action, {scope});")
    development = replace(SHOP, environment="dev")
    assert judge.decide(case(EVE, effect(Verb.READ, LOST), target=development)).verdict is Verdict.DENY
    assert judge.decide(case(EVE, effect(Verb.READ, ORDERS), target=development)).verdict is Verdict.ALLOW


def test_an_unknown_object_keeps_its_own_parents() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource in Schema::"shop/public");')
    assert judge.decide(case(EVE, effect(Verb.READ, LOST))).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("environment", "verdict"),
    [("prod", "deny"), ("live", "deny"), ("prdo", "deny"), ("", "deny"), ("dev", "allow"), ("staging", "allow")],
)
def test_whatever_is_not_known_to_be_less_is_production(environment: str, verdict: str) -> None:
    """Danger 5, from the side of the configuration."""
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource in Environment::"prod");')
    target = replace(SHOP, environment=environment)
    assert judge.decide(case(EVE, effect(Verb.READ), target=target)).verdict == verdict


@pytest.mark.parametrize("rows", [2**63, 2**70])
def test_a_count_beyond_64_bits_is_still_large(rows: int) -> None:
    """Danger 6: such an integer in the context gives no decision at all."""
    judge = judge_of(
        PERMIT_ALL,
        FORBID + "forbid (principal, action, resource) unless { context.impact has rows && context.impact.rows < 10 };",
    )
    decision = judge.decide(case(EVE, effect(Verb.DELETE), impact=Impact(basis=Basis.MEASURED, rows=rows)))
    assert names(decision) == ["f"]


def test_numbers_that_are_not_known_are_absent() -> None:
    judge = judge_of(
        PERMIT_ALL,
        FORBID + "forbid (principal, action, resource) "
        "when { context.impact has rows || context.impact has here || context.impact has reversible };",
    )
    assert judge.decide(case(EVE, effect(Verb.DELETE))).allowed
    assert not judge.decide(case(EVE, effect(Verb.DELETE), impact=Impact(rows=0))).allowed
    assert not judge.decide(case(EVE, effect(Verb.DELETE), impact=Impact(reversible=False))).allowed


def test_names_that_look_like_paths_or_differ_in_unicode_form_stay_apart() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource == Table::"shop/a/b");')
    inside = Object(kind=ObjectKind.TABLE, path=("shop", "a", "b"))
    slash = Object(kind=ObjectKind.TABLE, path=("shop", "a/b"))
    assert not judge.decide(case(EVE, effect(Verb.READ, inside))).allowed
    assert judge.decide(case(EVE, effect(Verb.READ, slash))).allowed


def test_composed_and_decomposed_names_are_one_entity() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal == Person::"Ren\u00e9", action, resource);')
    for name in ("Ren\u00e9", "Rene\u0301"):
        who = Principal(id=name, kind=PrincipalKind.PERSON, issuer="config")
        assert not judge.decide(case(who, effect(Verb.READ))).allowed


# ---- verdicts ----------------------------------------------------------------------------------------------------


def test_a_command_that_does_nothing_is_allowed_without_a_reason(production: Judge) -> None:
    decision = production.decide(case(ZED))
    assert (decision.verdict, decision.reasons, decision.obligations) == (Verdict.ALLOW, (), ())


def test_a_command_that_touches_nothing_is_still_asked_about_when_something_was_noticed(production: Judge) -> None:
    decision = production.decide(case(EVE, findings=(finding(FindingCode.CARTESIAN),)))
    assert not decision.allowed
    assert "unsafe-shape" in names(decision)


def test_an_empty_bundle_denies_every_effect() -> None:
    assert names(Judge(Bundle.load({})).decide(case(EVE, effect(Verb.READ)))) == ["default-deny"]


def test_one_bad_effect_spoils_the_command(production: Judge) -> None:
    good = effect(Verb.CREATE, reach=Reach.ONE)
    assert production.decide(case(EVE, good)).allowed
    assert not production.decide(case(EVE, good, effect(Verb.DESTROY))).allowed


def test_every_actor_of_the_chain_must_be_permitted() -> None:
    judge = judge_of('@id("p") @title("t") permit (principal in Group::"engineers", action, resource);')
    engineer_bot = replace(BOT, groups=frozenset({"engineers"}))
    assert judge.decide(case(engineer_bot, effect(Verb.READ))).allowed
    assert not judge.decide(case(BOT, effect(Verb.READ))).allowed
    assert not judge.decide(case(replace(engineer_bot, on_behalf_of=ZED), effect(Verb.READ))).allowed


def test_what_nobody_understands_needs_a_permit_that_says_so() -> None:
    puzzle = case(EVE, understood=False, findings=(finding(FindingCode.NOT_MAPPED, "`FROB` is not understood yet"),))
    denied = judge_of(PERMIT_ALL).decide(puzzle)
    assert names(denied) == ["not-understood"]
    assert "`FROB` is not understood yet" in denied.reasons[0].message
    open_to_all = '@id("u") @title("t") permit (principal, action == Action::"execute", resource is Unknown);'
    assert judge_of(open_to_all).decide(puzzle).allowed


def test_what_is_not_understood_is_denied_even_where_its_known_effects_are_permitted(production: Judge) -> None:
    assert names(production.decide(case(EVE, effect(Verb.CREATE, reach=Reach.ONE), understood=False))) == [
        "not-understood"
    ]


def test_reasons_carry_the_facts_and_what_to_do(production: Judge) -> None:
    no_where = finding(FindingCode.NO_WHERE, "there is no WHERE clause")
    first = production.decide(case(EVE, effect(Verb.DELETE, ORDERS, Reach.ALL, no_where))).reasons[0]
    assert first.policy == "no-write-without-predicate"
    assert "there is no WHERE clause" in first.message
    assert "`public.orders`" in first.message
    assert first.instead is not None


def test_the_measured_rows_are_in_the_message(production: Judge) -> None:
    impact = Impact(basis=Basis.MEASURED, rows=5_000, touched=(Touched(object=ORDERS, verb=Verb.DELETE, rows=5_000),))
    decision = production.decide(case(EVE, effect(Verb.DELETE), offers=EVERYTHING, impact=impact))
    assert decision.verdict is Verdict.HOLD
    assert "5,000 rows measured" in decision.reasons[0].message


def test_what_the_measured_rows_leave_out_is_not_listed_as_zero(production: Judge) -> None:
    """`2,000 rows measured; delete 0 of items` would hide where the 2,000 are."""
    other = replace(ORDERS, path=(*ORDERS.path[:-1], "items"))
    impact = Impact(basis=Basis.MEASURED, rows=5_000, touched=(Touched(object=ORDERS, verb=Verb.DELETE, rows=5_000),))
    both = (effect(Verb.DELETE), effect(Verb.DELETE, other))
    decision = production.decide(case(EVE, *both, offers=EVERYTHING, impact=impact))
    assert "5,000 rows measured" in decision.reasons[0].message
    assert "delete 0" not in decision.reasons[0].message


def test_only_a_lift_that_would_be_enough_is_offered(production: Judge) -> None:
    hold = production.decide(case(DAN, effect(Verb.DESTROY)))
    assert (hold.verdict, [r.lift for r in hold.reasons]) == (Verdict.HOLD, ["approval:dba-leads:2"])
    denied = production.decide(case(EVE, effect(Verb.DESTROY)))
    assert (denied.verdict, [r.lift for r in denied.reasons]) == (Verdict.DENY, [None, None])


def test_default_deny_names_the_failing_part_of_the_nearest_permit() -> None:
    judge = judge_of(
        '@id("near") @title("t") permit (principal in Group::"engineers", action == Action::"read", resource is Table) '
        'when { context.reach == "one" && context.session.surface == "postgres" };',
        '@id("far") @title("t") permit (principal == Person::"root", action == Action::"read", resource is File) '
        "when { context.writes };",
        '@id("other") @title("t") permit (principal, action == Action::"export", resource);',
    )
    message = judge.decide(case(EVE, effect(Verb.READ))).reasons[0].message
    assert "; `near` asks that reach is `one`" in message
    assert "`other`" not in message
    assert message.index("`near`") < message.index("`far`")


def test_near_misses_say_nothing_about_what_the_requester_claims() -> None:
    judge = judge_of(
        '@id("p") @title("t") permit (principal, action, resource) '
        'when { context.session has purpose && context.session.purpose == "sesame" };'
    )
    claimed = judge.decide(case(EVE, effect(Verb.READ), purpose="other"))
    assert not claimed.allowed
    assert "sesame" not in claimed.reasons[0].message
    assert judge.decide(case(EVE, effect(Verb.READ), purpose="sesame")).allowed


# ---- promises ----------------------------------------------------------------------------------------------------


def test_only_what_the_gateway_offers_is_promised() -> None:
    judge = judge_of(PERMIT_ALL, MEASURED + "forbid (principal, action, resource) unless { context.plan.measured };")
    offered = judge.decide(case(EVE, effect(Verb.DELETE), offers=frozenset({Measure})))
    assert (offered.verdict, offered.obligations) == (Verdict.ALLOW, (Measure(),))
    unmet = judge.decide(case(EVE, effect(Verb.DELETE)))
    assert (unmet.verdict, names(unmet), unmet.obligations) == (Verdict.DENY, ["unmet-promise", "m"], ())
    assert "must be measured before it lands" in unmet.reasons[0].message


def test_a_command_that_writes_cannot_be_confined() -> None:
    judge = judge_of(
        PERMIT_ALL,
        '@id("c") @title("t") @severity("high") @promise("readOnly") '
        'forbid (principal, action == Action::"read", resource) unless { context.plan.readOnly };',
    )
    read = effect(Verb.READ)
    assert judge.decide(case(EVE, read)).obligations == (Confine(),)
    assert names(judge.decide(case(EVE, read, effect(Verb.CREATE)))) == ["unmet-promise", "c"]


def test_the_strictest_limit_of_all_effects_holds(production: Judge) -> None:
    plain, sensitive = effect(Verb.READ, ORDERS), effect(Verb.READ, table("pay", "financial"))
    assert Limit(rows=10_000) in production.decide(case(BOT, plain)).obligations
    assert Limit(rows=500) in production.decide(case(BOT, plain, sensitive)).obligations


def test_a_form_is_promised_for_the_labels_that_need_it(production: Judge) -> None:
    read = effect(Verb.READ, CUSTOMERS, fields=(ID, EMAIL))
    decision = production.decide(case(BOT, read, offers=EVERYTHING))
    assert [o for o in decision.obligations if isinstance(o, Mask)] == [Mask(labels=frozenset({"pii"}), form="token")]


def test_policies_that_keep_asking_for_more_end_in_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lint refuses such a chain already; the judge does not rely on it."""
    monkeypatch.setattr(bundle, "lint", lambda rule, known: ())
    steps = [
        f'@id("s{rows}") @title("t") @severity("high") @promise("maxRows={rows}") forbid (principal, action, resource) '
        f"{when} unless {{ context.plan has maxRows && context.plan.maxRows <= {rows} }};"
        for rows, when in (
            (50, ""),
            (40, "when { context.plan has maxRows && context.plan.maxRows <= 50 }"),
            (30, "when { context.plan has maxRows && context.plan.maxRows <= 40 }"),
            (20, "when { context.plan has maxRows && context.plan.maxRows <= 30 }"),
            (10, "when { context.plan has maxRows && context.plan.maxRows <= 20 }"),
        )
    ]
    assert judge_of(PERMIT_ALL, *steps[:3]).decide(case(EVE, effect(Verb.READ))).obligations == (Limit(rows=30),)
    endless = judge_of(PERMIT_ALL, *steps).decide(case(EVE, effect(Verb.READ)))
    assert (endless.verdict, names(endless)) == (Verdict.DENY, ["unmet-promise"])


# ---- the second decision -----------------------------------------------------------------------------------------


def test_tables_that_were_touched_without_being_named_are_judged_too() -> None:
    judge = judge_of(
        PERMIT_ALL,
        FORBID + 'forbid (principal, action == Action::"delete", resource == Table::"shop/public/customers");',
    )
    touched = (Touched(object=ORDERS, verb=Verb.DELETE, rows=1), Touched(object=CUSTOMERS, verb=Verb.DELETE, rows=9))
    impact = Impact(basis=Basis.MEASURED, rows=10, touched=touched)
    assert judge.decide(case(EVE, effect(Verb.DELETE))).allowed
    assert names(judge.decide(case(EVE, effect(Verb.DELETE), impact=impact))) == ["f"]


def test_here_is_the_share_of_one_table_and_rows_that_of_the_unit() -> None:
    judge = judge_of(
        PERMIT_ALL,
        FORBID + "forbid (principal, action, resource) "
        "when { context.impact has here && context.impact.here == 9 "
        "&& context.impact has rows && context.impact.rows == 10 };",
    )
    parts = (Touched(object=ORDERS, verb=Verb.DELETE, rows=1), Touched(object=CUSTOMERS, verb=Verb.DELETE, rows=9))
    impact = Impact(basis=Basis.MEASURED, rows=10, touched=parts)
    decision = judge.decide(case(EVE, effect(Verb.DELETE, ORDERS), effect(Verb.DELETE, CUSTOMERS), impact=impact))
    assert "`public.customers`" in decision.reasons[0].message
    assert "`public.orders`" not in decision.reasons[0].message


def test_nothing_is_zero_only_when_the_parts_make_up_the_whole() -> None:
    judge = judge_of(
        PERMIT_ALL,
        FORBID + "forbid (principal, action, resource) when { context.impact has here && context.impact.here == 0 };",
    )
    part = (Touched(object=CUSTOMERS, verb=Verb.CHANGE, rows=9),)
    whole = Impact(basis=Basis.MEASURED, rows=9, touched=part)
    assert names(judge.decide(case(EVE, effect(Verb.DELETE, ORDERS), impact=whole))) == ["f"]
    assert judge.decide(case(EVE, effect(Verb.DELETE, ORDERS), impact=replace(whole, rows=10))).allowed


def test_measured_means_commit_and_anything_less_means_plan() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource) when { context.phase == "commit" };')
    assert judge.decide(case(EVE, effect(Verb.DELETE), impact=Impact(basis=Basis.ESTIMATED, rows=1))).allowed
    assert not judge.decide(case(EVE, effect(Verb.DELETE), impact=Impact(basis=Basis.MEASURED, rows=1))).allowed


# ---- shadow ------------------------------------------------------------------------------------------------------


def test_a_shadow_policy_reports_and_never_decides() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + '@mode("shadow") forbid (principal, action, resource);')
    asked = case(EVE, effect(Verb.READ))
    shadow = judge.shadow(asked)
    assert judge.decide(asked).allowed
    assert shadow is not None
    assert names(shadow) == ["f"]
    assert judge_of(PERMIT_ALL).shadow(asked) is None


# ---- many objects ------------------------------------------------------------------------------------------------


def test_objects_that_no_policy_can_tell_apart_are_asked_about_once() -> None:
    judge = judge_of(FORBID + "forbid (principal, action, resource);")
    tables = [effect(Verb.READ, table(f"t{number}")) for number in range(2_000)]
    decision = judge.decide(case(EVE, *tables))
    assert names(decision) == ["f"]
    assert "`public.t0`, `public.t1`, `public.t2` and 1997 more" in decision.reasons[0].message


def test_an_object_that_a_policy_names_is_asked_about_by_itself() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource == Table::"shop/public/t7");')
    decision = judge.decide(case(EVE, *(effect(Verb.READ, table(f"t{number}")) for number in range(50))))
    assert "read on `public.t7`" in decision.reasons[0].message


def test_a_schema_that_a_policy_names_tells_its_tables_apart() -> None:
    judge = judge_of(PERMIT_ALL, FORBID + 'forbid (principal, action, resource in Schema::"shop/hr");')
    pay = Object(kind=ObjectKind.TABLE, path=("shop", "hr", "pay"))
    assert names(judge.decide(case(EVE, effect(Verb.READ, ORDERS), effect(Verb.READ, pay)))) == ["f"]


def test_more_than_can_be_judged_in_time_is_denied() -> None:
    tables = [effect(Verb.READ, table(f"t{number}", f"label{number}")) for number in range(300)]
    decision = judge_of(PERMIT_ALL).decide(case(EVE, *tables))
    assert names(decision) == ["not-understood"]
    assert "split it" in (decision.reasons[0].instead or "")


# ---- memory ------------------------------------------------------------------------------------------------------


def test_a_remembered_decision_is_the_same_object(production: Judge) -> None:
    asked = case(BOT, effect(Verb.READ))
    assert production.decide(asked) is production.decide(asked)
    again = case(BOT, effect(Verb.READ))
    assert again.intent is not asked.intent
    assert production.decide(again) is production.decide(asked)


def test_what_a_decision_depends_on_is_never_confused() -> None:
    judge = judge_of(
        PERMIT_ALL,
        FORBID + "forbid (principal, action, resource) "
        'when { context.session has purpose && context.session.purpose == "no" };',
        '@id("g") @title("t") @severity("high") forbid (principal in Group::"out", action, resource);',
        '@id("e") @title("t") @severity("high") forbid (principal, action, resource in Environment::"staging");',
        '@id("r") @title("t") @severity("high") forbid (principal, action, resource) when { context.reach == "all" };',
        MEASURED + 'forbid (principal, action == Action::"delete", resource) unless { context.plan.measured };',
    )
    read = effect(Verb.READ)
    assert judge.decide(case(EVE, read)).allowed
    assert names(judge.decide(case(EVE, read, purpose="no"))) == ["f"]
    assert names(judge.decide(case(replace(EVE, groups=frozenset({"out"})), read))) == ["g"]
    assert names(judge.decide(case(replace(BOT, on_behalf_of=replace(EVE, groups=frozenset({"out"}))), read))) == ["g"]
    assert names(
        judge.decide(case(EVE, read, target=Target(name="shop", kind="postgresql", environment="staging")))
    ) == ["e"]
    assert names(judge.decide(case(EVE, replace(read, reach=Reach.ALL)))) == ["r"]
    delete = effect(Verb.DELETE)
    assert judge.decide(case(EVE, delete, offers=EVERYTHING)).allowed
    assert not judge.decide(case(EVE, delete)).allowed


def test_memory_is_bounded_and_forgetting_changes_nothing() -> None:
    judge = Judge(Bundle.load({"a.cedar": PERMIT_ALL}), remembered=4)
    cases = [case(EVE, effect(Verb.READ, table(f"t{number}"))) for number in range(20)]
    first = [judge.decide(asked) for asked in cases]
    assert [judge.decide(asked) for asked in cases] == first
    assert len(judge._by_identity) == len(judge._by_signature) == 4


def test_the_engine_is_the_one_that_was_measured() -> None:
    """The scan's limits and the canary were tried on this version; another one must be tried again."""
    assert version("cedarpy") == "4.12.2"
