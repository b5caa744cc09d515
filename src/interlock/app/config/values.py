"""Values of the configuration that are more than a string: addresses, durations, verifiers, paths."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock.access.faults import CredentialRefused
from interlock.access.verifier import Verifier, parse_verifier
from interlock.app.clock import parse_duration


class Address(Struct, frozen=True):
    """Where to listen: `127.0.0.1:6432`, `[::1]:6432`, `localhost:0` (any free port)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ValueError unless it is host:port."""
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not bare or (":" in bare) != host.startswith("[") or not port.isascii() or not port.isdigit():
            raise ValueError(f"`{text}` is not host:port: write it like 127.0.0.1:6432 or [::1]:6432")
        if int(port) > 65535:
            raise ValueError(f"`{text}` has a port above 65535: choose a smaller one")
        return cls(bare, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Pack(Struct, frozen=True):
    """A policy pack: one that ships with Interlock by name, or the directory of another."""

    name: str
    directory: Path | None = None


SHIPPED_PACKS: Final = ("production", "development")


class Seconds(int):
    """A duration written like 45s, 15m, 12h or 2d."""


SPECIAL: Final = (Path, Address, Pack, Seconds, Verifier)


def convert_text(wanted: type, text: object, *, base: Path) -> object:
    """`text` as a `wanted` value; relative paths start at `base`. Raises ValueError with what to write instead."""
    if not isinstance(text, str):
        raise ValueError(f"expected text in quotes, got {type(text).__name__}")
    if wanted is Path:
        return base / Path(text).expanduser()
    if wanted is Address:
        return Address.parse(text)
    if wanted is Seconds:
        return Seconds(parse_duration(text))
    if wanted is Pack:
        return Pack(text, None if text in SHIPPED_PACKS else base / Path(text).expanduser())
    if wanted is Verifier:
        try:
            return parse_verifier(text)
        except CredentialRefused as refusal:
            raise ValueError(str(refusal)) from refusal
    raise TypeError(f"no field has type {wanted}")
