"""Records become cases again, and a review counts what was used."""

import pytest

from interlock.app.review.replay import Archive, replay
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.ledger.leaf import Numbering
from interlock.ledger.reading import Leaf, read_leaf
from interlock.ledger.scribe import decision_entry
from interlock.model import Case, Decision, Verb, Verdict
from tests.policy.world import BOT, CUSTOMERS, EMAIL, EVE, ID, case, effect

BOOK = LabelBook({"public.customers.email": frozenset({"pii"})})


def recorded(said: Case, *, verdict: Verdict = Verdict.ALLOW, enforced: bool = True) -> Leaf:
    decision = Decision(verdict=verdict, reasons=(), obligations=(), policy_version="v")
    entry = decision_entry(said, decision, entropy=bytes, enforced=enforced)
    return read_leaf(Numbering("here", 1).leaf(entry))


def archive(book: LabelBook = BOOK) -> Archive:
    return Archive(lease=lambda name: None, rest=lambda seq: None, labels={"shop": book})


@pytest.mark.parametrize(
    "said",
    [
        case(EVE, effect(Verb.READ, CUSTOMERS, fields=(ID, EMAIL)), purpose="support"),
        case(BOT, effect(Verb.CHANGE, CUSTOMERS, fields=(EMAIL,)), effect(Verb.READ, CUSTOMERS, fields=None)),
        case(EVE),
    ],
    ids=["labelled columns", "on behalf", "nothing"],
)
def test_a_decision_comes_back_as_it_was_judged(said: Case) -> None:
    (found,) = replay([recorded(said)], archive())
    back = found.used.case
    assert back.intent.effects == said.intent.effects
    assert back.command.session.principal == said.command.session.principal
    assert back.command.session.target == said.command.session.target
    assert back.command.session.purpose == said.command.session.purpose


def test_columns_that_nobody_labels_any_more_keep_what_the_record_names() -> None:
    said = case(EVE, effect(Verb.READ, CUSTOMERS, fields=(ID, EMAIL)))
    (found,) = replay([recorded(said)], archive(LabelBook({})))
    (back,) = found.used.case.intent.effects
    assert {field.labels for field in back.fields or ()} == {frozenset({"pii"})}


def test_what_was_refused_or_only_watched_was_not_used() -> None:
    said = case(EVE, effect(Verb.READ, CUSTOMERS))
    left = [recorded(said, verdict=Verdict.DENY), recorded(said, verdict=Verdict.HOLD), recorded(said, enforced=False)]
    assert list(replay(left, archive())) == []
