"""Argument types are not resolved: of all that a called name may mean, the strictest counts.

Two overloads of each name: one that computes and one that may do anything. Whichever the server would choose, the call
is as opaque as the second; a name whose overloads all compute stays harmless to call.
"""

from collections.abc import Iterator

import psycopg
import pytest

from interlock.intent.sql import QUERIES, Catalog, LabelBook, Scope, understand
from interlock.model import Reach, Verb
from tests.conftest import Database

SCRIPT = """
CREATE SCHEMA app; CREATE SCHEMA far;
CREATE TABLE things (id bigint PRIMARY KEY, body text);
CREATE FUNCTION app.mixed(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
CREATE FUNCTION app.mixed(n text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE n; RETURN 1; END $$;
CREATE FUNCTION app.plain(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
CREATE FUNCTION app.plain(n text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length(n)';
CREATE FUNCTION app.spread(VARIADIC n int[]) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN 1; END $$;
CREATE FUNCTION app.spread(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
CREATE FUNCTION app.filled(n int, m text DEFAULT 'x') RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN EXECUTE m; RETURN 1; END $$;
CREATE FUNCTION app.filled() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.field(t things) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN ''; END $$;
CREATE FUNCTION app.field(n int) RETURNS int LANGUAGE sql AS 'SELECT n';
CREATE FUNCTION app.step(s bigint, n bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN s; END $$;
CREATE AGGREGATE app.gather(bigint) (SFUNC = app.step, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE app.gather(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE AGGREGATE app.kind(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE AGGREGATE app.kind(bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION app.abs(t text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; RETURN 1; END $$;
CREATE AGGREGATE app.sum(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE AGGREGATE app.max(things) (SFUNC = app.widest, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION far.mixed(n bigint) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN 1; END $$;
CREATE FUNCTION far.plain(n bigint) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN 1; END $$;
CREATE FUNCTION app.rank(n int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'x'; RETURN 1; END $$;
CREATE FUNCTION app.tied(a int, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE b; RETURN true; END $$;
CREATE FUNCTION app.even(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b';
CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = app.even);
CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = text, FUNCTION = app.tied);
CREATE OPERATOR app.~~~ (LEFTARG = int, RIGHTARG = int, FUNCTION = app.even);
CREATE FUNCTION app.caller(n int) RETURNS int LANGUAGE sql AS 'SELECT app.mixed(n)';
CREATE PROCEDURE app.done(n int) LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE app.done(n text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE n; END $$;
"""
WIDEST = """CREATE FUNCTION app.widest(s bigint, t things) RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN EXECUTE 'x'; RETURN s; END $$;
"""
OPAQUE = (
    "SELECT app.mixed(1)",
    "SELECT app.mixed('x')",
    "SELECT app.mixed(NULL)",
    "SELECT app.mixed($1)",
    "SELECT mixed(n => 1)",
    "SELECT id FROM things WHERE mixed(1) = 1",
    "SELECT * FROM mixed(1)",
    "SELECT * FROM ROWS FROM (mixed(1), generate_series(1, 2)) AS r(a, b)",
    "SELECT body FROM things ORDER BY app.mixed(1)",
    "SELECT (SELECT mixed(1))",
    "UPDATE things SET body = mixed(1)::text WHERE id = 1",
    "EXPLAIN SELECT app.mixed(1)",
    "SELECT app.spread(1)",
    "SELECT app.spread(1, 2)",
    "SELECT app.spread(VARIADIC ARRAY[1])",
    "SELECT filled(1)",
    "SELECT filled()",
    "SELECT t.field FROM things t",
    "SELECT (t).field FROM things t",
    "SELECT field(t) FROM things t",
    "SELECT field(t.*) FROM things t",
    "SELECT app.field(1)",
    "SELECT (mixed(1)).field",
    "SELECT app.gather(id) FROM things",
    "SELECT app.gather(1.5) FROM things",
    "SELECT gather(DISTINCT id ORDER BY id) FILTER (WHERE id > 1) FROM things",
    "SELECT gather(id) OVER (PARTITION BY body) FROM things",
    "SELECT abs(-1)",
    "SELECT max(id) FROM things",
    "SELECT max(t) FROM things t",
    "SELECT rank() OVER (ORDER BY id) FROM things",
    "SELECT t.abs FROM things t",
    "SELECT 1 === 2",
    "SELECT 1 OPERATOR(app.===) 'x'",
    "SELECT 1 === ANY (ARRAY[1])",
    "SELECT app.caller(1)",
    "SELECT far.mixed(1)",
    "SELECT far.plain(1)",
    "CALL app.done(1)",
    "CALL app.done('x')",
)
CLEAR = (
    "SELECT app.plain(1)",
    "SELECT plain('x')",
    "SELECT plain($1)",
    "SELECT app.kind(id) FROM things",
    "SELECT kind(id) OVER () FROM things",
    "SELECT sum(id) FROM things",
    "SELECT 1 ~~~ 2",
    "SELECT pg_catalog.abs(-1)",
    "SELECT pg_catalog.max(id) FROM things",
    "SELECT pg_catalog.rank() OVER (ORDER BY id) FROM things",
    "SELECT count(*), min(id), lower(body) FROM things GROUP BY body",
    "SELECT id.plain FROM (SELECT 1) AS id(plain)",
)


@pytest.fixture(scope="module", params=["18", "15"])
def catalog(request: pytest.FixtureRequest) -> Iterator[Catalog]:
    server = request.getfixturevalue(f"postgres{request.param}")
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS overloads")
        admin.execute("CREATE DATABASE overloads TEMPLATE template0")
    database = Database(server=server, name="overloads")
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        before, aggregate, after = SCRIPT.partition("CREATE AGGREGATE app.max")
        connection.execute((before + WIDEST + aggregate + after).encode())
        rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    yield Catalog.build(target="t", database="t", rows=rows, labels=LabelBook())
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute("DROP DATABASE overloads")


def opaque(text: str, catalog: Catalog) -> bool:
    (statement,) = understand(text, Scope(catalog=catalog, target="t", search_path=("app", "public", "pg_temp")))
    effects = statement.intent.effects
    return not statement.intent.understood or any(
        effect.verb is Verb.EXECUTE and effect.reach is not Reach.ONE for effect in effects
    )


@pytest.mark.parametrize("text", OPAQUE)
def test_the_strictest_overload_counts(text: str, catalog: Catalog) -> None:
    assert opaque(text, catalog)


@pytest.mark.parametrize("text", CLEAR)
def test_overloads_that_all_compute_are_clear(text: str, catalog: Catalog) -> None:
    assert not opaque(text, catalog)


def test_the_strictest_does_not_hang_on_the_order_in_which_overloads_are_made(database18: Database) -> None:
    with psycopg.connect(database18.dsn, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION f(n text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE n; RETURN 1; END'")
        connection.execute("CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'")
        rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    for order in (list, lambda each: list(reversed(each))):
        turned = rows | {"functions": order(rows["functions"])}
        assert opaque("SELECT f(1)", Catalog.build(target="t", database="t", rows=turned, labels=LabelBook()))
