"""Gateways for the conformance tests: one process for each server and policy pack, started when first wanted."""

from collections.abc import Iterator

import pytest

from interlock.app.embedded import EmbeddedPostgres
from tests.certificates import Authority
from tests.conformance.gateway import Gateway, Shop, serving, shop


@pytest.fixture(scope="session")
def shop18(postgres18: EmbeddedPostgres) -> Iterator[Shop]:
    """PostgreSQL 18, over its Unix socket."""
    with shop(postgres18, "18", None) as made:
        yield made


@pytest.fixture(scope="session")
def shop15(postgres15: EmbeddedPostgres, authority: Authority) -> Iterator[Shop]:
    """PostgreSQL 15, over TLS with verification."""
    with shop(postgres15, "15", authority.root) as made:
        yield made


@pytest.fixture(scope="session")
def development18(shop18: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Before PostgreSQL 18, with gentle rules."""
    with serving(shop18, tmp_path_factory.mktemp("development18"), pack="development") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def development15(shop15: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Before PostgreSQL 15, with gentle rules."""
    with serving(shop15, tmp_path_factory.mktemp("development15"), pack="development") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def production18(shop18: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Before PostgreSQL 18, with production's rules."""
    with serving(shop18, tmp_path_factory.mktemp("production18"), pack="production") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def production15(shop15: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Before PostgreSQL 15, with production's rules."""
    with serving(shop15, tmp_path_factory.mktemp("production15"), pack="production") as gateway:
        yield gateway


@pytest.fixture(scope="session", params=["18", "15"])
def server(request: pytest.FixtureRequest) -> str:
    """The major version behind the gateway: every test that reaches one runs against each."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="session")
def development(server: str, request: pytest.FixtureRequest) -> Gateway:
    """A gateway whose policy lets an engineer do nearly everything."""
    gateway: Gateway = request.getfixturevalue(f"development{server}")
    return gateway


@pytest.fixture(scope="session")
def production(server: str, request: pytest.FixtureRequest) -> Gateway:
    """A gateway with production's rules."""
    gateway: Gateway = request.getfixturevalue(f"production{server}")
    return gateway
