"""The growing end of the stored tree: the frontier, and the tiles that are not full yet."""

from interlock.ledger.tiles import TILE_HEIGHT, TILE_WIDTH
from interlock.ledger.tree import Frontier, NodeReader, peak_positions


class Growth:
    """Follows every appended leaf hash, and hands out tiles as they fill up."""

    __slots__ = ("_edges", "_frontier", "_full")

    def __init__(self, frontier: Frontier, edges: list[list[bytes]]) -> None:
        self._frontier = frontier
        self._edges = edges
        self._full: list[tuple[int, int, bytes]] = []

    @classmethod
    def of(cls, node: NodeReader, size: int) -> "Growth":
        """The state for a stored tree of `size` leaves."""
        edges = []
        level = 0
        while count := size >> level:
            start = count - count % TILE_WIDTH
            edges.append([node(level, index) for index in range(start, count)])
            level += TILE_HEIGHT
        frontier = Frontier(size, [node(*position) for position in peak_positions(size)])
        return cls(frontier, edges or [[]])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._frontier.append(leaf, self._completed)

    def root(self) -> bytes:
        """The tree head."""
        return self._frontier.root()

    def take_full(self) -> list[tuple[int, int, bytes]]:
        """Tiles filled since the last call, as (level, place, hashes)."""
        full, self._full = self._full, []
        return full

    def _completed(self, level: int, node: bytes) -> None:
        if level % TILE_HEIGHT:
            return
        step = level // TILE_HEIGHT
        if step == len(self._edges):
            self._edges.append([])
        edge = self._edges[step]
        edge.append(node)
        if len(edge) == TILE_WIDTH:
            place = self._frontier.size // TILE_WIDTH ** (step + 1)
            self._full.append((step, place, b"".join(edge)))
            edge.clear()
