"""Any text is understood or refused, never an exception; what would be forwarded means the same when read again.

`python -m tests.fuzz.intent_sql -max_total_time=3600 <folder>` searches guided by coverage (docs/fuzzing.md);
tests/fuzz/test_intent_sql.py runs the same target over its seeds and over what hypothesis makes of them.
"""

import re
from random import Random

from interlock.intent.sql import Scope, Statement, understand
from interlock.intent.sql.parser import parse
from interlock.intent.sql.tree import Json
from tests.corpus import world
from tests.corpus.blocks import blocks
from tests.fuzz.guided import search
from tests.intent.sql import shop
from tests.intent.sql.test_corpus import CASES

FOUND = [
    b"SELECT set_config()",
    b"WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) TABLE a",
    b"SELECT * FROM (VALUES (1, 2)) AS v (a) ORDER BY a FOR UPDATE OF v",
    b"MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT DEFAULT VALUES RETURNING *",
]
SEEDS = [
    *(text.encode() for text, _ in CASES),
    *(block.text.encode() for name in ("evasions", "lookalikes") for block in blocks(world.HERE / f"{name}.txt")),
    b"",
    b"\x00",
    b"\xff\xfe",
    b"SELECT $a$ x",
    *FOUND,
]
# Words, numbers, strings and signs: what a mutation moves about, so that half of what it makes still parses.
_TOKENS = re.compile(rb"'[^']*'|\"[^\"]*\"|\$\w*\$|[\w\x80-\xff]+|\s+|::|[<>=!]+|/\*|\*/|--|.", re.DOTALL)
_PLACES = re.compile("location|stmt_len|_location")


def _scopes() -> tuple[Scope, Scope]:
    """The shop of the language's own tests, and the world of the corpora: labels, triggers, views, code."""
    (known,) = understand("PREPARE known AS UPDATE orders SET note = 'x' WHERE id = $1", shop.scope())
    (cursor,) = understand("DECLARE open_cursor CURSOR FOR SELECT email FROM customers", shop.scope())
    path = ("$user", "public", "pg_temp")
    return (
        shop.scope(prepared={"known": known}, cursors={"open_cursor": cursor}),
        Scope(catalog=world.catalog(), target="shop", search_path=path, user="app_user"),
    )


SCOPES = _scopes()


def one_input(data: bytes) -> None:
    """The target: whatever comes in, each statement has a text that can be sent and a shape that can be kept."""
    text = data.decode("utf-8", "surrogateescape")
    for scope in SCOPES:
        for statement in understand(text, scope):
            check(statement)
            if statement.intent.understood:
                check_again(statement, scope)


def check(statement: Statement) -> None:
    """What holds for any statement, understood or not."""
    statement.text.encode()
    intent = statement.intent
    if "\x00" in statement.text:
        raise AssertionError("a NUL would be forwarded")
    if not intent.understood and not intent.all_findings():
        raise AssertionError("refused without a reason")
    if not 0 <= statement.span[0] <= statement.span[1]:
        raise AssertionError(f"the statement stands nowhere: {statement.span}")
    # Quotes may stand inside quoted names alone.
    if intent.understood and "'" in intent.shape and '"' not in intent.shape:
        raise AssertionError("a literal is left in the shape")


def check_again(statement: Statement, scope: Scope) -> None:
    """The text of a statement is forwarded without the others: it must be that statement, and mean the same."""
    again = understand(statement.text, scope)
    if len(again) != 1 or again[0].intent != statement.intent or again[0].text != statement.text:
        raise AssertionError(f"read again, it means something else: {again}")
    # Comments and characters of several bytes move every place, and change nothing else.
    moved = understand(f"/* é ; */\n{statement.text}\n; -- é", scope)
    if len(moved) != 1 or meaning(moved[0]) != meaning(statement):
        raise AssertionError(f"a comment changes what it means: {moved}")
    first, second = parse(statement.text.encode()), parse(moved[0].text.encode())
    if placeless(list(first)) != placeless(list(second)):
        raise AssertionError("a comment changes how it is parsed")


def meaning(statement: Statement) -> object:
    """All that a policy decides on, without places in the text."""
    intent = statement.intent
    effects = [
        (effect.verb, effect.object, effect.reach, effect.fields, [finding.code for finding in effect.findings])
        for effect in intent.effects
    ]
    flags = (statement.writes, statement.ddl, statement.transactional, statement.held, statement.read_only)
    steering = (statement.flow, statement.name, statement.value, statement.local, statement.chain)
    return effects, intent.returns, [finding.code for finding in intent.findings], intent.understood, flags, steering


def placeless(tree: Json) -> Json:
    """A tree without what says where things stand. Not recursive: trees are deep."""
    found: list[Json] = [tree]
    for item in found:
        if isinstance(item, list):
            found += item
        elif isinstance(item, dict):
            for key in [key for key in item if _PLACES.fullmatch(key) or key.endswith("_location")]:
                del item[key]
            found += item.values()
    return tree


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Half of the time move tokens about, within a text or from one seed to another; else change bytes."""
    import atheris

    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(data, size))
    tokens = _TOKENS.findall(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(tokens))
        stop = at + random.choice((0, 0, 1, 2, 5))
        source = random.choice((tokens, _TOKENS.findall(random.choice(SEEDS))))
        start = random.randint(0, len(source))
        tokens[at:stop] = source[start : start + random.choice((0, 1, 1, 2, 5, 20))]
    return b"".join(tokens)[:size]


if __name__ == "__main__":
    search(one_input, mutate)
