"""Code that no statement names: implicit casts, default operator classes, types in the signature of a function.

Each of its functions leaves a mark when it runs. What the server marks, the effects of the statement must say.
"""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from interlock.intent.sql import QUERIES, Catalog, LabelBook, Scope, understand
from interlock.model import Verb
from tests.conftest import Database

BANG: Final = "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.trap VALUES ('{0}'); RETURN {1}; END $$;"
LIES: Final = "LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM app.bang('{0}'); RETURN {1}; END $$;"
SCRIPT: Final = f"""
CREATE SCHEMA app; CREATE TABLE trap (at text); CREATE TABLE notes (id bigint PRIMARY KEY, body text, pinned boolean);
CREATE FUNCTION app.bang(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.trap VALUES (t); END $$;
INSERT INTO notes VALUES (1, 'a', true);
CREATE TYPE app.mood AS (label text);
CREATE FUNCTION app.mood_text(app.mood) RETURNS text {BANG.format("mood_text", "'x'")}
CREATE CAST (app.mood AS text) WITH FUNCTION app.mood_text(app.mood) AS IMPLICIT;
CREATE TABLE moods (id bigint PRIMARY KEY, mood app.mood, listed app.mood[]);
INSERT INTO moods VALUES (1, ROW('a'), ARRAY[ROW('a')::app.mood]);
CREATE VIEW moody AS SELECT id, mood FROM moods;
CREATE TYPE app.shade AS (label text);
CREATE FUNCTION app.to_shade(text) RETURNS app.shade {BANG.format("to_shade", "ROW($1)")}
CREATE CAST (text AS app.shade) WITH FUNCTION app.to_shade(text) AS IMPLICIT;
CREATE FUNCTION app.label_of(app.shade) RETURNS text LANGUAGE sql AS 'SELECT ($1).label';
CREATE TYPE app.ranked AS (n int);
CREATE FUNCTION app.below(app.ranked, app.ranked) RETURNS boolean {LIES.format("below", "($1).n < ($2).n")}
CREATE FUNCTION app.same(app.ranked, app.ranked) RETURNS boolean {LIES.format("same", "($1).n = ($2).n")}
CREATE FUNCTION app.above(app.ranked, app.ranked) RETURNS boolean {LIES.format("above", "($1).n > ($2).n")}
CREATE FUNCTION app.order_of(app.ranked, app.ranked) RETURNS int {LIES.format("order_of", "($1).n - ($2).n")}
CREATE OPERATOR app.<# (LEFTARG = app.ranked, RIGHTARG = app.ranked, FUNCTION = app.below);
CREATE OPERATOR app.=# (LEFTARG = app.ranked, RIGHTARG = app.ranked, FUNCTION = app.same);
CREATE OPERATOR app.># (LEFTARG = app.ranked, RIGHTARG = app.ranked, FUNCTION = app.above);
CREATE OPERATOR CLASS app.ranks DEFAULT FOR TYPE app.ranked USING btree AS OPERATOR 1 app.<#, OPERATOR 3 app.=#,
  OPERATOR 5 app.>#, FUNCTION 1 app.order_of(app.ranked, app.ranked);
CREATE TABLE league (id bigint PRIMARY KEY, rank app.ranked);
INSERT INTO league VALUES (1, ROW(1)), (2, ROW(2)), (3, ROW(1));
CREATE FUNCTION app.plausible(t text) RETURNS boolean {BANG.format("plausible", "true")}
CREATE DOMAIN app.code AS text CHECK (app.plausible(VALUE));
CREATE FUNCTION app.takes(x app.code) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION app.takes_many(x app.code[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.gives() RETURNS app.code LANGUAGE sql AS $$ SELECT 'x' $$;
CREATE FUNCTION app.gives_rows() RETURNS TABLE (c app.code) LANGUAGE plpgsql AS $$ BEGIN c := 'x'; RETURN NEXT; END $$;
CREATE FUNCTION app.gives_out(OUT c app.code) LANGUAGE plpgsql AS $$ BEGIN c := 'x'; END $$;
CREATE FUNCTION app.step(int, app.code) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE app.gather(app.code) (SFUNC = app.step, STYPE = int, INITCOND = '0');
CREATE PROCEDURE app.files(x app.code) LANGUAGE sql AS 'SELECT 1';
"""
EVERYWHERE: Final = f"""
CREATE FUNCTION app.to_number(boolean) RETURNS numeric {BANG.format("to_number", "1")}
CREATE CAST (boolean AS numeric) WITH FUNCTION app.to_number(boolean) AS IMPLICIT;
"""
RUNS: Final = {
    "SELECT string_agg(mood, ',') FROM moods": "mood_text",
    "SELECT string_agg(mood, ',') FROM moody": "mood_text",
    "SELECT upper(mood) FROM moods": "mood_text",
    "SELECT 1 FROM moods WHERE mood LIKE 'a%'": "mood_text",
    "SELECT string_agg(m, '') FROM moods, unnest(listed) AS m": "mood_text",
    "SELECT string_agg(ROW('a')::app.mood, '')": "mood_text",
    "SELECT app.label_of('a'::text)": "to_shade",
    "SELECT app.label_of(body) FROM notes": "to_shade",
    "SELECT DISTINCT rank FROM league": "order_of",
    "SELECT rank FROM league ORDER BY rank": "order_of",
    "SELECT rank FROM league GROUP BY rank": "order_of",
    "SELECT count(DISTINCT rank) FROM league": "order_of",
    "SELECT rank FROM league UNION SELECT rank FROM league": "order_of",
    "SELECT greatest(rank, rank) FROM league": "order_of",
    "SELECT rank() OVER (ORDER BY rank) FROM league": "order_of",
    "SELECT ARRAY[rank] < ARRAY[rank] FROM league": "order_of",
    "SELECT greatest(ROW(1)::app.ranked, ROW(2)::app.ranked)": "order_of",
    "SELECT app.takes('x')": "plausible",
    "SELECT app.takes(body) FROM notes": "plausible",
    "SELECT app.takes_many('{x}')": "plausible",
    "SELECT app.gives()": "plausible",
    "SELECT * FROM app.gives_rows()": "plausible",
    "SELECT * FROM app.gives_out()": "plausible",
    "SELECT app.gather('x')": "plausible",
    "CALL app.files('x')": "plausible",
}
COUNTS_BOOLEANS: Final = (
    "SELECT true + 1",
    "SELECT sqrt(pinned) FROM notes",
    "VALUES (true + 1)",
    "SELECT 1 LIMIT true + 1",
    "UPDATE notes SET body = true + 1 WHERE id = 1",
    "COPY (SELECT true + 1) TO STDOUT",
    "EXECUTE halved (true + 1)",
)


@pytest.fixture
def planted(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(SCRIPT.encode())
        connection.execute("PREPARE halved (numeric) AS SELECT $1 / 2")
        yield connection


def marks(connection: psycopg.Connection, text: str) -> set[str]:
    """The functions that ran, as the server saw it; what they did is undone."""
    server = connection.pgconn
    for sent in ("BEGIN", "TRUNCATE trap", text):
        server.exec_(sent.encode())
    if text.startswith("COPY"):
        while server.get_copy_data(0)[0] > 0:
            pass
        server.get_result()
    found = server.exec_(b"SELECT DISTINCT at FROM trap")
    told = {value.decode() for row in range(found.ntuples) if (value := found.get_value(row, 0)) is not None}
    server.exec_(b"ROLLBACK")
    return told


def scope(connection: psycopg.Connection) -> Scope:
    known = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    catalog = Catalog.build(target="shop", database="shop", rows=known, labels=LabelBook())
    return Scope(catalog=catalog, target="shop", search_path=("public",), user="app")


def said(scope: Scope, text: str) -> set[str]:
    """The functions that the effects name."""
    return {
        effect.object.path[-1] for statement in understand(text, scope) for effect in statement.intent.effects
        if effect.verb is Verb.EXECUTE
    }  # fmt: skip


def test_what_runs_unasked_is_said(planted: psycopg.Connection) -> None:
    known = scope(planted)
    for text, function in RUNS.items():
        ran = marks(planted, text)
        assert function in ran, text
        assert ran <= said(known, text), text


def test_a_cast_between_types_of_the_server_is_part_of_every_expression(planted: psycopg.Connection) -> None:
    assert "to_number" not in said(scope(planted), "SELECT true + 1")
    planted.execute(EVERYWHERE.encode())
    known = scope(planted)
    for text in COUNTS_BOOLEANS:
        assert "to_number" in marks(planted, text), text
        assert "to_number" in said(known, text), text


def test_a_literal_is_read_by_its_type_and_cast_by_nobody(planted: psycopg.Connection) -> None:
    assert marks(planted, "SELECT '(a)'::app.shade") == set()
    planted.execute("CREATE CAST (text AS bytea) WITH FUNCTION pg_read_binary_file(text)")
    assert said(scope(planted), "SELECT '\\xdeadbeef'::bytea") == set()
    assert "pg_read_binary_file" in said(scope(planted), "SELECT body::bytea FROM notes")
