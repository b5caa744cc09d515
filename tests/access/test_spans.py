"""Leases for a while: what they may be asked for, how they are granted, and what they cover."""

import pytest

from interlock.access.faults import ApprovalRefused
from interlock.access.leases import approve, end_of, ended
from interlock.access.spans import LONGEST, covering, span_of
from interlock.ledger.leases import lease_bytes, read_lease
from interlock.model import (
    Basis,
    Case,
    Command,
    Effect,
    End,
    Impact,
    Intent,
    Lease,
    Object,
    ObjectKind,
    Reach,
    Session,
    Span,
    Target,
    Touched,
    Verb,
)
from tests.access.leasing import CARL, DAN, DORA, MINUTE, ROBOT, by, span

TWO = (frozenset({"approval:dba-leads:2"}),)


def thing(*path: str, kind: ObjectKind = ObjectKind.TABLE, known: bool = True) -> Object:
    return Object(kind=kind, path=("shop", *path), known=known)


def case(
    *effects: tuple[Verb, Object], at: int = 1, touched: tuple[Touched, ...] = (), understood: bool = True
) -> Case:
    target = Target(name="shop", kind="postgresql", environment="prod")
    session = Session(
        id="s", principal=ROBOT, target=target, gateway="g", surface="postgresql", purpose=None, opened_at=0
    )
    intent = Intent(
        effects=tuple(Effect(verb=verb, object=object_, reach=Reach.ONE) for verb, object_ in effects),
        returns=(),
        findings=(),
        understood=understood,
        shape="",
        fingerprint="",
    )
    return Case(
        command=Command(id="c", session=session, language="sql", text="", unit="u", received_at=0),
        intent=intent,
        offers=frozenset(),
        at=at,
        impact=Impact(basis=Basis.MEASURED, rows=1, touched=touched),
    )


ORDERS, NOTES = thing("public", "orders"), thing("public", "notes")
SHOP = thing(kind=ObjectKind.TARGET)


@pytest.mark.parametrize(
    ("lease", "wanted", "covered"),
    [
        (span(Verb.READ), case((Verb.READ, ORDERS)), True),
        (span(Verb.READ), case((Verb.CHANGE, ORDERS)), False),
        (span(Verb.READ), case((Verb.READ, ORDERS), (Verb.READ, NOTES)), False),
        (span(Verb.READ, objects=(("public", "*"),)), case((Verb.READ, ORDERS), (Verb.READ, NOTES)), True),
        (span(Verb.READ, objects=(("*", "*"),)), case((Verb.READ, thing("books", "entries"))), True),
        (span(Verb.READ, objects=(("public", "*"),)), case((Verb.READ, thing("books", "orders"))), False),
        (span(Verb.READ), case((Verb.READ, thing("public", "orders", known=False))), False),
        (span(Verb.READ, objects=(("*", "*"),)), case((Verb.READ, thing("public"))), False),
        (span(Verb.READ), case((Verb.READ, ORDERS), understood=False), False),
        (span(Verb.READ, principal=CARL), case((Verb.READ, ORDERS)), False),
        (span(Verb.READ, ends_at=1), case((Verb.READ, ORDERS)), False),
        (span(Verb.READ, starts_at=2), case((Verb.READ, ORDERS)), False),
        (span(Verb.READ, starts_at=None), case((Verb.READ, ORDERS)), False),
        (ended(span(Verb.READ), End.REVOKED), case((Verb.READ, ORDERS)), False),
        (
            span(Verb.READ, Verb.DELETE),
            case((Verb.DELETE, ORDERS), touched=(Touched(object=NOTES, verb=Verb.DELETE, rows=1),)),
            False,
        ),
        (
            span(Verb.READ),
            case((Verb.READ, ORDERS), (Verb.READ, thing("pg_catalog", "pg_class")), (Verb.READ, SHOP)),
            True,
        ),
        (span(Verb.READ), case((Verb.READ, thing("pg_catalog", "pg_class"))), False),
    ],
)  # fmt: skip
def test_a_command_is_under_a_lease_that_covers_all_of_it(lease: Lease, wanted: Case, covered: bool) -> None:
    assert covering([lease], wanted) == ((lease,) if covered else ())


def test_it_is_granted_for_as_long_as_it_asks_once_people_agreed() -> None:
    asked = span(Verb.READ, ways=TWO, starts_at=None)
    once = approve(asked, DORA, by(DORA, "dba-leads"), lasts=1)
    assert once.pending
    twice = approve(once, DAN, by(DAN, "dba-leads", at=7), lasts=1)
    assert (twice.starts_at, twice.ends_at) == (7, 7 + 5 * MINUTE)
    assert twice.lifts() == {"lease:oncall"}  # its approvals are for the lease, and lift nothing else
    assert (end_of(asked), end_of(twice)) == (End.WITHDRAWN, End.REVOKED)


def test_nobody_in_the_chain_approves_it() -> None:
    with pytest.raises(ApprovalRefused, match="stands in the chain"):
        approve(span(Verb.READ, ways=TWO, starts_at=None), CARL, by(CARL, "dba-leads"), lasts=1)


def test_it_is_kept_as_it_is() -> None:
    lease = span(Verb.READ, Verb.CHANGE, ways=TWO)
    assert read_lease(lease_bytes(lease)) == lease


def test_what_is_asked_for_is_made_explicit() -> None:
    made = span_of("oncall", [Verb.CHANGE], ["public.*", "books.entries", "*"], lasts=MINUTE, ticket=None)
    assert made == Span(
        name="oncall",
        verbs=(Verb.CHANGE, Verb.READ),
        objects=(("*", "*"), ("books", "entries"), ("public", "*")),
        lasts=MINUTE,
    )


@pytest.mark.parametrize(
    ("verbs", "objects", "lasts"),
    [
        ([Verb.GRANT], ["public.orders"], MINUTE),
        ([], ["public.orders"], MINUTE),
        ([Verb.READ], [], MINUTE),
        ([Verb.READ], ["orders"], MINUTE),
        ([Verb.READ], ["*.orders"], MINUTE),
        ([Verb.READ], ["public.orders"], 0),
        ([Verb.READ], ["public.orders"], LONGEST + 1),
    ],
)
def test_what_cannot_be_lent_is_refused(verbs: list[Verb], objects: list[str], lasts: int) -> None:
    with pytest.raises(ApprovalRefused):
        span_of("access", verbs, objects, lasts=lasts, ticket=None)
