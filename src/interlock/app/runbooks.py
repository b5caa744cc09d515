"""Runbooks on disk: a directory of signed files, whose signatures count, and a list of those that were revoked."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from interlock.access.faults import RunbookRefused
from interlock.access.runbooks import Runbook, Signed, Signer, read_signed, valid
from interlock.app.config import RunbooksConfig
from interlock.gate.runbooks import Runbooks
from interlock.intent.sql.holes import holes_of

SUFFIX: Final = ".runbook.json"
REVOKED: Final = "revoked"


def read_runbooks(directory: Path) -> dict[str, str]:
    """The texts of all signed runbooks by file name; none where there is no directory. Raises RunbookRefused."""
    try:
        found = sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIX))
        return {path.name: path.read_text("utf-8") for path in found}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookRefused(f"`{directory}` cannot be read: {error}; make it readable") from error


def signers_of(config: RunbooksConfig) -> dict[str, Signer]:
    """Whose signatures count. Raises RunbookRefused for a file that holds no public key."""
    return {
        name: Signer(public=_public(signer.key), groups=frozenset(signer.groups))
        for name, signer in config.signers.items()
    }


def runbooks_of(config: RunbooksConfig, texts: Mapping[str, str], target: str) -> Runbooks:
    """Those of one target, from the texts of their files. Raises RunbookRefused."""
    signers = signers_of(config)
    signed = [require_sound(read_signed(text)) for text in texts.values()]
    here = [(one, valid(one, signers)) for one in signed if one.runbook.target == target]
    return Runbooks(signed=here, revoked=revoked_in(config.directory))


def require_sound(signed: Signed) -> Signed:
    """Raises RunbookRefused where what is signed says less than it seems to."""
    runbook = signed.runbook
    if holes_of(runbook.text) != len(runbook.parameters):
        raise RunbookRefused(
            f"runbook `{runbook.id}`: its text needs one hole for each of its {len(runbook.parameters)} parameters, "
            "`$1` and on, and no quoted names"
        )
    return signed


def revoked_in(directory: Path) -> Callable[[], frozenset[str]]:
    """The ids that hold no more, looked up anew each time: revoking must not wait for a reload."""
    file = directory / REVOKED
    known: tuple[tuple[int, int], frozenset[str]] | None = None

    def look() -> frozenset[str]:
        nonlocal known
        try:
            about = os.stat(file)
        except FileNotFoundError:
            return frozenset()
        seen = (about.st_mtime_ns, about.st_size)
        if known is None or known[0] != seen:
            known = seen, frozenset(file.read_text("utf-8").split("\n"))
        return known[1]

    return look


def revoke(directory: Path, runbook: str) -> None:
    """For good: what is signed under this id never holds again. On disk when this returns."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(directory / REVOKED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as output:
        output.write(f"{runbook}\n")
        output.flush()
        os.fsync(output.fileno())


def kept(config: RunbooksConfig) -> Iterator[tuple[Path, Signed]]:
    """Every runbook of the directory, with its file."""
    for name, text in read_runbooks(config.directory).items():
        yield config.directory / name, read_signed(text)


def place_of(config: RunbooksConfig, runbook: Runbook) -> Path:
    """The file of a runbook. Raises RunbookRefused for an id that names no file."""
    if not runbook.id or not all(part.isalnum() and part.isascii() for part in runbook.id.split("-")):
        raise RunbookRefused(f"`{runbook.id}` is no id: use letters, digits and hyphens")
    return config.directory / f"{runbook.id}{SUFFIX}"


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Raises RunbookRefused."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise RunbookRefused("this is no private key in PEM: make one with `interlock token keygen`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RunbookRefused("this key is not Ed25519: make one with `interlock token keygen`")
    return key


def _public(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RunbookRefused(f"`{file}` is no public key in PEM ({error}): see `interlock token keygen`") from error
    if not isinstance(key, Ed25519PublicKey):
        raise RunbookRefused(f"the key in `{file}` is not Ed25519: make one with `interlock token keygen`")
    return key
