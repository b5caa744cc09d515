"""The minter on a real server: what is interrupted leaves nothing behind, and the next one is served."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final, TypeAlias

import pytest

from interlock.access.privileges import Privilege, Shape
from interlock.gateways.postgres.lent.minting import Minter
from interlock.gateways.postgres.target.upstream import Address, Credential
from tests.lent.conftest import lending
from tests.lent.looking import OURS
from tests.stand import Stand

SHAPE: Final = Shape(
    privileges=frozenset(
        {
            Privilege(right="USAGE", what="SCHEMA", on=("public",)),
            Privilege(right="SELECT", what="TABLE", on=("public", "items"), columns=("price",)),
        }
    )
)
EPOCH: Final = "0123456789"
Interrupted: TypeAlias = Callable[[Minter, str], Awaitable[object]]


@pytest.fixture(scope="module", params=["18", "15"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Prepared; no gateway runs before it."""
    server = request.getfixturevalue(f"postgres{request.param}")
    with lending(server, tmp_path_factory.mktemp(f"minting{request.param}")) as made:
        yield made


def minter_on(stand: Stand) -> Minter:
    """As `interlock serve` would make it."""
    secret = (stand.directory / "minter.secret").read_text().strip()
    user = str(stand.ask("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", "lent\\_%\\_minter"))
    return Minter(
        gateway="stand",
        target="stand",
        address=Address(port=stand.server.port, socket=stand.server.socket_dir),
        credential=Credential(user=user, password=secret, database=stand.database),
        owner_role=None,
        entropy=os.urandom,
    )


async def _lend(minter: Minter, login: str) -> object:
    return await minter.lend(login, SHAPE, EPOCH)


async def _sweep(minter: Minter, login: str) -> object:
    return await minter.sweep()


async def _interrupted(stand: Stand, doing: Interrupted, seconds: float) -> None:
    """Something of one session is cancelled after so long; another session is lent to all the same."""
    minter = minter_on(stand)
    first = (await minter.mint("first")).user
    if doing is _sweep:
        await minter.lend(first, SHAPE, EPOCH)
        await minter.drop(first)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await doing(minter, first)
    second = (await minter.mint("second")).user
    await minter.take_back(await minter.lend(second, SHAPE, "another"))
    await minter.drop(first)
    await minter.drop(second)
    await minter.close()


@pytest.mark.parametrize("doing", [_lend, _sweep])
def test_interrupted_at_any_moment(stand: Stand, doing: Interrupted) -> None:
    for moment in range(40):
        asyncio.run(_interrupted(stand, doing, moment * 0.0003))
        assert stand.ask(OURS) == "", f"cancelled after {moment * 0.3:.1f} ms"


def shape_of_turn(turn: int) -> Shape:
    """Another one each turn, of the same table and schema."""
    columns = tuple(name for bit, name in enumerate(("id", "name", "price")) if (turn % 7 + 1) >> bit & 1)
    return Shape(
        privileges=frozenset(
            {
                Privilege(right="USAGE", what="SCHEMA", on=("public",)),
                Privilege(
                    right="SELECT" if turn % 2 else "UPDATE", what="TABLE", on=("public", "items"), columns=columns
                ),
            }
        )
    )


async def _worker(stand: Stand, number: int) -> None:
    minter = minter_on(stand)
    login = (await minter.mint(f"worker{number}")).user
    try:
        for turn in range(20):
            await minter.take_back(await minter.lend(login, shape_of_turn(turn + number), EPOCH))
            await minter.sweep()
        await minter.drop(login)
    finally:
        await minter.close()


def test_workers_that_grant_on_the_same_table_at_once(stand: Stand) -> None:
    """PostgreSQL says "tuple concurrently updated" to the second of them."""

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(4):
                tasks.create_task(_worker(stand, number))

    asyncio.run(all_of_them())
    assert stand.ask(OURS) == ""
