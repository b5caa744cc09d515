"""How much a command touches, and how sure we are."""

from enum import StrEnum

from msgspec import Struct

from interlock.model.meaning import Object, Verb


class Basis(StrEnum):
    """Where the numbers come from. An estimate may refuse; only a measurement may let land."""

    UNKNOWN = "unknown"
    ESTIMATED = "estimated"
    MEASURED = "measured"


class Touched(Struct, frozen=True, kw_only=True):
    """Rows of one object that one verb touched; None where that is not known."""

    object: Object
    verb: Verb
    rows: int | None


class Impact(Struct, frozen=True, kw_only=True):
    """The measured or estimated size of a unit. None means not known, never zero. `bytes` are bytes on disk."""

    basis: Basis = Basis.UNKNOWN
    rows: int | None = None
    bytes: int | None = None
    reversible: bool | None = None
    touched: tuple[Touched, ...] = ()


UNKNOWN_IMPACT = Impact()
