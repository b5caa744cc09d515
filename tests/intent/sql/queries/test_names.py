"""What names mean inside a query: which table, and where each column of an answer comes from."""

import json

import pytest

from interlock.intent.sql import Catalog, Scope, understand
from interlock.model import Verb
from tests.intent.sql.shop import CATALOG, meaning, scope


def test_lineage() -> None:
    statement = meaning(
        "WITH c AS (SELECT id AS customer, email FROM customers) "
        "SELECT c.email || o.note AS both, count(*), (SELECT max(amount) FROM payments) AS top "
        "FROM c JOIN orders o ON o.customer_id = customer GROUP BY 1"
    )
    assert statement.intent.returns is not None
    shown = [(c.name, sorted(f"{o}.{f}" for o, f in c.sources)) for c in statement.intent.returns]
    assert shown == [
        ("both", ["public.customers.email", "public.orders.note"]),
        ("count", []),
        ("top", ["public.payments.amount"]),
    ]


def test_the_path_decides_which_table_is_meant() -> None:
    (statement,) = understand("SELECT * FROM revenue", scope(path=("analytics", "public")))
    assert str(statement.intent.effects[0].object) == "analytics.revenue"
    (statement,) = understand("SELECT vat(1)", scope(path=("app",)))
    assert [(effect.verb, str(effect.object)) for effect in statement.intent.effects] == [(Verb.EXECUTE, "app.vat")]


def test_lineage_keeps_columns_of_one_name_apart() -> None:
    statement = meaning("SELECT * FROM (SELECT ssn AS a, id AS a FROM customers) x")
    assert statement.intent.returns is not None
    assert [[name for _, name in c.sources] for c in statement.intent.returns] == [["ssn"], ["id"]]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM customers JOIN orders USING (id)",
        "SELECT * FROM customers NATURAL JOIN orders",
        "SELECT (c).* FROM customers c",
        "SELECT * FROM nowhere",
        "SELECT * FROM jsonb_each('{}')",
        "SELECT 1 UNION SELECT *, 2 FROM customers",
    ],
)
def test_lineage_that_is_not_sure_is_not_given(text: str) -> None:
    assert meaning(text).intent.returns is None


def test_a_temporary_table_comes_first_unless_the_path_lists_it() -> None:
    """As the server does (docs 19.11.1, search_path): the gateway pins pg_temp last."""
    saved = json.loads(CATALOG.to_json())
    customers = next(row for row in saved["rows"]["relations"] if row["name"] == "customers")
    saved["rows"]["relations"].append({**customers, "oid": 99_999, "schema": "pg_temp", "persistence": "t"})
    catalog = Catalog.from_json(json.dumps(saved).encode())
    for path, meant in ((("public",), "pg_temp.customers"), (("public", "pg_temp"), "public.customers")):
        (statement,) = understand("TABLE customers", Scope(catalog=catalog, target="shop", search_path=path))
        assert str(statement.intent.effects[0].object) == meant
