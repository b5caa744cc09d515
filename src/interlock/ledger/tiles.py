"""The tlog-tiles layout (c2sp.org/tlog-tiles): paths, hash tiles and entry bundles of 256."""

from collections.abc import Iterable, Iterator

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.tree import HASH_SIZE, NodeReader, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """`tile/<level>/x001/x234/067[.p/<width>]`; level is a number or `entries`."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{path}" if width == TILE_WIDTH else f"tile/{level}/{path}.p/{width}"


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Every hash tile of a tree of `size` leaves as (level, index, width); those of width 256 never change again."""
    level = 0
    while count := size >> TILE_HEIGHT * level:
        for index in range(count // TILE_WIDTH):
            yield level, index, TILE_WIDTH
        if count % TILE_WIDTH:
            yield level, count // TILE_WIDTH, count % TILE_WIDTH
        level += 1


def bundle(leaves: Iterable[bytes]) -> bytes:
    """An entry bundle: each leaf behind its length in two big-endian bytes."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unbundle(data: bytes) -> Iterator[bytes]:
    """The leaves of an entry bundle; raises LedgerDamaged when it does not end where a leaf ends."""
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise LedgerDamaged("an entry bundle is cut off in the middle of a leaf")
        yield data[at + 2 : end]
        at = end


def hashes_of(tile: bytes) -> list[bytes]:
    """The hashes of a tile, left to right."""
    return [tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]


def node_from_tiles(hashes: NodeReader) -> NodeReader:
    """Any node of the tree, from a reader that knows only nodes on tile edges (levels 0, 8, 16, ...)."""

    def node(level: int, index: int) -> bytes:
        below = level % TILE_HEIGHT
        if not below:
            return hashes(level, index)
        return root_of(hashes(level - below, at) for at in range(index << below, (index + 1) << below))

    return node
