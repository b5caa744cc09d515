"""Writing a log out for others: the tlog-tiles layout as files, the verifier key, and a verifier."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from interlock.ledger.faults import LedgerDamaged, LedgerFault
from interlock.ledger.note import Checkpoint, Verifier
from interlock.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, bundle, tile_path, tiles_of
from interlock.ledger.tree import root_at
from interlock.store.reader import Reader


def signed(reader: Reader, verifier: Verifier) -> Checkpoint:
    """The newest checkpoint; raises LedgerDamaged when the stored tree is not the signed one."""
    checkpoint = Checkpoint.parse(verifier.open(reader.head().checkpoint))
    if root_at(checkpoint.size, reader.node) != checkpoint.root:
        raise LedgerDamaged("the stored tree is not the signed one; run `interlock ledger verify`")
    return checkpoint


def export_log(reader: Reader, verifier: Verifier, directory: Path) -> Checkpoint:
    """Write the log as of its newest checkpoint into `directory`, which must be empty or missing.

    Only leaves leave: sealed texts stay. Raises LedgerFault when the directory has something in it, LedgerDamaged
    as `signed` does.
    """
    checkpoint = signed(reader, verifier)
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise LedgerFault(f"`{directory}` is not empty; name a new directory")
    for path, content in _files(reader, checkpoint.size):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    (directory / "vkey").write_text(f"{verifier}\n", "utf-8")
    (directory / "verify_proof.py").write_bytes((files("interlock.store") / "verify_proof.py").read_bytes())
    (directory / "checkpoint").write_text(reader.head().checkpoint, "utf-8")
    return checkpoint


def _files(reader: Reader, size: int) -> Iterator[tuple[str, bytes]]:
    for level, place, width in tiles_of(size):
        start = place * TILE_WIDTH
        nodes = (reader.node(level * TILE_HEIGHT, at) for at in range(start, start + width))
        yield tile_path(level, place, width), reader.tile(level, place) or b"".join(nodes)
    for start in range(0, size, TILE_WIDTH):
        leaves = [leaf for _, leaf in reader.leaves(start, min(start + TILE_WIDTH, size))]
        yield tile_path("entries", start // TILE_WIDTH, len(leaves)), bundle(leaves)
