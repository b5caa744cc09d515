"""What a story would have done: tried straight on the database, counted, and rolled back."""

import json

import asyncpg

from demo import shop
from demo.stories import Story

COUNTABLE = 10_000_000  # rows
ALIVE = "SELECT coalesce(bool_and(to_regclass('public.' || name) IS NOT NULL), false) FROM unnest($1::text[]) AS name"


async def harm(connection: asyncpg.Connection, story: Story) -> str:
    """One clause in the conditional: `delete 12,000 customers, 42,000 orders`. Changes nothing."""
    if story.reads:
        return f"send {await _size(connection, story.sql)} rows to the agent"
    before = await shop.count(connection)
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.execute(story.text)
        if not await connection.fetchval(ALIVE, list(shop.TABLES)):
            return f"drop {len(before)} tables with {sum(before.values()):,} rows"
        after = await shop.count(connection)
    finally:
        await attempt.rollback()
    lost = {table.replace("_", " "): before[table] - after[table] for table in shop.TABLES}
    return "delete " + ", ".join(f"{rows:,} {table}" for table, rows in lost.items() if rows > 0)


async def _size(connection: asyncpg.Connection, query: str) -> str:
    """Rows of an answer, counted; but those of a join that multiplies as the planner expects them: who would wait?"""
    plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}"))
    expected: int = plan[0]["Plan"]["Plan Rows"]
    if expected > COUNTABLE:
        return f"about {expected / 1e9:,.1f} billion"
    return f"{await connection.fetchval(f'SELECT count(*) FROM ({query}) AS answer'):,}"
