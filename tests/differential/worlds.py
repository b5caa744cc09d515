"""The two worlds of the corpora on real servers, and who explains texts about each by its live catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from interlock.app.bundles import named_pack, read_pack
from interlock.app.embedded import EmbeddedPostgres
from interlock.app.explaining import Explainer
from interlock.intent.sql import DEFAULT_LIMITS, QUERIES, Catalog, LabelBook
from interlock.model import Session, Target
from interlock.policy import Bundle, Judge
from tests.conftest import DEBIAN_15, DEBIAN_15_INSTALL, require
from tests.corpus import world
from tests.differential.stage import SETTINGS, Stage, staged
from tests.intent.sql import shop

HERE: Final = Path(__file__).parent
VERSIONS: Final = (18, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A filled database, and who explains texts about it: a person of the group engineers, in production."""

    stage: Stage
    explainer: Explainer


@contextmanager
def serving(version: int) -> Iterator[EmbeddedPostgres]:
    """A server of this major version, with the roles that the corpora speak of."""
    binaries: Path | None = None
    if version == 15:
        require(DEBIAN_15.is_dir(), what="PostgreSQL 15", install=DEBIAN_15_INSTALL)
        binaries = DEBIAN_15
    with EmbeddedPostgres(binaries, settings=SETTINGS) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("CREATE ROLE app_user LOGIN; CREATE ROLE boss SUPERUSER")
        yield server


@contextmanager
def shop_of_corpus(server: EmbeddedPostgres, version: int) -> Iterator[World]:
    """The world of evasions.txt, lookalikes.txt, migrations.txt and of the recorded traffic."""
    with staged(server, version, "world", world.SCHEMA, HERE / "world_rows.sql") as stage:
        yield World(stage=stage, explainer=world.explainer(world.PERSON, world.catalog_of(stage.session)))


@contextmanager
def shop_of_meanings(server: EmbeddedPostgres, version: int) -> Iterator[World]:
    """The world of postgresql.txt, whose path is `public` alone."""
    with staged(server, version, "meanings", shop.SCHEMA, HERE / "shop_rows.sql") as stage:
        stage.path = "public"
        rows = {key: [row[0] for row in stage.session.execute(query.encode())] for key, query in QUERIES.items()}
        known = Catalog.build(target="shop", database="shop", rows=rows, labels=LabelBook({}))
        session = Session(
            id="corpus",
            principal=world.PERSON,
            target=Target(name="shop", kind="postgresql", environment="prod"),
            gateway="corpus",
            surface="postgresql",
            purpose=None,
            opened_at=0,
        )
        explainer = Explainer(
            judge=Judge(Bundle.load(read_pack(named_pack("production")))),
            session=session,
            catalog=known,
            user="app",
            limits=DEFAULT_LIMITS,
            path=("public",),
        )
        yield World(stage=stage, explainer=explainer)
