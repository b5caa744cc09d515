"""A worker: one event loop that holds connections, and nothing that must be one."""

import asyncio
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import uvloop

from interlock.app.clock import now, steady
from interlock.app.config import load_config
from interlock.app.ids import new_id
from interlock.app.journal import RemoteJournal
from interlock.app.killpoints import kill_point
from interlock.app.serve.analyst import Analyst
from interlock.app.serve.control import Cancel, Channel, Counted, Cut, Drain, Ready, Reload
from interlock.app.serve.counting import Counts
from interlock.app.serve.wiring import Wiring, revocations
from interlock.gateways.postgres.listen import Listener
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Entry
from interlock.ledger.records import session_end_entry, session_start_entry
from interlock.ledger.scribe import Scribe
from interlock.model import Fault, Session
from interlock.wire.postgres.startup import CancelRequest

REPORT_SECONDS: Final = 1.0
LEDGER_LOST: Final = 70
_NEW_OBJECTS: Final = 10_000  # until a garbage collection; hardly anything of ours is cyclic


class Chronicle:
    """Session records."""

    def session_start(self, session: Session) -> Entry:
        """A principal came in."""
        return session_start_entry(session, id=new_id(), at=now())

    def session_end(self, session: Session, *, reason: str, commands: int) -> Entry:
        """A conversation ended."""
        return session_end_entry(session, id=new_id(), at=now(), reason=reason, commands=commands)


class Worker:
    """Runs until the supervisor drains it, or is gone."""

    def __init__(self, file: Path, number: int, channel: Channel, journal: RemoteJournal) -> None:
        self._file = file
        self._channel = channel
        self._counts = Counts()
        self._config = load_config(file)
        mark = kill_point(os.environ) or (lambda place: None)
        self._wiring = Wiring(journal=journal, scribe=Scribe(os.urandom), counts=self._counts, mark=mark)
        self._analyst = Analyst()
        self._listener = Listener(
            self._wiring.settings(self._config),
            gateway=self._config.gateway.id,
            worker=number,
            analyst=self._analyst,
            chronicle=Chronicle(),
            counts=self._counts,
            entropy=os.urandom,
            clock=steady,
            mark=mark,
            elsewhere=lambda request: channel.send(Cancel(pid=request.pid, secret=request.secret)),
        )

    async def run(self, listening: socket.socket) -> None:
        """Serve; returns when drained."""
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(self._obey()),
                tasks.create_task(self._report()),
                tasks.create_task(self._follow_catalogues()),
            ]
            self._channel.send(Ready())
            await self._listener.serve(listening)
            for task in beside:
                task.cancel()
        await self._analyst.close()
        self._channel.send(Counted(counts=self._counts.snapshot()))

    def drain(self) -> None:
        """Take nobody new, and end when every session has come to rest."""
        self._listener.drain()

    async def _obey(self) -> None:
        async for message in self._channel.messages():
            match message:
                case Cancel():
                    self._listener.cancel(CancelRequest(pid=message.pid, secret=message.secret))
                case Reload():
                    self._reload()
                case Drain():
                    self._listener.drain()
                case Cut():
                    self._listener.cut()
                case _:
                    pass  # what workers say
        self._listener.drain()
        self._listener.cut()

    def _reload(self) -> None:
        """The supervisor has checked the files; if they changed since, what is in force stays."""
        try:
            config = load_config(self._file)
            self._listener.settings = self._wiring.settings(config)
            self._config = config
        except Fault as fault:
            sys.stderr.write(f"worker keeps its configuration: {fault}\n")

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._channel.send(Counted(counts=self._counts.snapshot()))
            if self._config.tokens is not None:
                self._listener.enforce_revocations(revocations(self._config), now())

    async def _follow_catalogues(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            followed: set[int] = set()
            while True:
                for catalogue in self._wiring.catalogues.values():
                    if id(catalogue) not in followed:
                        followed.add(id(catalogue))
                        tasks.create_task(catalogue.follow())
                await asyncio.sleep(REPORT_SECONDS)


def _ledger_lost(fault: LedgerFault) -> NoReturn:
    """No record, no execution: nothing may be sent any more, so nothing is left to do."""
    sys.stderr.write(f"{fault}\n")
    sys.stderr.flush()
    os._exit(LEDGER_LOST)


async def _main(file: Path, number: int, listening: int, journal: int, control: int) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal's Ctrl-C reaches us too: the supervisor decides
    channel = await Channel.open(socket.socket(fileno=control))
    remote = await RemoteJournal.connect(socket.socket(fileno=journal), on_death=_ledger_lost)
    accepting = socket.socket(fileno=listening)
    accepting.setblocking(False)
    worker = Worker(file, number, channel, remote)
    # What stands now lives as long as the process: no collection need ever look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 20)
    loop.add_signal_handler(signal.SIGTERM, worker.drain)
    await worker.run(accepting)
    await remote.close()
    channel.close()


def main() -> None:
    """`python -m interlock.app.serve.worker FILE NUMBER LISTENING JOURNAL CONTROL`: numbers are descriptors."""
    file, *numbers = sys.argv[1:]
    with suppress(KeyboardInterrupt):
        uvloop.run(_main(Path(file), *map(int, numbers)))


if __name__ == "__main__":
    main()
