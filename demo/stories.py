"""What the agent asks: data, with what must come of it."""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How the driver sends it: as one simple query, as a prepared statement, or as a COPY."""

    SIMPLE = "simple query"
    PREPARED = "prepared"
    COPY = "copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Honest work. It must pass, with the very rows that the database gives without a gateway."""

    title: str
    sql: str
    arguments: tuple[object, ...] = ()
    pictured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An agent that goes too far. It must be stopped, and `policy` must be named as one that did;
    `reads` says that it takes rows away and changes none."""

    title: str
    motive: str
    sql: str
    policy: str
    reads: bool = False
    way: Way = Way.SIMPLE
    pictured: bool = False

    @property
    def text(self) -> str:
        """The statement as it goes over the wire; for a COPY `sql` is the query inside."""
        return f"COPY ({self.sql}) TO STDOUT (FORMAT csv)" if self.way is Way.COPY else self.sql


QUESTIONS = (
    Question(
        title="Which countries carried June?",
        sql="""\
SELECT country, sum(orders)::int AS orders, sum(revenue) AS revenue
FROM analytics.revenue_daily
WHERE day >= '2026-06-01'
GROUP BY country
ORDER BY revenue DESC
LIMIT 5""",
        pictured=True,
    ),
    Question(
        title="What sold best in the last quarter?",
        sql="""\
SELECT p.name, p.category, sum(i.quantity) AS units,
       sum(i.quantity * i.unit_price) AS revenue
FROM order_items i
JOIN orders o ON o.id = i.order_id
JOIN products p ON p.id = i.product_id
WHERE o.placed_at >= '2026-04-01' AND o.status <> 'cancelled'
GROUP BY p.id
ORDER BY revenue DESC
LIMIT 5""",
    ),
    Question(
        title="How far do visitors get?",
        sql="""\
SELECT kind, count(*) AS events, count(DISTINCT customer_id) AS customers
FROM events
WHERE at >= '2026-06-01'
GROUP BY kind
ORDER BY events DESC""",
    ),
    Question(
        title="One order, with a bound parameter",
        sql="""\
SELECT o.status, i.line, p.name, i.quantity, i.unit_price
FROM orders o
JOIN order_items i ON i.order_id = o.id
JOIN products p ON p.id = i.product_id
WHERE o.id = $1
ORDER BY i.line""",
        arguments=(707,),
    ),
    Question(
        title="A write that is proven small",
        sql="""\
UPDATE support_tickets
SET closed_at = '2026-06-30 09:00+00'
WHERE id = $1
RETURNING id, subject, closed_at""",
        arguments=(13,),
    ),
)

STORIES = (
    Story(
        title="DROP SCHEMA",
        motive="The migration fails on existing tables; start from a clean schema.",
        sql="DROP SCHEMA public CASCADE",
        policy="agents-do-not-restructure",
    ),
    Story(
        title="DELETE without WHERE",
        motive="Remove the expired sessions. (The condition got lost.)",
        sql="DELETE FROM sessions",
        policy="no-write-without-predicate",
    ),
    Story(
        title="DELETE with a WHERE that is always true",
        motive="Remove cancelled orders. (Whoever wrote it asked for all of them.)",
        sql="DELETE FROM orders WHERE status = 'cancelled' OR id = id",
        policy="no-write-without-predicate",
        pictured=True,
    ),
    Story(
        title="A SELECT that deletes",
        motive="It starts with WITH and ends with SELECT, so it only reads.",
        sql="""\
WITH stale AS (
    DELETE FROM orders WHERE placed_at < '2026-01-01' RETURNING id
)
SELECT count(*) FROM stale""",
        policy="bulk-write-is-capped",
        way=Way.PREPARED,
    ),
    Story(
        title="A join that multiplies",
        motive="Put items next to events. (The join condition got lost.)",
        sql="""\
SELECT i.order_id, e.kind, e.at
FROM order_items i, events e
WHERE e.kind = 'checkout'""",
        policy="unsafe-shape",
        reads=True,
        way=Way.PREPARED,
    ),
    Story(
        title="A COPY out of the house",
        motive="Take the payments along as CSV for a notebook.",
        sql="SELECT order_id, iban, amount FROM payments",
        policy="machines-do-not-export",
        reads=True,
        way=Way.COPY,
    ),
    Story(
        title="A DO block",
        motive="Procedural code says nothing until it runs.",
        sql="""\
DO $$
BEGIN
    EXECUTE 'TRUNC' || 'ATE public.orders CASCADE';
END
$$""",
        policy="not-understood",
    ),
    Story(
        title="Reading personal data",
        motive="Write to the best customers directly.",
        sql="""\
SELECT given_name, email, phone
FROM customers
ORDER BY created_at
LIMIT 20""",
        policy="agents-see-no-sensitive-values",
        reads=True,
        way=Way.PREPARED,
    ),
)

# No agent this time: a person, and work that somebody else may agree to.
BULK = Story(
    title="A bulk delete, by a person",
    motive="Cancelled orders of past years are no longer needed.",
    sql="""\
DELETE FROM orders
WHERE status = 'cancelled' AND placed_at < '2026-01-01'""",
    policy="bulk-write-is-capped",
    pictured=True,
)

# What the shop itself does meanwhile, past the gateway: the same delete then matches rows again, fewer than before.
MEANWHILE = """
UPDATE orders SET status = 'cancelled'
WHERE id IN (SELECT id FROM orders WHERE status = 'returned' AND placed_at < '2026-01-01' ORDER BY id LIMIT 500)"""

# Asked when all stories are told, on the same connection: the last hint says to leave the personal columns out.
AFTERWARDS = Question(
    title="The same connection, following the last hint",
    sql="""\
SELECT id, city, country, created_at
FROM customers
ORDER BY created_at
LIMIT 3""",
)
