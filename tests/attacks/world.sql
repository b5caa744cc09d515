-- What is attacked. `trap` stays empty: whatever writes into it got around the gateway.
CREATE TABLE trap (at timestamptz NOT NULL DEFAULT clock_timestamp(), by text);
CREATE TABLE items (id int PRIMARY KEY, name text, amount int);
CREATE TABLE people (id int PRIMARY KEY, name text, email text);
CREATE TABLE notes (id int PRIMARY KEY, body text);
INSERT INTO items SELECT n, 'item ' || n, n FROM generate_series(1, 20000) AS n;
INSERT INTO people SELECT n, 'person ' || n, n || '@example.com' FROM generate_series(1, 2000) AS n;

-- Code that writes, and code that says it does not and calls code that does.
CREATE FUNCTION scribble(by text) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
-- More rows than production lets land: where it is measured, it is undone.
BEGIN INSERT INTO public.trap (by) SELECT $1 FROM pg_catalog.generate_series(1, 1500); RETURN 1; END $$;
CREATE FUNCTION stable_scribble(by text) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE n int; BEGIN SELECT public.scribble(by) INTO n; RETURN n; END $$;
CREATE FUNCTION immutable_scribble(by text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE n int; BEGIN SELECT public.scribble(by) INTO n; RETURN n; END $$;
CREATE FUNCTION harmless(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
CREATE DOMAIN trapped AS text CHECK (public.immutable_scribble('domain ' || VALUE) = 1);
CREATE TYPE holder AS (inside trapped);
CREATE TYPE deeper AS (holder holder);
CREATE DOMAIN disguised AS trapped;
CREATE TABLE held (id int PRIMARY KEY, one holder, many trapped[]);
INSERT INTO held VALUES (1);

-- Code that changes what the next statement means.
CREATE FUNCTION drift(name text, value text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN PERFORM pg_catalog.set_config(name, value, false); RETURN name; END $$;
CREATE FUNCTION stable_drift(name text, value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE r text; BEGIN SELECT public.drift(name, value) INTO r; RETURN r; END $$;
CREATE DOMAIN drifting AS text CHECK (public.stable_drift('transform_null_equals', VALUE) IS NOT NULL);

-- Names that stand in front of others.
CREATE SCHEMA shadow;
CREATE TABLE shadow.items (id int PRIMARY KEY, name text, amount int);
INSERT INTO shadow.items VALUES (1, 'shadow', 0);
CREATE SCHEMA evil;
CREATE FUNCTION evil.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM public.scribble('evil.lower'); RETURN 'lowered'; END $$;
CREATE TABLE tags (id int PRIMARY KEY, name varchar);
INSERT INTO tags VALUES (1, 'a'), (2, 'b');
CREATE FUNCTION evil.same(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM public.scribble('evil.='); RETURN true; END $$;
CREATE OPERATOR evil.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = evil.same);
CREATE OPERATOR evil.>= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = evil.same);
CREATE OPERATOR evil.< (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = evil.same);

-- What looks small and is not.
CREATE SEQUENCE ids;
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id int PRIMARY KEY, parent int NOT NULL REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO parents SELECT n, 'p' FROM generate_series(1, 10) AS n;
INSERT INTO children SELECT n, 1 + n % 10 FROM generate_series(1, 20000) AS n;
CREATE INDEX ON children (parent);
CREATE TABLE base (id int PRIMARY KEY, name text);
CREATE TABLE heirs () INHERITS (base);
INSERT INTO base VALUES (1, 'base');
INSERT INTO heirs SELECT 1, 'heir' FROM generate_series(1, 1500);
CREATE TABLE parts (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
INSERT INTO parts SELECT n % 5, n FROM generate_series(0, 199) AS n;
CREATE TABLE watched (id int PRIMARY KEY, name text);
INSERT INTO watched VALUES (1, 'a');
CREATE FUNCTION on_watched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN DELETE FROM public.children; RETURN NEW; END $$;
CREATE TRIGGER watching BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION on_watched();
CREATE TABLE late (id int PRIMARY KEY, name text);
INSERT INTO late VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE deferred (id int PRIMARY KEY, ref int REFERENCES items DEFERRABLE INITIALLY DEFERRED);

-- Labelled values, by other ways than their column.
CREATE TABLE contacts (id int PRIMARY KEY, email text, copy text GENERATED ALWAYS AS (email) STORED);
CREATE TABLE contact_heirs () INHERITS (contacts);
INSERT INTO contacts VALUES (1, 'one@example.com'), (2, 'two@example.com');
INSERT INTO contact_heirs VALUES (3, 'three@example.com');
CREATE VIEW contact_view AS SELECT id, email AS plain FROM contacts;
CREATE MATERIALIZED VIEW contact_kept AS SELECT id, plain AS kept FROM contact_view;

-- Work that waits for COMMIT, and changes that count no rows.
CREATE TABLE patient (id int PRIMARY KEY);
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM public.scribble('at commit'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waiting AFTER INSERT ON patient DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION at_commit();
CREATE FUNCTION opens_up() RETURNS int LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'GRANT SELECT ON public.people TO PUBLIC'; RETURN 1; END $$;
CREATE FUNCTION switches_off() RETURNS int LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'ALTER TABLE public.watched DISABLE TRIGGER watching'; RETURN 1; END $$;
CREATE FUNCTION on_planted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM public.scribble('planted'); RETURN NEW; END $$;

-- Constraints whose violation quotes a row (threat 15): of guests a column is labelled, of rooms none.
CREATE TABLE guests (id int PRIMARY KEY, name text NOT NULL CHECK (name <> ''), email text, room int, UNIQUE (room, email));
INSERT INTO guests VALUES (1, 'Ana', 'ana@secret.example', 1), (2, 'Ben', 'ben@secret.example', 2);
CREATE TABLE rooms (id int PRIMARY KEY, beds int NOT NULL CHECK (beds > 0));
INSERT INTO rooms VALUES (1, 2), (2, 3);
CREATE TABLE stays (id int PRIMARY KEY, guest int REFERENCES guests);
INSERT INTO stays VALUES (1, 1);
