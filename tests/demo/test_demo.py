"""The demo as a stranger runs it: it ends well, reads well without colour, can be joined, and leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import asyncpg
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A temporary directory for everything the demo makes: short, for its sockets, and open to the server's account."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def try_to_join(url: str) -> str:
    """What a guest is told who counts orders through the gateway and then deletes them."""
    connection = await asyncpg.connect(url)
    try:
        landed = 1_016  # the delete that was approved
        assert await connection.fetchval("SELECT count(*) FROM orders") == 42_000 - landed
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as refusal:
            await connection.execute("DELETE FROM orders WHERE 1 = 1")
        return str(refusal.value)
    finally:
        await connection.close()


def read_until(stream: IO[str], text: str) -> list[str]:
    """Lines up to and with the one that holds `text`, or all there are."""
    lines: list[str] = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if text in line:
            break
    return lines


def test_the_whole_demo(elsewhere: Path) -> None:
    picture = elsewhere / "picture.svg"
    environment = os.environ | {"NO_COLOR": "1", "TMPDIR": str(elsewhere), "COLUMNS": "200"}
    command = [sys.executable, "-m", "demo", "--keep", "--record", str(picture)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            told = read_until(demo.stdout, "as expected, in")
            assert "24 of 24 as expected" in told[-1], "\n".join(told)
            invitation = read_until(demo.stdout, "asyncpg.connect(")[-1]
            refused = asyncio.run(try_to_join(invitation.split('"')[1]))
        finally:
            demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        code = demo.wait()

    assert "interlock blocked delete on public.orders" in refused
    assert code == 0
    assert max(map(len, told)) <= 80
    assert any("change on public.payments: more than 1,000 rows" in line for line in told)
    assert any("From outside: nothing before" in line for line in told)
    assert "\x1b" not in "".join(told)
    assert "interlock blocked" in picture.read_text(encoding="utf-8").replace("&#160;", " ")
    picture.unlink()
    assert list(elsewhere.iterdir()) == []
