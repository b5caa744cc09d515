"""A client that says exactly what it is told to: the bytes of the protocol behind a real login."""

import os
import socket
from types import TracebackType
from typing import Self

import psycopg

from interlock.wire.postgres import kinds
from interlock.wire.postgres.codec import Frame, Frames
from interlock.wire.postgres.messages import parse_command_complete, parse_data_row, parse_error
from tests.stand import PERSON, Stand

SECONDS = 20


class Wire:
    """libpq logs in; after that every byte is the test's."""

    def __init__(self, stand: Stand, user: str = PERSON) -> None:
        self._login = psycopg.connect(stand.dsn(user), autocommit=True)
        self.pid = self._login.info.backend_pid
        self._socket = socket.socket(fileno=os.dup(self._login.fileno()))
        self._socket.setblocking(True)
        self._socket.settimeout(SECONDS)
        self._frames = Frames(limit=1 << 26)
        self._read: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._login.close()

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
