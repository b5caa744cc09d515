"""A client that says exactly what it is told to: the bytes of the protocol, behind a real login."""

import socket
import ssl
from os import urandom
from types import TracebackType
from typing import Self

from interlock.access.scram import ClientExchange
from interlock.wire.postgres import kinds
from interlock.wire.postgres.codec import Frame, Frames
from interlock.wire.postgres.messages import (
    AuthenticationCleartext,
    AuthenticationSasl,
    AuthenticationSaslContinue,
    build_password,
    build_sasl_initial,
    build_sasl_response,
    parse_authentication,
    parse_backend_key_data,
    parse_command_complete,
    parse_data_row,
    parse_error,
    parse_notice,
)
from interlock.wire.postgres.startup import build_ssl_request, build_startup
from tests.stand import PERSON, TARGET, Stand

SECONDS = 20


class Wire:
    """Logged in; after that every byte is the test's. `pid` and `secret` would cancel its queries.

    With a `token`, and so inside TLS, it is whoever the token names.
    """

    def __init__(self, stand: Stand, user: str = PERSON, *, token: str | None = None) -> None:
        self.pid, self.secret = 0, b""
        self.notices: list[str] = []
        raw = socket.create_connection(("127.0.0.1", stand.port), timeout=SECONDS)
        self._socket = raw if token is None else secured(raw)
        self._frames = Frames(limit=1 << 26)
        self._read: list[Frame] = []
        self.send(build_startup({"user": user if token is None else "token", "database": TARGET}))
        try:
            self._log_in(stand.secret if token is None else token)
        except BaseException:
            self.close()
            raise

    def _log_in(self, password: str) -> None:
        scram: ClientExchange | None = None
        while True:
            kind, frame = self.frame()
            assert kind not in (0, kinds.ERROR_RESPONSE), frame
            if kind == kinds.BACKEND_KEY_DATA:
                key = parse_backend_key_data(frame)
                self.pid, self.secret = key.pid, key.secret
            elif kind == kinds.NOTICE_RESPONSE:
                self.notices.append(parse_notice(frame).fields["M"])
            elif kind == kinds.READY_FOR_QUERY:
                return
            elif kind == kinds.AUTHENTICATION:
                match parse_authentication(frame):
                    case AuthenticationCleartext():
                        self.send(build_password(password))
                    case AuthenticationSasl() as asked:
                        nonce = urandom(18).hex()
                        scram = ClientExchange(offered=asked.mechanisms, password=password, nonce=nonce, binding=None)
                        self.send(build_sasl_initial(scram.mechanism, scram.first()))
                    case AuthenticationSaslContinue() as asked if scram is not None:
                        self.send(build_sasl_response(scram.respond(asked.data)))
                    case _:
                        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, *messages: bytes) -> None:
        """All in one segment."""
        self._socket.sendall(b"".join(messages))

    def frame(self) -> tuple[int, bytes]:
        """The next frame; (0, b"") when the other side has hung up."""
        while not self._read:
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return 0, b""
            self._read += self._frames.feed(data)
        kind, frame, _ = self._read.pop(0)
        return kind, frame

    def answers(self, readies: int = 1) -> list[str]:
        """What came until so many ReadyForQuery, or the end: `T`, `D 1|x`, `C INSERT 0 1`, `E 42501`, `Z I` ..."""
        said: list[str] = []
        while readies:
            kind, frame = self.frame()
            if kind == 0:
                return [*said, "closed"]
            if kind in (kinds.NOTICE_RESPONSE, kinds.PARAMETER_STATUS):
                continue
            said.append(_said(kind, frame))
            readies -= kind == kinds.READY_FOR_QUERY
        return said

    def ask(self, *messages: bytes, readies: int = 1) -> list[str]:
        """Send, and what came of it."""
        self.send(*messages)
        return self.answers(readies)

    def until(self, start: str) -> list[str]:
        """What came up to a frame that reads like this."""
        said: list[str] = []
        while not said or not said[-1].startswith(start):
            kind, frame = self.frame()
            assert kind, said
            said.append(_said(kind, frame))
        return said


def secured(raw: socket.socket) -> ssl.SSLSocket:
    """TLS as PostgreSQL begins it; whose certificate it is does not matter here."""
    raw.sendall(build_ssl_request())
    assert raw.recv(1) == b"S"
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return trusting.wrap_socket(raw)


def _said(kind: int, frame: bytes) -> str:
    letter = chr(kind)
    match kind:
        case kinds.DATA_ROW:
            values = parse_data_row(frame).values
            return f"{letter} " + "|".join("" if value is None else value.decode() for value in values)
        case kinds.COMMAND_COMPLETE:
            return f"{letter} {parse_command_complete(frame).tag}"
        case kinds.ERROR_RESPONSE:
            return f"{letter} {parse_error(frame).fields['C']}"
        case kinds.READY_FOR_QUERY:
            return f"{letter} {chr(frame[5])}"
        case _:
            return letter


def rows(answers: list[str]) -> list[str]:
    """The data rows among them."""
    return [answer[2:] for answer in answers if answer.startswith("D ")]


def errors(answers: list[str]) -> list[str]:
    """The SQLSTATEs among them."""
    return [answer[2:] for answer in answers if answer.startswith("E ")]
