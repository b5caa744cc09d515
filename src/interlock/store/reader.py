"""Reading a ledger file: leaves, tree nodes and side rows, on any connection."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, hashes_of, node_from_tiles
from interlock.ledger.tree import HASH_SIZE, NodeReader, leaf_hash, root_of


class Head(Struct, frozen=True, kw_only=True):
    """The newest committed state. Before `open_from` no decision is without its end."""

    gateway: str
    epoch: int
    size: int
    open_from: int
    checkpoint: str


class Reader:
    """One connection's view of a ledger. Inside a read transaction it is one moment's view."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection
        self.node: Final[NodeReader] = node_from_tiles(self._edge_node)

    def head_or_none(self) -> Head | None:
        """The signed state; None in a ledger that was never written to."""
        row = self._connection.execute("SELECT gateway, epoch, size, open_from, checkpoint FROM head").fetchone()
        if row is None:
            return None
        gateway, epoch, size, open_from, checkpoint = row
        return Head(gateway=gateway, epoch=epoch, size=size, open_from=open_from, checkpoint=checkpoint)

    def head(self) -> Head:
        """The signed state; raises LedgerDamaged when there is none."""
        head = self.head_or_none()
        if head is None:
            raise LedgerDamaged("the ledger has no signed head: it is empty, or damaged; start the gateway once")
        return head

    def leaves(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(seq, leaf) for start <= seq < end, as far as they are there."""
        yield from self._connection.execute(
            "SELECT seq, leaf FROM leaves WHERE seq >= ? AND seq < ? ORDER BY seq", (start, end)
        )

    def newest_first(self, containing: str, size: int) -> Iterator[tuple[int, bytes]]:
        """(seq, leaf) below `size` whose bytes contain that text, last one first."""
        yield from self._connection.execute(
            "SELECT seq, leaf FROM leaves WHERE seq < ? AND instr(leaf, ?) ORDER BY seq DESC",
            (size, containing.encode()),
        )

    def leaves_after(self, seq: int, containing: str) -> Iterator[bytes]:
        """The leaves behind `seq` whose bytes contain that text."""
        query = "SELECT leaf FROM leaves WHERE seq > ? AND instr(leaf, ?)"
        for (leaf,) in self._connection.execute(query, (seq, containing.encode())):
            yield leaf

    def leaf(self, seq: int) -> bytes:
        """The leaf at `seq`; raises LedgerDamaged when it is missing."""
        leaf = self._blob("SELECT leaf FROM leaves WHERE seq = ?", seq)
        if leaf is None:
            raise LedgerDamaged(f"record {seq} is missing; run `interlock ledger verify`")
        return leaf

    def text(self, seq: int) -> bytes | None:
        """The sealed text of record `seq`; None when it has none, or it was erased."""
        return self._blob("SELECT sealed FROM texts WHERE seq = ?", seq)

    def rest(self, seq: int) -> bytes | None:
        """The full list of effects of record `seq` where it did not fit the leaf."""
        return self._blob("SELECT effects FROM rests WHERE seq = ?", seq)

    def tile_places(self) -> Iterator[tuple[int, int]]:
        """(level, place) of every stored (full) tile."""
        yield from self._connection.execute("SELECT level, place FROM tiles ORDER BY level, place")

    def side_places(self) -> Iterator[tuple[str, int]]:
        """(`text` or `rest`, seq) of every side row."""
        yield from self._connection.execute("SELECT 'text', seq FROM texts UNION ALL SELECT 'rest', seq FROM rests")

    def tile(self, level: int, place: int) -> bytes | None:
        """A stored tile's hashes; None when it is not full yet (or gone)."""
        return self._blob("SELECT hashes FROM tiles WHERE level = ? AND place = ?", level, place)

    def _edge_node(self, level: int, index: int) -> bytes:
        """A node on a tile edge: out of its full tile, else computed from the tile (or leaf) below it."""
        step = level // TILE_HEIGHT
        tile = self.tile(step, index // TILE_WIDTH)
        if tile is not None:
            at = index % TILE_WIDTH * HASH_SIZE
            return tile[at : at + HASH_SIZE]
        if step == 0:
            return leaf_hash(self.leaf(index))
        below = self.tile(step - 1, index)
        if below is None:
            raise LedgerDamaged(f"tile {step - 1}/{index} is missing; restore the ledger from a backup")
        return root_of(hashes_of(below))

    def _blob(self, query: str, *key: int) -> bytes | None:
        row: tuple[bytes] | None = self._connection.execute(query, key).fetchone()
        return row and row[0]
