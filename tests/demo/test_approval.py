"""What changed is compared with what was approved, row by row: a demo that would not notice shows nothing."""

from pathlib import Path

import asyncpg

from demo import shop
from demo.agent import Refusal
from demo.approval import Approval, expected, request_of
from demo.play import Play
from demo.screen import Screen
from demo.stage import Stage
from demo.stories import BULK
from interlock.app.embedded import EmbeddedPostgres
from interlock.model import Impact, Object, ObjectKind, Touched, Verb
from tests.conftest import Database
from tests.demo.test_play import in_small_shop


def touched(verb: Verb, name: str, rows: int | None) -> Touched:
    return Touched(object=Object(kind=ObjectKind.TABLE, path=("shop", "public", name)), verb=verb, rows=rows)


def test_a_delete_takes_rows_a_change_replaces_them_a_create_brings_them() -> None:
    impact = Impact(
        touched=(
            touched(Verb.DELETE, "orders", 7),
            touched(Verb.CHANGE, "orders", 2),
            touched(Verb.CHANGE, "payments", 3),
            touched(Verb.CREATE, "audit_log", 4),
        )
    )
    assert expected(impact) == {"orders": (9, 2), "payments": (3, 3), "audit_log": (0, 4)}


def test_the_difference_counts_each_row_that_is_gone_and_each_that_came(database18: Database) -> None:
    async def act(direct: asyncpg.Connection) -> None:
        await shop.remember(direct)
        assert await shop.difference(direct) == {}
        await direct.execute("UPDATE products SET stock = stock + 1 WHERE id <= 3")
        await direct.execute("DELETE FROM sessions WHERE token IN (SELECT token FROM sessions LIMIT 5)")
        assert await shop.difference(direct) == {"products": (3, 3), "audit_log": (0, 3), "sessions": (5, 0)}
        await shop.remember(direct)
        assert await shop.difference(direct) == {}

    in_small_shop(database18, act)


def test_a_delete_that_nobody_held_ends_it_and_is_told(
    database18: Database, postgres18: EmbeddedPostgres, tmp_path: Path
) -> None:
    async def act(direct: asyncpg.Connection) -> None:
        unguarded = await asyncpg.connect(database18.dsn)
        play = Play(agent=unguarded, direct=direct, screen=Screen())
        place = Stage(directory=tmp_path, server=postgres18, port=1, admin_port=1, password="secret")
        await Approval(play=play, place=place, person=unguarded).perform()
        await unguarded.close()
        assert play.failures == [f"{BULK.title}: was not held; rows differ"]

    in_small_shop(database18, act)


def test_a_refusal_that_asks_nobody_has_no_request() -> None:
    refusal = Refusal(severity="ERROR", sqlstate="42501", message="no", detail="a\nb", hint=None, milliseconds=1.0)
    assert request_of(refusal) is None
