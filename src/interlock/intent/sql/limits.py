"""What a text may look like before anything expensive reads it: size, bytes that lie, comments that nest."""

import re
from dataclasses import dataclass
from typing import Final

from interlock.model import Finding, FindingCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on one text. Bytes are those of its UTF-8 form.

    `max_depth` counts nested queries (sub-selects, CTE bodies), `max_comment_run` comments inside comments: they cost
    the lexer quadratic time (80 kB of them: 2 s). `max_copies` bounds how much `SET (a, b, ...) = (SELECT ...)`, which
    the grammar copies once a column, may blow up the tree, at a microsecond a character. `max_chain` is the length in
    characters of one unbroken expression: libpg_query's exporter recurses along `1+1+1...` and overflows an 8 MiB
    stack at some 50,000 links (measured), two characters each. `max_from` bounds the items of one FROM, `max_ctes` the
    names that all WITH of one statement define: a chain of 4,000 keeps PostgreSQL planning for minutes (measured),
    beyond its own cancel.

    `big_table_mb` and `huge_table_rows` are sizes in the catalogue, not of the text: from the one on a lock that is
    held for as long as a table takes is pointed at, from the other on a read of everything.
    """

    max_bytes: int = 262_144
    max_depth: int = 48
    max_statements: int = 1_000
    max_comment_run: int = 64
    max_copies: int = 400_000
    max_chain: int = 20_000
    max_from: int = 1_000
    max_ctes: int = 200
    big_table_mb: int = 128
    huge_table_rows: int = 1_000_000


DEFAULT_LIMITS: Final = Limits()

# Openers with no closer in between: honest texts nest comments once or twice.
_OPENER_OR_CLOSER = re.compile(r"/\*|\*/")
_SET = re.compile(r"\bset\b", re.IGNORECASE)
# AND and OR chains are flat in the tree; after these words a new expression begins.
_BREAK = re.compile(r"[()\[\],;]|\b(?:and|or|when|then|else)\b", re.IGNORECASE)
_CHAINED = re.compile(r"\b(?:union|intersect|except|join)\b", re.IGNORECASE)
# PostgreSQL's longest operator has 63 characters; its lexer takes a row of signs apart from behind, each time anew.
# Spelled as one and 63 more, so that the search for the first runs in C.
_OPERATORS = re.compile(r"[+\-*/<>=~!@#%^&|`][+\-*/<>=~!@#%^&|`]{63}")
_QUADRATIC: Final = 1_000
_PUNCTUATION = re.compile(r"[(),;=]|\bset\b|[^\s(),;=]+", re.IGNORECASE)


def refuse_early(text: str, limits: Limits) -> Finding | None:
    """What is wrong with `text` before the parser sees it, or None. Linear in its length."""
    if len(text) > limits.max_bytes:
        return _over(f"the text is longer than {limits.max_bytes} bytes; send it in smaller statements")
    if "\x00" in text:
        # The parser would read only what stands before it (sql.md 1).
        at = text.index("\x00")
        return Finding(
            code=FindingCode.MALFORMED,
            message="a NUL character cannot be part of a statement; remove it",
            span=(at, at + 1),
        )
    if _nesting(text) > limits.max_comment_run:
        return _over(f"more than {limits.max_comment_run} comments are opened inside each other; remove them")
    return None


def refuse_copies(shape: str, limits: Limits) -> Finding | None:
    """Refuse a text whose multiple assignments would be copied beyond `max_copies` characters of tree.

    `shape` is the text without literals and comments, so that punctuation is what it seems.
    """
    if ") =" not in shape and ")=" not in shape:
        return None
    if not _SET.search(shape):
        return None
    worst = max(_copies(piece) * len(piece) for piece in shape.split(";"))
    if worst > limits.max_copies:
        return _over("multiple-column assignments are nested or too wide; assign the columns one by one")
    return None


def refuse_chains(shape: str, limits: Limits) -> Finding | None:
    """Refuse an expression, join or union so long that the parser would overflow its stack on it."""
    if len(shape) <= _QUADRATIC:
        return None
    if _OPERATORS.search(shape):
        return _over("more than 63 signs of operators stand in a row; put blanks between them")
    if len(shape) <= limits.max_chain:
        return None
    if len(_CHAINED.findall(shape)) * 2 > limits.max_chain or _longest_chain(shape) > limits.max_chain:
        return _over("one expression has too many operators in a row; split it up")
    return None


def _longest_chain(shape: str) -> int:
    """Characters of the longest expression between what ends one, those inside brackets counted for themselves."""
    longest = length = last = 0
    outer: list[int] = []
    for match in _BREAK.finditer(shape):
        token = match[0]
        length += match.start() - last
        last = match.end()
        longest = max(longest, length)
        if token in "([":
            outer.append(length)
            length = 0
        elif token in ")]":
            length = outer.pop() if outer else 0
        else:
            length = 0
    return max(longest, length + len(shape) - last)


def _nesting(text: str) -> int:
    """The deepest nesting that comment openers can reach, quotes disregarded."""
    if text.count("/*") < 2:
        return 0
    depth = deepest = 0
    for match in _OPENER_OR_CLOSER.finditer(text):
        depth = depth + 1 if match[0] == "/*" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def _copies(piece: str) -> int:
    """The product of the widths of all column lists that are assigned to as one: `set (a, b) = ...`."""
    product = 1
    opened: list[tuple[bool, int]] = []
    width = 0
    before = ""
    assigned = False
    for match in _PUNCTUATION.finditer(piece):
        token = match[0].lower()
        if token == "(":
            opened.append((before in {"set", ","}, width))
            width = 1
        elif token == ",":
            width += 1
        elif token == ")" and opened:
            assigned, outer = opened.pop()
            closed, width = width, outer
        elif token == "=" and before == ")" and assigned:
            product *= closed
            if product > 1_000_000:
                return product
        before = token
    return product


def _over(message: str) -> Finding:
    return Finding(code=FindingCode.OVER_LIMIT, message=message)
