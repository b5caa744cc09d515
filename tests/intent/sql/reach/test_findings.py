"""What is pointed at beside the effects: messages that teach, sizes of the catalogue, and what the server does."""

import json

import psycopg
import pytest

from interlock.intent.sql import Catalog, Scope, Statement, understand
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.reach.aggregates import AGGREGATES, RANKS
from interlock.model import Finding, FindingCode
from tests.conftest import Database
from tests.intent.sql.shop import SCHEMA, SNAPSHOT, meaning

HUGE, SMALL, PARTS = "orders", "customers", ("events_2024", "events_2025")


def sized() -> Catalog:
    """The shop, with five million orders in 60,000 pages, a hundred customers, and events in two large partitions."""
    saved = json.loads(SNAPSHOT.read_bytes())
    oids = {row["name"]: row["oid"] for row in saved["rows"]["relations"]}
    sizes = {oids[HUGE]: (5_000_000, 60_000), oids[SMALL]: (100, 2)}
    sizes |= {oids[part]: (800_000, 9_000) for part in PARTS}
    for row in saved["rows"]["sizes"]:
        row["rows"], row["pages"] = sizes.get(row["oid"], (row["rows"], row["pages"]))
    return Catalog.from_json(json.dumps(saved).encode())


SIZED = sized()


def of_size(text: str, limits: Limits | None = None) -> Statement:
    (statement,) = understand(text, Scope(catalog=SIZED, target="shop", user="app"), limits or Limits())
    return statement


def found(statement: Statement, code: FindingCode) -> list[Finding]:
    return [finding for finding in statement.intent.all_findings() if finding.code is code]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM orders",
        "TABLE orders",
        "SELECT id, note FROM orders ORDER BY id",
        "SELECT id FROM orders WHERE true",
        "SELECT id FROM orders WHERE id = id",
        "SELECT id FROM orders LIMIT ALL",
        "SELECT * FROM (SELECT * FROM orders) x",
        "WITH x AS (SELECT * FROM orders) SELECT * FROM x",
        "SELECT id FROM customers UNION ALL SELECT id FROM orders",
        "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
        "SELECT row_number() OVER (ORDER BY id) FROM orders",
        "SELECT id, (SELECT count(*) FROM customers) FROM orders",
        "SELECT * FROM events",
        "SELECT a.id FROM orders a JOIN orders b USING (id)",
        "PREPARE p AS SELECT * FROM orders",
    ],
)
def test_everything_of_a_very_large_table(text: str) -> None:
    findings = found(of_size(text), FindingCode.HUGE_READ)
    assert findings
    assert all("add a WHERE or a LIMIT" in finding.message for finding in findings)
    assert found(of_size(text, Limits(huge_table_rows=10_000_000)), FindingCode.HUGE_READ) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM customers",
        "SELECT * FROM orders LIMIT 10",
        "SELECT * FROM orders WHERE customer_id = 5",
        "SELECT count(*) FROM orders",
        "SELECT mode() WITHIN GROUP (ORDER BY status) FROM orders",
        "SELECT status, count(*) FROM orders GROUP BY status",
        "SELECT DISTINCT status FROM orders",
        "SELECT count(*) FROM (SELECT * FROM orders) x",
        "SELECT * FROM (SELECT * FROM orders) x WHERE x.id = 1",
        "WITH x AS (SELECT * FROM orders) SELECT sum(total) FROM x",
        "SELECT * FROM (SELECT id FROM orders LIMIT 5) x",
        "SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders)",
        "SELECT c.name, o.id FROM customers c JOIN orders o ON o.id = c.id",
        "SELECT EXISTS (SELECT 1 FROM orders)",
        "(SELECT id FROM orders UNION ALL SELECT id FROM customers) LIMIT 5",
        "EXPLAIN SELECT * FROM orders",
        "INSERT INTO sessions (customer_id) SELECT customer_id FROM orders",
        "SELECT * FROM payments",
    ],
)
def test_reads_that_are_not_everything_of_it(text: str) -> None:
    assert found(of_size(text), FindingCode.HUGE_READ) == []


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("CREATE INDEX ON orders (note)", "SHARE"),
        ("CREATE INDEX ON payments (amount)", "SHARE"),
        ("REINDEX TABLE orders", "SHARE"),
        ("REINDEX DATABASE shop", "SHARE"),
        ("CLUSTER orders USING orders_pkey", "ACCESS EXCLUSIVE"),
        ("CLUSTER", "ACCESS EXCLUSIVE"),
        ("VACUUM FULL orders", "ACCESS EXCLUSIVE"),
        ("VACUUM (FULL) events", "ACCESS EXCLUSIVE"),
        ("LOCK TABLE orders", "ACCESS EXCLUSIVE"),
        ("LOCK orders IN SHARE ROW EXCLUSIVE MODE", "SHARE ROW EXCLUSIVE"),
        ("REFRESH MATERIALIZED VIEW analytics.daily", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders ALTER COLUMN total TYPE numeric(20, 4)", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders ALTER COLUMN total SET NOT NULL", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders ADD CHECK (total > 0)", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers", "SHARE ROW EXCLUSIVE"),
        ("ALTER TABLE orders ADD COLUMN n bigserial", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders ADD COLUMN n int DEFAULT random()", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE orders SET UNLOGGED", "ACCESS EXCLUSIVE"),
        ("ALTER TABLE customers ATTACH PARTITION orders DEFAULT", "ACCESS EXCLUSIVE"),
    ],
)
def test_a_lock_that_lasts_is_named_with_what_it_costs(text: str, lock: str) -> None:
    findings = found(of_size(text), FindingCode.HEAVY_LOCK)
    assert findings
    for finding in findings:
        assert f"holds {lock} on" in finding.message
        assert "MiB" in finding.message or "of unknown size" in finding.message
        assert "; " in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "CREATE INDEX ON customers (name)",
        "CREATE INDEX CONCURRENTLY ON orders (note)",
        "REINDEX (CONCURRENTLY) TABLE orders",
        "VACUUM orders",
        "VACUUM (FULL false) orders",
        "LOCK TABLE orders IN ROW EXCLUSIVE MODE",
        "LOCK TABLE customers",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY analytics.daily",
        "ALTER TABLE orders ADD COLUMN seen timestamptz DEFAULT now()",
        "ALTER TABLE orders ADD CHECK (total > 0) NOT VALID",
        "ALTER TABLE orders ADD PRIMARY KEY USING INDEX ready",
        "ALTER TABLE orders VALIDATE CONSTRAINT checked",
        "ALTER TABLE orders DROP COLUMN note",
        "ALTER TABLE customers ALTER COLUMN country DROP NOT NULL",
    ],
)
def test_a_lock_that_is_brief_or_on_a_small_table_is_not(text: str) -> None:
    assert found(of_size(text), FindingCode.HEAVY_LOCK) == []


def test_from_which_size_on_is_set() -> None:
    text = "CREATE INDEX ON orders (note)"
    assert found(of_size(text, Limits(big_table_mb=1_000)), FindingCode.HEAVY_LOCK) == []
    (finding,) = found(of_size(text), FindingCode.HEAVY_LOCK)
    assert "468 MiB, about 5,000,000 rows" in finding.message


def test_numbers_that_meet_a_large_table_are_counted() -> None:
    many = "SELECT count(*) FROM orders, generate_series(1, 100)"
    (finding,) = found(of_size(many), FindingCode.CARTESIAN)
    assert "500,000,000" in finding.message
    assert found(of_size("SELECT count(*) FROM orders, generate_series(1, 3)"), FindingCode.CARTESIAN) == []
    assert found(of_size("SELECT count(*) FROM customers, generate_series(1, 100)"), FindingCode.CARTESIAN) == []


def test_sub_queries_of_their_own_tie_nothing() -> None:
    """Each gives values: what two of them say of two tables leaves every pair of their rows."""
    apart = "o.id IN (SELECT order_id FROM order_items) AND c.id IN (SELECT customer_id FROM orders)"
    tied = "EXISTS (SELECT FROM order_items i WHERE i.order_id = o.id AND i.quantity = c.id)"
    for condition, several in ((apart, True), (tied, False)):
        statement = of_size(f"SELECT count(*) FROM orders o, customers c WHERE {condition}")
        assert bool(found(statement, FindingCode.CARTESIAN)) is several


def test_a_cartesian_join_tells_how_many_pairs() -> None:
    (finding,) = found(of_size("SELECT 1 FROM orders, customers"), FindingCode.CARTESIAN)
    assert "about 500,000,000 pairs" in finding.message


def test_a_name_of_the_wrong_scope_says_where_it_binds() -> None:
    (finding,) = meaning("DELETE FROM orders WHERE customer_id IN (SELECT customer_id FROM products)").intent.findings
    assert finding.message == (
        "`customer_id` is no column of `products`: it is `orders.customer_id`, so the sub-query gives back each row's "
        "own `customer_id`; write `products.` and the column you mean"
    )


def test_no_message_holds_a_literal() -> None:
    texts = [
        "DELETE FROM orders WHERE note IN (SELECT note FROM products WHERE title = 'secret')",
        "UPDATE orders SET note = 'secret' FROM customers c WHERE c.name = 'secret'",
        "DELETE FROM orders WHERE note IN (SELECT note FROM orders WHERE note <> 'secret' LIMIT 5)",
        "SELECT 1 FROM orders a JOIN orders b ON a.status = b.status AND a.note = 'secret'",
        "DELETE FROM orders WHERE 'secret' = 'secret'",
        "ALTER TABLE orders ADD COLUMN x text DEFAULT 'secret' UNIQUE",
    ]
    for text in texts:
        findings = of_size(text).intent.all_findings()
        assert findings
        assert all("secret" not in finding.message for finding in findings), text


# Each is noted, and does on a server what the finding says.
ACCIDENTS = {
    FindingCode.WRONG_SCOPE: [
        "DELETE FROM payments WHERE order_id IN (SELECT order_id FROM products)",
        "DELETE FROM payments WHERE EXISTS (SELECT 1 FROM products WHERE order_id > 0)",
        "DELETE FROM payments WHERE EXISTS (SELECT 1 FROM order_items WHERE order_id = order_id)",
    ],
    FindingCode.UNCORRELATED: [
        "UPDATE payments SET paid_at = now() FROM orders o WHERE o.id = 1",
        "UPDATE payments SET paid_at = now() FROM payments p WHERE p.id = 1",
        "DELETE FROM payments USING orders o WHERE o.note IS NULL",
        "MERGE INTO payments p USING orders o ON o.id = 1 WHEN MATCHED THEN DELETE",
    ],
}


def test_the_accidents_reach_every_row_on_a_server(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())
        connection.execute("INSERT INTO customers (email, name) VALUES ('a', 'a'), ('b', 'b')")
        connection.execute("INSERT INTO products VALUES ('s', 't', 1)")
        connection.execute("INSERT INTO orders (id, customer_id) SELECT g, 1 FROM generate_series(1, 9) g")
        connection.execute("INSERT INTO order_items SELECT 1, 1, 's', 1")
        connection.execute("INSERT INTO payments SELECT g, g, 1 FROM generate_series(1, 9) g")
        for code, texts in ACCIDENTS.items():
            for text in texts:
                assert found(meaning(text), code), text
                with connection.transaction(force_rollback=True):
                    assert connection.execute(text.encode()).rowcount == 9, text


def test_the_aggregates_are_those_of_the_server(database: Database) -> None:
    with psycopg.connect(database.dsn) as connection:
        rows = connection.execute(
            "SELECT DISTINCT proname FROM pg_proc WHERE prokind = 'a' AND pronamespace = 'pg_catalog'::regnamespace"
        ).fetchall()
    server = {row[0] for row in rows}
    newer = {name for name in AGGREGATES if name not in server}
    assert server - AGGREGATES - RANKS == set()
    assert newer <= {
        "any_value", "json_agg_strict", "json_object_agg_strict", "json_object_agg_unique",
        "json_object_agg_unique_strict", "jsonb_agg_strict", "jsonb_object_agg_strict", "jsonb_object_agg_unique",
        "jsonb_object_agg_unique_strict",
    }  # fmt: skip
