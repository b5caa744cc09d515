"""The untyped packets that open a connection, and what the two sides agree on there."""

from collections.abc import Mapping
from struct import Struct as Layout
from typing import Final

from msgspec import Struct

from interlock.wire.postgres.fields import INT32, take_text, zero_ended
from interlock.wire.postgres.to_client import build_negotiate_protocol_version
from interlock.wire.postgres.violations import ClientViolation, ServerViolation, UnsupportedProtocol

Version = tuple[int, int]

OLDEST: Final[Version] = (3, 0)
NEWEST: Final[Version] = (3, 2)
SIZE_LIMIT: Final = 10_000  # PostgreSQL's own limit for a start-up packet, in bytes

ENCRYPTED: Final = b"S"  # the answer to SSLRequest: the handshake follows
PLAIN: Final = b"N"  # the answer to SSLRequest and GSSENCRequest: go on without

# Codes in the place of a version; the major number 1234 is reserved for them.
_CANCEL: Final = 1234 << 16 | 5678
_SSL: Final = 1234 << 16 | 5679
_GSS: Final = 1234 << 16 | 5680

_HEADER: Final = Layout(">iI")
_TLS_HANDSHAKE: Final = 0x16  # the first byte of TLS; as the first byte of a length it would be far over the limit


class DirectTls(Struct, frozen=True, kw_only=True):
    """The client begins with a TLS handshake (PostgreSQL 17+, ALPN `postgresql`); nothing of it is consumed."""

    size: int = 0


class SslRequest(Struct, frozen=True, kw_only=True):
    """The client asks for TLS. Bytes behind these `size` were not encrypted and must end the connection
    (CVE-2021-23214)."""

    size: int = 8


class GssRequest(Struct, frozen=True, kw_only=True):
    """The client asks for GSSAPI encryption. Bytes behind these `size` must end the connection."""

    size: int = 8


class CancelRequest(Struct, frozen=True, kw_only=True):
    """The client asks to cancel what runs on another connection."""

    pid: int
    secret: bytes

    @property
    def size(self) -> int:
        """The bytes this packet takes."""
        return 12 + len(self.secret)

    def __repr__(self) -> str:
        return f"CancelRequest(pid={self.pid}, secret=<secret>)"


class Startup(Struct, frozen=True, kw_only=True):
    """The client wants a session. `size` is the number of bytes this packet takes."""

    version: Version
    parameters: dict[str, str]
    size: int


FirstPacket = DirectTls | SslRequest | GssRequest | CancelRequest | Startup


class Agreement(Struct, frozen=True, kw_only=True):
    """The version that is spoken from here on, and the bytes that tell the client (none if it is what it asked)."""

    version: Version
    answer: bytes


def parse_first(buffer: bytes) -> FirstPacket | None:
    """Reads the packet at the start of `buffer`; None while it is incomplete.

    Raises ClientViolation for anything that is not PostgreSQL, as early as it is certain, and
    UnsupportedProtocol for a major version other than 3.
    """
    if buffer and buffer[0] == _TLS_HANDSHAKE:
        return DirectTls()
    if len(buffer) < 4:
        return None
    (size,) = INT32.unpack_from(buffer)
    if not 8 <= size <= SIZE_LIMIT:
        raise ClientViolation(f"a first packet of {size} bytes is not PostgreSQL's")
    if len(buffer) < size:
        return None
    _, code = _HEADER.unpack_from(buffer)
    if code == _SSL and size == 8:
        return SslRequest()
    if code == _GSS and size == 8:
        return GssRequest()
    if code == _CANCEL:
        return _parse_cancel(buffer[:size])
    return _parse_startup(buffer[:size], (code >> 16, code & 0xFFFF))


def _parse_cancel(packet: bytes) -> CancelRequest:
    secret = packet[12:]
    if not 4 <= len(secret) <= 256:
        raise ClientViolation(f"a cancel key has {len(secret)} bytes instead of 4 to 256")
    (pid,) = INT32.unpack_from(packet, 8)
    return CancelRequest(pid=pid, secret=secret)


def _parse_startup(packet: bytes, version: Version) -> Startup:
    if version[0] != 3:
        raise UnsupportedProtocol(f"protocol {version[0]}.{version[1]} is not spoken here")
    parameters: dict[str, str] = {}
    at = 8
    try:
        while packet[at]:
            name, at = take_text(packet, at)
            value, at = take_text(packet, at)
            if name in parameters:
                # PostgreSQL takes the last one; who reads the first would judge another session.
                raise ClientViolation(f"the start-up parameter `{name}` is given twice", "give it once")
            parameters[name] = value
    except UnicodeDecodeError as fault:
        raise ClientViolation("a start-up parameter is not UTF-8") from fault
    except (ValueError, IndexError) as fault:
        raise ClientViolation("the start-up packet has no end") from fault
    if at + 1 != len(packet):
        raise ClientViolation("bytes follow the end of the start-up packet")
    return Startup(version=version, parameters=parameters, size=len(packet))


def agree(startup: Startup, newest: Version = NEWEST, known: frozenset[str] = frozenset()) -> Agreement:
    """Settles the version: the client's own, at most `newest`; `known` are the `_pq_.` options we understand.

    PostgreSQL documentation, "NegotiateProtocolVersion": it is sent for a newer minor version or an unknown
    option, before authentication, and the client goes on or leaves.
    """
    unknown = [name for name in startup.parameters if name.startswith("_pq_.") and name not in known]
    version = min(startup.version, newest)
    if version == startup.version and not unknown:
        return Agreement(version=version, answer=b"")
    return Agreement(version=version, answer=build_negotiate_protocol_version(version, unknown))


def build_startup(parameters: Mapping[str, str], version: Version = OLDEST) -> bytes:
    """A StartupMessage. Raises OurFault for a NUL in a name or value."""
    pairs = b"".join(zero_ended(name) + zero_ended(value) for name, value in parameters.items())
    return _HEADER.pack(9 + len(pairs), version[0] << 16 | version[1]) + pairs + b"\0"


def build_cancel_request(pid: int, secret: bytes) -> bytes:
    """A CancelRequest; it goes over a connection of its own and has no answer."""
    return _HEADER.pack(12 + len(secret), _CANCEL) + INT32.pack(pid) + secret


def build_ssl_request() -> bytes:
    """An SSLRequest; the answer is one byte, for parse_ssl_answer."""
    return _HEADER.pack(8, _SSL)


def build_gss_request() -> bytes:
    """A GSSENCRequest; for tests of clients."""
    return _HEADER.pack(8, _GSS)


def parse_ssl_answer(buffer: bytes) -> bool:
    """True = the server begins TLS, False = it has none. Takes exactly the one byte that was received.

    Raises ServerViolation for anything else: more bytes would be unencrypted ones that a man in the middle put
    before the handshake (CVE-2021-23222), an ErrorResponse is not to be believed before it (CVE-2024-10977).
    """
    if buffer == ENCRYPTED:
        return True
    if buffer == PLAIN:
        return False
    raise ServerViolation("the target answered a request for TLS with neither yes nor no")
