"""Counts in policies: what is not known is absent, what is remembered is right, and a refusal says the numbers."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings, strategies as st

from interlock.model import Basis, Impact, Limit, Reach, Usage, Verb, Verdict
from interlock.policy import Bundle, Judge
from interlock.policy.activation import activate
from interlock.policy.casefile import read_cases
from interlock.policy.cases import run_cases
from interlock.policy.usage import COUNTS, Sides
from tests.architecture.repository import ROOT
from tests.policy.world import BOT, EVE, EVERYTHING, PERMIT_ALL, case, effect, judge_of, pack, policies_of

EXAMPLE = {path.name: path.read_text() for path in (ROOT / "policies" / "examples" / "budgets").iterdir()}
ADDED = {name: text for name, text in EXAMPLE.items() if name != "90-grants.cedar"}
ROWS, DENIALS, READ = "recent.hour.rowsChanged", "recent.tenMinutes.denials", "recent.hour.rowsRead"
BUDGET = """
@id("budget") @title("t") @severity("high")
forbid (principal, action in Action::"write", resource)
when { context has recent.hour.rowsChanged && context.recent.hour.rowsChanged > 5000 };
"""
PORTIONS = """
@id("portions") @title("t") @severity("low") @promise("maxRows=100")
forbid (principal, action == Action::"read", resource)
unless { context.plan has maxRows && context.plan.maxRows <= 100 };
@id("read-budget") @title("t") @severity("high")
forbid (principal, action == Action::"read", resource)
when { context has recent.hour.rowsRead && context.recent.hour.rowsRead > 1000 };
"""
SUMS = """
@id("sums") @title("t") @severity("high")
forbid (principal, action, resource)
when { context.session has rowsRead && context.session has rowsChanged }
when { context.session.rowsRead + context.session.rowsChanged >= 50 };
"""


def used(counts: Mapping[str, int]) -> Usage:
    return Usage(counts=tuple(sorted(counts.items())))


def verdict_of(judge: Judge, verb: Verb, counts: Mapping[str, int]) -> Verdict:
    found = case(EVE, effect(verb, reach=Reach.ONE), usage=used(counts))
    decision, anew = judge.decide(found), judge.decide_anew(found)
    assert decision == anew
    return decision.verdict


def test_a_count_is_compared_and_one_that_is_not_known_is_absent() -> None:
    judge = judge_of(PERMIT_ALL, BUDGET)
    assert verdict_of(judge, Verb.DELETE, {ROWS: 5000}) is Verdict.ALLOW
    assert verdict_of(judge, Verb.DELETE, {ROWS: 5001}) is Verdict.DENY
    assert verdict_of(judge, Verb.DELETE, {ROWS: 4999}) is Verdict.ALLOW
    assert verdict_of(judge, Verb.DELETE, {DENIALS: 9}) is Verdict.ALLOW
    assert verdict_of(judge, Verb.DELETE, {}) is Verdict.ALLOW


def test_a_refusal_says_the_number_and_the_limit_each_time_its_own() -> None:
    judge = judge_of(PERMIT_ALL, BUDGET)
    for rows in (5001, 7200):
        decision = judge.decide(case(EVE, effect(Verb.DELETE), usage=used({ROWS: rows})))
        (reason,) = decision.reasons
        assert f"{rows:,} rows changed in the last hour, this command included (the limit is 5,000)" in reason.message


def test_a_refusal_says_that_a_number_is_not_known() -> None:
    judge = Judge(Bundle.load(EXAMPLE))
    impact = Impact(basis=Basis.MEASURED, rows=3, reversible=True)
    decision = judge.decide(case(BOT, effect(Verb.DELETE), impact=impact, usage=used({DENIALS: 0}), offers=EVERYTHING))
    assert decision.verdict is Verdict.DENY
    (reason,) = decision.reasons
    assert "rows changed in the last hour: not known" in reason.message


def test_rows_to_be_read_count_with_what_is_promised() -> None:
    judge = judge_of(PERMIT_ALL, PORTIONS)
    decision = judge.decide(case(EVE, effect(Verb.READ), usage=used({READ: 900})))
    assert decision.verdict is Verdict.ALLOW
    assert decision.obligations == (Limit(rows=100),)
    decision = judge.decide(case(EVE, effect(Verb.READ), usage=used({READ: 901})))
    assert policies_of(decision.reasons) == ["read-budget"]
    assert "901 rows read in the last hour, before this command (the limit is 1,000)" in decision.reasons[0].message


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0, 50, 900, 1000, 5000, 40_000])), max_size=6))
def test_what_is_remembered_is_what_would_be_decided_anew(places: list[tuple[int, int]]) -> None:
    for judge in JUDGES:
        for near, constant in places:
            count = max(0, constant + near)
            for verb in (Verb.READ, Verb.DELETE):
                verdict_of(judge, verb, {ROWS: count, READ: count, DENIALS: 3})
                verdict_of(judge, verb, {"session.rowsRead": count, "session.rowsChanged": constant})


JUDGES = (judge_of(PERMIT_ALL, BUDGET, PORTIONS), judge_of(PERMIT_ALL, SUMS))


def test_numbers_that_no_policy_can_tell_apart_are_decided_once() -> None:
    sides = Sides.in_rules(judge_of(PERMIT_ALL, BUDGET, PORTIONS).bundle.rules)
    assert sides(used({ROWS: 3})) == sides(used({ROWS: 4999}))
    assert len({sides(used({ROWS: rows})) for rows in (4999, 5000, 5001)}) == 3
    assert len({sides(used({READ: rows})) for rows in (0, 899, 900, 901, 999, 1000, 1001)}) == 5
    by_value = Sides.in_rules(judge_of(PERMIT_ALL, SUMS).bundle.rules)
    assert by_value(used({"session.rowsRead": 3})) != by_value(used({"session.rowsRead": 4}))


def test_a_judge_says_which_counts_each_verb_needs() -> None:
    judge = judge_of(PERMIT_ALL, BUDGET)
    assert {verb for verb, names in judge.counts.items() if names} == {"create", "change", "delete"}
    assert judge.counts["delete"] == {ROWS}
    shadowed = judge_of(PERMIT_ALL, BUDGET.replace('@severity("high")', '@severity("high") @mode("shadow")'))
    assert not any(shadowed.counts.values())
    for name in ("production", "development"):
        assert not any(Judge(Bundle.load(pack(name))).counts.values())


def test_every_count_has_words_and_can_be_read_by_a_policy() -> None:
    for name in COUNTS:
        rule = f'@id("r") @title("t") @severity("low") forbid (principal, action, resource) when {{ context has {name}'
        judge = judge_of(PERMIT_ALL, f"{rule} && context.{name} > 7 }};")
        assert judge.counts["read"] == {name}
        promised = "rowsRead" in name
        assert verdict_of(judge, Verb.READ, {name: 7}) is Verdict.ALLOW
        assert verdict_of(judge, Verb.READ, {name: 8}) is (Verdict.ALLOW if promised else Verdict.DENY)


@pytest.mark.parametrize(
    ("written", "problem"),
    [("{recent.hour.rows: 1}", "is not defined in this file"), ("{session.denials: -1}", "never less than nothing")],
)
def test_cases_name_counts_that_exist(written: str, problem: str) -> None:
    text = f"principals: {{zed: {{kind: person}}}}\ncases: [{{name: a, who: zed, expect: allow, usage: {written}}}]"
    with pytest.raises(ValueError, match=problem):
        list(run_cases(judge_of(PERMIT_ALL), read_cases(text)))


def test_the_example_passes_by_itself_and_in_the_packs_it_is_copied_to() -> None:
    activate(EXAMPLE)
    activate({**pack("development"), **ADDED})
    production = dict(pack("production"))
    del production["cases.yaml"]  # it lets agents write one row; there they need `usage` beside
    activate({**production, **ADDED})


def test_no_policy_of_the_example_can_be_lost_unnoticed() -> None:
    bundle, world = Bundle.load(EXAMPLE), read_cases(EXAMPLE["budgets-cases.yaml"])
    for rule in bundle.rules:
        others = tuple(other for other in bundle.rules if other is not rule)
        rest = Bundle(rules=others, digest="", semantic_digest="", cases={})
        assert any(result.problems for result in run_cases(Judge(rest), world)), rule.id
