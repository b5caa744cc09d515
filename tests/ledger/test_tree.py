"""RFC 6962: known answers, and proofs of every shape of tree up to a few hundred leaves."""

from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from interlock.ledger.tree import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root_at,
    root_from_inclusion,
    root_of,
)

# The inputs and tree heads that Certificate Transparency implementations test each other with.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(str(n).encode()) for n in range(400)]


def slow_root(hashes: list[bytes]) -> bytes:
    """MTH as the RFC writes it, without thought of speed."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return node_hash(slow_root(hashes[:middle]), slow_root(hashes[middle:]))


def node(level: int, index: int) -> bytes:
    return slow_root(LEAVES[index << level : (index + 1) << level])


def test_the_empty_tree() -> None:
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_known_tree_heads(size: int) -> None:
    assert root_of(map(leaf_hash, CT_LEAVES[:size])).hex() == CT_ROOTS[size - 1]


@given(st.integers(0, 300))
def test_growing_gives_the_root_of_the_definition(size: int) -> None:
    assert root_of(LEAVES[:size]) == slow_root(LEAVES[:size])
    assert root_at(size, node) == slow_root(LEAVES[:size])


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 255, 256, 257])
def test_every_leaf_is_proven_and_no_other_place(size: int) -> None:
    root = slow_root(LEAVES[:size])
    for index in range(size):
        path = inclusion_proof(index, size, node)
        assert root_from_inclusion(LEAVES[index], index, size, path) == root
        assert root_from_inclusion(LEAVES[index], (index + 1) % size, size, path) != root or size == 1
        assert root_from_inclusion(LEAVES[index], index, size, [*path, LEAVES[0]]) is None
        if path:
            assert root_from_inclusion(LEAVES[index], index, size, path[:-1]) != root


@given(st.data())
def test_consistency_of_every_prefix(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 400))
    old = data.draw(st.integers(1, new))
    old_root, new_root = slow_root(LEAVES[:old]), slow_root(LEAVES[:new])
    path = consistency_proof(old, new, node)
    assert is_consistent(old, old_root, new, new_root, path)
    assert not is_consistent(old, LEAVES[399], new, new_root, path)
    assert not is_consistent(old, old_root, new, LEAVES[399], path)
    if path:
        flipped = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
        assert not is_consistent(old, old_root, new, new_root, flipped)
        assert not is_consistent(old, old_root, new, new_root, path[:-1])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, node)


def test_no_consistency_backwards() -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(3, 2, node)
    assert not is_consistent(3, LEAVES[0], 2, LEAVES[0], [])
