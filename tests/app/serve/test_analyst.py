"""The process that reads long texts: same answers, a deadline, and no memory without end."""

import asyncio

from interlock.app.serve.analyst import Analyst
from interlock.intent.sql import understand
from interlock.intent.sql.limits import DEFAULT_LIMITS
from interlock.model import FindingCode
from tests.intent.sql.shop import scope

LONG = "SELECT id FROM orders WHERE id IN (" + ", ".join(str(n) for n in range(5_000)) + ")"


def test_it_reads_as_the_function_does() -> None:
    async def ask() -> None:
        analyst = Analyst()
        try:
            assert await analyst(LONG, scope(), DEFAULT_LIMITS) == understand(LONG, scope(), DEFAULT_LIMITS)
            assert await analyst("DROP TABLE orders", scope(), DEFAULT_LIMITS) == understand(
                "DROP TABLE orders", scope(), DEFAULT_LIMITS
            )
        finally:
            await analyst.close()

    asyncio.run(ask())


def test_what_takes_too_long_is_not_understood_and_the_next_text_is_read_again() -> None:
    async def ask() -> None:
        analyst = Analyst(deadline=0.0)
        (refused,) = await analyst(LONG, scope(), DEFAULT_LIMITS)
        assert not refused.intent.understood
        assert [finding.code for finding in refused.intent.findings] == [FindingCode.OVER_LIMIT]
        patient = Analyst()
        try:
            (read,) = await patient(LONG, scope(), DEFAULT_LIMITS)
            assert read.intent.understood
        finally:
            await patient.close()

    asyncio.run(ask())


def test_a_killed_process_is_started_again() -> None:
    async def ask() -> None:
        analyst = Analyst()
        try:
            await analyst(LONG, scope(), DEFAULT_LIMITS)
            assert analyst._process is not None
            analyst._process.kill()
            await analyst._process.wait()
            (read,) = await analyst(LONG, scope(), DEFAULT_LIMITS)
            assert read.intent.understood
        finally:
            await analyst.close()

    asyncio.run(ask())
