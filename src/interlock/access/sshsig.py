"""Signatures as `ssh-keygen -Y sign` makes them, by keys in files and by security keys.

The formats are OpenSSH's: PROTOCOL.sshsig, and PROTOCOL.u2f for keys whose type begins with `sk-`.
"""

import binascii
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from enum import StrEnum
from hashlib import sha256, sha512
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from interlock.access.faults import ApprovalRefused

_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"sha256": lambda data: sha256(data).digest(),
    b"sha512": lambda data: sha512(data).digest(),
}
_PRESENT, _VERIFIED = 0x01, 0x04  # flags of an authenticator (WebAuthn, "Authenticator Data")
_LONGEST: Final = 4096  # bytes; a signature of these keys has about 300


class Presence(StrEnum):
    """What a signature says of who was there. `any` says nothing: a key in a file is used by whoever reads the file."""

    ANY = "any"
    TOUCHED = "touched"  # somebody touched the security key
    VERIFIED = "verified"  # and showed it a PIN or a finger

    def covers(self, wanted: "Presence") -> bool:
        """Whether it says at least as much as is wanted."""
        return _RISING.index(self) >= _RISING.index(wanted)


_RISING: Final = (Presence.ANY, Presence.TOUCHED, Presence.VERIFIED)


class SshSignature(Struct, frozen=True, kw_only=True):
    """A signature that holds: by which public key (its blob), with whom present, and the blob of the signature."""

    key: bytes
    presence: Presence
    blob: bytes

    @property
    def base64(self) -> str:
        """The signature without its armour."""
        return b64encode(self.blob).decode()

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it: `SHA256:...`."""
        return "SHA256:" + b64encode(sha256(self.key).digest()).decode().rstrip("=")


def public_key(line: str) -> bytes:
    """The blob of a public key as a line of a .pub file; ApprovalRefused where it is none, or of another type."""
    words = line.split()
    try:
        blob = b64decode(words[1], validate=True)
        named = _Reader(blob).string().decode()
        _read_key(blob)
    except (IndexError, ValueError, binascii.Error) as error:
        raise ApprovalRefused(
            f"`{line[:60]}` is no public key that can be used ({error}): take a line of a .pub file that "
            "`ssh-keygen -t ed25519-sk` made"
        ) from error
    if named != words[0]:
        raise ApprovalRefused(f"`{line[:60]}` calls itself `{words[0]}` and holds a `{named}`: take the whole line")
    return blob


def verified(signature: str, message: bytes, *, namespace: str) -> SshSignature:
    """The signature, if it is one of `message`: PEM-like armour, or its base64 alone. Raises ApprovalRefused."""
    try:
        blob = b64decode("".join(signature.replace(_BEGIN, "").replace(_END, "").split()), validate=True)
        return _verified(blob, message, namespace.encode())
    except InvalidSignature:
        raise ApprovalRefused("the signature is not one of this request, this group and this person") from None
    except (ValueError, binascii.Error) as error:
        raise ApprovalRefused(f"the signature cannot be read ({error}): `ssh-keygen -Y sign` makes it") from error


def _verified(blob: bytes, message: bytes, namespace: bytes) -> SshSignature:
    if len(blob) > _LONGEST or not blob.startswith(_MAGIC):
        raise ValueError("it does not begin as one")
    outer = _Reader(blob, len(_MAGIC))
    if outer.number() != _VERSION:
        raise ValueError("it is of another version")
    key, said, reserved, hashed = (outer.string() for _ in range(4))
    signature = outer.last_string()
    if said != namespace:
        raise ValueError(f"it was made for `{said[:40]!r}`; sign with -n {namespace.decode()}")
    if hashed not in _HASHES:
        raise ValueError("it is over an unknown hash")
    content = _MAGIC + b"".join(map(_string, (namespace, reserved, hashed, _HASHES[hashed](message))))
    presence = _read_key(key).check(signature, content)
    return SshSignature(key=key, presence=presence, blob=blob)


class _Key(Struct, frozen=True, kw_only=True):
    """A public key: how it checks bytes, and, of a security key, the application that it was made for."""

    type: bytes
    plain: Callable[[bytes, bytes], None]
    application: bytes | None

    def check(self, signature: bytes, content: bytes) -> Presence:
        """Who was present. Raises InvalidSignature, or ValueError where it cannot be read."""
        parts = _Reader(signature)
        if parts.string() != self.type:
            raise ValueError("key and signature are of two types")
        if self.application is None:
            self.plain(parts.last_string(), content)
            return Presence.ANY
        raw, flags, counter = parts.string(), parts.byte(), parts.number()
        parts.end()
        about = sha256(self.application).digest() + bytes([flags]) + counter.to_bytes(4)
        self.plain(raw, about + sha256(content).digest())
        if not flags & _PRESENT:
            return Presence.ANY
        return Presence.VERIFIED if flags & _VERIFIED else Presence.TOUCHED


def _read_key(blob: bytes) -> _Key:
    parts = _Reader(blob)
    named = parts.string()
    match named.removeprefix(b"sk-").removesuffix(b"@openssh.com"):
        case b"ssh-ed25519":
            plain = _ed25519(parts.string())
        case b"ecdsa-sha2-nistp256" if parts.string() == b"nistp256":
            plain = _ecdsa(parts.string())
        case _:
            raise ValueError(f"keys of type `{named[:40].decode(errors='replace')}` do not count here")
    application = parts.string() if named.startswith(b"sk-") else None
    parts.end()
    return _Key(type=named, plain=plain, application=application)


def _ed25519(raw: bytes) -> Callable[[bytes, bytes], None]:
    return Ed25519PublicKey.from_public_bytes(raw).verify


def _ecdsa(point: bytes) -> Callable[[bytes, bytes], None]:
    key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)

    def check(signature: bytes, content: bytes) -> None:
        parts = _Reader(signature)
        r, s = (int.from_bytes(part) for part in (parts.string(), parts.last_string()))
        key.verify(encode_dss_signature(r, s), content, ECDSA(SHA256()))

    return check


class _Reader:
    """Reads the data types of RFC 4251, section 5. ValueError where bytes are missing or left over."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def string(self) -> bytes:
        return self._take(self.number())

    def last_string(self) -> bytes:
        found = self.string()
        self.end()
        return found

    def number(self) -> int:
        return int(struct.unpack(">I", self._take(4))[0])

    def byte(self) -> int:
        return self._take(1)[0]

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("bytes are left over")

    def _take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("it ends too early")
        self._at += count
        return found


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data
