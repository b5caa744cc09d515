"""What is forwarded is the text that was judged, with the schemas that its names were found in."""

from typing import Final

import pytest

from interlock.gateways.postgres.planning.rewriting import forwarded, relocated
from interlock.intent.sql.parser import Unparsed, parse
from interlock.intent.sql.places import quoted
from interlock.intent.sql.tree import Json
from interlock.intent.sql.understand import Scope, understand
from interlock.wire.postgres.messages import build_error, parse_error
from tests.corpus import world
from tests.corpus.blocks import blocks
from tests.intent.sql.shop import meaning, scope

# Text as it comes, and as it goes.
CASES: Final = [
    ("SELECT id FROM orders", "SELECT id FROM public.orders"),
    ("SELECT orders.id, orders FROM orders", "SELECT orders.id, orders FROM public.orders"),
    ("SELECT o.* FROM ONLY (orders) AS o", "SELECT o.* FROM ONLY (public.orders) AS o"),
    ("SELECT 1 FROM \"orders\"", "SELECT 1 FROM public.\"orders\""),
    ('SELECT*FROM"orders"', 'SELECT*FROM public."orders"'),
    ("SELECT 'é' FROM orders, customers", "SELECT 'é' FROM public.orders, public.customers"),
    ("  SELECT 1 FROM orders ; ", "SELECT 1 FROM public.orders"),
    ("SELECT id FROM orders FOR UPDATE OF orders", "SELECT id FROM public.orders FOR UPDATE OF orders"),
    ("SELECT 1 FROM public.orders", "SELECT 1 FROM public.orders"),
    ("SELECT 1 FROM no_such_table", "SELECT 1 FROM no_such_table"),
    ("SELECT 'orders'::regclass", "SELECT 'orders'::regclass"),
    ("TABLE orders", "TABLE public.orders"),
    ("SELECT 1 FROM pg_class", "SELECT 1 FROM pg_catalog.pg_class"),
    # names of WITH are nobody's schema's; outside of their scope the same name is a table again
    ("WITH orders AS (SELECT 1) TABLE orders", "WITH orders AS (SELECT 1) TABLE orders"),
    ("WITH orders AS (TABLE orders) TABLE orders", "WITH orders AS (TABLE public.orders) TABLE orders"),
    (
        "WITH RECURSIVE a AS (TABLE orders), orders AS (SELECT 1) TABLE a",
        "WITH RECURSIVE a AS (TABLE orders), orders AS (SELECT 1) TABLE a",
    ),
    ("SELECT (WITH orders AS (SELECT 1) TABLE orders) FROM orders",
     "SELECT (WITH orders AS (SELECT 1) TABLE orders) FROM public.orders"),
    # writes
    ("UPDATE orders SET status = 'x' WHERE orders.id = 1", "UPDATE public.orders SET status = 'x' WHERE orders.id = 1"),
    ("DELETE FROM orders USING customers c WHERE c.id = customer_id",
     "DELETE FROM public.orders USING public.customers c WHERE c.id = customer_id"),
    ("INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = orders.status RETURNING orders.id",
     "INSERT INTO public.orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = orders.status "
     "RETURNING orders.id"),
    ("MERGE INTO orders USING customers ON customer_id = customers.id WHEN MATCHED THEN DELETE",
     "MERGE INTO public.orders USING public.customers ON customer_id = customers.id WHEN MATCHED THEN DELETE"),
    ("TRUNCATE ONLY orders, customers", "TRUNCATE ONLY public.orders, public.customers"),
    ("COPY orders (id) TO STDOUT", "COPY public.orders (id) TO STDOUT"),
    ("COPY (TABLE orders) TO STDOUT", "COPY (TABLE public.orders) TO STDOUT"),
    ("LOCK orders", "LOCK public.orders"),
    # structure
    ("ALTER TABLE orders ADD COLUMN x int REFERENCES customers",
     "ALTER TABLE public.orders ADD COLUMN x int REFERENCES public.customers"),
    ("CREATE TABLE made (LIKE orders)", "CREATE TABLE made (LIKE public.orders)"),
    ("CREATE INDEX ON orders (id)", "CREATE INDEX ON public.orders (id)"),
    ("CREATE VIEW seen AS SELECT id FROM orders", "CREATE VIEW seen AS SELECT id FROM public.orders"),
    ("GRANT SELECT ON orders TO somebody", "GRANT SELECT ON public.orders TO somebody"),
    ("DROP TABLE orders, public.customers", "DROP TABLE public.orders, public.customers"),
    ("drop /* it */ table if exists orders, \"customers\" cascade",
     "drop /* it */ table if exists public.orders, public.\"customers\" cascade"),
    ("DROP TRIGGER IF EXISTS on_orders ON orders", "DROP TRIGGER IF EXISTS on_orders ON public.orders"),
    ("DROP TABLE no_such_table, orders", "DROP TABLE no_such_table, public.orders"),
    ("DROP SCHEMA orders", "DROP SCHEMA orders"),
    # what stands for a statement, or holds one
    ("EXPLAIN SELECT id FROM orders", "EXPLAIN SELECT id FROM public.orders"),
    ("DECLARE c CURSOR FOR SELECT id FROM orders", "DECLARE c CURSOR FOR SELECT id FROM public.orders"),
    ("PREPARE p AS SELECT id FROM orders", "PREPARE p AS SELECT id FROM orders"),
    # functions
    ("SELECT count(*), now()", "SELECT pg_catalog.count(*), pg_catalog.now()"),
    ("SELECT extract(year FROM now()), trim('a'), coalesce(1, 2)",
     "SELECT extract(year FROM pg_catalog.now()), trim('a'), coalesce(1, 2)"),
    ("SELECT g FROM generate_series(1, 3) g", "SELECT g FROM pg_catalog.generate_series(1, 3) g"),
    ("SELECT set_config('timezone', 'UTC', false)", "SELECT pg_catalog.set_config('timezone', 'UTC', false)"),
    ("SELECT rank() OVER (ORDER BY id) FROM orders", "SELECT pg_catalog.rank() OVER (ORDER BY id) FROM public.orders"),
    # a column in functional notation
    ("SELECT name(c), name(c.name) FROM customers c",
     "SELECT name(c), pg_catalog.name(c.name) FROM public.customers c"),
    # not judged to the end, so not run where anything is blocked
    ("DO $$ BEGIN DELETE FROM orders; END $$", "DO $$ BEGIN DELETE FROM orders; END $$"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sent"), CASES, ids=[text for text, _ in CASES])
def test_names_go_with_their_schemas(text: str, sent: str) -> None:
    assert forwarded(meaning(text)) == sent


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ("public", "public"),
        ("$user", '"$user"'),
        ("My", '"My"'),
        ('a"b', '"a""b"'),
        ("a; DROP TABLE b --", '"a; DROP TABLE b --"'),
        ("select", '"select"'),
        ("user", '"user"'),
        ("left", '"left"'),
        ("a.b", '"a.b"'),
        ("é", '"é"'),
        ("", '""'),
    ],
)
def test_a_schema_is_quoted_where_it_must_be(schema: str, written: str) -> None:
    assert quoted(schema) == written


def same(came: Json, went: Json) -> bool:
    """Whether two trees differ in places, and by schemas that only the second one says."""
    if isinstance(came, dict) and isinstance(went, dict):
        if "relname" in came and "schemaname" not in came:
            went = {key: value for key, value in went.items() if key != "schemaname"}
        if "funcname" in came and len(_listed(went["funcname"])) == len(_listed(came["funcname"])) + 1 == 2:
            went = {**went, "funcname": _listed(went["funcname"])[1:]}
        if "removeType" in came:
            pairs = zip(_listed(came["objects"]), _listed(went["objects"]), strict=True)
            went = {**went, "objects": [_shortened(*pair) for pair in pairs]}
        keys = {key for key in came.keys() | went.keys() if not _is_place(key)}
        return all(same(came.get(key), went.get(key)) for key in keys)
    if isinstance(came, list) and isinstance(went, list):
        return len(came) == len(went) and all(map(same, came, went))
    return came == went


def _shortened(came: Json, went: Json) -> Json:
    """A name of DROP without the schema that was added."""
    short, long = (_listed(_inside(_inside(name, "List"), "items")) for name in (came, went))
    return {"List": {"items": long[len(long) - len(short) :]}} if len(short) < len(long) else went


def _inside(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None


def _is_place(key: str) -> bool:
    return key.endswith(("location", "_len", "_start", "_end"))


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


@pytest.mark.parametrize("name", ["evasions.txt", "lookalikes.txt", "migrations.txt"])
def test_nothing_but_schemas_is_added(name: str) -> None:
    known = Scope(catalog=world.catalog(), target="shop", search_path=("public",), user="app")
    rewritten = 0
    for block in blocks(world.HERE / name):
        for statement in understand(block.text, known):
            if statement.places:
                rewritten += 1
                sent = forwarded(statement)
                assert same(list(parse(statement.text.encode())), list(parse(sent.encode()))), sent
    assert rewritten > 10


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("SELECT nosuch FROM orders", "nosuch"),
        ("SELECT id FROM orders WHERE nosuch = 1", "nosuch"),
        ("SELECT 'é', id FROM orders o, customers c WHERE nosuch = 1", "nosuch"),
        ("  SELECT count(nosuch) FROM orders", "nosuch"),
        ("SELECT 1; SELECT nosuch FROM orders", "nosuch"),
        ("SELECT 1 FROM orders WHERE 'x' = orders", "orders"),
    ],
)
def test_a_position_is_of_the_text_that_came(text: str, word: str) -> None:
    statement = understand(text, scope())[-1]
    sent = forwarded(statement)
    error = build_error("ERROR", "42703", "no such column", position=sent.rindex(word) + 1)
    assert parse_error(relocated(error, statement)).fields["P"] == str(text.rindex(word) + 1)


def test_a_position_inside_what_was_added_is_that_of_the_name() -> None:
    statement = meaning("SELECT id FROM orders")
    error = build_error("ERROR", "42P01", "no such schema", position=forwarded(statement).index("public") + 3)
    assert parse_error(relocated(error, statement)).fields["P"] == str("SELECT id FROM orders".index("orders") + 1)


def test_an_error_without_a_position_stays_as_it_is() -> None:
    error = build_error("ERROR", "22012", "division by zero")
    assert relocated(error, meaning("SELECT id FROM orders")) is error


def test_what_does_not_parse_alone_is_never_made() -> None:
    """The check of this file can fail: another tree is another tree."""
    assert not same(list(parse(b"SELECT 1 FROM a")), list(parse(b"SELECT 1 FROM x.b")))
    assert not same(list(parse(b"SELECT 1 FROM y.a")), list(parse(b"SELECT 1 FROM x.a")))
    with pytest.raises(Unparsed):
        parse(b"SELECT FROM FROM")
