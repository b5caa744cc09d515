"""What a story would have done: tried straight on the database, counted, and rolled back."""

import json

import asyncpg

from demo import shop
from demo.stories import Story

ALIVE = "SELECT coalesce(bool_and(to_regclass('public.' || name) IS NOT NULL), false) FROM unnest($1::text[]) AS name"


async def harm(connection: asyncpg.Connection, story: Story) -> str:
    """One clause in the conditional: `delete 12,000 customers, 42,000 orders`. Changes nothing."""
    if story.reads:
        return f"send {await _estimate(connection, story.sql)} rows to the agent"
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


async def _estimate(connection: asyncpg.Connection, query: str) -> str:
    """Rows as the planner expects them: the real number of a join that multiplies is better not waited for."""
    plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}"))
    rows: int = plan[0]["Plan"]["Plan Rows"]
    return f"{rows:,}" if rows < 1_000_000 else f"about {rows / 1_000_000:,.0f} million"
