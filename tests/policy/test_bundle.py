"""What is loaded, what is refused and why, and what the digests name."""

import subprocess
import sys

import pytest

from interlock.policy import Bundle, BundleRefused, Judge, activate
from interlock.policy.lint import known_entities
from interlock.policy.rule import ANNOTATIONS, cedar_text
from tests.policy.world import PERMIT_ALL, pack

FORBID = '@id("f") @title("t") @severity("high") '
EVERYBODY = "forbid (principal, action, resource)"


def refusal(text: str, **known: frozenset[str]) -> str:
    with pytest.raises(BundleRefused) as refused:
        Bundle.load({"a.cedar": text}, known)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permit (principal, action, resource", "not Cedar"),
        ('@title("t") permit (principal, action, resource);', "`@id` is missing"),
        ('@id("a") permit (principal, action, resource);', "`@title` is missing"),
        ('@id("a") @title("t") forbid (principal, action, resource);', "`@severity` of a forbid"),
        ('@id("a") @title("t") @severity("huge") forbid (principal, action, resource);', "not `huge`"),
        (
            '@id("a") @title("t") @promiss("measured") permit (principal, action, resource);',
            "`@promiss` is no annotation",
        ),
        ('@id("default-deny") @title("t") permit (principal, action, resource);', "the judge gives itself"),
        ('@id("Not An Id") @title("t") permit (principal, action, resource);', "is no @id"),
        ('@id("a") @title("t") @lift("lease:x") permit (principal, action, resource);', "belongs on a forbid"),
        ('@id("a") @title("t") @mode("loud") permit (principal, action, resource);', "can only be shadow"),
        (FORBID + '@promise("quickly") ' + EVERYBODY + ";", "`quickly` is no promise"),
        (FORBID + '@promise("maxRows=-1") ' + EVERYBODY + ";", "is no promise"),
        (FORBID + '@promise("form=raw") ' + EVERYBODY + ";", "is no promise"),
        (FORBID + '@lift("approval:dba") ' + EVERYBODY + ";", "is no lift"),
        (FORBID + '@lift("approval:dba:0") ' + EVERYBODY + ";", "is no lift"),
        ("permit (principal == ?principal, action, resource);", "templates"),
        (FORBID + "forbid (principal, action, resource) when { context.clock.now };", "clock"),
        (FORBID + "forbid (principal, action, resource) when { context.impact.rows > 5 };", "rows"),
        (PERMIT_ALL + PERMIT_ALL, "its @id is taken"),
    ],
)
def test_what_is_wrong_is_refused_by_name(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # reads a promise that nobody would make
        (FORBID + EVERYBODY + " unless { context.plan.measured };", "without a matching @promise"),
        ('@id("a") @title("t") permit (principal, action, resource) when { context.plan.measured };', "a permit reads"),
        # promises that change nothing
        (FORBID + '@promise("measured") ' + EVERYBODY + ";", "lifts nothing"),
        (FORBID + '@promise("measured") ' + EVERYBODY + " when { context.plan.measured };", "does not lift it"),
        (
            FORBID
            + '@promise("maxRows=600") '
            + EVERYBODY
            + " unless { context.plan has maxRows && context.plan.maxRows <= 500 };",
            "does not lift it",
        ),
        (
            FORBID + '@promise("form=partial") forbid (principal, action == Action::"reveal", resource) '
            'unless { ["token", "null"].contains(context.plan.form) };',
            "does not lift it",
        ),
        (
            FORBID + '@promise("form=token") ' + EVERYBODY + ' unless { context.plan.form == "token" };',
            "`reveal` alone",
        ),
        # lifts that nobody looks for, or for which nobody would be asked
        (FORBID + '@lift("approval:dba:2") ' + EVERYBODY + ";", "does not lift it"),
        (
            FORBID + '@lift("approval:dba:1") ' + EVERYBODY + ' unless { context.lifts.contains("approval:dba:2") };',
            "does not lift it",
        ),
        (FORBID + EVERYBODY + ' unless { context.lifts.contains("approval:dba:2") };', "nobody would ever be asked"),
    ],
)
def test_promises_and_lifts_that_do_not_lift_are_refused(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize(
    "condition",
    [
        "unless { context.plan.measured }",
        'unless { context.phase == "plan" && context.plan.measured }',
        "when { !context.plan.measured }",
        'when { context.reach == "all" } unless { context.writes || context.plan.measured }',
        "when { !(context.plan.measured && context.writes) }",
    ],
)
def test_a_promise_that_may_lift_is_accepted(condition: str) -> None:
    Bundle.load({"a.cedar": f'{FORBID} @promise("measured") {EVERYBODY} {condition};'})


def test_a_mistyped_entity_is_refused_where_the_names_are_known() -> None:
    text = FORBID + 'forbid (principal, action, resource in Environment::"prdo");'
    known = known_entities(environments=["live"], labels=["internal"], targets=["shop"])
    with pytest.raises(BundleRefused, match="prdo"):
        Bundle.load({"a.cedar": text}, known)
    for name in ("prod", "live", "staging"):
        Bundle.load({"a.cedar": text.replace("prdo", name)}, known)


def test_an_entity_that_is_not_normalised_is_refused() -> None:
    assert "NFC" in refusal(FORBID + 'forbid (principal == Person::"Rene\u0301", action, resource);')


def test_every_problem_of_a_stage_is_told_at_once() -> None:
    text = '@id("a") permit (principal, action, resource); @title("t") permit (principal, action, resource);'
    with pytest.raises(BundleRefused) as refused:
        Bundle.load({"a.cedar": text, "b.cedar": "nonsense"})
    assert [(problem.file, problem.policy) for problem in refused.value.problems] == [
        ("a.cedar", "a"),
        ("a.cedar", None),
        ("b.cedar", None),
    ]


def test_other_files_are_refused() -> None:
    with pytest.raises(BundleRefused, match=r"notes\.txt"):
        Bundle.load({"notes.txt": ""})


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 2_000 + "true" + ")" * 2_000,
        "!(" * 900 + "true" + ")" * 900,
        " && ".join(["true"] * 20_000),
        "1 < " + " + ".join(["1"] * 20_000),
        "context" + ".a" * 20_000,
        "if false then true else " * 20_000 + "true",
    ],
    ids=["parentheses", "negations", "and", "plus", "attributes", "if"],
)
def test_text_that_would_crash_the_parser_never_reaches_it(condition: str) -> None:
    """Danger 2: run in a process of its own, because without the scan it dies of SIGSEGV."""
    script = (
        "import sys\nfrom interlock.policy import Bundle, BundleRefused\n"
        "try: Bundle.load({'a.cedar': sys.stdin.read()})\n"
        "except BundleRefused: sys.exit(3)"
    )
    text = f"{FORBID} {EVERYBODY} when {{ {condition} }};"
    done = subprocess.run([sys.executable, "-c", script], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 3, done.stderr


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    deep = "(" * 100
    Bundle.load({"a.cedar": f'// {deep}\n@id("a") @title("{deep}") permit (principal, action, resource);'})


def test_the_digest_names_bytes_and_the_semantic_digest_meaning() -> None:
    plain = Bundle.load({"a.cedar": PERMIT_ALL})
    commented = Bundle.load({"a.cedar": "// why\n" + PERMIT_ALL})
    other = Bundle.load({"a.cedar": PERMIT_ALL.replace("permit", "permit ").replace("everything", "all of it")})
    assert plain.digest != commented.digest
    assert plain.semantic_digest == commented.semantic_digest
    assert plain.semantic_digest != other.semantic_digest
    assert plain.digest.startswith("sha256:")
    assert len(plain.digest) == 71


def test_the_order_and_names_of_files_do_not_change_the_meaning() -> None:
    other = PERMIT_ALL.replace('"all"', '"other"')
    one = Bundle.load({"a.cedar": PERMIT_ALL, "b.cedar": other})
    two = Bundle.load({"b.cedar": PERMIT_ALL, "a.cedar": other})
    assert one.semantic_digest == two.semantic_digest


@pytest.mark.parametrize("name", ["production", "development"])
def test_a_shipped_pack_passes_its_own_cases(name: str) -> None:
    judge = activate(pack(name), known_entities(environments=["prod"], labels=[], targets=["shop"]))
    assert isinstance(judge, Judge)


@pytest.mark.parametrize("name", ["production", "development"])
def test_a_shipped_policy_reads_back_as_what_it_was(name: str) -> None:
    bundle = Bundle.load(pack(name))
    again = Bundle.load({"a.cedar": "\n".join(cedar_text(rule) for rule in bundle.rules)})
    assert again.semantic_digest == bundle.semantic_digest


def test_every_annotation_is_used_by_a_shipped_pack() -> None:
    text = "".join(pack("production").values()) + "".join(pack("development").values())
    assert [name for name in sorted(ANNOTATIONS) if f"@{name}(" not in text] == []


def test_a_bundle_whose_cases_fail_is_not_activated() -> None:
    cases = "principals: {zed: {kind: person}}\ncases: [{name: nothing goes, who: zed, expect: deny}]"
    with pytest.raises(BundleRefused, match="nothing goes"):
        activate({"a.cedar": PERMIT_ALL, "cases.yaml": cases})


def test_a_pack_without_policies_denies_everything() -> None:
    assert Bundle.load({}).rules == ()
