"""The listener by itself: who says nothing is hung up on, however far it came."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import pytest
import uvloop

from interlock.access.identity import Directory
from interlock.access.revocation import Revocations
from interlock.app.certificates import server_context
from interlock.gateways.postgres.arriving.doors import Settings
from interlock.gateways.postgres.arriving.login import Doorkeeper
from interlock.gateways.postgres.listen import Listener
from interlock.intent.sql import Statement
from interlock.intent.sql.limits import DEFAULT_LIMITS, Limits
from interlock.intent.sql.understand import Scope
from interlock.ledger.leaf import Entry
from interlock.model import Session
from interlock.wire.postgres.startup import build_gss_request, build_ssl_request, build_startup
from tests.certificates import Authority

SECONDS: Final = 20  # a client waits this long for the end
STARTUP: Final = build_startup({"user": "ana", "database": "shop"})


class Nobody:
    """Everything that is only needed once somebody has logged in, and the outcomes of those who have not."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    async def __call__(self, text: str, scope: Scope, limits: Limits) -> tuple[Statement, ...]:
        raise AssertionError("nobody is logged in")

    def session_start(self, session: Session) -> Entry:
        raise AssertionError("nobody is logged in")

    def session_end(self, session: Session, *, reason: str, commands: int) -> Entry:
        raise AssertionError("nobody is logged in")

    def login(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def sessions(self, change: int) -> None:
        raise AssertionError("nobody is logged in")


def listener(nobody: Nobody, tls: ssl.SSLContext) -> Listener:
    keeper = Doorkeeper(
        directory=Directory([]), terms=None, revocations=Revocations, binding=None, mock_secret=b"x" * 32,
        nonce=lambda: "n" * 24, now=lambda: 0,
    )  # fmt: skip
    settings = Settings(
        doors={}, keeper=keeper, tls=tls, require_tls=False, limits=DEFAULT_LIMITS, largest_message=1 << 20,
        max_connections=10,
    )  # fmt: skip
    return Listener(
        settings, gateway="g", worker=1, analyst=nobody, chronicle=nobody, counts=nobody, entropy=bytes,
        clock=lambda: 0.0, mark=lambda place: None, elsewhere=lambda request: None, login_seconds=1.0,
    )  # fmt: skip


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def plain(port: int, said: bytes, then: bytes = b"") -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    if then:
        await reader.readexactly(1)  # or it would be stuffed behind the request
        writer.write(then)
    return reader, writer


async def encrypted(port: int, said: bytes) -> Stream:
    reader, writer = await plain(port, build_ssl_request())
    assert await reader.readexactly(1) == b"S"
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(trusting)
    writer.write(said)
    return reader, writer


# whether inside TLS, and what is said before the silence
SILENT: Final[dict[str, tuple[bool, *tuple[bytes, ...]]]] = {
    "at once": (False, b""),
    "in its first packet": (False, STARTUP[:6]),
    "behind its first packet": (False, STARTUP),
    "before the handshake": (False, build_ssl_request()),
    "in the handshake": (False, build_ssl_request(), b"\x16\x03\x01\x02\x00\x01"),
    "behind the refusal of GSS": (False, build_gss_request()),
    "inside TLS": (True, b""),
    "inside TLS, in its first packet": (True, STARTUP[:6]),
    "inside TLS, behind its first packet": (True, STARTUP),
}


@pytest.mark.parametrize("where", SILENT)
def test_silence_is_hung_up_on(where: str, authority: Authority) -> None:
    issued = authority.issue("localhost")
    secure, *said = SILENT[where]

    async def story() -> Sequence[str]:
        nobody = Nobody()
        door = listener(nobody, server_context(issued.certificate, issued.key))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            port = listening.getsockname()[1]
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(door.serve(listening))
                reader, writer = await (encrypted(port, *said) if secure else plain(port, *said))
                async with asyncio.timeout(SECONDS):
                    while await reader.read(4096):
                        pass
                writer.close()
                door.drain()
                await serving
        return nobody.outcomes

    assert uvloop.run(story()) in (["garbled"], ["refused"])
