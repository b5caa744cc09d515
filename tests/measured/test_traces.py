"""Threat 9: trying out is an act. What a rollback does not undo is decided before it runs."""

from typing import Any

import psycopg

from tests.measured.asking import refused
from tests.stand import CALLER, Stand, wait_for

NATIVE = (
    "CREATE FUNCTION native() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
    "CREATE TABLE traced (id int PRIMARY KEY, by int DEFAULT native())",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE TABLE alike (id int PRIMARY KEY, share real DEFAULT similarity('word', 'words'))",
    "GRANT ALL ON traced, alike TO PUBLIC",
)


def readable(client: "psycopg.Connection[Any]") -> bool:
    """Whether the catalogue that the gateway reads by has them already."""
    try:
        client.execute("SELECT count(*) FROM traced")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def test_code_that_a_rollback_does_not_undo_is_not_tried_out(stand: Stand) -> None:
    for text in NATIVE:
        stand.ask(text)
    try:
        with stand.connect() as client:
            wait_for(lambda: readable(client), what=lambda: "the gateway never reads of the new tables")
            said = refused(client, "INSERT INTO traced (id) VALUES (1)")
            assert "traces-are-decided-first" in said.detail
            assert "nothing has changed. Counted" not in said.detail  # it never ran
            assert client.execute("INSERT INTO alike (id) VALUES (1)").rowcount == 1  # contrib's code only computes
        with stand.connect(CALLER) as trusted:
            assert trusted.execute("INSERT INTO traced (id) VALUES (2)").rowcount == 1
        assert stand.ask("SELECT count(*) FROM traced") == 1
    finally:
        with psycopg.connect(stand.truth, autocommit=True) as admin:
            admin.execute("DROP TABLE traced, alike")
            admin.execute("DROP FUNCTION native()")
