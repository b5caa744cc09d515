"""Threat 12: what a statement was judged by is still so when it lands: code that is replaced a moment later as well."""

import psycopg
import pytest

from tests.stand import Stand, wait_for

# Everything that the attacks replace, once for each way to send them: `{0}.` becomes a schema and a prefix, since what
# has the same name elsewhere counts as well.
MADE = """
CREATE SCHEMA {0};
GRANT USAGE ON SCHEMA {0} TO PUBLIC;
CREATE TABLE {0}.visits (id int PRIMARY KEY, name text);
CREATE FUNCTION {0}.on_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.name := lower(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER visiting BEFORE INSERT ON {0}.visits FOR EACH ROW EXECUTE FUNCTION {0}.on_visit();
CREATE FUNCTION {0}.first_mark() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION {0}.good_mark(mark int) RETURNS boolean LANGUAGE sql AS 'SELECT mark > 0';
CREATE TABLE {0}.firsts (id int PRIMARY KEY, mark int DEFAULT {0}.first_mark());
CREATE TABLE {0}.marks (id int PRIMARY KEY, mark int);
INSERT INTO {0}.marks VALUES (1, 0), (2, 0);
CREATE TABLE {0}.goods (id int PRIMARY KEY, mark int CHECK ({0}.good_mark(mark)));
CREATE TABLE {0}.plain (id int, name text);
CREATE FUNCTION {0}.next_mark(mark int) RETURNS int LANGUAGE sql AS 'SELECT mark + 1';
CREATE FUNCTION {0}.same_mark(mark bigint) RETURNS int LANGUAGE sql AS 'SELECT mark::int';
CREATE FUNCTION {0}.of_mark(mark int) RETURNS text LANGUAGE sql AS 'SELECT name FROM public.people WHERE id = mark';
CREATE DOMAIN {0}.short AS text;
CREATE TABLE {0}.shorts (id int PRIMARY KEY, body {0}.short);
CREATE TYPE {0}.pair AS (body text);
CREATE VIEW {0}.few AS SELECT id, name FROM public.people WHERE id < 3;
CREATE FUNCTION {0}.loose(a text, b varchar) RETURNS boolean LANGUAGE sql AS 'SELECT public.scribble(a) = 1';
CREATE FUNCTION {0}.of_pair(p {0}.pair) RETURNS text LANGUAGE sql AS 'SELECT public.scribble((p).body)::text';
GRANT ALL ON ALL TABLES IN SCHEMA {0} TO PUBLIC
"""
REPLACED = {
    "trigger": (
        "CREATE OR REPLACE FUNCTION {0}.on_visit() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM public.scribble('visit'); RETURN NEW; END $$",
        "INSERT INTO {0}.visits VALUES (%s, 'A')",
    ),
    "default": (
        "CREATE OR REPLACE FUNCTION {0}.first_mark() RETURNS int LANGUAGE sql AS 'SELECT public.scribble(''default'')'",
        "INSERT INTO {0}.firsts (id) VALUES (%s)",
    ),
    "check": (
        "CREATE OR REPLACE FUNCTION {0}.good_mark(mark int) RETURNS boolean LANGUAGE sql AS "
        "'SELECT public.scribble(''check'') = 1'",
        "INSERT INTO {0}.goods VALUES (%s, 3)",
    ),
    "called": (
        "CREATE OR REPLACE FUNCTION {0}.next_mark(mark int) RETURNS int LANGUAGE sql AS "
        "'SELECT public.scribble(''called'')'",
        "UPDATE {0}.marks SET mark = {0}.next_mark(1) WHERE id = %s",
    ),
    "overload": (
        "CREATE FUNCTION {0}.same_mark(mark int) RETURNS int LANGUAGE sql AS 'SELECT public.scribble(''overload'')'",
        "UPDATE {0}.marks SET mark = {0}.same_mark(1) WHERE id = %s",
    ),
    "domain": (
        "ALTER DOMAIN {0}.short ADD CHECK (public.scribble(VALUE) = 1) NOT VALID",
        "INSERT INTO {0}.shorts VALUES (%s, 'domain')",
    ),
    "operator": (
        "CREATE OPERATOR public.<> (LEFTARG = text, RIGHTARG = varchar, FUNCTION = {0}.loose)",
        "INSERT INTO {0}.plain SELECT %s, 'b' WHERE 'operator'::text <> 'b'::varchar",
    ),
    "cast": (
        "CREATE CAST ({0}.pair AS text) WITH FUNCTION {0}.of_pair({0}.pair)",
        "INSERT INTO {0}.plain VALUES (%s, ROW('cast')::{0}.pair::text)",
    ),
    "view": (
        "CREATE OR REPLACE VIEW {0}.few AS SELECT public.scribble('view') AS id, name FROM public.people",
        "INSERT INTO {0}.plain SELECT %s, name FROM {0}.few WHERE id = 1 LIMIT 1",
    ),
    "read": (
        "CREATE OR REPLACE FUNCTION {0}.of_mark(mark int) RETURNS text LANGUAGE sql AS "
        "'SELECT email FROM public.people WHERE id = mark'",
        "SELECT {0}.of_mark(%s)",
    ),
}
WAYS = {"alone": (False, False), "prepared": (False, True), "inside": (True, False)}


@pytest.fixture(scope="module")
def replaceable(attacked: Stand) -> Stand:
    """What the attacks replace stands, and the gateway has read it."""
    for way in WAYS:
        attacked.ask(named(MADE, way))
    with attacked.connect() as client:
        wait_for(
            lambda: _passes(client, f"SELECT count(*) FROM {way}.{way}_few"), seconds=20, what=lambda: attacked.log
        )
    return attacked


def named(text: str, way: str) -> str:
    """For one way."""
    return text.replace("{0}.", f"{way}.{way}_").replace("{0}", way)


def _passes(client: "psycopg.Connection[tuple[object, ...]]", text: str, *values: int, prepare: bool = False) -> bool:
    try:
        client.execute(text.encode(), values or None, prepare=prepare)
    except psycopg.Error:
        return False
    return True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", REPLACED)
def test_code_that_was_replaced_a_moment_ago(stand: Stand, replaceable: Stand, case: str, way: str) -> None:
    """The body that was followed is not the one that would run: nothing of the statement stays or comes out."""
    inside, prepared = WAYS[way]
    ddl, text = (named(part, way) for part in REPLACED[case])
    with stand.connect() as client:
        wait_for(lambda: _passes(client, text, 1, prepare=prepared), what=lambda: stand.log)
        if inside:
            client.execute("BEGIN")
        stand.ask(ddl)
        try:
            with pytest.raises(psycopg.Error) as refused:
                client.execute(text.encode(), (2,), prepare=prepared)
        finally:
            stand.ask(named("DROP CAST IF EXISTS ({0}.pair AS text)", way))
            stand.ask("DROP OPERATOR IF EXISTS public.<> (text, varchar)")
        assert refused.value.sqlstate in {"40001", "42501"}


def test_an_error_of_the_transaction_stays_what_it_is(stand: Stand, replaceable: Stand) -> None:
    """What is compared before a read of code must not answer for a transaction that has failed."""
    with stand.connect() as client:
        client.execute("BEGIN")
        with pytest.raises(psycopg.errors.DivisionByZero):
            client.execute("SELECT 1 / 0")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT public.harmless(1)")


def test_code_elsewhere_may_be_replaced(stand: Stand, replaceable: Stand) -> None:
    """What a release does to other functions is nothing to a statement that does not run them."""
    with stand.connect() as client:
        for number in range(3):
            stand.ask(f"CREATE OR REPLACE FUNCTION alone.elsewhere() RETURNS int LANGUAGE sql AS 'SELECT {number}'")
            assert client.execute("UPDATE items SET amount = 1 WHERE id = 9").rowcount == 1
            assert client.execute("SELECT public.harmless(1)").fetchone() is not None
