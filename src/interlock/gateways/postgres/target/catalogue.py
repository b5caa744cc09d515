"""The catalogue that all sessions of a target read by, over a connection of the gateway's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from interlock.gateways.postgres.landing.witness import Witness
from interlock.gateways.postgres.target.side import SIDE_TROUBLE, SideConnection, connect_aside
from interlock.gateways.postgres.target.stamps import STAMP, Touched
from interlock.gateways.postgres.target.upstream import Address, Credential, Unreachable, cause
from interlock.intent.sql.catalog.snapshot import FINGERPRINT, QUERIES, Catalog, CatalogUnreadable, LabelBook

POLL_SECONDS: Final = 2.0
_READS: Final = 3
_MISSES: Final = 5  # polls that may fail before nothing is believed any more
_SETTINGS: Final = {
    # Hostile objects must find nothing to work with (threats.md 2): names are qualified, nothing can be written,
    # nothing waits for a lock.
    "search_path": "pg_catalog",
    "default_transaction_read_only": "on",
    "lock_timeout": "100ms",
    "statement_timeout": "30s",
    "application_name": "interlock catalogue",
}


async def whole(read: Callable[[], Awaitable[Catalog]]) -> Catalog:
    """Read until every object is there with all its parts. What somebody drops meanwhile still has its row in our
    snapshot, and the server's functions, which look at what is there now, have no signature for it any more.

    Raises CatalogUnreadable where that happens time and again.
    """
    for _ in range(_READS - 1):
        try:
            return await read()
        except CatalogUnreadable:
            continue
    return await read()


class Catalogue:
    """Reads and keeps one target's catalogue. `current` knows nothing until `start` has returned."""

    def __init__(self, *, target: str, address: Address, credential: Credential, labels: LabelBook) -> None:
        self.labels = labels
        self.current = Catalog.empty(target=target, database=credential.database)
        self.loaded = False
        self._target = target
        self._address = address
        self._credential = credential
        self.witness = Witness(self._connect)
        self._connection: SideConnection | None = None
        self._fingerprint: str | None = None
        self._lock = asyncio.Lock()
        self._missed = 0
        self._stamps: dict[Touched, str] = {}

    async def ready(self) -> None:
        """Return when there is a catalogue to read by. Raises Unreachable."""
        if not self.loaded:
            await self.refresh()

    async def refresh(self) -> None:
        """Read it again now. Raises Unreachable; what was known before then counts no more."""
        async with self._lock:
            try:
                self.current = await whole(self._read)
            except (CatalogUnreadable, *SIDE_TROUBLE) as error:
                self._forget()
                raise Unreachable(
                    f"the catalogue of `{self._target}` cannot be read: {cause(error)}; run `interlock doctor`"
                ) from error
            self.loaded, self._stamps = True, {}

    async def stamp(self, what: Touched, known: Catalog) -> str:
        """What relations and functions look like by a catalogue that was `known`; "" where another is current by now.

        Raises Unreachable.
        """
        if known.epoch != self.current.epoch:
            return ""
        found = self._stamps.get(what)
        if found is not None:
            return found
        async with self._lock:
            try:
                connection = await self._connected()
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    stamp = str(await connection.fetchval(STAMP, *what))
                    unchanged = str(await connection.fetchval(FINGERPRINT)) == self._fingerprint
            except SIDE_TROUBLE as error:
                raise Unreachable(
                    f"the catalogue of `{self._target}` cannot be read: {cause(error)}; try again"
                ) from error
        if not unchanged:
            await self.refresh()
        if known.epoch != self.current.epoch:
            return ""
        self._stamps[what] = stamp
        return stamp

    def relabel(self, labels: LabelBook) -> None:
        """Other labels from now on; whoever reads next waits for a catalogue that has them."""
        self.labels = labels
        self._forget()

    async def follow(self) -> None:
        """Look for changes made by others, every POLL_SECONDS, for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self.loaded:
                continue
            try:
                if await self._changed():
                    await self.refresh()
                self._missed = 0
            except (Unreachable, *SIDE_TROUBLE):
                self._missed += 1
                await self._drop()
                if self._missed >= _MISSES:
                    self._forget()  # what cannot be checked is not believed: names become unknown

    async def close(self) -> None:
        """End the connection."""
        await self._drop()

    async def _read(self) -> Catalog:
        connection = await self._connected()
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            fingerprint = await connection.fetchval(FINGERPRINT)
            rows = {key: [row[0] for row in await connection.fetch(sql)] for key, sql in QUERIES.items()}
        self._fingerprint = str(fingerprint)
        return Catalog.build(target=self._target, database=self._credential.database, rows=rows, labels=self.labels)

    async def _changed(self) -> bool:
        async with self._lock:
            connection = await self._connected()
            return str(await connection.fetchval(FINGERPRINT)) != self._fingerprint

    async def _connected(self) -> SideConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> SideConnection:
        return await connect_aside(self._address, self._credential, _SETTINGS, seconds=30)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    def _forget(self) -> None:
        self.loaded = False
        self.current = Catalog.empty(target=self._target, database=self._credential.database)
