"""One gateway with production's rules for all attacks; each attack brings marks and tables of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.app.embedded import EmbeddedPostgres
from tests.stand import Stand, standing

WORLD = Path(__file__).with_name("world.sql")


@pytest.fixture(scope="session")
def attacked(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Running, and found without a bug of its own in the end."""
    directory = tmp_path_factory.mktemp("attacked")
    labelled = ["public.people.email", "public.contacts.email", "public.guests.email"]
    with standing(postgres18, directory, WORLD.read_text(), pii=labelled) as made:
        made.start()
        yield made
        made.end_well()


@pytest.fixture
def stand(attacked: Stand) -> Iterator[Stand]:
    """The same for every attack: whatever it tries, nothing ever stands in the trap."""
    yield attacked
    caught = attacked.ask("SELECT string_agg(DISTINCT by, ', ') FROM trap")
    attacked.ask("TRUNCATE trap")
    assert caught is None
