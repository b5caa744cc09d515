"""tlog-tiles: paths and bundles."""

import pytest

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.tiles import bundle, tile_path, tiles_of, unbundle


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 273, 112, "tile/0/273.p/112"),
        (1, 1234067, 256, "tile/1/x001/x234/067"),
        ("entries", 1000, 1, "tile/entries/x001/000.p/1"),
    ],
)
def test_paths(level: int | str, index: int, width: int, path: str) -> None:
    assert tile_path(level, index, width) == path


def test_the_tiles_of_a_log() -> None:
    assert list(tiles_of(0)) == []
    assert list(tiles_of(70_000))[-3:] == [(1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert (0, 273, 112) in list(tiles_of(70_000))


def test_a_bundle_is_read_back() -> None:
    leaves = [b"", b"a", b"x" * 65535]
    assert list(unbundle(bundle(leaves))) == leaves


@pytest.mark.parametrize("cut", [1, 2])
def test_a_bundle_that_was_cut(cut: int) -> None:
    with pytest.raises(LedgerDamaged, match="cut off"):
        list(unbundle(bundle([b"ab"])[:-cut] if cut == 1 else bundle([b"ab"]) + b"\x00"))
