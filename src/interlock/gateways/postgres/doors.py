"""What clients come in by: the targets, who may, and how much of it."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from interlock.gate import Gate
from interlock.gateways.postgres.catalogue import Catalogue
from interlock.gateways.postgres.login import Doorkeeper, Guest
from interlock.gateways.postgres.upstream import Address, Credential
from interlock.intent.sql.limits import Limits
from interlock.model import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One target as clients reach it. Policy and stance change behind its gate, for running sessions too."""

    target: Target
    address: Address
    credential: Credential
    catalogue: Catalogue
    gate: Gate
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


def still_known(guest: Guest, settings: Settings) -> bool:
    """Whether a login by name would give the same principal today; tokens are judged by their own list."""
    if guest.token is not None:
        return True
    account = settings.keeper.directory.find(guest.principal.id)
    return account is not None and account.principal == guest.principal
