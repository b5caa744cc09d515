"""The YAML of cases: closed, safe, and honest about what came out otherwise."""

import pytest

from interlock.policy import Bundle, Judge
from interlock.policy.casefile import read_cases
from interlock.policy.cases import run_cases
from tests.policy.world import PERMIT_ALL, pack

WORLD = "principals: {zed: {kind: person}}\nobjects: {t: {kind: table, path: [public, t], fields: {id: []}}}\n"


@pytest.mark.parametrize(
    "text",
    [
        WORLD + "cases: [{name: a, who: zed, expect: allow, reason: [x]}]",
        WORLD + "cases: [{name: a, who: zed, expect: maybe}]",
        WORLD + "cases: [{name: a, who: zed, expect: allow, offers: [speed]}]",
        WORLD + "cases: [{name: a, who: zed, expect: allow, understood: yes}]",  # YAML 1.2: text
        WORLD + "cases: []\ncases: []",
        WORLD + "cases: []\non: []",
        "principals: &a {}\nobjects: *a\ncases: []",
        "principals: " + "[" * 100_000,
        "principals: !!python/object/apply:os.getcwd []\ncases: []",
        "[" * 3_000,
        "a: b: c",
        "",
    ],
)
def test_what_is_not_a_case_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a case file"):
        read_cases(text)


def test_words_that_other_yaml_reads_as_truth_stay_words() -> None:
    text = "principals: {on: {kind: person}}\ncases: [{name: off, who: on, expect: allow, purpose: 2026-01-01}]"
    written = read_cases(text)
    assert (written.cases[0].name, written.cases[0].who, written.cases[0].purpose) == ("off", "on", "2026-01-01")


@pytest.mark.parametrize(
    "case",
    [
        "{name: a, who: nobody, expect: allow}",
        "{name: a, who: zed, expect: allow, effects: [{verb: read, object: x}]}",
        "{name: a, who: zed, expect: allow, effects: [{verb: read, object: t, fields: [x]}]}",
    ],
)
def test_a_name_that_is_not_defined_is_an_error(case: str) -> None:
    judge = Judge(Bundle.load({"a.cedar": PERMIT_ALL}))
    with pytest.raises(ValueError, match="is not defined in this file"):
        list(run_cases(judge, read_cases(WORLD + f"cases: [{case}]")))


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("expect: deny", "expected deny, decided allow by all"),
        ("expect: allow, reasons: [other]", "expected the reason `other`, got all"),
        ("expect: allow, lifts: ['approval:x:1']", "expected the lifts approval:x:1, got none"),
        ("expect: allow, obligations: [measured]", "expected the obligations measured, got none"),
    ],
)
def test_what_came_out_otherwise_is_said(case: str, problem: str) -> None:
    judge = Judge(Bundle.load({"a.cedar": PERMIT_ALL}))
    text = WORLD + f"cases: [{{name: a, who: zed, {case}, effects: [{{verb: read, object: t}}]}}]"
    assert [result.problems for result in run_cases(judge, read_cases(text))] == [(problem,)]


@pytest.mark.parametrize("name", ["production", "development"])
def test_no_policy_of_a_shipped_pack_can_be_lost_unnoticed(name: str) -> None:
    """Every live policy is taken out once, and a case of the pack must fail."""
    files = dict(pack(name))
    bundle = Bundle.load(files)
    world = read_cases(files["cases.yaml"])
    unnoticed = []
    for rule in bundle.rules:
        rest = Bundle(
            rules=tuple(other for other in bundle.rules if other is not rule),
            digest=bundle.digest,
            semantic_digest=bundle.semantic_digest,
            cases=bundle.cases,
        )
        judge = Judge(rest)
        if not rule.shadow and not any(result.problems for result in run_cases(judge, world)):
            unnoticed.append(rule.id)
    assert unnoticed == []
