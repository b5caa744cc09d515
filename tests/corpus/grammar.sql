-- What the statements under "The whole grammar" of postgresql.txt speak about and no catalogue query lists.
-- Loaded after tests/intent/sql/shop.sql, as superuser, into PostgreSQL 15 to 18; the roles belong to the cluster.
CREATE ROLE intern LOGIN;
CREATE ROLE app;
CREATE ROLE staff NOLOGIN;
CREATE ROLE leaving;

CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere OPTIONS (host 'example.org');
CREATE USER MAPPING FOR app SERVER elsewhere OPTIONS (name 'app');
CREATE FOREIGN TABLE remote_orders (id bigint, note text) SERVER elsewhere OPTIONS (name 'orders');
CREATE PUBLICATION news FOR TABLE products, settings;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE SUBSCRIPTION feed CONNECTION 'host=example.org dbname=feed' PUBLICATION news, gossip WITH (connect = false, slot_name = NONE);

CREATE TYPE app.pair AS (a int, b text);
CREATE TYPE app.odd_pair AS (a int, b text);
CREATE TABLE pairs OF app.pair;
CREATE TABLE plain_pairs (a int, b text);
CREATE DOMAIN app.short_text AS text CONSTRAINT short CHECK (length(VALUE) < 100);
CREATE COLLATION app.plain FROM "C";
CREATE STATISTICS order_places ON status, placed_at FROM orders;
CREATE TEXT SEARCH DICTIONARY app.words (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION app.search (COPY = simple);
CREATE OPERATOR FAMILY app.sorts USING btree;
CREATE OPERATOR CLASS app.same_ints FOR TYPE int USING btree FAMILY app.sorts AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
ALTER OPERATOR FAMILY app.sorts USING btree ADD FUNCTION 1 (bigint, bigint) btint8cmp(bigint, bigint);
CREATE CONVERSION app.latin FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
CREATE ACCESS METHOD second_heap TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION app.sum_step(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE app.total(numeric) (SFUNC = app.sum_step, STYPE = numeric);
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION app.watch();
ALTER EVENT TRIGGER watching DISABLE;
CREATE FUNCTION app.status_text(app.order_status) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
CREATE CAST (app.order_status AS int4range) WITH INOUT;
CREATE TABLE events_rest (LIKE events);
CREATE POLICY own ON customers USING (name = current_user);
ALTER TABLE customers ADD CONSTRAINT named CHECK (name <> '') NOT VALID;
ALTER TABLE orders ADD CONSTRAINT once UNIQUE (id, customer_id) DEFERRABLE;
CREATE UNIQUE INDEX settings_values ON settings (tenant, key, value);
CREATE VIEW guarded WITH (security_invoker = true, security_barrier = true) AS SELECT id FROM orders;
CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, made int GENERATED ALWAYS AS (1) STORED, free int NOT NULL);
SELECT lo_create(4711);
