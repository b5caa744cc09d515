-- Rows for tests/intent/sql/shop.sql.
SET session_replication_role = replica;
INSERT INTO customers (id, email, name, ssn, country) OVERRIDING SYSTEM VALUE
    SELECT n, 'c' || n || '@example.org', 'Customer ' || n, 'S' || n, CASE WHEN n < 4 THEN 'DE' ELSE 'FR' END
    FROM generate_series(1, 6) n;
INSERT INTO products SELECT 'SKU' || n, 'Thing ' || n, n, ARRAY['a'] FROM generate_series(1, 6) n;
INSERT INTO orders SELECT n, n, CASE WHEN n < 4 THEN 'new' ELSE 'paid' END::app.order_status, n * 10, '2024-05-01', 'note ' || n
    FROM generate_series(1, 6) n;
INSERT INTO order_items SELECT n, l, 'SKU' || n, 2 FROM generate_series(1, 6) n, generate_series(1, 2) l;
INSERT INTO payments SELECT n, n, 5, '4111', '2024-05-02' FROM generate_series(1, 6) n;
INSERT INTO sessions SELECT gen_random_uuid(), n, '2024-01-01', '{}' FROM generate_series(1, 6) n;
INSERT INTO settings SELECT n, k, 'v' FROM generate_series(1, 3) n, unnest(ARRAY['theme', 'a', 'key']) k;
INSERT INTO accounts SELECT n, 'owner', 100 FROM generate_series(1, 6) n;
INSERT INTO audit_log (what) VALUES ('seed'), ('seed');
INSERT INTO vouchers SELECT 'code' || n, n FROM generate_series(1, 3) n;
INSERT INTO events SELECT n, '2024-01-02'::timestamptz + make_interval(days => n * 100), 'click', '{}' FROM generate_series(0, 6) n;
INSERT INTO documents SELECT n, 'body' FROM generate_series(1, 3) n;
INSERT INTO documents_archive SELECT n, 'body', '2024-01-01' FROM generate_series(4, 6) n;
INSERT INTO ledger SELECT n, n FROM generate_series(1, 3) n;
INSERT INTO deferred_keys SELECT n, 'code' || n FROM generate_series(1, 3) n;
INSERT INTO "Odd Name" SELECT n, 'x' FROM generate_series(1, 3) n;
RESET session_replication_role;
REFRESH MATERIALIZED VIEW analytics.daily;
REFRESH MATERIALIZED VIEW analytics.domains;
