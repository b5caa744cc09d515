"""Regular expressions that keep a server busy by themselves: back references in a row, bounds inside bounds.

PostgreSQL tries every way to share a text among the groups that are referred to: with three of them a thousand
characters were not done when they were cancelled after four seconds (measured). What is repeated by numbers is copied
as often, and inside each other as often as their product says.
"""

import re
from typing import Final

from interlock.intent.sql.conditions.folding import fold
from interlock.intent.sql.queries.names import Level
from interlock.intent.sql.reach.amounts import amount
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.tree import Node, body, names, node, nodes, unwrap, within, words
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
_DEPTH: Final = 50
_LONGEST: Final = 20_000
_LAST_CHARACTER: Final = 0xD800
_REPEATING: Final = words("repeat lpad rpad")
_COMPOSING: Final = words(
    """format replace translate overlay concat concat_ws chr reverse convert_from decode encode regexp_replace
    array_to_string lower upper initcap btrim ltrim rtrim substr substring left right split_part to_hex"""
)
_NAMELESS: Final = Level(None)


def refuse_heavy(reading: Reading, pattern: Node | None, location: int) -> None:
    """Refuse a pattern that is written down and heavy, or put together of literals in a way that hides what it is.

    One that comes from a column, a parameter or a setting is not known.
    """
    if pattern is None:
        return
    text = composed(pattern)
    if text is None:
        if _hidden(pattern):
            message = "the regular expression is put together so that it cannot be read; write it down"
            reading.refuse(FindingCode.OVER_LIMIT, message, location)
        return
    references, copies = weight(text)
    if references > _MOST_REFERENCES or copies > _MOST_COPIES:
        message = "the regular expression tries too many ways to match; refer to fewer groups, and repeat less"
        reading.refuse(FindingCode.OVER_LIMIT, message, location)


def composed(pattern: Node | None, depth: int = 0) -> str | None:
    """The text that literals, `||` and the plainest functions of texts give; None where that is not known."""
    kind, inner = unwrap(pattern)
    if depth > _DEPTH or pattern is None:
        return None
    if kind == "A_Expr" and names(inner, "name")[-1:] == ("||",):
        return _joined([composed(node(inner, side), depth + 1) for side in ("lexpr", "rexpr")])
    if kind != "FuncCall":
        value = fold(_NAMELESS, pattern)
        return value if isinstance(value, str) else None
    name, listed = (names(inner, "funcname") or ("",))[-1], nodes(inner, "args")
    if name == "chr" and listed:
        code = amount(listed[0])
        return chr(int(code)) if code is not None and 0 < code < _LAST_CHARACTER else None
    texts = [composed(argument, depth + 1) for argument in listed]
    if name == "concat":
        return _joined(texts)
    if name == "repeat" and len(listed) == 2:
        times, text = amount(listed[1]), texts[0]
        if text is None or times is None or len(text) * times > _LONGEST:
            return None
        return text * int(max(times, 0))
    if None in texts or len(texts) != {"lower": 1, "upper": 1, "reverse": 1, "replace": 3}.get(name):
        return None
    known = [text or "" for text in texts]
    match name:
        case "lower" | "upper":
            return known[0].lower() if name == "lower" else known[0].upper()
        case "reverse":
            return known[0][::-1]
        case _:
            made = known[0].replace(known[1], known[2]) if known[1] else known[0]
            return made if len(made) <= _LONGEST else None


def _joined(texts: list[str | None]) -> str | None:
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(texts) and sum(map(len, known)) <= _LONGEST else None


def _hidden(pattern: Node) -> bool:
    """Whether a function makes it of nothing but literals, or repeats what it is made of."""
    called = [names(call, "funcname")[-1:] for each in within(pattern) if (call := body(each, "FuncCall")) is not None]
    if any(name and name[0] in _REPEATING for name in called):
        return True
    given = any(key in each for each in within(pattern) for key in ("ColumnRef", "ParamRef", "SubLink"))
    return not given and any(name and name[0] in _COMPOSING for name in called)


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
