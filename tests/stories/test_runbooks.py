"""Approved in advance, by signature: signed, used within what was signed, revoked; every step on record."""

import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from tests.measured.asking import records, refused
from tests.stand import Stand, standing
from tests.stories.approving import HELD, LEADS, held, requested
from tests.stories.test_operating import reload
from tests.stories.worlds import SMALL

SIGNERS = """
[runbooks]
directory = "runbooks"
[runbooks.signers]
dora = { key = "dora.pub", groups = ["dba-leads"] }
dan = { key = "dan.pub", groups = ["dba-leads"] }
"""
DRAFT = """
id = "purge-items"
title = "Old items are purged"
target = "stand"
environment = "prod"
text = "DELETE FROM items WHERE id BETWEEN $1 AND $2"
groups = ["engineers"]
expires_at = {expires}
rows = 20
[[parameters]]
type = "integer"
least = 1
most = 500
[[parameters]]
type = "integer"
least = 1
most = 500
"""
PURGE = "DELETE FROM items WHERE id BETWEEN %s AND %s"


@pytest.fixture(scope="module")
def stand(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Deletes are held for two of `dba-leads`, and measured."""
    directory = tmp_path_factory.mktemp("runbooks")
    shutil.copytree(find_pack(named_pack("production")), directory / "pack")
    (directory / "pack" / "cases.yaml").unlink()
    (directory / "pack" / "25-held.cedar").write_text(HELD.format(count=2))
    with standing(postgres18, directory, SMALL, pack="pack", more=LEADS + SIGNERS) as made:
        for name in ("dora", "dan", "eve"):
            assert made.interlock("token", "keygen", name).code == 0
        made.start()
        yield made
        assert made.stop() == 0
        made.verify()


@pytest.fixture(scope="module")
def signed(stand: Stand) -> Stand:
    """Two have signed it, and the gateway has read it."""
    (stand.directory / "purge.toml").write_text(DRAFT.format(expires=int(time.time()) + 3600))
    for name in ("dora", "dan"):
        assert sign(stand, name, name).code == 0
    reload(stand)
    return stand


def sign(stand: Stand, name: str, key: str, group: str = "dba-leads") -> Any:
    return stand.interlock("runbook", "sign", "purge.toml", "--as", name, "--key", f"{key}.key", "--group", group)


def left(stand: Stand) -> object:
    return stand.ask("SELECT count(*) FROM items")


def test_within_what_was_signed_it_passes_and_says_so(signed: Stand) -> None:
    before = int(str(left(signed)))
    with signed.connect() as client:
        assert client.execute(PURGE, (1, 10)).rowcount == 10  # bound
        assert client.execute("DELETE FROM items WHERE id BETWEEN 11 AND 20").rowcount == 10  # written out
        assert client.execute("DELETE  FROM items WHERE id BETWEEN 11 AND 20 -- again").rowcount == 0
    assert left(signed) == before - 20
    used = [one for one in signed.decisions() if one.leaf.decision is not None and one.leaf.decision.lifts]
    assert len(used) == 3
    for one in used:
        assert one.leaf.decision is not None
        assert str(one.leaf.decision.lease).startswith("runbook:purge-items:")
        assert one.leaf.decision.lifts == ["approval:dba-leads:1", "approval:dba-leads:2"]
    verdicts = [one["runbook"]["verdict"] for one in records(signed, "runbook")]
    assert verdicts == ["signed", "signed"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DELETE FROM items WHERE id BETWEEN 30 AND 501", "$2 is 501, and 1 to 500 were signed"),
        ("DELETE FROM items WHERE id BETWEEN 0 AND 35", "$1 is 0, and 1 to 500 were signed"),
        ("DELETE FROM items WHERE id BETWEEN '30' AND 35", "$1 is no whole number"),
        ("DELETE FROM items WHERE id BETWEEN 30 AND 35 AND true", None),
        ("DELETE FROM notes WHERE id BETWEEN 30 AND 35", None),
    ],
)
def test_beyond_it_people_are_asked_and_the_reason_is_said(signed: Stand, text: str, why: str | None) -> None:
    before = left(signed)
    with signed.connect() as client, pytest.raises(pg.InsufficientPrivilege) as error:
        client.execute(text.encode())
    detail = error.value.diag.message_detail or ""
    assert ("runbook `purge-items`" in detail) is (why is not None)
    assert why is None or why in detail
    assert requested(error.value) is not None
    assert left(signed) == before


def test_more_rows_than_were_signed_are_undone(signed: Stand) -> None:
    before = left(signed)
    with signed.connect() as client:
        said = refused(client, "DELETE FROM items WHERE id BETWEEN 100 AND 150")
    assert "51 rows, and at most 20 were signed" in said.detail
    assert left(signed) == before


def test_behind_something_else_in_a_transaction_it_does_not_hold(signed: Stand) -> None:
    with signed.connect() as client:
        client.execute("BEGIN")
        client.execute("SELECT count(*) FROM items")
        with pytest.raises(psycopg.Error):
            client.execute(PURGE, (200, 201))
        client.execute("ROLLBACK")


def test_a_signer_does_not_sign_for_themselves(signed: Stand) -> None:
    """One of two signatures is left: people are asked."""
    with signed.connect("dora") as client:
        assert held(client, "DELETE FROM items WHERE id BETWEEN 210 AND 211")["missing"] == {"dba-leads": 2}


def test_who_may_not_sign_does_not(signed: Stand) -> None:
    for name, key, group in (
        ("eve", "eve", "dba-leads"),
        ("dora", "eve", "dba-leads"),
        ("dora", "dora", "data-owners"),
    ):
        done = sign(signed, name, key, group)
        assert (done.code, "may not sign" in done.err) == (2, True), done.err


def test_what_was_changed_in_its_file_lifts_nothing(signed: Stand) -> None:
    file = signed.directory / "runbooks" / "purge-items.runbook.json"
    whole = file.read_text()
    (listed,) = json.loads(signed.interlock("runbook", "list", "--json").out)
    assert listed["state"] == "holds"
    assert signed.interlock("runbook", "verify", str(file)).code == 0
    try:
        file.write_text(whole.replace('"most": 500', '"most": 5000'))
        assert signed.interlock("runbook", "verify", str(file)).code == 77
        reload(signed)
        with signed.connect() as client:
            assert held(client, "DELETE FROM items WHERE id BETWEEN 220 AND 221")["state"] == "pending"
    finally:
        file.write_text(whole)
        reload(signed)
    with signed.connect() as client:
        assert client.execute(PURGE, (222, 223)).rowcount == 2


def test_revoked_it_ends_with_the_next_command(signed: Stand) -> None:
    """Without a reload; and signing it again does not bring it back."""
    with signed.connect() as client:
        assert client.execute(PURGE, (300, 301)).rowcount == 2
        assert signed.interlock("runbook", "revoke", "purge-items", "--reason", "no more").code == 0
        with pytest.raises(pg.InsufficientPrivilege) as error:
            client.execute(PURGE, (302, 303))
        assert "it was revoked" in (error.value.diag.message_detail or "")
    (last,) = [one["runbook"] for one in records(signed, "runbook") if one["runbook"]["verdict"] == "revoked"]
    assert (last["runbook"], last["reason"]) == ("purge-items", "no more")
    assert sign(signed, "dora", "dora").code == 0
    (listed,) = json.loads(signed.interlock("runbook", "list", "--json").out)
    assert listed["state"] == "revoked"
