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
from msgspec import Struct

from interlock.app.clock import now, steady
from interlock.app.config import Config, parse_config
from interlock.app.ids import new_id
from interlock.app.journal import RemoteJournal
from interlock.app.killpoints import kill_point
from interlock.app.serve.analyst import Analyst
from interlock.app.serve.control import (
    Activate,
    Appended,
    Began,
    Cancel,
    Channel,
    Counted,
    Cut,
    Drain,
    Drawn,
    Ended,
    Ready,
    Sought,
)
from interlock.app.serve.counting import Counts
from interlock.app.serve.lending import Borrower
from interlock.app.serve.wiring import Wiring, revocations
from interlock.gateways.postgres.listen import Listener
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Entry
from interlock.ledger.records import session_end_entry, session_start_entry
from interlock.ledger.scribe import Scribe
from interlock.model import Fault, OurFault, Session
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


class Place(Struct, frozen=True, kw_only=True):
    """Whose configuration file this is, and which of how many workers this one is."""

    file: Path
    number: int
    workers: int


class Worker:
    """Runs until the supervisor drains it, or is gone."""

    def __init__(self, place: Place, active: Activate, channel: Channel, journal: RemoteJournal) -> None:
        self._place = place
        self._channel = channel
        self._counts = Counts()
        self._config = self._read(active)
        self._warned = ""
        mark = kill_point(os.environ) or (lambda place: None)
        self._borrower = Borrower(channel)
        self._wiring = Wiring(
            journal=journal,
            scribe=Scribe(os.urandom),
            counts=self._counts,
            mark=mark,
            leases=self._borrower,
            counters=self._borrower,
            worker=place.number,
            workers=place.workers,
        )
        self._analyst = Analyst()
        self._listener = Listener(
            self._wiring.settings(self._config, active.pack, active.runbooks),
            gateway=active.gateway,
            worker=place.number,
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
        await self._wiring.close()
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
                case Activate():
                    self._adopt(message)
                case Drain():
                    self._listener.drain()
                case Cut():
                    self._listener.cut()
                case Began():
                    self._borrower.began(message.lease)
                case Ended():
                    self._listener.end_sessions(self._borrower.ended(message.lease), message.lease)
                case Sought() | Appended() | Drawn():
                    self._borrower.hear(message)
                case _:
                    pass  # what workers say
        self._borrower.lost()
        self._listener.drain()
        self._listener.cut()

    def _read(self, active: Activate) -> Config:
        return parse_config(active.config, base=self._place.file.parent, name=self._place.file.name)

    def _adopt(self, active: Activate) -> None:
        """The supervisor has tried it: what fails here all the same must not go on under what was before."""
        config = self._read(active)
        self._listener.adopt(self._wiring.settings(config, active.pack, active.runbooks))
        self._config = config

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._channel.send(Counted(counts=self._counts.snapshot()))
            self._enforce_revocations(self._config)

    def _enforce_revocations(self, config: Config) -> None:
        """A list that cannot be read revokes every token, and nothing else; so does a reload without [tokens]."""
        if config.tokens is None:
            self._listener.end_tokens()
            return
        try:
            revoked = revocations(config)
        except Fault as fault:
            self._listener.end_tokens()
            if str(fault) != self._warned:
                sys.stderr.write(f"no token is believed: {fault}\n")
                self._warned = str(fault)
            return
        self._warned = ""
        self._listener.enforce_revocations(revoked, now())

    async def _follow_catalogues(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            followed: set[int] = set()
            while True:
                for one in self._wiring.followed():
                    if id(one) not in followed:
                        followed.add(id(one))
                        tasks.create_task(one.follow())
                await asyncio.sleep(REPORT_SECONDS)


def _ledger_lost(fault: LedgerFault) -> NoReturn:
    """No record, no execution: nothing may be sent any more, so nothing is left to do."""
    sys.stderr.write(f"{fault}\n")
    sys.stderr.flush()
    os._exit(LEDGER_LOST)


async def _main(place: Place, listening: int, journal: int, control: int) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal's Ctrl-C reaches us too: the supervisor decides
    channel = await Channel.open(socket.socket(fileno=control))
    remote = await RemoteJournal.connect(socket.socket(fileno=journal), on_death=_ledger_lost)
    accepting = socket.socket(fileno=listening)
    accepting.setblocking(False)
    active = await anext(channel.messages(), None)
    if not isinstance(active, Activate):
        raise OurFault("the supervisor did not say what is in force; report this")
    worker = Worker(place, active, channel, remote)
    # What stands now lives as long as the process: no collection need ever look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 20)
    loop.add_signal_handler(signal.SIGTERM, worker.drain)
    await worker.run(accepting)
    await remote.close()
    channel.close()


def main() -> None:
    """`python -m interlock.app.serve.worker FILE NUMBER OF LISTENING JOURNAL CONTROL`: the last three descriptors."""
    file, *numbers = sys.argv[1:]
    number, workers, listening, journal, control = map(int, numbers)
    with suppress(KeyboardInterrupt):
        uvloop.run(_main(Place(file=Path(file), number=number, workers=workers), listening, journal, control))


if __name__ == "__main__":
    main()
