"""What a refusal says: the reasons that tell something, each way out once, and in the order of what weighs most."""

from interlock.gateways.postgres.answering.denial import instead, telling, ways_out, why
from interlock.model import Decision, Reason, Verb, Verdict
from tests.gate.stage import ask

READ = "read what you need with SELECT"


def reason(policy: str, message: str = "so it is", *, way_out: str | None = None) -> Reason:
    return Reason(policy=policy, title="Title", severity="high", message=message, instead=way_out)


def denied(*reasons: Reason) -> Decision:
    return Decision(verdict=Verdict.DENY, reasons=reasons, obligations=(), policy_version="v")


def test_a_policy_that_another_reason_names_is_not_told_again() -> None:
    unmet = reason("unmet-promise", "it must be measured (policy `write-is-measured`), and cannot be")
    assert telling([unmet, reason("write-is-measured")]) == [unmet]


def test_behind_what_nobody_understands_stand_only_guesses() -> None:
    worse, puzzled, guess = reason("agents-do-not-restructure"), reason("not-understood"), reason("unknown-object")
    assert telling([worse, puzzled, guess]) == [worse, puzzled]


def test_a_way_out_is_said_once_and_by_whoever_says_most() -> None:
    more = f"{READ}, within the row limit"
    assert ways_out([reason("a", way_out=more), reason("b", way_out=READ), reason("c")]) == [more]
    assert ways_out([reason("a", way_out=READ), reason("b", way_out=READ)]) == [READ]


def test_what_does_not_fit_is_named_once_and_only_if_it_is_something_else() -> None:
    three = (reason("a", "one"), reason("b", "two"), reason("c", "three"))
    intent = ask("DELETE", Verb.DELETE).intent
    said = why(intent, denied(*three, reason("d", "four"), reason("d", "five"), reason("a", "six")))
    assert said.splitlines() == ["Policy a: one.", "Policy b: two.", "Policy c: three.", "So say, too: d."]
    assert why(intent, denied(*three, reason("a", "six"))).splitlines()[3:] == []


def test_the_number_to_quote_comes_last() -> None:
    lines = instead(ask("DELETE", Verb.DELETE), denied(reason("a", way_out=READ))).splitlines()
    assert lines == ["Read what you need with SELECT.", "Decision DELETE: quote it when you ask."]
