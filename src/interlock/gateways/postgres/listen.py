"""Where clients come in: one listening socket, a session for each of them."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, Protocol

from interlock.access.revocation import Revocations
from interlock.gateways.postgres.answering import replies
from interlock.gateways.postgres.arriving.doors import Door, Settings, credential_for, still_known
from interlock.gateways.postgres.arriving.first_contact import Caller, Interruption, client_frames, meet
from interlock.gateways.postgres.arriving.login import Guest, authenticate
from interlock.gateways.postgres.arriving.pins import Pins, upstream_parameters
from interlock.gateways.postgres.arriving.refusals import Refused, refusal
from interlock.gateways.postgres.lent.lending import lending_to
from interlock.gateways.postgres.planning.reading import Analyst, Reader
from interlock.gateways.postgres.session import Session
from interlock.gateways.postgres.target.upstream import Credential, Upstream, cancel, log_in
from interlock.intent.sql.memory import Memory
from interlock.ledger.leaf import Entry
from interlock.model import Fault, Lease, Session as Who
from interlock.wire.postgres.messages import build_authentication_ok, build_backend_key_data
from interlock.wire.postgres.startup import CancelRequest, Startup, agree

LOGIN_SECONDS: Final = 30.0
_MOST_STRANGERS: Final = 1000  # connected and not logged in: more are hung up on
_ACCEPT_AGAIN_SECONDS: Final = 0.1
SURFACE: Final = "postgresql"


class Chronicle(Protocol):
    """Records of sessions, made by the ledger's scribe."""

    def session_start(self, session: Who) -> Entry: ...

    def session_end(self, session: Who, *, reason: str, commands: int) -> Entry: ...


class Counts(Protocol):
    """What is counted about connections."""

    def login(self, outcome: str) -> None: ...

    def sessions(self, change: int) -> None: ...


@dataclass(slots=True, eq=False)
class _Held:
    """A session that is under way."""

    session: Session
    guest: Guest
    door: Door
    upstream: Upstream
    secret: bytes


class Listener:
    """Takes clients from a listening socket until it is drained.

    `gateway` is this gateway's name in records. `worker` numbers this process among those that share the socket:
    cancel keys carry it, and `elsewhere` hands on those of other workers. `entropy` gives random bytes, `clock`
    monotonic seconds. Within `login_seconds` a client must have said what it wants, and again who it is.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        gateway: str,
        worker: int,
        analyst: Analyst,
        chronicle: Chronicle,
        counts: Counts,
        entropy: Callable[[int], bytes],
        clock: Callable[[], float],
        mark: Callable[[str], None],
        elsewhere: Callable[[CancelRequest], None],
        login_seconds: float = LOGIN_SECONDS,
    ) -> None:
        self.settings = settings
        self._gateway = gateway
        self._worker = worker
        self._analyst = analyst
        self._chronicle = chronicle
        self._counts = counts
        self._entropy = entropy
        self._clock = clock
        self._mark = mark
        self._elsewhere = elsewhere
        self._login_seconds = login_seconds
        self._memories: dict[str, Memory] = {}
        self._held: dict[int, _Held] = {}
        self._next = 0
        self._strangers = 0  # connected, and not logged in
        self._sessions: Counter[str] = Counter()  # by target, from the moment the login was believed
        self._tasks: asyncio.TaskGroup | None = None
        self._drained = asyncio.Event()

    async def serve(self, listening: socket.socket) -> None:
        """Accept for ever; ends, with all its sessions, after `drain`."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            accepting = tasks.create_task(self._accept(loop, listening, tasks))
            await self._drained.wait()
            accepting.cancel()
            listening.close()  # whoever still waits in its queue tries elsewhere, or later
        self._tasks = None

    def drain(self) -> None:
        """Take nobody new, and let every session end as soon as nothing of it is under way."""
        self._drained.set()
        for held in list(self._held.values()):
            held.session.drain()

    def cut(self) -> None:
        """End every session now."""
        for held in list(self._held.values()):
            held.session.cut(replies.SHUTTING_DOWN)

    def adopt(self, settings: Settings) -> None:
        """From now on these. Sessions go on, unless whom they were opened for, or where to, is not what it was."""
        self.settings = settings
        for held in list(self._held.values()):
            self._end_where_changed(held)

    def _end_where_changed(self, held: _Held) -> None:
        door = self.settings.doors.get(held.door.target.name)
        if door is None or door.target != held.door.target or not still_known(held.guest, self.settings):
            held.session.cut(replies.CHANGED)

    def end_tokens(self) -> None:
        """No token can be believed now: end every session that began with one."""
        for held in list(self._held.values()):
            if held.guest.token is not None:
                held.session.cut(replies.EXPIRED)

    def enforce_revocations(self, revocations: Revocations, now: int) -> None:
        """End sessions whose token expired or was revoked."""
        for held in list(self._held.values()):
            guest = held.guest
            subjects = (principal.id for principal in guest.principal.chain())
            revoked = guest.token is not None and revocations.revokes(
                token=guest.token, subjects=subjects, issued_at=guest.issued_at
            )
            if revoked or (guest.expires_at is not None and guest.expires_at <= now):
                held.session.cut(replies.EXPIRED)

    def end_sessions(self, sessions: AbstractSet[str], lease: Lease) -> None:
        """The lease that these worked under is over: what runs is cancelled, and they end."""
        for held in list(self._held.values()):
            if held.session.who.id in sessions:
                held.session.cut(replies.lease_over(lease))

    def cancel(self, request: CancelRequest) -> None:
        """Pass on a cancel that another worker was asked for."""
        if self._tasks is not None:
            self._tasks.create_task(self._cancel_here(request))

    # -- one client --------------------------------------------------------------------------------

    async def _accept(
        self, loop: asyncio.AbstractEventLoop, listening: socket.socket, tasks: asyncio.TaskGroup
    ) -> None:
        while True:
            try:
                raw, _ = await loop.sock_accept(listening)
            except OSError:
                # No descriptor left, or a client that was gone at once: those who are in must not pay for it.
                await asyncio.sleep(_ACCEPT_AGAIN_SECONDS)
                continue
            if self._strangers >= _MOST_STRANGERS:
                raw.close()
                continue
            raw.setblocking(False)
            if raw.family in (socket.AF_INET, socket.AF_INET6):
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tasks.create_task(self._welcome(raw))

    async def _welcome(self, raw: socket.socket) -> None:
        """Nothing that one client does may end another's session: whatever goes wrong with it ends here."""
        try:
            await self._meet(raw)
        except Exception as bug:  # noqa: BLE001 - a bug that one client finds must not cost the others their sessions
            asyncio.get_running_loop().call_exception_handler({"message": "a session ended by a bug", "exception": bug})

    async def _meet(self, raw: socket.socket) -> None:
        self._strangers += 1
        try:
            async with asyncio.timeout(self._login_seconds):
                caller = await meet(raw, tls=self.settings.tls, require_tls=self.settings.require_tls)
        except (Fault, OSError, TimeoutError, ssl.SSLError):
            self._counts.login("garbled")
            raw.close()
            return
        finally:
            self._strangers -= 1
        if isinstance(caller, Interruption):
            await self._interrupt(caller)
        else:
            await self._open(caller)

    async def _interrupt(self, caller: Interruption) -> None:
        request = caller.request
        try:
            if request.pid >> 20 == self._worker:
                await self._cancel_here(request)
            else:
                self._elsewhere(request)
        finally:
            caller.close()

    async def _cancel_here(self, request: CancelRequest) -> None:
        """Pass a cancel on to the one session whose key it is."""
        held = self._held.get(request.pid)
        if held is None or not compare_digest(held.secret, request.secret):
            return
        if not held.session.give_up():
            await cancel(held.door.address, held.upstream.key)

    async def _open(self, caller: Caller) -> None:
        connection = caller.connection
        try:
            async with asyncio.timeout(self._login_seconds):
                guest = await self._identify(caller)
            door = self._door(guest, caller.startup)
            session = door.gate.new_id()
            with self._place(door):
                async with credential_for(door, session) as credential:
                    async with asyncio.timeout(self._login_seconds):
                        opened = await self._reach(caller, door, credential)
                    await self._run(opened, guest, session)
        except (Fault, OSError, TimeoutError) as fault:
            connection.write(refusal(fault))
            connection.close()

    async def _identify(self, caller: Caller) -> Guest:
        self._strangers += 1
        try:
            caller.connection.write(agree(caller.startup).answer)
            guest = await authenticate(
                caller.connection, caller.startup.parameters.get("user", ""), self.settings.keeper
            )
        except (Fault, OSError, asyncio.CancelledError):
            self._counts.login("refused")
            raise
        finally:
            self._strangers -= 1
        self._counts.login("accepted")
        return guest

    async def _reach(self, caller: Caller, door: Door, credential: Credential) -> "_Opened":
        settings, startup = self.settings, caller.startup
        parameters = upstream_parameters(
            startup.parameters, user=credential.user, database=credential.database, lent=door.minter is not None
        )
        await door.catalogue.ready()
        upstream = await log_in(
            door.address,
            credential,
            parameters,
            nonce=settings.keeper.nonce,
            largest_message=settings.largest_message,
        )
        if door.minter is not None:
            await door.minter.admitted(credential.user)
        caller.connection.frames = client_frames(settings.largest_message)
        user = startup.parameters.get("user", "")
        return _Opened(caller=caller, door=door, upstream=upstream, user=user, login=credential.user)

    @contextmanager
    def _place(self, door: Door) -> Iterator[None]:
        """One of the places that the limits leave, from login to the end."""
        name = door.target.name
        if self._sessions.total() >= self.settings.max_connections:
            raise Refused(replies.TOO_MANY)
        if door.max_connections is not None and self._sessions[name] >= door.max_connections:
            raise Refused(replies.TOO_MANY_ON_TARGET)
        self._sessions[name] += 1
        try:
            yield
        finally:
            self._sessions[name] -= 1

    def _door(self, guest: Guest, startup: Startup) -> Door:
        name = startup.parameters.get("database") or startup.parameters.get("user", "")
        door = self.settings.doors.get(name)
        if door is None or not guest.may_reach(name):
            # The same words for both: what exists is told to those who may reach it.
            raise Refused(
                replies.fatal(
                    "3D000",
                    f"`{name}` is not a target that `{guest.principal.id}` may reach",
                    hint="The database name is the target's name in interlock.toml; ask for access to it there.",
                )
            )
        return door

    async def _run(self, opened: "_Opened", guest: Guest, session: str) -> None:
        door, connection = opened.door, opened.caller.connection
        gate = door.gate
        who = Who(
            id=session,
            principal=guest.principal,
            target=door.target,
            gateway=self._gateway,
            surface=SURFACE,
            purpose=guest.purpose,
            opened_at=gate.now(),
        )
        try:
            await gate.journal.append([self._chronicle.session_start(who)])
        except Fault as fault:
            opened.upstream.connection.close()
            connection.write(refusal(fault))
            connection.close()
            return
        await self._converse(opened, guest, who)

    async def _converse(self, opened: "_Opened", guest: Guest, who: Who) -> None:
        door, connection, upstream = opened.door, opened.caller.connection, opened.upstream
        settings = self.settings
        pins = Pins(user=opened.user)
        reader = Reader(
            shared=door.catalogue,
            user=door.credential.user if door.minter is None else door.minter.reads_as,
            limits=settings.limits,
            analyst=self._analyst,
            memory=self._memories.setdefault(door.target.name, Memory()),
        )
        session = Session(
            who=who,
            client=connection,
            server=upstream.connection,
            gate=door.gate,
            reader=reader,
            pins=pins,
            clock=self._clock,
            mark=self._mark,
            interrupt=lambda: self._interrupt_upstream(door, upstream),
            lending=lending_to(door.minter, opened.login, reader, lambda: door.leases(who)),
        )
        pid, secret = self._key()
        self._held[pid] = held = _Held(session, guest, door, upstream, secret)
        self._end_where_changed(held)  # there may have been a reload since it knocked
        if self._drained.is_set():
            session.drain()
        self._counts.sessions(1)
        reason = "closed"
        try:
            greeting = [build_authentication_ok()]
            greeting += [pins.reported(frame) for frame in upstream.reported]
            greeting.append(build_backend_key_data(pid, secret))
            if not door.gate.stance.enforce:
                greeting.append(replies.OBSERVED)
            await session.run(b"".join(greeting) + upstream.ready)
        except (Fault, OSError) as fault:
            reason = type(fault).__name__
            connection.write(refusal(fault))
        finally:
            connection.close()
            upstream.connection.close()
            del self._held[pid]
            self._counts.sessions(-1)
            door.gate.over(who)
            with suppress(Fault):
                door.gate.journal.note([self._chronicle.session_end(who, reason=reason, commands=session.commands)])

    def _interrupt_upstream(self, door: Door, upstream: Upstream) -> None:
        if self._tasks is not None:
            self._tasks.create_task(cancel(door.address, upstream.key))

    def _key(self) -> tuple[int, bytes]:
        while True:
            self._next = (self._next + 1) & 0xFFFFF
            pid = self._worker << 20 | self._next
            if pid not in self._held:
                return pid, self._entropy(4)


@dataclass(slots=True, kw_only=True)
class _Opened:
    """A caller that proved who it is, and its session on the target."""

    caller: Caller
    door: Door
    upstream: Upstream
    user: str
    login: str
