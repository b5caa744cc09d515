"""Texts already understood, by exact text: `WHERE true` and `WHERE false` share a fingerprint."""

from typing import TypeVar
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.intent.sql.statement import Statement
from interlock.model import FindingCode, Intent

_Value = TypeVar("_Value")


class Known:
    """What is remembered for one catalogue, search_path and user: at most `entries` texts of at most `longest`
    characters. What depends on the session's prepared statements or cursors is never kept.

    Equal intents become one: whatever else is remembered by an intent's identity, a decision or its encoded record, is
    then remembered for every text that means the same.
    """

    __slots__ = ("_entries", "_intents", "_longest", "_texts", "get")

    def __init__(self, entries: int, longest: int) -> None:
        self._entries, self._longest = entries, longest
        self._texts: dict[str, tuple[Statement, ...]] = {}
        self._intents: dict[str, Intent] = {}  # by shape: the last one seen of each
        self.get = self._texts.get

    def keep(self, text: str, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """Remember what `understand` said; the oldest text makes room. Returns the same with intents shared."""
        if len(text) > self._longest or any(map(depends_on_names, statements)):
            return statements
        statements = tuple(map(self._share, statements))
        self._put(self._texts, text, statements)
        return statements

    def _share(self, statement: Statement) -> Statement:
        intent = statement.intent
        known = self._intents.get(intent.shape)
        if known == intent:
            return replace(statement, intent=known)
        self._put(self._intents, intent.shape, intent)
        return statement

    def _put(self, held: dict[str, _Value], key: str, value: _Value) -> None:
        if len(held) >= self._entries:
            del held[next(iter(held))]
        held[key] = value


class Memory:
    """Shared by all sessions that read by the same catalogues. A catalogue that nobody holds any more takes its
    memory with it; one with other labels is another catalogue."""

    __slots__ = ("_entries", "_known", "_longest")

    def __init__(self, *, entries: int = 4_096, longest: int = 4_096) -> None:
        self._entries, self._longest = entries, longest
        self._known: WeakKeyDictionary[Catalog, dict[tuple[tuple[str, ...], str], Known]] = WeakKeyDictionary()

    def of(self, catalog: Catalog, path: tuple[str, ...], user: str) -> Known:
        """What is remembered for those who read by this catalogue, with this search_path, as this user."""
        scenes = self._known.setdefault(catalog, {})
        known = scenes.get((path, user))
        if known is None:
            known = scenes[path, user] = Known(self._entries, self._longest)
        return known


def depends_on_names(statement: Statement) -> bool:
    """Whether a statement's meaning came from, or waits for, what the session has named."""
    return statement.inner is not None or any(f.code is FindingCode.DYNAMIC for f in statement.intent.findings)
