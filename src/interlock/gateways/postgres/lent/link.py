"""A connection as the minting role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from interlock.gateways.postgres.target.side import SideConnection, connect_aside
from interlock.gateways.postgres.target.upstream import Address, Credential

_SETTINGS: Final = {
    "search_path": "pg_catalog",
    "lock_timeout": "5s",
    # A server that crashes may forget the last grants and revocations. Every session ends with it, and the
    # sweeper removes the logins: nothing that was taken back can be used again.
    "synchronous_commit": "off",
    "application_name": "interlock minter",
}


class Link:
    """One connection as the minting role, made when it is needed; one statement at a time runs on it."""

    def __init__(self, address: Address, credential: Credential, first: str) -> None:
        self._address = address
        self._credential = credential
        self._first = first
        self._connection: SideConnection | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[SideConnection]:
        """The connection, for nobody else."""
        async with self._lock:
            yield await self._connected()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SideConnection]:
        """The connection, in a transaction. One of which asyncpg may believe afterwards that it still is in one (it was
        interrupted, or took too long) is not used again: what followed would never be committed."""
        async with self.use() as connection:
            try:
                async with connection.transaction():
                    yield connection
            except BaseException as error:
                if not isinstance(error, asyncpg.PostgresError) or connection.is_in_transaction():
                    connection.terminate()
                raise

    async def close(self) -> None:
        """End it."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            await connection.close(timeout=2)

    async def _connected(self) -> SideConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect_aside(
                self._address, self._credential, _SETTINGS, seconds=10, statements=100
            )
            await self._connection.execute(self._first)
        return self._connection
