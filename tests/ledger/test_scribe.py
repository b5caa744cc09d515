"""Leaves: canonical, complete, without literals, and never too large."""

import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from interlock.ledger.leaf import MAX_LEAF, Kind, Numbering, clip, digest, is_canonical, make_entry
from interlock.ledger.outcomes import outcome_entry, unit_outcome_entry
from interlock.ledger.reading import read_leaf
from interlock.ledger.scribe import Scribe
from interlock.model import (
    Basis,
    Decision,
    Effect,
    Field,
    Finding,
    FindingCode,
    Impact,
    Intent,
    Mask,
    Outcome,
    Principal,
    Reach,
    Reason,
    Status,
    Touched,
    Verb,
    Verdict,
)
from tests.ledger.values import AGENT, ALLOW, DENY, ORDERS, READ_ORDERS, SESSION, case, counting_entropy

SCRIBE = Scribe(counting_entropy())
NUMBERING = Numbering("gw.test", 1)


def written(*, text: str = "SELECT 1", decision: Decision = ALLOW, **more: object) -> dict[str, object]:
    entry = SCRIBE.decision(replace(case("c-1", text=text), **more), decision)  # type: ignore[arg-type]
    leaf = NUMBERING.leaf(entry)
    assert is_canonical(leaf)
    found: dict[str, object] = json.loads(leaf)
    return found


def test_a_decision_says_who_what_why_and_how() -> None:
    leaf = written()
    assert list(leaf) == ["decision", "gw", "id", "kind", "ts", "v", "what", "who", "why"]
    assert leaf["who"] == {
        "chain": [
            {"groups": ["analysts"], "id": "ana", "issuer": "config", "kind": "person"},
            {"groups": [], "id": "agent-7", "issuer": "https://idp.example", "kind": "agent"},
        ],
        "depth": 2,
        "kind": "agent",
        "session": "session-1",
        "subject": "agent-7",
    }
    decision = leaf["decision"]
    assert isinstance(decision, dict)
    assert decision["verdict"] == "allow"
    assert decision["policy"] == ALLOW.policy_version
    assert decision["obligations"] == [{"kind": "limit", "rows": 1000}]
    what = leaf["what"]
    assert isinstance(what, dict)
    assert what["intent"]["effects"] == [
        {
            "field_count": 2,
            "field_labels": ["pii"],
            "fields": ["id", "email"],
            "kind": "table",
            "labels": ["finance"],
            "object": ["shop", "public", "orders"],
            "reach": "some",
            "verb": "read",
        }
    ]


def test_the_text_is_committed_to_and_not_there() -> None:
    entry = SCRIBE.decision(case("c-1", text="SELECT '555-0100'", arguments=(b"4111-1111", None)), ALLOW)
    leaf = NUMBERING.leaf(entry)
    for secret in (b"555-0100", b"4111-1111", b"NDExMS0xMTEx"):
        assert secret not in leaf
    assert entry.secret[32:] == b"SELECT '555-0100'\x00" + b'[{"base64":"NDExMS0xMTEx"},null]'
    assert sha256(entry.secret).hexdigest().encode() in leaf


def test_equal_texts_have_different_commitments() -> None:
    first, second = (SCRIBE.decision(case("c-1", text="SELECT 1"), ALLOW) for _ in range(2))
    assert first.secret[:32] != second.secret[:32]
    assert first.tail != second.tail


def test_a_repeated_statement_is_encoded_like_a_new_one() -> None:
    scribe = Scribe(lambda size: bytes(size))
    cold, warm = (scribe.decision(case("c"), ALLOW) for _ in range(2))
    assert cold == warm == Scribe(lambda size: bytes(size)).decision(case("c"), replace(ALLOW))


def test_watched_and_enforced_are_told_apart() -> None:
    scribe = Scribe(counting_entropy())
    heads = [scribe.decision(case("c"), DENY, enforced=enforced).head for enforced in (True, False, True)]
    assert [json.loads(b"{" + head[:-1] + b"}")["decision"]["enforced"] for head in heads] == [True, False, True]


def test_what_does_not_fit_is_counted_digested_and_kept_aside() -> None:
    tables = tuple(
        Effect(verb=Verb.READ, object=replace(ORDERS, path=("shop", "public", f"table_{n}")), reach=Reach.SOME)
        for n in range(800)
    )
    entry = SCRIBE.decision(case("c", intent=replace(READ_ORDERS, effects=tables)), ALLOW)
    intent = read_leaf(NUMBERING.leaf(entry)).what
    assert intent is not None
    assert intent.intent is not None
    assert intent.intent.effect_count == 800
    assert 0 < len(intent.intent.effects) <= 64
    assert intent.intent.effect_digest == digest(entry.rest)
    assert len(json.loads(entry.rest)) == 800


WORST = '\x01\U0001f512\\"' * 4000  # control characters, four-byte characters, escapes


def test_the_worst_that_a_caller_can_send_fits() -> None:
    finding = Finding(code=FindingCode.CASCADES, message=WORST)
    thing = replace(ORDERS, path=(WORST,) * 9, labels=frozenset(f"{n}{WORST}" for n in range(40)))
    fields = tuple(Field(name=WORST, labels=thing.labels) for _ in range(300))
    effect = Effect(verb=Verb.READ, object=thing, reach=Reach.UNKNOWN, fields=fields, findings=(finding,) * 40)
    intent = Intent(
        effects=(effect,) * 100,
        returns=None,
        findings=(finding,) * 40,
        understood=False,
        shape=WORST,
        fingerprint=WORST,
    )
    chain: Principal | None = None
    for _ in range(40):
        chain = replace(AGENT, id=WORST, issuer=WORST, groups=thing.labels, on_behalf_of=chain)
    assert chain is not None
    target = replace(SESSION.target, labels=thing.labels)
    session = replace(SESSION, principal=chain, purpose=WORST, target=target)
    reason = Reason(policy=WORST, title=WORST, severity=WORST, message=WORST, lift=WORST)
    masks = tuple(Mask(labels=thing.labels, form=WORST) for _ in range(9))
    decision = Decision(verdict=Verdict.DENY, reasons=(reason,) * 40, obligations=masks, policy_version=WORST)
    touched = (Touched(object=thing, verb=Verb.READ, rows=1),) * 90
    worst = replace(
        case("c", intent=intent, session=session), impact=Impact(basis=Basis.MEASURED, rows=1, touched=touched)
    )
    leaf = NUMBERING.leaf(SCRIBE.decision(worst, decision))
    assert len(leaf) <= MAX_LEAF
    assert is_canonical(leaf)


@given(st.text(max_size=80), st.integers(8, 60))
def test_clipping_keeps_the_encoded_size(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(msgspec.json.encode(clipped)) - 2 <= limit
    if len(msgspec.json.encode(text)) - 2 <= limit:
        assert clipped == text


@pytest.mark.parametrize(
    ("status", "closes"), [(Status.LANDED, "c"), (Status.REFUSED, "c"), (Status.UNKNOWN, "c"), (Status.RAN, "")]
)
def test_outcomes_close_what_has_ended(status: Status, closes: str) -> None:
    outcome = Outcome(command="c", status=status, milliseconds=0.5, error="42501")
    entry = outcome_entry(outcome, id="e", at=5, unit="u")
    assert entry.closes == closes
    leaf = read_leaf(NUMBERING.leaf(entry)).outcome
    assert leaf is not None
    assert (leaf.of, leaf.status, leaf.unit, leaf.us, leaf.error) == ("c", status, "u", 500, "42501")


def test_a_units_end_closes_the_unit() -> None:
    assert unit_outcome_entry(Outcome(command="u", status=Status.UNDONE), id="e", at=5).closes == "u"


@given(st.dictionaries(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1).filter(lambda k: k != "gw"), st.integers()))
def test_any_groups_make_a_canonical_leaf(groups: dict[str, int]) -> None:
    entry = make_entry(Kind.HEARTBEAT, groups, id="i", at=1)
    assert is_canonical(NUMBERING.leaf(entry))
