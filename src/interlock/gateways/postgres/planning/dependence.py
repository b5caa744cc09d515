"""Whether a message can only be read once what stands before it is over."""

from interlock.gateways.postgres.planning.names import Names
from interlock.intent.sql.statement import Statement
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, parse_bind, parse_close, parse_describe, parse_execute


def depends(kind: int, frame: bytes, *, names: Names, group: int, coder: Statement | None) -> bool:
    """True where `coder`, whose code may have run, can have changed a setting that the message is read by, and where
    it hangs on a group before `group` what a name of the message means."""
    match kind:
        case kinds.QUERY | kinds.PARSE:
            return coder is not None or names.uncertain(group)
        case kinds.BIND:
            bind = parse_bind(frame)
            stranger = coder is not None and names.statement(bind.statement) is not coder
            return stranger or names.uncertain_statement(group, bind.statement)
        case kinds.DESCRIBE | kinds.CLOSE:
            message = parse_describe(frame) if kind == kinds.DESCRIBE else parse_close(frame)
            known = names.uncertain_statement if message.part is Part.STATEMENT else names.uncertain_portal
            return known(group, message.name)
        case kinds.EXECUTE:
            return names.uncertain_portal(group, parse_execute(frame).portal)
        case _:
            return False
