"""SCRAM-SHA-256 verifiers in PostgreSQL's format: enough to check a password, not enough to log in with it."""

import base64
import binascii
import hashlib
import hmac
import re

import scramp
from msgspec import Struct

from interlock.access.faults import CredentialRefused

# PostgreSQL's SCRAM_SHA_256_DEFAULT_ITERATIONS, and the least that RFC 7677 section 4 and scramp accept.
DEFAULT_ITERATIONS = 4096
_KEY_LENGTH = hashlib.sha256().digest_size
_FORMAT = re.compile(
    r"SCRAM-SHA-256\$(?P<iterations>[1-9][0-9]{0,8}):(?P<salt>[^$:]+)\$(?P<stored>[^$:]+):(?P<server>[^$:]+)"
)


class Verifier(Struct, frozen=True, kw_only=True):
    """What `pg_authid.rolpassword` holds. `stored_key` and `server_key` are 32 bytes, `salt` at least 12."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        parts = (self.salt, self.stored_key, self.server_key)
        salt, stored, server = (base64.b64encode(part).decode() for part in parts)
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"

    def __repr__(self) -> str:
        # A verifier allows guessing offline and impersonating the server: it stays out of logs and assertions.
        return "Verifier(...)"


def parse_verifier(text: str) -> Verifier:
    """The verifier written as `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`, or CredentialRefused."""
    found = _FORMAT.fullmatch(text)
    if found is None:
        raise CredentialRefused(
            "this is not a SCRAM-SHA-256 verifier: make one with `interlock principal verifier`, "
            "or copy rolpassword of pg_authid"
        )
    verifier = Verifier(
        iterations=int(found["iterations"]),
        salt=_decode(found["salt"]),
        stored_key=_decode(found["stored"]),
        server_key=_decode(found["server"]),
    )
    _check(verifier)
    return verifier


def derive_verifier(password: str, *, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> Verifier:
    """The verifier of a password. `salt` is random, 16 bytes; costs about a millisecond at 4096 iterations."""
    try:
        salt, stored_key, server_key, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(
            password, iteration_count=iterations, salt=salt
        )
    except scramp.ScramException as refusal:
        raise CredentialRefused(
            f"no verifier can be made of this password ({refusal}): choose another one"
        ) from refusal
    return Verifier(iterations=iterations, salt=salt, stored_key=stored_key, server_key=server_key)


def mock_verifier(user: str, *, secret: bytes, iterations: int = DEFAULT_ITERATIONS) -> Verifier:
    """A verifier nobody can satisfy, the same for the same name, so that asking does not tell who exists.

    `secret` is random and lives as long as the gateway does; without it the salt could be told from a real one.
    """

    def derive(part: bytes) -> bytes:
        return hmac.digest(secret, part + b"\0" + user.encode(), "sha256")

    return Verifier(
        iterations=iterations, salt=derive(b"salt")[:16], stored_key=derive(b"stored"), server_key=derive(b"server")
    )


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise CredentialRefused("a part of this SCRAM-SHA-256 verifier is not base64: copy it again, whole") from error


def _check(verifier: Verifier) -> None:
    if {len(verifier.stored_key), len(verifier.server_key)} != {_KEY_LENGTH}:
        raise CredentialRefused("the keys of a SCRAM-SHA-256 verifier are 32 bytes each: copy it again, whole")
    if len(verifier.salt) < 12:
        raise CredentialRefused("the salt of this SCRAM-SHA-256 verifier is shorter than 12 bytes: make a new verifier")
    if verifier.iterations < DEFAULT_ITERATIONS:
        raise CredentialRefused(
            f"this SCRAM-SHA-256 verifier has {verifier.iterations} iterations, fewer than {DEFAULT_ITERATIONS}: "
            "set the password again with scram_iterations at its default"
        )
