"""The shop is the same shop every time, on every server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest

from demo import shop
from tests.conftest import Database

Seen = TypeVar("Seen")

COUNTS = {
    "customers": 12_000,
    "products": 480,
    "orders": 42_000,
    "order_items": 96_904,
    "payments": 41_798,
    "sessions": 9_000,
    "support_tickets": 3_600,
    "events": 90_000,
    "audit_log": 0,
}
DIGESTS = {
    "customers": "-12465219517777872865",
    "products": "-38679567961632301770",
    "orders": "1496163534822114689247",
    "order_items": "-632103970815111130339",
    "payments": "-599776777606548865868",
    "sessions": "-192948678115037428458",
    "support_tickets": "594214999961578717920",
    "events": "252197318886132481218",
    "audit_log": "0",
}

# Each counts the rows that break a rule; all of them together must be none.
BROKEN = {
    "ordered before signing up": "orders o JOIN customers c ON c.id = o.customer_id WHERE o.placed_at < c.created_at",
    "a total that is not the sum of its items": """orders o WHERE total <>
        (SELECT sum(quantity * unit_price) FROM order_items i WHERE i.order_id = o.id)""",
    "a mail address that could be somebody's": "customers WHERE email !~ '^[a-z0-9.-]+@[a-z-]+[.]example$'",
    "an account number that could be somebody's": "payments WHERE iban !~ '^[A-Z]{2}00[0-9]{18}$'",
    "an address without its parts": "customers WHERE '' IN (street, postal_code, city)",
}


def in_shop(database: Database, scale: float, look: Callable[[asyncpg.Connection], Awaitable[Seen]]) -> Seen:
    """What `look` sees in a new shop of this scale."""

    async def run() -> Seen:
        connection = await asyncpg.connect(database.dsn)
        try:
            await shop.load(connection, scale)
            return await look(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_every_load_makes_the_same_rows(database: Database) -> None:
    async def look(connection: asyncpg.Connection) -> tuple[dict[str, int], dict[str, str]]:
        return await shop.count(connection), await shop.digest(connection)

    counts, digests = in_shop(database, 1.0, look)
    assert counts == COUNTS
    assert digests == DIGESTS


def test_the_rows_make_sense_and_belong_to_nobody(database18: Database) -> None:
    async def look(connection: asyncpg.Connection) -> dict[str, int]:
        return {rule: await connection.fetchval(f"SELECT count(*) FROM {broken}") for rule, broken in BROKEN.items()}

    assert in_shop(database18, 0.2, look) == dict.fromkeys(BROKEN, 0)


def test_a_small_shop_has_everything_in_it(database18: Database) -> None:
    counts = in_shop(database18, 0.01, shop.count)
    assert counts.pop("audit_log") == 0
    assert counts["products"] == 480
    assert counts["customers"] == 120
    assert all(counts.values())


def test_deleting_customers_takes_orders_and_items_and_is_audited(database18: Database) -> None:
    async def look(connection: asyncpg.Connection) -> dict[str, int]:
        await connection.execute("DELETE FROM customers")
        return await shop.count(connection)

    left = in_shop(database18, 0.01, look)
    assert {table for table, rows in left.items() if rows} == {"products", "payments", "events", "audit_log"}
    assert left["audit_log"] == 120


def test_a_second_load_leaves_the_first_untouched(database18: Database) -> None:
    async def look(connection: asyncpg.Connection) -> dict[str, int]:
        with pytest.raises(asyncpg.DuplicateObjectError):
            await shop.load(connection, 0.02)
        return await shop.count(connection)

    assert in_shop(database18, 0.01, look)["customers"] == 120
