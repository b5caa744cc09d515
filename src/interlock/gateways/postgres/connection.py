"""One connection as frames, with back-pressure: asyncio's protocols and nothing of PostgreSQL's meaning."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

from interlock.model import Fault
from interlock.wire.postgres.codec import Frame, Frames

HIGH_WATER: Final = 256 * 1024  # bytes waiting in one direction before the other side is told to stop
_MOST_UNREAD: Final = 1024 * 1024


class Connection(asyncio.Protocol):
    """A peer. `peer` is told to stop reading while this one cannot take more.

    Frames go to `sink` as they come, or are kept for `receive`. After the end `fault` says what broke, if
    anything did.
    """

    def __init__(self, frames: Frames, *, sink: Callable[[list[Frame]], None] | None = None) -> None:
        self.frames = frames
        self.sink = sink
        self.peer: Connection | None = None
        self.fault: Exception | None = None
        self.closed = False
        self.on_lost: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._inbox: list[Frame] = []
        self._unread = 0
        self._waiter: asyncio.Future[None] | None = None
        self._stopped: set[str] = set()
        self._drained: asyncio.Future[None] | None = None
        self._poked = False

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        try:
            frames = self.frames.feed(data)
            if self.sink is not None:
                self.sink(frames)
                return
        except Fault as fault:
            self._fail(fault)
            return
        self._inbox += frames
        self._unread += len(data)
        # Without a whole message to take there is nobody to start reading again: Frames bounds what is gathered then.
        if self._inbox and self._unread > _MOST_UNREAD:
            self.stop_reading("unread")
        if frames:
            self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.fault = self.fault or exc
        if self.peer is not None:
            self.peer.start_reading("slow peer")
        self._set(self._drained)
        self._wake()
        self.on_lost()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.stop_reading("slow peer")
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.start_reading("slow peer")
        self._set(self._drained)
        self._drained = None

    # -- what TLS says ---------------------------------------------------------------------------

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken on it."""
        return self._tls is not None

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, where it showed one."""
        return None if self._tls is None else self._tls.getpeercert(binary_form=True)

    @property
    def alpn(self) -> str | None:
        """The protocol that both sides agreed on inside TLS."""
        return None if self._tls is None else self._tls.selected_alpn_protocol()

    @property
    def _tls(self) -> ssl.SSLObject | None:
        return None if self._transport is None else self._transport.get_extra_info("ssl_object")

    # -- for the session ---------------------------------------------------------------------------

    async def receive(self) -> list[Frame] | None:
        """The next frames, [] after `poke`, None when the peer is gone."""
        while not self._inbox:
            if self._poked:
                self._poked = False
                return []
            if self.closed:
                return None
            self._waiter = self._loop.create_future()
            await self._waiter
        frames, self._inbox, self._unread = self._inbox, [], 0
        self.start_reading("unread")
        return frames

    def poke(self) -> None:
        """Make `receive` return, though nothing came."""
        self._poked = True
        self._wake()

    def write(self, data: bytes) -> None:
        """Send; what the peer does not take is buffered, and its `peer` told to stop.

        Possible after a fault of the peer's as well: it is told what was wrong before the end.
        """
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait while too much is buffered."""
        if self._drained is not None and not self.closed:
            await asyncio.shield(self._drained)

    def stop_reading(self, reason: str) -> None:
        """Take nothing more from the network until every reason is gone."""
        if not self._stopped and self._transport is not None and not self.closed:
            self._transport.pause_reading()
        self._stopped.add(reason)

    def start_reading(self, reason: str) -> None:
        """One reason less to stop."""
        if reason not in self._stopped:
            return
        self._stopped.discard(reason)
        if not self._stopped and self._transport is not None and not self.closed:
            self._transport.resume_reading()

    def close(self) -> None:
        """Send what is buffered, then end."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, fault: Exception) -> None:
        self.fault = fault
        self.closed = True
        self._wake()
        self.on_lost()

    def _wake(self) -> None:
        self._set(self._waiter)

    @staticmethod
    def _set(waiter: "asyncio.Future[None] | None") -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
