"""Short lists whose product is not short, and series that are sorted; what people write of both."""

import pytest

from tests.intent.sql.shop import meaning, over_limit

TEN = "(VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10))"


def product(item: str, times: int) -> str:
    return "SELECT count(*) FROM " + ", ".join(f"{item} AS v{at}(x)" for at in range(times))


STALLS = [
    product(TEN, 9),
    product(TEN, 8),
    " CROSS JOIN ".join([f"SELECT count(*) FROM {TEN} AS v", *(f"{TEN} AS v{at}" for at in range(8))]),
    f"WITH v(x) AS {TEN} SELECT count(*) FROM v a, v b, v c, v d, v e, v f, v g, v h",
    f"SELECT count(*) FROM {TEN} a(x), LATERAL {TEN} b(x), " + product(TEN, 6).partition("FROM ")[2],
    product("unnest(ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])", 8),
    product("unnest('{1,2,3,4,5,6,7,8,9,10}'::int[])", 8),
    product("regexp_split_to_table('a,b,c,d,e,f,g,h,i,j', ',')", 8),
    product("jsonb_array_elements_text('[1,2,3,4,5,6,7,8,9,10]')", 8),
    product("generate_series(1, 10)", 8),
    "SELECT g FROM generate_series(1, 49000000) AS g ORDER BY md5(g::text) LIMIT 1",
    "SELECT count(DISTINCT g) FROM generate_series(1, 49000000) AS g",
    "SELECT row_number() OVER (ORDER BY -g) FROM generate_series(1, 20000000) AS g LIMIT 1",
    "SELECT n FROM (SELECT generate_series(1, 49000000) AS n) AS s ORDER BY -n LIMIT 3",
]
HONEST = [
    product(TEN, 3),
    product("unnest(ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])", 3),
    "SELECT d, s FROM generate_series('2024-01-01'::date, '2024-12-31', '1 day') AS d, unnest(ARRAY['a', 'b']) AS s",
    f"SELECT count(*) FROM {TEN} a(x)" + "".join(f" JOIN {TEN} {name}(x) USING (x)" for name in "bcdefgh"),
    "SELECT g FROM generate_series(1, 1000000) AS g ORDER BY md5(g::text) LIMIT 1",
    "INSERT INTO settings (tenant, key) SELECT t, k FROM unnest('{1,2,3}'::int[]) AS t, unnest('{a,b}'::text[]) AS k",
    "SELECT o.id FROM orders o, jsonb_array_elements('[1, 2, 3]') AS e WHERE o.id = e::int",
]


@pytest.mark.parametrize("text", STALLS)
def test_what_keeps_a_server_busy_is_refused(text: str) -> None:
    assert over_limit(text) or not meaning(text).intent.understood


@pytest.mark.parametrize("text", HONEST)
def test_what_people_write_is_not(text: str) -> None:
    assert not over_limit(text)
    assert meaning(text).intent.understood
