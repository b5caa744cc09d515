"""Where a schema goes in front of a name, so that the target takes what the name was judged to mean (threats.md 11).

Only insertions, at places that the parse tree gives: everything else of the text stays byte for byte.
"""

import re
from functools import lru_cache
from typing import Final

from interlock.intent.sql.code.plpgsql import Opaque, Token, tokens
from interlock.intent.sql.parser import Unparsed, parse, statement_of
from interlock.intent.sql.reading import Reading
from interlock.intent.sql.statement import Flow
from interlock.intent.sql.tree import body, nodes, word, words

_PREPARE: Final = Flow.PREPARE
# What stands between DROP and the first name.
_HEAD: Final = words("table foreign view materialized index sequence concurrently")
_GLUE: Final = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$\"'" + bytes(range(128, 256))
)
_BARE: Final = re.compile(r"[a-z_][a-z0-9_]*")


def places(reading: Reading, data: bytes, start: int, *, ascii: bool) -> tuple[tuple[int, str], ...]:
    """What a reading found to qualify, as (character of the statement, what goes there); `start` is its first one.

    A statement that is not understood is not rewritten: it only runs where nothing is blocked. Nor is PREPARE: the
    target reads its body again by the search path that each EXECUTE finds, and so do we.
    """
    if not reading.places or not reading.understood or reading.flow is _PREPARE:
        return ()
    listed = sorted(reading.places.items()) if len(reading.places) > 1 else list(reading.places.items())
    if ascii:
        return tuple([(location - start, _prefix(data, location, schema)) for location, schema in listed])
    found: list[tuple[int, str]] = []
    at = characters = 0
    for location, schema in listed:
        characters += len(data[at:location].decode())
        at = location
        found.append((characters - start, _prefix(data, location, schema)))
    return tuple(found)


def _prefix(data: bytes, location: int, schema: str) -> str:
    """The schema and its dot; `FROM"orders"` needs a blank as well."""
    return f" {quoted(schema)}." if data[location - 1] in _GLUE else f"{quoted(schema)}."


def dropped(reading: Reading, text: str) -> tuple[tuple[int, str], ...]:
    """The same for DROP: the names stand behind the first words, or behind ON, in the order of the tree.

    () where the words are not found as the tree has them: a table that is called `if`, say.
    """
    if not reading.understood or not any(schema for _, schema in reading.dropped):
        return ()
    try:
        groups = _groups(list(tokens(text)))
    except Opaque:
        return ()
    if len(groups) != len(reading.dropped):
        return ()
    found: list[tuple[int, str]] = []
    for group, (name, schema) in zip(groups, reading.dropped, strict=True):
        if schema and len(group) == 1 and _reads_as(group[0].word, name[0]):
            found.append((group[0].start, f"{quoted(schema)}."))
        elif schema:
            return ()
    return tuple(found)


def _groups(said: list[Token]) -> list[list[Token]]:
    """The names of DROP, each as its words."""
    at = next((place for place, token in enumerate(said) if token.plain and token.word == "on"), 0) + 1
    while at < len(said) and said[at].plain and said[at].word in _HEAD:
        at += 1
    if [token.word for token in said[at : at + 2] if token.plain] == ["if", "exists"]:
        at += 2
    groups: list[list[Token]] = [[]]
    for token in said[at:]:
        if token.word == ",":
            groups.append([])
        elif not (token.plain and token.word in {"cascade", "restrict"} and groups[-1]):
            groups[-1].append(token)
    return groups


def _reads_as(written: str, name: str) -> bool:
    return written.strip('"').replace('""', '"') == name


@lru_cache(maxsize=1024)
def quoted(name: str) -> str:
    """An identifier as it is written: bare where the grammar reads it back as it is."""
    return name if _BARE.fullmatch(name) and _reads_back(name) else '"' + name.replace('"', '""') + '"'


def _reads_back(name: str) -> bool:
    try:
        (raw,) = parse(f"TABLE {name}.t".encode())
    except Unparsed:
        return False
    listed = nodes(body(statement_of(raw), "SelectStmt") or {}, "fromClause")
    return [word(body(item, "RangeVar") or {}, "schemaname") for item in listed] == [name]
