"""The growing end agrees with the tree, however it is cut into sessions."""

from hypothesis import given, strategies as st

from interlock.ledger.growth import Growth
from interlock.ledger.tiles import TILE_WIDTH, hashes_of, node_from_tiles, tiles_of
from interlock.ledger.tree import leaf_hash, root_of

LEAVES = [leaf_hash(str(n).encode()) for n in range(70_000)]


def test_every_full_tile_comes_out_once() -> None:
    growth = Growth.empty()
    for leaf in LEAVES:
        growth.append(leaf)
    tiles = {(level, place): hashes for level, place, hashes in growth.take_full()}
    assert set(tiles) == {(level, place) for level, place, width in tiles_of(len(LEAVES)) if width == TILE_WIDTH}
    assert hashes_of(tiles[0, 3]) == LEAVES[3 * 256 : 4 * 256]
    assert hashes_of(tiles[1, 0])[3] == root_of(LEAVES[3 * 256 : 4 * 256])
    assert growth.take_full() == []
    assert growth.root() == root_of(LEAVES)


@given(st.integers(0, 1000), st.integers(0, 600))
def test_going_on_is_the_same_as_never_stopping(first: int, more: int) -> None:
    node = node_from_tiles(lambda level, index: root_of(LEAVES[index << level : (index + 1) << level]))
    growth = Growth(node, first)
    for leaf in LEAVES[first : first + more]:
        growth.append(leaf)
    assert growth.root() == root_of(LEAVES[: first + more])
    filled = [(level, place) for level, place, _ in growth.take_full() if level == 0]
    assert filled == [(0, place) for place in range(first // 256, (first + more) // 256)]
