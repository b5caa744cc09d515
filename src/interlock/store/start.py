"""What is checked before a ledger is written to again."""

from typing import Final

from interlock.ledger.faults import LedgerDamaged, LedgerFault
from interlock.ledger.leaf import NO_PREVIOUS
from interlock.ledger.note import Checkpoint, Verifier
from interlock.ledger.reading import read_leaf
from interlock.ledger.tree import leaf_hash, root_at
from interlock.ledger.unfinished import OpenDecisions
from interlock.store.reader import Head, Reader

CHECKED_AT_START: Final = 1024  # leaves; `interlock ledger verify` checks them all


def origin(gateway: str, epoch: int) -> str:
    """The log's name in its checkpoints. A restored ledger goes on as another log: two histories, two names."""
    return gateway if epoch == 1 else f"{gateway}/{epoch}"


def epoch_of(gateway: str, name: str) -> int:
    """The inverse of `origin`; raises LedgerDamaged for a name of another log."""
    if name == gateway:
        return 1
    number = name.removeprefix(gateway + "/")
    if number == name or not number.isdecimal():
        raise LedgerDamaged(f"the checkpoint is of log `{name}`, this gateway is `{gateway}`; put the right file there")
    return int(number)


def check_end(reader: Reader, head: Head, verifier: Verifier) -> None:
    """Verify the signed head against the stored tree, and the last leaves against tree and sequence."""
    if head.gateway != verifier.name:
        raise LedgerFault(
            f"this ledger belongs to gateway `{head.gateway}`, not `{verifier.name}`; each gateway has its own"
        )
    checkpoint = Checkpoint.parse(verifier.open(head.checkpoint))
    if (checkpoint.size, epoch_of(head.gateway, checkpoint.origin)) != (head.size, head.epoch):
        raise LedgerDamaged("the head row and its signed checkpoint disagree; run `interlock ledger verify`")
    if root_at(head.size, reader.node) != checkpoint.root:
        raise LedgerDamaged("the stored tree does not have the signed root; run `interlock ledger verify`")
    start = max(0, head.size - CHECKED_AT_START)
    previous = leaf_hash(reader.leaf(start - 1)) if start else NO_PREVIOUS
    expected = start
    for seq, leaf in reader.leaves(start, head.size + 1):
        place = read_leaf(leaf).gw
        found = leaf_hash(leaf)
        if (seq, place.seq, place.prev) != (expected, expected, previous.hex()) or found != reader.node(0, seq):
            raise LedgerDamaged(f"record {seq} is not what was written there; run `interlock ledger verify`")
        previous = found
        expected += 1
    if expected != head.size:
        raise LedgerDamaged(f"record {expected} is missing or too many; run `interlock ledger verify`")


def epoch_to_continue(reader: Reader, head: Head | None, gateway: str, seen: Checkpoint | None) -> int:
    """The ledger's own epoch, or a new one where more was seen of it than is there: then it was restored.

    Raises LedgerDamaged where the ledger is as long as what was seen, and different.
    """
    here = head.epoch if head else 1
    if seen is None:
        return here
    remembered = epoch_of(gateway, seen.origin)
    size = head.size if head else 0
    if remembered > here or (remembered == here and seen.size > size):
        return remembered + 1
    if remembered == here and root_at(seen.size, reader.node) != seen.root:
        raise LedgerDamaged(
            f"the ledger was seen with another content at {seen.size} records: its past was rewritten; "
            "keep this file as evidence and restore a backup"
        )
    return here


def open_decisions(reader: Reader, head: Head | None) -> OpenDecisions:
    """Follow the records from where something may be open."""
    found = OpenDecisions()
    if head is not None:
        for seq, leaf in reader.leaves(head.open_from, head.size):
            found.replay(read_leaf(leaf), seq)
    return found
