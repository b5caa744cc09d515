"""Nobody who has not logged in yet can take anything from those who have: not a session, not a descriptor."""

import resource
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres.messages import build_query
from interlock.wire.postgres.startup import build_ssl_request, build_startup
from tests.attacks.test_protocol import dial
from tests.attacks.wire import Wire, rows, secured
from tests.stand import PERSON, TARGET, Stand, standing, wait_for
from tests.stories.test_serving import workers
from tests.stories.worlds import SMALL

SPARE: Final = 30  # descriptors that are left to clients
CALLERS: Final = 3 * SPARE
LOGIN: Final = build_startup({"user": PERSON, "database": TARGET})


@pytest.fixture(scope="module")
def crowded(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Running, with TLS for who asks for it."""
    directory: Path = tmp_path_factory.mktemp("crowded")
    with standing(postgres18, directory, SMALL, tls="generated") as made:
        made.start()
        yield made
        made.end_well()


def works(wire: Wire) -> bool:
    return rows(wire.ask(build_query("SELECT 1"))) == ["1"]


def test_no_descriptor_left_ends_no_session(crowded: Stand) -> None:
    (worker,) = workers(crowded)
    before = worker.rlimit(resource.RLIMIT_NOFILE)
    with Wire(crowded) as inside:
        assert works(inside)
        most = worker.num_fds() + SPARE
        worker.rlimit(resource.RLIMIT_NOFILE, (most, before[1]))
        try:
            with ExitStack() as callers:
                for _ in range(CALLERS):
                    callers.enter_context(dial(crowded))
                wait_for(lambda: worker.num_fds() >= most, what=lambda: "there are descriptors left")
                for _ in range(20):
                    assert works(inside)
            with Wire(crowded) as newcomer:  # as soon as the others are gone
                assert works(newcomer)
            assert works(inside)
        finally:
            worker.rlimit(resource.RLIMIT_NOFILE, before)
    assert [one.pid for one in workers(crowded)] == [worker.pid]
    assert "starting another" not in crowded.log


INSIDE_TLS: Final = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": b"\0" * 64,
    "version 2": struct.pack(">ii", 8, 131072),
    "too long": struct.pack(">ii", 1 << 20, 196608),
    "too short": struct.pack(">i", 4),
    "TLS once more": build_ssl_request(),
    "bytes behind it": LOGIN + build_query("SELECT 1"),
    "no end": struct.pack(">ii", 13, 196608) + b"user\0",
}


@pytest.mark.parametrize("kind", INSIDE_TLS)
def test_the_gateway_hangs_up_on_strange_callers_inside_tls(crowded: Stand, kind: str) -> None:
    """The client only sends, and keeps its side open."""
    (worker,) = workers(crowded)
    before = worker.num_fds()
    callers = [secured(dial(crowded)) for _ in range(5)]
    try:
        for caller in callers:
            caller.sendall(INSIDE_TLS[kind])
        for caller in callers:
            assert hung_up(caller)
        wait_for(lambda: worker.num_fds() <= before, what=lambda: "the gateway keeps what nobody uses")
    finally:
        for caller in callers:
            caller.close()


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x00\x05hello", b"GET / HTTP/1.1\r\n\r\n"], ids=["tls", "http"])
def test_the_gateway_hangs_up_on_a_strange_handshake(crowded: Stand, hello: bytes) -> None:
    (worker,) = workers(crowded)
    before = worker.num_fds()
    with dial(crowded) as caller:
        caller.sendall(build_ssl_request())
        assert caller.recv(1) == b"S"
        caller.sendall(hello)
        assert hung_up(caller)
        wait_for(lambda: worker.num_fds() <= before, what=lambda: "the gateway keeps what nobody uses")


def hung_up(caller: socket.socket) -> bool:
    """Waits, within the socket's timeout, until the other side is gone."""
    try:
        while caller.recv(4096):
            pass
    except (ConnectionResetError, ssl.SSLError):
        pass
    return True


def test_what_is_gone_at_once_costs_nothing(crowded: Stand) -> None:
    """Reset before anybody could greet it."""
    with Wire(crowded) as inside:
        for _ in range(50):
            with dial(crowded) as caller:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert works(inside)
        with Wire(crowded) as newcomer:
            assert works(newcomer)
