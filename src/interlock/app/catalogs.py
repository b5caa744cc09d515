"""A target's catalogue for commands that run once: read from the target, or from a file."""

import os
from pathlib import Path

from interlock.app.config import Config
from interlock.app.credentials import target_password
from interlock.app.serve.wiring import address_of
from interlock.gateways.postgres.target.catalogue import Catalogue
from interlock.gateways.postgres.target.upstream import Credential
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.model import CallerFault


async def read_catalog(config: Config, name: str) -> Catalog:
    """The catalogue as the gateway would read it now. Raises Unreachable."""
    target = config.targets.get(name)
    if target is None:
        raise CallerFault(f"there is no target `{name}`; there are: {', '.join(config.targets)}")
    password = target_password(target, environ=os.environ)
    catalogue = Catalogue(
        target=name,
        address=address_of(target),
        credential=Credential(user=target.user, password=password, database=target.database),
        labels=LabelBook(config.labels_of(name)),
    )
    try:
        await catalogue.ready()
    finally:
        await catalogue.close()
    return catalogue.current


def load_catalog(file: Path, config: Config, name: str) -> Catalog:
    """The catalogue that `interlock catalog dump` saved, with the labels of the configuration."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CallerFault(
            f"`{file}` cannot be read ({error.strerror}): write it with `interlock catalog dump`"
        ) from error
    return Catalog.from_json(data, labels=LabelBook(config.labels_of(name)))
