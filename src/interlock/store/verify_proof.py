"""Check an Interlock proof file against the log's verifier key: python3 verify_proof.py FILE.tlog-proof VKEY_FILE"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    node, last = hashlib.sha256(b"\x00" + leaf).digest(), size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("the proof is too long")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the proof is too short")
    return node


def check(proof: str, vkey: str) -> bytes:
    """The proven record; ValueError or InvalidSignature when anything does not fit."""
    head, _, note = proof.partition("\n\n")
    header, extra, position, *path = head.split("\n")
    name, key_id, key = vkey.strip().split("+", 2)
    text, _, signatures = note.rpartition("\n\n")
    public = base64.b64decode(key)
    wanted = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    lines = [line.rsplit(" ", 1)[1] for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    mine = [signature[4:] for signature in map(base64.b64decode, lines) if signature[:4] == wanted]
    form = [header, extra[:6], position[:6]] == ["c2sp.org/tlog-proof@v1", "extra ", "index "]
    if not form or not mine or wanted.hex() != key_id or public[0] != 1:
        raise ValueError("this is no proof of a record, or not one signed with this key")
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(mine[0], (text + "\n").encode())
    leaf, index = base64.b64decode(extra[6:]), int(position[6:])
    origin, size, root = text.split("\n")
    if not f"{origin}/".startswith(f"{name}/") or not 0 <= index < int(size):
        raise ValueError("the record is not in this log")
    if root_of(leaf, index, int(size), [base64.b64decode(one) for one in path]) != base64.b64decode(root):
        raise ValueError("the record, its place or the checkpoint was changed")
    return leaf


if __name__ == "__main__":
    try:
        record = json.loads(check(Path(sys.argv[1]).read_text("utf-8"), Path(sys.argv[2]).read_text("utf-8")))
    except (ValueError, OSError, InvalidSignature) as error:
        sys.exit(f"NOT PROVEN: {error or 'the signature is false'}")
    sys.stdout.write(f"proven: {record['kind']} {record['id']} is record {record['gw']['seq']} of this log\n")
