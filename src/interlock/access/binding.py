"""What an approval is bound to: everything that the meaning of one command rests on, as one digest (threats.md 6)."""

import json
from base64 import b64encode
from hashlib import sha256

from interlock.model import Command, Ground, OneCommand, Principal


def digest_of(command: Command, ground: Ground, policy_version: str) -> str:
    """SHA-256 (hex) over target and system, text, parameters with types and formats, settings, chain, policy and
    catalogue. Not for the ledger: without a salt a short text is found by trying; see `commitment`."""
    session = command.session
    said = {
        "arguments": [None if value is None else b64encode(value).decode() for value in command.arguments],
        "catalogue": ground.catalogue,
        "chain": [_actor(actor) for actor in session.principal.chain()],
        "formats": command.formats,
        "gateway": session.gateway,
        "language": command.language,
        "policy": policy_version,
        "purpose": session.purpose,
        "settings": ground.settings,
        "surface": session.surface,
        "system": ground.system,
        "target": [session.target.name, session.target.kind, session.target.environment, sorted(session.target.labels)],
        "text": command.text,
        "types": command.types,
    }
    # ASCII with escapes: lone surrogates of a text that was no UTF-8 have a spelling too.
    return sha256(json.dumps(said, sort_keys=True).encode("ascii")).hexdigest()


def commitment(salt: str, digest: str) -> str:
    """The digest as a lease holds it: nobody can try texts on it without the salt."""
    return sha256(bytes.fromhex(salt) + bytes.fromhex(digest)).hexdigest()


def binds(scope: OneCommand, digest: str) -> bool:
    """Whether the scope is this very command."""
    return commitment(scope.salt, digest) == scope.binding


def _actor(actor: Principal) -> list[object]:
    return [actor.id, actor.kind, actor.issuer, sorted(actor.groups)]
