"""What one session is lent while its commands run: activated just before them, taken back before their answer ends."""

from collections.abc import Callable

from interlock.access.privileges import Shape, shape_of
from interlock.gate import Ask
from interlock.gateways.postgres.minting import Loan, Minter
from interlock.gateways.postgres.reading import Reader
from interlock.gateways.postgres.steps import Portal
from interlock.intent.sql.catalog import Catalog


def lending_to(minter: Minter | None, login: str, reader: Reader) -> "Lending | None":
    """What a session is lent by, where its target's access is not standing."""
    return None if minter is None else Lending(minter=minter, login=login, catalog=lambda: reader.catalog)


class Lending:
    """The loans of the session that is logged in as `login`; it never holds more than one.

    `catalog` gives what names mean to the session now.
    """

    def __init__(self, *, minter: Minter, login: str, catalog: Callable[[], Catalog]) -> None:
        self._minter = minter
        self._login = login
        self._catalog = catalog
        self._loan: Loan | None = None
        self._shape: Shape | None = None
        self._kept: list[bytes] = []  # the end of an answer, until what it took is taken back

    @property
    def active(self) -> bool:
        """Whether anything is lent now."""
        return self._loan is not None

    def hold(self, said: bytes, *, idle: bool) -> bytes:
        """What of an answer may be seen now: not its end, while what it took is still lent."""
        if not (self.active and idle):
            return said
        self._kept.append(said)
        return b""

    def release(self) -> bytes:
        """What was kept."""
        said = b"".join(self._kept)
        self._kept.clear()
        return said

    @property
    def steps(self) -> bool:
        """Whether the session has taken on a role, and has to put it down."""
        return self._loan is not None and self._loan.steps

    @property
    def owner_role(self) -> str:
        """Whom the session takes on for what only an owner may do."""
        return self._minter.owner_role or "none"

    def shape(self, ask: Ask, portal: Portal | None) -> Shape:
        """What this command must be lent."""
        return shape_of(ask.intent, None if portal is None else portal.statement, self._catalog())

    def has(self, shape: Shape) -> bool:
        """Whether exactly this is lent."""
        return self._loan is not None and self._shape == shape

    async def activate(self, shape: Shape) -> None:
        """Lend this and nothing else. Raises NotLent where that cannot be, and Unreachable."""
        await self.take_back()
        self._loan = await self._minter.lend(self._login, shape, self._catalog().epoch)
        self._shape = shape

    async def take_back(self) -> None:
        """Nothing is lent any more. Raises Unreachable: the session must then end, and its login with it."""
        loan, self._loan, self._shape = self._loan, None, None
        if loan is not None:
            await self._minter.take_back(loan)
