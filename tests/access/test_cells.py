"""How many values of labelled columns an answer had."""

import pytest

from interlock.access.amounts import cells_read
from interlock.intent.sql import understand
from interlock.intent.sql.limits import DEFAULT_LIMITS
from tests.intent.sql.shop import scope


def cells(text: str, rows: int | None) -> dict[str, int | None]:
    (statement,) = understand(text, scope(), DEFAULT_LIMITS)
    return {metric: count for metric, count in cells_read(statement.intent, rows).items() if count != 0}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT id FROM customers", {}),
        ("SELECT id, email FROM customers", {"sensitiveCells": 10, "piiCells": 10}),
        ("SELECT lower(email), email FROM customers", {"sensitiveCells": 20, "piiCells": 20}),
        ("SELECT c.email FROM (SELECT * FROM customers) AS c", {"sensitiveCells": 10, "piiCells": 10}),
        ("SELECT id FROM customers WHERE email = 'a'", {}),
        ("SELECT 1", {}),
    ],
)
def test_rows_by_columns(text: str, found: dict[str, int]) -> None:
    assert cells(text, 10) == found


def test_what_nobody_knows_is_not_zero() -> None:
    assert cells("SELECT email FROM customers", None) == {"sensitiveCells": None, "piiCells": None}
    assert cells("SELECT id FROM customers", None) == {}
