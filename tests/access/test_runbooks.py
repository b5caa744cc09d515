"""A runbook: whose signatures count, what it covers, and what it never does."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from interlock.access.faults import RunbookRefused
from interlock.access.runbooks import (
    Runbook,
    Signature,
    Signed,
    Signer,
    Text,
    Whole,
    lease_of,
    read_draft,
    read_signed,
    sign,
    too_many,
    unfit,
    valid,
    write_signed,
)
from interlock.model import Basis, Impact, Principal, PrincipalKind, Target

KEYS = {name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number, name in enumerate(("dora", "dan"))}
SIGNERS = {name: Signer(public=key.public_key(), groups=frozenset({"dba-leads"})) for name, key in KEYS.items()}
RUNBOOK = Runbook(
    id="purge",
    title="Purge",
    target="shop",
    environment="prod",
    text="DELETE FROM items WHERE id = $1 AND name = $2",
    groups=("engineers",),
    expires_at=1_000,
    parameters=(Whole(least=1, most=9), Text(one_of=("x", "y"))),
    rows=5,
)
ANA = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"engineers"}))
SHOP = Target(name="shop", kind="postgresql", environment="prod")
SECOND = 1_000_000


def by(*names: str, runbook: Runbook = RUNBOOK, group: str = "dba-leads") -> Signed:
    signed = Signed(runbook=runbook)
    for name in names:
        signed = sign(signed, by=name, group=group, key=KEYS[name])
    return signed


def who(signed: Signed) -> list[str]:
    return [one.by for one in valid(signed, SIGNERS)]


def test_each_person_counts_once() -> None:
    assert who(by("dora", "dan", "dora")) == ["dan", "dora"]
    one = by("dora").signatures[0]
    assert who(Signed(runbook=RUNBOOK, signatures=(one, one))) == ["dora"]


def test_what_was_signed_is_all_of_it() -> None:
    signed = by("dora")
    for changed in (
        {"rows": 6},
        {"expires_at": 2_000},
        {"environment": "dev"},
        {"parameters": ()},
        {"groups": ("all",)},
    ):
        assert who(replace(signed, runbook=replace(RUNBOOK, **changed))) == []
    (one,) = signed.signatures
    for moved in (
        replace(one, by="dan"),
        replace(one, group="data-owners"),
        replace(one, signature="AA=="),
        replace(one, signature="?"),
    ):
        assert who(replace(signed, signatures=(moved,))) == []


def test_nobody_signs_for_a_group_that_is_not_theirs_or_without_a_key_that_is_known() -> None:
    assert who(by("dora", group="data-owners")) == []
    assert valid(by("dora"), {}) == ()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1, "x"), None),
        ((9, "y"), None),
        ((10, "x"), "$1 is 10, and 1 to 9 were signed"),
        ((0, "x"), "$1 is 0"),
        ((1, "z"), "$2 is a text"),
        ((None, "x"), "no whole number"),
        (("1", "x"), "no whole number"),
        ((1, None), "no plain text"),
        ((1, 7), "no plain text"),
    ],
)
def test_what_fills_the_holes_has_to_fit(values: tuple[str | int | None, ...], said: str | None) -> None:
    found = unfit(RUNBOOK, ANA, SHOP, values, 0)
    assert (found is None) is (said is None)
    assert said is None or said in (found or "")


def test_it_is_bound_to_target_environment_group_and_time() -> None:
    fitting = (1, "x")
    assert "has expired" in (unfit(RUNBOOK, ANA, SHOP, fitting, 1_000 * SECOND) or "")
    assert unfit(RUNBOOK, ANA, SHOP, fitting, 1_000 * SECOND - 1) is None
    assert unfit(RUNBOOK, ANA, Target(name="shop", kind="postgresql", environment="dev"), fitting, 0)
    assert unfit(RUNBOOK, ANA, Target(name="other", kind="postgresql", environment="prod"), fitting, 0)
    stranger = Principal(id="eve", kind=PrincipalKind.PERSON, issuer="config")
    assert "engineers" in (unfit(RUNBOOK, stranger, SHOP, fitting, 0) or "")


def test_two_signatures_are_two_approvals_and_ones_own_is_none() -> None:
    signed = by("dora", "dan")
    lifts = lease_of(signed, valid(signed, SIGNERS), ANA, 5).lifts()
    assert lifts == {"approval:dba-leads:1", "approval:dba-leads:2"}
    robot = Principal(id="bot", kind=PrincipalKind.AGENT, issuer="config", on_behalf_of=replace_id(ANA, "Dora"))
    assert lease_of(signed, valid(signed, SIGNERS), robot, 5).lifts() == {"approval:dba-leads:1"}


def replace_id(principal: Principal, name: str) -> Principal:
    return Principal(id=name, kind=principal.kind, issuer="elsewhere", groups=principal.groups)


def test_rows_that_nobody_counted_are_not_zero() -> None:
    lease = lease_of(by("dora"), (), ANA, 5)
    assert too_many(lease, Impact()) is None
    assert too_many(lease, Impact(basis=Basis.MEASURED, rows=5)) is None
    assert "6 rows" in (too_many(lease, Impact(basis=Basis.MEASURED, rows=6)) or "")
    assert "unknown number" in (too_many(lease, Impact(basis=Basis.MEASURED)) or "")


def test_it_is_kept_as_text_and_nothing_else_is_read() -> None:
    signed = by("dora")
    assert read_signed(write_signed(signed)) == signed
    assert isinstance(signed.signatures[0], Signature)
    for text in ("{}", "[]", write_signed(signed).decode().replace('"title"', '"tilte"')):
        with pytest.raises(RunbookRefused, match="no runbook"):
            read_signed(text)
    with pytest.raises(RunbookRefused, match="no draft"):
        read_draft("id = 1")
