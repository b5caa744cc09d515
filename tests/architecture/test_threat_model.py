"""docs/threat-model.md names a test for each rule that is said to hold, and every test it names is there."""

import re
from typing import Final

import pytest

from tests.architecture.repository import ROOT

DOCUMENT: Final = ROOT / "docs" / "threat-model.md"
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in DOCUMENT.read_text().splitlines()
    if re.match(r"\| \d+ \|", line)
]


def test_every_attack_has_its_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 21))
    assert {row[3] for row in ROWS} == {"now", "refused"}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_shows_a_rule_is_there(row: list[str]) -> None:
    shown = row[4]
    files = [(DOCUMENT.parent / path).resolve() for path in re.findall(r"\]\(([^)]+)\)", shown)]
    assert files, "a rule that is said to hold names no test"
    defined = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert set(re.findall(r"`(test_\w+)`", shown)) <= defined
