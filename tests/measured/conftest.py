"""One gateway with production's rules before each server, for all that is measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stand import Stand, standing

WORLD = Path(__file__).with_name("world.sql")
LISTENER = """
[principals.hub]
kind = "service"
groups = ["engineers"]
secret_file = "client.secret"
"""


@pytest.fixture(scope="session", params=["18", "15"])
def measuring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Running, and found without a bug of its own in the end."""
    server = request.getfixturevalue(f"postgres{request.param}")
    directory = tmp_path_factory.mktemp(f"measuring{request.param}")
    with standing(server, directory, WORLD.read_text(), more=LISTENER) as made:
        made.start()
        yield made
        made.end_well()


@pytest.fixture
def stand(measuring: Stand) -> Stand:
    """The same for all tests; what one of them changes, no other looks at."""
    return measuring
