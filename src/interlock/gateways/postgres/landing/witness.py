"""Another session of the target's: it still sees the rows that a unit has taken, while that unit is open."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg

from interlock.gateways.postgres.target.side import SIDE_TROUBLE, SideConnection
from interlock.impact import content as rows
from interlock.model import Content, Impact

SECONDS: Final = 3.0  # in all: the unit keeps its locks for that long
_EACH: Final = "1s"


class Witness:
    """Asks for one target, about one unit after the other. What it could not see counts as not known."""

    def __init__(self, connect: Callable[[], Awaitable[SideConnection]]) -> None:
        self._connect = connect
        self._lock = asyncio.Lock()

    async def __call__(self, impact: Impact, asked: Sequence[rows.Question]) -> Content:
        """What is known of the rows that a unit of this impact took."""
        answers: list[rows.Answer] = []
        if asked:
            try:
                async with asyncio.timeout(SECONDS), self._lock:
                    await self._ask(asked, answers)
            except SIDE_TROUBLE:
                return rows.content(impact, answers)  # what was answered until then holds
        return rows.content(impact, answers)

    async def _ask(self, asked: Sequence[rows.Question], answers: list[rows.Answer]) -> None:
        connection = await self._connect()
        try:
            for question in asked:
                answers.append(await _answer(connection, question))
        finally:
            connection.terminate()


async def _answer(connection: SideConnection, question: rows.Question) -> rows.Answer:
    """A table that may not be read, whose policies hide rows, or that is too large to look through, says nothing."""
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = '{_EACH}'; SET LOCAL row_security = off")
            sample = await connection.fetch(question.sample) if question.sample else []
            said = await connection.fetchrow(question.keys) if question.keys else None
    except asyncpg.PostgresError:
        return rows.Answer(question=question)
    return rows.Answer(
        question=question,
        rows=None if said is None else said[0],
        keys=None if said is None else said[1],
        sample=tuple(row[0] for row in sample),
    )
