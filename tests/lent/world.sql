CREATE SCHEMA books;
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL, secret text);
CREATE TABLE notes (id serial PRIMARY KEY, item int REFERENCES items ON DELETE CASCADE, body text);
CREATE TABLE books.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int);
CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 10;
CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION escape() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'items'), false);
    RETURN current_user;
END $$;
CREATE FUNCTION reset_all() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RESET ROLE;
    RETURN current_user;
END $$;
INSERT INTO items SELECT n, 'item ' || n, n, 'secret ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO notes (item, body) SELECT n, 'note' FROM generate_series(1, 100) AS n;
