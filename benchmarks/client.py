"""A client that does nothing with what it reads, so that only the server and the middle are measured."""

import secrets
import socket
import ssl

from benchmarks.stage import DATABASE, Way
from interlock.access.scram import ClientExchange
from interlock.app.embedded import LOOPBACK
from interlock.wire.postgres import messages as m
from interlock.wire.postgres.codec import Frames
from interlock.wire.postgres.startup import build_ssl_request, build_startup

_READY = m.build_ready(m.TransactionStatus.IDLE)
_CHUNK = 1 << 20


class Client:
    """A session, logged in; `query` drains whatever is answered."""

    def __init__(self, way: Way) -> None:
        self._socket = _connect(way)
        self._frames = Frames(limit=_CHUNK)
        self._socket.sendall(build_startup({"user": way.user, "database": DATABASE}))
        self._log_in(way)
        self._buffer = memoryview(bytearray(_CHUNK))

    def query(self, text: str) -> int:
        """Run a simple Query to its end; the bytes it was answered with."""
        self._socket.sendall(m.build_query(text))
        total, tail = 0, b""
        while tail != _READY:
            size = self._socket.recv_into(self._buffer)
            if not size:
                raise ConnectionError("the connection ended inside an answer")
            total += size
            tail = (tail + bytes(self._buffer[max(size - len(_READY), 0) : size]))[-len(_READY) :]
        return total

    def close(self) -> None:
        self._socket.sendall(m.build_terminate())
        self._socket.close()

    def _log_in(self, way: Way) -> None:
        exchange: ClientExchange | None = None
        while True:
            for kind, frame, _ in self._frames.feed(self._socket.recv(_CHUNK)):
                if kind == m.READY_FOR_QUERY:
                    return
                if kind == m.ERROR_RESPONSE:
                    raise ConnectionError(m.parse_error(frame).fields["M"])
                if kind != m.AUTHENTICATION:
                    continue
                match m.parse_authentication(frame):
                    case m.AuthenticationSasl():
                        exchange = ClientExchange(
                            offered=("SCRAM-SHA-256",), password=way.password, nonce=secrets.token_urlsafe(18),
                            binding=None,
                        )  # fmt: skip
                        self._socket.sendall(m.build_sasl_initial(exchange.mechanism, exchange.first()))
                    case m.AuthenticationSaslContinue(data=data) if exchange is not None:
                        self._socket.sendall(m.build_sasl_response(exchange.respond(data)))
                    case _:
                        pass


def _connect(way: Way) -> socket.socket:
    raw = socket.create_connection((LOOPBACK, way.port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if way.authority is None:
        return raw
    raw.sendall(build_ssl_request())
    if raw.recv(1) != b"S":
        raise ConnectionError(f"{way.name} does not speak TLS")
    return ssl.create_default_context(cafile=str(way.authority)).wrap_socket(raw, server_hostname="localhost")
