"""Reading a catalogue that somebody changes meanwhile, on real servers."""

import asyncio

import psycopg
import pytest

from interlock.gateways.postgres.target.catalogue import whole
from interlock.intent.sql.catalog.snapshot import QUERIES, Catalog, CatalogUnreadable, LabelBook
from tests.conftest import Database

MADE = "CREATE FUNCTION passing(a int) RETURNS int LANGUAGE sql AS 'SELECT a'"


class Reader:
    """Reads in a snapshot of its own, behind which `times` functions are dropped, one a reading."""

    def __init__(self, dsn: str, times: int) -> None:
        self.dsn, self.times, self.readings = dsn, times, 0

    async def __call__(self) -> Catalog:
        with psycopg.connect(self.dsn, autocommit=True) as other, psycopg.connect(self.dsn) as own:
            other.execute(MADE)
            own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            own.execute("SELECT count(*) FROM pg_proc")
            if self.readings < self.times:
                other.execute("DROP FUNCTION passing(int)")
            self.readings += 1
            try:
                rows = {key: [row[0] for row in own.execute(question)] for key, question in QUERIES.items()}
            finally:
                other.execute("DROP FUNCTION IF EXISTS passing(int)")
        return Catalog.build(target="shop", database="shop", rows=rows, labels=LabelBook({}))


def test_a_function_that_is_dropped_while_it_is_read_is_no_failure(database: Database) -> None:
    reader = Reader(database.dsn, times=1)
    found = asyncio.run(whole(reader))
    assert reader.readings == 2
    assert "passing" in found.functions


def test_what_never_comes_whole_is_said(database: Database) -> None:
    reader = Reader(database.dsn, times=99)
    with pytest.raises(CatalogUnreadable, match="functions"):
        asyncio.run(whole(reader))
    assert reader.readings == 3
