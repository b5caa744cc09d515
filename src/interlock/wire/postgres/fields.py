"""Reads and writes the few field types that every PostgreSQL message is made of."""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Final, TypeVar

from interlock.model.faults import OurFault
from interlock.wire.postgres.codec import HEADER
from interlock.wire.postgres.violations import ClientViolation, NotText, ProtocolViolation

BODY: Final = HEADER.size  # where the fields of a frame start

INT16: Final = struct.Struct(">h")
COUNT: Final = struct.Struct(">H")  # the documentation says Int16; PostgreSQL reads 0 to 65535
INT32: Final = struct.Struct(">i")
OID: Final = struct.Struct(">I")

_LENGTH_AT: Final = INT32.unpack_from
_REMEMBERED: Final = 256  # frames of a kind
_SHORT: Final = 64  # bytes; longer ones are not remembered

Message = TypeVar("Message")


def strict(blame: type[ProtocolViolation]) -> Callable[[Callable[[bytes], Message]], Callable[[bytes], Message]]:
    """Turns what goes wrong while fields are read into `blame`, so that a parser is a straight line.

    It also refuses what the codec merged or passed on in pieces: a reader would take a part for the whole.
    """

    def decorate(parse: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
        name = parse.__name__.removeprefix("parse_").replace("_", " ")

        @wraps(parse)
        def checked(frame: bytes) -> Message:
            try:
                if _LENGTH_AT(frame, 1)[0] != len(frame) - 1:
                    raise ValueError("it is not one whole message")
                return parse(frame)
            except UnicodeDecodeError as fault:
                reason = f"the text of a message ({name}) is not UTF-8 at byte {fault.start}"
                raise (NotText if blame is ClientViolation else blame)(reason) from fault
            except struct.error as fault:
                raise blame(f"malformed message ({name}): it ends too early") from fault
            except (ValueError, IndexError) as fault:
                raise blame(f"malformed message ({name}): {fault}") from fault

        return checked

    return decorate


def remembered(parse: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
    """Remembers what short frames were read as: drivers send the same few over and over."""
    known = lru_cache(maxsize=_REMEMBERED)(parse)

    @wraps(parse)
    def recalled(frame: bytes) -> Message:
        return known(frame) if len(frame) <= _SHORT else parse(frame)

    return recalled


def frame(kind: int, body: bytes = b"") -> bytes:
    """One typed message as it goes over the wire."""
    return HEADER.pack(kind, len(body) + 4) + body


def zero_ended(text: str) -> bytes:
    """A String field. Raises OurFault for a NUL inside: the reader would take the rest for other fields."""
    try:
        raw = text.encode()
    except UnicodeEncodeError as fault:
        raise OurFault("text with half a surrogate pair cannot be written; refuse it where it is read") from fault
    if b"\0" in raw:
        raise OurFault("text with a NUL character cannot be written to the wire; refuse it where it is read")
    return raw + b"\0"


def take_raw(frame: bytes, at: int) -> tuple[bytes, int]:
    """The bytes of a String field, and where the next field starts."""
    stop = frame.find(0, at)
    if stop < 0:
        raise ValueError("a text has no end")
    return frame[at:stop], stop + 1


def take_text(frame: bytes, at: int, errors: str = "strict") -> tuple[str, int]:
    """A String field; `errors` as in bytes.decode (servers with SQL_ASCII send any bytes: `replace` those)."""
    raw, stop = take_raw(frame, at)
    return raw.decode("utf-8", errors), stop


def take_counted(frame: bytes, at: int, code: str) -> tuple[tuple[int, ...], int]:
    """A count and that many numbers of one struct `code`."""
    (count,) = COUNT.unpack_from(frame, at)
    if not count:
        return (), at + 2
    layout = f">{count}{code}"
    return struct.unpack_from(layout, frame, at + 2), at + 2 + struct.calcsize(layout)


def take_values(frame: bytes, at: int) -> tuple[tuple[bytes | None, ...], int]:
    """A count and that many length-prefixed values; None is SQL NULL (length -1)."""
    (count,) = COUNT.unpack_from(frame, at)
    at += 2
    values: list[bytes | None] = []
    for _ in range(count):
        value, at = take_value(frame, at)
        values.append(value)
    return tuple(values), at


def take_value(frame: bytes, at: int) -> tuple[bytes | None, int]:
    """One length-prefixed value; None is SQL NULL (length -1)."""
    (size,) = INT32.unpack_from(frame, at)
    at += 4
    if size < 0:
        if size != -1:
            raise ValueError(f"a value has the impossible length {size}")
        return None, at
    stop = at + size
    if stop > len(frame):
        raise ValueError("a value ends behind its message")
    return frame[at:stop], stop


def ends(frame: bytes, at: int) -> None:
    """Every byte must have been read: what one reader skips, another might act on."""
    if at != len(frame):
        raise ValueError(f"{len(frame) - at} bytes follow the last field")


def counted(numbers: Sequence[int], code: str) -> bytes:
    """A count and that many numbers of one struct `code`."""
    return struct.pack(f">H{len(numbers)}{code}", len(numbers), *numbers) if numbers else b"\0\0"


def valued(value: bytes | None) -> bytes:
    """One length-prefixed value."""
    return b"\xff\xff\xff\xff" if value is None else INT32.pack(len(value)) + value


def all_valued(values: Sequence[bytes | None]) -> bytes:
    """A count and that many length-prefixed values."""
    return COUNT.pack(len(values)) + b"".join(map(valued, values))
