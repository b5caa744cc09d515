"""The demo's configuration is one that Interlock accepts, and it names what is in the shop."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import pytest

from demo import shop
from demo.stage import AGENT, TARGET, Stage, configure, free_port, private
from interlock.app.config import Config, load_config
from interlock.app.embedded import EmbeddedPostgres
from tests.conftest import Database

COLUMNS = """
SELECT format('%s.%s', attrelid::regclass, attname) FROM pg_attribute
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = ANY ('{public,analytics}'::regnamespace[]))
  AND attnum > 0
"""


@pytest.fixture
def config(tmp_path: Path, postgres18: EmbeddedPostgres) -> Config:
    place = Stage(directory=tmp_path, server=postgres18, port=6432, admin_port=6433, password="secret")
    for name in (
        "owner.secret",
        "shop-agent.secret",
        "nina.secret",
        "olga.secret",
        "catalogue.secret",
        "minter.secret",
    ):
        private(tmp_path / name, "secret")
    configure(place)
    return load_config(place.config)


def test_the_agent_acts_for_a_person_who_cannot_log_in(config: Config) -> None:
    agent = config.principals[AGENT]
    assert agent.kind == "agent"
    assert agent.on_behalf_of == "dana"
    assert config.principals["dana"].secret_file is None


def test_every_labelled_table_and_column_exists(config: Config, database18: Database) -> None:
    async def look() -> set[str]:
        connection = await asyncpg.connect(database18.dsn)
        await shop.load(connection, 0.01)
        columns = {row[0] for row in await connection.fetch(COLUMNS)}
        await connection.close()
        return columns | {column.rpartition(".")[0] for column in columns}

    there = asyncio.run(look())
    labelled = {name.removeprefix("public.") for name in config.labels_of(TARGET)}
    assert labelled <= there
    assert set(shop.TABLES) <= labelled


def test_a_taken_port_is_replaced_by_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
