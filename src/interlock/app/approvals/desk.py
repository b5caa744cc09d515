"""The supervisor's end of the approvals socket: requests are shown and decided, one line for one line."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, assert_never

import msgspec
from msgspec import Struct

from interlock.access.faults import ApprovalRefused
from interlock.access.leases import group_of, is_party
from interlock.app.approvals.leasing import Leasing
from interlock.app.approvals.messages import (
    LONGEST_LINE,
    Answer,
    Ask,
    AskLease,
    ByScram,
    ByToken,
    Decide,
    Decided,
    Happened,
    Open,
    Proof,
    Question,
    Refused,
    Show,
    Shown,
    Watch,
    decode_question,
    encode,
)
from interlock.app.approvals.signing import proven
from interlock.app.approvals.speaker import Speaker, peer_uid
from interlock.app.config import Config
from interlock.app.journal import LocalJournal
from interlock.app.serve.leases import Leases
from interlock.app.sockets import listen_privately
from interlock.ledger.records import ledger_access_entry
from interlock.ledger.seal import Sealer
from interlock.model import Card, Fault, Lease, OurFault, Principal, Span
from interlock.store.connection import open_for_reading
from interlock.store.find import record_of
from interlock.store.keys import load
from interlock.store.reader import Reader
from interlock.store.sqlite import LedgerSettings

LONGEST_PATH: Final = 107  # bytes of sun_path, less its end (unix(7)); macOS has four fewer


class Room(Struct, frozen=True, kw_only=True):
    """What the desk works with. `now` gives microseconds since the epoch, UTC."""

    leases: Leases
    leasing: Leasing
    journal: LocalJournal
    ledger: LedgerSettings
    config: Callable[[], Config]
    new_id: Callable[[], str]
    now: Callable[[], int]


def require_place(path: Path) -> None:
    """Raises OurFault where the system would not take the path for a socket: before anything else has begun."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OurFault(
            f"`{path}` is longer than the {LONGEST_PATH} bytes a socket's path may have: set [approvals] socket"
        )


async def serve_approvals(room: Room, path: Path) -> None:
    """Serve until cancelled. Only the gateway's own account can connect."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Conversation(room, reader, writer).hold()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            return  # whoever speaks like this is hung up on
        finally:
            writer.close()

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    await listen_privately(path, converse, longest_line=LONGEST_LINE)


class _Conversation:
    def __init__(self, room: Room, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket = writer.get_extra_info("socket")
        self._room = room
        self._reader = reader
        self._writer = writer
        self._speaker = Speaker(peer_uid(connection), room.config, room.now)

    async def hold(self) -> None:
        while line := await self._reader.readline():
            try:
                question = decode_question(line)
                if isinstance(question, Watch):
                    return await self._watch()
                self._say(await self._answer(question))
            except msgspec.DecodeError as error:
                self._say(Refused(text=f"the gateway does not understand this: {error}; are both of one version?"))
            except Fault as fault:
                self._say(Refused(text=str(fault)))
            await self._writer.drain()
        return None

    async def _answer(self, question: Question) -> Answer:
        leases, speaker = self._room.leases, self._speaker
        match question:
            case ByToken():
                return speaker.by_token(question)
            case ByScram():
                return speaker.by_scram(question)
            case Proof():
                return speaker.prove(question)
            case Ask():
                await leases.sweep()
                return Open(leases=leases.open(), unreviewed=[*leases.unreviewed.values()])
            case Show(request=request):
                lease = leases.find(request)
                return Shown(lease=lease, sealed=await self._sealed(lease))
            case Decide():
                return Decided(lease=await self._decide(question))
            case AskLease():
                lease, entry = self._room.leasing.request(speaker.required(), question)
                return Decided(lease=await leases.request(lease, entry))
            case Watch():
                raise AssertionError("a watcher has left the room of questions")
            case _:
                assert_never(question)

    async def _decide(self, said: Decide) -> Lease:
        leases, speaker = self._room.leases, self._speaker
        lease = leases.find(said.request)
        if said.verdict in ("withdraw", "revoke"):
            return await self._take_back(said, lease)
        who = speaker.required()
        if said.verdict == "deny":
            return await leases.refuse(lease.id, who, speaker.approver(""), said.reason)
        if said.verdict in ("break-glass", "review"):
            return await self._glass(said, lease, who)
        rules, approver = self._room.config().approvals, speaker.approver(said.group or group_of(lease, who))
        card = None if said.signature is None else await self._sealed(lease)
        return await leases.approve(lease.id, who, proven(rules, lease, approver, said.signature, card), said.reason)

    async def _take_back(self, said: Decide, lease: Lease) -> Lease:
        """By whoever asked, approved it, or runs the gateway; a lease in force also by whoever could have approved."""
        leases, speaker = self._room.leases, self._speaker
        who = speaker.principal
        if who is None and not speaker.operator:
            who = speaker.required()
        approver = speaker.approver("")
        if said.verdict == "revoke" and not isinstance(lease.scope, Span):
            raise ApprovalRefused(
                f"request {lease.id} is for one command: `interlock approvals withdraw` takes it back"
            )
        if said.verdict == "revoke" and who is not None and not is_party(lease, who):
            return await leases.refuse(lease.id, who, approver, said.reason)
        return await leases.withdraw(lease.id, who, approver, said.reason)

    async def _glass(self, said: Decide, lease: Lease, who: Principal) -> Lease:
        leases, speaker = self._room.leases, self._speaker
        if not said.reason or not said.reason.strip():
            raise ApprovalRefused("say why: --reason, or what a review found: --finding")
        if said.verdict == "review":
            return await leases.review(lease.id, who, speaker.approver(""), said.reason)
        group = self._room.config().approvals.break_glass
        approver = speaker.approver(group or "")
        return await leases.break_glass(lease.id, who, approver, said.reason, group=group, mfa=speaker.mfa)

    async def _sealed(self, lease: Lease) -> bytes | None:
        """Salt and card, as they are sealed beside the request; that somebody looks is recorded before."""
        room = self._room
        access = ledger_access_entry(id=room.new_id(), at=room.now(), by=self._speaker.name, records=[lease.id])
        await room.journal.append([access])
        with closing(open_for_reading(room.ledger.path)) as connection:
            reader = Reader(connection)
            sealed = reader.text(record_of(reader, reader.head().size, lease.id))
        if sealed is None:
            return None
        return Sealer(load(room.ledger.data_key_path)).open(sealed, lease.id.encode())

    async def _watch(self) -> None:
        def hear(what: str, lease: Lease, card: Card | None) -> None:
            self._say(Happened(what=what, lease=lease, at=self._room.now()))

        self._room.leases.listen(hear)
        self._say(Open(leases=self._room.leases.open()))
        try:
            await self._reader.read()  # nothing more is said on this side: its end is what counts
        finally:
            self._room.leases.deaf(hear)

    def _say(self, answer: Answer) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(answer) + b"\n")
