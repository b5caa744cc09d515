"""Threat 7, "The agent approves itself": a name, its secret, and even the gateway's account do not make a signature.

On a real gateway and database, by the real command line; where a group's approvals are signed, over the card.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.access.statement import NAMESPACE
from interlock.app.approvals import Desk
from interlock.app.embedded import EmbeddedPostgres
from interlock.ledger.reading import read_leaf
from interlock.store.connection import open_for_reading
from interlock.store.reader import Reader
from tests.authenticator import TOUCHED, SecurityKey
from tests.stand import Done, Stand
from tests.stories.approving import DELETE, clean, guarded, held, records

GROUP: Final = "dba-leads"
WITH_OPENSSH: Final = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="apt-get install openssh-client")


@dataclass
class Scene:
    """The gateway, and the keys of dora: a device that knows her, one that is only touched; and one of dan's."""

    stand: Stand
    knows: SecurityKey
    touched: SecurityKey
    dans: SecurityKey

    def statement(self, request: str, *, by: str = "dora", group: str = GROUP) -> bytes:
        said = self.stand.interlock("approvals", "statement", request, "--as", by, "--group", group)
        assert said.code == 0, said.err
        return said.out.encode()

    def approve(self, request: str, signature: str | None, who: str = "dora") -> Done:
        (self.stand.directory / "signature").write_text(signature or "")
        brought = ("--signature", str(self.stand.directory / "signature")) if signature is not None else ()
        secret = ("--as", who, "--secret-file", str(self.stand.directory / "client.secret"))
        return self.stand.interlock("approvals", "approve", request, *secret, "--group", GROUP, *brought)

    def refused(self, request: str, signature: str | None, words: str, who: str = "dora") -> None:
        done = self.approve(request, signature, who)
        assert (done.code, words in " ".join(done.err.split())) == (77, True), done.err
        assert [record["kind"] for record in records(self.stand, request)] == ["approval_request"]


@pytest.fixture(scope="module")
def made(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    knows, touched, dans = SecurityKey(), SecurityKey(flags=TOUCHED, curve=True), SecurityKey()
    more = f"""
[approvals]
signed = ["{GROUP}"]

[approvals.signers]
dora = ["{knows.line}", "{touched.line}"]
dan = ["{dans.line}"]
"""
    with guarded(postgres18, tmp_path_factory.mktemp("signed"), more=more) as stand:
        stand.start()
        yield Scene(stand=stand, knows=knows, touched=touched, dans=dans)
        stand.end_well()


@pytest.fixture
def scene(made: Scene) -> Scene:
    clean(made.stand)
    return made


@pytest.fixture
def request_(scene: Scene) -> Iterator[str]:
    """What an agent of dan's waits for."""
    with scene.stand.connect() as client:
        yield held(client)["request"]


def test_a_secret_is_not_enough(scene: Scene, request_: str) -> None:
    scene.refused(request_, None, "need a signature over the card")


def test_a_signature_is_over_one_request(scene: Scene, request_: str) -> None:
    with scene.stand.connect() as client:
        harmless = held(client, "DELETE FROM notes WHERE id = -1")["request"]
    scene.refused(request_, scene.knows.sign(scene.statement(harmless), NAMESPACE), "not one of this request")


def test_a_signature_is_for_one_group_and_one_person(scene: Scene, request_: str) -> None:
    for other in (scene.statement(request_, group="engineers"), scene.statement(request_, by="dan")):
        scene.refused(request_, scene.knows.sign(other, NAMESPACE), "not one of this request")


def test_a_card_that_lies_is_not_the_one_that_is_signed(scene: Scene, request_: str) -> None:
    lie = b"".join(
        b"card sha256:" + b"0" * 64 + b"\n" if line.startswith(b"card ") else line
        for line in scene.statement(request_).splitlines(keepends=True)
    )
    scene.refused(request_, scene.knows.sign(lie, NAMESPACE), "not one of this request")


def test_a_signature_of_another_purpose_is_none(scene: Scene, request_: str) -> None:
    scene.refused(request_, scene.knows.sign(scene.statement(request_), "git"), "sign with -n approval@interlock")


def test_keys_are_their_owners_alone(scene: Scene, request_: str) -> None:
    said = scene.statement(request_)
    scene.refused(request_, SecurityKey().sign(said, NAMESPACE), "is no key of `dora` here")
    scene.refused(request_, scene.dans.sign(said, NAMESPACE), "is no key of `dora` here")


def test_a_touch_is_not_a_person(scene: Scene, request_: str) -> None:
    scene.refused(request_, scene.touched.sign(scene.statement(request_), NAMESPACE), "-O verify-required")


def test_the_chain_cannot_sign_for_itself(scene: Scene) -> None:
    """An agent for which dora answers gets her to sign, or has her device: it is still her own request."""
    with scene.stand.connect("helper") as client:
        request = held(client)["request"]
    signature = scene.knows.sign(scene.statement(request), NAMESPACE)
    scene.refused(request, signature, "stands in the chain that asks")


@WITH_OPENSSH
def test_what_is_signed_lands_once_and_an_auditor_can_check_it(scene: Scene, tmp_path: Path) -> None:
    """By the leaves alone, with OpenSSH's own verifier."""
    stand = scene.stand
    with stand.connect() as client:
        request = held(client)["request"]
        signature = scene.knows.sign(scene.statement(request), NAMESPACE)
        done = scene.approve(request, signature)
        assert done.code == 0, done.err
        card = stand.interlock("approvals", "show", request)
        assert "signed with SHA256:" in " ".join(card.err.split())
        assert "(verified)" in " ".join(card.err.split())
        assert client.execute(DELETE).rowcount == 10
    asked, said = (leaf_of(stand, request, kind) for kind in ("approval_request", "approval"))
    approval, chain = said["approval"], asked["who"]["chain"][::-1]
    assert approval["presence"] == "verified"
    asks = " for ".join(f"{one['kind']} {json.dumps(one['id'])}" for one in chain)
    (tmp_path / "signature").write_text(
        f"-----BEGIN SSH SIGNATURE-----\n{approval['signature']}\n-----END SSH SIGNATURE-----\n"
    )
    (tmp_path / "allowed").write_text(f"dora {scene.knows.line}\n")
    statement = (
        f"interlock approval, version 1\nrequest {request}\ncard sha256:{asked['what']['commitment']}\n"
        f"asked by {asks}\n"
        f"on {json.dumps(asked['what']['target']['name'])}\n"
        f"approved by {json.dumps(approval['by'])}\nin the name of {json.dumps(approval['group'])}\n"
    )
    verify = ("ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", "dora", "-f", "allowed", "-s", "signature")
    checked = subprocess.run(verify, input=statement.encode(), capture_output=True, cwd=tmp_path, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def leaf_of(stand: Stand, request: str, kind: str) -> dict[str, Any]:
    connection = open_for_reading(stand.directory / ".interlock" / "ledger" / "records.db")
    try:
        reader = Reader(connection)
        leaves = [raw for _, raw in reader.leaves(0, reader.head().size)]
    finally:
        connection.close()
    found = [raw for raw in leaves if (said := read_leaf(raw).lease_state) is not None and said.lease == request]
    leaf: dict[str, Any] = next(one for one in map(json.loads, found) if one["kind"] == kind)
    return leaf


@WITH_OPENSSH
def test_a_key_in_a_file_signs_where_that_is_enough(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    """`--sign` asks ssh-keygen, which asks whoever sits there."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    line = (tmp_path / "key.pub").read_text().strip()
    rules = f'[approvals]\nsigned = ["{GROUP}"]\nsignature = "any"\n\n[approvals.signers]\ndora = ["{line}"]\n'
    with guarded(postgres18, tmp_path, more=rules) as stand:
        stand.start()
        with stand.connect() as client:
            request = held(client)["request"]
            secret = ("--as", "dora", "--secret-file", str(stand.directory / "client.secret"))
            done = stand.interlock("approvals", "approve", request, *secret, "--sign", str(tmp_path / "key"))
            assert done.code == 0, done.err
            assert "DELETE table public.items" in " ".join(done.err.split())  # the card comes first
            assert client.execute(DELETE).rowcount == 10
        with Desk(stand.directory / ".interlock" / "approvals.sock") as desk:
            assert desk.show(request).lease.approved_by[0].presence == ""
        stand.end_well()
