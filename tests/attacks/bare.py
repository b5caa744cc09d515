"""The same server without a gateway: what an attack does there."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.stand import Stand


@contextmanager
def bare(stand: Stand) -> Iterator[psycopg.Connection]:
    """The gateway's own login at the target; whatever was not committed is undone in the end."""
    dsn = stand.server.dsn(stand.database, stand.role, stand.password)
    with psycopg.connect(dsn) as connection:
        yield connection
        connection.rollback()


def value(connection: psycopg.Connection, query: str) -> object:
    """The one value of a query."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
