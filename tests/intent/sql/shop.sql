-- A small shop: every construct that the corpus speaks about. Loads into PostgreSQL 15 to 18.
CREATE SCHEMA app;
CREATE SCHEMA analytics;

CREATE DOMAIN app.money_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE TYPE app.order_status AS ENUM ('new', 'paid', 'shipped', 'returned');

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    ssn text,
    country text NOT NULL DEFAULT 'DE',
    email_domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE products (sku text PRIMARY KEY, title text NOT NULL, price app.money_amount NOT NULL, tags text[]);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    status app.order_status NOT NULL DEFAULT 'new',
    total numeric(12, 2),
    placed_at timestamptz NOT NULL DEFAULT now(),
    note text
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE UNIQUE INDEX orders_open_note ON orders (note) WHERE status = 'new';
CREATE TABLE order_items (
    order_id bigint REFERENCES orders (id) ON DELETE CASCADE,
    line int,
    sku text REFERENCES products (sku) ON UPDATE CASCADE,
    quantity int NOT NULL,
    PRIMARY KEY (order_id, line)
);
CREATE TABLE payments (
    id bigint PRIMARY KEY,
    order_id bigint REFERENCES orders (id) ON DELETE SET NULL,
    amount app.money_amount NOT NULL,
    card_number text,
    paid_at timestamptz
);
CREATE TABLE sessions (
    token uuid PRIMARY KEY,
    customer_id bigint,
    expires_at timestamptz NOT NULL,
    data jsonb
);
CREATE TABLE settings (tenant int, key text, value text, PRIMARY KEY (tenant, key));
CREATE TABLE accounts (id int PRIMARY KEY, owner text, balance numeric NOT NULL);
CREATE TABLE audit_log (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), what text, row_data jsonb);

CREATE FUNCTION app.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.audit_log (what, row_data) VALUES (TG_OP, to_jsonb(OLD));
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER accounts_audit AFTER UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION app.audit();

CREATE FUNCTION app.purge_sessions(older interval) RETURNS bigint LANGUAGE sql AS
    $$ WITH gone AS (DELETE FROM public.sessions WHERE expires_at < now() - older RETURNING 1) SELECT count(*) FROM gone $$;
CREATE FUNCTION app.vat(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT amount * 1.19 $$;
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'shadow' $$;
CREATE FUNCTION app.same(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT a = b $$;
CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = app.same);
CREATE OPERATOR public.<<>> (LEFTARG = int, RIGHTARG = int, FUNCTION = app.same);
CREATE PROCEDURE app.archive_orders(before date) LANGUAGE sql AS
    $$ DELETE FROM public.orders WHERE placed_at < before $$;
CREATE FUNCTION app.plausible(code text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN code <> ''; END $$;
CREATE DOMAIN app.voucher_code AS text CHECK (app.plausible(VALUE));
CREATE TABLE vouchers (code app.voucher_code PRIMARY KEY, value numeric, taxed numeric DEFAULT app.vat(1));

CREATE VIEW order_totals AS
    SELECT o.id, c.email, sum(i.quantity * p.price) AS total
    FROM orders o JOIN customers c ON c.id = o.customer_id JOIN order_items i ON i.order_id = o.id JOIN products p ON p.sku = i.sku
    GROUP BY o.id, c.email;
CREATE VIEW analytics.revenue AS SELECT email, sum(total) AS revenue FROM order_totals GROUP BY email;
CREATE VIEW german_customers AS SELECT id, email, name FROM customers WHERE country = 'DE';
CREATE VIEW analytics.vat AS SELECT id, app.vat(total) AS vat FROM orders;
CREATE MATERIALIZED VIEW analytics.daily AS SELECT placed_at::date AS day, count(*) AS orders FROM orders GROUP BY 1;

CREATE TABLE events (id bigint, at timestamptz NOT NULL, kind text, payload jsonb, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');

CREATE TABLE documents (id int PRIMARY KEY, body text);
CREATE TABLE documents_archive (archived_at date) INHERITS (documents);

CREATE TABLE ledger (id int PRIMARY KEY, amount numeric);
CREATE RULE ledger_keep AS ON DELETE TO ledger DO INSTEAD NOTHING;

CREATE TABLE deferred_keys (id int, code text, UNIQUE (code) DEFERRABLE INITIALLY DEFERRED);
CREATE SEQUENCE invoice_numbers;
CREATE TABLE "Odd Name" ("delete" int PRIMARY KEY, "Select" text);
CREATE MATERIALIZED VIEW analytics.domains AS SELECT split_part(email, '@', 2) AS domain, count(*) AS customers FROM customers GROUP BY 1;
