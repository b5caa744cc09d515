"""What the corpora say is real: PostgreSQL 18 and 15 take every text, and the snapshot is what they hold.

A server of its own for each version: some of the texts end other sessions, write logs or change the cluster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import DiagnosticField, ExecStatus

from interlock.app.embedded import EmbeddedPostgres
from interlock.app.explaining import verdict
from interlock.gateways.postgres.planning.rewriting import forwarded
from interlock.intent.sql import Scope, understand
from interlock.model import Verdict
from tests.conftest import DEBIAN_15, DEBIAN_15_INSTALL, require
from tests.corpus.blocks import Block, blocks, meanings
from tests.corpus.world import AGENT, HERE, PERSON, SCHEMA, catalog_of, explainer
from tests.intent.sql.shop import SCHEMA as SHOP

CORPORA = ("evasions.txt", "lookalikes.txt", "migrations.txt")
# It cannot run in a transaction, it ran out of time, it waited for a lock: in each case the server took the text.
TAKEN = {"25001", "57014", "55P03"}
PATIENCE = b"SET statement_timeout = '300ms'; SET lock_timeout = '200ms'; SET client_min_messages = error"
LEFT_BEHIND = (
    b"ROLLBACK",
    b"DISCARD ALL",
    b"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots",
    b"ROLLBACK PREPARED 'later'",
)
SETTINGS = {"fsync": "off", "max_prepared_transactions": "2"}


VERSIONS = ("18", "15")


@contextmanager
def holding(version: str, name: str, *scripts: Path) -> Iterator[str]:
    """The connection URL of a database of this name that has run the scripts, on a server of its own."""
    binaries: Path | None = None
    if version == "15":
        require(DEBIAN_15.is_dir(), what="PostgreSQL 15", install=DEBIAN_15_INSTALL)
        binaries = DEBIAN_15
    with EmbeddedPostgres(binaries, settings=SETTINGS) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
            admin.execute("CREATE ROLE app_user LOGIN; CREATE ROLE boss SUPERUSER")
        with psycopg.connect(server.dsn(name), autocommit=True) as connection:
            for script in scripts:
                connection.execute(script.read_bytes())
        yield server.dsn(name)


@pytest.fixture(scope="module", params=VERSIONS)
def world(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """(major version, connection URL) of a server that holds the shop."""
    with holding(request.param, "world", SCHEMA) as dsn:
        yield int(request.param), dsn


def refusal(connection: psycopg.Connection, block: Block) -> str | None:
    """What the server says against a text inside a transaction that is undone; None where it takes it."""
    server = connection.pgconn
    server.exec_(b"BEGIN")
    text = block.text.encode()
    bound = b"$1" in text and b"PREPARE" not in text and b"GENERIC_PLAN" not in text
    result = server.prepare(b"", text) if bound else server.exec_(text)
    if result.status in {ExecStatus.COPY_IN, ExecStatus.COPY_OUT}:
        connection.close()
        return None
    state = result.error_field(DiagnosticField.SQLSTATE)
    said = result.error_message.decode()
    for statement in LEFT_BEHIND:
        server.exec_(statement)
    if state is None or state.decode() in TAKEN | block.states or "XML feature" in said:
        return None
    return said


@pytest.mark.parametrize("name", CORPORA)
def test_the_server_takes_every_text(world: tuple[int, str], name: str) -> None:
    version, dsn = world
    assert refused(dsn, [block for block in blocks(HERE / name) if block.runs_on(version)]) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_grammar_is_syntax_that_somebody_can_run(version: str) -> None:
    listed = meanings(HERE / "postgresql.txt", "## The whole grammar")
    assert len(listed) >= 440
    with holding(version, "shop", SHOP, HERE / "grammar.sql") as dsn:
        assert refused(dsn, [block for block in listed if block.runs_on(int(version))]) == []


def refused(dsn: str, listed: list[Block]) -> list[tuple[str, str]]:
    """The texts that the server does not take, with what it says."""
    found = []
    connection = psycopg.connect(dsn, autocommit=True)
    for block in listed:
        if connection.closed:
            connection = psycopg.connect(dsn, autocommit=True)
        connection.pgconn.exec_(PATIENCE)
        said = refusal(connection, block)
        if said is not None:
            found.append((block.text, said))
    connection.close()
    return found


def answer(connection: psycopg.Connection, text: str) -> tuple[object, ...]:
    """All that a client sees of a text, run in a transaction that is undone."""
    server = connection.pgconn
    server.exec_(b"BEGIN")
    result = server.exec_(text.encode())
    if result.status in {ExecStatus.COPY_IN, ExecStatus.COPY_OUT}:
        connection.close()
        return (result.status,)
    names = [result.fname(column) for column in range(result.nfields)]
    rows = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
    for statement in LEFT_BEHIND:
        server.exec_(statement)
    state = result.error_field(DiagnosticField.SQLSTATE)
    return result.status, result.command_status, state, names, sorted(rows, key=str)


@pytest.mark.parametrize("name", ["lookalikes.txt", "migrations.txt"])
def test_what_is_forwarded_answers_the_same(world: tuple[int, str], name: str) -> None:
    """Names with their schema: the same columns, rows, tags and errors as the client's own text."""
    version, dsn = world
    connection = psycopg.connect(dsn, autocommit=True)
    scope = Scope(catalog=catalog_of(connection), target="shop", user="postgres")
    different, rewritten = [], 0
    for block in blocks(HERE / name):
        statements = understand(block.text, scope)
        sent = ";".join(map(forwarded, statements))
        if not block.runs_on(version) or not any(statement.places for statement in statements):
            continue
        rewritten += 1
        answers = []
        for text in (block.text, block.text, sent):
            if connection.closed:
                connection = psycopg.connect(dsn, autocommit=True)
            connection.pgconn.exec_(PATIENCE)
            answers.append(answer(connection, text))
        if answers[0] == answers[1] != answers[2]:
            different.append((sent, answers[1:]))
    connection.close()
    assert different == []
    assert rewritten > {"lookalikes.txt": 50, "migrations.txt": 10}[name]


@pytest.mark.parametrize("version", VERSIONS)
def test_its_catalogue_gives_the_same_verdicts(version: str) -> None:
    """A world of its own: ANALYZE, which some texts say, is not undone with them, and sizes decide as well."""
    with holding(version, "world", SCHEMA) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        known = catalog_of(connection)
    for who in (PERSON, AGENT):
        asked = explainer(who, known)
        passed = [
            block.text for block in blocks(HERE / "evasions.txt")
            if block.runs_on(int(version)) and not (block.agent_only and who is PERSON)
            and verdict(asked.explain(block.text)) is Verdict.ALLOW
        ]  # fmt: skip
        stopped = [
            block.text for block in blocks(HERE / "lookalikes.txt")
            if block.runs_on(int(version)) and not (block.person_only and who is AGENT)
            and verdict(asked.explain(block.text)) is not Verdict.ALLOW
        ]  # fmt: skip
        assert (passed, stopped) == ([], [])
