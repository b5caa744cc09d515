"""Writes what servers say to clients."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from interlock.wire.postgres import kinds
from interlock.wire.postgres.fields import (
    COUNT,
    INT32,
    all_valued,
    counted,
    frame,
    valued,
    zero_ended,
)
from interlock.wire.postgres.from_server import COLUMN, ColumnDescription, TransactionStatus


def build_authentication_ok() -> bytes:
    """An AuthenticationOk frame."""
    return _AUTHENTICATION_OK


def build_authentication_cleartext() -> bytes:
    """An AuthenticationCleartextPassword frame; only inside TLS."""
    return frame(kinds.AUTHENTICATION, INT32.pack(3))


def build_authentication_md5(salt: bytes) -> bytes:
    """An AuthenticationMD5Password frame; `salt` has 4 bytes."""
    return frame(kinds.AUTHENTICATION, INT32.pack(5) + salt)


def build_authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    """An AuthenticationSASL frame; the best mechanism first."""
    return frame(kinds.AUTHENTICATION, INT32.pack(10) + b"".join(map(zero_ended, mechanisms)) + b"\0")


def build_authentication_sasl_continue(data: bytes) -> bytes:
    """An AuthenticationSASLContinue frame."""
    return frame(kinds.AUTHENTICATION, INT32.pack(11) + data)


def build_authentication_sasl_final(data: bytes) -> bytes:
    """An AuthenticationSASLFinal frame."""
    return frame(kinds.AUTHENTICATION, INT32.pack(12) + data)


def build_authentication_other(method: int, data: bytes) -> bytes:
    """A frame of another authentication method; for fakes of servers."""
    return frame(kinds.AUTHENTICATION, INT32.pack(method) + data)


def build_backend_key_data(pid: int, secret: bytes) -> bytes:
    """A BackendKeyData frame; 4 bytes of secret for protocol 3.0, 4 to 256 for 3.2."""
    return frame(kinds.BACKEND_KEY_DATA, INT32.pack(pid) + secret)


def build_parameter_status(name: str, value: str) -> bytes:
    """A ParameterStatus frame."""
    return frame(kinds.PARAMETER_STATUS, zero_ended(name) + zero_ended(value))


def build_ready(status: TransactionStatus) -> bytes:
    """A ReadyForQuery frame."""
    return _READY[status]


def build_negotiate_protocol_version(version: tuple[int, int], unknown: Sequence[str] = ()) -> bytes:
    """A NegotiateProtocolVersion frame, with the whole version as PostgreSQL sends it."""
    head = INT32.pack(version[0] << 16 | version[1]) + INT32.pack(len(unknown))
    return frame(kinds.NEGOTIATE_PROTOCOL_VERSION, head + b"".join(map(zero_ended, unknown)))


def build_error(
    severity: str,
    sqlstate: str,
    message: str,
    detail: str | None = None,
    hint: str | None = None,
    position: int | None = None,
) -> bytes:
    """An ErrorResponse frame. `position` counts characters of the query from 1."""
    return build_error_fields(_fields(severity, sqlstate, message, detail, hint, position))


def build_notice(
    severity: str,
    sqlstate: str,
    message: str,
    detail: str | None = None,
    hint: str | None = None,
) -> bytes:
    """A NoticeResponse frame."""
    return build_notice_fields(_fields(severity, sqlstate, message, detail, hint, None))


def build_error_fields(fields: Mapping[str, str]) -> bytes:
    """An ErrorResponse frame of any fields, by their letter."""
    return frame(kinds.ERROR_RESPONSE, _fields_body(fields))


def build_notice_fields(fields: Mapping[str, str]) -> bytes:
    """A NoticeResponse frame of any fields, by their letter."""
    return frame(kinds.NOTICE_RESPONSE, _fields_body(fields))


def build_notification(pid: int, channel: str, payload: str) -> bytes:
    """A NotificationResponse frame."""
    return frame(kinds.NOTIFICATION_RESPONSE, INT32.pack(pid) + zero_ended(channel) + zero_ended(payload))


def build_row_description(columns: Sequence[ColumnDescription]) -> bytes:
    """A RowDescription frame."""
    return frame(kinds.ROW_DESCRIPTION, COUNT.pack(len(columns)) + b"".join(map(_column, columns)))


def build_data_row(values: Sequence[bytes | None]) -> bytes:
    """A DataRow frame; None is SQL NULL."""
    return frame(kinds.DATA_ROW, all_valued(values))


def build_parameter_description(types: Sequence[int]) -> bytes:
    """A ParameterDescription frame; `types` are OIDs."""
    return frame(kinds.PARAMETER_DESCRIPTION, counted(types, "I"))


def build_command_complete(tag: str) -> bytes:
    """A CommandComplete frame."""
    return frame(kinds.COMMAND_COMPLETE, zero_ended(tag))


def build_copy_in_response(format: int, formats: Sequence[int]) -> bytes:
    """A CopyInResponse frame; 0 is text, 1 binary."""
    return _copy_response(kinds.COPY_IN_RESPONSE, format, formats)


def build_copy_out_response(format: int, formats: Sequence[int]) -> bytes:
    """A CopyOutResponse frame; 0 is text, 1 binary."""
    return _copy_response(kinds.COPY_OUT_RESPONSE, format, formats)


def build_copy_both_response(format: int, formats: Sequence[int]) -> bytes:
    """A CopyBothResponse frame; 0 is text, 1 binary."""
    return _copy_response(kinds.COPY_BOTH_RESPONSE, format, formats)


def build_function_call_response(value: bytes | None) -> bytes:
    """A FunctionCallResponse frame; None is SQL NULL."""
    return frame(kinds.FUNCTION_CALL_RESPONSE, valued(value))


def build_parse_complete() -> bytes:
    """A ParseComplete frame."""
    return _PARSE_COMPLETE


def build_bind_complete() -> bytes:
    """A BindComplete frame."""
    return _BIND_COMPLETE


def build_close_complete() -> bytes:
    """A CloseComplete frame."""
    return _CLOSE_COMPLETE


def build_no_data() -> bytes:
    """A NoData frame."""
    return _NO_DATA


def build_empty_query_response() -> bytes:
    """An EmptyQueryResponse frame."""
    return _EMPTY_QUERY_RESPONSE


def build_portal_suspended() -> bytes:
    """A PortalSuspended frame."""
    return _PORTAL_SUSPENDED


def _fields(
    severity: str, sqlstate: str, message: str, detail: str | None, hint: str | None, position: int | None
) -> dict[str, str]:
    # V repeats S, never translated (since PostgreSQL 9.6): drivers look at it first.
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": message}
    if detail is not None:
        fields["D"] = detail
    if hint is not None:
        fields["H"] = hint
    if position is not None:
        fields["P"] = str(position)
    return fields


def _fields_body(fields: Mapping[str, str]) -> bytes:
    return b"".join(letter.encode("latin-1") + zero_ended(text) for letter, text in fields.items()) + b"\0"


def _column(column: ColumnDescription) -> bytes:
    return zero_ended(column.name) + COLUMN.pack(
        column.table, column.number, column.type, column.size, column.modifier, column.format
    )


def _copy_response(kind: int, format: int, formats: Sequence[int]) -> bytes:
    return frame(kind, bytes((format,)) + counted(formats, "h"))


_AUTHENTICATION_OK: Final = frame(kinds.AUTHENTICATION, INT32.pack(0))
_READY: Final = MappingProxyType(
    {status: frame(kinds.READY_FOR_QUERY, status.encode()) for status in TransactionStatus}
)
_PARSE_COMPLETE: Final = frame(kinds.PARSE_COMPLETE)
_BIND_COMPLETE: Final = frame(kinds.BIND_COMPLETE)
_CLOSE_COMPLETE: Final = frame(kinds.CLOSE_COMPLETE)
_NO_DATA: Final = frame(kinds.NO_DATA)
_EMPTY_QUERY_RESPONSE: Final = frame(kinds.EMPTY_QUERY_RESPONSE)
_PORTAL_SUSPENDED: Final = frame(kinds.PORTAL_SUSPENDED)
