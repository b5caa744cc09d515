"""Signed notes (c2sp.org/signed-note) with Ed25519, and the checkpoint (c2sp.org/tlog-checkpoint) they carry."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from interlock.ledger.faults import LedgerDamaged

_ED25519 = b"\x01"


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


class Signer:
    """Signs notes under one name. `seed` is the 32-byte Ed25519 private key."""

    __slots__ = ("_key", "_prefix", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self.verifier = Verifier(name, public)
        self._prefix = _key_id(name, public)

    def sign(self, text: str) -> str:
        """The note: `text` (lines, the last one ended), an empty line, the signature line."""
        signature = b64encode(self._prefix + self._key.sign(text.encode())).decode()
        return f"{text}\n— {self.verifier.name} {signature}\n"


class Verifier:
    """Checks notes signed under one name with one key."""

    __slots__ = ("_key_id", "_public", "name")

    def __init__(self, name: str, public: bytes) -> None:
        if not name or "+" in name or any(c.isspace() for c in name):
            raise LedgerDamaged(f"`{name}` is no name for a signing key; use letters, digits, `.`, `-` and `/`")
        self.name = name
        self._public = public
        self._key_id = _key_id(name, public)

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Read a verifier key: `name+hex key id+base64(algorithm || public key)`."""
        try:
            name, key_id, material = vkey.strip().split("+", 2)
            key = b64decode(material, validate=True)
        except (ValueError, NotBase64):
            raise LedgerDamaged("this is no verifier key; it looks like `name+1a2b3c4d+AbC...=`") from None
        found = cls(name, key[1:])
        if key[:1] != _ED25519 or len(key) != 33 or found._key_id.hex() != key_id:
            raise LedgerDamaged(f"the verifier key of `{name}` is damaged; copy it again from the `vkey` file")
        return found

    def __str__(self) -> str:
        material = b64encode(_ED25519 + self._public).decode()
        return f"{self.name}+{self._key_id.hex()}+{material}"

    def open(self, note: str) -> str:
        """The signed text of `note`; raises LedgerDamaged unless this key signed it."""
        text, separator, signatures = note.rpartition("\n\n")
        text += "\n"
        for line in signatures.splitlines() if separator else ():
            if line.startswith(f"— {self.name} ") and self._signed(text, line.rsplit(" ", 1)[1]):
                return text
        raise LedgerDamaged(f"the note is not signed by `{self.name}`: it was changed, or signed with another key")

    def _signed(self, text: str, signature: str) -> bool:
        try:
            raw = b64decode(signature, validate=True)
            if raw[:4] != self._key_id:
                return False
            Ed25519PublicKey.from_public_bytes(self._public).verify(raw[4:], text.encode())
        except (NotBase64, InvalidSignature):
            return False
        return True


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A tree head: the log's `origin`, its `size` in leaves and its 32-byte `root`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text (c2sp.org/tlog-checkpoint); without extension lines on purpose (ledger.md)."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the note text; raises LedgerDamaged when it is not exactly three lines of that form."""
        try:
            origin, size, root, end = text.split("\n")
            checkpoint = cls(origin=origin, size=int(size), root=b64decode(root, validate=True))
        except (ValueError, NotBase64):
            raise LedgerDamaged("the checkpoint is malformed; expected origin, size and root hash") from None
        if end or checkpoint.text() != text or len(checkpoint.root) != 32:
            raise LedgerDamaged("the checkpoint is malformed; expected origin, size and root hash")
        return checkpoint
