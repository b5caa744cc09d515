"""A session that owns nothing: what its login may do, seen from outside and from inside, before, during and after."""

import asyncio
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import asyncpg

from demo.agent import Passed, attempt
from demo.play import DENIED, Play
from demo.stories import Story

COMMAND: Final = "SELECT status, count(id) FROM orders GROUP BY status"
NEEDED: Final = ("SELECT on orders.id", "SELECT on orders.status")
# What the session itself is told, by the server and by the gateway.
INSIDE: Final = (
    ("From inside it cannot even look", "SELECT has_table_privilege('public.orders', 'SELECT')"),
    ("Nor take on the role of the owner", "SET ROLE shop_owner"),
)
_HELD: Final = """
SELECT what || ' on ' || relname || coalesce('.' || attname, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'analytics', 'crm')
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS what
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND what IN ('SELECT', 'UPDATE')
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND CASE WHEN attname IS NULL THEN has_table_privilege($1, c.oid, what)
  ELSE has_column_privilege($1, c.oid, a.attnum, what) END
ORDER BY 1
"""
_WAITS: Final = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'"
_SECONDS: Final = 30.0


@dataclass(slots=True, kw_only=True)
class Lending:
    """A person's connection to the same shop with `access = "per-command"`, and ours straight to the database."""

    play: Play
    person: asyncpg.Connection

    async def perform(self) -> None:
        """Before, during and after one command."""
        self.play.screen.chapter(
            "Nobody holds a privilege that nobody uses",
            "The same shop, where each command is lent what it needs and nothing else.",
            pictured=True,
        )
        login = await self.person.fetchval("SELECT session_user")
        began = perf_counter()
        await self.person.fetch(COMMAND)  # while a lock of ours stands, nobody could grant what it needs
        seen = [await self._held(login), await self._during(login), await self._held(login)]
        title = "One command, and what its session may do"
        if seen != [(), NEEDED, ()]:
            self.play.failed(title, f"before, during and after {login} held {seen}")
            return
        proof = f"From outside: nothing before, {' and '.join(NEEDED)} during, nothing after."
        self._show(title, (perf_counter() - began) * 1000, proof)
        for title, sql in INSIDE:
            await self._from_inside(title, sql)

    async def _during(self, login: str) -> tuple[str, ...]:
        """A lock of ours keeps the command waiting while we look."""
        direct = self.play.direct
        async with asyncio.TaskGroup() as group, direct.transaction():
            await direct.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            group.create_task(self.person.fetch(COMMAND))
            async with asyncio.timeout(_SECONDS):
                while not await direct.fetchval(_WAITS, login):
                    await asyncio.sleep(0.05)
            return await self._held(login)

    async def _held(self, login: str) -> tuple[str, ...]:
        return tuple(row[0] for row in await self.play.direct.fetch(_HELD, login))

    async def _from_inside(self, title: str, sql: str) -> None:
        end = await attempt(self.person, Story(title=title, motive="", sql=sql, policy=""))
        if isinstance(end, Passed):
            self.play.failed(title, f"`{sql}` passed")
        elif end.sqlstate != DENIED:
            self.play.failed(title, f"`{sql}` failed, but not for want of a privilege: {end.message}")
        else:
            self._show(title, end.milliseconds, f"{sql}: {end.message}")

    def _show(self, title: str, milliseconds: float, proof: str) -> None:
        self.play.screen.landed("✓", title, milliseconds, proof)
        self.play.results.append((True, title, "nothing stands", f"{milliseconds:.1f} ms"))
