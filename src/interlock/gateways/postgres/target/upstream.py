"""The gateway's own login into a target."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never

from interlock.access.scram import ClientExchange, end_point_binding
from interlock.gateways.postgres.connection import Connection
from interlock.model import TargetFault
from interlock.wire.postgres import kinds
from interlock.wire.postgres.codec import Frames
from interlock.wire.postgres.messages import (
    AuthenticationCleartext,
    AuthenticationMd5,
    AuthenticationOk,
    AuthenticationOther,
    AuthenticationSasl,
    AuthenticationSaslContinue,
    AuthenticationSaslFinal,
    BackendKeyData,
    build_password,
    build_sasl_initial,
    build_sasl_response,
    parse_authentication,
    parse_backend_key_data,
    parse_error,
)
from interlock.wire.postgres.startup import build_cancel_request, build_ssl_request, build_startup
from interlock.wire.postgres.violations import ServerViolation

CONNECT_SECONDS: Final = 10.0
_MERGED: Final = kinds.MERGED_FROM_SERVER


class Unreachable(TargetFault):
    """The target cannot be reached or does not let the gateway in."""

    sqlstate = "08006"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a target listens: a Unix socket directory, or host and TLS."""

    port: int
    host: str = "localhost"
    socket: Path | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.socket or self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Whom the gateway is there. The password never leaves this process."""

    user: str
    password: str = field(repr=False)
    database: str


@dataclass(slots=True, kw_only=True)
class Upstream:
    """A logged-in connection, what the server reported on the way, and the key that cancels its queries."""

    connection: Connection
    reported: list[bytes]
    key: BackendKeyData
    ready: bytes


async def log_in(
    address: Address,
    credential: Credential,
    parameters: Mapping[str, str],
    *,
    nonce: Callable[[], str],
    largest_message: int,
) -> Upstream:
    """A session on the target with these start-up parameters. Raises Unreachable, or what SCRAM refuses."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await _connect(address, largest_message)
            try:
                return await _converse(connection, credential, parameters, nonce)
            except BaseException:
                connection.abort()
                raise
    except (OSError, TimeoutError, ssl.SSLError) as error:
        raise Unreachable(f"the target at {address} cannot be reached: {cause(error)}; is it up?") from error


async def cancel(address: Address, key: BackendKeyData) -> None:
    """Ask the target to cancel what runs on the session with this key, and return when it has looked for it.

    It never says whether there was anything to cancel.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await _connect(address, 1 << 16)
            connection.write(build_cancel_request(key.pid, key.secret))
            await connection.receive()  # the target closes it
            connection.close()
    except (OSError, TimeoutError, ssl.SSLError):
        return  # PostgreSQL's cancel is a courtesy too: the query goes on


def cause(error: Exception) -> str:
    """Why, in words: `Connection refused`, without the number and the address that asyncio says with it."""
    worded = isinstance(error, ssl.SSLError | socket.gaierror)  # their numbers are not those of the system
    if isinstance(error, OSError) and not worded and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or "no answer in time"


async def _connect(address: Address, largest_message: int) -> Connection:
    loop = asyncio.get_running_loop()

    connection = Connection(Frames(limit=largest_message, merge=_MERGED, blame=ServerViolation))
    if address.socket is not None:
        await loop.create_unix_connection(lambda: connection, str(address.socket / f".s.PGSQL.{address.port}"))
    elif address.tls is None:
        await loop.create_connection(lambda: connection, address.host, address.port)
    else:
        raw = await _encrypted_socket(loop, address)
        await loop.create_connection(lambda: connection, sock=raw, ssl=address.tls, server_hostname=address.host)
    return connection


async def _encrypted_socket(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    """A socket on which the server said that TLS may begin."""
    infos = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, place = infos[0]
    raw = socket.socket(family, kind, protocol)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(raw, place)
        await loop.sock_sendall(raw, build_ssl_request())
        # One byte and no more: what is stuffed behind it was not encrypted (CVE-2021-23222).
        answer = await loop.sock_recv(raw, 1)
        if answer != b"S":
            raise Unreachable(f"the target at {address} does not speak TLS: enable it there, or set tls to disable")
    except BaseException:
        raw.close()
        raise
    return raw


async def _converse(
    connection: Connection, credential: Credential, parameters: Mapping[str, str], nonce: Callable[[], str]
) -> Upstream:
    connection.write(build_startup(parameters))
    login = _Login(connection, credential, nonce)
    reported: list[bytes] = []
    key: BackendKeyData | None = None
    while True:
        frames = await connection.receive()
        if frames is None:
            raise connection.fault or Unreachable("the target closed the connection during login")
        for kind, frame, _ in frames:
            if kind == kinds.AUTHENTICATION:
                login.answer(frame)
            elif kind == kinds.ERROR_RESPONSE:
                fields = parse_error(frame).fields
                raise Unreachable(f"the target refused the gateway's login: {fields.get('M', 'no reason given')}")
            elif kind == kinds.PARAMETER_STATUS:
                reported.append(frame)
            elif kind == kinds.BACKEND_KEY_DATA:
                key = parse_backend_key_data(frame)
            elif kind == kinds.READY_FOR_QUERY and key is not None and login.proven:
                return Upstream(connection=connection, reported=reported, key=key, ready=frame)


class _Login:
    """The authentication half. `proven` once the server may be believed: it knew the password, or asked for none."""

    def __init__(self, connection: Connection, credential: Credential, nonce: Callable[[], str]) -> None:
        self.proven = False
        self._connection = connection
        self._credential = credential
        self._nonce = nonce
        self._exchange: ClientExchange | None = None
        self._verified = True

    def answer(self, frame: bytes) -> None:
        request = parse_authentication(frame)
        match request:
            case AuthenticationOk():
                if not self._verified:
                    raise Unreachable("the target skipped its half of SCRAM; is it the right server?")
                self.proven = True
            case AuthenticationSasl():
                self._exchange = ClientExchange(
                    offered=request.mechanisms,
                    password=self._credential.password,
                    nonce=self._nonce(),
                    binding=self._binding(),
                )
                self._verified = False
                self._connection.write(build_sasl_initial(self._exchange.mechanism, self._exchange.first()))
            case AuthenticationSaslContinue() if self._exchange is not None:
                self._connection.write(build_sasl_response(self._exchange.respond(request.data)))
            case AuthenticationSaslFinal() if self._exchange is not None:
                self._exchange.verify(request.data)
                self._verified = True
            case AuthenticationCleartext() if self._connection.encrypted:
                self._connection.write(build_password(self._credential.password))
            case AuthenticationCleartext() | AuthenticationMd5() | AuthenticationOther():
                raise Unreachable("the target asks for a login weaker than SCRAM-SHA-256; change its pg_hba.conf")
            case AuthenticationSaslContinue() | AuthenticationSaslFinal():
                raise ServerViolation("the target continued a login that was not begun; is it a PostgreSQL server?")
            case _:
                assert_never(request)

    def _binding(self) -> bytes | None:
        certificate = self._connection.peer_certificate
        return None if certificate is None else end_point_binding(certificate)
