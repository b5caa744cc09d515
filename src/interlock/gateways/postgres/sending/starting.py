"""What a decision turns into: how its command runs, and what its success changes in the names the target holds."""

from collections.abc import Callable
from typing import Final

from interlock.gate import Ask
from interlock.gateways.postgres.answering.running import Running
from interlock.gateways.postgres.planning.flows import may_write, prepared
from interlock.gateways.postgres.planning.names import Names
from interlock.gateways.postgres.planning.steps import Portal, Send, Unit
from interlock.intent.sql.statement import Flow, Statement
from interlock.model import Confine, Decision, Fuse, Limit, Measure, Verb

_PREPARE: Final = Flow.PREPARE
_FETCH: Final = Flow.FETCH
_EXECUTE: Final = Verb.EXECUTE


def start(ask: Ask, step: Send, decision: Decision, *, names: Names, clock: Callable[[], float]) -> Running:
    """An admitted command as it will run. `clock` is monotonic, in seconds."""
    portal, unit = step.portal, step.unit
    statement = portal.statement if portal is not None else None
    writes = statement is not None and may_write(statement)
    inside = unit.explicit or unit.begun or (statement is not None and statement.flow is not _PREPARE)
    kept = {type(obligation) for obligation in decision.obligations}
    running = Running(
        ask,
        flow=statement.flow if statement is not None else Flow.PREPARE,
        started=clock(),
        limit=_limit(decision) if decision.obligations else None,
        confined=Confine in kept or (Measure not in kept and _reads_by_code(unit, statement)),
        measured=Measure in kept and inside,  # outside, being parsed or named it can write nothing
        writes=writes,
        fuse=_fuse(decision) if decision.obligations else None,
    )
    running.source = portal
    if statement is not None and statement.flow is _FETCH and statement.name is not None:
        running.source = names.portal(statement.name)
    return running


def _reads_by_code(unit: Unit, statement: Statement | None) -> bool:
    """Whether stored code is called to read: alone it would run READ ONLY, so it does in a transaction of ours too."""
    if unit.explicit or statement is None or statement.writes:
        return False
    return any(effect.verb is _EXECUTE for effect in statement.intent.effects)


def _limit(decision: Decision) -> int | None:
    """The most rows that may come out of the portal."""
    limits = [obligation.rows for obligation in decision.obligations if isinstance(obligation, Limit)]
    return min(limits, default=None)


def _fuse(decision: Decision) -> int | None:
    """The most rows that it may be expected to take."""
    fuses = [obligation.rows for obligation in decision.obligations if isinstance(obligation, Fuse)]
    return min(fuses, default=None)


def confined_here(unit: Unit, running: Running) -> bool:
    """Whether a command is confined in a transaction that may write."""
    return running.confined and (unit.explicit or unit.begun)


def changed_by(portal: Portal, names: Names) -> Callable[[], None] | None:
    """What the target's success changes in the names it holds."""
    statement = portal.statement
    name = statement.name
    match statement.flow:
        case Flow.PLAIN:
            return None
        case Flow.PREPARE if name is not None:
            return lambda: names.hold_statement(name, prepared(statement))
        case Flow.DECLARE if name is not None:
            cursor = names.portal(name) or Portal(statement=statement, declared=True)
            return lambda: names.hold_portal(name, cursor)
        case Flow.DEALLOCATE:
            return lambda: names.drop_statement(name)
        case Flow.CLOSE:
            return lambda: names.drop_portal(name)
        case Flow.DISCARD if name is None:
            return names.drop_all
        case _:
            return None
