"""From an accepted socket to a start-up packet: TLS, refusals, cancels (protocol chapter "Start-up")."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final, assert_never

from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.connection import Connection
from interlock.wire.postgres import kinds
from interlock.wire.postgres.codec import Frame, Frames
from interlock.wire.postgres.startup import CancelRequest, DirectTls, GssRequest, SslRequest, Startup, parse_first
from interlock.wire.postgres.violations import ClientViolation

_LENGTH: Final = Struct(">i")
_LARGEST_FIRST: Final = 10_000  # PostgreSQL's MAX_STARTUP_PACKET_LENGTH
_ALPN: Final = "postgresql"

# Before login a client may only prove who it is; no message for that is larger.
BEFORE_LOGIN: Final = 16 * 1024


@dataclass(slots=True, kw_only=True)
class Caller:
    """Somebody who wants a session."""

    connection: Connection
    startup: Startup


@dataclass(slots=True, kw_only=True)
class Interruption:
    """Somebody who wants what another session runs cancelled. `close` once it was passed on: libpq waits for that."""

    request: CancelRequest
    close: Callable[[], None]


class _StartupFrames(Frames):
    """Reads the one untyped packet of a connection; it comes as a frame of type 0."""

    def __init__(self) -> None:
        super().__init__(limit=BEFORE_LOGIN)
        self._buffer = b""

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        packet = parse_first(self._buffer)
        if packet is None:
            return []
        if packet.size != len(self._buffer):
            raise ClientViolation("bytes follow the start-up packet before it was answered; connect again")
        return [(0, self._buffer, 1)]


def client_frames(limit: int) -> Frames:
    """The frames of a client after its start-up packet."""
    return Frames(limit=limit, merge=kinds.MERGED_FROM_CLIENT)


async def meet(raw: socket.socket, *, tls: ssl.SSLContext | None, require_tls: bool) -> Caller | Interruption:
    """What the client on this socket wants. Takes the socket over; raises ClientViolation or OSError."""
    loop = asyncio.get_running_loop()
    while True:
        if await _first_byte(loop, raw) == 0x16:
            return await _direct(loop, raw, tls)
        data = await _packet(loop, raw)
        packet = parse_first(data)
        match packet:
            case SslRequest() | GssRequest():
                _refuse_stuffing(raw)
                if isinstance(packet, SslRequest) and tls is not None:
                    await loop.sock_sendall(raw, b"S")
                    return await _inside_tls(await _connection(loop, raw, _StartupFrames, tls))
                await loop.sock_sendall(raw, b"N")
            case CancelRequest():
                return Interruption(request=packet, close=raw.close)
            case Startup():
                if require_tls:
                    return await _refused_plain(loop, raw)
                connection = await _connection(loop, raw, lambda: client_frames(BEFORE_LOGIN), None)
                return Caller(connection=connection, startup=packet)
            case DirectTls() | None:
                raise ClientViolation("the first packet cannot be read; connect with a PostgreSQL client")
            case _:
                assert_never(packet)


async def _direct(
    loop: asyncio.AbstractEventLoop, raw: socket.socket, tls: ssl.SSLContext | None
) -> Caller | Interruption:
    """PostgreSQL 17's direct TLS: only with ALPN, so that no other protocol can be tricked into speaking ours."""
    if tls is None:
        raise ClientViolation("this gateway has no TLS; set sslmode=disable, or give it a certificate")
    connection = await _connection(loop, raw, _StartupFrames, tls)
    if connection.alpn != _ALPN:
        connection.abort()
        raise ClientViolation("direct TLS needs ALPN `postgresql`; use sslnegotiation=direct of libpq 17")
    return await _inside_tls(connection)


async def _inside_tls(connection: Connection) -> Caller | Interruption:
    """A start-up, or the cancel of libpq 17, which is encrypted where its session is.

    Whoever says nothing, or something else, is hung up on: closing the socket would leave its transport open.
    """
    try:
        return await _first_inside_tls(connection)
    except BaseException:
        connection.abort()
        raise


async def _first_inside_tls(connection: Connection) -> Caller | Interruption:
    frames = await connection.receive()
    if not frames:
        raise connection.fault or ClientViolation("the client left before it said what it wants")
    packet = parse_first(frames[0][1])
    if isinstance(packet, CancelRequest):
        return Interruption(request=packet, close=connection.close)
    if not isinstance(packet, Startup):
        raise ClientViolation("inside TLS a StartupMessage is due; connect with a PostgreSQL client")
    connection.frames = client_frames(BEFORE_LOGIN)
    return Caller(connection=connection, startup=packet)


async def _refused_plain(loop: asyncio.AbstractEventLoop, raw: socket.socket) -> Caller:
    await loop.sock_sendall(raw, replies.TLS_REQUIRED)
    raise ClientViolation("the client does not use TLS, which this gateway requires")


async def _connection(
    loop: asyncio.AbstractEventLoop, raw: socket.socket, frames: Callable[[], Frames], tls: ssl.SSLContext | None
) -> Connection:
    connection = Connection(frames())  # with TLS, uvloop returns a protocol of its own in its place
    await loop.connect_accepted_socket(lambda: connection, raw, ssl=tls)
    return connection


async def _first_byte(loop: asyncio.AbstractEventLoop, raw: socket.socket) -> int:
    """Looks without taking: a TLS handshake must find its first byte where it was."""
    while True:
        try:
            data = raw.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(loop, raw)
            continue
        if not data:
            raise ConnectionResetError("the client left before it said what it wants")
        return data[0]


async def _readable(loop: asyncio.AbstractEventLoop, raw: socket.socket) -> None:
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(raw, _tell, ready)
    try:
        await ready
    finally:
        loop.remove_reader(raw)


def _tell(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def _packet(loop: asyncio.AbstractEventLoop, raw: socket.socket) -> bytes:
    """Exactly one untyped packet, and not a byte of what follows."""
    head = await _exactly(loop, raw, 4)
    (size,) = _LENGTH.unpack(head)
    if not 8 <= size <= _LARGEST_FIRST:
        raise ClientViolation(f"a first packet of {size} bytes is not PostgreSQL's; connect with a PostgreSQL client")
    return head + await _exactly(loop, raw, size - 4)


async def _exactly(loop: asyncio.AbstractEventLoop, raw: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await loop.sock_recv(raw, size - len(data))
        if not piece:
            raise ConnectionResetError("the client left in the middle of its first packet")
        data += piece
    return data


def _refuse_stuffing(raw: socket.socket) -> None:
    """Bytes behind an SSLRequest were not encrypted: whoever reads them later takes them for the client's own
    (CVE-2021-23214)."""
    try:
        stuffed = raw.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return
    if stuffed:
        raise ClientViolation("bytes were sent behind the request for encryption, unencrypted; connect again")
