"""A client's message, given to the planner that knows its kind."""

from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.planning.planner import Planner
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_error
from interlock.wire.postgres.violations import NotText


async def hear(planner: Planner, kind: int, frame: bytes) -> None:
    """Plan one message that is due. Text that is not UTF-8 is an error and no end, as PostgreSQL has it."""
    try:
        if kind == kinds.QUERY:
            await planner.query(frame)
        elif kind == kinds.PARSE:
            await planner.parse(frame)
        elif kind == kinds.BIND:
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
        planner.reject(build_error("ERROR", fault.sqlstate, str(fault)), ends=kind == kinds.QUERY)
