"""Texts already understood, by exact text: `WHERE true` and `WHERE false` share a fingerprint."""

from weakref import WeakKeyDictionary

from interlock.intent.sql.catalog import Catalog
from interlock.intent.sql.statement import Statement
from interlock.model import FindingCode


class Known:
    """What is remembered for one catalogue, search_path and user: at most `entries` texts of at most `longest`
    characters. What depends on the session's prepared statements or cursors is never kept."""

    __slots__ = ("_entries", "_longest", "_texts", "get")

    def __init__(self, entries: int, longest: int) -> None:
        self._entries, self._longest = entries, longest
        self._texts: dict[str, tuple[Statement, ...]] = {}
        self.get = self._texts.get

    def keep(self, text: str, statements: tuple[Statement, ...]) -> None:
        """Remember what `understand` said; the oldest text makes room."""
        if len(text) > self._longest or any(map(_depends, statements)):
            return
        if len(self._texts) >= self._entries:
            del self._texts[next(iter(self._texts))]
        self._texts[text] = statements


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


def _depends(statement: Statement) -> bool:
    """Whether its meaning came from, or waits for, what the session has named."""
    return statement.inner is not None or any(f.code is FindingCode.DYNAMIC for f in statement.intent.findings)
