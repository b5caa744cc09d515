"""Sliding counters: against a history that is simply kept, and what reservations and unknown amounts do to them."""

from dataclasses import dataclass, field

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from interlock.access.budgets import (
    FOREVER,
    SECOND,
    WINDOWS,
    Account,
    Budgets,
    Reserve,
    Settle,
    Spent,
    read_steps,
    steps_bytes,
)

AMOUNT = st.none() | st.integers(0, 1000)
HOUR = 3600 * SECOND
KEY = ("root ann",)


@dataclass
class Kept:
    """Everything that ever happened."""

    open: dict[str, int | None] = field(default_factory=dict)
    past: list[tuple[int, int | None]] = field(default_factory=list)

    def used(self, since: int, beside: str) -> int | None:
        amounts = [amount for at, amount in self.past if at > since]
        amounts += [amount for name, amount in self.open.items() if name != beside]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if len(known) == len(amounts) else None


class Sliding(RuleBasedStateMachine):
    """Reserve, settle and release in any order, while time passes."""

    @initialize()
    def begin(self) -> None:
        self.account, self.kept, self.at, self.number = Account(), Kept(), 1_700_000_000 * SECOND, 0

    @rule(amount=AMOUNT)
    def reserve(self, amount: int | None) -> None:
        self.number += 1
        self.account.reserve(str(self.number), {"rows": amount})
        self.kept.open[str(self.number)] = amount

    @precondition(lambda self: self.kept.open)
    @rule(data=st.data(), amount=AMOUNT)
    def reserve_anew(self, data: st.DataObject, amount: int | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept.open)))
        self.account.reserve(name, {"rows": amount})
        self.kept.open[name] = amount

    @precondition(lambda self: self.kept.open)
    @rule(data=st.data(), amount=AMOUNT)
    def settle(self, data: st.DataObject, amount: int | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept.open)))
        self.account.settle(name, {"rows": amount}, self.at)
        del self.kept.open[name]
        self.kept.past.append((self.at, amount))

    @precondition(lambda self: self.kept.open)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kept.open)))
        self.account.release(name)
        self.account.release("nobody")
        del self.kept.open[name]

    @rule(microseconds=st.sampled_from([1, SECOND // 3, SECOND, 59 * SECOND, 599 * SECOND, 600 * SECOND, HOUR]))
    def time_passes(self, microseconds: int) -> None:
        self.at += microseconds

    @invariant()
    def nothing_is_forgotten_early_and_nothing_kept_long(self) -> None:
        for name in ["", *self.kept.open]:
            for window, length in WINDOWS.items():
                used = self.account.used("rows", window, self.at, beside=[name])
                since = self.at - length * SECOND
                least, most = self.kept.used(since, name), self.kept.used(since - SECOND, name)
                if most is not None:
                    assert least is not None
                    assert used is not None
                    assert least <= used <= most
                elif least is None:
                    assert used is None

    @invariant()
    def an_account_is_idle_when_nothing_counts(self) -> None:
        if not self.kept.open and not [1 for at, _ in self.kept.past if at > self.at - HOUR - 2 * SECOND]:
            assert self.account.idle(self.at)


TestSliding = Sliding.TestCase
TestSliding.settings = settings(deadline=None, max_examples=60)


def test_a_reservation_counts_at_once_and_gives_back_what_was_not_used() -> None:
    account = Account()
    account.reserve("a", {"rows": 100})
    assert account.used("rows", "hour", 0) == 100
    assert account.used("rows", "hour", 0, beside=["a"]) == 0
    account.settle("a", {"rows": 7}, 0)
    assert account.used("rows", "hour", 0) == 7
    assert not account.idle(0)


def test_a_reservation_does_not_slide_out_of_its_window() -> None:
    account = Account()
    account.reserve("a", {"rows": 5})
    assert account.used("rows", "hour", 5 * HOUR) == 5
    account.settle("a", {"rows": 5}, 5 * HOUR)
    assert account.used("rows", "tenMinutes", 5 * HOUR + 600 * SECOND) == 5
    assert account.used("rows", "tenMinutes", 5 * HOUR + 601 * SECOND) == 0
    assert account.used("rows", "hour", 6 * HOUR) == 5


def test_what_is_not_known_stays_unknown_until_it_leaves_the_window() -> None:
    account = Account()
    account.settle("a", {"rows": None}, 0)
    account.settle("b", {"rows": 3}, HOUR // 2)
    assert account.used("rows", "hour", HOUR) is None
    assert account.used("rows", "hour", HOUR + SECOND) == 3
    assert account.used("commands", "hour", HOUR) == 0


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    account = Account()
    account.settle("a", {"rows": 1}, 2 * HOUR)
    account.settle("b", {"rows": 1}, HOUR)
    assert account.used("rows", "hour", HOUR) == 2
    assert account.used("rows", "hour", 3 * HOUR) == 2


def test_a_session_counts_for_as_long_as_it_lasts() -> None:
    account = Account(FOREVER)
    account.settle("a", {"rows": 4}, 0)
    assert account.used("rows", "ever", 100 * HOUR) == 4


def test_steps_travel_and_every_key_counts_for_itself() -> None:
    keys = ("root ann", "root ann on shop")
    steps = [
        Reserve(id="a", keys=keys, amounts={"rows": 9, "bytes": None}),
        Settle(id="a", keys=keys, amounts={"rows": 2, "bytes": 70}, at=SECOND),
        Reserve(id="b", keys=KEY, amounts={"rows": 1}),
    ]
    assert read_steps(steps_bytes(steps)) == steps
    assert read_steps(b"") == []
    budgets = Budgets()
    budgets.follow(steps)
    assert [budgets.used(key, "rows", "hour", SECOND) for key in (*keys, "root bob")] == [3, 2, 0]
    budgets.follow([Settle(id="b", keys=KEY, amounts={}, at=SECOND)])
    assert budgets.used("root ann", "bytes", "hour", SECOND) == 70
    budgets.sweep(SECOND)
    assert sorted(budgets.keys()) == sorted(keys)
    budgets.sweep(2 * HOUR)
    assert list(budgets.keys()) == []


def test_what_was_used_before_counts_on() -> None:
    budgets = Budgets()
    budgets.load([Spent(key="k", metric="rows", second=5, amount=7, unknown=0)])
    budgets.load([Spent(key="k", metric="bytes", second=6, amount=7, unknown=2)])
    at = 6 * SECOND
    assert (budgets.used("k", "rows", "hour", at), budgets.used("k", "bytes", "hour", at)) == (7, None)
    assert budgets.used("k", "bytes", "hour", at + HOUR + SECOND) == 0
