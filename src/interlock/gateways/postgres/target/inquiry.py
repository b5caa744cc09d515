"""The gateway's own questions to the target, over a client's upstream session."""

from collections.abc import Awaitable, Callable
from typing import Final

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.answering.relay import Relay
from interlock.gateways.postgres.answering.rows import first_values
from interlock.gateways.postgres.connection import Connection
from interlock.gateways.postgres.target import owned
from interlock.intent.sql.catalog.snapshot import QUERIES
from interlock.model import TargetFault
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_close,
    build_execute,
    build_flush,
    build_parse,
    build_sync,
)

_FLUSH: Final = build_flush()
_SYNC: Final = build_sync()


class Inquiry:
    """Asks when nothing is owed. `inside` tells whether a client's group is open, `idle` waits for the answers."""

    def __init__(
        self, relay: Relay, server: Connection, *, inside: Callable[[], bool], idle: Callable[[], Awaitable[None]]
    ) -> None:
        self._relay = relay
        self._server = server
        self._inside = inside
        self._idle = idle

    async def prepare(self) -> None:
        """Prepare our own statements. Raises TargetFault."""
        await self._ask(*owned.prepare())

    async def prepare_anew(self) -> None:
        """Prepare those that are gone: what should have dropped them all may have failed. Raises TargetFault."""
        data, dues = owned.prepare(set(await self.texts(owned.HELD)))
        if dues:
            await self._ask(data, dues)

    async def value(self, name: str) -> str:
        """The one value that a statement of ours gives. Raises TargetFault."""
        values = await self.values(name)
        if len(values) != 1:
            raise TargetFault("the target did not answer the gateway's own question; connect again")
        return values[0]

    async def values(self, name: str) -> list[str]:
        """All values that a statement of ours gives, one a row; no row of it is NULL. Raises TargetFault."""
        pieces: list[bytes] = []
        await self._ask(owned.run(name), [*owned.run_dues(pieces.append)])
        return _texts(pieces)

    async def put_down(self) -> None:
        """Whatever role the session has taken on. Raises TargetFault."""
        await self._ask(owned.run("il_put_down"), owned.run_dues())

    @property
    def inside(self) -> bool:
        """Whether a client's group is open."""
        return self._inside()

    async def rest(self) -> None:
        """Wait until everything that was sent is answered."""
        await self._idle()

    async def rows(self, key: str) -> list[str]:
        """The rows of a catalogue query: this session sees what is not committed yet. Raises TargetFault."""
        return await self.texts(QUERIES[key])

    async def texts(self, query: str, *, open_group: bool = False) -> list[str]:
        """The first columns of what a query of ours gives; with `open_group` the end of a group of the client's is
        still to be sent. Raises TargetFault."""
        pieces: list[bytes] = []
        data = build_parse("il_read", query) + build_bind("il_read", "il_read") + build_execute("il_read")
        data += build_close(Part.PORTAL, "il_read") + build_close(Part.STATEMENT, "il_read")
        take = Due(kinds.EXECUTE, Show.NOTHING, rows=pieces.append, instead=b"")
        dues = [Due(k, Show.NOTHING, instead=b"") for k in (kinds.PARSE, kinds.BIND)]
        dues += [take, *(Due(kinds.CLOSE, Show.NOTHING, instead=b"") for _ in range(2))]
        await self._ask(data, dues, open_group=open_group)
        return _texts(pieces)

    async def _ask(self, data: bytes, dues: list[Due], *, open_group: bool = False) -> None:
        end = [] if open_group or self._inside() else [Due(kinds.SYNC, Show.NOTHING)]
        self._relay.expect([*dues, *end])
        self._server.write(data + (_SYNC if end else _FLUSH))
        await self._idle()
        if self._relay.failed:
            raise TargetFault("the target refused the gateway's own question; connect again")


def _texts(pieces: list[bytes]) -> list[str]:
    """The first columns of all rows. A large row comes in pieces, and only the first of them has its header."""
    return [value for value in first_values(b"".join(pieces)) if value is not None]
