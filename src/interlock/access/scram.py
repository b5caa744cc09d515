"""Both sides of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), messages in, messages out."""

import re
from collections.abc import Sequence
from typing import Final

import scramp
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from interlock.access.faults import LoginRefused, ServerUnproven
from interlock.access.verifier import Verifier

SCRAM: Final = "SCRAM-SHA-256"
SCRAM_PLUS: Final = "SCRAM-SHA-256-PLUS"
_BINDING_TYPE: Final = "tls-server-end-point"

# A server dictates the client's work: 10 million rounds, which scramp would do, block a process for seconds.
MAX_ITERATIONS: Final = 1_000_000
_LARGEST_MESSAGE: Final = 4096

# The user name counts in PostgreSQL's start-up packet and is ignored here; libpq sends it empty
# (PostgreSQL documentation, "SASL Authentication"). scramp insists on one.
_EMPTY_NAME = re.compile(r"(?P<header>[^,]*,[^,]*,)n=,")
_STAND_IN: Final = "*"


def offered_mechanisms(binding: bytes | None) -> tuple[str, ...]:
    """What a server offers, the strongest first; `binding` is `end_point_binding` of its certificate or None."""
    return (SCRAM,) if binding is None else (SCRAM_PLUS, SCRAM)


def end_point_binding(certificate: bytes) -> bytes | None:
    """The `tls-server-end-point` channel binding (RFC 5929 section 4.1) of a DER certificate.

    None where the RFC defines none: a signature without one hash function of its own (Ed25519).
    """
    parsed = x509.load_der_x509_certificate(certificate)
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return parsed.fingerprint(algorithm)


class ServerExchange:
    """One login seen from the server. Feed the client's two messages; a wrong one raises LoginRefused.

    Give a `mock_verifier` for a name that does not exist: the exchange runs to its end and fails as a wrong
    password does. `nonce` is fresh, random and printable ASCII without commas, 18 bytes of base64 or more.
    """

    def __init__(self, *, mechanism: str, verifier: Verifier, nonce: str, binding: bytes | None = None) -> None:
        if mechanism not in offered_mechanisms(binding):
            raise LoginRefused(f"the client chose mechanism `{mechanism}`, which was not offered: use {SCRAM}")
        keys = (verifier.salt, verifier.stored_key, verifier.server_key, verifier.iterations)
        self._server = scramp.ScramMechanism(mechanism).make_server(
            lambda _: keys, channel_binding=_channel(binding), s_nonce=nonce
        )

    def challenge(self, client_first: bytes) -> bytes:
        """The server-first-message that answers the client-first-message."""
        text = _text(client_first, LoginRefused)
        named = _EMPTY_NAME.sub(rf"\g<header>n={_STAND_IN},", text, count=1)
        try:
            self._server.set_client_first(named)
            # Both sides sign the message as it was sent, not as scramp wanted to read it.
            self._server.client_first_bare = text.split(",", 2)[2]
            return str(self._server.get_server_first()).encode()
        except scramp.ScramException as refusal:
            raise LoginRefused(
                f"the first SCRAM message was refused: {refusal}; the client must start again"
            ) from refusal

    def finish(self, client_final: bytes) -> bytes:
        """The server-final-message that proves us to a client that has proved itself (constant-time comparison)."""
        try:
            self._server.set_client_final(_text(client_final, LoginRefused))
            return str(self._server.get_server_final()).encode()
        except scramp.ScramException as refusal:
            raise LoginRefused(f"the SCRAM proof was refused: {refusal}; check the password") from refusal


class ClientExchange:
    """One login into an upstream server. What the server gets wrong raises ServerUnproven.

    `binding` is `end_point_binding` of the server's certificate, None without TLS. `mechanism` says what was
    chosen: the strongest of those `offered`.
    """

    def __init__(self, *, offered: Sequence[str], password: str, nonce: str, binding: bytes | None = None) -> None:
        usable = [mechanism for mechanism in offered_mechanisms(binding) if mechanism in offered]
        if not usable:
            names = ", ".join(f"`{name}`" for name in offered) or "nothing"
            raise ServerUnproven(
                f"the server offers {names}: set password_encryption to scram-sha-256 and the password again"
            )
        self.mechanism = usable[0]
        try:
            self._client = scramp.ScramClient(
                usable, _STAND_IN, password, channel_binding=_channel(binding), c_nonce=nonce
            )
        except scramp.ScramException as refusal:
            raise ServerUnproven(f"the password of the target cannot be used: {refusal}; set another one") from refusal

    def first(self) -> bytes:
        """The client-first-message."""
        return str(self._client.get_client_first()).encode()

    def respond(self, server_first: bytes) -> bytes:
        """The client-final-message with our proof. Costs the server's iterations: a millisecond at 4096."""
        try:
            self._client.set_server_first(_text(server_first, ServerUnproven))
            if int(self._client.iterations) > MAX_ITERATIONS:
                raise ServerUnproven(
                    f"the server asks for {self._client.iterations} iterations, more than {MAX_ITERATIONS}: "
                    "lower scram_iterations and set the password again"
                )
            return str(self._client.get_client_final()).encode()
        except scramp.ScramException as refusal:
            raise ServerUnproven(
                f"the server's SCRAM challenge was refused: {refusal}; is this the right server?"
            ) from refusal

    def verify(self, server_final: bytes) -> None:
        """Check the server's signature; nothing may be sent to a server that fails here."""
        try:
            self._client.set_server_final(_text(server_final, ServerUnproven))
        except scramp.ScramException as refusal:
            raise ServerUnproven(
                f"the server did not prove that it knows the password: {refusal}; is this the right server?"
            ) from refusal


def _channel(binding: bytes | None) -> tuple[str, bytes] | None:
    return None if binding is None else (_BINDING_TYPE, binding)


def _text(message: bytes, refusal: type[LoginRefused] | type[ServerUnproven]) -> str:
    if len(message) > _LARGEST_MESSAGE:
        raise refusal(f"a SCRAM message of {len(message)} bytes is longer than any honest one; start again")
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise refusal("a SCRAM message is not UTF-8; start again") from error
