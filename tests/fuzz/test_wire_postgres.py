"""The fuzz target over its seeds and over random bytes; wire_postgres.py itself searches guided by coverage."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.fuzz.wire_postgres import SEEDS, one_input


@pytest.mark.parametrize("seed", sorted(SEEDS.iterdir()), ids=lambda seed: seed.name)
def test_a_seed(seed: Path) -> None:
    one_input(seed.read_bytes())


@given(data=st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    one_input(data)


@given(data=st.data())
def test_seeds_with_random_damage(data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(sorted(SEEDS.iterdir()))).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    one_input(bytes(seed))
