"""Long texts are read in processes of their own, with a deadline: what stalls or swells there is killed."""

import asyncio
import pickle
import resource
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.statement import Statement
from interlock.intent.sql.understand import Scope, understand
from interlock.model import Finding, FindingCode, Intent

DEADLINE_SECONDS: Final = 5.0
PROCESSES: Final = 2  # one text that takes its whole deadline holds nobody up
MOST_WAITING: Final = 32
_MEMORY: Final = 2 << 30
_LENGTH: Final = 4
_MOST_CATALOGS: Final = 16

_BUSY: Final = "too many long texts wait to be read; try again in a moment, or send it in smaller statements"
_TOO_LARGE: Final = "the text needs too much memory to be read; send it in smaller statements"


class Analyst:
    """Hands texts to its processes, in the order in which they came.

    A text may be read for `deadline` seconds and wait for its turn for `patience` seconds; at most `most_waiting` wait.
    """

    def __init__(
        self,
        *,
        deadline: float = DEADLINE_SECONDS,
        patience: float = DEADLINE_SECONDS,
        processes: int = PROCESSES,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._deadline = deadline
        self._patience = patience
        self._most_waiting = most_waiting
        self._waiting = 0
        self._desks = [_Desk() for _ in range(processes)]
        self._idle: asyncio.LifoQueue[_Desk] = asyncio.LifoQueue()  # who read last has the catalogue
        for desk in self._desks:
            self._idle.put_nowait(desk)

    async def __call__(self, text: str, scope: Scope, limits: Limits) -> tuple[Statement, ...]:
        """As `understand`; a text that cannot be read in time is one statement that is not understood."""
        desk = await self._turn()
        if desk is None:
            return (_refused(text, _BUSY),)
        answered = False
        try:
            async with asyncio.timeout(self._deadline):
                found = await desk.ask(text, scope, limits)
            answered = True
        except TimeoutError:
            message = f"the text could not be read within {self._deadline:g} s; send it in smaller statements"
            return (_refused(text, message),)
        except (OSError, asyncio.IncompleteReadError):
            return (_refused(text, _TOO_LARGE),)
        finally:
            if not answered:
                desk.kill()  # or the next text would get this one's answer
            self._idle.put_nowait(desk)
        return found

    async def close(self) -> None:
        """Kill the processes."""
        for desk in self._desks:
            await desk.close()

    async def _turn(self) -> "_Desk | None":
        if self._waiting >= self._most_waiting and self._idle.empty():
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._idle.get()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1


class _Desk:
    """One process, which is started when it is first needed and again after it was killed."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._killed: list[asyncio.subprocess.Process] = []  # and not yet gone
        self._known: set[tuple[str, str]] = set()  # catalogues that the process has

    async def ask(self, text: str, scope: Scope, limits: Limits) -> tuple[Statement, ...]:
        """As `understand`. Raises OSError or IncompleteReadError when the process ends over it."""
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        catalog = scope.catalog
        key = (catalog.epoch, str(sorted(catalog.labels.entries.items())))
        saved = None if key in self._known else (catalog.to_json(), catalog.labels)
        if len(self._known) >= _MOST_CATALOGS:
            self._known.clear()
        self._known.add(key)
        names = (dict(scope.prepared), dict(scope.cursors))
        data = pickle.dumps((text, key, saved, scope.target, scope.search_path, scope.user, *names, limits))
        process.stdin.write(len(data).to_bytes(_LENGTH, "big") + data)
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(_LENGTH), "big")
        statements: tuple[Statement, ...] = pickle.loads(await process.stdout.readexactly(size))
        return statements

    def kill(self) -> None:
        """Let go of the process; `close` sees it gone, and the event loop buries it before that if it can."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        self._killed = [killed for killed in self._killed if killed.returncode is None] + [process]

    async def close(self) -> None:
        """Kill the process, and see it and those before it gone, their pipes closed."""
        self.kill()
        for process in self._killed:
            await process.communicate()
        self._killed.clear()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._known = set()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "interlock.app.serve.analyst",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        return self._process


def _refused(text: str, message: str) -> Statement:
    finding = Finding(code=FindingCode.OVER_LIMIT, message=message)
    intent = Intent(effects=(), returns=None, findings=(finding,), understood=False, shape="", fingerprint="")
    return Statement(text=text, span=(0, len(text)), node="", intent=intent)


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Read texts until there are no more, or one needs too much memory: its asker sees the pipe end."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with suppress(MemoryError):
        _serve(requests, answers)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    catalogs: dict[tuple[str, str], Catalog] = {}
    while head := requests.read(_LENGTH):
        text, key, saved, target, path, user, prepared, cursors, limits = pickle.loads(
            requests.read(int.from_bytes(head, "big"))
        )
        if saved is not None:
            if len(catalogs) >= _MOST_CATALOGS:
                catalogs.clear()
            catalogs[key] = Catalog.from_json(saved[0], labels=saved[1])
        scope = Scope(
            catalog=catalogs[key], target=target, search_path=path, user=user, prepared=prepared, cursors=cursors
        )
        data = pickle.dumps(understand(text, scope, limits))
        answers.write(len(data).to_bytes(_LENGTH, "big") + data)
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
