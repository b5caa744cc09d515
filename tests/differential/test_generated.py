"""Generated statements beside their effects on PostgreSQL 18 and 15: a few hundred always, many thousands at night."""

from collections.abc import Iterator

import pytest

from tests.differential.agreement import Compared, compare
from tests.differential.generator import Generator
from tests.differential.schema import tables
from tests.differential.worlds import VERSIONS, World, serving, shop_of_corpus

FEW, MANY = 150, 2_500
# Of what is generated the server takes about two thirds: a grammar that it refuses would compare nothing.
TAKEN = 0.5


@pytest.fixture(scope="module", params=VERSIONS, ids=str)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with serving(request.param) as server, shop_of_corpus(server, request.param) as found:
        yield found


def compared(world: World, seed: int, count: int) -> list[Compared]:
    generator = Generator(seed, tables(world.stage))
    return [compare(world, generator.statement()) for _ in range(count)]


def judge(found: list[Compared]) -> None:
    assert [str(one) for one in found if one.missing] == []
    assert sum(one.ran or one.resolved for one in found) > TAKEN * len(found)


def test_a_seed_gives_its_statements_again(world: World) -> None:
    known = tables(world.stage)
    one, other, third = Generator(1, known), Generator(1, known), Generator(2, known)
    texts = [one.statement() for _ in range(20)]
    assert texts == [other.statement() for _ in range(20)] != [third.statement() for _ in range(20)]


def test_a_few_hundred_statements(world: World) -> None:
    judge(compared(world, 42, FEW))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 6))
def test_many_thousands(world: World, seed: int) -> None:
    judge(compared(world, seed, MANY))
