"""Tells the ledger what became of commands, and the client what it must know beside the answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from interlock.gate import Gate
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.answering.redacting import without_values
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.arriving.pins import Pins
from interlock.gateways.postgres.planning.steps import Unit
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.statement import Flow
from interlock.model import Outcome, Status
from interlock.wire.postgres.messages import build_error

_RAN: Final = Status.RAN


class Reporter:
    """Hears the relay. `clock` is monotonic, in seconds; `catalog` is what names mean to the session now."""

    def __init__(
        self,
        *,
        gate: Gate,
        pins: Pins,
        clock: Callable[[], float],
        mark: Callable[[str], None],
        catalog: Callable[[], Catalog],
    ) -> None:
        self._gate = gate
        self._catalog = catalog
        self._pins = pins
        self._clock = clock
        self._mark = mark
        self._ran: set[str] = set()  # units with commands whose end is their unit's

    def ended(self, running: Running, status: Status) -> None:
        """One command is over, as far as its unit lets it be."""
        self._mark("answered")
        if running.closed:
            return
        running.closed = status is not _RAN
        command = running.ask.command
        if status is _RAN:
            self._ran.add(command.unit)
        outcome = Outcome(
            command=command.id,
            status=status,
            rows=running.rows or (running.tag_rows if running.finished else None),
            bytes=running.bytes,
            milliseconds=(self._clock() - running.started) * 1000,
            error=running.error,
        )
        self._gate.ended(command.unit, outcome)

    def settled(self, unit: str, status: Status, error: str | None = None) -> None:
        """A unit of several commands landed or was undone; `error` is why its COMMIT failed."""
        if unit in self._ran:
            self._mark("settling")
            self._ran.discard(unit)
            self._gate.settled(Outcome(command=unit, status=status, error=error))

    def parameter(self, frame: bytes) -> bytes:
        """A ParameterStatus on its way to the client."""
        return self._pins.reported(frame)

    def exceeded(self, running: Running) -> bytes:
        """An answer was cut: the client has `limit` rows and is told that there are more."""
        return build_error(
            "ERROR",
            "54000",
            f"interlock cut the answer at {running.limit} rows",
            detail=f"The policy lets this principal have at most {running.limit} rows of it; there are more.",
            hint="Aggregate, or add a WHERE or LIMIT that keeps the answer below it. "
            f"Decision {running.ask.command.id}.",
        )

    def error(self, frame: bytes) -> bytes:
        """An error of the target on its way to the client; where nothing is blocked, nothing is left out either."""
        return without_values(frame, self._catalog()) if self._gate.stance.enforce else frame

    def never_sent(self, dues: Iterable[Due]) -> None:
        """Admitted, and the session ended before it was sent."""
        for running in {due.running for due in dues if due.running is not None}:
            self.ended(running, Status.UNDONE)

    def cut_off(self, runs: Sequence[Running], unit: Unit | None) -> None:
        """The session ended while these ran: nobody saw what became of them."""
        landing = any(running.flow is Flow.COMMIT for running in runs)
        for running in runs:
            self.ended(running, Status.UNKNOWN)
        if unit is not None:
            # A server that loses its client rolls back what is open; only a COMMIT on its way leaves a doubt.
            self.settled(unit.id, Status.UNKNOWN if landing else Status.UNDONE)
