"""A client's message, given to the planner that knows its kind."""

from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.planning.planner import Planner
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_error
from interlock.wire.postgres.violations import NotText


async def read(planner: Planner, kind: int, frame: bytes) -> None:
    """Plan a Query or Parse that is due: its text has to be understood first."""
    try:
        if kind == kinds.QUERY:
            await planner.query(frame)
        else:
            await planner.parse(frame)
    except NotText as fault:
        _not_text(planner, kind, fault)


def hear(planner: Planner, kind: int, frame: bytes) -> None:
    """Plan any other message that is due."""
    try:
        if kind == kinds.BIND:
            planner.bind(frame)
        elif kind == kinds.EXECUTE:
            planner.execute(frame)
        elif kind == kinds.DESCRIBE:
            planner.describe(frame)
        elif kind == kinds.CLOSE:
            planner.close(frame)
        else:
            planner.reject(replies.FUNCTION_CALL, ends=True)
    except NotText as fault:
        _not_text(planner, kind, fault)


def _not_text(planner: Planner, kind: int, fault: NotText) -> None:
    """Text that is not UTF-8 is an error and no end, as PostgreSQL has it."""
    planner.reject(build_error("ERROR", fault.sqlstate, str(fault)), ends=kind == kinds.QUERY)
