-- What the shop promises about its rows, and what is built on them.

ALTER TABLE customers ADD PRIMARY KEY (id), ADD CONSTRAINT customers_email_key UNIQUE (email);
ALTER TABLE products ADD PRIMARY KEY (id), ADD CONSTRAINT products_sku_key UNIQUE (sku);
ALTER TABLE orders
    ADD PRIMARY KEY (id),
    ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE order_items
    ADD PRIMARY KEY (order_id, line),
    ADD CONSTRAINT order_items_order_fkey FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE,
    ADD CONSTRAINT order_items_product_fkey FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE payments
    ADD PRIMARY KEY (id),
    ADD CONSTRAINT payments_order_fkey FOREIGN KEY (order_id) REFERENCES orders ON DELETE SET NULL;
ALTER TABLE sessions
    ADD PRIMARY KEY (token),
    ADD CONSTRAINT sessions_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE support_tickets
    ADD PRIMARY KEY (id),
    ADD CONSTRAINT support_tickets_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE events ADD PRIMARY KEY (id, at);

CREATE INDEX orders_customer_idx ON orders (customer_id, placed_at);
CREATE INDEX orders_placed_idx ON orders (placed_at);
CREATE INDEX order_items_product_idx ON order_items (product_id);
CREATE INDEX payments_order_idx ON payments (order_id);
CREATE INDEX sessions_customer_idx ON sessions (customer_id);
CREATE INDEX support_tickets_open_idx ON support_tickets (priority, opened_at) WHERE closed_at IS NULL;
CREATE INDEX events_kind_idx ON events (kind, at);
CREATE INDEX customers_name_idx ON customers (lower(family_name), lower(given_name));

CREATE SCHEMA analytics;
COMMENT ON SCHEMA analytics IS 'For reading: no personal data in here.';

CREATE VIEW analytics.revenue_daily AS
SELECT (placed_at AT TIME ZONE 'UTC')::date AS day,
       country,
       count(*)                             AS orders,
       sum(total)                           AS revenue
FROM orders
WHERE status NOT IN ('cancelled', 'returned')
GROUP BY 1, 2;
COMMENT ON VIEW analytics.revenue_daily IS 'Revenue by day and country, without cancelled and returned orders.';

CREATE MATERIALIZED VIEW analytics.product_sales AS
SELECT p.id                                                AS product_id,
       p.name,
       p.category,
       date_trunc('month', o.placed_at AT TIME ZONE 'UTC') AS month,
       sum(i.quantity)                                     AS units,
       sum(i.quantity * i.unit_price)                      AS revenue
FROM order_items i
JOIN orders o ON o.id = i.order_id
JOIN products p ON p.id = i.product_id
WHERE o.status <> 'cancelled'
GROUP BY 1, 2, 3, 4;
CREATE UNIQUE INDEX product_sales_key ON analytics.product_sales (product_id, month);

CREATE FUNCTION remember_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.audit_log (relation, action, row_before) VALUES (TG_TABLE_NAME, TG_OP, to_jsonb(OLD));
    RETURN NULL;
END
$$;
CREATE TRIGGER customers_audit AFTER UPDATE OR DELETE ON customers FOR EACH ROW EXECUTE FUNCTION remember_change();
CREATE TRIGGER products_audit AFTER UPDATE OR DELETE ON products FOR EACH ROW EXECUTE FUNCTION remember_change();

SELECT setval(pg_get_serial_sequence('customers', 'id'), max(id)) FROM customers;
SELECT setval(pg_get_serial_sequence('products', 'id'), max(id)) FROM products;
SELECT setval(pg_get_serial_sequence('orders', 'id'), max(id)) FROM orders;
SELECT setval(pg_get_serial_sequence('payments', 'id'), max(id)) FROM payments;
SELECT setval(pg_get_serial_sequence('support_tickets', 'id'), max(id)) FROM support_tickets;

ANALYZE;
