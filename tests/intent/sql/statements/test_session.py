"""What was prepared is judged again with the values that EXECUTE writes out."""

import pytest

from interlock.intent.sql import understand
from interlock.model import FindingCode
from tests.intent.sql.shop import scope


def codes(prepared: str, executed: str) -> set[FindingCode]:
    (known,) = understand(prepared, scope())
    (statement,) = understand(executed, scope(prepared={"p": known}))
    return {finding.code for finding in statement.intent.all_findings()}


@pytest.mark.parametrize(
    ("prepared", "executed", "code"),
    [
        ("PREPARE p AS DELETE FROM orders WHERE id = 1 OR $1", "EXECUTE p(true)", FindingCode.ALWAYS_TRUE),
        ("PREPARE p(bigint) AS DELETE FROM orders WHERE id >= $1", "EXECUTE p(0)", FindingCode.ALWAYS_TRUE),
        ("PREPARE p(bigint) AS SELECT generate_series(1, $1)", "EXECUTE p(99999999999)", FindingCode.OVER_LIMIT),
    ],
)
def test_values_that_are_written_out_count(prepared: str, executed: str, code: FindingCode) -> None:
    assert code in codes(prepared, executed)


@pytest.mark.parametrize(
    ("prepared", "executed"),
    [
        ("PREPARE p AS UPDATE orders SET note = NULL WHERE id = 1 AND $1", "EXECUTE p(true)"),
        ("PREPARE p(bigint) AS UPDATE orders SET note = NULL WHERE id = $1", "EXECUTE p('5')"),
        ("PREPARE p(bigint, text) AS UPDATE orders SET note = $2 WHERE id = $1", "EXECUTE p(5, 'x')"),
        ("PREPARE p(bigint) AS SELECT generate_series(1, $1)", "EXECUTE p(10)"),
        ("PREPARE p(bigint) AS SELECT id FROM orders WHERE id = $1", "EXECUTE p(2 + 3)"),
    ],
)
def test_and_otherwise_nothing_changes(prepared: str, executed: str) -> None:
    assert codes(prepared, executed) == set()
