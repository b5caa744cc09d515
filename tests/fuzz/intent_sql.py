"""Any text is understood or refused, never an exception, and never a literal in the shape.

Run `python -m tests.fuzz.intent_sql -max_total_time=3600` with atheris installed; tests/fuzz/test_intent_sql.py
runs the same target over SEEDS and over what hypothesis makes of them.
"""

import sys

from interlock.intent.sql import understand
from tests.intent.sql.shop import scope
from tests.intent.sql.test_corpus import CASES

SEEDS = [text.encode() for text, _ in CASES] + [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"SELECT $a$ x",
    b"SELECT set_config()",  # found by fuzzing
    b"WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) TABLE a",
    b"SELECT * FROM (VALUES (1, 2)) AS v (a) ORDER BY a FOR UPDATE OF v",
    b"MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT DEFAULT VALUES RETURNING *",
]


def one_input(data: bytes) -> None:
    """The target: whatever comes in, each statement has a text that can be sent and a shape that can be kept."""
    text = data.decode("utf-8", "surrogateescape")
    for statement in understand(text, scope()):
        statement.text.encode()
        if "\x00" in statement.text:
            raise AssertionError("a NUL would be forwarded")
        if not statement.intent.understood and not statement.intent.all_findings():
            raise AssertionError("refused without a reason")
        shape = statement.intent.shape
        # Quotes may stand inside quoted names alone.
        if statement.intent.understood and "'" in shape and '"' not in shape:
            raise AssertionError("a literal is left in the shape")


def main() -> None:
    """Fuzz until told to stop."""
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
