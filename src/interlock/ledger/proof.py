"""Proof files for single records (c2sp.org/tlog-proof): checked offline, with nothing but the log's verifier key."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from msgspec import Struct

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.note import Checkpoint, Verifier
from interlock.ledger.tree import leaf_hash, root_from_inclusion

HEADER = "c2sp.org/tlog-proof@v1"


class Proof(Struct, frozen=True, kw_only=True):
    """That `leaf` is record `index` of the log whose signed `checkpoint` note is enclosed.

    The format calls what is between header and index extra data; here it is the leaf itself, so that the file
    is complete.
    """

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The file's content."""
        hashes = "".join(b64encode(one).decode() + "\n" for one in self.path)
        return f"{HEADER}\nextra {b64encode(self.leaf).decode()}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Read a file; raises LedgerDamaged when it is none."""
        head, _, checkpoint = text.partition("\n\n")
        try:
            header, extra, index, *hashes = head.split("\n")
            if header != HEADER or not extra.startswith("extra ") or not index.startswith("index "):
                raise ValueError(header)
            path = tuple(b64decode(one, validate=True) for one in hashes)
            leaf = b64decode(extra.removeprefix("extra "), validate=True)
            proof = cls(leaf=leaf, index=int(index.removeprefix("index ")), path=path, checkpoint=checkpoint)
        except (ValueError, NotBase64):
            raise LedgerDamaged(f"this is no proof file; it begins with `{HEADER}`") from None
        if proof.text() != text:
            raise LedgerDamaged("the proof file is not in its canonical form; ask for it again")
        return proof

    def verify(self, verifier: Verifier) -> Checkpoint:
        """The tree head this record is proven under; raises LedgerDamaged when anything does not fit."""
        checkpoint = Checkpoint.parse(verifier.open(self.checkpoint))
        if root_from_inclusion(leaf_hash(self.leaf), self.index, checkpoint.size, self.path) != checkpoint.root:
            raise LedgerDamaged("the record is not in the log that the checkpoint signs: one of them was changed")
        return checkpoint
