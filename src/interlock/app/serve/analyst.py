"""Long texts are read in a process of their own, with a deadline: what stalls or swells there is killed."""

import asyncio
import pickle
import resource
import sys
from typing import BinaryIO, Final

from interlock.intent.sql.catalog import Catalog
from interlock.intent.sql.limits import Limits
from interlock.intent.sql.statement import Statement
from interlock.intent.sql.understand import Scope, understand
from interlock.model import Finding, FindingCode, Intent

DEADLINE_SECONDS: Final = 5.0
_MEMORY: Final = 2 << 30
_LENGTH: Final = 4
_MOST_CATALOGS: Final = 16


class Analyst:
    """Calls the other process, which is started when it is first needed and again after it was killed."""

    def __init__(self, *, deadline: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._known: set[tuple[str, str]] = set()  # catalogues that the process has

    async def __call__(self, text: str, scope: Scope, limits: Limits) -> tuple[Statement, ...]:
        """As `understand`; a text that takes too long is one statement that is not understood."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline):
                    return await self._ask(text, scope, limits)
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                await self.close()
                return (_too_long(text, self._deadline),)

    async def close(self) -> None:
        """Kill the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _ask(self, text: str, scope: Scope, limits: Limits) -> tuple[Statement, ...]:
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

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._known = set()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "interlock.app.serve.analyst",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        return self._process


def _too_long(text: str, deadline: float) -> Statement:
    finding = Finding(
        code=FindingCode.OVER_LIMIT,
        message=f"the text could not be read within {deadline:g} s; send it in smaller statements",
    )
    intent = Intent(effects=(), returns=None, findings=(finding,), understood=False, shape="", fingerprint="")
    return Statement(text=text, span=(0, len(text)), node="", intent=intent)


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Read texts until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
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
