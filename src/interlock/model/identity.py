"""Who asks, of what, and in which conversation."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct


class PrincipalKind(StrEnum):
    """What stands behind a credential. A session's kind is that of whoever drives it."""

    PERSON = "person"
    AGENT = "agent"
    PIPELINE = "pipeline"
    SERVICE = "service"


class Principal(Struct, frozen=True, kw_only=True):
    """One actor, with the chain of those it acts for.

    `on_behalf_of` is the next actor towards the human at the root; an agent never has more rights
    than each of them. `issuer` names who vouched: `config` for static principals, else the token's issuer.
    """

    id: str
    kind: PrincipalKind
    issuer: str
    groups: frozenset[str] = frozenset()
    on_behalf_of: "Principal | None" = None

    def chain(self) -> Iterator["Principal"]:
        """The acting principal first, the root of the delegation last."""
        actor: Principal | None = self
        while actor is not None:
            yield actor
            actor = actor.on_behalf_of

    @property
    def root(self) -> "Principal":
        """Who is answerable in the end: budgets and taint key on it, so that reconnecting washes nothing."""
        *_, last = self.chain()
        return last


class Target(Struct, frozen=True, kw_only=True):
    """One protected endpoint, as the configuration names it."""

    name: str
    kind: str
    environment: str
    labels: frozenset[str] = frozenset()


class Session(Struct, frozen=True, kw_only=True):
    """One conversation of one principal with one target. `opened_at` is in microseconds since the epoch, UTC."""

    id: str
    principal: Principal
    target: Target
    gateway: str
    surface: str
    purpose: str | None
    opened_at: int
