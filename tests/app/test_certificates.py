"""The development certificate and the contexts, shaken hands with in memory."""

import ssl
import stat

import pytest

from interlock.access.scram import end_point_binding
from interlock.app.certificates import (
    TlsRefused,
    client_context,
    days_left,
    development_certificate,
    leaf_der,
    server_context,
    unverified_context,
)
from interlock.app.clock import now


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return development_certificate(tmp_path_factory.mktemp("state") / "tls", now=now())


def shake_hands(server_side, client_side, name):
    """The client's end of a finished handshake, without a socket."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return client


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_clients_that_trust_the_authority_verify_in_full(made, name):
    client = shake_hands(
        server_context(made.chain, made.key), client_context(verify_name=True, authority=made.authority), name
    )
    assert client.version() == "TLSv1.3"
    assert client.selected_alpn_protocol() == "postgresql"
    assert client.getpeercert(binary_form=True) == leaf_der(made.chain)
    assert end_point_binding(leaf_der(made.chain)) is not None


def test_another_name_or_another_authority_is_refused(made, tmp_path):
    serving = server_context(made.chain, made.key)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(serving, client_context(verify_name=True, authority=made.authority), "db.internal")
    assert shake_hands(serving, client_context(verify_name=False, authority=made.authority), "db.internal")
    other = development_certificate(tmp_path, now=now())
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        shake_hands(serving, client_context(verify_name=False, authority=other.authority), "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(serving, client_context(verify_name=True, authority=None), "localhost")
    assert shake_hands(serving, unverified_context(), "anything")


def test_old_protocols_are_refused(made):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(made.authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(server_context(made.chain, made.key), old, "localhost").version() == "TLSv1.2"
    assert server_context(made.chain, made.key).minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_second_start_finds_the_same_certificate_and_its_key_is_private(made):
    again = development_certificate(made.key.parent, now=now())
    assert leaf_der(again.chain) == leaf_der(made.chain)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert [file.name for file in made.key.parent.iterdir() if "key" in file.name] == ["server.key"]


def test_files_that_cannot_be_used_are_named(made, tmp_path):
    other = development_certificate(tmp_path, now=now())
    with pytest.raises(TlsRefused, match="belong together"):
        server_context(made.chain, other.key)
    other.key.chmod(0o644)
    with pytest.raises(TlsRefused, match="chmod 600"):
        server_context(other.chain, other.key)
    with pytest.raises(TlsRefused, match=r"nothing\.pem"):
        client_context(verify_name=True, authority=tmp_path / "nothing.pem")
    with pytest.raises(TlsRefused, match="holds no certificate"):
        leaf_der(made.key)


def test_its_last_days_are_counted(made):
    day = 86_400_000_000
    assert days_left(made.chain, now=now()) == 824
    assert [days_left(made.chain, now=now() + days * day) for days in (824, 825, 830)] == [0, -1, -6]
