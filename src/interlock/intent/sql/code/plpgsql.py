"""PL/pgSQL cut into the SQL it runs: its statements and expressions as texts of their own, or a refusal to guess.

libpg_query's own reader of the language knows no types outside of two schemas and breaks its JSON on triggers, so the
few dozen words that PL/pgSQL adds to SQL are read here. Whatever is not recognised makes the body opaque.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from interlock.intent.sql.tree import words


class Opaque(Exception):
    """The body runs text that it makes up, or says something this reader does not know."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a body runs, in the order of its text; `names` are its variables, which are no columns."""

    statements: tuple[str, ...]
    names: frozenset[str]


class Token(NamedTuple):
    """A word or a sign, and where it stands."""

    word: str  # lower case; the text itself where it is no word
    plain: bool  # a word without quotes
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<dollar>\$(?:[^\W\d]\w*)?\$)
    |(?P<text>[eE]'(?:[^'\\]|\\.|'')*'|(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'|(?:[uU]&)?"(?:[^"]|"")*")
    |(?P<word>[^\W\d][\w$]*)
    |(?P<other>\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|:=|\.\.|<<|>>|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPTIONS = re.compile(r"(?:\s*#[^\n]*\n)+")
_IMPLIED = words(
    """new old found sqlstate sqlerrm tg_name tg_when tg_level tg_op tg_relid tg_relname tg_table_name tg_table_schema
    tg_nargs tg_argv tg_event tg_tag"""
)
_SILENT = words("null get close fetch move")
_QUERIES = words("select with values table insert update delete merge (")
_LEVELS = words("debug log info notice warning exception")


def tokens(body: str) -> Iterator[Token]:
    """The words and signs of SQL or PL/pgSQL, without blanks and comments. Raises Opaque."""
    at = 0
    while at < len(body):
        found = _TOKEN.match(body, at)
        if found is None:
            raise Opaque
        end, kind = found.end(), found.lastgroup
        if kind == "comment":
            end = _comment_end(body, end)
        elif kind == "dollar":
            close = body.find(found[0], end)
            if close < 0:
                raise Opaque
            end = close + len(found[0])
        if kind not in {"blank", "comment"}:
            text = body[at:end]
            if text in {"'", '"'}:
                raise Opaque
            yield Token(text.lower() if kind == "word" else text, kind == "word", at, end)
        at = end


def _comment_end(body: str, at: int) -> int:
    depth = 1
    for mark in re.finditer(r"/\*|\*/", body[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return at + mark.end()
    raise Opaque


def read(body: str) -> Script:
    """The statements of a PL/pgSQL body. Raises Opaque where one is not known from the text alone."""
    options = _OPTIONS.match(body)
    reader = _Reader(body[options.end() :] if options is not None else body)
    reader.block()
    return Script(statements=tuple(reader.found), names=frozenset(reader.names) | _IMPLIED)


class _Reader:
    """Goes through a body once; blocks need no stack, since their words stand for themselves."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._tokens = list(tokens(body))
        self._at = 0
        self.found: list[str] = []
        self.names: set[str] = set()

    def block(self) -> None:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            handler = _WORDS.get(token.word) if token.plain and not self._assigned() else None
            if token.word == "<<":
                self._until(">>")
            elif token.word == ";":
                self._at += 1
            elif handler is not None:
                self._at += 1
                handler(self)
            else:
                self._statement()

    def _assigned(self) -> bool:
        """A variable may be called like a word of the language; then an assignment follows."""
        return self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].word in {":=", "=", "[", "."}

    def _until(self, *ends: str, keep: bool = False) -> list[Token]:
        """The tokens before one of `ends`, which stands outside of brackets and CASE; it is passed unless kept."""
        first, depth, cases = self._at, 0, 0
        for at in range(first, len(self._tokens)):
            word = self._tokens[at].word
            if not depth and not cases and word in ends:
                self._at = at if keep else at + 1
                return self._tokens[first:at]
            depth += (word in {"(", "["}) - (word in {")", "]"})
            cases += (word == "case") - (word == "end" and cases > 0)
        if ends != (";",):
            raise Opaque
        self._at = len(self._tokens)
        return self._tokens[first:]

    def _text(self, tokens: list[Token]) -> str:
        return self._body[tokens[0].start : tokens[-1].end] if tokens else ""

    def _expression(self, tokens: list[Token]) -> None:
        if tokens:
            self.found.append(f"SELECT {self._text(tokens)}")

    def _query(self, tokens: list[Token]) -> None:
        if not tokens or tokens[0].word == "execute":
            raise Opaque
        self.found.append(self._without_into(tokens))

    def _without_into(self, tokens: list[Token]) -> str:
        """A statement whose `INTO variables` is the language's own, not SQL's."""
        depth = 0
        for at, token in enumerate(tokens):
            depth += (token.word in {"(", "["}) - (token.word in {")", "]"})
            if depth or token.word != "into" or not token.plain or tokens[at - 1].word in {"insert", "merge"}:
                continue
            end = at + 1 + (at + 1 < len(tokens) and tokens[at + 1].word == "strict")
            while True:
                end = _path_end(tokens, end)
                if end >= len(tokens) or tokens[end].word != ",":
                    break
                end += 1
            return f"{self._text(tokens[:at])} {self._text(tokens[end:])}"
        return self._text(tokens)

    def _statement(self) -> None:
        tokens = self._until(";")
        end = _path_end(tokens, 0) if tokens[0].word not in _QUERIES else 0
        if 0 < end < len(tokens) and tokens[end].word in {":=", "="}:
            self._expression(tokens[end + 1 :])
            for at in range(end):
                if tokens[at].word == "[":
                    self._expression(tokens[at + 1 : end - 1])
        elif tokens[0].plain or tokens[0].word == "(":
            self.found.append(self._without_into(tokens))
        else:
            raise Opaque

    def declare(self) -> None:
        while self._at < len(self._tokens) and self._tokens[self._at].word != "begin":
            tokens = self._until(";")
            if not tokens:
                raise Opaque
            self.names.add(_name(tokens[0]))
            said = [token.word for token in tokens]
            if "cursor" in said[1:4]:
                start = next((at for at, word in enumerate(said) if word in {"for", "is"} and at > 1), 0)
                self.names.update(_name(token) for token in tokens[1:start])
                self._query(tokens[start + 1 :])
            elif "alias" not in said[1:2]:
                self._variable(tokens, said)

    def _variable(self, tokens: list[Token], said: list[str]) -> None:
        value = next((at for at, word in enumerate(said) if word in {":=", "=", "default"}), len(said))
        self._expression(tokens[value + 1 :])
        first = 2 if said[1:2] == ["constant"] else 1
        last = next((at for at in range(first, value) if said[at] in {"not", "collate"}), value)
        if first >= last:
            raise Opaque
        if "%" not in said[first:last]:
            self.found.append(f"SELECT NULL::{self._text(tokens[first:last])}")

    def end(self) -> None:
        self._until(";")

    def nothing(self) -> None:
        """BEGIN, ELSE, LOOP, EXCEPTION: what follows are statements."""

    def condition(self) -> None:
        self._expression(self._until("then"))

    def case(self) -> None:
        self._expression(self._until("when", keep=True))

    def while_(self) -> None:
        self._expression(self._until("loop"))

    def for_(self) -> None:
        self.names.update(_name(token) for token in self._until("in"))
        tokens = self._until("loop")
        said = [token.word for token in tokens]
        if ".." in said:
            middle = said.index("..")
            first = 1 if said[:1] == ["reverse"] else 0
            by = said.index("by") if "by" in said else len(said)
            for part in (tokens[first:middle], tokens[middle + 1 : by], tokens[by + 1 :]):
                self._expression(part)
        elif said and said[0] in _QUERIES:
            self._query(tokens)
        elif len(tokens) != 1 or not tokens[0].plain:
            raise Opaque

    def foreach(self) -> None:
        self.names.update(_name(token) for token in self._until("array"))
        self._expression(self._until("loop"))

    def leave(self) -> None:
        tokens = self._until(";")
        when = next((at for at, token in enumerate(tokens) if token.word == "when"), len(tokens))
        self._expression(tokens[when + 1 :])

    def return_(self) -> None:
        tokens = self._until(";")
        said = [token.word for token in tokens[:2]]
        if said[:1] == ["query"]:
            self._query(tokens[1:])
        else:
            self._expression(tokens[1:] if said[:1] == ["next"] else tokens)

    def raise_(self) -> None:
        """A level, a format or a condition, values, and USING option = value."""
        tokens = self._until(";")
        if tokens and tokens[0].word in _LEVELS:
            tokens = tokens[1:]
        for at, part in enumerate(_parts(tokens, {",", "using"})):
            option = 1 if len(part) > 1 and part[1].word in {"=", ":="} else -1
            condition = not at and part and part[0].plain and (len(part) == 1 or part[0].word == "sqlstate")
            if condition and option < 0:
                continue
            self._expression(part[option + 1 :])

    def perform(self) -> None:
        tokens = self._until(";")
        if not tokens:
            raise Opaque
        self.found.append(f"SELECT {self._text(tokens)}")

    def open(self) -> None:
        tokens = self._until(";")
        said = [token.word for token in tokens]
        if "for" in said:
            self._query(tokens[said.index("for") + 1 :])
        elif len(tokens) != 1:
            raise Opaque

    def assert_(self) -> None:
        self._expression(self._until(";"))

    def skip(self) -> None:
        self._until(";")

    def opaque(self) -> None:
        raise Opaque


def _name(token: Token) -> str:
    return token.word.strip('"')


def _path_end(tokens: list[Token], at: int) -> int:
    """Behind `name.name[...]`; `at` itself where there is none."""
    named = False
    while at < len(tokens):
        word = tokens[at].word
        if not named and (tokens[at].plain or word.startswith('"')):
            named, at = True, at + 1
        elif named and word == ".":
            named, at = False, at + 1
        elif named and word == "[":
            depth = 0
            while at < len(tokens):
                depth += (tokens[at].word == "[") - (tokens[at].word == "]")
                at += 1
                if not depth:
                    break
        else:
            break
    return at


def _parts(tokens: list[Token], separators: set[str]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.word in {"(", "["}) - (token.word in {")", "]"})
        if not depth and token.word in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


_WORDS: dict[str, Callable[[_Reader], None]] = {
    "declare": _Reader.declare,
    "begin": _Reader.nothing,
    "exception": _Reader.nothing,
    "else": _Reader.nothing,
    "loop": _Reader.nothing,
    "end": _Reader.end,
    "if": _Reader.condition,
    "elsif": _Reader.condition,
    "elseif": _Reader.condition,
    "when": _Reader.condition,
    "case": _Reader.case,
    "while": _Reader.while_,
    "for": _Reader.for_,
    "foreach": _Reader.foreach,
    "exit": _Reader.leave,
    "continue": _Reader.leave,
    "return": _Reader.return_,
    "raise": _Reader.raise_,
    "perform": _Reader.perform,
    "open": _Reader.open,
    "assert": _Reader.assert_,
    "execute": _Reader.opaque,
    "commit": _Reader.opaque,
    "rollback": _Reader.opaque,
    **dict.fromkeys(_SILENT, _Reader.skip),
}
