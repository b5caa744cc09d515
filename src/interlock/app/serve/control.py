"""What supervisor and workers say to each other: JSON lines over a socket pair."""

import asyncio
import socket
from collections.abc import AsyncIterator

import msgspec

from interlock.access.budgets import Count, Reserve, Step
from interlock.ledger.leaf import Entry
from interlock.model import End, Lease, Principal


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """A worker takes clients."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag="counted"):
    """All counters of a worker since it began: (name, label values in order) -> count."""

    counts: list[tuple[str, tuple[str, ...], float]]


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """A CancelRequest for a session of another worker."""

    pid: int
    secret: bytes


class Activate(msgspec.Struct, frozen=True, kw_only=True, tag="activate"):
    """What is in force from now on: the text of interlock.toml the files of the policy pack, and
    the runbooks.

    Workers never read these themselves: what was not activated, and so not recorded, must not decide. `gateway` is
    the name that records bear since the start.
    """

    gateway: str
    config: str
    pack: dict[str, str]
    runbooks: dict[str, str] = {}


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """Take nobody new and end when every session has come to rest."""


class Cut(msgspec.Struct, frozen=True, kw_only=True, tag="cut"):
    """End every session now."""


class Began(msgspec.Struct, frozen=True, kw_only=True, tag="began"):
    """A lease for a while is in force."""

    lease: Lease


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """It no longer is: nothing may be begun under it, and whoever works under it is cut off."""

    lease: Lease


class Seek(msgspec.Struct, frozen=True, kw_only=True, tag="seek"):
    """A worker asks for the lease that is bound to a command; answered by `Sought`."""

    number: int
    digest: str
    principal: Principal


class Sought(msgspec.Struct, frozen=True, kw_only=True, tag="sought"):
    """What there is, and whether one more may be asked for. The answer to `Await` as well."""

    number: int
    lease: Lease | None
    room: bool = True


class Append(msgspec.Struct, frozen=True, kw_only=True, tag="append"):
    """Records and the ends of leases, in one durable append; answered by `Appended`. `under` are leases that have to be
    in force for it."""

    number: int
    entries: list[Entry]
    ends: dict[str, tuple[End, str]]
    under: list[str] = []


class Appended(msgspec.Struct, frozen=True, kw_only=True, tag="appended"):
    """Whether they are durable: not where a lease was over. `full` where the disk takes no new work."""

    number: int
    done: bool
    full: str | None = None


class Await(msgspec.Struct, frozen=True, kw_only=True, tag="await"):
    """A worker waits until a lease is no longer pending; answered by `Sought`."""

    number: int
    lease: str


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """It waits no longer."""

    number: int


class Draw(msgspec.Struct, frozen=True, kw_only=True, tag="draw"):
    """A worker reserves, and asks what everybody else has used by then (`at`, in microseconds); answered by `Drawn`."""

    number: int
    steps: list[Reserve]
    counts: list[Count]
    at: int


class Drawn(msgspec.Struct, frozen=True, kw_only=True, tag="drawn"):
    """What was used, in the order of the question; None where nobody knows."""

    number: int
    used: list[int | None]


class Used(msgspec.Struct, frozen=True, kw_only=True, tag="used"):
    """What a worker's commands reserve, and have used: told before the records that say so are handed over."""

    steps: list[Step]


Asked = Seek | Append | Await | Forget | Draw | Used
Answered = Sought | Appended | Drawn
Message = Ready | Counted | Cancel | Activate | Drain | Cut | Began | Ended | Asked | Answered

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


class Channel:
    """One end of the socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, connection: socket.socket) -> "Channel":
        """Take a connected socket over."""
        return cls(*await asyncio.open_connection(sock=connection, limit=1 << 26))

    def send(self, message: Message) -> None:
        """Queue a message; a peer that is gone hears nothing."""
        if not self._writer.is_closing():
            self._writer.write(_encode(message) + b"\n")

    async def messages(self) -> AsyncIterator[Message]:
        """Until the other end is gone. Killed, it leaves half a line, or a reset where it had not read everything."""
        while (line := await self._line()).endswith(b"\n"):
            yield _decode(line)

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
