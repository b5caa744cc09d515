"""What becomes of holds at the gate: asked for, waited for, lifted once; and what is never lifted."""

import asyncio
from collections.abc import Awaitable, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from interlock.access.binding import digest_of
from interlock.access.leases import approve, ended
from interlock.gate import Ask, Ends, Found, Gate, Lifting, Terms
from interlock.ledger.leaf import Entry, Kind
from interlock.model import (
    UNSEEN,
    Basis,
    Card,
    Case,
    Content,
    Decision,
    End,
    Ground,
    Impact,
    Lease,
    Principal,
    PrincipalKind,
    Session,
    Span,
    Touched,
    Verb,
    Verdict,
)
from tests.access.leasing import DORA, MINUTE, by, span
from tests.gate.stage import ALLOW, ANA, DENY, HOLD, ORDERS, Stage, ask

GROUND = Ground(system="1", catalogue="c", settings="s")
WAY = frozenset({"approval:dba-leads:1"})


@dataclass
class Office(Stage):
    """A stage with people: holds are lifted by one approval of `dba-leads`."""

    ground_is: Ground | None = GROUND
    lease: Lease | None = None
    room: bool = True
    lost: int = 0  # how often a lease is gone when it is to be used
    meanwhile: str = ""  # what people say while somebody waits
    lifted: bool = True  # whether policy lets pass what was approved
    impact: Impact | None = None
    content_is: Content = UNSEEN
    spans: list[Lease] = field(default_factory=list)
    over: bool = False  # a lease has ended, and the worker has not heard so yet

    # judge
    def decide(self, case: Case) -> Decision:
        if case.leases and not isinstance(case.leases[-1].scope, Span):
            self.said.append(f"decide {case.command.id} with {case.leases[-1].id}")
            assert case.leases[-1].lifts() == WAY
            return ALLOW if self.lifted else HOLD
        return Stage.decide(self, case)

    def ways(self, case: Case, decision: Decision) -> tuple[frozenset[str], ...]:
        return (WAY,)

    # scribe
    def decision(self, case: Case, decision: Decision, *, enforced: bool) -> Entry:
        entry = Stage.decision(self, case, decision, enforced=enforced)
        of = f" of {decision.lease.id}" if decision.lease is not None else ""
        return Entry(kind=entry.kind, id=entry.id + of, head=b"", tail=b"")

    def request(self, case: Case, decision: Decision, card: Card) -> Entry:
        assert decision.lease is not None
        self.lease = decision.lease
        return Entry(kind=Kind.APPROVAL_REQUEST, id=f"request {decision.lease.id}", head=b"", tail=b"")

    # leases
    async def seek(self, digest: str, principal: Principal) -> Found:
        return Found(lease=self.lease, room=self.room)

    def standing(self, session: Session) -> Sequence[Lease]:
        return self.spans

    def used(self, lease: Lease, session: Session) -> None:
        self.said.append(f"under {lease.id}")

    async def together(self, entries: Sequence[Entry], ends: Ends, under: AbstractSet[str] = frozenset()) -> bool:
        if under and self.over:
            self.said.append("over")
            self.spans, self.over = [], False
            return False
        if ends and self.lost:
            self.lost -= 1
            self.lease = None
            self.said.append("lost")
            return False
        for name, (end, command) in ends.items():
            entries = [*entries, Entry(kind=Kind.LEASE_END, id=f"{name} {end} by {command}", head=b"", tail=b"")]
        await self.append(entries)
        return True

    async def decided(self, lease: Lease) -> Lease:
        if self.meanwhile == "approve":
            lease = granted(lease)
        elif self.meanwhile == "deny":
            lease = ended(lease, End.DENIED)
        return lease

    # port
    async def ground(self, ask: Ask) -> Ground | None:
        return self.ground_is

    async def content(self) -> Content:
        return self.content_is

    async def wait(self, decided: Awaitable[Lease], patience: int) -> Lease | None:
        self.said.append(f"wait {patience}")
        return await decided


class Cabinet:
    """The office's leases under the name that the gate knows."""

    def __init__(self, office: Office) -> None:
        self.seek, self.append, self.decided = office.seek, office.together, office.decided
        self.standing, self.used = office.standing, office.used


def granted(lease: Lease) -> Lease:
    return approve(lease, DORA, by(DORA, "dba-leads", at=5), lasts=MINUTE)


def play(office: Office, *asks: Ask, patience: int = 0, enforce: bool = True, leased: bool = False) -> list[str]:
    """Admit these asks; the transcript from here on."""
    from interlock.gate import Stance

    ids = iter(f"id-{number}" for number in range(100))
    lifting = Lifting(
        leases=Cabinet(office),
        judge=office,
        scribe=office,
        now=lambda: 10,
        new_id=lambda: next(ids),
        salt=lambda: "ab" * 32,
        terms=Terms(asking=MINUTE, patience=patience, leased=leased),
    )
    gate = Gate(
        judge=office,
        journal=office,
        scribe=office,
        now=lambda: 10,
        new_id=lambda: "id",
        stance=Stance(enforce=enforce),
        lifting=lifting,
    )
    before = len(office.said)
    asyncio.run(gate.admit(asks, office))
    return office.said[before:]


def drop(name: str = "drop", **more: Any) -> Ask:
    return replace(ask(name, Verb.DESTROY), alone=True, **more)


@pytest.fixture
def office() -> Office:
    return Office(decisions={"drop": HOLD, "again": HOLD})


def digest(said: Ask) -> str:
    return digest_of(said.command, GROUND, HOLD.policy_version)


def test_a_hold_asks_in_the_append_that_records_it(office: Office) -> None:
    assert play(office, drop()) == [
        "decide drop",
        "durable: hold drop of id-0, request id-0",
        "noted: drop refused",
        "refuse drop: no",
    ]
    assert office.lease is not None
    assert (office.lease.pending, office.lease.scope.command, office.lease.ends_at) == (True, "drop", 10 + MINUTE)


def test_it_is_asked_for_once(office: Office) -> None:
    play(office, drop())
    assert play(office, drop("again"))[:2] == ["decide again", "durable: hold again of id-0"]


def test_an_approval_is_used_in_the_append_that_records_the_decision(office: Office) -> None:
    play(office, drop())
    assert office.lease is not None
    office.lease = granted(office.lease)
    assert play(office, drop()) == [
        "decide drop",
        "decide drop with id-0",
        "durable: allow drop of id-0, id-0 used by drop",
        "send drop",
    ]


def test_an_approval_that_is_gone_asks_anew(office: Office) -> None:
    play(office, drop())
    assert office.lease is not None
    office.lease, office.lost = granted(office.lease), 1
    said = play(office, drop())
    assert said[2:] == [
        "lost",
        "decide drop",
        "durable: hold drop of id-0, request id-0",
        "noted: drop refused",
        "refuse drop: no",
    ]


def test_an_approval_of_something_else_lifts_nothing(office: Office) -> None:
    play(office, drop())
    assert office.lease is not None
    office.lease = granted(office.lease)
    office.ground_is = replace(GROUND, settings="other")
    said = play(office, drop())
    assert "send drop" not in said
    assert "decide drop with id-0" not in said


def test_an_approval_by_somebody_in_the_chain_lifts_nothing(office: Office) -> None:
    play(office, drop())
    assert office.lease is not None
    ana = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config")
    office.lease = replace(granted(office.lease), approved_by=(by(ana, "dba-leads"),))
    assert "send drop" not in play(office, drop())


def test_policy_has_the_last_word(office: Office) -> None:
    play(office, drop())
    assert office.lease is not None
    office.lease, office.lifted = granted(office.lease), False
    said = play(office, drop())
    assert said[-1] == "refuse drop: no"
    assert "used by" not in " ".join(said)


def test_a_denial_is_not_asked_about(office: Office) -> None:
    office.decisions["drop"] = DENY
    assert play(office, drop()) == ["decide drop", "durable: deny drop", "noted: drop refused", "refuse drop: no"]


@pytest.mark.parametrize("how", ["not alone", "behind an effect", "no ground", "crowded"])
def test_what_cannot_be_bound_is_held_without_a_request(office: Office, how: str) -> None:
    office.ground_is = None if how == "no ground" else GROUND
    office.room = how != "crowded"
    asks = [replace(drop(), alone=how != "not alone")]
    if how == "behind an effect":
        asks.insert(0, ask("write", Verb.CHANGE, group=0))
    said = play(office, *asks)
    reason = "requests-waiting" if how == "crowded" else "approval-not-bound"
    assert said[-1] == f"refuse drop: {reason}"
    assert office.lease is None


def test_what_is_observed_asks_nobody(office: Office) -> None:
    assert play(office, drop(), enforce=False)[-1] == "send drop"
    assert office.lease is None


def test_to_be_prepared_is_not_to_be_run(office: Office) -> None:
    assert play(office, drop(prepares=True)) == ["decide drop", "durable: allow drop", "send drop"]
    office.decisions["code"] = HOLD
    said = play(office, replace(ask("code", Verb.EXECUTE), prepares=True))
    assert said[-1] == "refuse code: approval-not-bound"


def test_the_request_is_durable_before_anybody_waits(office: Office) -> None:
    office.meanwhile = "approve"
    assert play(office, drop(), patience=7) == [
        "decide drop",
        "durable: hold id-1 of id-0, request id-0, id-1 refused",
        "wait 7",
        "decide drop with id-0",
        "durable: allow drop of id-0, id-0 used by drop",
        "send drop",
    ]


@pytest.mark.parametrize("meanwhile", ["deny", "nothing"])
def test_who_waited_in_vain_is_refused(office: Office, meanwhile: str) -> None:
    office.meanwhile = meanwhile
    said = play(office, drop(), patience=7)
    assert said[2:] == ["wait 7", "durable: hold drop of id-0", "noted: drop refused", "refuse drop: no"]


def test_a_transaction_does_not_wait(office: Office) -> None:
    assert "wait 7" not in play(office, drop(explicit=True), patience=7)


def measured(rows: int) -> Impact:
    touched = (Touched(object=ORDERS, verb=Verb.DESTROY, rows=rows),)
    return Impact(basis=Basis.MEASURED, rows=rows, reversible=True, touched=touched)


@pytest.mark.parametrize(("rows", "passes"), [(10, True), (11, False)])
def test_more_than_was_approved_uses_it_up_and_asks_anew(office: Office, rows: int, passes: bool) -> None:
    """As the second moment of the gate will call it: with what was measured."""
    play(office, drop())
    assert office.lease is not None
    old = office.lease = replace(granted(office.lease), ceiling=measured(10))
    said, lifting = drop(), _lifting(office)
    case = Case(command=said.command, intent=said.intent, offers=said.offers, at=10, impact=measured(rows))
    case, decision = asyncio.run(lifting.lift(said, case, HOLD, office))
    assert decision.allowed is passes
    assert decision.lease is not None
    if passes:
        assert lifting.ends(case, decision) == {old.id: (End.USED, "drop")}
        return
    assert decision.verdict is Verdict.HOLD
    assert decision.lease.ceiling == measured(11)
    assert "11 rows" in decision.reasons[-1].message
    assert lifting.ends(case, decision) == {old.id: (End.EXCEEDED, "drop")}
    assert [entry.kind for entry in lifting.entries(case, decision)] == [Kind.APPROVAL_REQUEST]


def _lifting(office: Office) -> Lifting:
    return Lifting(
        leases=Cabinet(office),
        judge=office,
        scribe=office,
        now=lambda: 10,
        new_id=lambda: "new",
        salt=lambda: "ab" * 32,
        terms=Terms(asking=MINUTE),
    )


@pytest.mark.parametrize(
    ("before", "now", "passes"), [("k", "k", True), ("k", "l", False), ("k", "", False), ("", "k", True)]
)
def test_other_rows_than_those_that_were_shown_use_it_up(office: Office, before: str, now: str, passes: bool) -> None:
    said, lifting = drop(), _lifting(office)
    case = Case(command=said.command, intent=said.intent, offers=said.offers, at=10, impact=measured(3))
    office.content_is = Content(keys=before and before.encode().hex())
    _, asked = asyncio.run(lifting.lift(said, case, HOLD, office))
    assert asked.lease is not None
    office.lease = granted(asked.lease)
    office.content_is = Content(keys=now and now.encode().hex())
    seen, decision = asyncio.run(lifting.lift(said, case, HOLD, office))
    assert decision.allowed is passes
    if not passes:
        assert "other rows" in decision.reasons[-1].message
        assert lifting.ends(seen, decision) == {asked.lease.id: (End.EXCEEDED, "drop")}


def lease(*verbs: Verb, name: str = "oncall", **more: Any) -> Lease:
    return span(*verbs, name=name, principal=ANA, **more)


def test_what_a_lease_covers_is_decided_under_it_and_recorded_only_while_it_is_in_force(office: Office) -> None:
    office.spans = [lease(Verb.CHANGE)]
    assert play(office, ask("write", Verb.CHANGE), leased=True) == [
        "under lease-1",
        "decide write",
        "durable: allow write",
        "send write",
    ]
    office.over = True
    assert play(office, ask("write", Verb.CHANGE), leased=True) == [
        "under lease-1",
        "decide write",
        "over",
        "decide write",
        "durable: hold write",
        "noted: write refused",
        "refuse write: lease-needed",
    ]


@pytest.mark.parametrize(
    "other",
    [lease(Verb.READ), lease(Verb.CHANGE, ends_at=10), lease(Verb.CHANGE, objects=(("books", "*"),))],
    ids=["other verb", "over", "other object"],
)
def test_what_no_lease_covers_is_held_where_one_is_needed(office: Office, other: Lease) -> None:
    office.spans = [other]
    assert play(office, ask("write", Verb.CHANGE), leased=True)[-1] == "refuse write: lease-needed"
    assert play(office, ask("write", Verb.CHANGE))[-1] == "send write"  # elsewhere policy alone decides


def test_a_lease_does_not_lift_what_waits_for_people(office: Office) -> None:
    office.spans = [lease(Verb.DESTROY)]
    said = play(office, drop())
    assert said[-1] == "refuse drop: no"
    assert office.lease is not None
    office.lease = granted(office.lease)
    assert play(office, drop(), leased=True)[-1] == "send drop"
