"""The fuzz target of the SQL language over its seeds, and over what hypothesis makes of them."""

import pytest
from hypothesis import given, strategies as st

from tests.fuzz.intent_sql import SEEDS, one_input


@pytest.mark.parametrize("seed", SEEDS)
def test_the_target_accepts_its_seeds(seed: bytes) -> None:
    one_input(seed)


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.data())
def test_the_target_accepts_what_seeds_become(one: bytes, other: bytes, data: st.DataObject) -> None:
    """Cut one seed into another: half sentences, open quotes, clauses where none belong."""
    at, start = data.draw(st.integers(0, len(one))), data.draw(st.integers(0, len(other)))
    one_input(one[:at] + other[start:] + data.draw(st.binary(max_size=4)))
