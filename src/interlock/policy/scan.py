"""A look at policy text before Cedar's parser sees it: deep or endless text crashes the process there."""

import re
from typing import Final

# cedarpy 4.12.2 overflows its stack (SIGSEGV) at about 800 nested parentheses and somewhere below 20,000 chained
# `&&`, `+`, `.x` or `if ... else`; both measured, both far above what a person writes.
MOST_BYTES: Final = 262_144
MOST_NESTING: Final = 64
MOST_TOKENS: Final = 1_000

_TOKEN: Final = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|\w+|[^\w\s]', re.DOTALL)


def scan(text: str) -> str | None:
    """What is wrong with the size or shape of one file; None when it is safe to parse."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return f"larger than {MOST_BYTES} bytes: split it"
    depth = tokens = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.startswith("//"):
            continue
        tokens += 1
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        elif token == ";":
            tokens = 0
        if depth > MOST_NESTING:
            return f"brackets nest deeper than {MOST_NESTING} near character {match.start()}: flatten the condition"
        if tokens > MOST_TOKENS:
            return f"a policy of more than {MOST_TOKENS} words ends after character {match.start()}: split it"
    return None
