"""Counters beside the log: steps are written in the transaction of the record they come with, and read at the start."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from interlock.access.budgets import LONGEST, SECOND, Reserve, Settle, Spent, Step, read_steps, steps_bytes

# Kept by the second, so what there is to read at a start has a bound. Like leases they need no number of the format.
BUDGETS: Final = """
CREATE TABLE IF NOT EXISTS reserved (id TEXT PRIMARY KEY, step BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (second INTEGER NOT NULL, key TEXT NOT NULL, metric TEXT NOT NULL,
    amount INTEGER NOT NULL, unknown INTEGER NOT NULL, PRIMARY KEY (second, key, metric)) STRICT, WITHOUT ROWID;
"""
_SPEND: Final = """
INSERT INTO spent (second, key, metric, amount, unknown) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, unknown = unknown + excluded.unknown
"""
_PRUNED_EVERY: Final = 64  # seconds


def write_steps(connection: sqlite3.Connection, steps: Iterable[Step]) -> None:
    """Inside the transaction of the records that they come with."""
    for step in steps:
        match step:
            case Reserve():
                data = steps_bytes([step])
                connection.execute("INSERT OR REPLACE INTO reserved (id, step) VALUES (?, ?)", (step.id, data))
            case Settle():
                connection.execute("DELETE FROM reserved WHERE id = ?", (step.id,))
                _spend(connection, step)


def take_over(connection: sqlite3.Connection, at: int) -> list[Spent]:
    """What counts at `at`, microseconds since the epoch, UTC; oldest first. What a run before left reserved is used
    up now: nobody saw the end of it."""
    connection.execute("BEGIN IMMEDIATE")
    left = connection.execute("SELECT step FROM reserved").fetchall()
    for (data,) in left:
        for step in read_steps(data):
            _spend(connection, Settle(id=step.id, keys=step.keys, amounts=step.amounts, at=at))
    connection.execute("DELETE FROM reserved")
    _prune(connection, at // SECOND)
    found = connection.execute("SELECT key, metric, second, amount, unknown FROM spent ORDER BY second").fetchall()
    connection.execute("COMMIT")
    return [Spent(key=k, metric=m, second=second, amount=a, unknown=u) for k, m, second, a, u in found]


def _spend(connection: sqlite3.Connection, step: Settle) -> None:
    second = step.at // SECOND
    for key in step.keys:
        for metric, amount in step.amounts.items():
            if amount != 0:
                connection.execute(_SPEND, (second, key, metric, amount or 0, int(amount is None)))
    if second % _PRUNED_EVERY == 0:
        _prune(connection, second)


def _prune(connection: sqlite3.Connection, second: int) -> None:
    connection.execute("DELETE FROM spent WHERE second < ?", (second - LONGEST - 1,))
