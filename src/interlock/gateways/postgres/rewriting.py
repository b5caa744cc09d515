"""What is forwarded for a statement: its parsed text, re-encoded, with what the session's pins need."""

from interlock.gateways.postgres.due import Due, Show
from interlock.intent.sql.statement import Flow, Statement
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import Part, build_bind, build_describe, build_parse

_UNNAMED = build_bind("", "") + build_describe(Part.PORTAL, "")
_SPELLED_OUT = (kinds.PARSE, kinds.BIND, kinds.DESCRIBE)


def forwarded(statement: Statement) -> str:
    """The text for the target. Never the bytes that the client sent (sql.md: comment and NUL differentials)."""
    match statement.flow:
        case Flow.BEGIN if statement.read_only is None:
            # Sessions begin READ ONLY (default_transaction_read_only): what is written is decided statement by
            # statement. On a line of its own, because the text may end in a comment.
            return f"{statement.text}\nREAD WRITE"
        case _:
            return statement.text


def spelled_out(statement: Statement) -> tuple[bytes, tuple[Due, ...]]:
    """A statement of a simple Query as Parse, Bind and Describe, and what is owed for them."""
    data = build_parse("", forwarded(statement)) + _UNNAMED
    return data, tuple(Due(kind, Show.SIMPLE) for kind in _SPELLED_OUT)
