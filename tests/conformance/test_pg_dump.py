"""pg_dump: a full dump through the gateway restores equal; where exports are not allowed it ends with the reason."""

import psycopg
import pytest
from psycopg import sql

from tests.conformance.clients import Done, Program, program
from tests.conformance.gateway import AGENT, Gateway


@pytest.fixture(params=["18", "15"])
def pg_dump(request: pytest.FixtureRequest, development: Gateway) -> Program:
    if request.param < development.shop.server_version:
        pytest.skip("pg_dump refuses servers newer than itself")
    return program(request.param)


def dumped(text: str) -> list[str]:
    """Without the comments, the random key that guards against injection, and the path of the session."""
    varying = ("--", "\\restrict", "\\unrestrict", "SELECT pg_catalog.set_config('search_path'")
    return [line for line in text.splitlines() if line and not line.startswith(varying)]


@pytest.mark.parametrize("kind", ["--schema-only", "--data-only", "--inserts", "--format=plain"])
def test_a_dump_is_the_one_made_directly(pg_dump: Program, development: Gateway, kind: str) -> None:
    arguments = (kind, "--exclude-table=notes", "--exclude-table=loads")
    direct = pg_dump.run("pg_dump", *arguments, "-d", development.shop.owner)
    through = pg_dump.run("pg_dump", *arguments, "-d", pg_dump.dsn(development))
    assert through.code == 0, through.err
    assert dumped(through.out) == dumped(direct.out)
    assert len(dumped(through.out)) > 100


def test_a_dump_restores_equal(pg_dump: Program, development: Gateway) -> None:
    if pg_dump.version != development.shop.server_version:
        pytest.skip("a dump may hold settings that older servers do not have")
    made = pg_dump.run(
        "pg_dump", "--no-owner", "-t", "customers", "-t", "orders", "-t", "numbers", "-d", pg_dump.dsn(development)
    )
    assert made.code == 0, made.err
    server, name = development.shop.server, f"restored_{pg_dump.version}"
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            restored = pg_dump.run("psql", "-X", "-v", "ON_ERROR_STOP=1", server.dsn(name), script=made.out)
            assert restored.code == 0, restored.err
            with psycopg.connect(server.dsn(name)) as copy:
                for table in ("customers", "orders", "numbers"):
                    query = f"SELECT md5(string_agg(t::text, '|' ORDER BY 1)) FROM {table} AS t"
                    assert copy.execute(query.encode()).fetchall() == development.ask(query)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_an_export_that_is_not_allowed_says_why(pg_dump: Program, production: Gateway) -> None:
    if pg_dump.version == "18":
        pytest.skip("the wheel's pg_dump has no TLS, which production requires")
    person = pg_dump.run("pg_dump", "-d", pg_dump.dsn(production))
    agent = pg_dump.run("pg_dump", "-d", pg_dump.dsn(production, AGENT))
    for done, verdict in ((person, "interlock held"), (agent, "interlock blocked")):
        assert ended_by_policy(done, verdict)
    schema = pg_dump.run("pg_dump", "--schema-only", "-d", pg_dump.dsn(production))
    assert schema.code == 0, schema.err  # structures are no secret


def ended_by_policy(done: Done, verdict: str) -> bool:
    return done.code == 1 and verdict in done.err and "Decision " in done.err
