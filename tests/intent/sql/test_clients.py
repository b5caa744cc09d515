"""What unmodified clients ask about the catalogue is understood, and is nothing but reading it."""

import re
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from interlock.intent.sql import Scope, Statement, understand
from interlock.model import Verb
from tests.conftest import Database
from tests.intent.sql.catalog.test_catalog import load
from tests.intent.sql.shop import CATALOG

SHORTHANDS = r"""
\d | \d+ | \dt+ | \dv | \di+ | \ds | \dT+ | \dx | \dn+ | \du | \l | \dp | \ddp | \dm | \drds | \dF | \dL | \dc | \dC
\dD | \do | \dy | \dP | \df app.* | \d customers | \d+ orders | \d order_totals | \d invoice_numbers | \d events
\d orders_customer | \sv order_totals
"""


def judged(text: str) -> Iterator[Statement]:
    scope = Scope(catalog=CATALOG, target="shop", search_path=("public", "pg_temp"), user="app")
    yield from understand(text, scope)


def only_reads_the_catalogue(text: str) -> None:
    for statement in judged(text):
        assert statement.intent.understood, (statement.text, statement.intent.findings)
        assert not statement.writes
        for effect in statement.intent.effects:
            assert effect.verb is Verb.READ, (statement.text, effect)
            assert effect.object.path[1] in {"pg_catalog", "information_schema"} or len(effect.object.path) == 2
            assert "catalog-secret" not in effect.object.labels
        assert statement.intent.findings == ()


@pytest.fixture
def shop(database18: Database) -> Database:
    load(database18).close()
    return database18


@pytest.mark.parametrize("shorthand", [one.strip() for one in re.split(r"[|\n]", SHORTHANDS.strip())])
def test_psql(shop: Database, shorthand: str) -> None:
    command = [str(shop.server.binary("psql")), "-X", "-E", "-d", shop.dsn, "-c", shorthand]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    queries = re.findall(r"QUERY \*+/?\n(.*?)\n/?\*{10,}", shown.stdout, re.DOTALL)
    assert queries, shown.stderr
    for query in queries:
        only_reads_the_catalogue(query)


def test_sqlalchemy_reflection(shop: Database) -> None:
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(shop.dsn))
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda c, cursor, text, *rest: asked.append(text))
    sa.MetaData().reflect(engine, views=True)
    inspector = sa.inspect(engine)
    inspector.get_enums(schema="app")
    inspector.get_domains(schema="app")
    inspector.get_view_definition("order_totals")
    inspector.get_multi_check_constraints()
    inspector.get_sequence_names()
    engine.dispose()
    assert len(asked) > 10
    for text in asked:
        # As it reaches the wire: psycopg turns %(name)s into parameters.
        only_reads_the_catalogue(re.sub(r"%\(\w+\)s", "$1", text).replace("%%", "%"))


@pytest.mark.parametrize(
    "text",
    ["SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;", "DISCARD ALL", "ROLLBACK; DISCARD ALL"],
)
def test_the_resets_of_pools(text: str) -> None:
    for statement in judged(text):
        assert statement.intent.understood
        assert not statement.writes
        assert {effect.verb for effect in statement.intent.effects} <= {Verb.CONFIGURE}
