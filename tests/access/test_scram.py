"""SCRAM against the vector of RFC 7677 section 3, against itself, and against every way of cheating."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from interlock.access.faults import LoginRefused, ServerUnproven
from interlock.access.scram import (
    SCRAM,
    SCRAM_PLUS,
    ClientExchange,
    ServerExchange,
    end_point_binding,
    offered_mechanisms,
)
from interlock.access.verifier import derive_verifier, mock_verifier

VECTOR_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
VERIFIER = derive_verifier("pencil", salt=VECTOR_SALT)
BINDING = bytes(range(32))


def server(mechanism=SCRAM, verifier=VERIFIER, binding=None):
    return ServerExchange(mechanism=mechanism, verifier=verifier, nonce=SERVER_NONCE, binding=binding)


def client(offered=(SCRAM,), password="pencil", binding=None):
    return ClientExchange(offered=offered, password=password, nonce=CLIENT_NONCE, binding=binding)


def log_in(us, them):
    """Run one whole login; raises what either side refuses."""
    them.verify(us.finish(them.respond(us.challenge(them.first()))))


def test_the_server_reproduces_the_vector_of_rfc_7677():
    exchange = server()
    challenge = exchange.challenge(b"n,,n=user,r=" + CLIENT_NONCE.encode())
    assert challenge.decode() == f"r={CLIENT_NONCE}{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    signature = exchange.finish(f"c=biws,r={CLIENT_NONCE}{SERVER_NONCE},{proof}".encode())
    assert signature == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("binding", [None, BINDING])
def test_both_sides_agree(binding):
    mechanism = offered_mechanisms(binding)[0]
    them = client(offered=offered_mechanisms(binding), binding=binding)
    assert them.mechanism == mechanism
    log_in(server(mechanism, binding=binding), them)


def test_a_client_that_leaves_the_name_empty_as_libpq_does_logs_in():
    them = client()
    # What a client signs is what it sent: here without the name that scramp puts in.
    them._client.get_client_first()
    them._client.client_first_bare = f"n=,r={CLIENT_NONCE}"
    us = server()
    them.verify(us.finish(them.respond(us.challenge(f"n,,n=,r={CLIENT_NONCE}".encode()))))


def test_a_wrong_password_is_refused():
    with pytest.raises(LoginRefused, match="proof was refused"):
        log_in(server(), client(password="pencils"))


def test_an_unknown_user_fails_at_the_same_message_with_the_same_words_as_a_wrong_password():
    with pytest.raises(LoginRefused) as wrong:
        log_in(server(), client(password="pencils"))
    with pytest.raises(LoginRefused) as unknown:
        log_in(server(verifier=mock_verifier("nobody", secret=b"k" * 32)), client())
    assert str(wrong.value) == str(unknown.value)


def test_an_attacker_between_with_another_certificate_is_refused():
    with pytest.raises(LoginRefused, match="bindings don't match"):
        log_in(server(SCRAM_PLUS, binding=BINDING), client((SCRAM_PLUS,), binding=b"x" * 32))


def test_hiding_the_stronger_mechanism_from_a_client_is_noticed():
    # The client saw only SCRAM-SHA-256 offered and says `y`: it could have bound, but thinks we cannot.
    them = client((SCRAM,), binding=BINDING)
    assert them.first().startswith(b"y,,")
    with pytest.raises(LoginRefused, match="channel binding"):
        server(SCRAM, binding=BINDING).challenge(b"y,,n=,r=" + CLIENT_NONCE.encode())


def test_a_mechanism_that_was_not_offered_is_refused():
    with pytest.raises(LoginRefused, match="not offered"):
        server(SCRAM_PLUS, binding=None)
    with pytest.raises(LoginRefused, match="not offered"):
        server("SCRAM-SHA-1", binding=BINDING)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n,,",
        b"n,,n=",
        b"n,,n=,",
        b"n,,r=abc",
        b"n,,n=,r=",
        b"n,,n=,r=a\x00b",
        b"n,a=root,n=,r=abc",
        b"n,,m=x,n=,r=abc",
        b"p=tls-unique,,n=,r=abc",
        b"\xff\xfe",
        b"n" * 5000,
    ],
)
def test_malformed_first_messages_are_refused_not_crashed_on(message):
    with pytest.raises(LoginRefused):
        server().challenge(message)


@pytest.mark.parametrize("message", [b"", b"c=biws", b"c=biws,r=x,p=AAAA", b"\xff", b"c=!,r=x,p=!", b"c=biws,r=x"])
def test_malformed_final_messages_are_refused(message):
    us = server()
    us.challenge(client().first())
    with pytest.raises(LoginRefused):
        us.finish(message)


def test_an_exchange_cannot_be_finished_twice_nor_before_it_began():
    us, them = server(), client()
    with pytest.raises(LoginRefused):
        us.finish(b"c=biws,r=x,p=AAAA")
    us = server()
    final = them.respond(us.challenge(them.first()))
    us.finish(final)
    with pytest.raises(LoginRefused):
        us.finish(final)


def test_a_server_that_does_not_know_the_password_is_unmasked():
    them = client()
    us = server()
    us.finish(them.respond(us.challenge(them.first())))
    with pytest.raises(ServerUnproven, match="did not prove"):
        them.verify(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")


def test_a_server_cannot_make_us_work_for_it():
    them = client()
    them.first()
    with pytest.raises(ServerUnproven, match="iterations"):
        them.respond(f"r={CLIENT_NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=9000000".encode())


def test_a_server_that_answers_another_nonce_is_refused():
    them = client()
    them.first()
    with pytest.raises(ServerUnproven, match="nonce"):
        them.respond(b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")


def test_a_server_that_offers_nothing_usable_is_refused():
    with pytest.raises(ServerUnproven, match="SCRAM-SHA-1"):
        client(("SCRAM-SHA-1",))


def certificate(key, algorithm):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    return made.sign(key, algorithm)


@pytest.mark.parametrize(("algorithm", "length"), [(hashes.SHA256(), 32), (hashes.SHA384(), 48)])
def test_the_binding_is_the_certificates_hash_under_its_own_algorithm(algorithm, length):
    made = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    binding = end_point_binding(made.public_bytes(serialization.Encoding.DER))
    assert binding == made.fingerprint(algorithm)
    assert len(binding) == length


def test_a_certificate_without_a_hash_of_its_own_has_no_binding():
    made = certificate(ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32), None)
    assert end_point_binding(made.public_bytes(serialization.Encoding.DER)) is None
