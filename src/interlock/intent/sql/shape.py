"""A statement without its literals: what may be written down about a text that may hold secrets.

libpg_query's own normalisation leaves literals in COPY options, COMMENT, DEFAULT, EXECUTE, FDW options and most other
utility statements, and keeps comments. This scrubs every literal token wherever it stands (PostgreSQL docs 4.1);
`tests/intent/sql/test_shape.py` holds it against the tokens of the real scanner.
"""

import re
from hashlib import blake2b
from typing import Final

_NAMED = r"[\w$\x80-\U0010ffff]"  # what makes the characters behind it part of a name
_BLANK = r"[ \t\n\r\f\v]"
_STRING = r"[^']*+(?:''[^']*+)*+(?:'|\Z)"
_STRINGS = rf"{_STRING}(?:[ \t\f\v]*+[\n\r]{_BLANK}*+'{_STRING})*+"  # with its continuations
_NUMBERS = (
    rf"(?<=[0-9])(?<!{_NAMED}.)[\d_]*+(?:(?=[.eExXoObB])"
    r"(?:(?<=0)(?<![\d_].)[xXoObB][\da-fA-F_]++|(?:\.(?!\.)[\d_]*+)?(?:[eE][+-]?\d[\d_]*+)?))?"
)
# The literals of a text without comments, backslashes and dollar quotes. It begins with one class of characters, so
# that the search for literals runs in C: what was found then looks back.
_PREFIX = rf"(?:(?<=')|(?<=[eEnNbBxX])(?<!{_NAMED}.)'|(?<=[uU])(?<!{_NAMED}.)&')"
_LITERAL = rf"['0-9eEnNbBxXuU](?:{_PREFIX}{_STRINGS}|{_NUMBERS})"
_PLAIN_LITERAL: Final = re.compile(_LITERAL)
# The same without the letters in front of a string, which few texts have: the search stops far less often.
_BARE_LITERAL: Final = re.compile(rf"['0-9](?:(?<='){_STRINGS}|{_NUMBERS})")
_BARE_NUMBER: Final = re.compile(rf"[0-9]{_NUMBERS}")
_MARK: Final = "\x00"  # stands in no text that may be parsed
_PREFIXED: Final = re.compile(rf"{_MARK}(?<=[eEnNbBxX&]{_MARK})")
_NAME_OR_LITERAL: Final = re.compile(rf'("[^"]*+(?:""[^"]*+)*+(?:"|\Z))|{_LITERAL}')
_DOLLAR_QUOTE: Final = re.compile(r"\$(?!\d)")
# One character class, so that the search between literals runs in C.
_INTERESTING = re.compile(r"['\"$0-9/\-]")
_NUMBER = re.compile(r"0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?)(?:[eE][+-]?\d[\d_]*)?")
_PLAIN = re.compile(r"'[^']*(?:''[^']*)*'")
_ESCAPED = re.compile(r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'", re.DOTALL)
# Possessive: `----` is one comment, never two, or a row of dashes is tried in every way to cut it.
_CONTINUED = re.compile(r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:\s|--[^\n\r]*+[\n\r])*+(?=')")
_QUOTED_NAME = re.compile(r'"[^"]*(?:""[^"]*)*"')
_TAG = re.compile(r"\$(?:[^\W\d]\w*)?\$")
_PARAMETER = re.compile(r"\$[0-9]+")
_REST_OF_NAME = re.compile(r"[\w$]+")
_LINE = re.compile(r"[^\n\r]*")
_COMMENT = re.compile(r"/\*|\*/")


def shape_of(text: str) -> str:
    """`text` with each literal replaced by `?`, comments dropped and white space reduced to blanks."""
    if "--" in text or "/*" in text or "\\" in text or ("$" in text and _DOLLAR_QUOTE.search(text)):
        found = _piece_by_piece(text)
    elif '"' in text:
        found = _NAME_OR_LITERAL.sub(lambda match: match[1] or "?", text)
    elif "'" not in text:
        found = _BARE_NUMBER.sub("?", text)
    else:
        found = _BARE_LITERAL.sub(_MARK, text)
        found = _PLAIN_LITERAL.sub("?", text) if _PREFIXED.search(found) else found.replace(_MARK, "?")
    # White space other than blanks is not printable.
    return found.strip() if "  " not in found and found.isprintable() else " ".join(found.split())


def literals_of(text: str) -> tuple[str, ...]:
    """The literals that `shape_of` replaces, as they are written and in order."""
    found: list[str] = []
    _piece_by_piece(text, found)
    return tuple(found)


def _piece_by_piece(text: str, literals: list[str] | None = None) -> str:
    """`text` with each literal replaced by `?` and each comment by a blank, however they are written."""
    parts: list[str] = []
    found = [] if literals is None else literals
    last = at = 0
    search = _INTERESTING.search
    while (match := search(text, at)) is not None:
        start = match.start()
        token = match[0]
        if token == "'":
            begin, at = _string(text, start)
            parts += (text[last:begin], "?")
            found.append(text[begin:at])
        elif token == '"':
            at = _end(_QUOTED_NAME, text, start)
            continue
        elif token == "$" or token.isdigit():
            if _in_name(text, start) and not start == last > 0:
                at = _end(_REST_OF_NAME, text, start)
                continue
            if (parameter := _PARAMETER.match(text, start)) is not None:
                at = parameter.end()
                parts.append(text[last:at])  # a dollar quote may follow at once
                last = at
                continue
            end = _value(text, start, token)
            if end < 0:
                at = _end(_REST_OF_NAME, text, start)
                continue
            at = end
            parts += (text[last:start], "?")
            found.append(text[start:end])
        elif text.startswith("--", start):
            at = _end(_LINE, text, start)
            parts += (text[last:start], " ")
        elif text.startswith("/*", start):
            at = _end_of_comment(text, start + 2)
            parts += (text[last:start], " ")
        else:
            at = start + 1
            continue
        last = at
    parts.append(text[last:])
    return "".join(parts)


def fingerprint_of(shape: str) -> str:
    """Sixteen hexadecimal digits that name a shape."""
    return blake2b(shape.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _in_name(text: str, at: int) -> bool:
    """Whether the character before `at` makes what follows part of a name."""
    before = text[at - 1] if at else " "
    return before.isalnum() or before in "_$" or before > "\x7f"


def _string(text: str, quote: int) -> tuple[int, int]:
    """Where a string literal begins, its prefix included, and where it ends with its continuations."""
    begin, pattern = quote, _PLAIN
    prefix = text[quote - 1 : quote]
    if prefix and prefix in "eEnNbBxX" and not _in_name(text, quote - 1):
        begin = quote - 1
        pattern = _ESCAPED if prefix in "eE" else _PLAIN
    elif prefix == "&" and text[quote - 2 : quote - 1] in ("u", "U") and not _in_name(text, quote - 2):
        begin = quote - 2
    end = _end(pattern, text, quote)
    while (gap := _CONTINUED.match(text, end)) is not None:
        end = _end(pattern, text, gap.end())
    return begin, end


def _value(text: str, start: int, token: str) -> int:
    """The end of a number or of a dollar-quoted text; -1 for a dollar that begins neither."""
    if token != "$":
        return _end(_NUMBER, text, start)
    tag = _TAG.match(text, start)
    if tag is None:
        return -1
    close = text.find(tag[0], tag.end())
    return len(text) if close < 0 else close + len(tag[0])


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where the match at `start` ends; the end of the text where it is never closed."""
    match = pattern.match(text, start)
    return len(text) if match is None else max(match.end(), start + 1)


def _end_of_comment(text: str, at: int) -> int:
    """Where the block comment that was opened just before `at` ends; block comments nest."""
    depth = 1
    for match in _COMMENT.finditer(text, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)
