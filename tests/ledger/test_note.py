"""Signed notes and checkpoints: signed here, checked here, and refused when anything differs."""

import pytest

from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.note import Checkpoint, Signer, Verifier

SIGNER = Signer("gw.example", bytes(range(32)))
CHECKPOINT = Checkpoint(origin="gw.example", size=3, root=bytes(32))


def test_a_note_is_opened_with_its_key() -> None:
    note = SIGNER.sign(CHECKPOINT.text())
    verifier = Verifier.parse(str(SIGNER.verifier))
    assert Checkpoint.parse(verifier.open(note)) == CHECKPOINT


def test_more_signatures_do_no_harm() -> None:
    cosigned = SIGNER.sign(CHECKPOINT.text()) + "— witness.example AAAAAAAAAAAA\n"
    assert SIGNER.verifier.open(cosigned) == CHECKPOINT.text()


@pytest.mark.parametrize("place", range(0, 150, 7))
def test_any_flipped_bit_is_seen(place: int) -> None:
    note = bytearray(SIGNER.sign(CHECKPOINT.text()).encode())
    place %= len(note) - 1
    note[place] ^= 1
    with pytest.raises(LedgerDamaged):
        Checkpoint.parse(SIGNER.verifier.open(note.decode("utf-8", "replace")))


def test_another_key_of_the_same_name() -> None:
    with pytest.raises(LedgerDamaged, match=r"not signed by `gw\.example`"):
        Signer("gw.example", bytes(32)).verifier.open(SIGNER.sign(CHECKPOINT.text()))


@pytest.mark.parametrize("vkey", ["", "a+b", "gw.example+00000000+AQ==", "gw.example+zz+!"])
def test_damaged_verifier_keys(vkey: str) -> None:
    with pytest.raises(LedgerDamaged):
        Verifier.parse(vkey)


@pytest.mark.parametrize(
    "text", ["", "a\n1\n", "a\n1\nAAAA\n", "a\n01\n" + "A" * 43 + "=\n", "a\n1\n" + "A" * 43 + "=\nmore\n"]
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(LedgerDamaged, match="malformed"):
        Checkpoint.parse(text)


def test_a_name_must_not_break_the_format() -> None:
    with pytest.raises(LedgerDamaged, match="no name"):
        Signer("two words", bytes(32))
