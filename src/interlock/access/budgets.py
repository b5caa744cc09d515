"""Sliding counters: what was used lately, what is reserved by those that still run, and what of it is not known."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

SECOND: Final = 1_000_000
WINDOWS: Final[Mapping[str, int]] = {"tenMinutes": 600, "hour": 3_600}  # seconds
LONGEST: Final = max(WINDOWS.values())
FOREVER: Final[Mapping[str, int | None]] = {"ever": None}

# By metric: how much of it. None is an amount that nobody knows.
Amounts: TypeAlias = Mapping[str, int | None]


class Reserve(msgspec.Struct, frozen=True, kw_only=True, tag="reserve"):
    """`id` may use this much from now on, on every one of `keys`; it replaces what `id` reserved before."""

    id: str
    keys: tuple[str, ...]
    amounts: dict[str, int | None]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a metric was used on a key in a window: a question."""

    key: str
    metric: str
    window: str


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a key used of a metric in one second since the epoch: a known part, and how many parts nobody knows."""

    key: str
    metric: str
    second: int
    amount: int
    unknown: int


class Settle(msgspec.Struct, frozen=True, kw_only=True, tag="settle"):
    """`id` is over and has used this much at `at`, in microseconds since the epoch, UTC. What it reserved is free."""

    id: str
    keys: tuple[str, ...]
    amounts: dict[str, int | None]
    at: int


Step = Reserve | Settle
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Step]).decode


def steps_bytes(steps: Iterable[Step]) -> bytes:
    """Steps as they travel beside a record."""
    return _encode([*steps])


def read_steps(data: bytes) -> list[Step]:
    """The inverse; no bytes are no steps."""
    return _decode(data) if data else []


@dataclass(slots=True)
class _Sum:
    """A known part, and how many parts of it nobody knows."""

    known: int = 0
    unknown: int = 0

    def add(self, amount: int | None, times: int = 1) -> None:
        if amount is None:
            self.unknown += times
        else:
            self.known += amount * times

    @property
    def empty(self) -> bool:
        return not (self.known or self.unknown)


def _into(sums: dict[str, _Sum], amounts: Amounts, times: int = 1) -> None:
    for metric, amount in amounts.items():
        found = sums.setdefault(metric, _Sum())
        found.add(amount, times)
        if found.empty:
            del sums[metric]


class _Window:
    """What was used in the last `length` seconds; in all, where that is None.

    It is kept by the second, and a second leaves as a whole once all of it is too long ago: so the window is never
    shorter than it says, and up to a second longer.
    """

    __slots__ = ("_length", "_seconds", "sums")

    def __init__(self, length: int | None) -> None:
        self._length = length
        self._seconds: deque[tuple[int, dict[str, _Sum]]] = deque()
        self.sums: dict[str, _Sum] = {}

    def add(self, amounts: Amounts, at: int) -> None:
        _into(self.sums, amounts)
        if self._length is None:
            return
        second = at // SECOND
        if not self._seconds or self._seconds[-1][0] < second:  # a clock that was set back forgets nothing
            self._seconds.append((second, {}))
        _into(self._seconds[-1][1], amounts)

    def forget(self, at: int) -> None:
        while self._length is not None and self._seconds and self._seconds[0][0] + self._length < at // SECOND:
            for metric, gone in self._seconds.popleft()[1].items():
                _into(self.sums, {metric: gone.known}, times=-1)
                _into(self.sums, {metric: None}, times=-gone.unknown)


class Account:
    """What one key has used, by window, and what is reserved on it."""

    def __init__(self, windows: Mapping[str, int | None] = WINDOWS) -> None:
        self._windows = {name: _Window(length) for name, length in windows.items()}
        self._open: dict[str, Amounts] = {}
        self._reserved: dict[str, _Sum] = {}

    def reserve(self, id: str, amounts: Amounts) -> None:
        """Hold this much for `id`, instead of what it held before."""
        self.release(id)
        self._open[id] = dict(amounts)
        _into(self._reserved, amounts)

    def release(self, id: str) -> None:
        """Give back what `id` reserved, if it did."""
        if (held := self._open.pop(id, None)) is not None:
            _into(self._reserved, held, times=-1)

    def settle(self, id: str, amounts: Amounts, at: int) -> None:
        """`id` has used this much; the rest of what it reserved is given back."""
        self.release(id)
        for window in self._windows.values():
            window.add(amounts, at)

    def used(self, metric: str, window: str, at: int, *, beside: Iterable[str] = ()) -> int | None:
        """Used and reserved by everybody but those of `beside`; None where some of it is not known."""
        self._windows[window].forget(at)
        whole = _Sum()
        for sums in (self._windows[window].sums, self._reserved):
            part = sums.get(metric, _Sum())
            whole.add(part.known)
            whole.unknown += part.unknown
        for own in [self._open[id] for id in beside if id in self._open]:
            if metric in own:
                whole.add(own[metric], times=-1)
        return None if whole.unknown else whole.known

    def idle(self, at: int) -> bool:
        """Whether there is nothing to remember."""
        for window in self._windows.values():
            window.forget(at)
        return not self._open and not any(window.sums for window in self._windows.values())


@dataclass(slots=True)
class Budgets:
    """Accounts by key. Whoever owns it runs in one thread: a step is whole before the next begins."""

    _accounts: dict[str, Account] = field(default_factory=dict)

    def follow(self, steps: Iterable[Step]) -> None:
        """Take steps in their order."""
        for step in steps:
            for key in step.keys:
                account = self._account(key)
                match step:
                    case Reserve():
                        account.reserve(step.id, step.amounts)
                    case Settle():
                        account.settle(step.id, step.amounts, step.at)

    def load(self, spent: Iterable[Spent]) -> None:
        """Take up what was used before, oldest first."""
        for part in spent:
            for amount in (part.amount, *[None] * part.unknown):
                self._account(part.key).settle("", {part.metric: amount}, part.second * SECOND)

    def used(self, key: str, metric: str, window: str, at: int, *, beside: Iterable[str] = ()) -> int | None:
        """See `Account`. A key that nobody used has used nothing."""
        account = self._accounts.get(key)
        return 0 if account is None else account.used(metric, window, at, beside=beside)

    def sweep(self, at: int) -> None:
        """Forget accounts that hold nothing any more."""
        for key in [key for key, account in self._accounts.items() if account.idle(at)]:
            del self._accounts[key]

    def keys(self) -> Iterator[str]:
        """Those that hold something."""
        yield from self._accounts

    def _account(self, key: str) -> Account:
        return self._accounts.setdefault(key, Account())
