"""Fixed answers of the gateway's own: what a client is told when there is nothing to decide."""

from typing import Final

from interlock.model import Lease
from interlock.wire.postgres.messages import Part, build_empty_query_response, build_error, build_notice

EMPTY: Final = build_empty_query_response()

SEVERAL: Final = build_error(
    "ERROR", "42601", "cannot insert multiple commands into a prepared statement", hint="send one statement at a time"
)

FUNCTION_CALL: Final = build_error(
    "ERROR",
    "42501",
    "interlock blocked a function call by number",
    detail="The FunctionCall message names code only by its OID, so its meaning cannot be judged.",
    hint="Call the function in a statement: SELECT name(arguments).",
)

TLS_REQUIRED: Final = build_error(
    "FATAL",
    "28000",
    "interlock requires TLS",
    detail="This connection is not encrypted.",
    hint="Set sslmode=require, or verify-full with the gateway's certificate authority.",
)

TOO_MANY: Final = build_error(
    "FATAL",
    "53300",
    "interlock has too many connections",
    detail="The limit of [gateway] max_connections is reached.",
    hint="Close sessions that are not used, or raise the limit.",
)

TOO_MANY_ON_TARGET: Final = build_error(
    "FATAL",
    "53300",
    "interlock has too many connections to this target",
    detail="The limit of max_connections in its [targets] section is reached.",
    hint="Close sessions that are not used, or raise the limit.",
)

CHANGED: Final = build_error(
    "FATAL",
    "57P01",
    "interlock no longer knows this login",
    detail="The principal or the target was removed or changed in interlock.toml.",
    hint="Connect again.",
)

EXPIRED: Final = build_error(
    "FATAL",
    "28000",
    "the token of this session has expired or was revoked",
    hint="Get a new token and connect again.",
)


def lease_over(lease: Lease) -> bytes:
    """The end of a session whose lease has ended."""
    how = "was ended by the gateway" if lease.end is None else f"is over: it was {lease.end}"
    return build_error(
        "FATAL",
        "57P01",
        f"lease {lease.id} {how}",
        detail="What ran under it was cancelled, and a transaction that was open is rolled back.",
        hint="Ask for another with `interlock lease request`, and connect again.",
    )


OBSERVED: Final = build_notice(
    "WARNING",
    "01000",
    "interlock only OBSERVES this target: decisions are recorded, and NOTHING is blocked",
    hint='Set mode = "enforce" for this target in interlock.toml.',
)

SHUTTING_DOWN: Final = build_error(
    "FATAL",
    "57P01",
    "interlock is shutting down",
    detail="The gateway ends its sessions when their work is done.",
    hint="Connect again in a moment.",
)


def reserved(name: str) -> bytes:
    """A name with the gateway's own prefix."""
    return build_error(
        "ERROR",
        "42939",
        f"the name `{name}` is reserved",
        detail="Names that begin with il_ belong to the gateway's own statements on this session.",
        hint="Use another name.",
    )


def no_statement(name: str) -> bytes:
    """PostgreSQL's own error for a prepared statement that is not there."""
    shown = f'prepared statement "{name}" does not exist' if name else "unnamed prepared statement does not exist"
    return build_error("ERROR", "26000", shown)


def no_name(part: Part, name: str) -> bytes:
    """PostgreSQL's own error for a statement or portal that is not there."""
    if part is Part.STATEMENT:
        return no_statement(name)
    return build_error("ERROR", "34000", f'portal "{name}" does not exist')


def declared_in_sql(name: str) -> bytes:
    """Execute on a cursor of SQL's: what it would deliver has no decision of its own."""
    return build_error(
        "ERROR",
        "0A000",
        f'cursor "{name}" was declared in SQL',
        hint=f'Read it in SQL as well: FETCH FROM "{name}".',
    )


def fatal(sqlstate: str, message: str, detail: str | None = None, hint: str | None = None) -> bytes:
    """The last thing a client hears."""
    return build_error("FATAL", sqlstate, message, detail=detail, hint=hint)


def not_lent(reason: str) -> bytes:
    """A command that was allowed and could not be lent what it needs; it was not sent."""
    return build_error(
        "ERROR",
        "42501",
        "interlock could not activate the privileges of this command",
        detail=f"{reason}. Nothing was sent.",
        hint="Privileges are lent to one command at a time; its administrator runs `interlock target prepare`.",
    )
