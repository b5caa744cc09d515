"""A connection of the gateway's own beside its sessions: for the catalogue, and for the minter."""

import ssl
from collections.abc import Mapping
from typing import Final, TypeAlias

import asyncpg

from interlock.gateways.postgres.target.upstream import Address, Credential

SideConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
SIDE_TROUBLE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ssl.SSLError)
_CONNECT_SECONDS: Final = 10.0


async def connect_aside(
    address: Address, credential: Credential, settings: Mapping[str, str], *, seconds: float, statements: int = 0
) -> SideConnection:
    """Log in with start-up `settings`. A command may take `seconds`; `statements` are kept prepared.

    Raises one of SIDE_TROUBLE.
    """
    return await asyncpg.connect(
        host=str(address.socket) if address.socket is not None else address.host,
        port=address.port,
        user=credential.user,
        password=credential.password,
        database=credential.database,
        ssl=address.tls if address.tls is not None else False,
        timeout=_CONNECT_SECONDS,
        command_timeout=seconds,
        statement_cache_size=statements,
        server_settings=dict(settings),
    )
