"""A network between gateway and server, on loopback: a relay that hands every piece on after a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from interlock.app.embedded import LOOPBACK

_CHUNK = 1 << 16


@dataclass(slots=True)
class Line:
    """`trips` are the round trips so far: how often the near side spoke after the far side had."""

    port: int
    seconds: float
    near: int = 0
    trips: int = 0
    answered: bool = field(default=True, repr=False)

    async def carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, there: bool) -> None:
        """Pieces overlap on the line, as they do in a network."""
        loop = asyncio.get_running_loop()
        while data := await source.read(_CHUNK):
            self.trips += there and self.answered
            self.answered = not there
            loop.call_later(self.seconds, sink.write, data)
        loop.call_later(self.seconds, sink.close)

    async def relay(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        far, there = await asyncio.open_connection(LOOPBACK, self.port)
        with suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(self.carry(near, there, there=True), self.carry(far, back, there=False))


@contextmanager
def distance(port: int, milliseconds: float) -> Iterator[Line]:
    """A line whose port `near` leads to `port`; each way takes half of the `milliseconds` of a round trip."""
    loop, line = asyncio.new_event_loop(), Line(port, milliseconds / 2000)
    server = loop.run_until_complete(asyncio.start_server(line.relay, LOOPBACK, 0))
    line.near = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
