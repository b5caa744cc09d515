"""Writes what clients say to servers."""

from collections.abc import Sequence
from typing import Final

from interlock.wire.postgres import kinds
from interlock.wire.postgres.fields import INT16, INT32, OID, all_valued, counted, frame, valued, zero_ended
from interlock.wire.postgres.from_client import Part


def build_query(text: str) -> bytes:
    """A Query frame. Raises OurFault for a NUL in the text, as all builders here do."""
    return frame(kinds.QUERY, zero_ended(text))


def build_parse(statement: str, text: str, types: Sequence[int] = ()) -> bytes:
    """A Parse frame; `types` are OIDs."""
    return frame(kinds.PARSE, zero_ended(statement) + zero_ended(text) + counted(types, "I"))


def build_bind(
    portal: str,
    statement: str,
    values: Sequence[bytes | None] = (),
    formats: Sequence[int] = (),
    result_formats: Sequence[int] = (),
) -> bytes:
    """A Bind frame; see Bind for what the formats mean."""
    names = zero_ended(portal) + zero_ended(statement)
    return frame(kinds.BIND, names + counted(formats, "h") + all_valued(values) + counted(result_formats, "h"))


def build_describe(part: Part, name: str) -> bytes:
    """A Describe frame."""
    return frame(kinds.DESCRIBE, part.encode() + zero_ended(name))


def build_execute(portal: str, rows: int = 0) -> bytes:
    """An Execute frame; 0 rows = all."""
    return frame(kinds.EXECUTE, zero_ended(portal) + INT32.pack(rows))


def build_close(part: Part, name: str) -> bytes:
    """A Close frame."""
    return frame(kinds.CLOSE, part.encode() + zero_ended(name))


def build_flush() -> bytes:
    """A Flush frame."""
    return _FLUSH


def build_sync() -> bytes:
    """A Sync frame."""
    return _SYNC


def build_terminate() -> bytes:
    """A Terminate frame."""
    return _TERMINATE


def build_function_call(
    function: int,
    arguments: Sequence[bytes | None] = (),
    formats: Sequence[int] = (),
    result_format: int = 0,
) -> bytes:
    """A FunctionCall frame."""
    body = OID.pack(function) + counted(formats, "h") + all_valued(arguments) + INT16.pack(result_format)
    return frame(kinds.FUNCTION_CALL, body)


def build_copy_data(data: bytes) -> bytes:
    """A CopyData frame."""
    return frame(kinds.COPY_DATA, data)


def build_copy_done() -> bytes:
    """A CopyDone frame."""
    return _COPY_DONE


def build_copy_fail(reason: str) -> bytes:
    """A CopyFail frame; the server quotes the reason in its error."""
    return frame(kinds.COPY_FAIL, zero_ended(reason))


def build_password(text: str) -> bytes:
    """A PasswordMessage frame."""
    return frame(kinds.AUTHENTICATION_ANSWER, zero_ended(text))


def build_sasl_initial(mechanism: str, response: bytes | None) -> bytes:
    """A SASLInitialResponse frame."""
    return frame(kinds.AUTHENTICATION_ANSWER, zero_ended(mechanism) + valued(response))


def build_sasl_response(data: bytes) -> bytes:
    """A SASLResponse frame."""
    return frame(kinds.AUTHENTICATION_ANSWER, data)


_FLUSH: Final = frame(kinds.FLUSH)
_SYNC: Final = frame(kinds.SYNC)
_TERMINATE: Final = frame(kinds.TERMINATE)
_COPY_DONE: Final = frame(kinds.COPY_DONE)
