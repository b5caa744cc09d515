"""What servers say: every typed message as a value, and its strict reader."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from struct import Struct as Layout
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from interlock.wire.postgres import kinds
from interlock.wire.postgres.authentication import Authentication, parse_authentication
from interlock.wire.postgres.fields import (
    BODY,
    INT32,
    ends,
    remembered,
    strict,
    take_counted,
    take_text,
    take_value,
    take_values,
)
from interlock.wire.postgres.from_client import CopyData
from interlock.wire.postgres.violations import ServerViolation


class TransactionStatus(StrEnum):
    """What ReadyForQuery reports."""

    IDLE = "I"
    OPEN = "T"
    FAILED = "E"


class BackendKeyData(Struct, frozen=True, kw_only=True):
    """What a CancelRequest must quote; the secret has 4 bytes in protocol 3.0, up to 256 in 3.2."""

    pid: int
    secret: bytes

    def __repr__(self) -> str:
        return f"BackendKeyData(pid={self.pid}, secret=<secret>)"


class ParameterStatus(Struct, frozen=True, kw_only=True):
    """A setting that the server reports, now and whenever it changes."""

    name: str
    value: str


class ReadyForQuery(Struct, frozen=True, kw_only=True):
    """The answer to a Query, FunctionCall or Sync ends here."""

    status: TransactionStatus


class NegotiateProtocolVersion(Struct, frozen=True, kw_only=True):
    """The newest version the server speaks, and the `_pq_.` options it does not know."""

    version: tuple[int, int]
    unknown: tuple[str, ...]


class ErrorResponse(Struct, frozen=True, kw_only=True):
    """An error; fields by their letter: S severity, C SQLSTATE, M message, D detail, H hint, P position ..."""

    fields: dict[str, str]


class NoticeResponse(Struct, frozen=True, kw_only=True):
    """A warning or notice; fields as in ErrorResponse."""

    fields: dict[str, str]


class NotificationResponse(Struct, frozen=True, kw_only=True):
    """A NOTIFY of some session arrived."""

    pid: int
    channel: str
    payload: str


class ColumnDescription(Struct, frozen=True, kw_only=True):
    """One column of a result. `table` and `number` are 0 where it is no plain column of a table."""

    name: str
    table: int
    number: int
    type: int
    size: int
    modifier: int
    format: int


class RowDescription(Struct, frozen=True, kw_only=True):
    """The shape of the rows that follow or would follow."""

    columns: tuple[ColumnDescription, ...]


class DataRow(Struct, frozen=True, kw_only=True):
    """One row; None is SQL NULL."""

    values: tuple[bytes | None, ...]


class ParameterDescription(Struct, frozen=True, kw_only=True):
    """The types (OIDs) of a statement's parameters."""

    types: tuple[int, ...]


class CommandComplete(Struct, frozen=True, kw_only=True):
    """A statement is done; see parse_tag for its text."""

    tag: str


class CopyResponse(Struct, frozen=True, kw_only=True):
    """COPY begins; which way is told by the type of the frame. Formats: 0 text, 1 binary, one per column."""

    format: int
    formats: tuple[int, ...]


class FunctionCallResponse(Struct, frozen=True, kw_only=True):
    """The result of a FunctionCall; None is SQL NULL."""

    value: bytes | None


class Marker(Struct, frozen=True, kw_only=True):
    """A message without a body: ParseComplete, BindComplete, CloseComplete, NoData, EmptyQueryResponse,
    PortalSuspended or CopyDone, told apart by `kind`."""

    kind: int


ServerMessage = (
    Authentication
    | BackendKeyData
    | ParameterStatus
    | ReadyForQuery
    | NegotiateProtocolVersion
    | ErrorResponse
    | NoticeResponse
    | NotificationResponse
    | RowDescription
    | DataRow
    | ParameterDescription
    | CommandComplete
    | CopyResponse
    | CopyData
    | FunctionCallResponse
    | Marker
)

_read = strict(ServerViolation)
COLUMN: Final = Layout(">IhIhih")


@_read
def parse_backend_key_data(frame: bytes) -> BackendKeyData:
    """Raises ServerViolation, also for a secret that is not 4 to 256 bytes long."""
    (pid,) = INT32.unpack_from(frame, BODY)
    secret = frame[BODY + 4 :]
    if not 4 <= len(secret) <= 256:
        raise ValueError(f"a cancel key has {len(secret)} bytes instead of 4 to 256")
    return BackendKeyData(pid=pid, secret=secret)


@_read
def parse_parameter_status(frame: bytes) -> ParameterStatus:
    """Raises ServerViolation."""
    name, at = take_text(frame, BODY)
    value, at = take_text(frame, at, "replace")
    ends(frame, at)
    return ParameterStatus(name=name, value=value)


@remembered
@_read
def parse_ready_for_query(frame: bytes) -> ReadyForQuery:
    """Raises ServerViolation."""
    ends(frame, BODY + 1)
    status = _STATUSES.get(frame[BODY])
    if status is None:
        raise ValueError(f"{frame[BODY:]!r} is no transaction status")
    return ReadyForQuery(status=status)


@_read
def parse_negotiate_protocol_version(frame: bytes) -> NegotiateProtocolVersion:
    """Raises ServerViolation. PostgreSQL sends the whole version here, though its documentation says the minor one."""
    (version,) = INT32.unpack_from(frame, BODY)
    (count,) = INT32.unpack_from(frame, BODY + 4)
    at = BODY + 8
    if not 0 <= count <= len(frame):
        raise ValueError(f"{count} options cannot be in it")
    unknown: list[str] = []
    for _ in range(count):
        name, at = take_text(frame, at)
        unknown.append(name)
    ends(frame, at)
    return NegotiateProtocolVersion(version=(version >> 16, version & 0xFFFF), unknown=tuple(unknown))


@_read
def parse_error(frame: bytes) -> ErrorResponse:
    """Raises ServerViolation."""
    return ErrorResponse(fields=_error_fields(frame))


@_read
def parse_notice(frame: bytes) -> NoticeResponse:
    """Raises ServerViolation."""
    return NoticeResponse(fields=_error_fields(frame))


@_read
def parse_notification(frame: bytes) -> NotificationResponse:
    """Raises ServerViolation."""
    (pid,) = INT32.unpack_from(frame, BODY)
    channel, at = take_text(frame, BODY + 4, "replace")
    payload, at = take_text(frame, at, "replace")
    ends(frame, at)
    return NotificationResponse(pid=pid, channel=channel, payload=payload)


@_read
def parse_row_description(frame: bytes) -> RowDescription:
    """Raises ServerViolation."""
    count = int.from_bytes(frame[BODY : BODY + 2])
    at = BODY + 2
    columns: list[ColumnDescription] = []
    for _ in range(count):
        name, at = take_text(frame, at, "replace")
        table, number, type_, size, modifier, format_ = COLUMN.unpack_from(frame, at)
        at += COLUMN.size
        columns.append(
            ColumnDescription(
                name=name, table=table, number=number, type=type_, size=size, modifier=modifier, format=format_
            )
        )
    ends(frame, at)
    return RowDescription(columns=tuple(columns))


@_read
def parse_data_row(frame: bytes) -> DataRow:
    """Reads one whole DataRow frame (not a merged slice). Raises ServerViolation."""
    values, at = take_values(frame, BODY)
    ends(frame, at)
    return DataRow(values=values)


@_read
def parse_parameter_description(frame: bytes) -> ParameterDescription:
    """Raises ServerViolation."""
    types, at = take_counted(frame, BODY, "I")
    ends(frame, at)
    return ParameterDescription(types=types)


@remembered
@_read
def parse_command_complete(frame: bytes) -> CommandComplete:
    """Raises ServerViolation."""
    tag, at = take_text(frame, BODY)
    ends(frame, at)
    return CommandComplete(tag=tag)


@_read
def parse_copy_response(frame: bytes) -> CopyResponse:
    """Reads a CopyInResponse, CopyOutResponse or CopyBothResponse. Raises ServerViolation."""
    format_ = frame[BODY]
    formats, at = take_counted(frame, BODY + 1, "h")
    ends(frame, at)
    return CopyResponse(format=format_, formats=formats)


@_read
def parse_function_call_response(frame: bytes) -> FunctionCallResponse:
    """Raises ServerViolation."""
    value, at = take_value(frame, BODY)
    ends(frame, at)
    return FunctionCallResponse(value=value)


@_read
def _parse_copy_data(frame: bytes) -> CopyData:
    return CopyData(data=frame[BODY:])


@_read
def parse_marker(frame: bytes) -> Marker:
    """Reads a message without a body. Raises ServerViolation."""
    ends(frame, BODY)
    return Marker(kind=frame[0])


@lru_cache(maxsize=256)
def parse_tag(tag: str) -> tuple[str, int | None]:
    """The command of a CommandComplete tag, and its number of rows: `INSERT 0 5` -> ("INSERT", 5).

    None where the tag has no number: the command does not count rows, which is not zero.
    """
    words = tag.split(" ")
    numbers = 0
    while numbers < len(words) and words[-1 - numbers].isascii() and words[-1 - numbers].isdigit():
        numbers += 1
    command = " ".join(words[: len(words) - numbers])
    return command, int(words[-1]) if numbers else None


def _error_fields(frame: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    at = BODY
    while frame[at]:
        letter = chr(frame[at])
        fields[letter], at = take_text(frame, at + 1, "replace")
    ends(frame, at + 1)
    return fields


_STATUSES: Final[Mapping[int, TransactionStatus]] = MappingProxyType(
    {ord(status): status for status in TransactionStatus}
)

_PARSERS: Final[Mapping[int, Callable[[bytes], ServerMessage]]] = MappingProxyType(
    {
        kinds.AUTHENTICATION: parse_authentication,
        kinds.BACKEND_KEY_DATA: parse_backend_key_data,
        kinds.BIND_COMPLETE: parse_marker,
        kinds.CLOSE_COMPLETE: parse_marker,
        kinds.COMMAND_COMPLETE: parse_command_complete,
        kinds.COPY_BOTH_RESPONSE: parse_copy_response,
        kinds.COPY_DATA: _parse_copy_data,
        kinds.COPY_DONE: parse_marker,
        kinds.COPY_IN_RESPONSE: parse_copy_response,
        kinds.COPY_OUT_RESPONSE: parse_copy_response,
        kinds.DATA_ROW: parse_data_row,
        kinds.EMPTY_QUERY_RESPONSE: parse_marker,
        kinds.ERROR_RESPONSE: parse_error,
        kinds.FUNCTION_CALL_RESPONSE: parse_function_call_response,
        kinds.NEGOTIATE_PROTOCOL_VERSION: parse_negotiate_protocol_version,
        kinds.NO_DATA: parse_marker,
        kinds.NOTICE_RESPONSE: parse_notice,
        kinds.NOTIFICATION_RESPONSE: parse_notification,
        kinds.PARAMETER_DESCRIPTION: parse_parameter_description,
        kinds.PARAMETER_STATUS: parse_parameter_status,
        kinds.PARSE_COMPLETE: parse_marker,
        kinds.PORTAL_SUSPENDED: parse_marker,
        kinds.READY_FOR_QUERY: parse_ready_for_query,
        kinds.ROW_DESCRIPTION: parse_row_description,
    }
)


def parse_server(frame: bytes) -> ServerMessage:
    """Reads any whole frame of a server. Raises ServerViolation for an unknown type or a malformed body."""
    parser = _PARSERS.get(frame[0]) if frame else None
    if parser is None:
        raise ServerViolation(f"no message of a server has the type {frame[:1]!r}")
    return parser(frame)
