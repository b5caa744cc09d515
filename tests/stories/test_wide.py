"""Targets whose catalogue has rows larger than one read of the network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from interlock.app.embedded import EmbeddedPostgres
from tests.stand import Stand, standing

WIDE: Final = ", ".join(f"a_column_with_a_rather_long_name_of_its_own_{n} int" for n in range(1_500))
WORLD: Final = f"CREATE TABLE wide ({WIDE}); INSERT INTO wide DEFAULT VALUES;" + "".join(
    f"CREATE TABLE wide_{n} (LIKE wide);"
    for n in range(8)  # together larger than any buffer on the way
)


@pytest.fixture
def stand(postgres18: EmbeddedPostgres, tmp_path: Path) -> Iterator[Stand]:
    with standing(postgres18, tmp_path, WORLD, pack="development", environment="dev") as made:
        made.start()
        yield made
        made.end_well()


def test_a_session_reads_a_catalogue_with_large_rows(stand: Stand) -> None:
    """What a session changed itself it reads over its own connection, row by row."""
    with stand.connect() as client:
        client.execute("CREATE TEMPORARY TABLE mine (id int)")
        client.execute("INSERT INTO mine VALUES (1)")
        with client.transaction():
            client.execute("ALTER TABLE wide ADD COLUMN another int")
            client.execute("UPDATE wide SET another = 2")
            assert client.execute("SELECT another FROM wide").fetchall() == [(2,)]
        assert client.execute("SELECT id FROM mine").fetchall() == [(1,)]
