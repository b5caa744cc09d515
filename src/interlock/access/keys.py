"""Ed25519 keys of tokens: made from a seed, kept as PEM, known by key id."""

import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from interlock.access.faults import CredentialRefused

SEED_BYTES: Final = 32


def make_keypair(seed: bytes) -> tuple[bytes, bytes]:
    """(private PKCS #8 PEM, public SubjectPublicKeyInfo PEM) of the Ed25519 key of 32 random bytes."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def load_signing_key(pem: bytes) -> OKPKey:
    """The private key that mints, or CredentialRefused."""
    key = _load(pem)
    if not key.is_private:
        raise CredentialRefused("this is a public key and cannot sign: name the private one")
    return key


def load_verification_keys(pems: Mapping[str, bytes]) -> dict[str, OKPKey]:
    """Public keys by key id. A private key is refused: the gateway must not be able to mint what it believes."""
    keys = {kid: _load(pem) for kid, pem in pems.items()}
    for kid, key in keys.items():
        if key.is_private:
            raise CredentialRefused(f"key `{kid}` is private: give the gateway the public half alone")
    return keys


def key_id(key: OKPKey) -> str:
    """A short stable name of a key: the head of the SHA-256 of its public bytes, 16 hex digits."""
    return hashlib.sha256(key.public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _load(pem: bytes) -> OKPKey:
    try:
        key = OKPKey.import_key(pem)
    except (JoseError, ValueError, TypeError, binascii.Error) as error:
        raise CredentialRefused("this is not a key in PEM: make one with `interlock token keygen`") from error
    if key.curve_name != "Ed25519":
        raise CredentialRefused(f"this key is {key.curve_name}, not Ed25519: make one with `interlock token keygen`")
    return key
