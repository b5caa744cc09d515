"""Supervisor and worker understand each other."""

import asyncio
import socket

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
