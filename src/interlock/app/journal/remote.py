"""The journal of a worker process: batches go to the supervisor over a socket pair, durability comes back.

A batch is four big-endian bytes of length and a msgpack list of entries. Each is answered, in order, by one byte:
durable, or durable while space is short. There is no answer for failure: the supervisor ends, and so do we.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from interlock.app.journal.front import Batch, Front, OnDeath
from interlock.app.journal.local import LocalJournal
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Entry

DURABLE: Final = b"\x01"
DURABLE_BUT_LOW: Final = b"\x02"
MAX_FRAME: Final = 256 * 1024 * 1024
READ_BUFFER: Final = 1024 * 1024

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Entry]).decode


def frame(entries: Sequence[Entry]) -> bytes:
    """One batch as it travels."""
    body = _encode(entries)
    return len(body).to_bytes(4, "big") + body


class RemoteJournal(Front):
    """Writes through the supervisor at the other end of `connection`; see `connect`."""

    def __init__(self, on_death: OnDeath) -> None:
        super().__init__(on_death)
        self._sent: Final[deque[Batch]] = deque()
        self._low = False
        self._closing = False
        self._transport: asyncio.WriteTransport | None = None

    @classmethod
    async def connect(cls, connection: socket.socket, *, on_death: OnDeath) -> "RemoteJournal":
        """Take over a connected stream socket whose other end is served by `serve_journal`."""
        journal = cls(on_death)
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: _Answers(journal._answered, journal._lost), sock=connection
        )
        journal._transport = transport
        return journal

    async def close(self) -> None:
        """Wait until everything is durable, then leave."""
        await self.handed_over(())
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _send(self, batch: Batch) -> None:
        if self._transport is None:
            raise LedgerFault("the journal is not connected; use `RemoteJournal.connect`")
        self._sent.append(batch)
        self._transport.write(frame(batch.entries))

    def is_low(self) -> bool:
        """Whether the last answer said so."""
        return self._low

    async def _is_full(self) -> bool:
        await self.handed_over(())  # an answer tells how space is now
        return self._low

    def _unwritten(self) -> Iterable[Batch]:
        return self._sent

    def _answered(self, answers: bytes) -> None:
        self._low = answers[-1:] == DURABLE_BUT_LOW
        self._written([self._sent.popleft() for _ in answers])

    def _lost(self) -> None:
        if not self._closing:
            self._die(LedgerFault("the supervisor has gone, and the ledger with it; this worker must stop"))


class _Answers(asyncio.Protocol):
    """The worker's reading end."""

    def __init__(self, answered: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._answered: Final = answered
        self._lost: Final = lost

    def data_received(self, data: bytes) -> None:
        self._answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()


async def serve_journal(journal: LocalJournal, connection: socket.socket) -> None:
    """The supervisor's end for one worker: returns when the worker has gone, or raises when the journal died.

    What the worker handed over before is written all the same.
    """
    reader, writer = await asyncio.open_connection(sock=connection, limit=READ_BUFFER)
    try:
        await answer_batches(journal, reader, writer, lambda entry: True)
    finally:
        writer.close()


async def answer_batches(
    journal: LocalJournal,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    allowed: Callable[[Entry], bool],
) -> None:
    """Write batches as they come and answer each when it is durable; an entry not `allowed` ends the conversation."""

    owed = _Owed(journal, reader, writer)
    while (entries := await _next_batch(reader)) is not None:
        if not all(map(allowed, entries)):
            break
        owed.answer_when(journal.handed_over(entries))
    await owed.last


class _Owed:
    """Answers of one conversation, those of one transaction in one write: the futures of a journal end in order."""

    def __init__(self, journal: LocalJournal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._journal: Final = journal
        self._reader: Final = reader
        self._writer: Final = writer
        self._loop: Final = asyncio.get_running_loop()
        self._durable = 0
        self.last: asyncio.Future[None] = self._loop.create_future()
        self.last.set_result(None)

    def answer_when(self, written: "asyncio.Future[None]") -> None:
        """One byte more when `written` has ended."""
        self.last = written
        written.add_done_callback(self._ended)

    def _ended(self, written: "asyncio.Future[None]") -> None:
        if written.cancelled():
            return
        if isinstance(fault := written.exception(), LedgerFault):
            self._reader.set_exception(fault)
            return
        self._durable += 1
        if self._durable == 1:
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        answer = DURABLE_BUT_LOW if self._journal.is_low() else DURABLE
        if not self._writer.is_closing():
            self._writer.write(answer * self._durable)
        self._durable = 0


async def _next_batch(reader: asyncio.StreamReader) -> list[Entry] | None:
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size > MAX_FRAME:
            return None
        return _decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
        return None
