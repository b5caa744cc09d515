"""The supervisor: owns the ledger and the listening socket, starts workers, reloads, drains."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry, generate_latest

from interlock.app.approvals.desk import Room, require_place, serve_approvals
from interlock.app.clock import now, steady
from interlock.app.config import Address, Config, Mode
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal, serve_journal, serve_operators
from interlock.app.killpoints import kill_point
from interlock.app.ledger import ledger_file, ledger_settings, open_ledger
from interlock.app.serve.admin import serve_admin
from interlock.app.serve.changes import UNSET, change_entries, changed, settings_of, until_restart
from interlock.app.serve.control import Asked, Cancel, Channel, Counted, Cut, Drain, Message, Ready
from interlock.app.serve.counters import Counters
from interlock.app.serve.counting import WorkerMetrics
from interlock.app.serve.in_force import InForce
from interlock.app.serve.leases import Leases
from interlock.app.serve.lending import Lender
from interlock.app.serve.telling import Crier, hooks_of
from interlock.app.serve.watching import Reading, SupervisorMetrics
from interlock.ledger.faults import LedgerFault
from interlock.ledger.records import policy_activate_entry
from interlock.ledger.scribe import outcome_entry
from interlock.model import Card, Fault, Lease, OurFault, Outcome, Status
from interlock.model.lease import BREAK_GLASS
from interlock.policy import Bundle

_BACKLOG: Final = 512
_RESTARTS: Final = 5  # within _RESTART_SECONDS; then something is wrong that a restart does not mend
_RESTART_SECONDS: Final = 60.0

_SWEEP_SECONDS: Final = 1.0

Say = Callable[[str], None]


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker process and the wire to it."""

    number: int
    process: asyncio.subprocess.Process
    channel: Channel
    lender: Lender
    ready: bool = False


class Supervisor:
    """Runs one gateway. `say` tells its operator a line at a time."""

    def __init__(self, file: Path, in_force: InForce, *, say: Say, workers: int) -> None:
        self._file = file
        self._count = workers
        self._in_force = in_force
        self._started = in_force.config
        self._settings = settings_of(in_force.config)
        self._say = say
        self._workers: dict[int, _Worker] = {}
        self._metrics = WorkerMetrics()
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._began = steady()
        self._restarted = 0
        self._reloads = {"done": 0, "refused": 0}
        self._restarts: list[float] = []
        self._bundle: Bundle | None = None
        self._fault: OurFault | None = None

    async def run(self) -> None:
        """Until it is told to stop. Raises Fault where it cannot begin, or the ledger has failed."""
        require_place(self._config.approvals.socket)
        listening = _listen(self._config)
        journal = LocalJournal(open_ledger(self._config), on_death=self._ledger_died, hook=kill_point(os.environ))
        self._journal = journal
        self._counters = Counters(journal.spent)
        self._leases = Leases(journal.leases, journal, new_id=new_id, now=now)
        self._leases.lasts = self._config.approvals.valid
        self._leases.listen(self._be_loud)
        self._crier = Crier(self._leases, gateway=self._config.gateway.id, say=self._say)
        self._in_force.rehearse(journal)
        self._crier.adopt(hooks_of(self._config, os.environ))
        await self._begin(self._in_force.bundle)
        await self._leases.begin(self._in_force.bundle.digest)
        admin = await self._serve_admin()
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(serve_operators(journal, ledger_file(self._config.ledger.path))),
                tasks.create_task(serve_approvals(self._room(), self._config.approvals.socket)),
                tasks.create_task(self._crier.run()),
                tasks.create_task(self._sweep()),
                tasks.create_task(self._reload_when_told()),
            ]
            self._handle_signals()
            for number in range(1, self._count + 1):
                await self._start(number, listening, tasks)
            await self._stopping.wait()
            listening.close()
            await self._drain()
            for task in beside:
                task.cancel()
        if admin is not None:
            admin.close()
        if self._fault is not None:
            raise self._fault
        await journal.close()

    @property
    def _config(self) -> Config:
        return until_restart(self._in_force.config, self._started)

    def _room(self) -> Room:
        return Room(
            leases=self._leases,
            journal=self._journal,
            ledger=ledger_settings(self._config),
            config=lambda: self._in_force.config,
            new_id=new_id,
            now=now,
        )

    def _be_loud(self, what: str, lease: Lease, _: Card | None) -> None:
        if what == BREAK_GLASS and lease.broken_by is not None:
            self._say(f"GLASS BROKEN by `{lease.broken_by.id}` for request {lease.id}: it needs a review")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await self._leases.sweep()
            self._counters.sweep(now())

    # -- beginning -----------------------------------------------------------------------------------

    async def _begin(self, bundle: Bundle) -> None:
        """Close what the last run left open, then say which settings and which policy hold from here on."""
        ends = [
            outcome_entry(
                Outcome(command=left.command, status=Status.UNKNOWN if left.forwarded else Status.REFUSED),
                id=new_id(),
                at=now(),
                unit=left.unit,
            )
            for left in self._journal.unfinished
        ]
        if ends:
            await self._journal.append(ends)
            self._say(f"{len(ends)} commands of the last run have no known end: recorded as unknown")
        await self._record_settings(self._in_force, self._settings)
        await self._activate(bundle)

    async def _record_settings(self, found: InForce, settings: Mapping[str, str]) -> None:
        await self._journal.append(change_entries(found.text, settings, new_id=new_id, now=now))

    async def _activate(self, bundle: Bundle) -> None:
        previous = self._bundle.digest if self._bundle is not None else None
        if previous == bundle.digest:
            return
        entry = policy_activate_entry(
            id=new_id(),
            at=now(),
            by=f"uid:{os.getuid()}",
            digest=bundle.digest,
            semantic_digest=bundle.semantic_digest,
            previous=previous,
        )
        await self._journal.append([entry])
        self._bundle = bundle
        await self._leases.outdate(bundle.digest)

    async def _serve_admin(self) -> asyncio.Server | None:
        place = self._config.gateway.admin
        if place is None:
            return None
        registry = CollectorRegistry()
        registry.register(self._metrics)
        registry.register(SupervisorMetrics(self._read))
        pages = {
            "/healthz": self._health,
            "/metrics": lambda: (200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(registry)),
        }
        try:
            return await serve_admin(pages, place.host, place.port)
        except OSError as error:
            raise _cannot_listen(place, "admin", error) from error

    def _health(self) -> tuple[int, str, bytes]:
        ready = sum(worker.ready for worker in self._workers.values())
        well = ready == self._count and not self._stopping.is_set()
        state = "ok" if well else "stopping" if self._stopping.is_set() else "starting"
        return (200 if well else 503), "text/plain", f"{state}\n".encode()

    def _read(self) -> Reading:
        return Reading(
            uptime=steady() - self._began,
            policy=self._bundle.digest if self._bundle is not None else "",
            workers=sum(worker.ready for worker in self._workers.values()),
            restarts=self._restarted,
            reloads=self._reloads,
            records=self._journal.records,
            waiting=self._journal.waiting,
            space_low=self._journal.is_low(),
            ledger=ledger_file(self._config.ledger.path),
        )

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    # -- workers -------------------------------------------------------------------------------------

    async def _start(self, number: int, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        journal, journal_there = socket.socketpair()
        control, control_there = socket.socketpair()
        theirs = (listening.fileno(), journal_there.fileno(), control_there.fileno())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "interlock.app.serve.worker",
            str(self._file),
            str(number),
            str(self._count),
            *map(str, theirs),
            pass_fds=theirs,
            stdin=asyncio.subprocess.DEVNULL,
        )
        journal_there.close()
        control_there.close()
        channel = await Channel.open(control)
        lender = Lender(self._leases, self._counters, channel, tasks, worker=number)
        worker = _Worker(number, process, channel, lender)
        worker.channel.send(self._in_force.message(self._started.gateway.id))
        self._workers[number] = worker
        tasks.create_task(self._serve_journal(journal))
        tasks.create_task(self._watch(worker, listening, tasks))

    async def _serve_journal(self, connection: socket.socket) -> None:
        try:
            await serve_journal(self._journal, connection)
        except* LedgerFault as faults:
            for fault in faults.exceptions:
                self._ledger_died(LedgerFault(str(fault)))

    async def _watch(self, worker: _Worker, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        async for message in worker.channel.messages():
            self._hear(worker, message)
        code = await worker.process.wait()
        worker.channel.close()
        worker.lender.close()
        self._counters.lost(worker.number, now())
        self._metrics.ended(worker.number)
        del self._workers[worker.number]
        if not self._stopping.is_set():
            self._say(f"worker {worker.number} ended with {code}; starting another")
            self._restarted += 1
            if self._may_restart():
                await self._start(worker.number, listening, tasks)
            else:
                self._say("workers keep ending; giving up")
                self._fault = OurFault("workers keep ending: see what they said above, then start again")
                self._stopping.set()

    def _may_restart(self) -> bool:
        current = steady()
        self._restarts = [at for at in self._restarts if current - at < _RESTART_SECONDS] + [current]
        return len(self._restarts) <= _RESTARTS

    def _hear(self, worker: _Worker, message: Message) -> None:
        if isinstance(message, Asked):
            worker.lender.hear(message)
            return
        match message:
            case Ready():
                worker.ready = True
                if all(each.ready for each in self._workers.values()):
                    self._announce()
            case Counted():
                self._metrics.report(worker.number, message.counts)
            case Cancel():
                meant = self._workers.get(message.pid >> 20)
                if meant is not None:
                    meant.channel.send(message)
            case _:
                pass  # what supervisors say

    def _announce(self) -> None:
        gateway = self._config.gateway
        for name, target in self._config.targets.items():
            if target.mode is Mode.OBSERVE:
                self._say(f"target {name} is only OBSERVED: decisions are recorded, NOTHING is blocked")
        self._say(f"interlock {version('interlock')} guards {', '.join(self._config.targets)} on {gateway.listen}")

    # -- changing and ending ---------------------------------------------------------------------------

    async def _reload_when_told(self) -> None:
        """One reload after the other; what is asked for during one is done after it, once."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        """Configuration, policy and certificates anew; what is refused leaves everything as it was."""
        try:
            found = InForce.read(self._file)
            found.rehearse(self._journal)
            hooks = hooks_of(found.config, os.environ)
            asked, followed = settings_of(found.config), settings_of(until_restart(found.config, self._started))
            new = changed(self._settings, followed)
            await self._record_settings(found, new)
            await self._activate(found.bundle)
        except Fault as fault:
            self._reloads["refused"] += 1
            self._say(f"reload refused, everything stays as it was: {fault}")
            return
        self._reloads["done"] += 1
        self._in_force, self._settings = found, followed
        self._leases.lasts = found.config.approvals.valid
        self._crier.adopt(hooks)
        for worker in self._workers.values():
            worker.channel.send(found.message(self._started.gateway.id))
        self._say(f"reloaded; policy {found.bundle.digest[:19]}; changed: {', '.join(new) or 'no setting'}")
        for name, value in changed(followed, asked).items():
            self._say(f"{name} = {value} needs a restart; until then it stays {followed.get(name, UNSET)}")

    async def _drain(self) -> None:
        for worker in self._workers.values():
            worker.channel.send(Drain())
        if not await self._all_gone(self._config.gateway.drain_seconds):
            for worker in self._workers.values():
                worker.channel.send(Cut())
            if not await self._all_gone(5):
                for worker in self._workers.values():
                    worker.process.kill()

    async def _all_gone(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while self._workers:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True

    def _ledger_died(self, fault: LedgerFault) -> None:
        """No record, no execution: the workers hear it by losing their journal, and end."""
        if self._fault is None:
            self._fault = fault
            self._say(f"the ledger failed, so nothing is let through: {fault}")
            for worker in self._workers.values():
                worker.process.kill()
            self._stopping.set()


def _listen(config: Config) -> socket.socket:
    place = config.gateway.listen
    try:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        listening = socket.create_server((place.host, place.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen(place, "listen", error) from error
    listening.setblocking(False)
    return listening


def _cannot_listen(place: Address, setting: str, error: OSError) -> OurFault:
    return OurFault(f"cannot listen on `{place}`: {error.strerror}; choose another in [gateway] {setting}")


def serve(file: Path, *, say: Say, workers: int | None = None) -> None:
    """Run the gateway of a configuration file until SIGTERM or SIGINT. Raises Fault.

    `workers` is how many processes share the connections; None takes what the configuration says.
    """
    in_force = InForce.read(file)
    count = workers or in_force.config.gateway.workers

    async def run() -> None:
        await Supervisor(file, in_force, say=say, workers=count).run()

    uvloop.run(run())
