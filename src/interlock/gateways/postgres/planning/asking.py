"""A statement as the gate is asked about it."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from interlock.gate import Ask
from interlock.gateways.postgres.planning.flows import APPROVABLE, offered
from interlock.gateways.postgres.planning.steps import Group, Unit
from interlock.intent.sql.statement import Statement
from interlock.model import Command, Session

LANGUAGE: Final = "postgresql"
MOST_BOUND: Final = 4096  # parameters of what can be approved: its record passes to the supervisor as one line
Values = tuple[bytes | None, ...]


class Asker(Struct, frozen=True, kw_only=True):
    """Makes the asks of one session. `now` gives microseconds since the epoch, UTC; `marked` tells whether the session
    holds what no list of its settings shows."""

    session: Session
    now: Callable[[], int]
    new_id: Callable[[], str]
    marked: Callable[[], bool]

    def to_parse(self, statement: Statement, group: Group, unit: Unit) -> Ask:
        """A Parse by itself: nothing of the statement runs with it."""
        return self._ask(statement, group, unit, self._command(statement, unit), prepares=True)

    def to_run(
        self,
        statement: Statement,
        group: Group,
        unit: Unit,
        values: Values = (),
        formats: tuple[int, ...] = (),
        types: tuple[int, ...] = (),
    ) -> Ask:
        """A statement with its parameters; `types` are what the client declared them to be."""
        command = self._command(statement, unit, values, formats, types)
        return self._ask(statement, group, unit, command, prepares=False)

    def _command(
        self,
        statement: Statement,
        unit: Unit,
        values: Values = (),
        formats: tuple[int, ...] = (),
        types: tuple[int, ...] = (),
    ) -> Command:
        return Command(
            id=self.new_id(),
            session=self.session,
            language=LANGUAGE,
            text=statement.text,
            unit=unit.id,
            received_at=self.now(),
            arguments=values,
            types=types,
            formats=formats if values else (),
        )

    def _ask(self, statement: Statement, group: Group, unit: Unit, command: Command, *, prepares: bool) -> Ask:
        return Ask(
            command=command,
            intent=statement.intent,
            group=group.id,
            offers=offered(statement),
            alone=statement.flow in APPROVABLE and not unit.touched and len(command.arguments) <= MOST_BOUND,
            explicit=unit.explicit,
            prepares=prepares,
            marked=self.marked(),
        )
