"""Regular expressions that keep a server busy by themselves: back references in a row, bounds inside bounds.

PostgreSQL tries every way to share a text among the groups that are referred to: with three of them a thousand
characters were not done when they were cancelled after four seconds (measured). What is repeated by numbers is copied
as often, and inside each other as often as their product says.
"""

import re
from typing import Final

from interlock.intent.sql.conditions.folding import fold
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, words
from interlock.model import FindingCode

OPERATORS: Final = words("~ ~* !~ !~*")
# The second argument is the pattern; a replacement may refer to as many groups as it likes.
FUNCTIONS: Final = words(
    """regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr substring"""
)
_MOST_REFERENCES: Final = 2
_MOST_COPIES: Final = 3_000
_TOKEN: Final = re.compile(r"\\(.)|\[\^?\]?[^\]]*\]|\{(\d+)(?:,(\d*))?\}|.", re.DOTALL)
_NAMELESS: Final = Level(None)


def refuse_heavy(reading: Reading, pattern: Node | None, location: int) -> None:
    """Refuse a pattern that is written down and heavy; one that is computed is not known."""
    text = fold(_NAMELESS, pattern) if pattern is not None else None
    if not isinstance(text, str):
        return
    references, copies = weight(text)
    if references > _MOST_REFERENCES or copies > _MOST_COPIES:
        message = "the regular expression tries too many ways to match; refer to fewer groups, and repeat less"
        reading.refuse(FindingCode.OVER_LIMIT, message, location)


def weight(pattern: str) -> tuple[int, float]:
    """The groups that a pattern refers back to, and how many atoms it has when everything is written out."""
    referred, sums, last = set[str](), [0.0], 0.0
    closed = pattern.rfind("]") + 1  # a bracket that nothing closes would be looked for again and again
    for token in _TOKEN.finditer(pattern[:closed] + pattern[closed:].replace("[", "")):
        sign = token[0]
        if sign == "(":
            sums.append(0.0)
        elif sign == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        elif token[2] is not None:
            times = max(float(token[3] or token[2]), 1.0)
            sums[-1] += last * (times - 1)
            last *= times
        elif sign not in "|*+?":
            referred.update(token[1] if token[1] and token[1] in "123456789" else "")
            sums[-1] += 1
            last = 1.0
    return len(referred), sum(sums)
