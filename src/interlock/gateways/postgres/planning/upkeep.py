"""Keeping true what a session is read by: its names, catalogue, path and settings, asked for when they may differ."""

from interlock.gateways.postgres.arriving.pins import Pins, split_path
from interlock.gateways.postgres.planning.flows import Stale
from interlock.gateways.postgres.planning.planner import Planner
from interlock.gateways.postgres.planning.reading import Reader
from interlock.gateways.postgres.target.inquiry import Inquiry


class Upkeep:
    """Asks the target over the session itself, when nothing is owed and the transaction has not failed."""

    def __init__(self, *, planner: Planner, reader: Reader, pins: Pins, inquiry: Inquiry) -> None:
        self._planner = planner
        self._reader = reader
        self._pins = pins
        self._inquiry = inquiry
        self._path_lent = False  # search_path is ours only as long as this transaction

    async def begin(self) -> None:
        """Before the first statement: our own ones are prepared, and what must stay as it is, is looked at."""
        await self._inquiry.prepare()
        self._pins.compare(await self._inquiry.value("il_pins"))
        await self._follow_path()

    async def learn(self) -> None:
        """Ask again for everything that went stale. What was refused before any of it was sent has changed nothing."""
        causes, self._planner.stale = self._planner.stale, []
        stale = {one for group, some in causes if group is None or group.sent for one in some}
        self._planner.settled()
        if self._reader.uncommitted and not self._in_transaction:
            stale.add(Stale.CATALOGUE)  # what only this session saw is everybody's now, or gone
        if Stale.NAMES in stale:
            await self._inquiry.prepare_anew()
        if Stale.CATALOGUE in stale:
            await self._reader.reread(self._inquiry.rows, transaction=self._in_transaction)
        if Stale.PATH in stale or (self._path_lent and not self._in_transaction):
            await self._follow_path()
        if Stale.PINS in stale:
            await self._look_behind_code()

    async def _look_behind_code(self) -> None:
        """Code that is not built in may have changed settings, or put others behind names (threats.md 10)."""
        self._pins.compare(await self._inquiry.value("il_pins"))
        if self._planner.names.any_named:
            self._planner.names.keep_only(await self._inquiry.values("il_names"))

    async def _follow_path(self) -> None:
        """Read search_path, and see that pg_temp stays in it: a path that does not name it searches it first, and a
        temporary view could stand in front of a table (threats.md 11)."""
        path = split_path(await self._inquiry.value("il_path"))
        self._path_lent = self._path_lent and self._in_transaction
        if "pg_temp" not in path:
            self._path_lent = self._in_transaction
            path = split_path(await self._inquiry.value("il_temp_last_here" if self._path_lent else "il_temp_last"))
        self._reader.path = path

    @property
    def _in_transaction(self) -> bool:
        return self._planner.inside or self._planner.open is not None
