"""Texts outside the tree: a salted commitment in the leaf, the text itself encrypted and erasable."""

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interlock.ledger.faults import LedgerDamaged

SALT_SIZE = 32
NONCE_SIZE = 12


def commitment(salted: bytes) -> str:
    """`sha256(salt32 || text)` in hex. Without the salt a short text is found by trying (ledger.md)."""
    return sha256(salted).hexdigest()


class Sealer:
    """AES-256-GCM under the ledger's data key. The record's id is authenticated, so a text cannot change places."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, label: bytes, nonce: bytes) -> bytes:
        """nonce || ciphertext || tag. `nonce` is 12 random bytes, never used twice: at most 2^32 texts a key."""
        return nonce + self._cipher.encrypt(nonce, plain, label)

    def open(self, sealed: bytes, label: bytes) -> bytes:
        """The plain bytes; raises LedgerDamaged when they were changed, moved, or sealed with another key."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], label)
        except (InvalidTag, ValueError):
            raise LedgerDamaged(
                "a sealed text does not open: it was changed, moved, or sealed with another data key"
            ) from None
