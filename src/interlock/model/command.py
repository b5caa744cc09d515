"""What was asked, and what lands together."""

from msgspec import Struct

from interlock.model.identity import Session


class Command(Struct, frozen=True, kw_only=True):
    """One statement, call or invocation as it was received; nothing about it has been judged.

    `arguments` are the bound parameters as sent (None is SQL NULL). They may hold secrets and never
    reach a ledger leaf; `types` are what the client declared them to be and `formats` how they are written, in the
    surface's own numbers. `received_at` is in microseconds since the epoch, UTC. `unit` names what it
    lands with: commands of one transaction share it.
    """

    id: str
    session: Session
    language: str
    text: str
    unit: str
    received_at: int
    arguments: tuple[bytes | None, ...] = ()
    types: tuple[int, ...] = ()
    formats: tuple[int, ...] = ()


class Ground(Struct, frozen=True, kw_only=True):
    """What the meaning of a command rests on besides its text, at one moment.

    `system` is the target's own name for itself, `catalogue` what its names stand for and how they are classified,
    `settings` every setting of the session.
    """

    system: str
    catalogue: str
    settings: str
