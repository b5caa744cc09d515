"""What stands in a command's text about how much it may change, and what a command tag proves."""

import pytest

from interlock.access.amounts import is_work, may_write, rows_changed, rows_changed_at_most, rows_read
from tests.intent.sql.shop import meaning

KNOWN = [  # text; at most; what it changed, by told 0, 1 and 9 rows
    ("SELECT * FROM orders", 0, (0, 0, 0)),
    ("SELECT nextval('order_numbers')", 0, (0, 0, 0)),
    ("UPDATE orders SET status = 'x' WHERE id = 1", 1, (0, 1, 1)),
    ("INSERT INTO orders (id) VALUES (1)", 1, (0, 1, 1)),
    ("INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 'x'", 2, (2, 2, 2)),
    ("WITH a AS (INSERT INTO orders (id) VALUES (1)) UPDATE orders SET status = 'x' WHERE id = 2", 2, (2, 2, 2)),
]
UNKNOWN = [
    "UPDATE orders SET status = 'x' WHERE id > 1",
    "INSERT INTO orders (id) VALUES (1), (2)",
    "WITH a AS (INSERT INTO orders (id) VALUES (1)) INSERT INTO orders (id) VALUES (2)",
    "DELETE FROM customers WHERE id = 1",  # cascades
    "TRUNCATE orders",
    "COPY orders FROM STDIN",
    "DO $$ BEGIN EXECUTE 'DELETE FROM orders'; END $$",
    "SELECT no_such_function(1)",
]


@pytest.mark.parametrize(("text", "most", "told"), KNOWN, ids=[text for text, *_ in KNOWN])
def test_what_the_text_bounds(text: str, most: int, told: tuple[int, ...]) -> None:
    intent = meaning(text).intent
    assert rows_changed_at_most(intent) == most
    assert tuple(rows_changed(intent, rows) for rows in (0, 1, 9)) == told
    assert rows_changed(intent, None) == most


@pytest.mark.parametrize("text", UNKNOWN)
def test_where_nobody_knows(text: str) -> None:
    """A command tag counts the outermost statement alone, so it is no proof either."""
    intent = meaning(text).intent
    assert may_write(intent)
    assert rows_changed_at_most(intent) is None
    assert rows_changed(intent, 1) is None


def test_rows_are_read_where_something_is_answered() -> None:
    assert rows_read(meaning("SELECT * FROM orders").intent, 12) == 12
    assert rows_read(meaning("SELECT * FROM orders").intent, None) is None
    assert rows_read(meaning("UPDATE orders SET status = 'x' WHERE id = 1").intent, 1) == 0
    assert rows_read(meaning("UPDATE orders SET status = 'x' WHERE id = 1 RETURNING status").intent, 1) == 1


@pytest.mark.parametrize(("text", "work"), [("BEGIN", False), ("SELECT 1", False), ("TABLE orders", True), ("x", True)])
def test_what_counts_as_a_command(text: str, work: bool) -> None:
    assert is_work(meaning(text).intent) is work
