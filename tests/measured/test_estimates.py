"""What the planner estimates is wrong where data is skewed and columns depend on each other; what is counted is not."""

import pytest

from tests.measured.asking import records, touched
from tests.stand import Stand

FEW, MANY = "a = 1 AND b = 2", "a = 1 AND b = 1 AND c = 1"


def estimated(stand: Stand, text: str) -> int:
    """Rows, with statistics that are fresh."""
    stand.ask("ANALYZE skewed")
    (plan,) = stand.ask(f"EXPLAIN (FORMAT JSON) {text}")
    return int(plan["Plan"]["Plans"][0]["Plan Rows"])


@pytest.mark.parametrize(("where", "rows"), [(FEW, 3), (MANY, 900)], ids=["far too many", "far too few"])
@pytest.mark.parametrize("explicit", [False, True], ids=["autocommit", "transaction"])
def test_the_estimate_is_wrong_tenfold_and_the_count_exact(
    stand: Stand, where: str, rows: int, *, explicit: bool
) -> None:
    text = f"UPDATE skewed SET note = 'seen' WHERE {where}"
    planned = estimated(stand, text)
    assert max(planned, rows) >= 10 * min(planned, rows), planned
    assert (planned > rows) is (where is FEW), planned
    with stand.connect() as client:
        if explicit:
            with client.transaction():
                assert client.execute(text.encode()).rowcount == rows
        else:
            assert client.execute(text.encode()).rowcount == rows
    assert touched(records(stand, "settlement")[-1]) == {"change skewed": rows}
    assert stand.ask("SELECT count(*) FROM skewed WHERE note = 'seen'") == rows
    stand.ask("UPDATE skewed SET note = NULL WHERE note IS NOT NULL")
