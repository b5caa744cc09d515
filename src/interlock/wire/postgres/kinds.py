"""The type byte of every message, under PostgreSQL's own names (documentation, chapter "Message Formats")."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# client to server
QUERY: Final[int] = ord("Q")
PARSE: Final[int] = ord("P")
BIND: Final[int] = ord("B")
DESCRIBE: Final[int] = ord("D")
EXECUTE: Final[int] = ord("E")
CLOSE: Final[int] = ord("C")
FLUSH: Final[int] = ord("H")
SYNC: Final[int] = ord("S")
FUNCTION_CALL: Final[int] = ord("F")
AUTHENTICATION_ANSWER: Final[int] = ord("p")  # a password, or a step of SASL or GSSAPI: the server knows which
COPY_FAIL: Final[int] = ord("f")
TERMINATE: Final[int] = ord("X")

# both ways
COPY_DATA: Final[int] = ord("d")
COPY_DONE: Final[int] = ord("c")

# server to client
AUTHENTICATION: Final[int] = ord("R")
BACKEND_KEY_DATA: Final[int] = ord("K")
BIND_COMPLETE: Final[int] = ord("2")
CLOSE_COMPLETE: Final[int] = ord("3")
COMMAND_COMPLETE: Final[int] = ord("C")
COPY_IN_RESPONSE: Final[int] = ord("G")
COPY_OUT_RESPONSE: Final[int] = ord("H")
COPY_BOTH_RESPONSE: Final[int] = ord("W")
DATA_ROW: Final[int] = ord("D")
EMPTY_QUERY_RESPONSE: Final[int] = ord("I")
ERROR_RESPONSE: Final[int] = ord("E")
FUNCTION_CALL_RESPONSE: Final[int] = ord("V")
NEGOTIATE_PROTOCOL_VERSION: Final[int] = ord("v")
NO_DATA: Final[int] = ord("n")
NOTICE_RESPONSE: Final[int] = ord("N")
NOTIFICATION_RESPONSE: Final[int] = ord("A")
PARAMETER_DESCRIPTION: Final[int] = ord("t")
PARAMETER_STATUS: Final[int] = ord("S")
PARSE_COMPLETE: Final[int] = ord("1")
PORTAL_SUSPENDED: Final[int] = ord("s")
READY_FOR_QUERY: Final[int] = ord("Z")
ROW_DESCRIPTION: Final[int] = ord("T")

# What a gateway may join into one slice, per direction.
MERGED_FROM_CLIENT: Final[frozenset[int]] = frozenset({COPY_DATA})
MERGED_FROM_SERVER: Final[frozenset[int]] = frozenset({DATA_ROW, COPY_DATA})

CLIENT_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        QUERY: "Query",
        PARSE: "Parse",
        BIND: "Bind",
        DESCRIBE: "Describe",
        EXECUTE: "Execute",
        CLOSE: "Close",
        FLUSH: "Flush",
        SYNC: "Sync",
        FUNCTION_CALL: "FunctionCall",
        AUTHENTICATION_ANSWER: "PasswordMessage",
        COPY_DATA: "CopyData",
        COPY_DONE: "CopyDone",
        COPY_FAIL: "CopyFail",
        TERMINATE: "Terminate",
    }
)

SERVER_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        AUTHENTICATION: "Authentication",
        BACKEND_KEY_DATA: "BackendKeyData",
        BIND_COMPLETE: "BindComplete",
        CLOSE_COMPLETE: "CloseComplete",
        COMMAND_COMPLETE: "CommandComplete",
        COPY_DATA: "CopyData",
        COPY_DONE: "CopyDone",
        COPY_IN_RESPONSE: "CopyInResponse",
        COPY_OUT_RESPONSE: "CopyOutResponse",
        COPY_BOTH_RESPONSE: "CopyBothResponse",
        DATA_ROW: "DataRow",
        EMPTY_QUERY_RESPONSE: "EmptyQueryResponse",
        ERROR_RESPONSE: "ErrorResponse",
        FUNCTION_CALL_RESPONSE: "FunctionCallResponse",
        NEGOTIATE_PROTOCOL_VERSION: "NegotiateProtocolVersion",
        NO_DATA: "NoData",
        NOTICE_RESPONSE: "NoticeResponse",
        NOTIFICATION_RESPONSE: "NotificationResponse",
        PARAMETER_DESCRIPTION: "ParameterDescription",
        PARAMETER_STATUS: "ParameterStatus",
        PARSE_COMPLETE: "ParseComplete",
        PORTAL_SUSPENDED: "PortalSuspended",
        READY_FOR_QUERY: "ReadyForQuery",
        ROW_DESCRIPTION: "RowDescription",
    }
)
