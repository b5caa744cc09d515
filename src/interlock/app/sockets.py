"""A socket in the file system that nobody but its owner can connect to."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

_LINE: Final = 1 << 16  # bytes; asyncio's own

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def listen_privately(path: Path, converse: Converse, *, longest_line: int = _LINE) -> None:
    """Serve until cancelled; what lies at `path` is replaced, and removed in the end."""
    path.unlink(missing_ok=True)
    old = os.umask(0o177)  # it is made with these rights: there is no moment in which others could connect
    try:
        server = await asyncio.start_unix_server(converse, path, limit=longest_line)
    finally:
        os.umask(old)
    try:
        async with server:
            await server.serve_forever()
    finally:
        path.unlink(missing_ok=True)
