"""Supervisor and worker understand each other."""

import asyncio
import socket

import pytest

from interlock.app.serve.control import Activate, Cancel, Channel, Counted, Cut, Drain, Message, Ready

SAID: list[Message] = [
    Ready(),
    Counted(counts=[("interlock_commands", ("shop", "allow"), 3.0)]),
    Cancel(pid=1 << 20 | 7, secret=b"\x00\xff\n{"),
    Activate(gateway="g", config="[gateway]\n", pack={"a.cedar": "permit (principal, action, resource);"}),
    Drain(),
    Cut(),
]


def test_what_is_said_is_heard_in_order_until_the_other_hangs_up() -> None:
    async def talk() -> list[Message]:
        here, there = socket.socketpair()
        ours, theirs = await Channel.open(here), await Channel.open(there)
        for message in SAID:
            ours.send(message)
        ours.close()
        heard = [message async for message in theirs.messages()]
        theirs.send(Ready())  # nobody is there: no error either
        theirs.close()
        return heard

    assert asyncio.run(talk()) == SAID


@pytest.mark.parametrize("last", [b"", b'{"type":"ready"}\n{"type":"cou'])
@pytest.mark.parametrize("unread", [False, True])
def test_a_worker_that_is_killed_is_no_error(last: bytes, unread: bool) -> None:
    """What it was still writing ends in the middle of a line; what it had not read makes its end a reset."""

    async def talk() -> list[Message]:
        here, there = socket.socketpair()
        ours = await Channel.open(here)
        there.sendall(last)
        if unread:
            ours.send(Drain())
        there.close()
        heard = [message async for message in ours.messages()]
        ours.close()
        return heard

    assert asyncio.run(talk()) in ([], [Ready()])
