"""The demo says so when something was not as expected: a demo that cannot fail shows nothing."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from demo import shop
from demo.harm import harm
from demo.play import Play
from demo.screen import Screen
from demo.stories import QUESTIONS, STORIES
from tests.conftest import Database

READER = """
CREATE ROLE demo_reader LOGIN PASSWORD 'reader';
GRANT USAGE ON SCHEMA analytics TO demo_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO demo_reader;
GRANT UPDATE ON support_tickets TO demo_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO demo_reader;
"""


def in_small_shop(database: Database, act: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database.dsn)
        try:
            await shop.load(connection, 0.02)
            await act(connection)
        finally:
            await connection.close()

    asyncio.run(run())


def test_harm_is_counted_and_undone(database18: Database) -> None:
    async def act(direct: asyncpg.Connection) -> None:
        before = await shop.digest(direct)
        would = {story.title: await harm(direct, story) for story in STORIES}
        assert await shop.digest(direct) == before
        assert would["DELETE without WHERE"] == "delete 180 sessions"
        assert would["DROP SCHEMA"].startswith("drop 9 tables with ")
        assert would["DELETE with a WHERE that is always true"].startswith("delete 840 orders, ")
        assert all(would.values())

    in_small_shop(database18, act)


def test_a_story_that_passes_ends_the_play_and_is_named(
    database18: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def act(direct: asyncpg.Connection) -> None:
        unguarded = await asyncpg.connect(database18.dsn)
        play = Play(agent=unguarded, direct=direct, screen=Screen())
        await play.perform()
        await unguarded.close()
        assert play.failures == ["DROP SCHEMA: passed (0 received), and had to be stopped"]
        assert [fine for fine, *_ in play.results] == [True] * len(QUESTIONS) + [False]

    in_small_shop(database18, act)
    assert "✗ DROP SCHEMA: passed" in capsys.readouterr().out


def test_a_refusal_by_somebody_else_is_not_counted_as_ours(database18: Database) -> None:
    async def act(direct: asyncpg.Connection) -> None:
        await direct.execute(READER)
        try:
            reader = await asyncpg.connect(database18.dsn_as("demo_reader", "reader"))
            play = Play(agent=reader, direct=direct, screen=Screen())
            await play.perform()
            await reader.close()
        finally:
            await direct.execute("DROP OWNED BY demo_reader; DROP ROLE demo_reader")
        assert play.failures[0] == (
            "DROP SCHEMA: was refused, but not by `agents-do-not-restructure`: must be owner of schema public"
        )

    in_small_shop(database18, act)
