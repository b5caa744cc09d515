CREATE TABLE customers (id int PRIMARY KEY, name text, country text, note text);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, status text);
CREATE TABLE items (id int PRIMARY KEY, "order" int REFERENCES orders ON DELETE CASCADE, amount int);
CREATE INDEX ON orders (customer);
CREATE INDEX ON items ("order");
-- customer 1 is the unlucky one: a hundred thousand rows hang on it.
INSERT INTO customers SELECT n, 'c' || n, CASE n % 10 WHEN 0 THEN 'DE' ELSE 'FR' END FROM generate_series(1, 3000) AS n;
INSERT INTO orders SELECT n, CASE WHEN n <= 50000 THEN 1 ELSE 2 + n % 2990 END, 'new' FROM generate_series(1, 60000) AS n;
INSERT INTO items SELECT n, n, n FROM generate_series(1, 50000) AS n;

CREATE TABLE log (id int, what text);
INSERT INTO log SELECT n, 'kept' FROM generate_series(1, 5000) AS n;
CREATE TABLE watched (id int PRIMARY KEY, name text);
INSERT INTO watched SELECT n, 'w' FROM generate_series(1, 100) AS n;
CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'DELETE FROM log';
  RETURN NULL;
END $$;
CREATE TRIGGER sweeping AFTER UPDATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION sweep();

CREATE TABLE late (id int PRIMARY KEY, name text);
INSERT INTO late SELECT n, 'l' FROM generate_series(1, 100) AS n;
CREATE CONSTRAINT TRIGGER sweeping_late AFTER UPDATE ON late DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION sweep();

CREATE TABLE putting_off (id int PRIMARY KEY, name text);
INSERT INTO putting_off SELECT n, 'p' FROM generate_series(1, 10) AS n;
CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SET CONSTRAINTS ALL DEFERRED';
  EXECUTE format('UPDATE putting_off SET name = name || ''x'' WHERE id = %s', NEW.id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER putting AFTER UPDATE ON putting_off DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION put_off();

CREATE TABLE granting (id int PRIMARY KEY, name text);
INSERT INTO granting SELECT n, 'g' FROM generate_series(1, 10) AS n;
CREATE FUNCTION give() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'GRANT SELECT ON customers TO PUBLIC';
  RETURN NULL;
END $$;
CREATE TRIGGER giving AFTER UPDATE ON granting FOR EACH STATEMENT EXECUTE FUNCTION give();

CREATE TABLE emptying (id int PRIMARY KEY, name text);
INSERT INTO emptying SELECT n, 'e' FROM generate_series(1, 10) AS n;
CREATE TABLE precious (id int);
INSERT INTO precious SELECT generate_series(1, 10);
CREATE FUNCTION empty_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'TRUNCATE precious';
  RETURN NULL;
END $$;
CREATE TRIGGER emptying_it AFTER UPDATE ON emptying FOR EACH STATEMENT EXECUTE FUNCTION empty_it();

CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED, name text);
INSERT INTO parents SELECT generate_series(1, 10);
INSERT INTO children SELECT n, n, 'x' FROM generate_series(1, 10) AS n;

CREATE TABLE events (at int, id int, what text) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (100) TO (10000);
INSERT INTO events SELECT n, n, 'e' FROM generate_series(0, 4999) AS n;

-- a, b and c say the same, which no planner knows; a is never other than b, but for three rows.
CREATE TABLE skewed (id int PRIMARY KEY, a int, b int, c int, note text);
INSERT INTO skewed SELECT n, n % 20, n % 20, n % 20, NULL FROM generate_series(1, 18000) AS n;
INSERT INTO skewed SELECT n, 1, 2, 3, NULL FROM generate_series(18001, 18003) AS n;

-- every change of a row changes it once more.
CREATE TABLE watched_twice (id int PRIMARY KEY, name text);
INSERT INTO watched_twice SELECT n, 'w' FROM generate_series(1, 2000) AS n;
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE watched_twice SET name = NEW.name || '!' WHERE id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER again AFTER UPDATE ON watched_twice FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION again();
