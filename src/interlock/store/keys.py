"""The ledger's two keys in files of their own: one signs checkpoints, one encrypts texts.

Whoever can read these files can forge what they protect: a key on the gateway's own host proves nothing
against that host's root. What does is an outside memory of checkpoints: a witness, a timestamp, a copy elsewhere.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from interlock.ledger.faults import LedgerFault

KEY_SIZE = 32


def load_or_create(path: Path) -> bytes:
    """The 32-byte key in `path`; made, readable by the owner alone, when the file is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return load(path)
    with os.fdopen(descriptor, "wb") as file:
        key = os.urandom(KEY_SIZE)
        file.write(b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def load(path: Path) -> bytes:
    """The 32-byte key in `path`; refuses a file that others may read."""
    try:
        if path.stat().st_mode & 0o077:
            raise LedgerFault(
                f"the key `{path}` can be read by others; run `chmod 600 {path}`, and think of replacing it"
            )
        key = b64decode(path.read_bytes().strip(), validate=True)
    except OSError as error:
        raise LedgerFault(
            f"the key `{path}` cannot be read ({error.strerror}); name the configuration that says where it is"
        ) from error
    except NotBase64:
        key = b""
    if len(key) != KEY_SIZE:
        raise LedgerFault(f"`{path}` is no key of {KEY_SIZE} bytes in base64; put the right file there")
    return key
