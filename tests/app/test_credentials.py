import os
import ssl

import pytest

from interlock.access.faults import CredentialRefused
from interlock.access.keys import make_keypair
from interlock.access.revocation import TokenRevoked, write_revocation
from interlock.access.verifier import derive_verifier
from interlock.app.config import parse_config
from interlock.app.credentials import (
    build_directory,
    revocation_list,
    serving_certificate,
    target_context,
    target_password,
    token_terms,
)
from interlock.app.secrets import SecretUnavailable, write_private

TARGET = '[targets.shop]\ndatabase = "d"\nuser = "u"\npassword_env = "PW"\nenvironment = "test"\n'


def configured(text, base):
    return parse_config(text, base=base)


def test_verifiers_are_made_of_secrets_and_kept_where_they_were_given(tmp_path):
    given = derive_verifier("pencil", salt=b"s" * 16)
    text = f"""{TARGET}host = "h"
[principals.ana]
kind = "person"
[principals.bot]
kind = "agent"
on_behalf_of = "ana"
secret_env = "BOT"
[principals.ci]
kind = "pipeline"
verifier = "{given}"
"""
    config = configured(text, tmp_path)
    directory = build_directory(config, environ={"BOT": "rubber"}, entropy=lambda size: b"e" * size)
    assert directory.find("bot").verifier == derive_verifier("rubber", salt=b"e" * 16)
    assert directory.find("bot").principal.root.id == "ana"
    assert directory.find("ci").verifier == given
    assert directory.find("ana").verifier is None
    with pytest.raises(SecretUnavailable, match="`BOT`"):
        build_directory(config, environ={}, entropy=os.urandom)


@pytest.mark.parametrize(
    ("lines", "verifies", "checks_name"),
    [
        ('host = "h"', True, True),
        ('host = "h"\ntls = "verify-ca"', True, False),
        ('host = "h"\ntls = "require"', False, False),
    ],
)
def test_tls_towards_a_target_verifies_as_it_is_told(tmp_path, lines, verifies, checks_name):
    context = target_context(configured(TARGET + lines, tmp_path).targets["shop"])
    assert (context.verify_mode is ssl.CERT_REQUIRED) == verifies
    assert context.check_hostname == checks_name


@pytest.mark.parametrize("lines", ['socket = "/run/postgresql"', 'host = "127.0.0.1"\ntls = "disable"'])
def test_no_tls_on_this_machine_alone(tmp_path, lines):
    assert target_context(configured(TARGET + lines, tmp_path).targets["shop"]) is None


def test_the_targets_password_is_read_when_it_is_needed(tmp_path):
    write_private(tmp_path / "pw", b"from file\n")
    text = TARGET.replace('password_env = "PW"', 'password_file = "pw"') + 'host = "h"'
    assert target_password(configured(text, tmp_path).targets["shop"], environ={}) == "from file"
    assert target_password(configured(TARGET + 'host = "h"', tmp_path).targets["shop"], environ={"PW": "x"}) == "x"


def test_token_terms_and_revocations_follow_their_files(tmp_path):
    private, public = make_keypair(b"k" * 32)
    (tmp_path / "one.pem").write_bytes(public)
    text = f'{TARGET}host = "h"\n[tokens]\nissuer = "acme"\naudience = "gw"\nkeys = {{ one = "one.pem" }}\n'
    tokens = configured(text, tmp_path).tokens
    assert token_terms(tokens).keys.keys() == {"one"}
    assert not revocation_list(tokens).tokens
    tokens.revocations.parent.mkdir()
    tokens.revocations.write_bytes(write_revocation(TokenRevoked(id="t", at=1)))
    assert revocation_list(tokens).tokens == {"t"}
    tokens.revocations.write_bytes(b"{")
    with pytest.raises(CredentialRefused, match="line 1"):
        revocation_list(tokens)
    (tmp_path / "one.pem").write_bytes(private)
    with pytest.raises(CredentialRefused, match="is private"):
        token_terms(tokens)


def test_the_gateways_certificate_is_generated_named_or_absent(tmp_path):
    generated = serving_certificate(configured(TARGET + 'host = "h"', tmp_path).gateway, now=1_790_000_000_000_000)
    assert generated.chain == tmp_path / ".interlock/tls/server.pem"
    text = f'{TARGET}host = "h"\n[gateway]\ntls = "files"\ncertificate = "{generated.chain}"\nkey = "{generated.key}"\n'
    assert serving_certificate(configured(text, tmp_path).gateway, now=0).key == generated.key
    text = TARGET + 'host = "h"\n[gateway]\ntls = "off"\nrequire_tls = false\n'
    assert serving_certificate(configured(text, tmp_path).gateway, now=0) is None
