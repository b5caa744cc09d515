"""The scripted agent: a real driver that asks, and keeps what it is told."""

from dataclasses import dataclass
from time import perf_counter

import asyncpg

from demo.stories import Question, Story, Way

PATIENCE = 30.0  # seconds, of which a busy machine needs some to count a bulk delete; who still answers has not refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows as the driver made them, under the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error exactly as the client sees it; None where the field was not sent."""

    severity: str
    sqlstate: str
    message: str
    detail: str | None
    hint: str | None
    milliseconds: float

    @property
    def text(self) -> str:
        """All that was said, for looking words up in it."""
        return "\n".join(part for part in (self.message, self.detail, self.hint) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Nobody stopped it. `received` counts rows, or bytes of a COPY."""

    received: int
    milliseconds: float


async def ask(connection: asyncpg.Connection, question: Question) -> Answer:
    """Put an honest question, as a prepared statement. Raises asyncpg.PostgresError when it is refused."""
    began = perf_counter()
    statement = await connection.prepare(question.sql)
    rows = await statement.fetch(*question.arguments)
    return Answer(
        columns=tuple(column.name for column in statement.get_attributes()),
        rows=[tuple(row) for row in rows],
        milliseconds=_since(began),
    )


async def attempt(connection: asyncpg.Connection, story: Story) -> Refusal | Passed:
    """Try what a story tells, in its way."""
    began = perf_counter()
    try:
        return Passed(received=await _send(connection, story), milliseconds=_since(began))
    except TimeoutError:
        return Passed(received=0, milliseconds=_since(began))
    except asyncpg.PostgresError as error:
        told = error.as_dict()
        return Refusal(
            severity=told.get("severity") or "ERROR",
            sqlstate=told.get("sqlstate") or "",
            message=told.get("message") or "",
            detail=told.get("detail"),
            hint=told.get("hint"),
            milliseconds=_since(began),
        )


async def _send(connection: asyncpg.Connection, story: Story) -> int:
    match story.way:
        case Way.SIMPLE:
            await connection.execute(story.sql)
            return 0
        case Way.PREPARED:
            return len(await connection.fetch(story.sql, timeout=PATIENCE))
        case Way.COPY:
            return await _copied(connection, story.sql)


async def _copied(connection: asyncpg.Connection, sql: str) -> int:
    received = 0

    async def count(piece: bytes) -> None:
        nonlocal received
        received += len(piece)

    await connection.copy_from_query(sql, output=count, format="csv", timeout=PATIENCE)
    return received


def _since(began: float) -> float:
    return (perf_counter() - began) * 1000
