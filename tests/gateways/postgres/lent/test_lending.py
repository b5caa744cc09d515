"""What one session holds, and when: one loan at a time, and the end of an answer waits until it is taken back."""

import asyncio
from dataclasses import dataclass, field

import pytest

from interlock.access.privileges import Privilege, Shape
from interlock.gateways.postgres.lent.lending import Lending
from interlock.gateways.postgres.lent.minting import Loan, NotLent
from tests.intent.sql.shop import CATALOG

READS = Shape(privileges=frozenset({Privilege(right="SELECT", what="TABLE", on=("public", "orders"))}))
OWNS = Shape(owner=True)


@dataclass
class Bank:
    """A minter that keeps what is out, and lends nothing that stays."""

    out: list[Loan] = field(default_factory=list)
    most: int = 0
    owner_role: str | None = "shop_owner"

    async def lend(self, login: str, shape: Shape, epoch: str) -> Loan:
        if shape.stays:
            raise NotLent("it stays")
        loan = Loan(login=login, role="owner" if shape.owner else shape.digest, steps=shape.owner)
        self.out.append(loan)
        self.most = max(self.most, len(self.out))
        return loan

    async def take_back(self, loan: Loan) -> None:
        self.out.remove(loan)


def lending(bank: Bank) -> Lending:
    return Lending(minter=bank, login="il_s_1", catalog=lambda: CATALOG)  # type: ignore[arg-type]


def test_never_two_loans_at_once() -> None:
    bank = Bank()
    held = lending(bank)

    async def scene() -> None:
        await held.activate(READS)
        assert (held.has(READS), held.active, held.steps) == (True, True, False)
        await held.activate(OWNS)
        assert (held.has(READS), held.has(OWNS), held.steps) == (False, True, True)
        await held.take_back()
        await held.take_back()

    asyncio.run(scene())
    assert (bank.out, bank.most, held.any, held.active) == ([], 1, False, False)


def test_what_cannot_be_lent_leaves_nothing_out() -> None:
    bank = Bank()
    held = lending(bank)

    async def scene() -> None:
        await held.activate(READS)
        with pytest.raises(NotLent):
            await held.activate(Shape(privileges=READS.privileges, stays=True))

    asyncio.run(scene())
    assert (bank.out, held.any) == ([], False)


def test_the_end_of_an_answer_waits_for_what_it_took() -> None:
    held = lending(Bank())
    assert held.hold(b"ready", idle=True) == b"ready"
    asyncio.run(held.activate(READS))
    assert held.hold(b"rows", idle=False) == b"rows"
    assert held.hold(b"ready", idle=True) == b""
    asyncio.run(held.take_back())
    assert (held.release(), held.release()) == (b"ready", b"")


def test_what_lasts_is_not_taken_back_with_a_command() -> None:
    held = lending(Bank())
    asyncio.run(held.activate(Shape(privileges=READS.privileges, lasting=True)))
    assert (held.any, held.active, held.hold(b"ready", idle=True)) == (True, False, b"ready")
