"""How a session reads SQL: by the target's catalogue, or by what it alone can see of it."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.steps import Portal, Send, Step
from interlock.gateways.postgres.target.catalogue import whole
from interlock.gateways.postgres.target.stamps import Stamp, Touched, touched
from interlock.impact.content import Question, questions
from interlock.intent.sql.catalog.snapshot import QUERIES, Catalog, LabelBook
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.memory import Known, Memory
from interlock.intent.sql.statement import Statement
from interlock.intent.sql.understand import Scope, understand
from interlock.model import Content, Impact

# Longer texts are read in a process of their own, with a deadline: decoding holds the interpreter (sql.md 1).
INLINE_BYTES: Final = 16 * 1024


class Shared(Protocol):
    """The catalogue that all sessions of a target share."""

    current: Catalog
    labels: LabelBook

    async def refresh(self) -> None:
        """Read it again now, because something changed it."""

    async def witness(self, impact: Impact, asked: Sequence[Question], /) -> Content:
        """Which rows a unit has taken that is still open."""

    async def stamp(self, what: Touched, known: Catalog) -> str:
        """What relations and functions look like by the catalogue that was `known`; "" where it is not the current."""


class Analyst(Protocol):
    """Reads long texts elsewhere."""

    def __call__(self, text: str, scope: Scope, limits: Limits) -> Awaitable[tuple[Statement, ...]]: ...


def stamped(steps: Iterable[Step]) -> list[Portal]:
    """Portals among them whose statements write or run code: what those were judged by has to be noted."""
    bound = [step.portal for step in steps if isinstance(step, Send) and step.portal is not None]
    return [portal for portal in bound if portal.read_in is not None and touched(portal.statement) is not None]


class Reader:
    """Reads for one session. `path` is the search_path as the target has it now, `user` the login there."""

    def __init__(self, *, shared: Shared, user: str, limits: Limits, analyst: Analyst, memory: Memory) -> None:
        self.path: tuple[str, ...] = ()
        self._shared = shared
        self._user = user
        self._limits = limits
        self._analyst = analyst
        self._memory = memory
        self.uncommitted = False  # whether the session has read names that nobody else can see yet
        self._own: Catalog | None = None
        self._own_since: Catalog | None = None  # the shared catalogue that `_own` was read beside
        self._known: Known | None = None
        self._known_for: tuple[Catalog, tuple[str, ...]] | None = None

    @property
    def catalog(self) -> Catalog:
        """What names mean to this session."""
        return self._own or self._shared.current

    @property
    def scene(self) -> tuple[Catalog, tuple[str, ...]]:
        """By what texts are read now."""
        return self.catalog, self.path

    @property
    def behind(self) -> bool:
        """True when the session's own view, kept for its temporary names, is older than the shared one."""
        return self._own is not None and not self.uncommitted and self._own_since is not self._shared.current

    async def __call__(self, text: str, names: Names) -> tuple[Statement, ...]:
        """The statements of a text. Never raises for what a client sent."""
        scene = self.scene
        known = self._known
        if known is None or scene != self._known_for:
            known = self._known = self._memory.of(*scene, self._user)
            self._known_for = scene
        found = known.get(text)
        if found is not None:
            return found
        catalog = self.catalog
        scope = Scope(
            catalog=catalog,
            target=catalog.target,
            search_path=self.path,
            user=self._user,
            prepared=names.statements(),
            cursors=names.cursors(),
        )
        if len(text) > INLINE_BYTES:
            return await self._analyst(text, scope, self._limits)
        return known.keep(text, understand(text, scope, self._limits))

    async def stamp(self, statement: Statement, known: Catalog) -> Stamp | None:
        """What a write touches, or a read that runs code, as it looks by the catalogue that it was read by; None where
        this session has its own.

        Its own catalogue is read inside its transaction, where nobody else's change can come between.
        """
        what = touched(statement)
        if known is self._own or what is None:
            return None
        return what, await self._shared.stamp(what, known)

    async def stamp_writes(self, portals: Iterable[Portal], names: Names) -> None:
        """Note what these were judged by, which write or run code."""
        for portal in portals:
            if portal.read_in is not None:
                portal.stamp = await self.stamp(portal.statement, portal.read_in[0])
                if portal.stamp is not None and not portal.stamp[1]:
                    await self._stamp_anew(portal, names)

    async def _stamp_anew(self, portal: Portal, names: Names) -> None:
        """The catalogue has changed since the write was read. Where that made no difference to its meaning, what was
        decided holds, and the new catalogue is what it is compared with; else it will fail."""
        again = await self(portal.statement.text, names)
        if len(again) == 1 and again[0].intent == portal.statement.intent:
            portal.read_in = self.scene
            portal.stamp = await self.stamp(portal.statement, portal.read_in[0])

    async def content(self, impact: Impact, transaction: str) -> Content:
        """Which rows a unit has taken that is still open, as another session sees them."""
        return await self._shared.witness(impact, questions(impact, transaction, self.catalog))

    async def reread(self, rows_of: Callable[[str], Awaitable[list[str]]], *, transaction: bool) -> None:
        """Something changed the catalogue. Inside a transaction only this session sees it; so do temporary names."""
        if not transaction:
            await self._shared.refresh()
        shared = self._shared.current

        async def read() -> Catalog:
            rows = {key: await rows_of(key) for key in QUERIES}
            return Catalog.build(target=shared.target, database=shared.database, rows=rows, labels=self._shared.labels)

        own = await whole(read)
        self._own = None if own.epoch == shared.epoch else own
        self._own_since = shared
        self.uncommitted = transaction
