"""A memory of texts already understood, keyed on the exact text: `WHERE true` and `WHERE false` share a fingerprint."""

from collections import OrderedDict
from weakref import WeakKeyDictionary

from interlock.intent.sql.catalog import Catalog
from interlock.intent.sql.limits import DEFAULT_LIMITS, Limits
from interlock.intent.sql.reading import Scope
from interlock.intent.sql.statement import Statement
from interlock.intent.sql.understand import understand
from interlock.model import FindingCode

_Key = tuple[str, str, tuple[str, ...], str]


class Understanding:
    """`understand` with a memory of the last `entries` texts of each catalogue; those over `longest` are not kept.

    What depends on the session's prepared statements or cursors is never remembered. A catalogue that nobody holds
    any more takes its memory with it.
    """

    __slots__ = ("_entries", "_known", "_limits", "_longest")

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS, entries: int = 4_096, longest: int = 16_384) -> None:
        self._limits, self._entries, self._longest = limits, entries, longest
        self._known: WeakKeyDictionary[Catalog, OrderedDict[_Key, tuple[Statement, ...]]] = WeakKeyDictionary()

    def of(self, text: str, scope: Scope) -> tuple[Statement, ...]:
        """What `understand` says; the same object again for the same text in the same scope."""
        known = self._known.get(scope.catalog)
        if known is None:
            known = self._known[scope.catalog] = OrderedDict()
        key = (text, scope.target, scope.search_path, scope.user)
        found = known.get(key)
        if found is not None:
            known.move_to_end(key)
            return found
        statements = understand(text, scope, self._limits)
        if len(text) <= self._longest and not any(map(_depends, statements)):
            known[key] = statements
            if len(known) > self._entries:
                known.popitem(last=False)
        return statements


def _depends(statement: Statement) -> bool:
    """Whether its meaning came from, or waits for, what the session has named."""
    return statement.inner is not None or any(f.code is FindingCode.DYNAMIC for f in statement.intent.findings)
