"""What a configuration says, setting by setting: for the record of a change, and for what waits for a restart."""

import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from hashlib import sha256
from itertools import islice
from typing import Final, TypeVar

import msgspec

from interlock.access.keys import key_id
from interlock.access.verifier import Verifier
from interlock.app.config import Config, Pack
from interlock.app.config.schema import Section
from interlock.app.credentials import token_terms
from interlock.ledger.groups import MAX_OBJECTS
from interlock.ledger.leaf import Entry, digest
from interlock.ledger.records import config_change_entry

S = TypeVar("S", bound=Section)

UNSET: Final = "(not set)"
_EMPTY: Final = "(empty)"  # of a principal's targets that is none of them; not set, it is every one
# What belongs to the supervisor from its start to its end: sockets, processes, and the ledger with its keys.
_HELD: Final = {
    "gateway": ("id", "listen", "admin", "workers"),
    "ledger": ("path", "signing_key", "data_key", "watermark_mb"),
    "approvals": ("socket",),
}


def settings_of(config: Config) -> dict[str, str]:
    """`targets.shop.mode` -> `enforce`, for everything that is set or has a default. Holds no secrets.

    Raises CredentialRefused for a key file of [tokens] that holds no key.
    """
    settings = dict(_walk(config, ()))
    if config.tokens is not None:
        # The file of a public key may say something else while its path stays: whom we believe is what counts.
        for kid, key in token_terms(config.tokens).keys.items():
            settings[f"tokens.keys.{kid}"] = key_id(key)
    return settings


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The settings that differ, with what they are now."""
    names = sorted(before.keys() | after.keys())
    return {name: after.get(name, UNSET) for name in names if before.get(name) != after.get(name)}


def until_restart(config: Config, started: Config) -> Config:
    """`config` as far as a running gateway can follow it: what it holds since its start stays as it is there."""
    return msgspec.structs.replace(
        config,
        gateway=_keep(config.gateway, started.gateway, _HELD["gateway"]),
        ledger=_keep(config.ledger, started.ledger, _HELD["ledger"]),
        approvals=_keep(config.approvals, started.approvals, _HELD["approvals"]),
    )


def change_entries(
    text: str, settings: Mapping[str, str], *, new_id: Callable[[], str], now: Callable[[], int]
) -> list[Entry]:
    """The records that `text` is the configuration and `settings` is new in it: one, or as many as these take.

    The digest is what `sha256sum interlock.toml` prints.
    """
    left = iter(settings.items())
    parts = [dict(islice(left, MAX_OBJECTS)) for _ in range(0, max(len(settings), 1), MAX_OBJECTS)]
    by, whole = f"uid:{os.getuid()}", digest(text.encode())
    return [config_change_entry(id=new_id(), at=now(), by=by, digest=whole, changed=part) for part in parts]


def _keep(section: S, started: S, names: tuple[str, ...]) -> S:
    return msgspec.structs.replace(section, **{name: getattr(started, name) for name in names})


def _walk(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case Section():
            for name in value.__struct_fields__:
                yield from _walk(getattr(value, name), (*path, name))
        case dict():
            for name, inner in value.items():
                yield from _walk(inner, (*path, name))
        case None:
            return
        case _:
            yield ".".join(path), _shown(value)


def _shown(value: object) -> str:
    match value:
        case Verifier():
            # Its salt is random and is not recorded, so nobody can try passwords on this.
            return "sha256:" + sha256(str(value).encode()).hexdigest()[:16]
        case Pack():
            return value.name
        case Enum():
            return str(value.value)
        case tuple() | frozenset():
            return ", ".join(sorted(map(str, value))) or _EMPTY
        case _:
            return str(value)
