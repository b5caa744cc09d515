"""What one session is lent while its commands run: activated just before them, taken back before their answer ends."""

from collections.abc import Callable, Sequence

from interlock.access.privileges import Shape, shape_of
from interlock.access.scopes import implies, shape_of_scope
from interlock.gate import Ask
from interlock.gateways.postgres.lent.minting import Loan, Minter
from interlock.gateways.postgres.planning.reading import Reader
from interlock.gateways.postgres.planning.steps import Portal
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.model import Lease, Span


def lending_to(
    minter: Minter | None, login: str, reader: Reader, leases: Callable[[], Sequence[Lease]]
) -> "Lending | None":
    """What a session is lent by, where its target's access is not standing."""
    if minter is None:
        return None
    return Lending(minter=minter, login=login, catalog=lambda: reader.catalog, leases=leases)


def no_leases() -> Sequence[Lease]:
    """Nothing is lent for longer than a command."""
    return ()


class Lending:
    """The loans of the session that is logged in as `login`; it never holds more than one.

    `catalog` gives what names mean to the session now, `leases` those for whose time it is lent their scope: that stays
    when a command ends, and goes with the session, which ends with the lease.
    """

    def __init__(
        self,
        *,
        minter: Minter,
        login: str,
        catalog: Callable[[], Catalog],
        leases: Callable[[], Sequence[Lease]] = no_leases,
    ) -> None:
        self._minter = minter
        self._login = login
        self._catalog = catalog
        self._loan: Loan | None = None
        self._leases = leases
        self._shape: Shape | None = None
        self._last: Shape | None = None  # what the last command that was let pass needs, once it comes to that
        self._heard = False  # whether the session knows what it was lent
        self._scopes: dict[tuple[str, str], Shape] = {}
        self._kept: list[bytes] = []  # the end of an answer, until what it took is taken back

    @property
    def active(self) -> bool:
        """Whether anything is lent now that is for a command alone."""
        return self._loan is not None and not (self._shape is not None and self._shape.lasting)

    @property
    def any(self) -> bool:
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
        """What has to be lent before this command: nothing where the session holds it for the time of a lease."""
        needed = shape_of(ask.intent, None if portal is None else portal.statement, self._catalog())
        if not needed:
            return needed
        wanted, before = self._lasting(needed) or needed, self._last
        self._last = wanted
        held = wanted.lasting and self._heard and wanted == before and self.has(wanted)
        return Shape() if held else wanted

    def hear(self) -> None:
        """The session has been told to look at what it may do."""
        self._heard = self._loan is not None

    def _lasting(self, needed: Shape) -> Shape | None:
        """The scope of a lease in force that is enough for it."""
        if needed.owner or needed.stays:
            return None
        return next((scope for scope in map(self._scope, self._leases()) if implies(scope, needed)), None)

    def _scope(self, lease: Lease) -> Shape:
        catalog = self._catalog()
        key = lease.id, catalog.epoch
        if key not in self._scopes:
            self._scopes.clear()
            self._scopes[key] = shape_of_scope(lease.scope, catalog) if isinstance(lease.scope, Span) else Shape()
        return self._scopes[key]

    def has(self, shape: Shape) -> bool:
        """Whether exactly this is lent."""
        return self._loan is not None and self._shape == shape

    async def activate(self, shape: Shape) -> None:
        """Lend this and nothing else. Raises NotLent where that cannot be, and Unreachable."""
        await self.take_back()
        self._heard = False
        self._loan = await self._minter.lend(self._login, shape, self._catalog().epoch)
        self._shape = shape

    async def take_back(self) -> None:
        """Nothing is lent any more. Raises Unreachable: the session must then end, and its login with it."""
        loan, self._loan, self._shape = self._loan, None, None
        if loan is not None:
            await self._minter.take_back(loan)
