"""What clients come in by: the targets, who may, and how much of it."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from msgspec import Struct

from interlock.gate import Gate
from interlock.gateways.postgres.arriving.login import Doorkeeper, Guest
from interlock.gateways.postgres.lent.minting import Minter
from interlock.gateways.postgres.target.catalogue import Catalogue
from interlock.gateways.postgres.target.upstream import Address, Credential, Unreachable
from interlock.intent.sql.limits import Limits
from interlock.model import Lease, Session, Target


class Door(Struct, frozen=True, kw_only=True):
    """One target as clients reach it. Policy and stance change behind its gate, for running sessions too.

    With a `minter` every session logs in as a login of its own, and holds a privilege only while a command needs it, or
    a lease lasts: one of `leases`, which are in force for a session.
    """

    target: Target
    address: Address
    credential: Credential
    catalogue: Catalogue
    gate: Gate
    minter: Minter | None = None
    leases: Callable[[Session], Sequence[Lease]] = lambda session: ()
    max_connections: int | None = None


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the listener works with; replaced as a whole on reload, for sessions that begin afterwards."""

    doors: Mapping[str, Door]
    keeper: Doorkeeper
    tls: ssl.SSLContext | None
    require_tls: bool
    limits: Limits
    largest_message: int
    max_connections: int


@asynccontextmanager
async def credential_for(door: Door, session: str) -> AsyncIterator[Credential]:
    """Whom a session is on its target: the gateway's login there, or one of its own that ends with it."""
    if door.minter is None:
        yield door.credential
        return
    credential = await door.minter.mint(session)
    try:
        yield credential
    finally:
        with suppress(Unreachable):  # then it is swept up
            await door.minter.drop(credential.user)


def still_known(guest: Guest, settings: Settings) -> bool:
    """Whether a login by name would give the same principal today; tokens are judged by their own list."""
    if guest.token is not None:
        return True
    account = settings.keeper.directory.find(guest.principal.id)
    return account is not None and account.principal == guest.principal
