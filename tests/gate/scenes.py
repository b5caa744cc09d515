"""What must happen, scene by scene. Each takes the module that holds the gate, so that broken ones can be played."""

from types import ModuleType

from interlock.model import Confine, Limit, Status, Verb
from tests.gate.stage import ALLOW, DENY, HOLD, SECRETS, allow, ask, play


def a_record_is_durable_before_anything_is_sent(gate: ModuleType) -> None:
    assert play(gate, ask("read")) == ["decide read", "durable: allow read", "send read"]


def what_arrived_together_waits_once(gate: ModuleType) -> None:
    assert play(gate, ask("a"), ask("b", group=2)) == [
        "decide a",
        "decide b",
        "durable: allow a, allow b",
        "send a",
        "send b",
    ]


def a_denial_is_recorded_and_refused(gate: ModuleType) -> None:
    assert play(gate, ask("drop"), decisions={"drop": DENY}) == [
        "decide drop",
        "durable: deny drop",
        "noted: drop refused",
        "refuse drop: no",
    ]


def a_hold_is_a_refusal_until_it_is_lifted(gate: ModuleType) -> None:
    assert play(gate, ask("drop"), decisions={"drop": HOLD}) == [
        "decide drop",
        "durable: hold drop",
        "noted: drop refused",
        "refuse drop: no",
    ]


def what_stands_behind_a_refusal_in_its_group_is_never_judged(gate: ModuleType) -> None:
    asks = (ask("a"), ask("drop"), ask("c"), ask("other", group=2))
    assert play(gate, *asks, decisions={"drop": DENY}) == [
        "decide a",
        "decide drop",
        "decide other",
        "durable: allow a, deny drop, allow other",
        "send a",
        "noted: drop refused",
        "refuse drop: no",
        "send other",
    ]


def nothing_is_sent_when_the_ledger_fails(gate: ModuleType) -> None:
    assert play(gate, ask("read"), broken=True) == ["decide read", "ledger broken"]


def an_obligation_that_can_be_kept_passes(gate: ModuleType) -> None:
    said = play(gate, ask("read"), decisions={"read": allow(Confine())})
    assert said[-1] == "send read with 1 obligations"


def an_obligation_that_cannot_be_kept_is_a_denial(gate: ModuleType) -> None:
    assert play(gate, ask("read"), decisions={"read": allow(Confine(), Limit(rows=1))}) == [
        "decide read",
        "durable: deny read",
        "noted: read refused",
        "refuse read: unmet-promise",
    ]


def an_observed_target_is_recorded_and_never_blocked(gate: ModuleType) -> None:
    asks = (ask("drop"), ask("next"))
    assert play(gate, *asks, decisions={"drop": DENY}, enforce=False) == [
        "decide drop",
        "decide next",
        "durable: deny drop (observed), allow next (observed)",
        "send drop",
        "send next",
    ]


def an_observed_target_is_not_narrowed_either(gate: ModuleType) -> None:
    said = play(gate, ask("read"), decisions={"read": allow(Confine())}, enforce=False)
    assert said == ["decide read", "durable: allow read (observed)", "send read"]


def a_relaxed_read_does_not_wait(gate: ModuleType) -> None:
    assert play(gate, ask("read"), relaxed=True) == ["decide read", "soon durable: allow read", "send read"]


def relaxed_durability_covers_no_write_no_label_and_no_denial(gate: ModuleType) -> None:
    assert "durable: allow write" in play(gate, ask("write", Verb.CHANGE), relaxed=True)
    assert "durable: allow read" in play(gate, ask("read", thing=SECRETS), relaxed=True)
    assert "durable: deny read" in play(gate, ask("read"), relaxed=True, decisions={"read": DENY})
    mixed = play(gate, ask("read"), ask("write", Verb.DELETE), relaxed=True, decisions={"write": ALLOW})
    assert "durable: allow read, allow write" in mixed


def every_end_is_written_down(gate: ModuleType) -> None:
    assert play(gate, ask("read"), ended=Status.FAILED)[-1] == "noted: read failed"


SCENES = [value for name, value in list(globals().items()) if "_" in name and not name.startswith("_")]
