"""What is said to hold for every row does so on real servers, and what depends on the row is left open."""

import random

import psycopg
import pytest

from interlock.intent.sql import QUERIES, Catalog, LabelBook
from interlock.intent.sql.conditions.truth import Truth, truth
from interlock.intent.sql.parser import parse
from interlock.intent.sql.queries.names import Level, Range
from interlock.intent.sql.tree import body, node
from tests.conftest import Database

SCHEMA = """
CREATE TABLE t (id bigint PRIMARY KEY, small int2 NOT NULL, n int, name text NOT NULL, note text, done bool NOT NULL,
    maybe bool, price numeric NOT NULL, at timestamptz NOT NULL, data jsonb NOT NULL DEFAULT '[1, 2]');
INSERT INTO t SELECT g, (g - 5)::int2, CASE WHEN g % 3 > 0 THEN g - 4 END, repeat('x', g),
    CASE WHEN g % 2 = 0 THEN '%' END, g % 2 = 0, CASE WHEN g % 3 = 0 THEN g % 2 = 0 END, g - 3.5,
    now() - make_interval(days => g)
FROM generate_series(0, 9) g;
INSERT INTO t VALUES (-9223372036854775808, -32768, -2147483648, '', '', true, NULL, 'NaN', '-infinity'),
    (9223372036854775807, 32767, 2147483647, E'a\\nb', NULL, false, true, '-1e30', 'infinity');
"""

HOLDS = """
id % 3 IN (-2, -1, 0, 1, 2)
NOT mod(id, 3) > 2
sign(small) IN (-1, 0, 1)
small::int * small::int >= 0
done IN (true, false)
done >= false
NOT done > true
done::int IN (0, 1)
done::int < 2
done::text IN ('true', 'false')
id::text <> ''
at::text > ''
length(id::text) > 0
length(md5(name)) = 32
extract(month FROM timestamptz '2020-01-01') BETWEEN 1 AND 12
int8range(NULL, NULL) @> id
id <@ '(,)'::int8range
int8range(-9223372036854775808, NULL) @> id
ARRAY[id, 1] @> ARRAY[id]
ARRAY[id] && ARRAY[0, id]
ARRAY[id] <@ ARRAY[1, id]
data @> '[]'
id BETWEEN SYMMETRIC 9223372036854775807 AND -9223372036854775808
(id, 1) < (id, 2)
(1, id) <= (1, id)
NOT (t IS NULL)
id IN (SELECT id FROM t UNION SELECT 1)
id IN (SELECT id FROM t ORDER BY id LIMIT ALL OFFSET 0)
id IN (SELECT x.id FROM (SELECT id FROM t) AS x)
id IN (SELECT id FROM t TABLESAMPLE BERNOULLI (100))
(id, name) IN (SELECT id, name FROM t)
id = id
id >= t.id
id IS NOT NULL
NOT (id IS NULL)
note IS NOT DISTINCT FROM note
id + 0 = id
1 * price = price
id::text = id::text
lower(name) = lower(name)
ctid IS NOT NULL
t = t
(id, done) = (id, done)
ROW(id, name) IS NOT NULL
2 * 3 - 1 = 5
-7 / 2 = -3
-7 % 2 = -1
'a' || 'b' = 'ab'
NOT false
'yes'::bool
1::bool
(1 = 1) IS NOT UNKNOWN
done IS NOT UNKNOWN
(id = 1) IS NOT UNKNOWN
(NULL = 1) IS UNKNOWN
NULL IS NULL
COALESCE(NULL, true)
COALESCE(id = id, n = 1)
CASE WHEN n = 1 THEN true ELSE 1 = 1 END
CASE WHEN false THEN n = 1 WHEN true THEN id = id END
CASE 1 WHEN 2 THEN false ELSE true END
NULLIF(true, false)
GREATEST(false, NULL, true)
n IS NULL OR n IS NOT NULL
n = 1 OR n <> 1 OR n IS NULL
id = 1 OR id <> 1
id < 5 OR id >= 5
5 > id OR id >= 5
id < 9 OR (name = 'x' OR id > 2)
id <> 1 OR id <> 2
name <> 'a' OR name <> 'b'
id NOT IN (1, 2) OR id IN (1, 2)
id IN (1, 2) OR id <> 1
done OR NOT done
NOT (done AND NOT done)
done = true OR done = false
done IN (true, false)
done = ANY (ARRAY[true, false])
name LIKE 'a%' OR name NOT LIKE 'a%'
id BETWEEN 1 AND 2 OR id NOT BETWEEN 1 AND 2
n IS DISTINCT FROM 1 OR n IS NOT DISTINCT FROM 1
maybe IS TRUE OR maybe IS NOT TRUE
name LIKE '%'
name ILIKE '%%'
name SIMILAR TO '%'
name ~ ''
name ~ '^.*$'
name !~~ 'a' OR name ~~ 'a'
name ^@ ''
id BETWEEN id AND id
id BETWEEN SYMMETRIC id AND 0
id NOT BETWEEN 2 AND 1
id BETWEEN -9223372036854775808 AND 9223372036854775807
small >= -32768
small > -32769
small <> 40000
length(name) >= 0
char_length(name) > -1
(SELECT count(*) FROM t x WHERE x.id = 5) >= 0
id * 0 = 0
id & 0 = 0
id % 1 = 0
id - id = 0
id <> ALL ('{}')
id IS DISTINCT FROM NULL
1 IN (2, 1)
id IN (7, id)
id IN (VALUES (1), (id))
id IN (SELECT id)
id IN (SELECT id FROM t)
id = ANY (ARRAY(SELECT id FROM t))
id IN (SELECT id FROM t WHERE 1 = 1)
id >= (SELECT min(id) FROM t)
id <= (SELECT max(t.id) FROM t)
(SELECT true)
id = (SELECT t.id)
EXISTS (SELECT 1)
EXISTS (VALUES (1))
EXISTS (SELECT sum(id) FROM t WHERE false)
NOT EXISTS (SELECT 1 WHERE false)
NOT EXISTS (SELECT 1 FROM t WHERE NULL)
current_user = current_user
"""

OPEN = """
id % 3 IN (0, 1, 2)
mod(id, 3) < 2
n::int8 * small >= 0
done > false
maybe IN (true, false)
name <> ''
name::text <> ''
length(name) > 0
int8range(0, NULL) @> id
int8range(NULL, NULL) @> n::int8
tstzrange('-infinity', 'infinity') @> at
id <@ '[0,)'::int8range
ARRAY[id] && ARRAY[0, n]
ARRAY[id] @> ARRAY[id, 1]
data @> '[1]'
id BETWEEN SYMMETRIC 0 AND 5
(id, 2) < (id, 2)
(id, 1) < (5, 2)
t IS NOT NULL
id IN (SELECT id FROM t LIMIT 3)
id IN (SELECT id FROM t OFFSET 1)
id IN (SELECT id FROM t EXCEPT SELECT 1)
id IN (SELECT x.id FROM (SELECT id FROM t WHERE n = 1) AS x)
id IN (SELECT id FROM t TABLESAMPLE BERNOULLI (10))
(id, note) IN (SELECT id, note FROM t)
id = 1
n = n
id > -1
id <> -1
n IS NOT NULL
note LIKE '%'
n = 1 OR n <> 1
n < 5 OR n >= 5
id < 5 OR id > 5
id < 5 OR small >= 5
id <> 5 OR id < 5
name = 'a' OR name = 'b'
maybe OR NOT maybe
maybe IN (true, false)
(n, id) = (n, id)
ROW(n, id) IS NOT NULL
t IS NULL OR t IS NOT NULL
NOT NULL
NULL OR id = 1
price * 0 = 0
n * 0 = 0
n % 1 = 0
data - 0 = data
random() = random()
id NOT IN (0)
id BETWEEN 2 AND 1
id >= -9223372036854775807
id IN (SELECT id FROM t WHERE n = 1)
id IN (SELECT id FROM t LIMIT 5)
id IN (SELECT small FROM t)
id > (SELECT min(id) FROM t)
name LIKE '_%'
name ~ '.+'
length(note) >= 0
EXISTS (SELECT 1 WHERE n = 1)
EXISTS (SELECT 1 FROM t x WHERE x.id = 5)
CASE WHEN id = 1 THEN true END
CASE WHEN n = 1 THEN false ELSE true END
COALESCE(n = 1, true)
1::text = id::text
"""


def load(database: Database) -> tuple[psycopg.Connection, Catalog]:
    connection = psycopg.connect(database.dsn, autocommit=True)
    connection.execute(SCHEMA.encode())
    rows = {key: [row[0] for row in connection.execute(query.encode())] for key, query in QUERIES.items()}
    return connection, Catalog.build(target="shop", database="shop", rows=rows, labels=LabelBook())


def judged(catalog: Catalog, condition: str) -> Truth:
    (raw,) = parse(f"SELECT 1 FROM t WHERE {condition}".encode())
    level = Level(None)
    level.ranges.append(Range("t", relation=catalog.relation("public", "t")))
    return truth(level, node(body(node(raw, "stmt"), "SelectStmt") or {}, "whereClause"))


def answers(connection: psycopg.Connection, condition: str) -> set[bool | None]:
    return {row[0] for row in connection.execute(f"SELECT ({condition}) FROM t".encode())}


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def test_what_holds_by_logic_holds_on_the_server(database: Database) -> None:
    connection, catalog = load(database)
    wrong = [
        (condition, judged(catalog, condition), answers(connection, condition)) for condition in lines(HOLDS)
        if judged(catalog, condition) is not Truth.ALWAYS or answers(connection, condition) != {True}
    ]  # fmt: skip
    connection.close()
    assert wrong == []


def test_what_depends_on_the_row_is_left_open(database18: Database) -> None:
    connection, catalog = load(database18)
    wrong = [condition for condition in lines(OPEN) if judged(catalog, condition) is Truth.ALWAYS]
    connection.close()
    assert wrong == []


# `@` is a blank.
ATOMS = """id n small name note done maybe price 0 1 -1 5 NULL true false 'x' '' '%' 9223372036854775807 id+0 n*1 id*0
    length(name) length(note) (SELECT@1) (SELECT@id) COALESCE(n,0) NULLIF(n,1) id-id""".replace("\n", " ").split()


PATTERNS = ("'%'", "'x%'", "''")


def condition(rng: random.Random, depth: int = 3) -> str:
    """A condition of the shapes that people write, nested."""
    one, other = (rng.choice(ATOMS).replace("@", " ") for _ in range(2))
    simple = [
        f"{one} {rng.choice(['=', '<>', '<', '>', '<=', '>='])} {rng.choice([other, one])}",
        f"{one} IS {rng.choice(['', 'NOT '])}NULL",
        f"{one} IS {rng.choice(['', 'NOT '])}DISTINCT FROM {other}",
        f"{one} {rng.choice(['', 'NOT '])}IN ({other}, {rng.choice(ATOMS).replace('@', ' ')})",
        f"{one} {rng.choice(['', 'NOT '])}BETWEEN {rng.choice(['', 'SYMMETRIC '])}{other} AND {one}",
        f"name {rng.choice(['', 'NOT '])}LIKE {rng.choice(PATTERNS)}",
        f"{rng.choice(['done', 'maybe'])}{rng.choice(['', ' IS TRUE', ' IS NOT FALSE', ' IS NOT UNKNOWN', ' = true'])}",
        f"{rng.choice(['', 'NOT '])}EXISTS (SELECT 1 WHERE {one} = {other})",
    ]
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(simple)
    inner = [condition(rng, depth - 1) for _ in range(2)]
    joined = [
        f"({inner[0]}) OR ({inner[1]})", f"({inner[0]}) AND ({inner[1]})", f"NOT ({inner[0]})",
        f"({inner[0]}) OR NOT ({inner[0]})", f"({inner[0]}) AND NOT ({inner[0]})",
        f"COALESCE({inner[0]}, {inner[1]})", f"CASE WHEN {inner[0]} THEN {inner[1]} ELSE {inner[0]} END",
        f"({inner[0]}) IS {rng.choice(['TRUE', 'NOT TRUE', 'UNKNOWN', 'NOT UNKNOWN', 'NOT FALSE'])}",
    ]  # fmt: skip
    return rng.choice(joined)


@pytest.mark.parametrize("seed", range(4))
def test_no_generated_condition_is_judged_against_the_server(database18: Database, seed: int) -> None:
    """Thousands of conditions: what is ALWAYS holds for all rows, NEVER is false for all, NULL is NULL for all."""
    connection, catalog = load(database18)
    rng = random.Random(seed)
    told, wrong = dict.fromkeys(Truth, 0), []
    expected = {Truth.ALWAYS: {True}, Truth.NEVER: {False}, Truth.NULL: {None}}
    for _ in range(1_000):
        text = condition(rng)
        try:
            found = answers(connection, text)
        except psycopg.Error:
            continue  # types that do not meet, numbers out of range: the server refuses it anyway
        held = judged(catalog, text)
        told[held] += 1
        if held is not Truth.OPEN and found != expected[held]:
            wrong.append((text, held, found))
    connection.close()
    assert wrong == []
    assert min(told[held] for held in (Truth.ALWAYS, Truth.NEVER, Truth.OPEN)) > 20
