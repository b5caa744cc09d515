"""The supervisor: owns the ledger and the listening socket, starts workers, reloads, drains."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry, generate_latest

from interlock.app.approvals.desk import Room, require_place, serve_approvals
from interlock.app.approvals.leasing import Leasing
from interlock.app.clock import now, steady
from interlock.app.config import Address, Config, Mode
from interlock.app.credentials import certificate_warning
from interlock.app.ids import new_id
from interlock.app.journal import LocalJournal, serve_operators
from interlock.app.killpoints import kill_point
from interlock.app.ledger import ledger_file, ledger_settings, open_ledger
from interlock.app.serve.admin import serve_admin
from interlock.app.serve.changes import UNSET, change_entries, changed, settings_of, until_restart
from interlock.app.serve.control import Began, Ended, Message
from interlock.app.serve.counters import Counters
from interlock.app.serve.counting import WorkerMetrics
from interlock.app.serve.crew import Crew, Owned, Say
from interlock.app.serve.in_force import InForce
from interlock.app.serve.leases import Leases
from interlock.app.serve.recovering import ends_of, fates_of, told
from interlock.app.serve.telling import Crier, hooks_of
from interlock.app.serve.watching import Reading, SupervisorMetrics
from interlock.ledger.faults import LedgerFault
from interlock.ledger.records import policy_activate_entry
from interlock.ledger.scribe import Scribe
from interlock.model import Card, Fault, Lease, OurFault, Span
from interlock.model.lease import BREAK_GLASS
from interlock.policy import Bundle

_BACKLOG: Final = 512
_SWEEP_SECONDS: Final = 1.0


class Supervisor:
    """Runs one gateway. `say` tells its operator a line at a time."""

    def __init__(self, file: Path, in_force: InForce, *, say: Say, workers: int) -> None:
        self._file = file
        self._count = workers
        self._in_force = in_force
        self._started = in_force.config
        self._settings = settings_of(in_force.config)
        self._say = say
        self._metrics = WorkerMetrics()
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._began = steady()
        self._reloads = {"done": 0, "refused": 0}
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
        self._leases.listen(self._tell_of_lease)
        self._leases.closed = lambda lease: self._crew.tell(Ended(lease=lease))
        self._leasing = Leasing(in_force=lambda: self._in_force, scribe=Scribe(os.urandom), new_id=new_id, now=now)
        owned = Owned(journal=journal, leases=self._leases, counters=self._counters, metrics=self._metrics)
        self._crew = Crew(
            self._file,
            self._count,
            owned,
            say=self._say,
            first=self._first,
            announce=self._announce,
            failed=self._failed,
        )
        self._crier = Crier(self._leases, gateway=self._config.gateway.id, say=self._say)
        self._in_force.rehearse(journal)
        self._crier.adopt(hooks_of(self._config, os.environ))
        await self._begin(self._in_force)
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
            await self._crew.begin(listening, tasks)
            await self._stopping.wait()
            listening.close()
            await self._crew.drain(self._config.gateway.drain_seconds)
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
            leasing=self._leasing,
            journal=self._journal,
            ledger=ledger_settings(self._config),
            config=lambda: self._in_force.config,
            new_id=new_id,
            now=now,
        )

    def _be_loud(self, what: str, lease: Lease, _: Card | None) -> None:
        if what == BREAK_GLASS and lease.broken_by is not None:
            self._say(f"GLASS BROKEN by `{lease.broken_by.id}` for request {lease.id}: it needs a review")

    def _tell_of_lease(self, what: str, lease: Lease, _: Card | None) -> None:
        if isinstance(lease.scope, Span) and lease.end is None and not lease.pending:
            self._crew.tell(Began(lease=lease))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await self._leases.sweep()
            self._counters.sweep(now())

    # -- beginning -----------------------------------------------------------------------------------

    async def _begin(self, in_force: InForce) -> None:
        """Close what the last run left open, then say which settings and which policy hold from here on."""
        left = self._journal.unfinished
        fates = await fates_of(left, self._config)
        if ends := ends_of(left, fates, new_id=new_id, now=now):
            await self._journal.append(ends)
            for line in told(left, fates):
                self._say(line)
        await self._record_settings(in_force, self._settings)
        await self._activate(in_force)

    async def _record_settings(self, found: InForce, settings: Mapping[str, str]) -> None:
        await self._journal.append(change_entries(found.text, settings, new_id=new_id, now=now))

    async def _activate(self, in_force: InForce) -> None:
        bundle = in_force.bundle
        self._leases.still = partial(self._leasing.still, in_force)
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
        well = self._crew.whole and not self._stopping.is_set()
        state = "ok" if well else "stopping" if self._stopping.is_set() else "starting"
        return (200 if well else 503), "text/plain", f"{state}\n".encode()

    def _read(self) -> Reading:
        return Reading(
            uptime=steady() - self._began,
            policy=self._bundle.digest if self._bundle is not None else "",
            workers=self._crew.ready,
            restarts=self._crew.restarted,
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

    def _first(self) -> Iterator[Message]:
        """What a worker has to know before anything else."""
        yield self._in_force.message(self._started.gateway.id)
        for lease in self._leases.standing():
            yield Began(lease=lease)

    def _failed(self, fault: OurFault) -> None:
        if isinstance(fault, LedgerFault):
            self._ledger_died(fault)
        else:
            self._fail(fault)

    def _announce(self) -> None:
        gateway = self._config.gateway
        for name, target in self._config.targets.items():
            if target.mode is Mode.OBSERVE:
                self._say(f"target {name} is only OBSERVED: decisions are recorded, NOTHING is blocked")
        self._warn_of_certificate()
        self._say(f"interlock {version('interlock')} guards {', '.join(self._config.targets)} on {gateway.listen}")

    def _warn_of_certificate(self) -> None:
        if (warning := certificate_warning(self._config.gateway, now=now())) is not None:
            self._say(warning)

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
            await self._activate(found)
        except Fault as fault:
            self._reloads["refused"] += 1
            self._say(f"reload refused, everything stays as it was: {fault}")
            return
        self._reloads["done"] += 1
        self._in_force, self._settings = found, followed
        self._leases.lasts = found.config.approvals.valid
        self._crier.adopt(hooks)
        self._crew.tell(found.message(self._started.gateway.id))
        self._say(f"reloaded; policy {found.bundle.digest[:19]}; changed: {', '.join(new) or 'no setting'}")
        self._warn_of_certificate()
        for name, value in changed(followed, asked).items():
            self._say(f"{name} = {value} needs a restart; until then it stays {followed.get(name, UNSET)}")

    def _ledger_died(self, fault: OurFault) -> None:
        """No record, no execution: the workers hear it by losing their journal, and end."""
        if self._fault is None:
            self._say(f"the ledger failed, so nothing is let through: {fault}")
            self._crew.kill()
            self._fail(fault)

    def _fail(self, fault: OurFault) -> None:
        if self._fault is None:
            self._fault = fault
            self._crew.leave()
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
