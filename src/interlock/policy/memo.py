"""A bounded memory that forgets what was used least recently."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memo(Generic[Key, Value]):
    """At most `size` values by key. Looking one up keeps it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """The value, or None when it is not (or no longer) held."""
        value = self._held.pop(key, None)
        if value is not None:
            self._held[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Hold a value, at the expense of the one that was used least recently."""
        self._held.pop(key, None)
        if len(self._held) >= self._size:
            del self._held[next(iter(self._held))]
        self._held[key] = value

    def __len__(self) -> int:
        return len(self._held)
