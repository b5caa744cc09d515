"""What is forwarded for a statement: its parsed text, re-encoded, with what the session's pins need."""

from typing import Final

from interlock.gateways.postgres.answering.due import Due, Show
from interlock.gateways.postgres.planning.steps import Scene
from interlock.intent.sql.statement import Flow, Statement
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import (
    Part,
    build_bind,
    build_describe,
    build_error_fields,
    build_parse,
    parse_error,
)

_FIRST_OF_USERS: Final = 16384  # access/transam.h: FirstNormalObjectId
_INFERRED: Final = 0  # protocol chapter "Message Formats", Parse
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
            return _qualified(statement) if statement.places else statement.text


def declared(types: tuple[int, ...], scene: Scene | None) -> tuple[int, ...]:
    """The types of parameters that the target is told. Where values of one may run code (a domain's check), it is left
    to the target to work out from the text, which is what was judged: else Bind would run it (threats.md 1)."""
    if not types:
        return types
    plain = frozenset[int]() if scene is None else scene[0].plain_types
    return tuple([each if each < _FIRST_OF_USERS or each in plain else _INFERRED for each in types])


def _qualified(statement: Statement) -> str:
    """Names with the schema that they were found in: whatever stands in front of it by now is not meant."""
    parts: list[str] = []
    at = 0
    for place, schema in statement.places:
        parts += statement.text[at:place], schema
        at = place
    return "".join((*parts, statement.text[at:]))


def relocated(error: bytes, statement: Statement) -> bytes:
    """An ErrorResponse about what was forwarded, with its position in the text that the client sent."""
    fields = parse_error(error).fields
    position = fields.get("P", "")
    if not position.isdigit():
        return error
    at = int(position) - 1
    return build_error_fields({**fields, "P": str(statement.span[0] + _before(statement, at) + 1)})


def _before(statement: Statement, at: int) -> int:
    """Where a character of the forwarded text stood in the statement's own."""
    added = 0
    for place, schema in statement.places:
        if place + added > at:
            break
        added += min(len(schema), at - place - added)
    return at - added


def spelled_out(statement: Statement) -> tuple[bytes, tuple[Due, ...]]:
    """A statement of a simple Query as Parse, Bind and Describe, and what is owed for them."""
    data = build_parse("", forwarded(statement)) + _UNNAMED
    return data, tuple(Due(kind, Show.SIMPLE, statement=statement) for kind in _SPELLED_OUT)
