"""Counters beside the log: in the transaction of their records, and what a run that died left reserved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from interlock.access.budgets import LONGEST, SECOND, Budgets, Reserve, Settle, Step, steps_bytes
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Entry
from interlock.ledger.records import heartbeat_entry
from interlock.store.sqlite import LedgerSettings, SqliteLedger

AT = 1_700_000_000 * SECOND
KEYS = ("root ann", "here ann shop")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where the ledger is."""
    return tmp_path / "records.db"


def opened(path: Path) -> SqliteLedger:
    names = map(str, range(10_000))
    settings = LedgerSettings(path=path, gateway="here")
    return SqliteLedger(settings, new_id=lambda: next(names), now=lambda: AT)


def record(*steps: Step) -> Entry:
    return structs.replace(heartbeat_entry(id="h", at=AT), budget=steps_bytes(steps))


def reserve(id: str, rows: int | None) -> Reserve:
    return Reserve(id=id, keys=KEYS, amounts={"rows": rows, "commands": 1})


def settle(id: str, rows: int | None, at: int = AT) -> Settle:
    return Settle(id=id, keys=KEYS, amounts={"rows": rows, "commands": 1}, at=at)


def used(ledger: SqliteLedger, at: int = AT) -> list[int | None]:
    """Rows and commands of the first key, as a gateway that starts finds them."""
    budgets = Budgets()
    budgets.load(ledger.spent(at))
    return [budgets.used(KEYS[0], metric, "hour", at) for metric in ("rows", "commands")]


def test_what_was_used_is_there_after_a_restart(path: Path) -> None:
    ledger = opened(path)
    ledger.append([record(reserve("a", 9), reserve("b", 5)), record(settle("a", 3))])
    ledger.append([record(settle("b", 5, AT + 7 * SECOND))])
    ledger.close()
    again = opened(path)
    assert used(again, AT + 8 * SECOND) == [8, 2]
    assert used(again, AT + 8 * SECOND) == [8, 2]
    again.close()


def test_what_was_reserved_when_a_run_died_is_used_up_once(path: Path) -> None:
    ledger = opened(path)
    ledger.append([record(reserve("a", 9)), record(reserve("b", 4)), record(reserve("a", 2))])
    ledger.close()
    for _ in range(2):
        again = opened(path)
        assert used(again) == [6, 2]
        again.close()


def test_what_is_not_known_is_not_known_after_a_restart(path: Path) -> None:
    ledger = opened(path)
    ledger.append([record(reserve("a", None)), record(settle("b", 3))])
    assert used(ledger) == [None, 2]
    assert used(ledger, AT + (LONGEST + 1) * SECOND) == [0, 0]
    ledger.close()


def test_what_leaves_every_window_leaves_the_file(path: Path) -> None:
    ledger = opened(path)
    later = AT - AT % (64 * SECOND) + (LONGEST + 128) * SECOND
    ledger.append([record(settle("a", 3))])
    ledger.append([record(settle("b", 1, later))])
    assert [spent.amount for spent in ledger.spent(later)] == [1, 1, 1, 1]
    ledger.close()


def test_steps_are_written_with_their_record_or_not_at_all(path: Path) -> None:
    ledger = opened(path)

    def die(place: str) -> None:
        raise LedgerFault(place)

    with pytest.raises(LedgerFault):
        ledger.append([record(settle("a", 3))], die)
    ledger.close()
    again = opened(path)
    assert used(again) == [0, 0]
    again.close()
