"""A socket of the owner's own."""

import asyncio
import os
import stat
from pathlib import Path

from interlock.app.sockets import listen_privately


def test_nobody_else_can_connect_and_nothing_is_left(tmp_path: Path) -> None:
    place = tmp_path / "private"
    place.write_text("what was left by somebody who was killed")
    before = os.umask(0)  # the most open that an account can have

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def run() -> tuple[int, bytes]:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(listen_privately(place, echo))
            while not place.is_socket():
                await asyncio.sleep(0)
            mode = stat.S_IMODE(place.stat().st_mode)
            reader, writer = await asyncio.open_unix_connection(place)
            writer.write(b"hello\n")
            said = await reader.readline()
            writer.close()
            serving.cancel()
        return mode, said

    try:
        assert asyncio.run(run()) == (0o600, b"hello\n")
    finally:
        assert os.umask(before) == 0
    assert not place.exists()
