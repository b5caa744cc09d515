"""The type byte of every message, under PostgreSQL's own names (documentation, chapter "Message Formats")."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# client to server
QUERY: Final = ord("Q")
PARSE: Final = ord("P")
BIND: Final = ord("B")
DESCRIBE: Final = ord("D")
EXECUTE: Final = ord("E")
CLOSE: Final = ord("C")
FLUSH: Final = ord("H")
SYNC: Final = ord("S")
FUNCTION_CALL: Final = ord("F")
AUTHENTICATION_ANSWER: Final = ord("p")  # a password or a step of SASL or GSSAPI: the server knows which it asked for
COPY_FAIL: Final = ord("f")
TERMINATE: Final = ord("X")

# both ways
COPY_DATA: Final = ord("d")
COPY_DONE: Final = ord("c")

# server to client
AUTHENTICATION: Final = ord("R")
BACKEND_KEY_DATA: Final = ord("K")
BIND_COMPLETE: Final = ord("2")
CLOSE_COMPLETE: Final = ord("3")
COMMAND_COMPLETE: Final = ord("C")
COPY_IN_RESPONSE: Final = ord("G")
COPY_OUT_RESPONSE: Final = ord("H")
COPY_BOTH_RESPONSE: Final = ord("W")
DATA_ROW: Final = ord("D")
EMPTY_QUERY_RESPONSE: Final = ord("I")
ERROR_RESPONSE: Final = ord("E")
FUNCTION_CALL_RESPONSE: Final = ord("V")
NEGOTIATE_PROTOCOL_VERSION: Final = ord("v")
NO_DATA: Final = ord("n")
NOTICE_RESPONSE: Final = ord("N")
NOTIFICATION_RESPONSE: Final = ord("A")
PARAMETER_DESCRIPTION: Final = ord("t")
PARAMETER_STATUS: Final = ord("S")
PARSE_COMPLETE: Final = ord("1")
PORTAL_SUSPENDED: Final = ord("s")
READY_FOR_QUERY: Final = ord("Z")
ROW_DESCRIPTION: Final = ord("T")

# What a gateway may join into one slice, per direction.
MERGED_FROM_CLIENT: Final = frozenset({COPY_DATA})
MERGED_FROM_SERVER: Final = frozenset({DATA_ROW, COPY_DATA})

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
