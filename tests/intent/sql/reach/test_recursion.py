"""Recursions that end and those that do not; what a text comes to by its literals."""

import pytest

from interlock.intent.sql.parser import parse, statement_of
from interlock.intent.sql.reach.amounts import amount, moment, span
from interlock.intent.sql.tree import Node, body, node, nodes, unwrap
from interlock.model import FindingCode
from tests.intent.sql.shop import meaning


def expression(text: str) -> Node | None:
    """The first column of `SELECT text`."""
    (raw,) = parse(f"SELECT {text}".encode())
    (target,) = nodes(unwrap(statement_of(raw))[1], "targetList")
    return node(body(target, "ResTarget") or {}, "val")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2 * (3 + 4) - 1", 13), ("-5", -5), ("'12'::int8", 12), ("10 ^ 3", 1000), ("power(2, 5)", 32),
        ("1e400::numeric", float("inf")), ("9 ^ 9999", float("inf")), ("1 / 0", None), ("(-1) ^ 0.5", None),
        ("x + 1", None), ("true", None), ("'no'::int", None), ("'5'::app.size", None), ("5 % 2", None),
    ],
)  # fmt: skip
def test_numbers_are_folded_where_nothing_is_looked_up(text: str, number: float | None) -> None:
    assert amount(expression(text)) == number


def test_moments_and_spans_are_folded() -> None:
    day, later = moment(expression("date '2025-01-01'")), moment(expression("'2025-01-02'::timestamp + interval '1 h'"))
    assert day is not None
    assert later is not None
    assert later - day == 25 * 3600
    now, before = moment(expression("now()")), moment(expression("date_trunc('day', now()) - interval '2 weeks'"))
    assert now is not None
    assert before is not None
    assert now - before == 14 * 86_400
    assert span(expression("interval '1 day 2 hours'")) == 26 * 3600
    assert [span(expression(text)) for text in ("interval '1 lightyear'", "interval '1' HOUR", "''", "5")] == [None] * 4
    assert [moment(expression(text)) for text in ("'soon'::date", "x", "now() * 2")] == [None] * 3
    assert [moment(expression(text)) for text in ("'infinity'::date", "'-infinity'")] == [float("inf"), float("-inf")]


ENDS = [
    "SELECT i + 1 FROM r WHERE i < 100",
    "SELECT i - 1 FROM r WHERE i > 0",
    "SELECT i + 1 FROM r WHERE 100 > i",
    "SELECT i + 1 FROM r WHERE i < 100 AND i > 0",
    "SELECT i + 1 FROM r WHERE i <= $1",
    "SELECT i * 2 FROM r WHERE i < 1000000000000",
    "SELECT i + 1 FROM r JOIN (VALUES (1)) v(x) ON r.i < 5",
    "SELECT i + 1 FROM r, orders o WHERE o.id = r.i",
    "SELECT i * 10 + d FROM r, (VALUES (0), (1)) v(d) WHERE i < 100000",
    "SELECT unnest(ARRAY[i + 1, i + 2]) FROM r WHERE i < 12",
    "SELECT x FROM r, LATERAL (VALUES (i * 2), (i * 2 + 1)) v(x) WHERE i < 1000000",
    "SELECT i + 1 FROM r, string_to_table(repeat('a', i), 'a') WHERE i < 1000",
    "SELECT i + 1 FROM r, regexp_split_to_table('a', ',') WHERE i < 10",
    "SELECT i / 2 FROM r WHERE i > 0",
    "SELECT i % 10 FROM r WHERE i > 10",
    "SELECT 0 FROM r WHERE i = 1",
    "SELECT o.id FROM orders o JOIN r ON o.customer_id = r.i",
    "SELECT i FROM r WHERE false",
]
ENDLESS = [
    "SELECT i + 1 FROM r WHERE i > 0",
    "SELECT i - 1 FROM r WHERE i < 100",
    "SELECT i FROM r WHERE i = 1",
    "SELECT i + 1 FROM r WHERE i < 100 OR i > 0",
    "SELECT i + 1 FROM r WHERE 0 < i",
    "SELECT i + 1 FROM r WHERE i IS NOT NULL",
    "SELECT i + 0.0001 FROM r WHERE i < 100000",
    "SELECT i + 1 FROM r JOIN (VALUES (1)) v(x) ON true",
    "SELECT unnest(ARRAY[i + 1, i + 1]) FROM r WHERE i < 1000",
    "SELECT i + generate_series(1, 2) FROM r WHERE i < 1000",
    "SELECT i + 1 + json_array_elements_text('[0, 0]')::int FROM r WHERE i < 1000",
    "SELECT 1 + i FROM r, regexp_split_to_table('a,b', ',') WHERE i < 1000",
    "SELECT i + 1 FROM r CROSS JOIN string_to_table('a,b', ',') WHERE i < 1000",
    "SELECT i + 1 FROM r, generate_subscripts(ARRAY[1, 2], 1) WHERE i < 1000",
    "SELECT x FROM r, LATERAL (VALUES (i + 1), (i + 1)) v(x) WHERE i < 1000",
    "SELECT i + d FROM r, (VALUES (1), (5), (10)) v(d) WHERE i < 100",
    "SELECT -i FROM r WHERE i < 100",
    "SELECT i * 1 FROM r WHERE i < 100",
    "SELECT i / 2 FROM r WHERE i < 100",
    "SELECT i % 10 FROM r WHERE 100 > i",
    "SELECT (i - 1)::int FROM r WHERE i < 100",
    "SELECT 1 FROM r WHERE i < 100",
    "SELECT r.i FROM orders o JOIN r ON o.id = r.i",
    "SELECT i FROM r WHERE i IN (SELECT id FROM orders)",
]


def over(arm: str, *, tail: str = "SELECT i FROM r") -> bool:
    """Whether a recursion with this arm is refused as too much."""
    statement = meaning(f"WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL {arm}) {tail}")
    return any(finding.code is FindingCode.OVER_LIMIT for finding in statement.intent.findings)


@pytest.mark.parametrize("arm", ENDS)
def test_a_recursion_that_may_end_is_read(arm: str) -> None:
    assert not over(arm)


@pytest.mark.parametrize("arm", ENDLESS)
def test_a_recursion_that_nothing_ends_is_refused(arm: str) -> None:
    assert over(arm)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("SELECT 1, 'x' UNION ALL SELECT i + 1, s || s FROM r WHERE i < 40", True),
        ("SELECT 1, 'x' UNION ALL SELECT i + 1, repeat(s, 10)::text FROM r WHERE i < 12", True),
        ("SELECT 1, 'x' UNION SELECT i + 1, concat(s, s, s) FROM r WHERE i < 30", True),
        ("SELECT 1, 'x' UNION ALL SELECT i + 1, s || s FROM r WHERE i < 10", False),
        ("SELECT 1, 'x' UNION ALL SELECT i + 1, s || 'x' FROM r WHERE i < 4000", False),
        ("SELECT 1, '' UNION SELECT i, random()::text FROM r", True),
        ("SELECT 1, '' UNION SELECT i, s FROM r", False),
    ],
)
def test_texts_that_grow_with_every_round(text: str, refused: bool) -> None:
    found = meaning(f"WITH RECURSIVE r(i, s) AS ({text}) SELECT i FROM r").intent.findings
    assert any(finding.code is FindingCode.OVER_LIMIT for finding in found) is refused


@pytest.mark.parametrize(
    ("tail", "refused"),
    [
        ("SELECT i FROM r LIMIT 10", False),
        ("SELECT i * 2 FROM r LIMIT $1", False),
        ("SELECT i FROM r LIMIT ALL", True),
        ("SELECT i FROM r LIMIT 1000000000", True),
        ("SELECT max(i) FROM r LIMIT 1", True),
        ("SELECT i FROM r ORDER BY i DESC LIMIT 1", True),
        ("SELECT i FROM r WHERE i < 0 LIMIT 1", True),
        ("SELECT a.i FROM r a, r b LIMIT 1", True),
    ],
)
def test_a_limit_ends_only_what_it_takes_row_by_row(tail: str, refused: bool) -> None:
    assert over("SELECT i + 1 FROM r", tail=tail) is refused
