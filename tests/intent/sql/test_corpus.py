"""The corpus: 900 statements, each with the meaning a reader can check against the shop."""

from pathlib import Path

import pytest

from interlock.intent.sql import understand
from tests.intent.sql.shop import scope, written

CORPUS = Path(__file__).parents[2] / "corpus" / "postgresql.txt"


def cases() -> list[tuple[str, list[str]]]:
    """Blocks of a statement and its indented expectations."""
    found: list[tuple[str, list[str]]] = []
    for line in CORPUS.read_text().splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif line and not line.startswith("#"):
            found.append((line, []))
    return found


CASES = cases()


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 930
    assert len({text for text, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:60] for text, _ in CASES])
def test_meaning(text: str, expected: list[str]) -> None:
    (known,) = understand("PREPARE known AS UPDATE orders SET note = 'x' WHERE id = $1", scope())
    (cursor,) = understand("DECLARE open_cursor CURSOR FOR SELECT email FROM customers", scope())
    (statement,) = understand(text, scope(prepared={"known": known}, cursors={"open_cursor": cursor}))
    assert written(statement) == expected
