"""What clients say: every typed message as a value, and its strict reader."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from interlock.wire.postgres import kinds
from interlock.wire.postgres.fields import (
    BODY,
    INT16,
    INT32,
    OID,
    ends,
    remembered,
    strict,
    take_counted,
    take_text,
    take_value,
    take_values,
)
from interlock.wire.postgres.violations import ClientViolation


class Part(StrEnum):
    """What Describe and Close name."""

    STATEMENT = "S"
    PORTAL = "P"


class Query(Struct, frozen=True, kw_only=True):
    """A text of any number of statements, to be run as one."""

    text: str


class Parse(Struct, frozen=True, kw_only=True):
    """Prepare one statement; `types` are the OIDs of the first parameters, 0 where the server shall infer."""

    statement: str
    text: str
    types: tuple[int, ...] = ()


class Bind(Struct, frozen=True, kw_only=True):
    """Make a portal of a prepared statement.

    `formats` of the values and `result_formats` of the columns: none = all text, one = for all, else one each;
    0 is text, 1 binary. A value of None is SQL NULL.
    """

    portal: str
    statement: str
    values: tuple[bytes | None, ...] = ()
    formats: tuple[int, ...] = ()
    result_formats: tuple[int, ...] = ()


class Describe(Struct, frozen=True, kw_only=True):
    """Ask for the shape of a statement or portal."""

    part: Part
    name: str


class Execute(Struct, frozen=True, kw_only=True):
    """Run a portal; up to `rows` rows, 0 or less = all."""

    portal: str
    rows: int = 0


class Close(Struct, frozen=True, kw_only=True):
    """Forget a statement or portal."""

    part: Part
    name: str


class FunctionCall(Struct, frozen=True, kw_only=True):
    """Call a function by its OID, without SQL."""

    function: int
    arguments: tuple[bytes | None, ...] = ()
    formats: tuple[int, ...] = ()
    result_format: int = 0


class CopyData(Struct, frozen=True, kw_only=True):
    """A piece of a COPY stream, either way; from a client its borders mean nothing, a server sends one row in each."""

    data: bytes


class CopyFail(Struct, frozen=True, kw_only=True):
    """The client gives up a COPY."""

    reason: str


class AuthenticationAnswer(Struct, frozen=True, kw_only=True):
    """A message of type `p` as it came; the authentication that is under way knows how to read it."""

    body: bytes

    def __repr__(self) -> str:
        return "AuthenticationAnswer(body=<secret>)"


class Password(Struct, frozen=True, kw_only=True):
    """A password (or a token in its place), or its MD5 form."""

    text: str

    def __repr__(self) -> str:
        return "Password(text=<secret>)"


class SaslInitial(Struct, frozen=True, kw_only=True):
    """The chosen SASL mechanism, and its first message where it has one."""

    mechanism: str
    response: bytes | None

    def __repr__(self) -> str:
        return f"SaslInitial(mechanism={self.mechanism!r}, response=<secret>)"


class SaslResponse(Struct, frozen=True, kw_only=True):
    """A further SASL message."""

    data: bytes

    def __repr__(self) -> str:
        return "SaslResponse(data=<secret>)"


class Flush(Struct, frozen=True):
    """Send what you have."""


class Sync(Struct, frozen=True):
    """The group ends here: land it, and forget an error."""


class CopyDone(Struct, frozen=True):
    """The COPY stream is complete."""


class Terminate(Struct, frozen=True):
    """Good-bye."""


ClientMessage = (
    Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Flush
    | Sync
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | AuthenticationAnswer
    | Terminate
)

_read = strict(ClientViolation)


@_read
def parse_query(frame: bytes) -> Query:
    """Reads a whole Query frame, header included, as all parsers here do. Raises ClientViolation."""
    text, at = take_text(frame, BODY)
    ends(frame, at)
    return Query(text=text)


@_read
def parse_parse(frame: bytes) -> Parse:
    """Raises ClientViolation."""
    statement, at = take_text(frame, BODY)
    text, at = take_text(frame, at)
    types, at = take_counted(frame, at, "I")
    ends(frame, at)
    return Parse(statement=statement, text=text, types=types)


@_read
def parse_bind(frame: bytes) -> Bind:
    """Raises ClientViolation, also for a number of formats that fits no number of values."""
    portal, at = take_text(frame, BODY)
    statement, at = take_text(frame, at)
    formats, at = take_counted(frame, at, "h")
    values, at = take_values(frame, at)
    result_formats, at = take_counted(frame, at, "h")
    ends(frame, at)
    if len(formats) > 1 and len(formats) != len(values):
        raise ValueError(f"{len(formats)} formats for {len(values)} values")
    return Bind(portal=portal, statement=statement, values=values, formats=formats, result_formats=result_formats)


@remembered
@_read
def parse_describe(frame: bytes) -> Describe:
    """Raises ClientViolation."""
    part, name = _part_and_name(frame)
    return Describe(part=part, name=name)


@remembered
@_read
def parse_execute(frame: bytes) -> Execute:
    """Raises ClientViolation."""
    portal, at = take_text(frame, BODY)
    (rows,) = INT32.unpack_from(frame, at)
    ends(frame, at + 4)
    return Execute(portal=portal, rows=rows)


@remembered
@_read
def parse_close(frame: bytes) -> Close:
    """Raises ClientViolation."""
    part, name = _part_and_name(frame)
    return Close(part=part, name=name)


@_read
def parse_function_call(frame: bytes) -> FunctionCall:
    """Raises ClientViolation."""
    (function,) = OID.unpack_from(frame, BODY)
    formats, at = take_counted(frame, BODY + 4, "h")
    arguments, at = take_values(frame, at)
    (result_format,) = INT16.unpack_from(frame, at)
    ends(frame, at + 2)
    return FunctionCall(function=function, arguments=arguments, formats=formats, result_format=result_format)


@_read
def parse_copy_data(frame: bytes) -> CopyData:
    """Reads one whole CopyData frame (not a merged slice)."""
    return CopyData(data=frame[BODY:])


@_read
def parse_copy_fail(frame: bytes) -> CopyFail:
    """Raises ClientViolation."""
    reason, at = take_text(frame, BODY)
    ends(frame, at)
    return CopyFail(reason=reason)


@_read
def parse_authentication_answer(frame: bytes) -> AuthenticationAnswer:
    """Takes a message of type `p` unread."""
    return AuthenticationAnswer(body=frame[BODY:])


@_read
def parse_password(frame: bytes) -> Password:
    """Reads a message of type `p` as a password. Raises ClientViolation."""
    text, at = take_text(frame, BODY)
    ends(frame, at)
    return Password(text=text)


@_read
def parse_sasl_initial(frame: bytes) -> SaslInitial:
    """Reads a message of type `p` as the first of SASL. Raises ClientViolation."""
    mechanism, at = take_text(frame, BODY)
    response, at = take_value(frame, at)
    ends(frame, at)
    return SaslInitial(mechanism=mechanism, response=response)


@_read
def parse_sasl_response(frame: bytes) -> SaslResponse:
    """Reads a message of type `p` as a further one of SASL."""
    return SaslResponse(data=frame[BODY:])


@_read
def _parse_flush(frame: bytes) -> Flush:
    ends(frame, BODY)
    return Flush()


@_read
def _parse_sync(frame: bytes) -> Sync:
    ends(frame, BODY)
    return Sync()


@_read
def _parse_copy_done(frame: bytes) -> CopyDone:
    ends(frame, BODY)
    return CopyDone()


@_read
def _parse_terminate(frame: bytes) -> Terminate:
    ends(frame, BODY)
    return Terminate()


def _part_and_name(frame: bytes) -> tuple[Part, str]:
    part = _PARTS.get(frame[BODY])
    if part is None:
        raise ValueError("it names neither a statement nor a portal")
    name, at = take_text(frame, BODY + 1)
    ends(frame, at)
    return part, name


_PARTS: Final[Mapping[int, Part]] = MappingProxyType({ord(part): part for part in Part})

_PARSERS: Final[Mapping[int, Callable[[bytes], ClientMessage]]] = MappingProxyType(
    {
        kinds.QUERY: parse_query,
        kinds.PARSE: parse_parse,
        kinds.BIND: parse_bind,
        kinds.DESCRIBE: parse_describe,
        kinds.EXECUTE: parse_execute,
        kinds.CLOSE: parse_close,
        kinds.FLUSH: _parse_flush,
        kinds.SYNC: _parse_sync,
        kinds.FUNCTION_CALL: parse_function_call,
        kinds.COPY_DATA: parse_copy_data,
        kinds.COPY_DONE: _parse_copy_done,
        kinds.COPY_FAIL: parse_copy_fail,
        kinds.AUTHENTICATION_ANSWER: parse_authentication_answer,
        kinds.TERMINATE: _parse_terminate,
    }
)


def parse_client(frame: bytes) -> ClientMessage:
    """Reads any whole frame of a client. Raises ClientViolation for an unknown type or a malformed body."""
    parser = _PARSERS.get(frame[0]) if frame else None
    if parser is None:
        raise ClientViolation(f"no message of a client has the type {frame[:1]!r}")
    return parser(frame)
