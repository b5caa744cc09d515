"""A believable shop of about 296,000 rows, the same every time, made inside the database."""

import sys
from pathlib import Path

import asyncpg

SQL = Path(__file__).with_name("sql")
PARTS = ("tables.sql", "rows.sql", "keys.sql")

TABLES = (
    "customers",
    "products",
    "orders",
    "order_items",
    "payments",
    "sessions",
    "support_tickets",
    "events",
    "audit_log",
)
ROWS = " UNION ALL ".join(
    f"SELECT '{table}' AS name, hashtextextended(t::text, 0) AS hash FROM public.{table} AS t" for table in TABLES
)
DIFFERENCE = f"""
SELECT name, sum(greatest(balance, 0))::int AS gone, sum(greatest(-balance, 0))::int AS came
FROM (
    SELECT name, hash, sum(one) AS balance
    FROM (SELECT *, 1 AS one FROM pg_temp.remembered UNION ALL SELECT *, -1 FROM ({ROWS}) AS now) AS then_and_now
    GROUP BY name, hash
    HAVING sum(one) <> 0
) AS differing
GROUP BY name"""
DIGEST = "SELECT coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM public.{table} AS t"


def script(scale: float = 1.0) -> str:
    """The whole shop as one SQL text for an empty database of PostgreSQL 15 or later, UTF8.

    `scale` multiplies every table but products; 1.0 is 12,000 customers and 42,000 orders. Sent as one
    simple query it is one transaction: all of the shop, or none of it.
    """
    settings = {"shop.scale": f"{scale:g}", "timezone": "UTC", "search_path": "public"}
    pins = "".join(f"SELECT set_config('{name}', '{value}', true);\n" for name, value in settings.items())
    return pins + "\n".join((SQL / part).read_text(encoding="utf-8") for part in PARTS)


async def load(connection: asyncpg.Connection, scale: float = 1.0) -> None:
    """Fill an empty database with the shop; in seconds at scale 1, in a fraction of one at 0.02."""
    await connection.execute(script(scale))


async def count(connection: asyncpg.Connection) -> dict[str, int]:
    """Exact rows of every table, by its name."""
    counts = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS rows FROM public.{table}" for table in TABLES)
    return {row["name"]: row["rows"] for row in await connection.fetch(counts)}


async def digest(connection: asyncpg.Connection) -> dict[str, str]:
    """For every table a number made of all its rows, in whatever order; equal shops have equal digests."""
    async with connection.transaction(readonly=True):
        await connection.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'")
        return {table: await connection.fetchval(DIGEST.format(table=table)) for table in TABLES}


async def remember(connection: asyncpg.Connection) -> None:
    """Keep a number for every row there is, for this connection to compare with later."""
    await connection.execute(f"DROP TABLE IF EXISTS pg_temp.remembered; CREATE TEMPORARY TABLE remembered AS {ROWS}")


async def difference(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Since `remember`, of each table that differs: (rows that are gone, rows that came). A changed row is in both."""
    return {row["name"]: (row["gone"], row["came"]) for row in await connection.fetch(DIFFERENCE)}


if __name__ == "__main__":
    sys.stdout.write(script(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
