"""The processes that read long texts: same answers, a deadline, a queue with an end, and nobody held up by another."""

import asyncio
from collections.abc import Callable, Coroutine

import psutil
import pytest

from interlock.app.serve.analyst import Analyst
from interlock.intent.sql import Statement, understand
from interlock.intent.sql.limits import DEFAULT_LIMITS
from interlock.model import FindingCode
from tests.intent.sql.shop import scope

LONG = "SELECT id FROM orders WHERE id IN (" + ", ".join(str(n) for n in range(5_000)) + ")"
OTHER = LONG.replace("SELECT id", "SELECT note")

Story = Callable[[Analyst, asyncio.TaskGroup], Coroutine[None, None, None]]


def play(analyst: Callable[[], Analyst], story: Story) -> None:
    async def run() -> None:
        made = analyst()
        try:
            async with asyncio.TaskGroup() as tasks:
                await story(made, tasks)
        finally:
            for process in processes():
                process.resume()
            await made.close()

    asyncio.run(run())


def processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if _is_analyst(child)]


def _is_analyst(child: psutil.Process) -> bool:
    try:
        return "interlock.app.serve.analyst" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # it was another test's, and ends just now
        return False


async def read(analyst: Analyst, text: str) -> tuple[Statement, ...]:
    return await analyst(text, scope(), DEFAULT_LIMITS)


async def stuck(analyst: Analyst, tasks: asyncio.TaskGroup) -> "asyncio.Task[tuple[Statement, ...]]":
    """A text that is being read, by a process that stands still."""
    await read(analyst, LONG)
    (process,) = processes()
    process.suspend()
    task = tasks.create_task(read(analyst, LONG))
    await asyncio.sleep(0)  # it has its turn now
    return task


def why(found: tuple[Statement, ...]) -> str:
    (refused,) = found
    assert not refused.intent.understood
    (finding,) = refused.intent.findings
    assert finding.code is FindingCode.OVER_LIMIT
    return finding.message


def test_it_reads_as_the_function_does() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        for text in (LONG, "DROP TABLE orders"):
            assert await read(analyst, text) == understand(text, scope(), DEFAULT_LIMITS)

    play(Analyst, story)


def test_what_takes_too_long_is_not_understood() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        for _ in range(2):
            assert "within 0 s" in why(await read(analyst, LONG))

    play(lambda: Analyst(deadline=0.0), story)


def test_a_killed_process_is_started_again() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        await read(analyst, LONG)
        (process,) = processes()
        process.kill()
        process.wait()
        found = await read(analyst, LONG)
        if not found[0].intent.understood:  # its end was not heard of yet: that text is lost
            assert "memory" in why(found)
            found = await read(analyst, LONG)
        assert found[0].intent.understood

    play(Analyst, story)


def test_a_text_that_swells_is_told_from_one_that_stalls() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        task = await stuck(analyst, tasks)
        (process,) = processes()
        process.kill()
        assert "memory" in why(await task)

    play(Analyst, story)


def test_a_slow_text_holds_nobody_up() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        slow = await stuck(analyst, tasks)
        for _ in range(3):
            (found,) = await read(analyst, OTHER)
            assert found.intent.understood
        assert not slow.done()
        for process in processes():
            process.resume()
        assert await slow == understand(LONG, scope(), DEFAULT_LIMITS)

    play(lambda: Analyst(deadline=60), story)


def test_only_so_many_wait() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        slow = await stuck(analyst, tasks)
        waiting = tasks.create_task(read(analyst, OTHER))
        await asyncio.sleep(0)
        assert "too many long texts" in why(await read(analyst, OTHER))
        for process in processes():
            process.resume()
        assert await slow == understand(LONG, scope(), DEFAULT_LIMITS)
        assert await waiting == understand(OTHER, scope(), DEFAULT_LIMITS)

    play(lambda: Analyst(deadline=60, patience=60, processes=1, most_waiting=1), story)


def test_nobody_waits_longer_than_its_patience() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        slow = await stuck(analyst, tasks)
        assert "too many long texts" in why(await read(analyst, OTHER))
        assert not slow.done()
        for process in processes():
            process.resume()
        assert await slow == understand(LONG, scope(), DEFAULT_LIMITS)

    play(lambda: Analyst(deadline=60, patience=0, processes=1), story)


def test_who_leaves_in_the_middle_leaves_no_answer_for_the_next() -> None:
    async def story(analyst: Analyst, tasks: asyncio.TaskGroup) -> None:
        slow = await stuck(analyst, tasks)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert await read(analyst, OTHER) == understand(OTHER, scope(), DEFAULT_LIMITS)

    play(lambda: Analyst(processes=1), story)
