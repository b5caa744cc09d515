"""Who may approve, when that is enough, and how a lease ends."""

import pytest
from msgspec.structs import replace

from interlock.access.binding import commitment
from interlock.access.faults import ApprovalRefused
from interlock.access.leases import (
    approve,
    beyond,
    break_glass,
    ended,
    fits,
    group_of,
    grouped,
    groups_asked,
    is_over,
    may_deny,
    may_withdraw,
    missing,
    review,
)
from interlock.model import Basis, End, Impact, Lease, Object, ObjectKind, Principal, PrincipalKind, Touched, Verb
from tests.access.leasing import CARL, DAN, DIGEST, DORA, MINUTE, OWEN, ROBOT, SALT, by, person, request

ADA = person("ada", "oncall")
ALONE = replace(request(), principal=ADA)


def granted(lease: Lease | None = None) -> Lease:
    once = approve(lease or request(), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
    return approve(once, DAN, by(DAN, "dba-leads", at=2), lasts=MINUTE)


def test_it_is_granted_by_as_many_as_it_takes() -> None:
    once = approve(request(), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
    assert once.pending
    assert missing(once) == (("dba-leads", 1),)
    assert once.lifts() == {"approval:dba-leads:1"}
    twice = approve(once, DAN, by(DAN, "dba-leads", at=5), lasts=MINUTE)
    assert not twice.pending
    assert (twice.starts_at, twice.ends_at, twice.uses) == (5, 5 + MINUTE, 1)
    assert twice.lifts() == {"approval:dba-leads:1", "approval:dba-leads:2"}


def test_a_lease_that_is_not_granted_is_not_live() -> None:
    assert not request().live(1)
    assert not approve(request(), DORA, by(DORA, "dba-leads"), lasts=MINUTE).live(1)
    assert granted().live(3)
    assert not granted().live(1)  # before it starts
    assert not granted().live(2 + MINUTE)


@pytest.mark.parametrize(
    "who",
    [
        CARL,
        person("carl", "dba-leads", issuer="https://idp.example"),  # the same person by another issuer
        person("CARL", "dba-leads"),
        person("ｃａｒｌ", "dba-leads"),  # full-width letters
        replace(ROBOT, groups=frozenset({"dba-leads"})),
        Principal(id="other", kind=PrincipalKind.AGENT, issuer="config", groups=frozenset({"dba-leads"})),
        replace(DORA, on_behalf_of=DAN),
        replace(DORA, kind=PrincipalKind.SERVICE),
    ],
    ids=["root", "root by token", "in capitals", "full width", "the agent", "an agent", "for another", "a service"],
)
def test_only_other_people_decide(who: Principal) -> None:
    with pytest.raises(ApprovalRefused, match=r"somebody else|no person"):
        approve(request(), who, by(who, "dba-leads"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused):
        may_deny(request(), who, at=1)


def test_nobody_counts_twice() -> None:
    once = approve(request("approval:dba-leads:1 approval:owners:1"), DAN, by(DAN, "dba-leads"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused, match="another person"):
        approve(once, DAN, by(DAN, "owners"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused, match="another person"):
        approve(once, person("Dan", "owners"), by(person("Dan", "owners"), "owners"), lasts=MINUTE)
    assert not approve(once, OWEN, by(OWEN, "owners"), lasts=MINUTE).pending


def test_groups_never_add_up() -> None:
    once = approve(request("approval:dba-leads:2", "approval:owners:2"), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
    assert approve(once, OWEN, by(OWEN, "owners"), lasts=MINUTE).pending


def test_one_way_is_enough() -> None:
    lease = request("approval:dba-leads:2", "approval:owners:1")
    assert groups_asked(lease) == ("dba-leads", "owners")
    assert missing(lease) == (("owners", 1),)
    assert not approve(lease, OWEN, by(OWEN, "owners"), lasts=MINUTE).pending


def test_a_group_that_one_is_not_in_does_not_count() -> None:
    with pytest.raises(ApprovalRefused, match="is not in"):
        approve(request(), OWEN, by(OWEN, "dba-leads"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused, match="cannot help"):
        approve(request(), OWEN, by(OWEN, "owners"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused, match="may not approve"):
        group_of(request(), OWEN)


def test_the_group_that_helps_most_is_taken() -> None:
    assert group_of(request("approval:dba-leads:2", "approval:owners:1"), DAN) == "owners"
    assert group_of(request("approval:dba-leads:2", "approval:owners:1"), DORA) == "dba-leads"


@pytest.mark.parametrize("end", End)
def test_what_is_over_stays_over(end: End) -> None:
    lease = ended(granted(), end)
    assert not lease.live(3)
    with pytest.raises(ApprovalRefused, match=end.value):
        approve(lease, OWEN, by(OWEN, "dba-leads"), lasts=MINUTE)
    with pytest.raises(ApprovalRefused, match=end.value):
        may_withdraw(lease, CARL, at=3)
    assert lease.uses == (0 if end in (End.USED, End.EXCEEDED) else 1)


def test_time_ends_it_though_nobody_wrote_that_down() -> None:
    assert is_over(request(), MINUTE)
    assert not is_over(request(), MINUTE - 1)
    with pytest.raises(ApprovalRefused, match="expired"):
        approve(request(), DORA, by(DORA, "dba-leads", at=MINUTE), lasts=MINUTE)


def test_who_may_take_it_back() -> None:
    lease = approve(request(), DORA, by(DORA, "dba-leads"), lasts=MINUTE)
    for who in (CARL, ROBOT, DORA):
        may_withdraw(lease, who, at=1)
    with pytest.raises(ApprovalRefused, match="deny it instead"):
        may_withdraw(lease, DAN, at=1)
    may_deny(granted(), DAN, at=3)  # a grant that is not used yet, too


def test_it_fits_one_command_of_one_principal() -> None:
    lease = granted()
    assert fits(lease, DIGEST, ROBOT, 3)
    assert not fits(lease, "ce" * 32, ROBOT, 3)
    assert not fits(lease, DIGEST, CARL, 3)
    assert not fits(lease, DIGEST, replace(ROBOT, groups=frozenset({"more"})), 3)
    assert not fits(lease, DIGEST, ROBOT, 2 + MINUTE)
    assert not fits(request(), DIGEST, ROBOT, 3)


def test_an_approver_who_stands_in_the_chain_spoils_a_grant_however_it_came_to_be() -> None:
    forged = replace(granted(), approved_by=(by(DORA, "dba-leads"), by(CARL, "dba-leads")))
    assert not fits(forged, DIGEST, ROBOT, 3)


def test_the_commitment_needs_its_salt() -> None:
    assert commitment(SALT, DIGEST) != commitment("ac" * 32, DIGEST)


ORDERS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "orders"))
ITEMS = Object(kind=ObjectKind.TABLE, path=("shop", "public", "items"))


def measured(rows: int | None, *touched: tuple[Object, Verb, int], reversible: bool = True) -> Impact:
    parts = tuple(Touched(object=thing, verb=verb, rows=count) for thing, verb, count in touched)
    return Impact(basis=Basis.MEASURED, rows=rows, reversible=reversible, touched=parts)


def test_what_goes_beyond_the_ceiling_is_named() -> None:
    ceiling = measured(10, (ORDERS, Verb.DELETE, 10))
    assert beyond(measured(10, (ORDERS, Verb.DELETE, 10)), ceiling) is None
    assert beyond(measured(3, (ORDERS, Verb.DELETE, 3)), ceiling) is None
    assert "11 rows" in (beyond(measured(11, (ORDERS, Verb.DELETE, 11)), ceiling) or "")
    assert "items" in (beyond(measured(10, (ORDERS, Verb.DELETE, 9), (ITEMS, Verb.DELETE, 1)), ceiling) or "")
    assert "change" in (beyond(measured(10, (ORDERS, Verb.CHANGE, 10)), ceiling) or "")
    assert "unknown" in (beyond(measured(None), ceiling) or "")
    assert beyond(measured(10, (ORDERS, Verb.DELETE, 10), reversible=False), ceiling) is not None


def test_without_a_measurement_there_is_no_ceiling() -> None:
    assert beyond(measured(11, (ORDERS, Verb.DELETE, 11)), None) is None
    assert beyond(measured(11, (ORDERS, Verb.DELETE, 11)), Impact()) is None


def broken(lease: Lease = ALONE, who: Principal = ADA, *, group: str | None = "oncall", mfa: bool = True) -> Lease:
    return break_glass(lease, who, by(who, "oncall", at=5), group=group, mfa=mfa, lasts=MINUTE)


def test_one_person_with_a_reason_stands_for_all_that_is_asked() -> None:
    lease = broken()
    assert (lease.starts_at, lease.ends_at, lease.approved_by, lease.unreviewed) == (5, 5 + MINUTE, (), True)
    assert lease.lifts() == {"break-glass", "approval:dba-leads:1", "approval:dba-leads:2"}
    assert fits(lease, DIGEST, ADA, 6)


@pytest.mark.parametrize(
    ("lease", "who", "group", "mfa", "why"),
    [
        (ALONE, ADA, None, True, "nobody may"),
        (ALONE, ADA, "oncall", False, "second factor"),
        (ALONE, DORA, "oncall", True, "may not"),
        (request(), replace(CARL, groups=frozenset({"oncall"})), "oncall", True, "machine"),
        (ALONE, replace(ROBOT, groups=frozenset({"oncall"})), "oncall", True, "machine"),
        (ALONE, replace(ADA, on_behalf_of=DORA), "oncall", True, "acting alone"),
        (ended(ALONE, End.DENIED), ADA, "oncall", True, "denied"),
    ],
)
def test_the_glass_stays_whole_for(lease: Lease, who: Principal, group: str | None, mfa: bool, why: str) -> None:
    with pytest.raises(ApprovalRefused, match=why):
        broken(lease, who, group=group, mfa=mfa)


def test_somebody_else_reviews_it() -> None:
    lease = ended(broken(), End.USED)
    for who, why in ((ADA, "in the chain"), (OWEN, "may not review"), (ROBOT, "no person")):
        with pytest.raises(ApprovalRefused, match=why):
            review(lease, who, by(who, ""))
    done = review(lease, DORA, by(DORA, ""))
    assert not done.unreviewed
    with pytest.raises(ApprovalRefused, match="nothing"):
        review(done, DAN, by(DAN, ""))
    for_another = broken(replace(ALONE, principal=OWEN))
    with pytest.raises(ApprovalRefused, match="broke the glass"):
        review(for_another, replace(ADA, groups=frozenset({"dba-leads"})), by(ADA, ""))


def test_alike_requests_stand_together() -> None:
    one, two, other = request(name="1"), request(name="2"), replace(request(name="3"), principal=CARL)
    assert grouped([one, other, two]) == [(one, two), (other,)]
