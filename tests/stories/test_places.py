"""Limits on connections hold for the gateway as a whole, and the refusal names the one that was reached."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from interlock.app.embedded import EmbeddedPostgres
from tests.stand import Stand, standing
from tests.stories.test_serving import workers
from tests.stories.worlds import SMALL

MOST = 3  # divided among two workers: two places and one
ENOUGH = 200  # tries, of which the kernel gives each worker some
FURTHER = 20


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, SMALL) as made:
        yield made
        made.end_well()


def come_in(stand: Stand, here: ExitStack) -> str:
    """Why nobody else could; "" where somebody could."""
    try:
        here.enter_context(stand.connect())
    except psycopg.OperationalError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("where", "refusal"),
    [
        ("[gateway]", "The limit of [gateway] max_connections is reached."),
        ("[targets.stand]", "The limit of max_connections in its [targets] section is reached."),
    ],
)
def test_no_more_than_the_limit(stand: Stand, where: str, refusal: str) -> None:
    file = stand.directory / "interlock.toml"
    file.write_text(file.read_text().replace(f"{where}\n", f"{where}\nmax_connections = {MOST}\n", 1))
    stand.start("--workers", "2")
    assert len(workers(stand)) == 2
    for _ in range(2):  # the second time the places are free again
        with ExitStack() as here:
            told: list[str] = []
            while told.count("") < MOST:
                assert len(told) < ENOUGH, "there are fewer places than the limit says"
                told.append(come_in(stand, here))
            told += [come_in(stand, here) for _ in range(FURTHER)]
            assert told.count("") == MOST
            assert all("too many connections" in why and refusal in why for why in told if why)
