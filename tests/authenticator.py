"""A security key as software: it signs as OpenSSH's PROTOCOL.u2f has it, and says whatever it is told of who was there.

What it makes is held against the real `ssh-keygen -Y verify` in tests/access/test_sshsig.py.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from textwrap import wrap

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TOUCHED, VERIFIED = 0x01, 0x04
APPLICATION = b"ssh:interlock"


def string(data: bytes) -> bytes:
    """RFC 4251, section 5."""
    return len(data).to_bytes(4) + data


def _mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1))


def armoured(blob: bytes) -> str:
    """As `ssh-keygen` writes a signature."""
    lines = wrap(b64encode(blob).decode(), 70)
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


@dataclass
class SecurityKey:
    """One device. `flags` is what it says of who was there."""

    flags: int = TOUCHED | VERIFIED
    curve: bool = False  # ECDSA instead of Ed25519
    counter: int = 0
    _key: Ed25519PrivateKey | EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self._key = generate_private_key(SECP256R1()) if self.curve else Ed25519PrivateKey.generate()

    @property
    def type(self) -> bytes:
        return b"sk-ecdsa-sha2-nistp256@openssh.com" if self.curve else b"sk-ssh-ed25519@openssh.com"

    @property
    def blob(self) -> bytes:
        """The public key."""
        public = self._key.public_key()
        if self.curve:
            point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return b"".join(map(string, (self.type, b"nistp256", point, APPLICATION)))
        return b"".join(map(string, (self.type, public.public_bytes(Encoding.Raw, PublicFormat.Raw), APPLICATION)))

    @property
    def line(self) -> str:
        """As in a .pub file."""
        return f"{self.type.decode()} {b64encode(self.blob).decode()} a device"

    def sign(self, message: bytes, namespace: str) -> str:
        """What `ssh-keygen -Y sign` would write."""
        wrapped = b"".join(map(string, (namespace.encode(), b"", b"sha512", sha512(message).digest())))
        self.counter += 1
        about = sha256(APPLICATION).digest() + bytes([self.flags]) + self.counter.to_bytes(4)
        made = self._raw(about + sha256(b"SSHSIG" + wrapped).digest())
        signature = string(self.type) + string(made) + bytes([self.flags]) + self.counter.to_bytes(4)
        parts = (self.blob, namespace.encode(), b"", b"sha512", signature)
        return armoured(b"SSHSIG" + (1).to_bytes(4) + b"".join(map(string, parts)))

    def _raw(self, content: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(content)
        return b"".join(map(_mpint, decode_dss_signature(self._key.sign(content, ECDSA(SHA256())))))
