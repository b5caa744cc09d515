"""Conditions that spell out every value there is hold in every row of real servers; those that nearly do are open."""

import random

import psycopg
import pytest

from interlock.intent.sql import QUERIES, Catalog, LabelBook
from interlock.intent.sql.conditions.truth import always, supposed
from interlock.intent.sql.parser import parse
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.tree import body, node
from tests.conftest import Database

SCHEMA = """
CREATE SCHEMA app;
CREATE TYPE app.status AS ENUM ('new', 'paid', 'sent', 'back');
CREATE DOMAIN app.percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN app.half AS app.percent CHECK (VALUE <= 50);
CREATE DOMAIN app.open_status AS app.status CHECK (VALUE <> 'back');
CREATE FUNCTION app.fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 IN ('a', 'b') $$;
CREATE TABLE t (
    id int PRIMARY KEY,
    status app.status NOT NULL,
    other app.status,
    going app.open_status NOT NULL,
    kind varchar(10) NOT NULL CHECK (kind IN ('a', 'b', 'c')),
    listed text NOT NULL CHECK (listed = ANY ('{a,b}')),
    maybe text CHECK (maybe = 'x' OR maybe = 'y'),
    flag char(1) NOT NULL CHECK (flag IN ('Y', 'N')),
    done boolean NOT NULL,
    share app.percent NOT NULL,
    part app.half NOT NULL,
    price numeric NOT NULL CHECK (price >= 0.5 AND price < 1000),
    heat float8 NOT NULL CHECK (heat > -273.15),
    day date NOT NULL CHECK (day >= '2020-01-01'),
    at timestamptz NOT NULL CHECK (at < '2030-01-01 00:00:00+00'),
    code text NOT NULL CHECK (length(code) = 3),
    mail text NOT NULL CHECK (mail = lower(mail)),
    low int NOT NULL, high int NOT NULL, CHECK (low < high),
    loose text NOT NULL,
    judged text NOT NULL CHECK (app.fine(judged)),
    step int NOT NULL CHECK (step IN (1, 2, 3)),
    paid_by text, CHECK (kind <> 'c' OR paid_by = 'card')
);
ALTER TABLE t ADD CHECK (loose IN ('a', 'b')) NOT VALID;
"""

HOLDS = """
status IN ('new', 'paid', 'sent', 'back')
status = 'new' OR status = 'paid' OR status = 'sent' OR status = 'back'
status IN ('new', 'paid') OR status = 'sent' OR status IN ('back')
status = ANY (ARRAY['new', 'paid', 'sent', 'back']::app.status[])
status = ANY ('{new,paid,sent,back}')
status = ANY (enum_range(NULL::app.status))
status IN (SELECT unnest(enum_range(NULL::app.status)))
status IN (VALUES ('new'::app.status), ('paid'), ('sent'), ('back'))
status::text IN (SELECT 'new' UNION SELECT 'paid' UNION ALL SELECT 'sent' UNION SELECT 'back')
status::text IN ('new', 'paid', 'sent', 'back', 'none')
status::text NOT IN ('none', 'gone')
status::text <> 'none'
status::text LIKE '%'
status::text ~ 'new|paid|sent|back'
length(status::text) < 5
upper(status::text) IN ('NEW', 'PAID', 'SENT', 'BACK')
status >= 'new'
status <= 'back'
status >= enum_first(NULL::app.status)
status < 'sent' OR status >= 'sent'
status BETWEEN 'new' AND 'back'
status <> 'new' OR status <> 'paid'
NOT (status NOT IN ('new', 'paid', 'sent', 'back'))
CASE status WHEN 'new' THEN true ELSE status IN ('paid', 'sent', 'back') END
COALESCE(status, 'new') IN ('new', 'paid', 'sent', 'back')
other IN ('new', 'paid', 'sent', 'back') OR other IS NULL
other IS NULL OR other >= 'new'
going::app.status IN ('new', 'paid', 'sent')
going::app.status <> 'back'
kind IN ('a', 'b', 'c')
kind = 'a' OR kind = 'b' OR kind = 'c'
kind = ANY (ARRAY['c', 'b', 'a'])
kind <> ALL (ARRAY['x', 'y'])
kind NOT IN ('x', 'y')
kind <> 'x'
kind IN ('a', 'b') OR kind NOT IN ('a', 'b', 'x')
kind LIKE '_'
kind >= ''
listed IN ('a', 'b')
flag IN ('Y', 'N')
flag <> 'X'
maybe IN ('x', 'y') OR maybe IS NULL
maybe IS DISTINCT FROM 'z'
done IN (true, false)
done::text IN ('true', 'false')
done IS TRUE OR done = false
CASE WHEN done THEN true ELSE NOT done END
share >= 0
share > -1
share <= 100
share BETWEEN 0 AND 100
share < 1 OR share > 0
share >= '0'
NOT share < 0
share <> 101
share IS NOT NULL AND share >= 0
part <= 50
part < 51
price > 0
price >= 0.5
price < 1000.5
price <> -1
heat > -300
day >= '2020-01-01'
day > date '2019-12-31'
at < '2031-01-01'
at <> '2040-05-05 12:00:00+00'
length(code) = 3
length(code) < 10
mail = lower(mail)
low < high
low <> high
low <= high
high > low
step IN (1, 2, 3)
step > 0 AND step < 4
step = ANY ('{1,2,3}')
kind <> 'c' OR paid_by = 'card' OR paid_by IS NULL
kind IN ('a', 'b', 'c') AND status IN ('new', 'paid', 'sent', 'back')
id = 5 OR kind IN ('a', 'b', 'c')
(id = 5 AND done) OR kind IN ('a', 'b', 'c')
""".strip().splitlines()

# True wherever there is a value, and there need not be one.
SUPPOSED = """
other IN ('new', 'paid', 'sent', 'back')
other = ANY ('{new,paid,sent,back}')
other::text <> 'none'
other >= 'new'
maybe IN ('x', 'y')
maybe NOT IN ('z')
NOT maybe = 'z'
other IN ('new', 'paid', 'sent', 'back') AND maybe IN ('x', 'y')
""".strip().splitlines()

OPEN = """
status IN ('new', 'paid', 'sent')
status = 'new'
status <> 'back'
status > 'new'
status = ANY ('{new,paid}')
status NOT IN ('new')
status = $1
status = ANY ($1)
status::text LIKE '%a%'
status::text ~ '^(new|paid)$'
status = ANY (enum_range('new'::app.status, 'sent'::app.status))
other IS NOT NULL
other IS NULL
other IN ('new', 'paid', 'sent', 'back') AND other IS NOT NULL
COALESCE(other, 'new') = 'new'
other IS DISTINCT FROM 'new'
going::app.status IN ('new', 'paid')
kind IN ('a', 'b')
kind <> 'a'
kind IN ('a', 'b', 'x')
kind > 'a'
maybe = 'x'
maybe IS NOT NULL
flag = 'Y'
done
NOT done
share > 0
share >= 1
share < 100
share BETWEEN 1 AND 100
share <> 50
part <= 49
price > 0.5
price < 999
heat > -200
day >= '2020-01-02'
day < '2030-01-01'
at < '2029-01-01'
at < now()
length(code) = 4
mail = lower(kind)
low < high - 1
low < 5
loose IN ('a', 'b')
judged IN ('a', 'b')
step IN (1, 2)
step > 1
kind <> 'c' OR paid_by = 'cash'
paid_by = 'card'
id IN (1, 2)
kind IN ('a', 'b', 'c') AND id = 1
kind IN ('a', 'b', 'c') AND step = 1
status IN (SELECT 'new'::app.status LIMIT 1)
status IN ('new', 'paid', 'sent', 'back') = done
""".strip().splitlines()


def load(database: Database) -> tuple[psycopg.Connection, Catalog]:
    connection = psycopg.connect(database.dsn, autocommit=True)
    connection.execute(SCHEMA.encode())
    return connection, read(connection)


def read(connection: psycopg.Connection) -> Catalog:
    rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    return Catalog.build(target="shop", database="shop", rows=rows, labels=LabelBook())


def fill(connection: psycopg.Connection) -> None:
    """Rows that have whatever the table takes, NULL included."""
    rng = random.Random(1)
    for id_ in range(400):
        given = {
            "status": rng.choice(["new", "paid", "sent", "back"]), "other": rng.choice(["new", "back", "paid", None]),
            "going": rng.choice(["new", "paid", "sent"]), "kind": rng.choice("abc"), "listed": rng.choice("ab"),
            "maybe": rng.choice(["x", "y", None]), "flag": rng.choice("YN"), "done": rng.choice([True, False]),
            "share": rng.choice([0, 1, 50, 99, 100]), "part": rng.choice([0, 25, 50]),
            "price": rng.choice(["0.5", "1", "999.9"]), "heat": rng.choice([-273, 0, 1e300, "Infinity", "NaN"]),
            "day": rng.choice(["2020-01-01", "2026-05-05", "infinity"]),
            "at": rng.choice(["1999-01-01", "2029-12-31 23:59:59+00", "-infinity"]), "code": rng.choice(["abc", "ABC"]),
            "mail": rng.choice(["", "a@b"]), "low": (low := rng.choice([-5, 0, 7])), "high": low + rng.choice([1, 9]),
            "loose": rng.choice("ab"), "judged": rng.choice("ab"), "step": rng.choice([1, 2, 3]),
            "paid_by": rng.choice(["card", None]),
        }  # fmt: skip
        columns, marks = ", ".join(given), ", ".join(["%s"] * len(given))
        connection.execute(f"INSERT INTO t (id, {columns}) VALUES ({id_}, {marks})".encode(), list(given.values()))


def judged(catalog: Catalog, condition: str, *, supposing: bool = False) -> bool | None:
    (raw,) = parse(f"SELECT 1 FROM t WHERE {condition}".encode())
    level = Level(None)
    level.ranges.append(Range("t", relation=catalog.relation("public", "t")))
    where = node(body(node(raw, "stmt"), "SelectStmt") or {}, "whereClause")
    return supposed(level, where) if supposing else always(level, where)


def answers(connection: psycopg.Connection, condition: str) -> set[bool | None]:
    return {row[0] for row in connection.execute(f"SELECT ({condition}) FROM t".encode())}


def test_what_spells_out_every_value_holds_on_the_server(database: Database) -> None:
    connection, catalog = load(database)
    fill(connection)
    wrong = [(each, judged(catalog, each), answers(connection, each)) for each in HOLDS]
    connection.close()
    assert [each for each in wrong if each[1:] != (True, {True})] == []


def test_where_there_is_a_value_it_is_one_of_those(database: Database) -> None:
    connection, catalog = load(database)
    fill(connection)
    found = [(each, judged(catalog, each), judged(catalog, each, supposing=True)) for each in SUPPOSED]
    told = {each: answers(connection, each) for each in SUPPOSED}
    connection.close()
    assert [each for each in found if each[1:] != (None, True)] == []
    assert [each for each, held in told.items() if held != {True, None}] == []


@pytest.mark.parametrize("supposing", [False, True])
def test_what_leaves_a_value_out_is_left_open(database: Database, supposing: bool) -> None:
    connection, catalog = load(database)
    wrong = [each for each in OPEN if judged(catalog, each, supposing=supposing)]
    connection.close()
    assert wrong == []


def test_a_label_that_is_added_or_renamed_counts_at_once(database: Database) -> None:
    connection, catalog = load(database)
    assert judged(catalog, "status IN ('new', 'paid', 'sent', 'back')")
    connection.execute("ALTER TYPE app.status ADD VALUE 'lost' BEFORE 'paid'")
    added = read(connection)
    assert added.epoch != catalog.epoch
    assert judged(added, "status IN ('new', 'paid', 'sent', 'back')") is None
    assert judged(added, "status IN ('new', 'lost', 'paid', 'sent', 'back')")
    connection.execute("ALTER TYPE app.status RENAME VALUE 'lost' TO 'gone'")
    renamed = read(connection)
    assert judged(renamed, "status IN ('new', 'lost', 'paid', 'sent', 'back')") is None
    assert judged(renamed, "status IN ('new', 'gone', 'paid', 'sent', 'back')")
    connection.close()


def test_a_check_counts_once_it_is_validated(database: Database) -> None:
    connection, catalog = load(database)
    assert judged(catalog, "loose IN ('a', 'b')") is None
    connection.execute("ALTER TABLE t VALIDATE CONSTRAINT t_loose_check")
    assert judged(read(connection), "loose IN ('a', 'b')")
    connection.execute("ALTER TABLE t DROP CONSTRAINT t_loose_check")
    assert judged(read(connection), "loose IN ('a', 'b')") is None
    connection.close()


def test_a_check_that_is_not_enforced_says_nothing(database18: Database) -> None:
    connection, _ = load(database18)
    connection.execute("CREATE TABLE u (n int CHECK (n > 0) NOT ENFORCED)")
    relation = read(connection).relation("public", "u")
    connection.close()
    assert relation is not None
    assert relation.allowed().checks == ()


def test_a_check_that_heirs_need_not_fulfil_says_nothing_of_them(database: Database) -> None:
    connection, _ = load(database)
    connection.execute("DROP TABLE t; CREATE TABLE t (n int NOT NULL, CHECK (n > 0) NO INHERIT)")
    assert judged(read(connection), "n > 0")
    connection.execute("CREATE TABLE heir () INHERITS (t)")
    assert judged(read(connection), "n > 0") is None
    connection.close()


ATOMS = {
    "status": ["'new'", "'paid'", "'sent'", "'back'"], "kind": ["'a'", "'b'", "'c'", "'x'"],
    "share": ["0", "1", "50", "99", "100", "101", "-1"], "step": ["0", "1", "2", "3", "4", "low"],
    "maybe": ["'x'", "'y'", "'z'"], "price": ["0", "0.5", "999.9", "1000"], "low": ["high", "0", "8"],
    "other": ["'new'", "'paid'", "'back'"], "day": ["'2019-12-31'", "'2020-01-01'", "'2021-01-01'"],
}  # fmt: skip


def condition(rng: random.Random, depth: int = 2) -> str:
    """A condition over columns that cannot hold everything."""
    column = rng.choice(list(ATOMS))
    values = ATOMS[column]
    listed = ", ".join(rng.sample(values, rng.randint(1, len(values))))
    low, high = rng.choice(values), rng.choice(values)
    simple = [
        f"{column} {rng.choice(['', 'NOT '])}IN ({listed})", f"{column} {rng.choice(['', 'NOT '])}IN ({listed})",
        f"{column} {rng.choice(['=', '<>', '<', '>', '<=', '>='])} {low}",
        f"{column} {rng.choice(['', 'NOT '])}BETWEEN {rng.choice(['', 'SYMMETRIC '])}{low} AND {high}",
        f"{column} IS {rng.choice(['', 'NOT '])}DISTINCT FROM {low}",
        f"{column} IS {rng.choice(['', 'NOT '])}NULL",
    ]  # fmt: skip
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(simple)
    one, other = condition(rng, depth - 1), condition(rng, depth - 1)
    return rng.choice(
        [f"({one}) OR ({other})", f"({one}) OR ({other})", f"({one}) AND ({other})", f"NOT ({one})",
         f"({one}) IS NOT {rng.choice(['TRUE', 'FALSE', 'UNKNOWN'])}", f"COALESCE({one}, {other})",
         f"CASE WHEN {one} THEN {other} ELSE {one} END"]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
def test_no_generated_condition_is_judged_against_the_server(database18: Database, seed: int) -> None:
    """What is said to hold for every row does; where values are supposed, it is false for none."""
    connection, catalog = load(database18)
    fill(connection)
    rng = random.Random(seed)
    told, wrong = 0, []
    for _ in range(800):
        text = condition(rng)
        held, hollow = judged(catalog, text), judged(catalog, text, supposing=True)
        if held or hollow:
            told += 1
            found = answers(connection, text)
            if not found <= ({True} if held else {True, None}):
                wrong.append((text, held, found))
    connection.close()
    assert wrong == []
    assert told > 50
