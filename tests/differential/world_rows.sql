-- Rows for tests/corpus/world.sql, so that a write finds something to write and the server's counters move.
-- Triggers and checks that act are kept from acting: what they would do is what the tests are about.
SET session_replication_role = replica;
INSERT INTO customers (id, email, name, phone, ssn, country)
    SELECT n, 'c' || n || '@example.org', 'Customer ' || n, '0' || n, 'S' || n, CASE WHEN n < 4 THEN 'DE' ELSE 'FR' END
    FROM generate_series(1, 6) n;
INSERT INTO products (id, sku, title, price, tags, attributes)
    SELECT n, 'SKU' || n, 'Thing ' || n, n, ARRAY['a', 'b'], '{"a": 1}' FROM generate_series(1, 6) n;
INSERT INTO orders (id, customer_id, status, total, placed_at, note)
    SELECT n, n, CASE WHEN n < 4 THEN 'new' ELSE 'paid' END::order_status, n * 10, '2024-05-01', 'note ' || n
    FROM generate_series(1, 6) n;
INSERT INTO order_items (order_id, line, product_id, quantity, unit_price)
    SELECT n, l, n, 2, 5 FROM generate_series(1, 6) n, generate_series(1, 2) l;
INSERT INTO payments (id, order_id, amount, card_number, paid_at)
    SELECT n, n, 5, '4111', '2024-05-02' FROM generate_series(1, 6) n;
INSERT INTO settings (tenant, key, value) SELECT n, k, 'v' FROM generate_series(1, 3) n, unnest(ARRAY['theme', 'a', 'key']) k;
INSERT INTO notes (id, author_id, body, pinned) SELECT n, n, 'body ' || n, n = 1 FROM generate_series(1, 9) n;
INSERT INTO "user" SELECT n, false, 'u', 's', n FROM generate_series(1, 6) n;
INSERT INTO categories VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'c');
INSERT INTO staff VALUES (1, 'Ann', NULL, 9000), (2, 'Bob', 1, 5000), (3, 'Cy', 1, 4000);
INSERT INTO hr.reviews VALUES (1, 1, 'good'), (2, 2, 'fair'), (3, 3, 'poor');
INSERT INTO tickets SELECT n, 'ticket ' || n, n = 1 FROM generate_series(1, 6) n;
INSERT INTO counters VALUES ('a', 1), ('hits', 2), ('views', 3);
INSERT INTO stock SELECT n, 10, now() FROM generate_series(1, 6) n;
INSERT INTO secrets_vault SELECT n, 'name', 'value' FROM generate_series(1, 3) n;
INSERT INTO banned SELECT n, 'reason' FROM generate_series(1, 3) n;
INSERT INTO cart SELECT n, '{}' FROM generate_series(1, 3) n;
INSERT INTO audit_log (what) VALUES ('seed'), ('seed');
INSERT INTO accounts SELECT n, 'owner', 100 FROM generate_series(1, 6) n;
INSERT INTO inbox SELECT n, 'message' FROM generate_series(1, 3) n;
-- `ledger` has a rule on INSERT, which no setting turns off.
ALTER TABLE ledger DISABLE RULE ledger_copy;
INSERT INTO ledger SELECT n, n FROM generate_series(1, 3) n;
ALTER TABLE ledger ENABLE RULE ledger_copy;
INSERT INTO queue SELECT n, 'job' FROM generate_series(1, 3) n;
INSERT INTO lab.notes SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO lab.note_parts SELECT n, n FROM generate_series(1, 3) n;
INSERT INTO vouchers SELECT 'code' || n, n FROM generate_series(1, 3) n;
INSERT INTO coupons SELECT n, 'code' FROM generate_series(1, 3) n;
INSERT INTO indexed SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO checked SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO events SELECT n, '2024-01-02'::timestamptz + make_interval(days => n * 100), 'click', '{}' FROM generate_series(0, 6) n;
INSERT INTO documents SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO documents_archive SELECT n, 'body', '2024-01-01' FROM generate_series(4, 6) n;
INSERT INTO people SELECT n, 'nick' FROM generate_series(1, 3) n;
INSERT INTO people_private (id, nick, name, manager_id, salary) SELECT n, 'nick', 'name', NULL, 1 FROM generate_series(4, 6) n;
INSERT INTO tenants SELECT n, current_user, 'plan' FROM generate_series(1, 3) n;
INSERT INTO articles SELECT n, 'A title' FROM generate_series(1, 3) n;
INSERT INTO routed SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO tagged (id) SELECT n FROM generate_series(1, 3) n;
INSERT INTO codes VALUES ('a', 'first'), ('b', 'second');
INSERT INTO sessions SELECT n, 'token' || n, n, '2024-01-01', '{}' FROM generate_series(1, 6) n;
RESET session_replication_role;
REFRESH MATERIALIZED VIEW analytics.daily;
REFRESH MATERIALIZED VIEW analytics.mailing;
