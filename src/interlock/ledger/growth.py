"""The growing end of the stored tree: its perfect subtrees, and the tiles that are not full yet."""

from hashlib import sha256

from interlock.ledger.tiles import TILE_HEIGHT, TILE_WIDTH
from interlock.ledger.tree import NodeReader, fold, peak_positions


class Growth:
    """Follows every appended leaf hash, and hands out tiles as they fill up. Memory is O(256 log size)."""

    __slots__ = ("_edges", "_full", "_peaks", "_size")

    def __init__(self, node: NodeReader, size: int) -> None:
        """Go on from a stored tree of `size` leaves."""
        self._size = size
        self._peaks = [node(*position) for position in peak_positions(size)]
        self._full: list[tuple[int, int, bytes]] = []
        self._edges: list[list[bytes]] = [[]]
        for step in range(-(-size.bit_length() // TILE_HEIGHT)):
            count = size >> step * TILE_HEIGHT
            self._edge(step).extend(node(step * TILE_HEIGHT, at) for at in range(count - count % TILE_WIDTH, count))

    @classmethod
    def empty(cls) -> "Growth":
        """A tree without leaves."""

        def nothing(level: int, index: int) -> bytes:
            raise LookupError(f"an empty tree has no node {level}/{index}")

        return cls(nothing, 0)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node, count, level = leaf, self._size, 0
        self._edges[0].append(leaf)
        self._size += 1
        while count & 1:
            node = sha256(b"\x01" + self._peaks.pop() + node).digest()
            count >>= 1
            level += 1
            if level % TILE_HEIGHT == 0:
                self._fill(level // TILE_HEIGHT, node)
        self._peaks.append(node)

    def root(self) -> bytes:
        """The tree head."""
        return fold(self._peaks)

    def take_full(self) -> list[tuple[int, int, bytes]]:
        """Tiles filled since the last call, as (level, place, hashes)."""
        full, self._full = self._full, []
        return full

    def _fill(self, step: int, node: bytes) -> None:
        """The tile below tile level `step` is full, and `node` is its hash."""
        below = self._edges[step - 1]
        self._full.append((step - 1, (self._size >> step * TILE_HEIGHT) - 1, b"".join(below)))
        below.clear()
        self._edge(step).append(node)

    def _edge(self, step: int) -> list[bytes]:
        if step == len(self._edges):
            self._edges.append([])
        return self._edges[step]
