"""Equations that tie two tables, and those that hold for too many of all pairs."""

import pytest

from interlock.model import FindingCode
from tests.intent.sql.shop import meaning

TOO_MANY = [
    "a.id % 2 = b.id % 2", "mod(a.id, 7) = mod(b.id, 7)", "sign(a.id) = sign(b.id)", "(a.id > 5) = (b.id > 5)",
    "(a.id IS NULL) = (b.id IS NULL)", "(a.id > 5 AND a.id < 9)::int = (b.id > 7 OR b.id < 2)::int",
    "pg_typeof(a.id) = pg_typeof(b.id)", "length(a.id::text) = length(b.id::text)",
    "extract(month FROM a.ordered_at) = extract(month FROM b.ordered_at)",
]  # fmt: skip
TIED = [
    "a.id % 1000 = b.id % 1000", "a.id % 2 = b.id", "a.id + 1 = b.id", "lower(a.id::text) = lower(b.id::text)",
    "length(a.id::text) = length(b.id::text) AND extract(dow FROM a.ordered_at) = extract(dow FROM b.ordered_at)",
    "extract(epoch FROM a.ordered_at) = extract(epoch FROM b.ordered_at)",
]  # fmt: skip


def cartesian(condition: str) -> bool:
    found = meaning(f"SELECT 1 FROM orders a, orders b WHERE {condition}").intent.all_findings()
    return any(finding.code is FindingCode.CARTESIAN for finding in found)


@pytest.mark.parametrize("condition", TOO_MANY)
def test_what_is_alike_for_most_pairs_ties_nothing(condition: str) -> None:
    assert cartesian(condition)


@pytest.mark.parametrize("condition", TIED)
def test_what_tells_rows_apart_ties(condition: str) -> None:
    assert not cartesian(condition)
