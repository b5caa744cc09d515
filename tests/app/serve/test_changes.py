"""A configuration, setting by setting: what changed, what waits for a restart, and no secret in any of it."""

import json
import os
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from interlock.access.faults import CredentialRefused
from interlock.access.keys import SEED_BYTES, make_keypair
from interlock.access.verifier import derive_verifier
from interlock.app.config import Config, parse_config
from interlock.app.serve.changes import change_entries, changed, settings_of, until_restart

VERIFIER = str(derive_verifier("a long password", salt=bytes(16)))
TEXT = f"""
[targets.shop]
host = "db.internal"
environment = "production"
database = "shop"
user = "gateway"
password_env = "SHOP_PASSWORD"
labels = ["pii", "eu"]

[principals.ana]
kind = "person"
groups = ["engineers"]
verifier = "{VERIFIER}"
"""


def config(tmp_path: Path, text: str = TEXT) -> Config:
    return parse_config(text, base=tmp_path)


def test_every_setting_has_its_path_and_none_is_a_secret(tmp_path: Path) -> None:
    settings = settings_of(config(tmp_path))
    assert settings["targets.shop.mode"] == "enforce"
    assert settings["targets.shop.labels"] == "eu, pii"
    assert settings["gateway.listen"] == "127.0.0.1:6432"
    assert settings["policy.pack"] == "production"
    assert "targets.shop.ca" not in settings
    assert not {part for part in VERIFIER.split("$")[1:] if part in json.dumps(settings)}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('user = "gateway"', 'user = "gateway"\nmode = "observe"', {"targets.shop.mode": "observe"}),
        ('groups = ["engineers"]', 'groups = ["engineers", "dba"]', {"principals.ana.groups": "dba, engineers"}),
        ('labels = ["pii", "eu"]', "", {"targets.shop.labels": "(empty)"}),
        ('kind = "person"', 'kind = "person"\ntargets = []', {"principals.ana.targets": "(empty)"}),
        (f'verifier = "{VERIFIER}"', "", {"principals.ana.verifier": "(not set)"}),
        ('labels = ["pii", "eu"]', 'labels = ["eu", "pii"]', {}),
        ("[principals.ana]", '[labels]\npii = ["shop.public.t"]\n[principals.ana]', {"labels.pii": "shop.public.t"}),
    ],
)
def test_what_changed_is_named(tmp_path: Path, old: str, new: str, found: dict[str, str]) -> None:
    before, after = config(tmp_path), config(tmp_path, TEXT.replace(old, new))
    assert changed(settings_of(before), settings_of(after)) == found


def test_another_verifier_is_a_change(tmp_path: Path) -> None:
    other = str(derive_verifier("another password", salt=bytes(16)))
    before, after = config(tmp_path), config(tmp_path, TEXT.replace(VERIFIER, other))
    assert changed(settings_of(before), settings_of(after)).keys() == {"principals.ana.verifier"}


def test_another_key_in_the_same_file_is_a_change(tmp_path: Path) -> None:
    tokens = '[tokens]\nissuer = "i"\naudience = "a"\nkeys = { main = "main.pub" }\n'
    key = tmp_path / "main.pub"
    key.write_bytes(make_keypair(bytes(SEED_BYTES))[1])
    asked = config(tmp_path, TEXT + tokens)
    before = settings_of(asked)
    key.write_bytes(make_keypair(b"\1" * SEED_BYTES)[1])
    assert changed(before, settings_of(asked)).keys() == {"tokens.keys.main"}
    key.write_text("no key")
    with pytest.raises(CredentialRefused):
        settings_of(asked)


def test_what_a_gateway_holds_stays_until_a_restart(tmp_path: Path) -> None:
    started = config(tmp_path)
    asked = config(
        tmp_path,
        TEXT
        + """
[gateway]
listen = "127.0.0.1:7777"
max_connections = 7
[ledger]
path = "elsewhere"
durability = "relaxed-reads"
""",
    )
    followed = until_restart(asked, started)
    assert changed(settings_of(started), settings_of(followed)) == {
        "gateway.max_connections": "7",
        "ledger.durability": "relaxed-reads",
    }
    assert changed(settings_of(followed), settings_of(asked)) == {
        "gateway.listen": "127.0.0.1:7777",
        "ledger.path": str(tmp_path / "elsewhere"),
    }


def test_a_record_names_the_file_and_loses_no_setting() -> None:
    ids = count(1)
    settings = {f"principals.p{number:03}.kind": "agent" for number in range(130)}
    entries = change_entries("the file", settings, new_id=lambda: f"id-{next(ids)}", now=lambda: 7)
    groups = [json.loads(b"{" + entry.head.rstrip(b",") + b"}")["config_change"] for entry in entries]
    assert {group["digest"] for group in groups} == {"sha256:" + sha256(b"the file").hexdigest()}
    assert {group["by"] for group in groups} == {f"uid:{os.getuid()}"}
    assert {name: value for group in groups for name, value in group["changed"].items()} == settings


def test_a_reload_that_changes_nothing_is_recorded_too() -> None:
    (entry,) = change_entries("the file", {}, new_id=lambda: "id", now=lambda: 7)
    assert b'"changed":{}' in entry.head
