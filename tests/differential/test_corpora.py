"""Every statement of the corpora, run on PostgreSQL 18 and 15: nothing happens that no effect names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.blocks import blocks
from tests.corpus.world import HERE as CORPUS
from tests.differential.agreement import Compared, compare
from tests.differential.worlds import VERSIONS, World, serving, shop_of_corpus, shop_of_meanings
from tests.intent.sql.test_corpus import CASES

# A corpus of which fewer ran says nothing: that would be a world that fits no longer.
ENOUGH = {"evasions.txt": 0.8, "lookalikes.txt": 0.85, "migrations.txt": 0.8}
KNOWN = "PREPARE known AS UPDATE orders SET note = 'x' WHERE id = $1"
OPEN_CURSOR = "DECLARE open_cursor CURSOR FOR SELECT email FROM customers"


@pytest.fixture(scope="module", params=VERSIONS, ids=str)
def worlds(request: pytest.FixtureRequest) -> Iterator[tuple[World, World]]:
    """The shop of the corpora and the shop of the meanings, on one server."""
    version = request.param
    with serving(version) as server, shop_of_corpus(server, version) as one, shop_of_meanings(server, version) as other:
        yield one, other


def judge(compared: list[Compared], enough: float) -> None:
    assert [str(one) for one in compared if one.missing] == []
    ran = sum(one.ran for one in compared)
    assert ran >= enough * len(compared), [(one.error, one.text) for one in compared if not one.ran]


@pytest.mark.parametrize("name", ENOUGH)
def test_the_effects_leave_nothing_out(worlds: tuple[World, World], name: str) -> None:
    judge(list(compared(worlds[0], CORPUS / name)), ENOUGH[name])


def compared(world: World, file: Path) -> Iterator[Compared]:
    for block in blocks(file):
        if block.runs_on(world.stage.version):
            yield compare(world, block.text)


def test_neither_do_those_of_the_meanings(worlds: tuple[World, World]) -> None:
    judge([compare(worlds[1], text, *named(text)) for text, _ in CASES], 0.6)


def named(text: str) -> list[str]:
    """What the text speaks of by name."""
    before = [KNOWN] if "known" in text else []
    return [*before, OPEN_CURSOR] if "open_cursor" in text else before
