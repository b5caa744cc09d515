"""Asking a server what a statement depends on: for `interlock explain --resolve`, on a server named for it."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from interlock.gateways.postgres.target.admin import connected
from interlock.intent.sql.resolver import DEPENDS, Resolved, read_resolved, resolver

_CAREFULLY: Final = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'"


async def ask_server(url: str, texts: Sequence[str], search_path: str) -> list[Resolved | str]:
    """What each statement depends on there, under this search_path; or in words why the server does not take it.

    Nothing stays: each is asked in a transaction that is rolled back. Raises TargetUnreachable.
    """
    async with connected(dsn=url) as connection:
        return [await _ask(connection, text, search_path) for text in texts]


async def _ask(connection: "asyncpg.Connection[asyncpg.Record]", text: str, search_path: str) -> Resolved | str:
    asking = connection.transaction()
    await asking.start()
    try:
        await connection.execute(_CAREFULLY)
        await connection.execute("SELECT pg_catalog.set_config('search_path', $1, true)", search_path)
        # Prepared, and so one statement only, whatever the text says.
        await (await connection.prepare(resolver(text))).fetch()
        return read_resolved([tuple(row) for row in await connection.fetch(DEPENDS)])
    except asyncpg.PostgresError as error:
        return str(error).splitlines()[0]
    finally:
        await asking.rollback()
