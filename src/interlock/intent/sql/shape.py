"""A statement without its literals: what may be written down about a text that may hold secrets.

libpg_query's own normalisation leaves literals in COPY options, COMMENT, DEFAULT, EXECUTE, FDW options and most other
utility statements, and keeps comments. This scrubs every literal token wherever it stands;
`tests/intent/sql/test_shape.py` holds it against the tokens of the real scanner.
"""

import re
from hashlib import blake2b

# PostgreSQL 18 lexical structure (docs 4.1); names are skipped by the look-behind, not matched, for speed.
_LITERAL = r"""
      (?<![\w$])[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?:\s*\n\s*'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')*
    | (?:(?<![\w$])(?:[nNbBxX]|[uU]&))?'[^']*(?:''[^']*)*'(?:\s*\n\s*'[^']*(?:''[^']*)*')*
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | (?<![\w$])(?:0[xX][\da-fA-F_]+|0[oObB][\d_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)
"""
_TOKEN = re.compile(
    rf"""(?P<literal>{_LITERAL})|(?P<kept>"[^"]*(?:""[^"]*)*")|(?P<space>--[^\n\r]*|/\*|[^\S ]\s*|\s\s+)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


def shape_of(text: str) -> str:
    """`text` with each literal replaced by `?`, comments dropped and white space reduced to blanks."""
    parts: list[str] = []
    last = at = 0
    find = _TOKEN.search
    while (match := find(text, at)) is not None:
        start, at = match.span()
        kind = match.lastgroup
        if kind == "kept":
            continue
        parts.append(text[last:start])
        if kind != "space":
            parts.append("?")
        else:
            if text.startswith("/*", start):
                at = _end_of_comment(text, at)
            parts.append(" ")
        last = at
    parts.append(text[last:])
    return "".join(parts).strip()


def fingerprint_of(shape: str) -> str:
    """Sixteen hexadecimal digits that name a shape."""
    return blake2b(shape.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _end_of_comment(text: str, at: int) -> int:
    """Where the block comment that was opened just before `at` ends; block comments nest."""
    depth = 1
    for match in _COMMENT.finditer(text, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)
