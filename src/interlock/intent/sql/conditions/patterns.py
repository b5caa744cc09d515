"""Patterns that match any text: `LIKE '%'`, `~ '.*'`, `^@ ''`; of regular expressions only the plainest."""

from interlock.intent.sql.tree import Node, constant

# Operators, and whether they ask for a match or for none.
PATTERNS = {
    "~~": True, "~~*": True, "!~~": False, "!~~*": False, "~": True, "~*": True, "!~": False, "!~*": False, "^@": True,
}  # fmt: skip
_EVERYTHING = frozenset({"", ".*", "^", "$", "^.*", ".*$", "^.*$", "(.*)", "^(.*)$"})


def matches(operator: str, pattern: Node | None) -> bool | None:
    """What `text operator pattern` is for any text whatever; None where it depends on the text."""
    written = constant(pattern)
    if not isinstance(written, str):
        return None
    if operator == "^@":
        everything = not written
    elif "~~" in operator:
        everything = written.strip("%") == "" and written != ""
    else:
        everything = written in _EVERYTHING
    return PATTERNS[operator] if everything else None
